// Batches of witnesses checked by one combination, on every backend, against libsecp256k1's recovery.
#include <criterion/criterion.h>
#include <secp256k1.h>
#include <stdlib.h>

#include "sigverify/lanes/combination.h"
#include "sigverify/lanes/scalar.h"
#include "tests/sigverify/backends.h"
#include "tests/sigverify/items.h"
#include "tests/support/vectors.h"

static void *library;
static struct combination *checked;
static const char *backend;
static bool slow;

static struct sv_item items[SV_BATCH_MAX];
static struct sv_witness witnesses[SV_BATCH_MAX];
static struct sv_result got[SV_BATCH_MAX], expected[SV_BATCH_MAX];

// Runs the test on every backend; sums are made for the smallest batches too.
static void for_each_backend(void (*test)(uint64_t *state), const char *what)
{
    struct points_backend backends[POINTS_BACKENDS_MAX];
    const size_t count = points_backends(backends);
    uint64_t state = test_seed(what);
    library = SV_PORTABLE.create();
    for (size_t i = 0; i < count; i++) {
        backend = backends[i].name;
        slow = backends[i].slow;
        checked = combination_create(backends[i].points, (struct combination_recovery){SV_PORTABLE.recover, library});
        cr_assert(checked);
        combination_set_smallest(checked, 0);
        test(&state);
        combination_free(checked);
    }
    SV_PORTABLE.destroy(library);
}

static void make_valid(size_t n, uint64_t *state)
{
    for (size_t i = 0; i < n; i++) {
        random_item(&items[i], &witnesses[i], state);
        witnesses[i].has_ry = test_random(state) % 2;
    }
}

static void expect_as_library(size_t n, const char *what)
{
    memset(got, 0, n * sizeof *got);
    memset(expected, 0, n * sizeof *expected);
    combination_verify_witness(checked, got, items, witnesses, n);
    SV_PORTABLE.verify_witness(library, expected, items, witnesses, n);
    for (size_t i = 0; i < n; i++) {
        cr_assert(got[i].status == expected[i].status, "%s, %s: item %zu of %zu has status %d instead of %d", backend,
                  what, i, n, got[i].status, expected[i].status);
        cr_assert(memcmp(got[i].pubkey, expected[i].pubkey, 64) == 0, "%s, %s: key of item %zu of %zu", backend, what,
                  i, n);
    }
}

// That a valid batch is accepted is not enough: its sum must have been infinity, with nothing recovered.
static void expect_sum_holds(size_t n, const char *what)
{
    const uint64_t failures = combination_failures(checked);
    expect_as_library(n, what);
    for (size_t i = 0; i < n; i++)
        cr_assert(got[i].status == SV_OK, "%s, %s: item %zu of %zu has status %d", backend, what, i, n, got[i].status);
    cr_assert(combination_failures(checked) == failures, "%s, %s: the sum of %zu valid ones failed", backend, what, n);
}

static void try_sizes(uint64_t *state)
{
    static const size_t LARGE[] = {255, 256, 257, 511, 512, 513, 700, SV_BATCH_MAX - 1, SV_BATCH_MAX};
    make_valid(SV_BATCH_MAX, state);
    for (size_t n = 0; n <= 200; n += slow && n > 20 ? 23 : 1)
        expect_sum_holds(n, "valid");
    for (size_t i = 0; i < sizeof LARGE / sizeof LARGE[0]; i++) {
        if (!slow || LARGE[i] == 513)
            expect_sum_holds(LARGE[i], "valid");
    }
}

Test(lanes_witness, valid_batches_of_every_size_hold_at_once)
{
    for_each_backend(try_sizes, "sizes");
}

// Small sums are where a coordinate that is not reduced would show.
static void try_small(uint64_t *state)
{
    for (int round = 0; round < (slow ? 40 : 1500); round++) {
        const size_t n = 1 + test_random(state) % 4;
        make_valid(n, state);
        expect_sum_holds(n, "small");
    }
}

Test(lanes_witness, tiny_batches_hold_at_once)
{
    for_each_backend(try_small, "tiny batches");
}

