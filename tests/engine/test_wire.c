// Every message, whatever it is: there and back, cut off anywhere, corrupted anywhere.
#include "tests/engine/wire_samples.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define ROUNDS 60

static void for_all_types(const char *test, void (*check)(struct wire_sample *s, unsigned type))
{
    struct wire_sample s;
    wire_sample_init(&s, test_seed(test));
    for (unsigned type = 0; type < 256; type++)
        for (unsigned i = 0; wire_sample_exists(type) && i < ROUNDS; i++) {
            wire_sample_make(&s, type, i == 0);
            check(&s, type);
        }
    wire_sample_free(&s);
}

// A copy that ends where its allocation ends.
static struct bytes exact_copy(struct bytes in, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, in.ptr, len);
    return bytes_of(copy, len);
}

static void release(struct bytes b)
{
    free((void *)(uintptr_t)b.ptr);
}

static void check_same_again(const struct wire_message *m, struct bytes expected)
{
    cr_assert_eq(wire_size(m), expected.len, "%s", wire_limit_of(m->type)->name);
    uint8_t *again = malloc(expected.len);
    wire_encode(again, m);
    cr_assert(memcmp(again, expected.ptr, expected.len) == 0, "%s", wire_limit_of(m->type)->name);
    free(again);
}

static void check_round_trip(struct wire_sample *s, unsigned type)
{
    static struct wire_message m;
    struct bytes in = wire_sample_encode(s);
    const enum wire_status status = wire_decode(&m, in, &SAMPLE_SET);
    cr_assert_eq(status, WIRE_OK, "%s %s", wire_limit_of(type)->name, wire_status_text(status));
    cr_assert_eq(m.type, type);
    cr_assert_eq(m.epoch, s->m.epoch);
    check_same_again(&m, in);
    release(in);
}

Test(wire, every_message_decodes_to_what_was_encoded)
{
    for_all_types("every_message_decodes_to_what_was_encoded", check_round_trip);
}

// The body of CAR_STRIPE is all the rest; its own decoder sees where it ends.
static enum wire_status decode_deep(struct wire_message *m, struct bytes in)
{
    enum wire_status status = wire_decode(m, in, &SAMPLE_SET);
    struct wire_stripe stripe;
    if (status == WIRE_OK && m->type == WIRE_CAR_STRIPE)
        status = wire_stripe_open(&stripe, m->car_stripe.body);
    return status;
}

static void check_truncations(struct wire_sample *s, unsigned type)
{
    static struct wire_message m;
    struct bytes in = wire_sample_encode(s);
    // Long messages: all of the first bytes, then about 100 places.
    for (size_t len = 0; len < in.len; len += len < 400 ? 1 : 1 + (in.len - 400) / 100) {
        struct bytes cut = exact_copy(in, len);
        cr_assert_neq(decode_deep(&m, cut), WIRE_OK, "%s cut to %zu of %zu", wire_limit_of(type)->name, len, in.len);
        release(cut);
    }
    release(in);
}

Test(wire, every_truncation_is_refused)
{
    for_all_types("every_truncation_is_refused", check_truncations);
}

static void check_trailing(struct wire_sample *s, unsigned type)
{
    static struct wire_message m;
    struct bytes in = wire_sample_encode(s);
    uint8_t *longer = calloc(1, in.len + 1);
    memcpy(longer, in.ptr, in.len);
    cr_assert_neq(decode_deep(&m, bytes_of(longer, in.len + 1)), WIRE_OK, "%s", wire_limit_of(type)->name);
    free(longer);
    release(in);
}

Test(wire, a_trailing_byte_is_refused)
{
    for_all_types("a_trailing_byte_is_refused", check_trailing);
}

// What still decodes is another message in its one encoding.
static void check_corruption(struct wire_sample *s, unsigned type)
{
    static struct wire_message m;
    struct bytes in = wire_sample_encode(s);
    (void)type;
    for (unsigned i = 0; i < 40; i++) {
        struct bytes bad = exact_copy(in, in.len);
        for (uint64_t flips = 1 + test_random(&s->seed) % 3; flips > 0; flips--) {
            const size_t region = test_random(&s->seed) % 2 && in.len > 64 ? 64 : in.len;
            ((uint8_t *)(uintptr_t)bad.ptr)[test_random(&s->seed) % region] ^= 1u << test_random(&s->seed) % 8;
        }
        if (decode_deep(&m, bad) == WIRE_OK)
            check_same_again(&m, bad);
        release(bad);
    }
    release(in);
}

Test(wire, corrupted_messages_are_refused_or_read_as_other_canonical_ones)
{
    for_all_types("corrupted_messages_are_refused_or_read_as_other_canonical_ones", check_corruption);
}

