// Long messages as runs of frames.
#include "engine/net/frame.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static uint8_t message[WIRE_STRIPE_BYTES_MAX + 64];
static uint8_t plain[FRAME_PLAIN_MAX + 1];
static struct frame_reader reader;

static void setup(void)
{
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)(i * 7 + i / 1000);
    memset(message, 0, WIRE_PREFIX_BYTES);
    message[0] = WIRE_VERSION;
    message[2] = WIRE_CAR_STRIPE;
    frame_reader_init(&reader, WIRE_BULK);
}

static void teardown(void)
{
    frame_reader_free(&reader);
}

TestSuite(frame, .init = setup, .fini = teardown);

// The sealed message at offset, in `plain`.
static struct bytes part_at(size_t len, size_t offset, size_t *body)
{
    struct frame_part p;
    frame_cut(&p, bytes_of(message, len), offset);
    memcpy(plain, p.header, p.header_len);
    memcpy(plain + p.header_len, p.body.ptr, p.body.len);
    *body = p.body.len;
    return bytes_of(plain, p.header_len + p.body.len);
}

static unsigned send_all(size_t len)
{
    struct bytes got = {0};
    unsigned parts = 0;
    for (size_t offset = 0, body; offset < len; offset += body, parts++) {
        struct bytes in = part_at(len, offset, &body);
        cr_assert_leq(in.len, FRAME_PLAIN_MAX);
        const enum frame_status status = frame_read(&reader, in, &got);
        cr_assert_eq(status, offset + body == len ? FRAME_MESSAGE : FRAME_MORE, "%s", frame_status_text(status));
    }
    cr_assert(got.len == len && memcmp(got.ptr, message, len) == 0);
    return parts;
}

Test(frame, what_fits_one_sealed_message_is_one)
{
    cr_assert_eq(send_all(WIRE_PREFIX_BYTES), 1);
    cr_assert_eq(send_all(FRAME_PLAIN_MAX), 1);
    cr_assert_null(frame_keep(&reader));
}

Test(frame, longer_ones_come_in_full_chunks_and_a_rest)
{
    cr_assert_eq(send_all(FRAME_PLAIN_MAX + 1), 2);
    cr_assert_eq(send_all(2 * FRAME_CHUNK_MAX), 2);
    cr_assert_eq(send_all(2 * FRAME_CHUNK_MAX + 1), 3);
    cr_assert_eq(send_all(WIRE_STRIPE_BYTES_MAX + 8 + WIRE_PREFIX_BYTES), 5);
}

Test(frame, a_run_s_memory_can_be_kept)
{
    send_all(100000);
    uint8_t *kept = frame_keep(&reader);
    cr_assert(kept && memcmp(kept, message, 100000) == 0);
    send_all(80000);
    free(kept);
}

// The first frame with a changed byte is refused with this status, and nothing is held for it.
static void check_first(size_t len, size_t byte, uint8_t value, enum frame_status expected)
{
    size_t body;
    struct bytes in = part_at(len, 0, &body), got;
    plain[byte] = value;
    const enum frame_status status = frame_read(&reader, in, &got);
    cr_assert_eq(status, expected, "byte %zu: %s", byte, frame_status_text(status));
    cr_assert_null(reader.stream);
}

Test(frame, a_first_frame_is_checked_before_anything_is_allocated)
{
    check_first(100000, 2, 99, FRAME_BAD_HEADER);
    check_first(100000, 2, WIRE_CAR_CHUNK, FRAME_BAD_LENGTH);
    check_first(100000, 2, WIRE_VOTE, FRAME_BAD_LENGTH);
    check_first(100000, 3, 1, FRAME_BAD_HEADER);
    check_first(100000, 7, 1, FRAME_BAD_LENGTH);
    check_first(100000, 6, 5, FRAME_BAD_LENGTH);
    check_first(100000, 6, 0, FRAME_BAD_LENGTH);
    check_first(100000, 8, 1, FRAME_BAD_ORDER);
    check_first(100000, 15, 1, FRAME_BAD_HEADER);
    reader.channel = WIRE_CONTROL;
    check_first(100000, 0, 0xff, FRAME_BAD_CHANNEL);
}

Test(frame, the_longest_stream_is_the_type_s_limit)
{
    struct bytes got = {0};
    size_t body;
    struct bytes in = part_at(100000, 0, &body);
    store_le32(plain + 4, wire_limit_of(WIRE_CAR_STRIPE)->bytes_max + 1);
    cr_assert_eq(frame_read(&reader, in, &got), FRAME_BAD_LENGTH);
    store_le32(plain + 4, wire_limit_of(WIRE_CAR_STRIPE)->bytes_max);
    cr_assert_eq(frame_read(&reader, in, &got), FRAME_MORE);
}