// One way for an item to be bad.
enum flaw {
    WRONG_HASH,
    WRONG_R,
    WRONG_S,
    FLIPPED_V,
    FLIPPED_V_OLD_RY,
    V_PLUS_2,
    V_OF_4,
    ZERO_R,
    ZERO_S,
    HIGH_S,
    ORDER_R,
    ORDER_S,
    WRONG_KEY,
    NEGATED_KEY,
    OTHER_POINT,
    LARGE_KEY,
    ZERO_KEY,
    WRONG_RY,
    NEGATED_RY,
    LARGE_RY,
    FLAWS,
};

static void corrupt(struct sv_item *item, struct sv_witness *witness, enum flaw flaw, uint64_t *state)
{
    const u256 n = group_order();
    const uint8_t flip = (uint8_t)(1u << test_random(state) % 8);
    const size_t at = test_random(state) % 32;
    switch (flaw) {
    case WRONG_HASH:
        item->hash.b[at] ^= flip;
        break;
    case WRONG_R:
        item->r.b[at] ^= flip;
        break;
    case WRONG_S:
        item->s.b[1 + at % 31] ^= flip;
        break;
    case FLIPPED_V:
        item->v ^= 1;
        witness->has_ry = false;
        break;
    case FLIPPED_V_OLD_RY:
        // The key and R belong together still; but v names the other R.
        item->v ^= 1;
        witness->has_ry = true;
        break;
    case V_PLUS_2:
        item->v |= 2;
        break;
    case V_OF_4:
        item->v = 4;
        break;
    case ZERO_R:
        item->r = (bytes32){{0}};
        break;
    case ZERO_S:
        item->s = (bytes32){{0}};
        break;
    case HIGH_S:
        item->s = negated(&item->s);
        item->v ^= 1;
        witness->ry[31] ^= 1;
        break;
    case ORDER_R:
        u256_to_be(item->r.b, &n);
        break;
    case ORDER_S:
        u256_to_be(item->s.b, &n);
        break;
    case WRONG_KEY:
        witness->pubkey[at + 32 * (test_random(state) % 2)] ^= flip;
        break;
    case NEGATED_KEY:
        cr_assert(sv_lift_x(witness->pubkey + 32, witness->pubkey, !(witness->pubkey[63] & 1)));
        break;
    case OTHER_POINT: {
        const bytes32 secret = random_bytes32(state);
        cr_assert(sv_public_key(witness->pubkey, &secret));
        break;
    }
    case LARGE_KEY:
        memset(witness->pubkey, 0xff, 32);
        break;
    case ZERO_KEY:
        memset(witness->pubkey, 0, 64);
        break;
    case WRONG_RY:
        witness->has_ry = true;
        witness->ry[at] ^= flip;
        break;
    case NEGATED_RY:
        witness->has_ry = true;
        cr_assert(sv_lift_x(witness->ry, item->r.b, !(item->v & 1)));
        break;
    case LARGE_RY:
        witness->has_ry = true;
        memset(witness->ry, 0xff, 32);
        witness->ry[31] = (uint8_t)(0xfe | (item->v & 1));
        break;
    case FLAWS:
        break;
    }
}

static void try_single_flaws(uint64_t *state)
{
    const size_t n = 19;
    static struct sv_item kept_items[19];
    static struct sv_witness kept_witnesses[19];
    make_valid(n, state);
    memcpy(kept_items, items, sizeof kept_items);
    memcpy(kept_witnesses, witnesses, sizeof kept_witnesses);
    for (int flaw = 0; flaw < FLAWS; flaw++) {
        for (size_t bad = 0; bad < n; bad += slow ? 6 : 1) {
            memcpy(items, kept_items, sizeof kept_items);
            memcpy(witnesses, kept_witnesses, sizeof kept_witnesses);
            corrupt(&items[bad], &witnesses[bad], (enum flaw)flaw, state);
            expect_as_library(n, "one bad item");
            for (size_t i = 0; i < n; i++)
                cr_assert((got[i].status != SV_OK) == (i == bad), "%s: flaw %d of item %zu, status of item %zu is %d",
                          backend, flaw, bad, i, got[i].status);
        }
    }
}

