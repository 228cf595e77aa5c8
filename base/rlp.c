#include "base/rlp.h"

// Header bytes: below 0x80 a byte stands for itself; SHORT + n heads a payload of n <= 55 bytes; LONG + k heads a
// payload whose length is written in the k big-endian bytes that follow.
enum { STRING_SHORT = 0x80, STRING_LONG = 0xb7, LIST_SHORT = 0xc0, LIST_LONG = 0xf7, SHORT_MAX = 55 };

// Reads the length_bytes bytes after the first byte of a long header.
static enum rlp_status read_long_length(struct bytes in, size_t length_bytes, size_t *out)
{
    if (in.len < 1 + length_bytes)
        return RLP_TRUNCATED;
    if (in.ptr[1] == 0)
        return RLP_NON_CANONICAL;
    uint64_t len = 0;
    for (size_t i = 1; i <= length_bytes; i++)
        len = len << 8 | in.ptr[i];
    if (len <= SHORT_MAX)
        return RLP_NON_CANONICAL;
    *out = len;
    return RLP_OK;
}

enum rlp_status rlp_read(struct bytes *in, struct rlp_item *out)
{
    if (in->len == 0)
        return RLP_TRUNCATED;
    uint8_t first = in->ptr[0];
    size_t header = 1, len;
    enum rlp_status status = RLP_OK;
    if (first < STRING_SHORT) {
        header = 0;
        len = 1;
    } else if (first <= STRING_LONG) {
        len = first - STRING_SHORT;
    } else if (first < LIST_SHORT) {
        header = 1 + (size_t)(first - STRING_LONG);
        status = read_long_length(*in, header - 1, &len);
    } else if (first <= LIST_LONG) {
        len = first - LIST_SHORT;
    } else {
        header = 1 + (size_t)(first - LIST_LONG);
        status = read_long_length(*in, header - 1, &len);
    }
    if (status != RLP_OK)
        return status;
    if (len > in->len - header)
        return RLP_TRUNCATED;
    if (first == STRING_SHORT + 1 && in->ptr[1] < STRING_SHORT)
        return RLP_NON_CANONICAL;

    *out = (struct rlp_item){
        .is_list = first >= LIST_SHORT,
        .payload = {in->ptr + header, len},
        .whole = {in->ptr, header + len},
    };
    *in = (struct bytes){in->ptr + header + len, in->len - header - len};
    return RLP_OK;
}

enum rlp_status rlp_read_string(struct bytes *in, struct bytes *out)
{
    struct bytes rest = *in;
    struct rlp_item item;
    enum rlp_status status = rlp_read(&rest, &item);
    if (status != RLP_OK)
        return status;
    if (item.is_list)
        return RLP_NOT_STRING;
    *out = item.payload;
    *in = rest;
    return RLP_OK;
}

enum rlp_status rlp_read_list(struct bytes *in, struct bytes *payload)
{
    struct bytes rest = *in;
    struct rlp_item item;
    enum rlp_status status = rlp_read(&rest, &item);
    if (status != RLP_OK)
        return status;
    if (!item.is_list)
        return RLP_NOT_LIST;
    *payload = item.payload;
    *in = rest;
    return RLP_OK;
}

// The big-endian digits of an integer of at most max_len bytes; zero is the empty string.
static enum rlp_status read_integer(struct bytes *in, size_t max_len, struct bytes *digits)
{
    struct bytes rest = *in;
    enum rlp_status status = rlp_read_string(&rest, digits);
    if (status != RLP_OK)
        return status;
    if (digits->len > 0 && digits->ptr[0] == 0)
        return RLP_LEADING_ZERO;
    if (digits->len > max_len)
        return RLP_TOO_LARGE;
    *in = rest;
    return RLP_OK;
}

enum rlp_status rlp_read_u64(struct bytes *in, uint64_t *out)
{
    struct bytes digits;
    enum rlp_status status = read_integer(in, sizeof *out, &digits);
    if (status != RLP_OK)
        return status;
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len; i++)
        value = value << 8 | digits.ptr[i];
    *out = value;
    return RLP_OK;
}

enum rlp_status rlp_read_u256(struct bytes *in, u256 *out)
{
    struct bytes digits;
    enum rlp_status status = read_integer(in, sizeof *out, &digits);
    if (status == RLP_OK)
        *out = u256_from_be(digits.ptr, digits.len);
    return status;
}