Test(wire, noise_is_refused_or_read_as_a_canonical_message)
{
    static struct wire_message m;
    uint64_t seed = test_seed("noise_is_refused_or_read_as_a_canonical_message");
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t in[300];
        const size_t len = test_random(&seed) % sizeof in;
        for (size_t j = 0; j < len; j++)
            in[j] = (uint8_t)(test_random(&seed) % (test_random(&seed) % 2 ? 4 : 256));
        if (len > 2 && i % 4) {
            in[0] = WIRE_VERSION;
            in[1] = 0;
            in[2] = (uint8_t)(test_random(&seed) % WIRE_TYPE_COUNT);
        }
        struct bytes copy = exact_copy(bytes_of(in, len), len);
        if (decode_deep(&m, copy) == WIRE_OK)
            check_same_again(&m, copy);
        release(copy);
    }
}

Test(wire, full_messages_of_the_largest_set_are_just_within_their_limits)
{
    // CERTS, RANGE, EVIDENCE and CAR_STRIPE are bounded by bytes.
    static const uint8_t exact[] = {WIRE_CAR_HDR, WIRE_ACKS,      WIRE_ACK_STATE, WIRE_PROPOSAL, WIRE_VOTE,
                                    WIRE_CERT,    WIRE_GET_CERTS, WIRE_GET_BLOCK, WIRE_BLOCK,    WIRE_GET_RANGE,
                                    WIRE_GET_CAR, WIRE_HELLO,     WIRE_SNAP_LIST, WIRE_GET_SNAP, WIRE_SNAP_CHUNK};
    const unsigned missing = WIRE_VALIDATORS_MAX - SAMPLE_SET.n;
    struct wire_sample s;
    wire_sample_init(&s, test_seed("full_messages_of_the_largest_set_are_just_within_their_limits"));
    for (unsigned i = 0; i < sizeof exact; i++) {
        size_t less = 0;
        wire_sample_make(&s, exact[i], true);
        if (exact[i] == WIRE_ACK_STATE)
            less = missing * (2 + 4 + 4 + WIRE_LANE_WINDOW * 32);
        else if (exact[i] == WIRE_BLOCK)
            less = missing * (7 + WIRE_LANE_CARS_MAX * 32);
        else if (exact[i] == WIRE_PROPOSAL)
            less = missing * (7 + WIRE_LANE_CARS_MAX * 32 + WIRE_JUST_MAX * 64);
        else if (exact[i] == WIRE_CERT)
            less = missing * 64;
        cr_assert_eq(wire_size(&s.m) + less, wire_limit_of(exact[i])->bytes_max, "%s", wire_limit_of(exact[i])->name);
    }
    wire_sample_free(&s);
}

Test(wire, a_message_longer_than_its_type_allows_is_refused_by_its_first_bytes)
{
    struct wire_message m;
    struct wire_prefix prefix;
    for (unsigned type = 0; type < 256; type++) {
        const struct wire_limit *limit = wire_limit_of(type);
        uint8_t *in = calloc(1, 2u << 20);
        in[0] = WIRE_VERSION;
        in[2] = (uint8_t)type;
        if (!limit || limit->bytes_max == 0) {
            cr_assert_eq(wire_peek(&prefix, bytes_of(in, 100)), WIRE_BAD_TYPE, "%u", type);
        } else {
            cr_assert_eq(wire_peek(&prefix, bytes_of(in, limit->bytes_max)), WIRE_OK, "%u", type);
            cr_assert_eq(wire_peek(&prefix, bytes_of(in, limit->bytes_max + 1)), WIRE_TOO_LONG, "%u", type);
            cr_assert_eq(wire_decode(&m, bytes_of(in, limit->bytes_max + 1), &SAMPLE_SET), WIRE_TOO_LONG, "%u", type);
        }
        free(in);
    }
}

Test(wire, without_a_set_only_a_greeting_decodes)
{
    static struct wire_message m;
    struct wire_sample s;
    wire_sample_init(&s, 7);
    for (unsigned type = 0; type < 256; type++) {
        if (!wire_sample_exists(type))
            continue;
        wire_sample_make(&s, type, false);
        struct bytes in = wire_sample_encode(&s);
        cr_assert_eq(wire_decode(&m, in, NULL), type == WIRE_HELLO ? WIRE_OK : WIRE_BAD_TYPE, "%u", type);
        release(in);
    }
    wire_sample_free(&s);
}

Test(wire, what_would_not_fit_its_limit_has_no_size)
{
    uint8_t *body = calloc(1, WIRE_STRIPE_BYTES_MAX + 1);
    struct wire_message m = {.type = WIRE_CAR_STRIPE};
    m.car_stripe = (struct wire_car_stripe){.pos = 1, .body = bytes_of(body, WIRE_STRIPE_BYTES_MAX)};
    cr_assert_eq(wire_size(&m), WIRE_STRIPE_BYTES_MAX + 8 + WIRE_PREFIX_BYTES);
    m.car_stripe.body.len++;
    cr_assert_eq(wire_size(&m), 0);
    free(body);
}
