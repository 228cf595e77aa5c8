// Recovery in lanes on every backend, against libsecp256k1's: random and corrupted items, and those made for the cases
// that the lanes leave out.
#include <criterion/criterion.h>

#include "sigverify/lanes/digits.h"
#include "sigverify/lanes/recover.h"
#include "sigverify/lanes/scalar.h"
#include "tests/sigverify/items.h"
#include "tests/sigverify/lanes/probe.h"
#include "tests/support/vectors.h"

static void *library;
static struct recovery *checked;
static const struct lanes_probe *probe;
static struct sv_item items[SV_BATCH_MAX];
static struct sv_result got[SV_BATCH_MAX], expected[SV_BATCH_MAX];

static bool is_slow(void)
{
    return strcmp(probe->name, "emulated") == 0;
}

// Runs the test on every backend; lanes are used for the smallest batches too.
static void for_each_probe(void (*test)(uint64_t *state), const char *what)
{
    const struct lanes_probe *probes[PROBES_MAX];
    const size_t count = lanes_probes(probes);
    uint64_t state = test_seed(what);
    library = SV_PORTABLE.create();
    for (size_t i = 0; i < count; i++) {
        probe = probes[i];
        checked = recovery_create(probe->recover);
        cr_assert(checked);
        recovery_set_smallest(checked, 0);
        test(&state);
        recovery_free(checked);
    }
    SV_PORTABLE.destroy(library);
}

static void expect_as_library(size_t n, const char *what)
{
    memset(got, 0, sizeof got);
    memset(expected, 0, n * sizeof *expected);
    recovery_run(checked, got, items, n);
    SV_PORTABLE.recover(library, expected, items, n);
    for (size_t i = 0; i < n; i++) {
        cr_assert(got[i].status == expected[i].status && memcmp(got[i].pubkey, expected[i].pubkey, 64) == 0,
                  "%s, %s: item %zu of %zu: status %d, not %d", probe->name, what, i, n, got[i].status,
                  expected[i].status);
        cr_assert(!got[i].has_ry || (got[i].status == SV_OK && sv_is_ry(&items[i], got[i].ry)),
                  "%s, %s: item %zu of %zu: another y of R", probe->name, what, i, n);
    }
}

static struct sv_item valid_item(uint64_t *state)
{
    struct sv_item item;
    struct sv_witness witness;
    random_item(&item, &witness, state);
    return item;
}

static bytes32 edge_scalar(uint64_t *state)
{
    const u256 n = group_order(), half = {{n.w[0] >> 1 | n.w[1] << 63, n.w[1] >> 1 | n.w[2] << 63,
                                           n.w[2] >> 1 | n.w[3] << 63, n.w[3] >> 1}};
    const u256 bases[] = {U256_ZERO, n, half, {{0, 0, 1, 0}}, {{UINT64_MAX, UINT64_MAX, 0, 0}}, U256_MAX};
    const u256 small = u256_from_u64(test_random(state) % 4);
    u256 value = bases[test_random(state) % 6];
    if (test_random(state) % 2)
        u256_add(&value, &value, &small);
    else
        u256_sub(&value, &value, &small);
    bytes32 out;
    u256_to_be(out.b, &value);
    return out;
}

static void corrupt(struct sv_item *item, uint64_t *state)
{
    bytes32 *const places[] = {&item->hash, &item->r, &item->s};
    switch (test_random(state) % 6) {
    case 0:
        places[test_random(state) % 3]->b[test_random(state) % 32] ^= (uint8_t)(1u << test_random(state) % 8);
        break;
    case 1:
        *places[test_random(state) % 3] = edge_scalar(state);
        break;
    case 2:
        item->v = (uint8_t)(test_random(state) % 5);
        break;
    case 3:
        item->s = negated(&item->s);
        item->require_low_s = test_random(state) % 2;
        break;
    case 4:
        item->r = random_bytes32(state);
        break;
    default:
        item->v ^= 1;
    }
}

// A fifth corrupted.
static void make_items(size_t n, uint64_t *state)
{
    for (size_t i = 0; i < n; i++) {
        items[i] = valid_item(state);
        if (test_random(state) % 5 == 0)
            corrupt(&items[i], state);
    }
}

static void check_sizes(uint64_t *state)
{
    const size_t step = is_slow() ? 13 : 1;
    for (size_t n = 0; n <= 200; n += n < 20 ? 1 : step) {
        make_items(n, state);
        expect_as_library(n, "sizes");
    }
    for (size_t n = SV_BATCH_MAX / 2 - 1; !is_slow() && n <= SV_BATCH_MAX; n += n % 2 ? 1 : SV_BATCH_MAX / 2 - 1) {
        make_items(n, state);
        expect_as_library(n, "large sizes");
    }
}

Test(lanes_recover, batches_of_any_size_give_what_the_library_gives)
{
    for_each_probe(check_sizes, "recover sizes");
}

