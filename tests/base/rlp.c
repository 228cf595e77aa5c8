#include "base/rlp.h"

#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct input {
    const char *bytes;
    size_t len;
};
#define IN(text)                                                                                                       \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

// Reading must leave the view and the result alone when it fails.
#define ASSERT_READ_FAILS(call, in, out, expected)                                                                     \
    do {                                                                                                               \
        struct bytes before_in = (in);                                                                                 \
        memset(&(out), 0x5a, sizeof(out));                                                                             \
        uint8_t before_out[sizeof(out)];                                                                               \
        memcpy(before_out, &(out), sizeof(out));                                                                       \
        cr_assert_eq((call), (expected));                                                                              \
        cr_assert((in).ptr == before_in.ptr && (in).len == before_in.len);                                             \
        cr_assert_eq(memcmp(before_out, &(out), sizeof(out)), 0);                                                      \
    } while (0)

Test(rlp, integers_take_their_shortest_form)
{
    static const struct {
        uint64_t value;
        struct input encoding;
    } cases[] = {
        {0, IN("\x80")},
        {1, IN("\x01")},
        {0x7f, IN("\x7f")},
        {0x80, IN("\x81\x80")},
        {0xff, IN("\x81\xff")},
        {0x100, IN("\x82\x01\x00")},
        {0xffffff, IN("\x83\xff\xff\xff")},
        {UINT64_MAX, IN("\x88\xff\xff\xff\xff\xff\xff\xff\xff")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t out[16];
        size_t len = cases[i].encoding.len;
        cr_assert_eq(rlp_size_u64(cases[i].value), len);
        cr_assert_eq(rlp_put_u64(out, cases[i].value), out + len);
        cr_assert_arr_eq(out, cases[i].encoding.bytes, len);
        u256 wide = u256_from_u64(cases[i].value);
        cr_assert_eq(rlp_size_u256(&wide), len);
        cr_assert_eq(rlp_put_u256(out, &wide), out + len);
        cr_assert_arr_eq(out, cases[i].encoding.bytes, len);
    }
}

Test(rlp, integers_round_trip)
{
    uint64_t seed = test_seed("rlp integers");
    for (int i = 0; i < 100000; i++) {
        u256 wide = U256_ZERO, wide_back;
        for (uint64_t w = 0, n = test_random(&seed) % 4; w <= n; w++)
            wide.w[w] = test_random(&seed) >> test_random(&seed) % 64;
        uint64_t narrow = wide.w[0], narrow_back;
        uint8_t out[64], *end = rlp_put_u256(rlp_put_u64(out, narrow), &wide);
        cr_assert_eq((size_t)(end - out), rlp_size_u64(narrow) + rlp_size_u256(&wide));
        struct bytes in = bytes_of(out, (size_t)(end - out));
        cr_assert_eq(rlp_read_u64(&in, &narrow_back), RLP_OK);
        cr_assert_eq(rlp_read_u256(&in, &wide_back), RLP_OK);
        cr_assert_eq(rlp_done(in), RLP_OK);
        cr_assert_eq(narrow, narrow_back);
        cr_assert(u256_equal(&wide, &wide_back));
    }
}

Test(rlp, strings_and_lists_of_every_header_form_round_trip)
{
    static const size_t lengths[] = {0, 1, 2, 55, 56, 57, 255, 256, 257, 65535, 65536, 70000};
    static uint8_t content[70000], out[70016];
    memset(content, 0xab, sizeof content);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t len = lengths[i], header = len < 56 ? 1 : len < 256 ? 2 : len < 65536 ? 3 : 4;
        struct bytes s = bytes_of(content, len), back;
        cr_assert_eq(rlp_size_string(s), header + len);
        cr_assert_eq(rlp_put_string(out, s), out + header + len);
        struct bytes in = bytes_of(out, header + len);
        cr_assert_eq(rlp_read_string(&in, &back), RLP_OK);
        cr_assert(bytes_equal(s, back) && in.len == 0);
        cr_assert_eq(back.ptr, out + header, "a view, not a copy");

        cr_assert_eq(rlp_size_list(len), header + len);
        cr_assert_eq(rlp_put_list(out, len), out + header);
        in = bytes_of(out, header + len);
        cr_assert_eq(rlp_read_list(&in, &back), RLP_OK);
        cr_assert(back.len == len && back.ptr == out + header && in.len == 0);
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        content[0] = (uint8_t)byte;
        struct bytes s = bytes_of(content, 1);
        size_t len = byte < 0x80 ? 1 : 2;
        cr_assert_eq(rlp_size_string(s), len);
        cr_assert_eq(rlp_put_string(out, s), out + len);
        cr_assert_eq(out[len - 1], byte);
    }
    cr_assert_eq(rlp_put_string(out, bytes_of(NULL, 0)), out + 1);
    cr_assert_eq(out[0], 0x80);
}