static enum frame_status after_first(size_t len, size_t offset, size_t byte, uint8_t flip, size_t less)
{
    struct bytes got = {0};
    size_t body;
    frame_reader_free(&reader);
    frame_reader_init(&reader, WIRE_BULK);
    cr_assert_eq(frame_read(&reader, part_at(len, 0, &body), &got), FRAME_MORE);
    struct bytes in = part_at(len, offset, &body);
    plain[byte] ^= flip;
    in.len -= less;
    return frame_read(&reader, in, &got);
}

Test(frame, a_run_is_complete_and_in_order)
{
    const size_t len = 3 * FRAME_CHUNK_MAX, second = FRAME_CHUNK_MAX;
    cr_assert_eq(after_first(len, second, 0, 0, 0), FRAME_MORE);
    cr_assert_eq(after_first(len, 0, 0, 0, 0), FRAME_BAD_ORDER, "repeated");
    cr_assert_eq(after_first(len, 2 * second, 0, 0, 0), FRAME_BAD_ORDER, "one missing");
    cr_assert_eq(after_first(len, second, 2, WIRE_CAR_STRIPE ^ WIRE_RANGE, 0), FRAME_BAD_ORDER, "another type");
    cr_assert_eq(after_first(len, second, 4, 1, 0), FRAME_BAD_ORDER, "another length");
    cr_assert_eq(after_first(len, second, 0, 0, 1), FRAME_BAD_LENGTH, "not full");
    cr_assert_eq(after_first(len, second, 0, 0, FRAME_CHUNK_MAX), FRAME_BAD_HEADER, "empty");
    cr_assert_eq(after_first(FRAME_PLAIN_MAX + 1, second, 0, 0, 1), FRAME_BAD_LENGTH, "a short last one");
}

Test(frame, no_message_comes_inside_a_run)
{
    struct bytes got = {0};
    size_t body;
    cr_assert_eq(frame_read(&reader, part_at(100000, 0, &body), &got), FRAME_MORE);
    cr_assert_eq(frame_read(&reader, part_at(100, 0, &body), &got), FRAME_BAD_ORDER);
}

Test(frame, the_message_is_of_the_type_that_its_frames_promised)
{
    struct bytes got = {0};
    size_t body;
    message[2] = WIRE_RANGE;
    for (size_t offset = 0; offset < 100000; offset += body) {
        struct bytes in = part_at(100000, offset, &body);
        plain[2] = WIRE_CAR_STRIPE;
        const enum frame_status status = frame_read(&reader, in, &got);
        cr_assert_eq(status, offset + body < 100000 ? FRAME_MORE : FRAME_BAD_HEADER);
    }
}

Test(frame, whole_messages_are_held_to_their_limit_and_channel)
{
    struct bytes got = {0};
    message[2] = WIRE_VOTE;
    cr_assert_eq(frame_read(&reader, bytes_of(message, 118), &got), FRAME_BAD_CHANNEL);
    reader.channel = WIRE_CONTROL;
    cr_assert_eq(frame_read(&reader, bytes_of(message, 118), &got), FRAME_MESSAGE);
    cr_assert_eq(frame_read(&reader, bytes_of(message, 119), &got), FRAME_BAD_MESSAGE);
    cr_assert_eq(reader.wire_status, WIRE_TOO_LONG);
    for (size_t len = 0; len < WIRE_PREFIX_BYTES; len++)
        cr_assert_eq(frame_read(&reader, bytes_of(message, len), &got), FRAME_BAD_MESSAGE);
    message[2] = WIRE_CAR_STRIPE;
    cr_assert_eq(frame_read(&reader, bytes_of(message, 200), &got), FRAME_BAD_CHANNEL);
    message[2] = WIRE_HELLO;
    cr_assert_eq(frame_read(&reader, bytes_of(message, 15), &got), FRAME_MESSAGE);
}

// Whatever comes: it ends in a message, in more to come, or in a refusal; never in memory beyond one limit.
Test(frame, random_frames_do_no_harm)
{
    uint64_t seed = test_seed("random_frames_do_no_harm");
    for (unsigned i = 0; i < 20000; i++) {
        struct bytes got = {0};
        size_t body;
        const size_t len = FRAME_PLAIN_MAX + test_random(&seed) % (sizeof message - FRAME_PLAIN_MAX);
        const size_t offset = test_random(&seed) % 2 ? reader.have : test_random(&seed) % len;
        struct bytes in = part_at(len, offset < len ? offset : 0, &body);
        if (test_random(&seed) % 4 == 0)
            plain[test_random(&seed) % 16] ^= (uint8_t)(1u << test_random(&seed) % 8);
        if (frame_read(&reader, bytes_of(plain, test_random(&seed) % 4 ? in.len : test_random(&seed) % (in.len + 1)),
                       &got) > FRAME_MORE) {
            frame_reader_free(&reader);
            frame_reader_init(&reader, WIRE_BULK);
        }
        cr_assert(!reader.stream || reader.length <= wire_limit_of(reader.type)->bytes_max);
    }
}
