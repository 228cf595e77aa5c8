// Reading the values of a genesis: each is false after a message that names the place. For the genesis parser's files.
#ifndef GANTRY_CHAIN_GENESIS_JSON_H
#define GANTRY_CHAIN_GENESIS_JSON_H

#include "base/hex.h"
#include "chain/genesis.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

// Writes the message and is false, so that a check reads `return refuse(...)`.
__attribute__((format(printf, 2, 3))) static inline bool refuse(char *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, GENESIS_ERROR_MAX, format, args);
    va_end(args);
    return false;
}

// Numbers are JSON integers or strings, decimal or 0x-hexadecimal. A missing one leaves *out as it was.
static inline bool read_number(u256 *out, const json_t *object, const char *key, const char *place, char *error)
{
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value))
        return true;
    if (json_is_integer(value)) {
        if (json_integer_value(value) < 0)
            return refuse(error, "%s%s: a negative number", place, key);
        *out = u256_from_u64((uint64_t)json_integer_value(value));
        return true;
    }
    if (!json_is_string(value) || !u256_parse(out, json_string_value(value), json_string_length(value)))
        return refuse(error, "%s%s: not a number of at most 256 bits (decimal or 0x-hexadecimal)", place, key);
    return true;
}

static inline bool read_u64(uint64_t *out, const json_t *object, const char *key, const char *place, uint64_t min,
                            uint64_t max, char *error)
{
    u256 value = u256_from_u64(*out);
    if (!read_number(&value, object, key, place, error))
        return false;
    if (!u256_fits_u64(&value) || value.w[0] < min || value.w[0] > max)
        return refuse(error, "%s%s: must be between %llu and %llu", place, key, (unsigned long long)min,
                      (unsigned long long)max);
    *out = value.w[0];
    return true;
}

// Hexadecimal bytes: exactly len of them. A missing key leaves *out as it was.
static inline bool read_bytes(uint8_t *out, size_t len, const json_t *object, const char *key, char *error)
{
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value))
        return true;
    if (!json_is_string(value) ||
        hex_decode(out, len, json_string_value(value), json_string_length(value)) != (ptrdiff_t)len)
        return refuse(error, "%s: not %zu hexadecimal bytes", key, len);
    return true;
}

// config.gantry's keys of a cluster, defaults for those that are not there; gantry NULL: none is. After chain id, fee
// rules and extra data.
MUST_CHECK bool read_cluster(struct genesis *g, const json_t *gantry, char *error);
bool is_cluster_key(const char *key);

#endif
