#include <criterion/criterion.h>

#include "engine/order/vset.h"

static struct vset set_of(unsigned n, const uint32_t *weights)
{
    struct vset s;
    bytes32 keys[WIRE_VALIDATORS_MAX] = {{{0}}};
    for (unsigned i = 0; i < n; i++)
        keys[i].b[0] = (uint8_t)i;
    vset_init(&s, 1, n, weights, keys);
    return s;
}

static uint32_t ones[WIRE_VALIDATORS_MAX];

static void set_ones(void)
{
    for (unsigned i = 0; i < WIRE_VALIDATORS_MAX; i++)
        ones[i] = 1;
}

Test(vset, quorums_overlap_in_an_honest_validator_for_every_size, .init = set_ones)
{
    for (unsigned n = 1; n <= WIRE_VALIDATORS_MAX; n++) {
        const struct vset s = set_of(n, ones);
        cr_assert_eq(s.faulty, (n - 1) / 3);
        cr_assert_geq(2 * s.quorum - s.total, s.faulty + 1);
        cr_assert_geq(s.quorum - s.faulty, s.one_honest);
    }
}

Test(vset, weight_counts_each_member_once)
{
    const uint32_t weights[] = {1, 2, 4, 8};
    const struct vset s = set_of(4, weights);
    struct vmask m = {{0, 0}};
    vmask_add(&m, 1);
    vmask_add(&m, 1);
    vmask_add(&m, 3);
    cr_assert_eq(vset_weight(&s, m), 10);
    cr_assert_eq(vmask_count(m), 2);
}

Test(vset, the_set_hash_covers_order_weights_and_chain)
{
    const uint32_t a[] = {1, 2}, b[] = {2, 1};
    const struct vset x = set_of(2, a), y = set_of(2, b);
    cr_assert(!bytes32_equal(&x.wire.set_hash, &y.wire.set_hash));
    struct vset z;
    vset_init(&z, 2, 2, a, x.key);
    cr_assert(!bytes32_equal(&x.wire.set_hash, &z.wire.set_hash));
}

Test(vset, leaders_take_turns_by_weight_and_the_seed_orders_equals)
{
    const uint32_t weights[] = {3, 1, 2};
    const struct vset s = set_of(3, weights);
    bytes32 seed = {{7}};
    struct leaders l, other;
    leaders_build(&l, &s, &seed);
    unsigned count[3] = {0};
    cr_assert_eq(l.length, 6);
    for (unsigned v = 0; v < 6; v++)
        count[leader_of(&l, v)]++;
    cr_assert(count[0] == 3 && count[1] == 1 && count[2] == 2);
    set_ones();
    const struct vset equal = set_of(20, ones);
    leaders_build(&l, &equal, &seed);
    seed.b[0] = 8;
    leaders_build(&other, &equal, &seed);
    cr_assert(memcmp(l.who, other.who, 20) != 0);
    uint32_t seen = 0;
    for (unsigned v = 0; v < 20; v++)
        seen |= 1u << leader_of(&l, v);
    cr_assert_eq(seen, (1u << 20) - 1);
}

Test(vset, a_tally_counts_a_validators_first_word_only, .init = set_ones)
{
    const struct vset s = set_of(4, ones);
    const bytes32 a = {{1}}, b = {{2}};
    struct tally t = {0};
    cr_assert_not_null(tally_add(&t, &s, 0, &a));
    cr_assert_null(tally_add(&t, &s, 0, &b));
    cr_assert_not_null(tally_add(&t, &s, 1, &a));
    cr_assert_not_null(tally_add(&t, &s, 2, &b));
    cr_assert_eq(tally_weight(&t, &a), 2);
    cr_assert_eq(tally_weight(&t, &b), 1);
    cr_assert(bytes32_equal(&tally_heaviest(&t, 2)->digest, &a));
    cr_assert_null(tally_heaviest(&t, 3));
    tally_forget(&t, &s, 1);
    cr_assert_eq(tally_weight(&t, &a), 1);
    cr_assert_not_null(tally_add(&t, &s, 1, &b));
    cr_assert_eq(tally_weight(&t, &b), 2);
    tally_clear(&t);
}
