// A chain of one node: the validator alone between lists and ordering blocks.
#include "engine/order/order.h"
#include "mempool/pooled_tx.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const address coinbase = {{7}};

static bytes32 random_digest(uint64_t *state)
{
    bytes32 out;
    for (unsigned i = 0; i < 4; i++)
        store_le64(out.b + 8 * i, test_random(state));
    return out;
}

static struct order *order_on(uint64_t seed)
{
    const struct solo_options options = {.chain_id = 31337,
                                         .subsecond = true,
                                         .coinbase = coinbase,
                                         .head_digest = random_digest(&seed),
                                         .head_hash = random_digest(&seed)};
    return order_solo(&options);
}

static struct ordered seal(struct order *o, const bytes32 *executed, struct exec_tx *txs, size_t count,
                           uint64_t wall_ms)
{
    const struct order_parent parent = {.hash = *executed};
    static uint64_t monotonic_ns;
    const struct order_now now = {++monotonic_ns, wall_ms};
    struct ordered out;
    o->ops->seal(o, &out, &parent, txs, count, &now);
    return out;
}

Test(order_solo, seals_each_list_as_a_final_block_of_its_own)
{
    uint64_t random = test_seed("order_solo");
    struct pooled_tx pooled[3] = {0};
    struct exec_tx txs[3] = {0};
    struct order *o = order_on(1);
    for (size_t i = 0; i < 3; i++) {
        pooled[i].hash = random_digest(&random);
        pooled[i].raw_len = 110;
        txs[i].tx = &pooled[i].tx;
    }
    const bytes32 root = random_digest(&random);
    const struct ordered first = seal(o, &root, txs, 3, 1000);
    const struct ordered second = seal(o, &root, txs, 3, 2000);
    const struct ordered tick = seal(o, &root, txs, 0, 3000);
    cr_assert_eq(first.time_ms, 1000);
    cr_assert_eq(second.time_ms, 2000);
    cr_assert_eq(tick.time_ms, 3000);
    cr_assert(address_equal(&first.coinbase, &coinbase));
    cr_assert(!bytes32_equal(&first.digest, &second.digest), "the same list again is another block");
    cr_assert(!bytes32_equal(&second.digest, &tick.digest));
    o->ops->free(o);
}

Test(order_solo, a_block_is_bound_to_the_list_what_was_executed_and_the_chain)
{
    uint64_t random = test_seed("order_solo_bound");
    struct pooled_tx pooled = {.hash = random_digest(&random)};
    struct exec_tx tx = {.tx = &pooled.tx};
    const bytes32 roots[2] = {random_digest(&random), random_digest(&random)};
    bytes32 digests[4];
    for (unsigned i = 0; i < 4; i++) {
        struct order *o = order_on(i == 1 ? 2 : 1);
        (void)seal(o, &roots[0], &tx, 1, 1000);
        if (i == 2)
            pooled.hash = random_digest(&random);
        digests[i] = seal(o, &roots[i == 3], &tx, 1, 2000).digest;
        o->ops->free(o);
        for (unsigned k = 0; k < i; k++)
            cr_assert(!bytes32_equal(&digests[i], &digests[k]), "%u and %u", i, k);
    }
}

Test(order_solo, time_rises_though_the_clock_does_not)
{
    const bytes32 root = {{1}};
    struct order *o = order_on(1);
    cr_assert_eq(seal(o, &root, NULL, 0, 5000).time_ms, 5000);
    cr_assert_eq(seal(o, &root, NULL, 0, 5000).time_ms, 5001);
    cr_assert_eq(seal(o, &root, NULL, 0, 3000).time_ms, 5002);
    o->ops->free(o);
}

// More lists than an epoch has blocks, and more than are kept.
Test(order_solo, goes_on_through_epochs)
{
    struct order *o = order_on(1);
    bytes32 root = {{1}};
    for (uint64_t i = 1; i <= 20000; i++) {
        const struct ordered b = seal(o, &root, NULL, 0, i);
        cr_assert_eq(b.time_ms, i);
        root = b.digest;
    }
    o->ops->free(o);
}
