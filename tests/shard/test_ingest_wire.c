#include "shard/ingest/wire.h"

#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

// Parses a copy that ends where the input ends, so that the sanitizer sees a read past it.
static enum ingest_parse parse(const uint8_t *in, size_t len, size_t *consumed, const char **error)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, in, len);
    struct ingest_frame frame;
    *error = NULL;
    const enum ingest_parse result = ingest_parse(bytes_of(copy, len), &frame, consumed, error);
    if (result == INGEST_FRAME) {
        cr_assert(frame.raw.len <= len);
        cr_assert(frame.raw.len == 0 || (frame.raw.ptr >= copy && frame.raw.ptr + frame.raw.len <= copy + len));
    }
    free(copy);
    return result;
}

static void expect_invalid(const uint8_t *in, size_t len, const char *text)
{
    size_t consumed;
    const char *error;
    cr_assert_eq(parse(in, len, &consumed, &error), INGEST_INVALID);
    cr_assert_str_eq(error, text);
}

static void expect_more(const uint8_t *in, size_t len, size_t whole)
{
    size_t consumed = 12345;
    const char *error;
    cr_assert_eq(parse(in, len, &consumed, &error), INGEST_NEED_MORE, "at %zu bytes", len);
    cr_assert_eq(consumed, whole, "at %zu bytes: %zu", len, consumed);
}

Test(ingest_wire, hello_is_eight_bytes_with_the_version_last)
{
    uint8_t hello[INGEST_CLIENT_HELLO_BYTES];
    ingest_client_hello(hello);
    cr_assert_arr_eq(hello, "gantryi\x01", 8);
    cr_assert(ingest_check_client_hello(hello));
}

Test(ingest_wire, a_hello_with_any_byte_changed_is_refused)
{
    for (size_t i = 0; i < INGEST_CLIENT_HELLO_BYTES; i++) {
        for (unsigned change = 1; change < 256; change++) {
            uint8_t hello[INGEST_CLIENT_HELLO_BYTES];
            ingest_client_hello(hello);
            hello[i] ^= (uint8_t)change;
            cr_assert_not(ingest_check_client_hello(hello));
        }
    }
}

Test(ingest_wire, server_hello_tells_chain_id_and_limits)
{
    uint8_t hello[INGEST_SERVER_HELLO_BYTES];
    ingest_server_hello(hello, 0x0123456789abcdef);
    cr_assert_arr_eq(hello + 8, "\xef\xcd\xab\x89\x67\x45\x23\x01", 8);
    struct ingest_server_hello parsed;
    cr_assert(ingest_parse_server_hello(&parsed, hello));
    cr_assert_eq(parsed.chain_id, 0x0123456789abcdef);
    cr_assert_eq(parsed.frame_max, INGEST_FRAME_MAX);
    cr_assert_eq(parsed.window, INGEST_WINDOW);
    hello[7] = 2;
    cr_assert_not(ingest_parse_server_hello(&parsed, hello));
}

static void round_trip(size_t raw_len, const struct sv_witness *witness, uint64_t *seed)
{
    uint8_t *raw = malloc(raw_len + 1), *out = malloc(raw_len + 101);
    for (size_t i = 0; i < raw_len; i++)
        raw[i] = (uint8_t)test_random(seed);
    const size_t size = ingest_frame_put(out, bytes_of(raw, raw_len), witness);
    const size_t witness_len = !witness ? 0 : witness->has_ry ? 96 : 64;
    cr_assert_eq(size, 5 + witness_len + raw_len);

    struct ingest_frame frame;
    size_t consumed;
    const char *error;
    cr_assert_eq(ingest_parse(bytes_of(out, size), &frame, &consumed, &error), INGEST_FRAME);
    cr_assert_eq(consumed, size);
    cr_assert(bytes_equal(frame.raw, bytes_of(raw, raw_len)));
    cr_assert_eq(frame.has_witness, witness != NULL);
    cr_assert_eq(frame.witness.has_ry, witness && witness->has_ry);
    if (witness)
        cr_assert_arr_eq(frame.witness.pubkey, witness->pubkey, 64);
    if (witness && witness->has_ry)
        cr_assert_arr_eq(frame.witness.ry, witness->ry, 32);
    free(raw);
    free(out);
}

