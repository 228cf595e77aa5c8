// Two ends of a link in one process, what one gives handed to the other in pieces of any size.
#include "engine/net/link.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { DIALER, LISTENER };

struct end {
    struct link *link;
    uint8_t key[NOISE_KEY_BYTES], admitted[NOISE_KEY_BYTES];
    bool admits, greets;
    unsigned messages;
    size_t last_len;
    uint8_t last[FRAME_PLAIN_MAX];
    uint8_t *kept;
};

static struct end ends[2];
static uint64_t seed;
static bool in_pieces;

static bool admit(void *ctx, struct link *l, const uint8_t key[NOISE_KEY_BYTES])
{
    struct end *e = ctx;
    cr_assert_eq(e->link, l);
    memcpy(e->admitted, key, NOISE_KEY_BYTES);
    return e->admits;
}

static bool greeted(void *ctx, struct link *l, const struct wire_hello *theirs, struct wire_hello *ours)
{
    struct end *e = ctx;
    (void)l;
    // Answers that don't repeat it never come here.
    cr_assert(theirs->channel == ours->channel && theirs->group == ours->group);
    return e->greets;
}

static void message(void *ctx, struct link *l, struct bytes m)
{
    struct end *e = ctx;
    e->messages++;
    e->last_len = m.len;
    if (m.len <= sizeof e->last) {
        memcpy(e->last, m.ptr, m.len);
    } else {
        free(e->kept);
        e->kept = link_keep(l);
        cr_assert_eq(e->kept, m.ptr);
    }
}

static const struct link_ops OPS = {admit, greeted, message};

static const bytes32 SECRETS[2] = {{{1, 1}}, {{2, 2}}};

static void make_end(unsigned i, const uint8_t *remote, struct bytes prologue, struct wire_hello hello)
{
    struct link_options o = {.ops = &OPS,
                             .ctx = &ends[i],
                             .prologue = prologue,
                             .secret = SECRETS[i],
                             .ephemeral = {{(uint8_t)(3 + i), 7}},
                             .remote = remote,
                             .hello = hello,
                             .now_ns = 1000};
    ends[i].admits = ends[i].greets = true;
    ends[i].link = link_create(&o);
    cr_assert(ends[i].link);
}

static void setup_channel(uint8_t channel, uint8_t group)
{
    uint8_t prologue[LINK_PROLOGUE_BYTES];
    const bytes32 genesis = {{5}};
    link_prologue(prologue, &genesis);
    memset(ends, 0, sizeof ends);
    for (unsigned i = 0; i < 2; i++)
        cr_assert(noise_public_key(ends[i].key, &SECRETS[i]));
    make_end(DIALER, ends[LISTENER].key, bytes_of(prologue, sizeof prologue),
             (struct wire_hello){.channel = channel, .group = group, .shards = 4});
    make_end(LISTENER, NULL, bytes_of(prologue, sizeof prologue), (struct wire_hello){.shards = 2});
    in_pieces = false;
}

static void setup(void)
{
    setup_channel(WIRE_CONTROL, 0);
}

static void teardown(void)
{
    for (unsigned i = 0; i < 2; i++) {
        link_free(ends[i].link);
        free(ends[i].kept);
    }
}

// In place of the suite's control link.
static void setup_bulk(void)
{
    teardown();
    setup_channel(WIRE_BULK, 1);
}

TestSuite(link, .init = setup, .fini = teardown);

// Hands over what this end has to send; false when it is nothing or the other no longer listens.
static bool hand_over(unsigned from)
{
    struct end *to = &ends[from ^ 1];
    struct bytes out = link_output(ends[from].link);
    if (out.len == 0 || link_is_held(to->link) || link_status(to->link) != LINK_OK)
        return false;
    size_t len = in_pieces ? 1 + test_random(&seed) % (test_random(&seed) % 2 ? 40 : out.len) : out.len;
    if (len > out.len)
        len = out.len;
    uint8_t *copy = malloc(len);
    memcpy(copy, out.ptr, len);
    link_receive(to->link, copy, len);
    free(copy);
    link_sent(ends[from].link, len);
    return true;
}

static void hand_over_all(void)
{
    bool more;
    do {
        more = hand_over(DIALER);
        more |= hand_over(LISTENER);
    } while (more);
}

static void open_both(void)
{
    hand_over_all();
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(link_is_open(ends[i].link) && link_is_held(ends[i].link), "%s", link_failure(ends[i].link));
        cr_assert_eq(link_resume(ends[i].link), LINK_OK);
    }
}