Test(rlp, a_read_takes_one_item_and_leaves_the_rest)
{
    struct bytes in = bytes_of("\x83"
                               "dog\xc2\x01\x02\x05",
                               8);
    struct rlp_item item;
    cr_assert_eq(rlp_read(&in, &item), RLP_OK);
    cr_assert(!item.is_list && bytes_equal(item.payload, bytes_of("dog", 3)) && item.whole.len == 4);
    cr_assert_eq(rlp_read(&in, &item), RLP_OK);
    cr_assert(item.is_list && bytes_equal(item.payload, bytes_of("\x01\x02", 2)) && item.whole.len == 3);
    cr_assert_eq(rlp_done(in), RLP_TRAILING);
    cr_assert_eq(rlp_read(&in, &item), RLP_OK);
    cr_assert(!item.is_list && bytes_equal(item.payload, bytes_of("\x05", 1)) && item.whole.len == 1);
    cr_assert_eq(rlp_done(in), RLP_OK);
    ASSERT_READ_FAILS(rlp_read(&in, &item), in, item, RLP_TRUNCATED);
}

Test(rlp, malformed_headers_are_refused_by_name)
{
    static const struct {
        struct input in;
        enum rlp_status status;
    } cases[] = {
        {IN(""), RLP_TRUNCATED},
        {IN("\x81"), RLP_TRUNCATED},
        {IN("\x83"
            "do"),
         RLP_TRUNCATED},
        {IN("\xb8"), RLP_TRUNCATED},
        {IN("\xb9\x01"), RLP_TRUNCATED},
        {IN("\xb8\x38"
            "short"),
         RLP_TRUNCATED},
        {IN("\xbf\xff\xff\xff\xff\xff\xff\xff\xff"), RLP_TRUNCATED},
        {IN("\xbf\xff\xff\xff\xff\xff\xff\xff\xf7"
            "x"),
         RLP_TRUNCATED},
        {IN("\xc1"), RLP_TRUNCATED},
        {IN("\xf8"), RLP_TRUNCATED},
        {IN("\xff\xff\xff\xff\xff\xff\xff\xff\xff"
            "xy"),
         RLP_TRUNCATED},
        {IN("\x81\x00"), RLP_NON_CANONICAL},
        {IN("\x81\x7f"), RLP_NON_CANONICAL},
        {IN("\xb8\x00"), RLP_NON_CANONICAL},
        {IN("\xb8\x37"), RLP_NON_CANONICAL},
        {IN("\xb9\x00\x38"), RLP_NON_CANONICAL},
        {IN("\xf8\x37"), RLP_NON_CANONICAL},
        {IN("\xf9\x00\x38"), RLP_NON_CANONICAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        // A copy of exactly this size, so that the sanitizer sees any reading past it.
        uint8_t *exact = malloc(cases[i].in.len + 1);
        memcpy(exact + 1, cases[i].in.bytes, cases[i].in.len);
        struct bytes in = bytes_of(exact + 1, cases[i].in.len), string;
        struct rlp_item item;
        ASSERT_READ_FAILS(rlp_read(&in, &item), in, item, cases[i].status);
        ASSERT_READ_FAILS(rlp_read_string(&in, &string), in, string, cases[i].status);
        ASSERT_READ_FAILS(rlp_read_list(&in, &string), in, string, cases[i].status);
        cr_assert_eq(rlp_validate(in, 10), cases[i].status);
        free(exact);
    }
}

Test(rlp, typed_reads_refuse_what_is_not_their_type)
{
    struct bytes out;
    uint64_t narrow;
    u256 wide;
    bytes32 fixed;
    struct bytes list = bytes_of("\xc1\x01", 2), string = bytes_of("\x82\x01\x02", 3);
    ASSERT_READ_FAILS(rlp_read_string(&list, &out), list, out, RLP_NOT_STRING);
    ASSERT_READ_FAILS(rlp_read_u64(&list, &narrow), list, narrow, RLP_NOT_STRING);
    ASSERT_READ_FAILS(rlp_read_u256(&list, &wide), list, wide, RLP_NOT_STRING);
    ASSERT_READ_FAILS(rlp_read_fixed(&list, fixed.b, 32), list, fixed, RLP_NOT_STRING);
    ASSERT_READ_FAILS(rlp_read_list(&string, &out), string, out, RLP_NOT_LIST);
    ASSERT_READ_FAILS(rlp_read_fixed(&string, fixed.b, 32), string, fixed, RLP_BAD_LENGTH);
    ASSERT_READ_FAILS(rlp_read_fixed(&string, fixed.b, 1), string, fixed, RLP_BAD_LENGTH);
    cr_assert_eq(rlp_read_fixed(&string, fixed.b, 2), RLP_OK);
    cr_assert(fixed.b[0] == 1 && fixed.b[1] == 2 && string.len == 0);
}

Test(rlp, integers_with_leading_zeros_or_too_many_bytes_are_refused)
{
    uint64_t narrow;
    u256 wide;
    struct bytes zero = bytes_of("\x00", 1), leading = bytes_of("\x82\x00\x01", 3);
    ASSERT_READ_FAILS(rlp_read_u64(&zero, &narrow), zero, narrow, RLP_LEADING_ZERO);
    ASSERT_READ_FAILS(rlp_read_u256(&zero, &wide), zero, wide, RLP_LEADING_ZERO);
    ASSERT_READ_FAILS(rlp_read_u64(&leading, &narrow), leading, narrow, RLP_LEADING_ZERO);
    ASSERT_READ_FAILS(rlp_read_u256(&leading, &wide), leading, wide, RLP_LEADING_ZERO);
    struct bytes nine = bytes_of("\x89\x01\0\0\0\0\0\0\0\0", 10);
    ASSERT_READ_FAILS(rlp_read_u64(&nine, &narrow), nine, narrow, RLP_TOO_LARGE);
    cr_assert_eq(rlp_read_u256(&nine, &wide), RLP_OK);
    cr_assert(wide.w[1] == 1 && wide.w[0] == 0);
    uint8_t large[34] = {0xa1, 1};
    struct bytes in = bytes_of(large, sizeof large);
    ASSERT_READ_FAILS(rlp_read_u256(&in, &wide), in, wide, RLP_TOO_LARGE);
}

Test(rlp, validation_walks_nested_lists_down_to_its_depth)
{
    cr_assert_eq(rlp_validate(bytes_of("\x05", 1), 0), RLP_OK);
    cr_assert_eq(rlp_validate(bytes_of("\xc0", 1), 0), RLP_TOO_DEEP);
    cr_assert_eq(rlp_validate(bytes_of("\xc0", 1), 1), RLP_OK);
    cr_assert_eq(rlp_validate(bytes_of("\xc3\xc1\xc0\x05", 4), 3), RLP_OK);
    cr_assert_eq(rlp_validate(bytes_of("\xc3\xc1\xc0\x05", 4), 2), RLP_TOO_DEEP);
    cr_assert_eq(rlp_validate(bytes_of("\xc0\xc0", 2), 2), RLP_TRAILING);
    cr_assert_eq(rlp_validate(bytes_of("\xc2\x81\x05", 3), 2), RLP_NON_CANONICAL);
    cr_assert_eq(rlp_validate(bytes_of("\xc3\xc2\x83\x05", 4), 9), RLP_TRUNCATED);
    // An item that ends inside the input but outside its list.
    cr_assert_eq(rlp_validate(bytes_of("\xc3\xc1\x82\x05\x05", 5), 9), RLP_TRUNCATED);
}