static struct sv_witness random_witness(uint64_t *seed, bool has_ry)
{
    struct sv_witness w = {.has_ry = has_ry};
    for (size_t i = 0; i < 64; i++)
        w.pubkey[i] = (uint8_t)test_random(seed);
    for (size_t i = 0; i < 32; i++)
        w.ry[i] = (uint8_t)test_random(seed);
    return w;
}

Test(ingest_wire, frames_come_back_as_they_were_put)
{
    uint64_t seed = test_seed("ingest_wire/frames_come_back_as_they_were_put");
    for (int i = 0; i < 500; i++) {
        const size_t raw_len = test_random(&seed) % (i % 50 == 0 ? TX_RAW_MAX + 1 : 300);
        const struct sv_witness key = random_witness(&seed, false), both = random_witness(&seed, true);
        round_trip(raw_len, NULL, &seed);
        round_trip(raw_len, &key, &seed);
        round_trip(raw_len, &both, &seed);
    }
    round_trip(TX_RAW_MAX, NULL, &seed);
}

Test(ingest_wire, a_transaction_over_the_limit_is_a_frame_as_long_as_it_fits_one)
{
    // It is the decoder that refuses it by name (TX_TOO_LARGE).
    uint8_t *in = calloc(1, 4 + INGEST_FRAME_MAX);
    store_le32(in, INGEST_FRAME_MAX);
    struct ingest_frame frame;
    size_t consumed;
    const char *error;
    cr_assert_eq(ingest_parse(bytes_of(in, 4 + INGEST_FRAME_MAX), &frame, &consumed, &error), INGEST_FRAME);
    cr_assert_eq(frame.raw.len, INGEST_FRAME_MAX - 1);
    free(in);
}

Test(ingest_wire, every_truncation_asks_for_the_rest)
{
    uint64_t seed = test_seed("ingest_wire/every_truncation_asks_for_the_rest");
    const uint8_t raw[50] = {1, 2, 3};
    for (int kind = 0; kind < 3; kind++) {
        const struct sv_witness witness = random_witness(&seed, kind == 2);
        uint8_t out[256];
        const size_t size = ingest_frame_put(out, bytes_of(raw, sizeof raw), kind ? &witness : NULL);
        for (size_t len = 0; len < size; len++)
            expect_more(out, len, len < 4 ? 0 : size);
        size_t consumed;
        const char *error;
        cr_assert_eq(parse(out, size, &consumed, &error), INGEST_FRAME);
    }
}

Test(ingest_wire, only_the_first_frame_is_taken)
{
    uint8_t out[64];
    const size_t first = ingest_frame_put(out, bytes_of("abc", 3), NULL);
    const size_t second = ingest_frame_put(out + first, bytes_of("defg", 4), NULL);
    struct ingest_frame frame;
    size_t consumed;
    const char *error;
    cr_assert_eq(ingest_parse(bytes_of(out, first + second), &frame, &consumed, &error), INGEST_FRAME);
    cr_assert_eq(consumed, first);
    cr_assert(bytes_equal(frame.raw, bytes_of("abc", 3)));
}

Test(ingest_wire, a_frame_without_a_transaction_is_a_frame)
{
    // The decoder answers for it (TX_MALFORMED), the connection stays.
    const uint8_t in[5] = {1, 0, 0, 0, 0};
    struct ingest_frame frame;
    size_t consumed;
    const char *error;
    cr_assert_eq(ingest_parse(bytes_of(in, 5), &frame, &consumed, &error), INGEST_FRAME);
    cr_assert_eq(frame.raw.len, 0);
}

Test(ingest_wire, length_zero_is_refused_by_name)
{
    expect_invalid((const uint8_t[]){0, 0, 0, 0}, 4, "bad frame: length is 0");
    expect_invalid((const uint8_t[]){0, 0, 0, 0, 0, 1, 2}, 7, "bad frame: length is 0");
}

