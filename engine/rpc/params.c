#include "engine/rpc/params.h"

#include "base/hex.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((format(printf, 2, 3))) static bool fail(char error[PARAM_ERROR_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, PARAM_ERROR_MAX, format, args);
    va_end(args);
    return false;
}

// "json: cannot unmarshal WHAT into Go value of type TYPE", or "... Go struct field FIELD of type TYPE".
static bool wrong(char error[PARAM_ERROR_MAX], const char *what, const char *field, const char *type)
{
    return fail(error, "json: cannot unmarshal %s into Go %s%s of type %s", what, field ? "struct field " : "value",
                field ? field : "", type);
}

static const char *kind_name(const struct jv *v)
{
    static const char *const names[] = {"null", "bool", "number", "string", "array", "object"};
    return names[jv_kind(v)];
}

static int nibble(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool has_prefix(struct bytes text)
{
    return text.len >= 2 && text.ptr[0] == '0' && (text.ptr[1] | 0x20) == 'x';
}

static bool all_digits(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (nibble(text.ptr[i]) < 0)
            return false;
    }
    return true;
}

// What is wrong with a text of bytes, NULL when nothing is; *digits are the digits without 0x.
static const char *check_data(struct bytes text, struct bytes *digits)
{
    *digits = text;
    if (text.len == 0)
        return NULL;
    if (!has_prefix(text))
        return "hex string without 0x prefix";
    *digits = bytes_of(text.ptr + 2, text.len - 2);
    return digits->len % 2 ? "hex string of odd length" : NULL;
}

// What is wrong with a number, NULL when nothing is.
static const char *check_number(struct bytes text, u256 *out)
{
    if (text.len == 0)
        return "empty hex string";
    if (!has_prefix(text))
        return "hex string without 0x prefix";
    struct bytes digits = bytes_of(text.ptr + 2, text.len - 2);
    if (digits.len == 0)
        return "hex string \"0x\"";
    if (digits.len > 1 && digits.ptr[0] == '0')
        return "hex number with leading zero digits";
    if (digits.len > 64)
        return "hex number > 256 bits";
    *out = U256_ZERO;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = nibble(digits.ptr[digits.len - 1 - i]);
        if (digit < 0)
            return "invalid hex string";
        out->w[i / 16] |= (uint64_t)digit << 4 * (i % 16);
    }
    return NULL;
}

static const char *check_number64(struct bytes text, uint64_t *out)
{
    u256 wide;
    const char *what = check_number(text, &wide);
    if (what && strcmp(what, "hex number > 256 bits") != 0)
        return what;
    if (what || !u256_fits_u64(&wide))
        return "hex number > 64 bits";
    *out = wide.w[0];
    return NULL;
}

static bool fixed(const struct jv *v, const char *field, const char *type, void *out, size_t len,
                  char error[PARAM_ERROR_MAX])
{
    if (jv_kind(v) != JV_STRING)
        return wrong(error, "non-string", field, type);
    struct bytes digits;
    const char *what = check_data(jv_text(v), &digits);
    if (what)
        return wrong(error, what, field, type);
    if (digits.len != 2 * len)
        return fail(error, "hex string has length %zu, want %zu for %s", digits.len, 2 * len, type);
    if (hex_decode(out, len, (const char *)digits.ptr, digits.len) < 0)
        return wrong(error, "invalid hex string", field, type);
    return true;
}

bool param_address(const struct jv *v, const char *field, address *out, char error[PARAM_ERROR_MAX])
{
    return fixed(v, field, "common.Address", out->b, sizeof out->b, error);
}

bool param_hash(const struct jv *v, const char *field, bytes32 *out, char error[PARAM_ERROR_MAX])
{
    return fixed(v, field, "common.Hash", out->b, sizeof out->b, error);
}

bool param_quantity(const struct jv *v, const char *field, uint64_t *out, char error[PARAM_ERROR_MAX])
{
    if (jv_kind(v) != JV_STRING)
        return wrong(error, "non-string", field, "hexutil.Uint64");
    const char *what = check_number64(jv_text(v), out);
    return what ? wrong(error, what, field, "hexutil.Uint64") : true;
}

bool param_quantity256(const struct jv *v, const char *field, u256 *out, char error[PARAM_ERROR_MAX])
{
    if (jv_kind(v) != JV_STRING)
        return wrong(error, "non-string", field, "*hexutil.Big");
    const char *what = check_number(jv_text(v), out);
    return what ? wrong(error, what, field, "*hexutil.Big") : true;
}

bool param_data(const struct jv *v, const char *field, uint8_t **out, size_t *len, char error[PARAM_ERROR_MAX])
{
    *out = NULL;
    *len = 0;
    if (jv_kind(v) != JV_STRING)
        return wrong(error, "non-string", field, "hexutil.Bytes");
    struct bytes digits;
    const char *what = check_data(jv_text(v), &digits);
    if (!what && !all_digits(digits))
        what = "invalid hex string";
    if (what)
        return wrong(error, what, field, "hexutil.Bytes");
    if (digits.len == 0)
        return true;
    *len = digits.len / 2;
    *out = malloc(*len);
    if (!*out || hex_decode(*out, *len, (const char *)digits.ptr, digits.len) < 0) {
        free(*out);
        *out = NULL;
        return fail(error, "out of memory");
    }
    return true;
}