static struct payload *a_message(uint8_t type, size_t len, uint8_t mark)
{
    struct payload *p = payload_new(len);
    memset(p->data, mark, len);
    memset(p->data, 0, WIRE_PREFIX_BYTES);
    p->data[0] = WIRE_VERSION;
    p->data[2] = type;
    return p;
}

static enum link_sent send(unsigned from, uint8_t type, size_t len, uint8_t mark, unsigned slot)
{
    struct payload *p = a_message(type, len, mark);
    const enum link_sent sent = link_send(ends[from].link, p, slot);
    payload_release(p);
    return sent;
}

// ---- opening

Test(link, opens_on_both_sides_and_knows_who_is_there)
{
    open_both();
    cr_assert(memcmp(link_remote_key(ends[DIALER].link), ends[LISTENER].key, NOISE_KEY_BYTES) == 0);
    cr_assert(memcmp(link_remote_key(ends[LISTENER].link), ends[DIALER].key, NOISE_KEY_BYTES) == 0);
    cr_assert(memcmp(ends[LISTENER].admitted, ends[DIALER].key, NOISE_KEY_BYTES) == 0);
    cr_assert_eq(link_hello(ends[DIALER].link)->shards, 2);
    cr_assert_eq(link_hello(ends[LISTENER].link)->shards, 4);
    cr_assert_eq(link_check_time(ends[DIALER].link, UINT64_MAX), LINK_OK);
}

Test(link, opens_whatever_pieces_the_bytes_come_in)
{
    seed = test_seed("opens_whatever_pieces_the_bytes_come_in");
    for (unsigned i = 0; i < 50; i++) {
        setup_bulk();
        in_pieces = true;
        open_both();
        cr_assert_eq(link_hello(ends[LISTENER].link)->channel, WIRE_BULK);
        cr_assert_eq(link_hello(ends[LISTENER].link)->group, 1);
    }
}

Test(link, is_refused_to_whom_the_listener_does_not_admit)
{
    ends[LISTENER].admits = false;
    hand_over_all();
    cr_assert_eq(link_status(ends[LISTENER].link), LINK_NOT_ALLOWED);
    cr_assert(!link_is_open(ends[DIALER].link));
    cr_assert_eq(link_output(ends[LISTENER].link).len, 0);
}

Test(link, is_refused_on_another_chain)
{
    link_free(ends[DIALER].link);
    make_end(DIALER, ends[LISTENER].key, bytes_of("gantry", 6), (struct wire_hello){.shards = 4});
    hand_over_all();
    cr_assert_eq(link_status(ends[LISTENER].link), LINK_BAD_HANDSHAKE);
    cr_assert_str_eq(link_failure(ends[LISTENER].link), noise_status_text(NOISE_ACT1_BAD_TAG));
}

Test(link, either_end_may_refuse_the_greeting)
{
    for (unsigned i = 0; i < 2; i++) {
        teardown();
        setup();
        ends[i].greets = false;
        hand_over_all();
        cr_assert_eq(link_status(ends[i].link), LINK_BAD_HELLO);
        cr_assert(!link_is_held(ends[i].link));
    }
}

Test(link, that_does_not_open_in_time_fails)
{
    cr_assert_eq(link_check_time(ends[DIALER].link, 1000 + LINK_OPEN_NS - 1), LINK_OK);
    cr_assert_eq(link_check_time(ends[DIALER].link, 1000 + LINK_OPEN_NS), LINK_TOO_LATE);
    hand_over(LISTENER);
    cr_assert_eq(link_output(ends[DIALER].link).len, 0);
}

Test(link, that_ends_within_the_handshake_says_in_which_act)
{
    struct bytes out = link_output(ends[DIALER].link);
    uint8_t part[20];
    memcpy(part, out.ptr, sizeof part);
    cr_assert_eq(link_receive(ends[LISTENER].link, part, sizeof part), LINK_OK);
    cr_assert_eq(link_end(ends[LISTENER].link), LINK_BAD_HANDSHAKE);
    cr_assert_str_eq(link_failure(ends[LISTENER].link), noise_status_text(NOISE_ACT1_SHORT));
    cr_assert_eq(link_end(ends[DIALER].link), LINK_BAD_HANDSHAKE);
    cr_assert_str_eq(link_failure(ends[DIALER].link), noise_status_text(NOISE_ACT2_SHORT));
}

