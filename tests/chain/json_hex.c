#include "tests/chain/json_hex.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "tests/support/vectors.h"

static void stop(const char *what, const char *text)
{
    fprintf(stderr, "%s: %.80s\n", what, text);
    abort();
}

struct bytes hex_bytes(const char *text, size_t len)
{
    uint8_t *out = malloc(len / 2 + 1);
    const ptrdiff_t got = out ? hex_decode(out, len / 2 + 1, text, len) : -1;
    if (got < 0)
        stop("not hexadecimal", text);
    return bytes_of(out, (size_t)got);
}

struct bytes json_hex(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value ? hex_bytes(json_string_value(value), json_string_length(value)) : bytes_of(NULL, 0);
}

u256 json_u256(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    u256 out = U256_ZERO;
    if (json_is_integer(value))
        return u256_from_u64((uint64_t)json_integer_value(value));
    if (value && !u256_parse(&out, json_string_value(value), json_string_length(value)))
        stop("not a number", json_string_value(value));
    return out;
}

json_t *json_of_file(const char *path)
{
    json_error_t error;
    size_t len;
    char *text = vectors_read(path, &len);
    json_t *root = json_loadb(text, len, JSON_ALLOW_NUL, &error);
    if (!root)
        stop(path, error.text);
    free(text);
    return root;
}
