// Reading hexadecimal text of test vectors.
#ifndef GANTRY_TESTS_CHAIN_JSON_HEX_H
#define GANTRY_TESTS_CHAIN_JSON_HEX_H

#include <jansson.h>

#include "base/u256.h"

// malloc'ed bytes of hexadecimal text; aborts with a message when it is none.
struct bytes hex_bytes(const char *text, size_t len);
// Of a member of an object; empty when it is missing.
struct bytes json_hex(const json_t *object, const char *key);
// A number of up to 256 bits, as hexadecimal text or as a JSON integer; 0 when it is missing.
u256 json_u256(const json_t *object, const char *key);
// Parses a whole file; aborts with a message when it can't.
json_t *json_of_file(const char *path);

#endif