enum rlp_status rlp_read_fixed(struct bytes *in, void *out, size_t len)
{
    struct bytes rest = *in, string;
    enum rlp_status status = rlp_read_string(&rest, &string);
    if (status != RLP_OK)
        return status;
    if (string.len != len)
        return RLP_BAD_LENGTH;
    memcpy(out, string.ptr, len);
    *in = rest;
    return RLP_OK;
}

enum rlp_status rlp_done(struct bytes in)
{
    return in.len == 0 ? RLP_OK : RLP_TRAILING;
}

// Checks a run of items; depth_left lists may still be opened inside each other.
static enum rlp_status validate_items(struct bytes in, unsigned depth_left)
{
    while (in.len > 0) {
        struct rlp_item item;
        enum rlp_status status = rlp_read(&in, &item);
        if (status == RLP_OK && item.is_list)
            status = depth_left == 0 ? RLP_TOO_DEEP : validate_items(item.payload, depth_left - 1);
        if (status != RLP_OK)
            return status;
    }
    return RLP_OK;
}

enum rlp_status rlp_validate(struct bytes in, unsigned max_depth)
{
    struct rlp_item item;
    enum rlp_status status = rlp_read(&in, &item);
    if (status != RLP_OK)
        return status;
    status = validate_items(item.whole, max_depth);
    return status != RLP_OK ? status : rlp_done(in);
}

static size_t significant_bytes(uint64_t v)
{
    return v == 0 ? 0 : 8 - (size_t)__builtin_clzll(v) / 8;
}

static size_t size_header(size_t payload_len)
{
    return payload_len <= SHORT_MAX ? 1 : 1 + significant_bytes(payload_len);
}

size_t rlp_size_string(struct bytes s)
{
    return s.len == 1 && s.ptr[0] < STRING_SHORT ? 1 : size_header(s.len) + s.len;
}

size_t rlp_size_u64(uint64_t v)
{
    return v < STRING_SHORT ? 1 : 1 + significant_bytes(v);
}

size_t rlp_size_u256(const u256 *v)
{
    return u256_fits_u64(v) ? rlp_size_u64(v->w[0]) : 1 + (u256_bits(v) + 7) / 8;
}

size_t rlp_size_list(size_t payload_len)
{
    return size_header(payload_len) + payload_len;
}

// Big-endian, len bytes.
static uint8_t *put_be(uint8_t *p, uint64_t v, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(v >> 8 * (len - 1 - i));
    return p + len;
}

// short_base is STRING_SHORT or LIST_SHORT; the long forms begin right after the short ones.
static uint8_t *put_header(uint8_t *p, uint8_t short_base, size_t payload_len)
{
    if (payload_len <= SHORT_MAX) {
        *p++ = (uint8_t)(short_base + payload_len);
        return p;
    }
    size_t length_bytes = significant_bytes(payload_len);
    *p++ = (uint8_t)(short_base + SHORT_MAX + length_bytes);
    return put_be(p, payload_len, length_bytes);
}

uint8_t *rlp_put_string(uint8_t *p, struct bytes s)
{
    if (s.len != 1 || s.ptr[0] >= STRING_SHORT)
        p = put_header(p, STRING_SHORT, s.len);
    if (s.len > 0)
        memcpy(p, s.ptr, s.len);
    return p + s.len;
}

uint8_t *rlp_put_u64(uint8_t *p, uint64_t v)
{
    if (v != 0 && v < STRING_SHORT) {
        *p++ = (uint8_t)v;
        return p;
    }
    size_t len = significant_bytes(v);
    *p++ = (uint8_t)(STRING_SHORT + len);
    return put_be(p, v, len);
}

uint8_t *rlp_put_u256(uint8_t *p, const u256 *v)
{
    if (u256_fits_u64(v))
        return rlp_put_u64(p, v->w[0]);
    uint8_t be[32];
    u256_to_be(be, v);
    size_t len = (u256_bits(v) + 7) / 8;
    return rlp_put_string(p, bytes_of(be + 32 - len, len));
}

uint8_t *rlp_put_list(uint8_t *p, size_t payload_len)
{
    return put_header(p, LIST_SHORT, payload_len);
}