Test(lanes_witness, exactly_the_one_bad_item_is_refused_wherever_and_whatever_it_is)
{
    for_each_backend(try_single_flaws, "single flaws");
}

static void try_corruption(uint64_t *state)
{
    size_t refused = 0;
    for (int round = 0; round < (slow ? 3 : 60); round++) {
        const size_t n = 1 + test_random(state) % 200;
        make_valid(n, state);
        for (size_t i = 0; i < n; i++) {
            items[i].require_low_s = test_random(state) % 4;
            if (test_random(state) % 5 == 0)
                corrupt(&items[i], &witnesses[i], (enum flaw)(test_random(state) % FLAWS), state);
        }
        expect_as_library(n, "corrupted");
        for (size_t i = 0; i < n; i++)
            refused += got[i].status != SV_OK;
    }
    cr_expect(refused > 0);
}

Test(lanes_witness, corrupted_batches_are_answered_as_by_the_library)
{
    for_each_backend(try_corruption, "corrupted batches");
}

// --- Signatures made from chosen R and keys: everything is a known multiple of the generator.

// R = k G, key d G, and any s: z = s k - r d. false where that R's x is not in range.
static bool craft(struct sv_item *item, struct sv_witness *witness, const u256 *k, const u256 *d, const u256 *s)
{
    bytes32 secret;
    uint8_t r_point[64];
    *item = (struct sv_item){.require_low_s = false};
    *witness = (struct sv_witness){.has_ry = true};
    u256_to_be(secret.b, d);
    bool ok = sv_public_key(witness->pubkey, &secret);
    u256_to_be(secret.b, k);
    ok = ok && sv_public_key(r_point, &secret);
    if (!ok)
        return false;
    memcpy(item->r.b, r_point, 32);
    memcpy(witness->ry, r_point + 32, 32);
    item->v = r_point[63] & 1;
    u256_to_be(item->s.b, s);
    const u256 r = scalar_from_be(r_point), s_k = scalar_multiply(s, k), r_d = scalar_multiply(&r, d);
    const u256 minus = scalar_negate(&r_d), z = scalar_add(&s_k, &minus);
    u256_to_be(item->hash.b, &z);
    return true;
}

static u256 random_scalar(uint64_t *state)
{
    const bytes32 bytes = random_bytes32(state);
    return scalar_from_be(bytes.b);
}

// How R, key and s of an item are related.
enum relation {
    SAME_R,         // as item 0's
    OPPOSITE_R,     // its negative
    LAMBDA_R,       // lambda times it
    SMALL_R,        // a small multiple of the generator
    SAME_KEY,       // as item 0's
    OPPOSITE_KEY,   // its negative
    LAMBDA_KEY,     // lambda times it
    SMALL_KEY,      // a small multiple of the generator, the generator among them
    R_IS_KEY,       //
    R_IS_MINUS_KEY, //
    ZERO_HASH,      // z = 0
    ONE_S,          // s = 1
    MINUS_ONE_S,    // s = n - 1
    DOUBLED,        // u1 G = u2 key
    SAME_ITEM,      // as item 0
    RELATIONS,
};

