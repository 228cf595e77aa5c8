// What makes a message non-canonical or out of range, field by field, and layouts that must not drift.
#include "tests/engine/wire_samples.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct wire_sample sample;

static void setup(void)
{
    wire_sample_init(&sample, 7);
}

static void teardown(void)
{
    wire_sample_free(&sample);
}

TestSuite(wire_rules, .init = setup, .fini = teardown);

static enum wire_status decode_again(const struct wire_message *m)
{
    static struct wire_message out;
    uint8_t *bytes = malloc(2u << 20);
    wire_encode(bytes, m);
    const size_t size = wire_size(m);
    const enum wire_status status = wire_decode(&out, bytes_of(bytes, size), &SAMPLE_SET);
    free(bytes);
    return status;
}

#define REFUSED(change, why)                                                                                           \
    do {                                                                                                               \
        struct wire_message kept = *m;                                                                                 \
        cr_assert_eq(decode_again(m), WIRE_OK);                                                                        \
        change;                                                                                                        \
        const enum wire_status got = decode_again(m);                                                                  \
        cr_assert_eq(got, why, "%s: %s", #change, wire_status_text(got));                                              \
        *m = kept;                                                                                                     \
    } while (0)

static struct wire_message *make(unsigned type)
{
    wire_sample_make(&sample, type, true);
    return &sample.m;
}

Test(wire_rules, a_vote_is_laid_out_as_documented)
{
    struct wire_message *m = make(WIRE_VOTE);
    m->epoch = 0x0807060504030201;
    m->vote.kind = WIRE_FINALIZE;
    m->vote.view = 0x1817161514131211;
    m->vote.voter = 0x0021;
    struct bytes b = wire_sample_encode(&sample);
    static const uint8_t head[] = {2, 0, WIRE_VOTE, 1,    2,    3,    4,    5,    6,    7,
                                   8, 3, 0x11,      0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18};
    cr_assert_eq(b.len, 118);
    cr_assert(memcmp(b.ptr, head, sizeof head) == 0);
    cr_assert(memcmp(b.ptr + 20, m->vote.digest.b, 32) == 0);
    cr_assert(b.ptr[52] == 0x21 && b.ptr[53] == 0);
    cr_assert(memcmp(b.ptr + 54, m->vote.signature.b, 64) == 0);
    free((void *)(uintptr_t)b.ptr);
}

Test(wire_rules, type_numbers_do_not_drift)
{
    cr_assert(WIRE_CAR_HDR == 1 && WIRE_CAR_STRIPE == 2 && WIRE_ACKS == 4 && WIRE_ACK_STATE == 5);
    cr_assert(WIRE_PROPOSAL == 6 && WIRE_VOTE == 7 && WIRE_CERT == 8 && WIRE_GET_CERTS == 9 && WIRE_CERTS == 10);
    cr_assert(WIRE_GET_BLOCK == 11 && WIRE_BLOCK == 12 && WIRE_GET_RANGE == 13 && WIRE_RANGE == 14);
    cr_assert(WIRE_GET_CAR == 15 && WIRE_EVIDENCE == 18 && WIRE_HELLO == 19 && WIRE_FORWARD == 21);
}

Test(wire_rules, another_version_is_refused)
{
    wire_sample_make(&sample, WIRE_VOTE, true);
    struct bytes b = wire_sample_encode(&sample);
    struct wire_message out;
    for (unsigned byte = 0; byte < 2; byte++) {
        ((uint8_t *)(uintptr_t)b.ptr)[byte] ^= 2;
        cr_assert_eq(wire_decode(&out, b, &SAMPLE_SET), WIRE_BAD_VERSION);
        ((uint8_t *)(uintptr_t)b.ptr)[byte] ^= 2;
    }
    free((void *)(uintptr_t)b.ptr);
}

Test(wire_rules, cars)
{
    struct wire_message *m = make(WIRE_CAR_HDR);
    REFUSED(m->car.lane = 100, WIRE_BAD_VALUE);
    REFUSED(m->car.pos = 0, WIRE_BAD_VALUE);
    REFUSED(m->car.flags = 2, WIRE_NOT_CANONICAL);
    REFUSED(m->car.stripes[3].txs = 0, WIRE_BAD_VALUE);
    REFUSED(m->car.stripes[3].bytes = 0, WIRE_BAD_VALUE);
    REFUSED(m->car.stripes[3].bytes = WIRE_STRIPE_BYTES_MAX + 1, WIRE_BAD_VALUE);
    REFUSED(m->car.stripes[3].bytes = m->car.stripes[4].bytes = WIRE_STRIPE_BYTES_MAX, WIRE_BAD_VALUE);
    REFUSED(m->car.stripes[3].gas = SAMPLE_SET.car_gas_max + 1, WIRE_BAD_VALUE);
    REFUSED(m->car.stripes[3].gas = UINT64_MAX, WIRE_BAD_VALUE);
    m->car.stripe_bitmap = 0;
    cr_assert_eq(decode_again(m), WIRE_OK);
}

Test(wire_rules, a_car_of_just_the_largest_size_is_legal)
{
    struct wire_message *m = make(WIRE_CAR_HDR);
    m->car.stripe_bitmap = 3;
    m->car.stripes[0].bytes = m->car.stripes[1].bytes = WIRE_STRIPE_BYTES_MAX;
    cr_assert_eq(decode_again(m), WIRE_OK);
}

Test(wire_rules, the_gas_of_a_car_s_stripes_is_bounded_together)
{
    struct wire_message *m = make(WIRE_CAR_HDR);
    m->car.stripe_bitmap = 0x8101;
    m->car.stripes[0].gas = SAMPLE_SET.car_gas_max - 9;
    m->car.stripes[8].gas = 0;
    m->car.stripes[15].gas = 9;
    cr_assert_eq(decode_again(m), WIRE_OK);
    REFUSED(m->car.stripes[8].gas = 1, WIRE_BAD_VALUE);
    REFUSED(m->car.stripes[15].gas = 10, WIRE_BAD_VALUE);
    REFUSED(m->car.stripes[15].gas = UINT64_MAX, WIRE_BAD_VALUE);
}

Test(wire_rules, stripe_messages)
{
    struct wire_message *m = make(WIRE_CAR_STRIPE);
    REFUSED(m->car_stripe.lane = 100, WIRE_BAD_VALUE);
    REFUSED(m->car_stripe.pos = 0, WIRE_BAD_VALUE);
    REFUSED(m->car_stripe.stripe = WIRE_STRIPES, WIRE_BAD_VALUE);
}

Test(wire_rules, forwarded_transactions)
{
    struct wire_message *m = make(WIRE_FORWARD);
    uint8_t *body = (uint8_t *)(uintptr_t)m->forward.body.ptr;
    REFUSED(m->epoch = 1, WIRE_NOT_CANONICAL);
    REFUSED(m->forward.body.len--, WIRE_SHORT);
    body[0]++; // a key more than there is
    cr_assert_neq(decode_again(m), WIRE_OK);
}

Test(wire_rules, acks)
{
    struct wire_message *m = make(WIRE_ACKS);
    struct wire_ack *acks = (struct wire_ack *)(uintptr_t)m->acks.acks;
    struct wire_exec *execs = (struct wire_exec *)(uintptr_t)m->acks.execs;
    const struct wire_ack a = acks[5];
    const struct wire_exec e = execs[5];
    REFUSED(acks[5] = acks[6], WIRE_NOT_CANONICAL);
    acks[5] = a;
    REFUSED(acks[5].lane = acks[6].lane; acks[5].pos = acks[6].pos + 1, WIRE_NOT_CANONICAL);
    acks[5] = a;
    REFUSED(acks[5].pos = 0, WIRE_BAD_VALUE);
    acks[5] = a;
    REFUSED(acks[WIRE_ACKS_MAX - 1].lane = 100, WIRE_BAD_VALUE);
    acks[WIRE_ACKS_MAX - 1].lane = 99;
    REFUSED(execs[5].height = execs[6].height, WIRE_NOT_CANONICAL);
    execs[5] = e;
    REFUSED(m->acks.exec_count = 0; m->acks.ack_count = WIRE_ACKS_MAX + 1, WIRE_BAD_COUNT);
    REFUSED(m->acks.ack_count = 0; m->acks.exec_count = WIRE_EXECS_MAX + 1, WIRE_BAD_COUNT);
}

Test(wire_rules, ack_states)
{
    struct wire_message *m = make(WIRE_ACK_STATE);
    REFUSED(m->ack_state.lanes[3].lane = 4, WIRE_NOT_CANONICAL);
    REFUSED(m->ack_state.lanes[3].lane = 1, WIRE_NOT_CANONICAL);
    REFUSED(m->ack_state.lanes[99].lane = 100, WIRE_BAD_VALUE);
    REFUSED(m->ack_state.lanes[3].mask = 0, WIRE_NOT_CANONICAL);
    REFUSED(m->ack_state.lanes[3].base = UINT32_MAX - 31, WIRE_BAD_VALUE);
    REFUSED(m->ack_state.lane_count = 101, WIRE_BAD_COUNT);
}

static void seal(struct wire_message *m)
{
    wire_block_seal(&SAMPLE_SET, &m->block);
}

Test(wire_rules, blocks)
{
    struct wire_message *m = make(WIRE_BLOCK);
    REFUSED(m->block.header.epoch++, WIRE_BAD_VALUE);
    REFUSED(m->block.header.leader = 100, WIRE_BAD_VALUE);
    REFUSED(m->block.header.view = 0, WIRE_BAD_VALUE);
    REFUSED(m->block.header.parent_view = m->block.header.view, WIRE_BAD_VALUE);
    REFUSED(m->block.header.flags = 4, WIRE_NOT_CANONICAL);
    REFUSED(m->block.header.flags = WIRE_BLOCK_TICK, WIRE_NOT_CANONICAL);
    REFUSED(m->block.header.cut_hash.b[31] ^= 1, WIRE_BAD_DIGEST);
    REFUSED(m->block.lanes[3].from_pos++, WIRE_BAD_DIGEST);
    REFUSED(m->block.lanes[3].lane = 4; seal(m), WIRE_NOT_CANONICAL);
    REFUSED(m->block.lanes[3].lane = 1; seal(m), WIRE_NOT_CANONICAL);
    REFUSED(m->block.lanes[99].lane = 100; seal(m), WIRE_BAD_VALUE);
    REFUSED(m->block.lanes[3].count = 0; seal(m), WIRE_BAD_VALUE);
    REFUSED(m->block.lanes[3].from_pos = 0; seal(m), WIRE_BAD_VALUE);
    REFUSED(m->block.lanes[3].from_pos = UINT32_MAX - 7; seal(m), WIRE_BAD_VALUE);
    m->block.lane_count = 0;
    for (unsigned flags = 0; flags < 4; flags++) {
        m->block.header.flags = (uint16_t)flags;
        seal(m);
        cr_assert_eq(decode_again(m), flags < 3 ? WIRE_OK : WIRE_NOT_CANONICAL);
    }
}

Test(wire_rules, a_lane_of_a_cut_has_at_most_eight_cars)
{
    struct wire_message *m = make(WIRE_BLOCK);
    m->block.lane_count = 1;
    uint8_t digests[9 * 32] = {0};
    m->block.lanes[0].digests = (const bytes32 *)digests;
    m->block.lanes[0].count = 9;
    seal(m);
    cr_assert_eq(decode_again(m), WIRE_BAD_COUNT);
}

Test(wire_rules, decoded_blocks_carry_their_digest)
{
    struct wire_message *m = make(WIRE_BLOCK), out;
    const bytes32 digest = m->block.digest;
    struct bytes b = wire_sample_encode(&sample);
    cr_assert_eq(wire_decode(&out, b, &SAMPLE_SET), WIRE_OK);
    cr_assert(bytes32_equal(&out.block.digest, &digest));
    free((void *)(uintptr_t)b.ptr);
}

Test(wire_rules, votes)
{
    struct wire_message *m = make(WIRE_VOTE);
    m->vote.kind = WIRE_NOTARIZE;
    REFUSED(m->vote.kind = 0, WIRE_BAD_VALUE);
    REFUSED(m->vote.kind = 4, WIRE_BAD_VALUE);
    REFUSED(m->vote.view = 0, WIRE_BAD_VALUE);
    REFUSED(m->vote.voter = 100, WIRE_BAD_VALUE);
    m->vote.digest.b[0] = 1;
    REFUSED(m->vote.kind = WIRE_NULLIFY, WIRE_NOT_CANONICAL);
}

Test(wire_rules, certificates)
{
    struct wire_message *m = make(WIRE_CERT);
    const uint64_t none[2] = {0};
    m->cert.kind = WIRE_NOTARIZE;
    m->cert.digest.b[0] = 1;
    REFUSED(m->cert.kind = 4, WIRE_BAD_VALUE);
    REFUSED(m->cert.kind = WIRE_NULLIFY, WIRE_NOT_CANONICAL);
    REFUSED(m->cert.view = 0, WIRE_BAD_VALUE);
    REFUSED(memcpy(m->cert.voters, none, sizeof none), WIRE_BAD_VALUE);
    REFUSED(m->cert.voters[1] ^= 1ull << 36 | 1, WIRE_BAD_VALUE);
    REFUSED(m->cert.voters[1] ^= 1ull << 63 | 1, WIRE_BAD_VALUE);
    cr_assert_eq(wire_cert_count(&m->cert), 100);
    cr_assert(wire_cert_has(&m->cert, 99) && !wire_cert_has(&m->cert, 100) && !wire_cert_has(&m->cert, 1000));
}

Test(wire_rules, proposals)
{
    struct wire_message *m = make(WIRE_PROPOSAL);
    REFUSED(m->proposal.just[1] = m->proposal.just[0], WIRE_NOT_CANONICAL);
    REFUSED(m->proposal.just[1].view = m->proposal.just[3].view, WIRE_NOT_CANONICAL);
    REFUSED(m->proposal.block.header.time_ms++; m->proposal.block.header.leader = 100, WIRE_BAD_VALUE);
    struct bytes b = wire_sample_encode(&sample);
    struct wire_message out;
    m->proposal.just_count = 0;
    ((uint8_t *)(uintptr_t)b.ptr)[wire_size(m) - 1] = 5;
    cr_assert_eq(wire_decode(&out, b, &SAMPLE_SET), WIRE_BAD_COUNT);
    free((void *)(uintptr_t)b.ptr);
}

Test(wire_rules, questions)
{
    struct wire_message *m = make(WIRE_GET_CERTS);
    REFUSED(m->get_certs.to_view = m->get_certs.from_view - 1, WIRE_BAD_VALUE);
    m = make(WIRE_GET_RANGE);
    REFUSED(m->get_range.count = 0, WIRE_BAD_VALUE);
    REFUSED(m->get_range.count = WIRE_RANGE_BLOCKS_MAX + 1, WIRE_BAD_COUNT);
    m = make(WIRE_GET_CAR);
    REFUSED(m->get_car.lane = 100, WIRE_BAD_VALUE);
    REFUSED(m->get_car.pos = 0, WIRE_BAD_VALUE);
    m = make(WIRE_HELLO);
    m->hello = (struct wire_hello){.channel = WIRE_CONTROL, .shards = 1};
    REFUSED(m->hello.channel = 2, WIRE_BAD_VALUE);
    REFUSED(m->hello.shards = 0, WIRE_BAD_VALUE);
    REFUSED(m->hello.channel = WIRE_BULK; m->hello.group = WIRE_STRIPES, WIRE_BAD_VALUE);
    REFUSED(m->hello.group = 1, WIRE_NOT_CANONICAL);
    REFUSED(m->epoch = 1, WIRE_NOT_CANONICAL);
}

Test(wire_rules, lists_are_walked_in_order_and_can_be_sent_on)
{
    static struct wire_message out;
    wire_sample_make(&sample, WIRE_RANGE, true);
    struct bytes b = wire_sample_encode(&sample);
    cr_assert_eq(wire_decode(&out, b, &SAMPLE_SET), WIRE_OK);
    struct bytes rest = out.range.encoded;
    struct wire_block block;
    unsigned n = 0;
    for (; wire_blocks_next(&rest, &block, &SAMPLE_SET); n++)
        cr_assert(bytes32_equal(&block.digest, &sample.m.range.items[n].digest));
    cr_assert_eq(n, sample.m.range.count);
    free((void *)(uintptr_t)b.ptr);

    wire_sample_make(&sample, WIRE_CERTS, true);
    b = wire_sample_encode(&sample);
    cr_assert_eq(wire_decode(&out, b, &SAMPLE_SET), WIRE_OK);
    rest = out.certs.encoded;
    struct wire_cert cert;
    for (n = 0; wire_certs_next(&rest, &cert); n++)
        cr_assert(cert.view == sample.m.certs.items[n].view && cert.kind == sample.m.certs.items[n].kind);
    cr_assert_eq(n, 10);
    free((void *)(uintptr_t)b.ptr);
}

Test(wire_rules, lists)
{
    struct wire_message *m = make(WIRE_CERTS);
    struct wire_cert *certs = (struct wire_cert *)(uintptr_t)m->certs.items;
    const struct wire_cert c = certs[4];
    REFUSED(certs[4].view = 7, WIRE_NOT_CANONICAL);
    certs[4] = c;
    REFUSED(certs[4] = certs[3], WIRE_NOT_CANONICAL);
    certs[4] = c;
    do
        m = make(WIRE_RANGE);
    while (m->range.count < 2);
    struct wire_block *blocks = (struct wire_block *)(uintptr_t)m->range.items;
    REFUSED(blocks[1].header.height++, WIRE_NOT_CANONICAL);
    blocks[1].header.height--;
    REFUSED(m->range.cert.kind = WIRE_NOTARIZE, WIRE_BAD_VALUE);
    blocks[1].header.epoch++;
    wire_block_seal(&SAMPLE_SET, &blocks[1]);
    cr_assert_eq(decode_again(m), WIRE_BAD_VALUE);
}

Test(wire_rules, evidence_must_show_a_conflict)
{
    struct wire_message *m = &sample.m;
    wire_sample_evidence(&sample, WIRE_TWO_PROPOSALS);
    REFUSED(m->evidence.proposals[1] = m->evidence.proposals[0], WIRE_NO_CONFLICT);
    REFUSED(m->evidence.proposals[1].header.leader++, WIRE_NO_CONFLICT);
    REFUSED(m->evidence.proposals[1].header.view++, WIRE_NO_CONFLICT);
    REFUSED(m->evidence.proposals[1] = m->evidence.proposals[0];
            m->evidence.proposals[0] = kept.evidence.proposals[1], WIRE_NOT_CANONICAL);
    for (unsigned offence = WIRE_TWO_NOTARIZE; offence <= WIRE_TWO_FINALIZE; offence++) {
        wire_sample_evidence(&sample, offence);
        REFUSED(m->evidence.votes[1].view++, WIRE_NO_CONFLICT);
        REFUSED(m->evidence.votes[1].voter = (uint16_t)((m->evidence.votes[1].voter + 1) % 100), WIRE_NO_CONFLICT);
        REFUSED(m->evidence.votes[1].kind = offence == WIRE_TWO_NOTARIZE ? WIRE_FINALIZE : WIRE_NOTARIZE,
                WIRE_NO_CONFLICT);
        if (offence == WIRE_NULLIFY_FINALIZE)
            continue;
        REFUSED(m->evidence.votes[1].digest = m->evidence.votes[0].digest, WIRE_NO_CONFLICT);
        REFUSED(m->evidence.votes[1] = m->evidence.votes[0];
                m->evidence.votes[0] = kept.evidence.votes[1], WIRE_NOT_CANONICAL);
    }
    wire_sample_evidence(&sample, WIRE_TWO_CARS);
    REFUSED(m->evidence.cars[1].pos ^= 2, WIRE_NO_CONFLICT);
    REFUSED(m->evidence.cars[1].lane = (uint16_t)((m->evidence.cars[1].lane + 1) % 100), WIRE_NO_CONFLICT);
    REFUSED(m->evidence.cars[1] = m->evidence.cars[0], WIRE_NO_CONFLICT);
    REFUSED(m->evidence.cars[1] = m->evidence.cars[0]; m->evidence.cars[0] = kept.evidence.cars[1], WIRE_NOT_CANONICAL);
    wire_sample_evidence(&sample, WIRE_BAD_BODY);
    REFUSED(m->evidence.bad_body.stripe = WIRE_STRIPES, WIRE_BAD_VALUE);
    REFUSED(m->evidence.bad_body.body.len--, WIRE_BAD_DIGEST);
    REFUSED(m->evidence.bad_body.car.stripe_bitmap = 0, WIRE_BAD_VALUE);
    REFUSED(m->evidence.offence = 0, WIRE_BAD_VALUE);
    REFUSED(m->evidence.offence = 7, WIRE_BAD_VALUE);
}