// A peer that seals its messages properly but does not keep to the protocol.
static void shake_hands_only(struct noise **liar)
{
    uint8_t prologue[LINK_PROLOGUE_BYTES], act[NOISE_ACT_MAX];
    const bytes32 genesis = {{5}}, ephemeral = {{9, 9}};
    link_prologue(prologue, &genesis);
    *liar = noise_initiator(bytes_of(prologue, sizeof prologue), &SECRETS[DIALER], ends[LISTENER].key, &ephemeral);
    size_t len = noise_write_act(*liar, act);
    cr_assert_eq(link_receive(ends[LISTENER].link, act, len), LINK_OK);
    struct bytes out = link_output(ends[LISTENER].link);
    cr_assert_eq(noise_read_act(*liar, out), NOISE_OK);
    link_sent(ends[LISTENER].link, out.len);
    len = noise_write_act(*liar, act);
    cr_assert_eq(link_receive(ends[LISTENER].link, act, len), LINK_OK);
}

static enum link_status tell(struct noise *liar, const struct wire_message *m)
{
    uint8_t plain[512], sealed[512 + NOISE_OVERHEAD];
    const size_t len = wire_size(m);
    wire_encode(plain, m);
    noise_seal(liar, sealed, bytes_of(plain, len), (struct bytes){0});
    return link_receive(ends[LISTENER].link, sealed, len + NOISE_OVERHEAD);
}

Test(link, nothing_may_come_before_the_greeting)
{
    static const uint8_t types[] = {WIRE_GET_BLOCK, WIRE_CAR_HDR, WIRE_VOTE, WIRE_CAR_STRIPE, WIRE_GET_CAR};
    for (unsigned i = 0; i < sizeof types; i++) {
        struct noise *liar;
        teardown();
        setup();
        shake_hands_only(&liar);
        const struct wire_message m = {.type = types[i]};
        cr_assert_eq(tell(liar, &m), LINK_BAD_HELLO);
        cr_assert_eq(ends[LISTENER].messages, 0);
        noise_free(liar);
    }
}

Test(link, the_greeting_comes_once)
{
    struct noise *liar;
    shake_hands_only(&liar);
    const struct wire_message m = {.type = WIRE_HELLO, .hello = {.shards = 1}};
    cr_assert_eq(tell(liar, &m), LINK_OK);
    cr_assert_eq(link_resume(ends[LISTENER].link), LINK_OK);
    cr_assert_eq(tell(liar, &m), LINK_BAD_HELLO);
    noise_free(liar);
}

// A listener that shakes hands properly and then answers the dialer's greeting as it likes.
static enum link_status answer_greeting(struct wire_hello answer)
{
    uint8_t prologue[LINK_PROLOGUE_BYTES], act[NOISE_ACT_MAX], plain[64], sealed[64 + NOISE_OVERHEAD];
    const bytes32 genesis = {{5}}, ephemeral = {{9, 9}};
    struct link *dialer = ends[DIALER].link;
    link_prologue(prologue, &genesis);
    struct noise *liar = noise_responder(bytes_of(prologue, sizeof prologue), &SECRETS[LISTENER], &ephemeral);
    struct bytes out = link_output(dialer);
    cr_assert_eq(noise_read_act(liar, out), NOISE_OK);
    link_sent(dialer, out.len);
    const size_t len = noise_write_act(liar, act);
    cr_assert_eq(link_receive(dialer, act, len), LINK_OK);
    out = link_output(dialer);
    cr_assert_eq(noise_read_act(liar, bytes_of(out.ptr, NOISE_ACT_MAX)), NOISE_OK);
    const struct wire_message m = {.type = WIRE_HELLO, .hello = answer};
    const size_t size = wire_size(&m);
    wire_encode(plain, &m);
    noise_seal(liar, sealed, bytes_of(plain, size), (struct bytes){0});
    noise_free(liar);
    return link_receive(dialer, sealed, size + NOISE_OVERHEAD);
}

Test(link, the_answer_to_a_greeting_repeats_what_the_connection_is_for, .init = setup_bulk)
{
    static const struct wire_hello answers[] = {{WIRE_BULK, 1, 9}, {WIRE_BULK, 2, 9}, {WIRE_CONTROL, 0, 9}};
    for (unsigned i = 0; i < 3; i++) {
        setup_bulk();
        cr_assert_eq(answer_greeting(answers[i]), i == 0 ? LINK_OK : LINK_BAD_HELLO, "%u", i);
    }
}