static void craft_related(size_t i, enum relation relation, u256 *k0, u256 *d0, uint64_t *state)
{
    const u256 one = u256_from_u64(1), small = u256_from_u64(1 + test_random(state) % 4);
    u256 k = random_scalar(state), d = random_scalar(state), s = random_scalar(state);
    if (i == 0) {
        *k0 = k;
        *d0 = d;
    }
    switch (relation) {
    case SAME_R:
        k = *k0;
        break;
    case OPPOSITE_R:
        k = i % 2 ? scalar_negate(k0) : *k0;
        break;
    case LAMBDA_R:
        k = i % 2 ? scalar_multiply(k0, &SCALAR_LAMBDA) : *k0;
        break;
    case SMALL_R:
        k = small;
        break;
    case SAME_KEY:
        d = *d0;
        break;
    case OPPOSITE_KEY:
        d = i % 2 ? scalar_negate(d0) : *d0;
        break;
    case LAMBDA_KEY:
        d = i % 2 ? scalar_multiply(d0, &SCALAR_LAMBDA) : *d0;
        break;
    case SMALL_KEY:
        d = small;
        break;
    case R_IS_KEY:
        k = d;
        break;
    case R_IS_MINUS_KEY:
        k = scalar_negate(&d);
        break;
    case ONE_S:
        s = one;
        break;
    case MINUS_ONE_S:
        s = scalar_negate(&one);
        break;
    default:
        break;
    }
    if (relation == SAME_ITEM && i > 0) {
        items[i] = items[0];
        witnesses[i] = witnesses[0];
        return;
    }
    cr_assert(craft(&items[i], &witnesses[i], &k, &d, &s));
    const u256 r = scalar_from_be(items[i].r.b);
    if (relation == ZERO_HASH || relation == DOUBLED) {
        // s k = r d, or s k = 2 r d with z = r d
        const u256 r_d = scalar_multiply(&r, &d), twice = scalar_add(&r_d, &r_d);
        u256 k_inverse;
        scalar_invert_batch(&k_inverse, &k, 1);
        s = scalar_multiply(&k_inverse, relation == DOUBLED ? &twice : &r_d);
        cr_assert(craft(&items[i], &witnesses[i], &k, &d, &s));
    }
    witnesses[i].has_ry = test_random(state) % 2;
}

static void try_relations(uint64_t *state)
{
    static const size_t SIZES[] = {1, 2, 3, 5, 9, 33, 130};
    u256 k0 = U256_ZERO, d0 = U256_ZERO;
    for (int relation = 0; relation < RELATIONS; relation++) {
        for (size_t size = 0; size < sizeof SIZES / sizeof SIZES[0] - (slow ? 1 : 0); size++) {
            for (size_t i = 0; i < SIZES[size]; i++)
                craft_related(i, (enum relation)relation, &k0, &d0, state);
            expect_sum_holds(SIZES[size], "related points");
            const size_t bad = test_random(state) % SIZES[size];
            items[bad].hash.b[31] ^= 1;
            expect_as_library(SIZES[size], "related points, one item bad");
            cr_assert(got[bad].status == SV_WRONG_WITNESS, "%s: relation %d", backend, relation);
        }
    }
}

Test(lanes_witness, related_points_are_summed_right)
{
    for_each_backend(try_relations, "related points");
}

static void try_mixed_relations(uint64_t *state)
{
    u256 k0 = U256_ZERO, d0 = U256_ZERO;
    for (int round = 0; round < (slow ? 3 : 40); round++) {
        const size_t n = 2 + test_random(state) % 100;
        for (size_t i = 0; i < n; i++)
            craft_related(i, (enum relation)(test_random(state) % RELATIONS), &k0, &d0, state);
        expect_sum_holds(n, "mixed relations");
        for (size_t i = 0; i < n; i++) {
            if (test_random(state) % 8 == 0)
                corrupt(&items[i], &witnesses[i], (enum flaw)(test_random(state) % FLAWS), state);
        }
        expect_as_library(n, "mixed relations, corrupted");
    }
}

Test(lanes_witness, related_points_are_summed_right_together)
{
    for_each_backend(try_mixed_relations, "mixed relations");
}

// Where recovery gives infinity no key is right: u1 G = -u2 R, which is z = s k.
static void try_infinity(uint64_t *state)
{
    for (size_t n = 1; n < 12; n++) {
        for (size_t bad = 0; bad < n; bad++) {
            make_valid(n, state);
            const u256 k = random_scalar(state), d = random_scalar(state), s = random_scalar(state);
            cr_assert(craft(&items[bad], &witnesses[bad], &k, &d, &s));
            const u256 z = scalar_multiply(&s, &k);
            u256_to_be(items[bad].hash.b, &z);
            expect_as_library(n, "infinity");
            cr_assert(got[bad].status == SV_NO_POINT);
        }
    }
}

Test(lanes_witness, a_key_at_infinity_is_no_key)
{
    for_each_backend(try_infinity, "infinity");
}

