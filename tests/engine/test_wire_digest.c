// The digests: tagged as in BIP-340, and covering all that rules read.
#include "engine/net/wire/codec.h"

#include <criterion/criterion.h>
#include <secp256k1.h>

static const struct wire_set SET = {.chain_id = 31337, .set_hash = {{9}}, .n = 4};

#define DIFFERS(expression, from)                                                                                      \
    do {                                                                                                               \
        const bytes32 changed = (expression);                                                                          \
        cr_assert(!bytes32_equal(&changed, &(from)), #expression);                                                     \
    } while (0)

static void check_tagged(bytes32 got, const char *tag, const void *p, size_t len)
{
    bytes32 expected;
    cr_assert(secp256k1_tagged_sha256(secp256k1_context_static, expected.b, (const uint8_t *)tag, strlen(tag), p, len));
    cr_assert(bytes32_equal(&got, &expected), "%s", tag);
}

Test(wire_digest, is_tagged_sha256_as_bip340_has_it)
{
    const uint32_t tips[3] = {1, 2, 3};
    struct wire_block_header h = {.epoch = 5, .view = 6};
    uint8_t message[1024];
    check_tagged(wire_tips_hash(tips, 3), "gantry/tips", tips, sizeof tips);
    check_tagged(wire_stripe_digest(bytes_of("abc", 3)), "gantry/stripe", "abc", 3);
    memcpy(message, &SET.chain_id, 8);
    memcpy(message + 8, &h, sizeof h);
    check_tagged(wire_block_digest(&SET, &h), "gantry/block", message, 8 + sizeof h);
    const uint64_t epoch = 5, view = 6;
    const bytes32 digest = {{4}};
    memcpy(message + 8, SET.set_hash.b, 32);
    message[40] = WIRE_FINALIZE;
    memcpy(message + 41, &epoch, 8);
    memcpy(message + 49, &view, 8);
    memcpy(message + 57, digest.b, 32);
    check_tagged(wire_vote_digest(&SET, 5, WIRE_FINALIZE, 6, &digest), "gantry/vote", message, 89);
}

Test(wire_digest, a_block_s_covers_chain_and_every_byte_of_the_header)
{
    struct wire_block_header h = {.epoch = 5};
    struct wire_set other = SET;
    const bytes32 digest = wire_block_digest(&SET, &h);
    for (unsigned i = 0; i < sizeof h; i++) {
        ((uint8_t *)&h)[i] ^= 1;
        DIFFERS(wire_block_digest(&SET, &h), digest);
        ((uint8_t *)&h)[i] ^= 1;
    }
    other.chain_id++;
    DIFFERS(wire_block_digest(&other, &h), digest);
}

Test(wire_digest, a_block_s_covers_the_cut)
{
    bytes32 cars[2] = {{{1}}, {{2}}};
    struct wire_block b = {.lane_count = 1, .lanes = {{.lane = 1, .from_pos = 3, .count = 2, .digests = cars}}};
    wire_block_seal(&SET, &b);
    const bytes32 digest = b.digest;
#define CUT_MATTERS(change)                                                                                            \
    do {                                                                                                               \
        struct wire_block kept = b;                                                                                    \
        change;                                                                                                        \
        wire_block_seal(&SET, &b);                                                                                     \
        DIFFERS(b.digest, digest);                                                                                     \
        b = kept;                                                                                                      \
    } while (0)
    CUT_MATTERS(b.lane_count = 0);
    CUT_MATTERS(b.lanes[0].lane = 2);
    CUT_MATTERS(b.lanes[0].from_pos = 4);
    CUT_MATTERS(b.lanes[0].count = 1);
    cars[1].b[31] = 1;
    CUT_MATTERS((void)0);
}

Test(wire_digest, a_vote_s_covers_chain_set_kind_epoch_view_and_block)
{
    const bytes32 block = {{4}}, block2 = {{5}};
    struct wire_set chain = SET, set = SET;
    const bytes32 digest = wire_vote_digest(&SET, 5, WIRE_NOTARIZE, 6, &block);
    chain.chain_id++;
    set.set_hash.b[31]++;
    DIFFERS(wire_vote_digest(&chain, 5, WIRE_NOTARIZE, 6, &block), digest);
    DIFFERS(wire_vote_digest(&set, 5, WIRE_NOTARIZE, 6, &block), digest);
    DIFFERS(wire_vote_digest(&SET, 6, WIRE_NOTARIZE, 6, &block), digest);
    DIFFERS(wire_vote_digest(&SET, 5, WIRE_FINALIZE, 6, &block), digest);
    DIFFERS(wire_vote_digest(&SET, 5, WIRE_NOTARIZE, 7, &block), digest);
    DIFFERS(wire_vote_digest(&SET, 5, WIRE_NOTARIZE, 6, &block2), digest);
}

Test(wire_digest, a_car_s_covers_chain_set_epoch_and_all_but_the_signature)
{
    struct wire_car car = {.lane = 1, .pos = 2, .flags = 1, .stripe_bitmap = 0x8001};
    car.stripes[0] = (struct wire_stripe_ref){{{1}}, 300, 2, 42000};
    car.stripes[15] = (struct wire_stripe_ref){{{2}}, 400, 3, 63000};
    struct wire_set chain = SET, set = SET;
    const bytes32 digest = wire_car_digest(&SET, 5, &car);
    chain.chain_id++;
    set.set_hash.b[31]++;
    DIFFERS(wire_car_digest(&chain, 5, &car), digest);
    DIFFERS(wire_car_digest(&set, 5, &car), digest);
    DIFFERS(wire_car_digest(&SET, 6, &car), digest);
#define CAR_MATTERS(change)                                                                                            \
    do {                                                                                                               \
        struct wire_car kept = car;                                                                                    \
        change;                                                                                                        \
        DIFFERS(wire_car_digest(&SET, 5, &car), digest);                                                               \
        car = kept;                                                                                                    \
    } while (0)
    CAR_MATTERS(car.lane = 2);
    CAR_MATTERS(car.pos = 3);
    CAR_MATTERS(car.flags = 0);
    CAR_MATTERS(car.stripe_bitmap = 0x8003);
    CAR_MATTERS(car.stripe_bitmap = 1);
    CAR_MATTERS(car.stripes[0].digest.b[31] = 1);
    CAR_MATTERS(car.stripes[0].bytes = 301);
    CAR_MATTERS(car.stripes[15].txs = 4);
    CAR_MATTERS(car.stripes[0].gas = 42001);
    memset(&car.signature, 7, sizeof car.signature);
    const bytes32 signed_digest = wire_car_digest(&SET, 5, &car);
    cr_assert(bytes32_equal(&signed_digest, &digest));
}

Test(wire_digest, tips_of_each_lane_count)
{
    uint32_t tips[2] = {1, 2};
    const bytes32 digest = wire_tips_hash(tips, 2);
    tips[1] = 3;
    DIFFERS(wire_tips_hash(tips, 2), digest);
    tips[1] = 2;
    DIFFERS(wire_tips_hash(tips, 1), digest);
}