Test(link, a_message_for_the_other_kind_of_connection_ends_it)
{
    struct noise *liar;
    shake_hands_only(&liar);
    const struct wire_message hello = {.type = WIRE_HELLO, .hello = {.shards = 1}};
    const struct wire_message m = {.type = WIRE_CAR_STRIPE, .car_stripe = {.body = bytes_of("abc", 3)}};
    cr_assert_eq(tell(liar, &hello), LINK_OK);
    cr_assert_eq(link_resume(ends[LISTENER].link), LINK_OK);
    cr_assert_eq(tell(liar, &m), LINK_BAD_FRAME);
    cr_assert_str_eq(link_failure(ends[LISTENER].link), frame_status_text(FRAME_BAD_CHANNEL));
    cr_assert_eq(ends[LISTENER].messages, 0);
    noise_free(liar);
}

Test(link, random_bytes_at_any_point_end_it)
{
    seed = test_seed("random_bytes_at_any_point_end_it");
    for (unsigned i = 0; i < 200; i++) {
        uint8_t junk[500];
        teardown();
        setup();
        const unsigned steps = (unsigned)(test_random(&seed) % 6);
        for (unsigned s = 0; s < steps; s++)
            hand_over(s % 2);
        if (link_is_held(ends[LISTENER].link))
            cr_assert_eq(link_resume(ends[LISTENER].link), LINK_OK);
        for (size_t j = 0; j < sizeof junk; j++)
            junk[j] = (uint8_t)test_random(&seed);
        cr_assert_neq(link_receive(ends[LISTENER].link, junk, sizeof junk), LINK_OK);
        cr_assert_eq(ends[LISTENER].messages, 0);
        cr_assert_eq(link_send(ends[LISTENER].link, NULL, 0), LINK_CLOSED);
    }
}

// ---- messages

Test(link, messages_come_in_order_and_unchanged_in_any_pieces)
{
    seed = test_seed("messages_come_in_order_and_unchanged_in_any_pieces");
    in_pieces = true;
    open_both();
    for (unsigned i = 1; i < 2000; i++) {
        const unsigned from = test_random(&seed) % 2;
        const size_t len = WIRE_PREFIX_BYTES + test_random(&seed) % 5000;
        const unsigned before = ends[from ^ 1].messages;
        cr_assert_eq(send(from, WIRE_CERTS, len, (uint8_t)i, 0), LINK_QUEUED);
        hand_over_all();
        cr_assert_eq(ends[from ^ 1].messages, before + 1);
        cr_assert(ends[from ^ 1].last_len == len && ends[from ^ 1].last[len - 1] == (len > 11 ? (uint8_t)i : 0));
    }
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(link_counters(ends[i].link)->queued_bytes, 0);
        cr_assert_eq(link_counters(ends[i].link)->messages_out, link_counters(ends[i ^ 1].link)->messages_in + 1);
    }
}

Test(link, long_messages_come_as_one_and_can_be_kept, .init = setup_bulk)
{
    open_both();
    const size_t len = wire_limit_of(WIRE_CAR_STRIPE)->bytes_max;
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(send(DIALER, WIRE_CAR_STRIPE, len, (uint8_t)(i + 1), 0), LINK_QUEUED);
    hand_over_all();
    cr_assert_eq(ends[LISTENER].messages, 4);
    cr_assert_eq(ends[LISTENER].last_len, len);
    cr_assert(ends[LISTENER].kept[11] == 4 && ends[LISTENER].kept[len - 1] == 4);
}

Test(link, messages_sent_at_once_wait_for_a_held_end)
{
    // The dialer opens only on the listener's answer; the listener may speak right behind it.
    while (!link_is_held(ends[LISTENER].link))
        if (!hand_over(DIALER))
            hand_over(LISTENER);
    cr_assert_eq(link_resume(ends[LISTENER].link), LINK_OK);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(send(LISTENER, WIRE_VOTE, 118, (uint8_t)i, 0), LINK_QUEUED);
    cr_assert(hand_over(LISTENER));
    cr_assert(link_is_held(ends[DIALER].link));
    cr_assert_eq(ends[DIALER].messages, 0);
    cr_assert_eq(link_resume(ends[DIALER].link), LINK_OK);
    cr_assert_eq(ends[DIALER].messages, 3);
    cr_assert_eq(ends[DIALER].last[117], 2);
}