// Errors that would cancel if the two items' coefficients were equal or opposite: one signature, and keys Q + T, Q - T.
static void try_cancelling(uint64_t *state)
{
    for (int round = 0; round < 20; round++) {
        const u256 k = random_scalar(state), d = random_scalar(state), t = random_scalar(state);
        const u256 s = random_scalar(state), minus_t = scalar_negate(&t);
        const u256 secrets[2] = {scalar_add(&d, &t), scalar_add(&d, &minus_t)};
        make_valid(9, state);
        for (size_t i = 0; i < 2; i++) {
            bytes32 secret;
            cr_assert(craft(&items[4 * i], &witnesses[4 * i], &k, &d, &s));
            u256_to_be(secret.b, &secrets[i]);
            cr_assert(sv_public_key(witnesses[4 * i].pubkey, &secret));
        }
        const uint64_t failures = combination_failures(checked);
        expect_as_library(9, "errors that cancel");
        cr_assert(combination_failures(checked) == failures + 1);
        cr_assert(got[0].status == SV_WRONG_WITNESS && got[4].status == SV_WRONG_WITNESS);
    }
}

Test(lanes_witness, errors_that_cancel_each_other_are_found)
{
    for_each_backend(try_cancelling, "cancelling errors");
}

static void try_senders(uint64_t *state)
{
    for (size_t each = 2; each <= 64; each *= 2) {
        const size_t n = slow ? 64 : 256;
        for (size_t i = 0; i < n; i++) {
            struct sv_signature signature;
            bytes32 key = {{1}};
            key.b[31] = (uint8_t)(1 + i / each);
            items[i] = (struct sv_item){.hash = random_bytes32(state), .require_low_s = true};
            witnesses[i] = (struct sv_witness){0};
            cr_assert(sv_sign(&signature, &items[i].hash, &key) && sv_public_key(witnesses[i].pubkey, &key));
            items[i].r = signature.r;
            items[i].s = signature.s;
            items[i].v = signature.v;
        }
        expect_sum_holds(n, "senders with many transactions");
        items[n / 2].hash.b[0] ^= 0x80;
        expect_as_library(n, "senders with many transactions, one bad");
        cr_assert(got[n / 2].status == SV_WRONG_WITNESS);
    }
}

Test(lanes_witness, senders_with_many_transactions_are_merged_right)
{
    for_each_backend(try_senders, "senders");
}

// R.x = r + n: such signatures exist for small r alone, and can't be signed by search. x is the curve's first above n.
static void try_large_x(uint64_t *state)
{
    const u256 n = group_order();
    uint8_t x_bytes[32], y[32];
    u256 r = u256_from_u64(1), x;
    for (;; r.w[0]++) {
        u256_add(&x, &n, &r);
        u256_to_be(x_bytes, &x);
        if (sv_lift_x(y, x_bytes, 0))
            break;
    }
    for (size_t size = 1; size < 10; size++) {
        make_valid(size, state);
        const size_t at = test_random(state) % size;
        // The key is what recovery gives: for this R every s and z have one.
        items[at] = (struct sv_item){.hash = random_bytes32(state), .v = 2, .require_low_s = false};
        u256_to_be(items[at].r.b, &r);
        const u256 s = random_scalar(state);
        u256_to_be(items[at].s.b, &s);
        struct sv_result recovered = {0};
        SV_PORTABLE.recover(library, &recovered, &items[at], 1);
        cr_assert(recovered.status == SV_OK);
        memcpy(witnesses[at].pubkey, recovered.pubkey, 64);
        witnesses[at].has_ry = size % 2;
        memcpy(witnesses[at].ry, y, 32);
        expect_sum_holds(size, "x above the order");
        items[at].v = 0;
        expect_as_library(size, "x above the order, v without it");
        cr_assert(got[at].status != SV_OK);
    }
}

Test(lanes_witness, an_r_whose_x_is_above_the_order_holds)
{
    for_each_backend(try_large_x, "large x");
}

static void try_small_batches(uint64_t *state)
{
    combination_set_smallest(checked, 20);
    for (size_t n = 0; n < 40; n++) {
        make_valid(n, state);
        expect_sum_holds(n, "around the smallest sum");
        if (n > 0)
            items[n - 1].hash.b[3] ^= 4;
        expect_as_library(n, "around the smallest sum, one bad");
    }
}

Test(lanes_witness, batches_too_small_for_a_sum_are_answered_alike)
{
    for_each_backend(try_small_batches, "smallest sums");
}