static void check_ry(uint64_t *state)
{
    static struct sv_witness witnesses[100];
    for (size_t i = 0; i < 100; i++)
        random_item(&items[i], &witnesses[i], state);
    memset(got, 0, sizeof got);
    recovery_run(checked, got, items, 100);
    for (size_t i = 0; i < 100; i++)
        cr_assert(got[i].has_ry && memcmp(got[i].ry, witnesses[i].ry, 32) == 0, "%s: item %zu", probe->name, i);
}

Test(lanes_recover, the_y_of_r_comes_with_the_key)
{
    for_each_probe(check_ry, "recover R.y");
}

// --- Items made for the lanes' exceptional cases, by choosing R = k G and the two factors of u1 G + u2 R.

static struct sv_item item_of_factors(const u256 *k, const u256 *u1, const u256 *u2)
{
    struct sv_item item = {.require_low_s = false};
    uint8_t point[64];
    bytes32 key;
    u256_to_be(key.b, k);
    const bool ok = sv_public_key(point, &key);
    cr_assert(ok);
    const u256 r = scalar_from_be(point);
    memcpy(item.r.b, point, 32);
    item.v = point[63] & 1;
    const u256 minus_z = scalar_multiply(u1, &r), z = scalar_negate(&minus_z), s = scalar_multiply(u2, &r);
    u256_to_be(item.hash.b, &z);
    u256_to_be(item.s.b, &s);
    return item;
}

static u256 random_scalar(uint64_t *state)
{
    const bytes32 bytes = random_bytes32(state);
    return scalar_from_be(bytes.b);
}

// u1 G = u2 R or its negative.
static struct sv_item equal_parts(bool negative, uint64_t *state)
{
    const u256 k = random_scalar(state), u2 = random_scalar(state);
    u256 u1 = scalar_multiply(&k, &u2);
    if (negative)
        u1 = scalar_negate(&u1);
    return item_of_factors(&k, &u1, &u2);
}

// A small number's, of either sign, multiple.
static u256 signed_multiple(int factor, const u256 *a)
{
    const u256 magnitude = u256_from_u64((uint64_t)(factor < 0 ? -factor : factor));
    const u256 product = scalar_multiply(&magnitude, a);
    return factor < 0 ? scalar_negate(&product) : product;
}

// u2 = 2 (d + e lambda): halves with both even get the relation (a1, b1) added, and where d and e are the last digits
// then, what the ladder has before its last step is d + e lambda, modulo the relations.
static struct sv_item equal_in_ladder(uint64_t *state)
{
    const u256 one = u256_from_u64(1), k = random_scalar(state), u1 = random_scalar(state);
    for (int d = -31; d <= 31; d += 2) {
        for (int e = -31; e <= 31; e += 2) {
            const u256 first = signed_multiple(2 * d, &one), second = signed_multiple(2 * e, &SCALAR_LAMBDA);
            const u256 u2 = scalar_add(&first, &second);
            struct half_digits digits;
            half_digits_of(&digits, &u2);
            if (2 * digits.first[0] - 31 == d && 2 * digits.second[0] - 31 == e)
                return item_of_factors(&k, &u1, &u2);
        }
    }
    cr_assert_fail("no such digits");
    return (struct sv_item){.v = 0};
}

// The digits of n with every second pair's sign changed: what the last addition of G's points gets is congruent.
static struct sv_item equal_in_comb(uint64_t *state)
{
    const u256 n = group_order(), k = random_scalar(state), u2 = random_scalar(state);
    u256 u1 = U256_ZERO, weight = u256_from_u64(1);
    const u256 radix = u256_from_u64(256);
    for (int i = 0; i < COMB_DIGITS; i++) {
        // (n + 2^256 - 1) / 2 is n / 2, rounded down, and 2^255.
        const uint64_t word = n.w[i / 8] >> 1 | (i / 8 < 3 ? n.w[i / 8 + 1] << 63 : UINT64_C(1) << 63);
        const int digit = 2 * (int)(word >> i % 8 * 8 & 0xff) - 255;
        const u256 term = signed_multiple(i / 2 % 2 ? -digit : digit, &weight);
        u1 = scalar_add(&u1, &term);
        weight = scalar_multiply(&weight, &radix);
    }
    return item_of_factors(&k, &u1, &u2);
}

static struct sv_item zero_hash(uint64_t *state)
{
    const u256 n = group_order();
    struct sv_item item = valid_item(state);
    item.hash = (bytes32){{0}};
    if (test_random(state) % 2)
        u256_to_be(item.hash.b, &n);
    return item;
}

// r + n is an x coordinate for some small r.
static struct sv_item x_above_n(uint64_t *state)
{
    struct sv_item item = valid_item(state);
    const u256 small = u256_from_u64(1 + test_random(state) % 20);
    u256_to_be(item.r.b, &small);
    item.v |= 2;
    return item;
}

enum { SLOW_KINDS = 6 };