Test(ingest_wire, length_above_the_limit_is_refused_before_the_rest_comes)
{
    uint8_t in[4];
    const uint32_t lengths[] = {INGEST_FRAME_MAX + 1, 0x7fffffff, 0x80000000, 0xffffffff};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        store_le32(in, lengths[i]);
        expect_invalid(in, 4, "bad frame: length is above the limit");
    }
    store_le32(in, INGEST_FRAME_MAX);
    expect_more(in, 4, 4 + INGEST_FRAME_MAX);
}

Test(ingest_wire, every_unknown_flag_is_refused_by_name)
{
    for (unsigned flags = 4; flags < 256; flags++) {
        const uint8_t in[5] = {200, 0, 0, 0, (uint8_t)flags};
        expect_invalid(in, 5, "bad frame: unknown flags");
    }
}

Test(ingest_wire, ry_without_a_key_is_refused_by_name)
{
    expect_invalid((const uint8_t[]){200, 0, 0, 0, INGEST_FLAG_RY}, 5, "bad frame: R.y is given without a public key");
}

Test(ingest_wire, a_frame_shorter_than_its_witness_is_refused_by_name)
{
    for (uint8_t length = 1; length < 65; length++)
        expect_invalid((const uint8_t[]){length, 0, 0, 0, 1}, 5, "bad frame: shorter than its witness");
    expect_more((const uint8_t[]){65, 0, 0, 0, 1}, 5, 69);
    for (uint8_t length = 1; length < 97; length++)
        expect_invalid((const uint8_t[]){length, 0, 0, 0, 3}, 5, "bad frame: shorter than its witness");
    expect_more((const uint8_t[]){97, 0, 0, 0, 3}, 5, 101);
}

Test(ingest_wire, random_bytes_never_break_the_parser)
{
    uint64_t seed = test_seed("ingest_wire/random_bytes_never_break_the_parser");
    for (int i = 0; i < 100000; i++) {
        uint8_t in[128];
        const size_t len = test_random(&seed) % sizeof in;
        for (size_t j = 0; j < len; j++)
            in[j] = (uint8_t)test_random(&seed);
        if (len >= 4 && i % 2) {
            in[0] &= 127;
            in[1] = in[2] = in[3] = 0;
        }
        if (len >= 5 && i % 4 != 1)
            in[4] &= 3;
        size_t consumed;
        const char *error;
        const enum ingest_parse result = parse(in, len, &consumed, &error);
        cr_assert(result != INGEST_FRAME || (consumed <= len && consumed >= 5));
        cr_assert((result == INGEST_INVALID) == (error != NULL));
    }
}

Test(ingest_wire, answers_come_back_as_they_were_put)
{
    uint8_t out[INGEST_ANSWER_MAX], status;
    struct bytes text;
    const size_t size = ingest_answer_put(out, TX_NONCE_TOO_LOW, "nonce too low");
    cr_assert_eq(size, 15);
    for (size_t len = 0; len < size; len++)
        cr_assert_eq(ingest_answer_parse(bytes_of(out, len), &status, &text), 0);
    cr_assert_eq(ingest_answer_parse(bytes_of(out, size), &status, &text), size);
    cr_assert_eq(status, TX_NONCE_TOO_LOW);
    cr_assert(bytes_equal(text, bytes_of("nonce too low", 13)));
    cr_assert_eq(ingest_answer_put(out, TX_OK, ""), 2);
    cr_assert_eq(ingest_answer_parse(bytes_of(out, 2), &status, &text), 2);
    cr_assert_eq(text.len, 0);
}

Test(ingest_wire, a_long_text_is_cut_to_255_bytes)
{
    char text[300];
    memset(text, 'x', sizeof text);
    text[299] = 0;
    uint8_t out[INGEST_ANSWER_MAX];
    cr_assert_eq(ingest_answer_put(out, INGEST_BAD_FRAME, text), INGEST_ANSWER_MAX);
    cr_assert_eq(out[1], 255);
}

Test(ingest_wire, every_status_text_fits_an_answer)
{
    for (unsigned s = 0; s < TX_STATUS_COUNT; s++)
        cr_assert_leq(strlen(tx_status_text((enum tx_status)s)), 255);
    cr_assert_lt(TX_STATUS_COUNT, INGEST_BAD_FRAME);
}
