// The official RLP vectors (ethereum/tests, RLPTests): encodings of given values, and encodings to be refused.
#include "base/hex.h"
#include "base/rlp.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

#define DEPTH_MAX 1024

static json_t *load_vectors(const char *file)
{
    char *path = vectors_path("misc-public", file);
    if (!path)
        cr_skip_test("no vectors");
    json_error_t error;
    json_t *json = json_load_file(path, JSON_ALLOW_NUL, &error);
    cr_assert_not_null(json, "%s: %s", path, error.text);
    free(path);
    return json;
}

static struct bytes string_view(const json_t *json)
{
    return bytes_of(json_string_value(json), json_string_length(json));
}

// A string that begins with # is a decimal number. Only the vectors' 2^256 does not fit; it is left to its own test.
static bool big_number(const json_t *json, u256 *out)
{
    struct bytes text = string_view(json);
    return text.len > 0 && text.ptr[0] == '#' && u256_parse(out, (const char *)text.ptr + 1, text.len - 1);
}

static size_t size_of(const json_t *json)
{
    u256 number;
    if (json_is_integer(json))
        return rlp_size_u64((uint64_t)json_integer_value(json));
    if (json_is_string(json))
        return big_number(json, &number) ? rlp_size_u256(&number) : rlp_size_string(string_view(json));
    size_t payload = 0, i;
    json_t *item;
    json_array_foreach(json, i, item) payload += size_of(item);
    return rlp_size_list(payload);
}

static uint8_t *put(uint8_t *p, const json_t *json)
{
    u256 number;
    if (json_is_integer(json))
        return rlp_put_u64(p, (uint64_t)json_integer_value(json));
    if (json_is_string(json))
        return big_number(json, &number) ? rlp_put_u256(p, &number) : rlp_put_string(p, string_view(json));
    size_t payload = 0, i;
    json_t *item;
    json_array_foreach(json, i, item) payload += size_of(item);
    p = rlp_put_list(p, payload);
    json_array_foreach(json, i, item) p = put(p, item);
    return p;
}

// Takes the value apart with the typed reads and compares it with the vector's.
static void check_decoding(struct bytes *in, const json_t *json, const char *name)
{
    u256 number, wanted;
    struct bytes view;
    if (json_is_array(json)) {
        size_t i;
        json_t *item;
        cr_assert_eq(rlp_read_list(in, &view), RLP_OK, "%s", name);
        json_array_foreach(json, i, item) check_decoding(&view, item, name);
        cr_assert_eq(rlp_done(view), RLP_OK, "%s", name);
    } else if (json_is_integer(json)) {
        uint64_t value;
        cr_assert_eq(rlp_read_u64(in, &value), RLP_OK, "%s", name);
        cr_assert_eq(value, (uint64_t)json_integer_value(json), "%s", name);
    } else if (big_number(json, &wanted)) {
        cr_assert_eq(rlp_read_u256(in, &number), RLP_OK, "%s", name);
        cr_assert(u256_equal(&number, &wanted), "%s", name);
    } else {
        cr_assert_eq(rlp_read_string(in, &view), RLP_OK, "%s", name);
        cr_assert(bytes_equal(view, string_view(json)), "%s", name);
    }
}

static struct bytes decode_hex(const json_t *vector)
{
    struct bytes text = string_view(json_object_get(vector, "out"));
    uint8_t *out = malloc(text.len + 1);
    ptrdiff_t len = hex_decode(out, text.len + 1, (const char *)text.ptr, text.len);
    cr_assert_geq(len, 0);
    // Moved to the very end of its block, so that the sanitizer sees any reading past it.
    uint8_t *exact = malloc(len ? (size_t)len : 1);
    memcpy(exact, out, (size_t)len);
    free(out);
    return bytes_of(exact, (size_t)len);
}

Test(rlp_vectors, valid_values_encode_and_decode_as_published)
{
    json_t *json = load_vectors("ethereum-tests/RLPTests/rlptest.json"), *vector;
    const char *name;
    int checked = 0;
    json_object_foreach(json, name, vector)
    {
        struct bytes expected = decode_hex(vector), in = expected;
        const json_t *value = json_object_get(vector, "in");
        cr_assert_eq(rlp_validate(expected, DEPTH_MAX), RLP_OK, "%s", name);
        if (strcmp(name, "bigint") == 0) { // 2^256
            u256 number;
            cr_assert_eq(rlp_read_u256(&in, &number), RLP_TOO_LARGE);
            cr_assert_not(big_number(value, &number));
        } else {
            cr_assert_eq(size_of(value), expected.len, "%s", name);
            uint8_t *out = malloc(expected.len);
            cr_assert_eq(put(out, value), out + expected.len, "%s", name);
            cr_assert_arr_eq(out, expected.ptr, expected.len, "%s", name);
            free(out);
            check_decoding(&in, value, name);
            cr_assert_eq(rlp_done(in), RLP_OK);
        }
        free((void *)expected.ptr);
        checked++;
    }
    cr_assert_eq(checked, 28);
    json_decref(json);
}

Test(rlp_vectors, invalid_encodings_are_refused)
{
    json_t *json = load_vectors("ethereum-tests/RLPTests/invalidRLPTest.json"), *vector;
    const char *name;
    int checked = 0;
    json_object_foreach(json, name, vector)
    {
        struct bytes in = decode_hex(vector);
        cr_assert_neq(rlp_validate(in, DEPTH_MAX), RLP_OK, "%s", name);
        free((void *)in.ptr);
        checked++;
    }
    cr_assert_eq(checked, 26);
    json_decref(json);
}

Test(rlp_vectors, the_random_example_is_accepted)
{
    json_t *json = load_vectors("ethereum-tests/RLPTests/RandomRLPTests/example.json"), *vector;
    const char *name;
    json_object_foreach(json, name, vector)
    {
        struct bytes in = decode_hex(vector);
        cr_assert_eq(rlp_validate(in, DEPTH_MAX), RLP_OK, "%s", name);
        free((void *)in.ptr);
    }
    json_decref(json);
}