bool param_bool(const struct jv *v, bool *out, char error[PARAM_ERROR_MAX])
{
    if (jv_kind(v) != JV_BOOL)
        return wrong(error, kind_name(v), NULL, "bool");
    *out = jv_true(v);
    return true;
}

bool param_text(const struct jv *v, struct bytes *out, char error[PARAM_ERROR_MAX])
{
    if (jv_kind(v) != JV_STRING)
        return wrong(error, kind_name(v), NULL, "string");
    *out = jv_text(v);
    return true;
}

// geth reads the slot as plain text, so that the message is its own and quotes what came.
bool param_slot(const struct jv *v, bytes32 *out, char error[PARAM_ERROR_MAX])
{
    struct bytes text;
    if (!param_text(v, &text, error))
        return false;
    struct bytes digits = has_prefix(text) ? bytes_of(text.ptr + 2, text.len - 2) : text;
    if (digits.len > 64)
        return fail(error, "storage key too long (want at most 32 bytes): \"%.*s\"",
                    (int)(text.len < 160 ? text.len : 160), (const char *)text.ptr);
    if (!all_digits(digits))
        return fail(error, "unable to decode storage key: invalid hex in storage key");
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < digits.len; i++)
        out->b[31 - i / 2] |= (uint8_t)(nibble(digits.ptr[digits.len - 1 - i]) << 4 * (i % 2));
    return true;
}

static bool tag(struct bytes text, struct block_ref *out)
{
    static const struct {
        const char *name;
        enum block_ref_kind kind;
    } tags[] = {{"latest", BLOCK_REF_LATEST},
                {"safe", BLOCK_REF_LATEST},
                {"finalized", BLOCK_REF_LATEST},
                {"pending", BLOCK_REF_PENDING},
                {"earliest", BLOCK_REF_NUMBER}};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (bytes_equal(text, bytes_of(tags[i].name, strlen(tags[i].name)))) {
            *out = (struct block_ref){.kind = tags[i].kind};
            return true;
        }
    }
    return false;
}

static bool number_or_tag(struct bytes text, struct block_ref *out, char error[PARAM_ERROR_MAX])
{
    if (tag(text, out))
        return true;
    *out = (struct block_ref){.kind = BLOCK_REF_NUMBER};
    const char *what = check_number64(text, &out->number);
    if (what)
        return fail(error, "%s", what);
    if (out->number > INT64_MAX)
        return fail(error, "block number larger than int64");
    return true;
}

bool param_block_number(const struct jv *v, struct block_ref *out, char error[PARAM_ERROR_MAX])
{
    // geth reads any JSON text here, so that a number fails for its missing 0x.
    if (jv_kind(v) != JV_STRING)
        return fail(error, "hex string without 0x prefix");
    return number_or_tag(jv_text(v), out, error);
}

static bool block_object(const struct jv *v, struct block_ref *out, char error[PARAM_ERROR_MAX])
{
    const struct jv *number = jv_get(v, "blockNumber"), *hash = jv_get(v, "blockHash");
    const struct jv *canonical = jv_get(v, "requireCanonical");
    bool required;
    if (jv_kind(number) != JV_NULL && jv_kind(hash) != JV_NULL)
        return fail(error, "cannot specify both BlockHash and BlockNumber, choose one or the other");
    if (jv_kind(canonical) != JV_NULL && !param_bool(canonical, &required, error))
        return false;
    if (jv_kind(number) != JV_NULL)
        return param_block_number(number, out, error);
    if (jv_kind(hash) == JV_NULL)
        return fail(error, "neither blockHash nor blockNumber is given");
    out->kind = BLOCK_REF_HASH;
    return param_hash(hash, "erased.blockHash", &out->hash, error);
}

bool param_block(const struct jv *v, struct block_ref *out, char error[PARAM_ERROR_MAX])
{
    *out = (struct block_ref){0};
    if (jv_kind(v) == JV_OBJECT)
        return block_object(v, out, error);
    if (jv_kind(v) != JV_STRING)
        return wrong(error, kind_name(v), NULL, "string");
    struct bytes text = jv_text(v);
    if (text.len == 66) {
        out->kind = BLOCK_REF_HASH;
        return param_hash(v, NULL, &out->hash, error);
    }
    return number_or_tag(text, out, error);
}

bool param_count(const struct jv *v, uint64_t *out, char error[PARAM_ERROR_MAX])
{
    int64_t number;
    if (jv_integer(v, &number)) {
        *out = (uint64_t)number;
        return number >= 0 ? true : fail(error, "hex string without 0x prefix");
    }
    struct bytes text = jv_text(v);
    u256 wide;
    if (text.len > 0 && !has_prefix(text) && u256_parse(&wide, (const char *)text.ptr, text.len) &&
        u256_fits_u64(&wide)) {
        *out = wide.w[0];
        return true;
    }
    const char *what = check_number64(text, out);
    return what ? fail(error, "%s", what) : true;
}
