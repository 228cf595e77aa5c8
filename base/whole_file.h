// A file's bytes at once, from whatever can be read to its end: pipes too.
#ifndef GANTRY_BASE_WHOLE_FILE_H
#define GANTRY_BASE_WHOLE_FILE_H

#include "base/bytes.h"

#include <stdio.h>

// malloc'ed, with a NUL behind them. NULL with errno: it can't be read, or has more than max bytes (EFBIG).
MUST_CHECK char *whole_file(const char *path, size_t max, size_t *len);
// What is left of one that is open.
MUST_CHECK char *whole_stream(FILE *file, size_t max, size_t *len);

#endif
