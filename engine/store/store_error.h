// How the store says what went wrong: one sentence in the caller's buffer.
#ifndef GANTRY_ENGINE_STORE_STORE_ERROR_H
#define GANTRY_ENGINE_STORE_STORE_ERROR_H

#include <stdbool.h>

#define STORE_ERROR_MAX 512

// Writes the message (cut when it is too long) and returns false.
__attribute__((format(printf, 2, 3))) bool store_fail(char error[STORE_ERROR_MAX], const char *format, ...);

#endif