Test(link, an_altered_byte_ends_it_before_anything_behind_it_is_told)
{
    seed = test_seed("an_altered_byte_ends_it_before_anything_behind_it_is_told");
    for (unsigned i = 0; i < 200; i++) {
        teardown();
        setup();
        open_both();
        for (unsigned m = 0; m < 3; m++)
            send(DIALER, WIRE_VOTE, 118, 1, 0);
        struct bytes out = link_output(ends[DIALER].link);
        uint8_t *copy = malloc(out.len);
        memcpy(copy, out.ptr, out.len);
        const size_t at = test_random(&seed) % out.len;
        copy[at] ^= (uint8_t)(1u << test_random(&seed) % 8);
        cr_assert_eq(link_receive(ends[LISTENER].link, copy, out.len), LINK_BAD_SEAL);
        cr_assert_eq(ends[LISTENER].messages, at / (118 + NOISE_OVERHEAD));
        free(copy);
    }
}

// ---- bounds

Test(link, bulk_beyond_the_bound_is_dropped_and_counted, .init = setup_bulk)
{
    open_both();
    const size_t len = 256 << 10;
    unsigned n = 0;
    while (send(DIALER, WIRE_CAR_STRIPE, len, 1, 0) == LINK_QUEUED)
        n++;
    cr_assert_eq(n, LINK_BULK_QUEUE_BYTES / len);
    cr_assert_eq(send(DIALER, WIRE_CAR_STRIPE, len, 1, 0), LINK_DROPPED);
    cr_assert_eq(link_counters(ends[DIALER].link)->dropped, 2);
    cr_assert_leq(link_counters(ends[DIALER].link)->queued_bytes, LINK_BULK_QUEUE_BYTES);
    hand_over_all();
    cr_assert_eq(ends[LISTENER].messages, n);
    cr_assert_eq(link_counters(ends[DIALER].link)->queued_bytes, 0);
    cr_assert_eq(send(DIALER, WIRE_CAR_STRIPE, len, 1, 0), LINK_QUEUED);
}

Test(link, control_beyond_the_bound_ends_it)
{
    open_both();
    unsigned n = 0;
    while (send(DIALER, WIRE_CERTS, 65535, 1, 0) == LINK_QUEUED)
        n++;
    cr_assert_eq(n, LINK_CONTROL_QUEUE_BYTES / 65535);
    cr_assert_eq(link_status(ends[DIALER].link), LINK_OVERFLOW);
    cr_assert_eq(link_output(ends[DIALER].link).len, 0);
    cr_assert_eq(send(DIALER, WIRE_VOTE, 118, 1, 0), LINK_CLOSED);
}

Test(link, a_newer_message_of_a_slot_takes_the_older_one_s_place)
{
    open_both();
    cr_assert_eq(send(DIALER, WIRE_VOTE, 118, 1, 5), LINK_QUEUED);
    cr_assert_eq(send(DIALER, WIRE_VOTE, 118, 2, 6), LINK_QUEUED);
    cr_assert_eq(send(DIALER, WIRE_VOTE, 118, 3, 0), LINK_QUEUED);
    for (unsigned i = 0; i < 100000; i++)
        cr_assert_eq(send(DIALER, WIRE_VOTE, 118, 4, 5), LINK_REPLACED_OLDER);
    cr_assert_eq(link_counters(ends[DIALER].link)->queued_bytes, 3 * 118);
    hand_over_all();
    cr_assert_eq(ends[LISTENER].messages, 3);
    cr_assert_eq(ends[LISTENER].last[117], 3);
    cr_assert_eq(send(DIALER, WIRE_VOTE, 118, 5, 5), LINK_QUEUED, "the slot is free again");
}

Test(link, what_is_being_sent_is_not_replaced, .init = setup_bulk)
{
    open_both();
    send(DIALER, WIRE_CAR_STRIPE, 200000, 1, 3);
    cr_assert_gt(link_output(ends[DIALER].link).len, 0);
    cr_assert_eq(send(DIALER, WIRE_CAR_STRIPE, 200000, 2, 3), LINK_QUEUED);
    cr_assert_eq(send(DIALER, WIRE_CAR_STRIPE, 200000, 3, 3), LINK_REPLACED_OLDER);
    hand_over_all();
    cr_assert_eq(ends[LISTENER].messages, 2);
    cr_assert_eq(ends[LISTENER].kept[199999], 3);
}

Test(link, sharers_of_a_message_hold_it_until_the_last_has_sent_it)
{
    open_both();
    struct payload *p = a_message(WIRE_VOTE, 118, 1);
    link_send(ends[DIALER].link, p, 0);
    link_send(ends[LISTENER].link, p, 0);
    cr_assert_eq(p->refs, 3);
    hand_over_all();
    cr_assert_eq(p->refs, 1);
    payload_release(p);
}
