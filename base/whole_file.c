#include "base/whole_file.h"

#include <errno.h>
#include <stdlib.h>

#define STEP_BYTES 65536

char *whole_stream(FILE *file, size_t max, size_t *len)
{
    char *bytes = NULL;
    size_t room = 0;
    for (*len = 0; *len == room && room <= max;) {
        room = room ? 2 * room : STEP_BYTES;
        bytes = realloc(bytes, room + 1);
        if (!bytes)
            abort();
        *len += fread(bytes + *len, 1, room - *len, file);
    }
    if (!ferror(file) && *len <= max) {
        bytes[*len] = 0;
        return bytes;
    }
    if (!ferror(file))
        errno = EFBIG;
    free(bytes);
    return NULL;
}

char *whole_file(const char *path, size_t max, size_t *len)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    char *bytes = whole_stream(file, max, len);
    const int why = errno;
    fclose(file);
    errno = why;
    return bytes;
}
