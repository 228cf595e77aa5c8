// Hexadecimal text <-> bytes. Any thread.
#ifndef GANTRY_BASE_HEX_H
#define GANTRY_BASE_HEX_H

#include "base/bytes.h"

// Writes 2*len lower-case digits (no prefix, no NUL).
void hex_encode(char *out, const void *in, size_t len);

// Decodes exactly text_len digits, with or without 0x, into out (capacity cap bytes).
// Returns the number of bytes, or -1: odd length, a character that is no digit, or more than cap bytes.
MUST_CHECK ptrdiff_t hex_decode(uint8_t *out, size_t cap, const char *text, size_t text_len);

#endif