static struct sv_item slow_item(size_t kind, uint64_t *state)
{
    switch (kind) {
    case 0:
        return equal_parts(false, state);
    case 1:
        return equal_parts(true, state);
    case 2:
        return equal_in_ladder(state);
    case 3:
        return equal_in_comb(state);
    case 4:
        return zero_hash(state);
    default:
        return x_above_n(state);
    }
}

static void check_positions(uint64_t *state)
{
    const size_t n = 2 * probe->lanes + 1;
    for (size_t kind = 0; kind < SLOW_KINDS; kind++) {
        for (size_t at = 0; at < n; at += is_slow() ? 3 : 1) {
            for (size_t i = 0; i < n; i++)
                items[i] = i == at ? slow_item(kind, state) : valid_item(state);
            expect_as_library(n, "one exceptional item");
            for (size_t i = 0; i < n; i++)
                cr_assert(got[i].slow == (i == at), "%s: kind %zu at %zu of %zu: item %zu", probe->name, kind, at, n,
                          i);
        }
    }
}

Test(lanes_recover, an_exceptional_item_is_right_and_marked_and_disturbs_no_other)
{
    for_each_probe(check_positions, "one exceptional item");
}

static void check_mixed(uint64_t *state)
{
    for (int round = 0; round < (is_slow() ? 2 : 20); round++) {
        const size_t n = 1 + test_random(state) % (is_slow() ? 40 : 300);
        bool slow[SV_BATCH_MAX];
        for (size_t i = 0; i < n; i++) {
            slow[i] = test_random(state) % 2;
            items[i] = slow[i] ? slow_item(test_random(state) % SLOW_KINDS, state) : valid_item(state);
        }
        expect_as_library(n, "mixed");
        for (size_t i = 0; i < n; i++)
            cr_assert(got[i].slow == slow[i], "%s: item %zu", probe->name, i);
    }
}

Test(lanes_recover, exceptional_items_may_stand_together)
{
    for_each_probe(check_mixed, "exceptional items");
}

// Related items in one group: the same R, the same item, R and -R.
static void check_related(uint64_t *state)
{
    const size_t n = 6 * probe->lanes;
    items[0] = valid_item(state);
    for (size_t i = 1; i < n; i++) {
        items[i] = items[test_random(state) % i];
        if (i % 3 == 0)
            items[i].hash = random_bytes32(state);
        if (i % 3 == 1)
            items[i].v ^= 1;
    }
    expect_as_library(n, "related");
    for (size_t i = 0; i < n; i++)
        cr_assert(!got[i].slow, "%s: item %zu", probe->name, i);
}

Test(lanes_recover, related_items_share_a_group)
{
    for_each_probe(check_related, "related items");
}

static void check_small(uint64_t *state)
{
    recovery_set_smallest(checked, 5);
    for (size_t n = 1; n < 8; n++) {
        make_items(n, state);
        expect_as_library(n, "small");
    }
    items[0] = valid_item(state);
    expect_as_library(1, "alone");
    cr_assert(!got[0].slow);
}

Test(lanes_recover, batches_too_small_for_the_lanes_are_the_library_s)
{
    for_each_probe(check_small, "small batches");
}

// --- The digits.

static u256 value_of_half(const uint8_t digits[HALF_DIGITS])
{
    u256 value = U256_ZERO;
    const u256 one = u256_from_u64(1), radix = u256_from_u64(32);
    for (int i = HALF_DIGITS; i-- > 0;) {
        const u256 digit = signed_multiple(2 * digits[i] - 31, &one);
        value = scalar_multiply(&value, &radix);
        value = scalar_add(&value, &digit);
    }
    return value;
}

Test(lanes_recover, digits_add_up_to_their_scalar)
{
    uint64_t state = test_seed("digits");
    const u256 one = u256_from_u64(1), radix = u256_from_u64(256);
    for (int round = 0; round < 20000; round++) {
        const bytes32 edge = edge_scalar(&state);
        u256 k = round % 4 ? random_scalar(&state) : scalar_from_be(edge.b);
        if (u256_is_zero(&k))
            continue;
        struct half_digits halves;
        half_digits_of(&halves, &k);
        const u256 first = value_of_half(halves.first), second = value_of_half(halves.second);
        const u256 rotated = scalar_multiply(&second, &SCALAR_LAMBDA);
        u256 sum = scalar_add(&first, &rotated);
        cr_assert(u256_equal(&sum, &k));
        const u256 minus_k = scalar_negate(&k);
        struct comb_digits comb;
        comb_digits_of_negative(&comb, &minus_k);
        sum = U256_ZERO;
        for (int i = COMB_DIGITS; i-- > 0;) {
            const u256 digit = signed_multiple(2 * comb.e[i] - 255, &one);
            sum = scalar_multiply(&sum, &radix);
            sum = scalar_add(&sum, &digit);
        }
        cr_assert(u256_equal(&sum, &k));
    }
}
