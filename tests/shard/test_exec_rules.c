// One hand-made block for each rule of execution (docs/execution.md). Every block is run with 1 to 256 shards, against
// the model and serially; the assertions here say what the outcome must be.
#include <criterion/criterion.h>

#include "tests/shard/exec_world.h"

// What world_send's transfer costs without its value.
#define FEE 189000u
#define TIP 42000u
#define NEEDED 210000u

static struct world *w;
static struct outcome got;

static void setup(void)
{
    w = world_new();
}

static void teardown(void)
{
    world_free(w);
}

TestSuite(exec, .init = setup, .fini = teardown);

static void run(void)
{
    world_run_everywhere(w, 1, &got);
}

static void included(size_t tx, unsigned round)
{
    const struct exec_result *r = &got.results[tx];
    cr_assert_eq(r->drop, TX_OK, "transaction %zu was dropped: %s", tx, tx_status_text(r->drop));
    cr_assert_eq(r->round, round, "transaction %zu ran in round %u", tx, r->round);
    cr_assert_eq(r->pass, round == EXEC_ROUNDS_MAX ? EXEC_GLOBAL : EXEC_SENDERS);
    cr_assert(r->success);
}

static void dropped(size_t tx, enum tx_status reason, bool again, unsigned round)
{
    const struct exec_result *r = &got.results[tx];
    cr_assert_eq(r->drop, reason, "transaction %zu: %s", tx, tx_status_text(r->drop));
    cr_assert_eq(r->again, again, "transaction %zu", tx);
    cr_assert_eq(r->round, round, "transaction %zu left in round %u", tx, r->round);
    cr_assert_eq(r->gas_used, 0);
    cr_assert(!r->success);
}

static void balance(unsigned account, uint64_t expected)
{
    const u256 *b = &got.accounts[account].balance;
    cr_assert(u256_fits_u64(b));
    cr_assert_eq(b->w[0], expected, "account %u has %lu, not %lu", account, b->w[0], expected);
}

static void nonce(unsigned account, uint64_t expected)
{
    cr_assert_eq(got.accounts[account].nonce, expected);
}

static void order_is(const uint32_t *expected, size_t count)
{
    cr_assert_eq(got.included, count);
    cr_assert_arr_eq(got.order, expected, count * sizeof *expected);
}

Test(exec, transfer_moves_value_burns_base_fee_and_tips_the_coinbase)
{
    unsigned a = world_account(w, 1, 1000000, 5), b = world_account(w, 2, 3, 0);
    world_send(w, a, b, 1000);
    run();
    included(0, 0);
    balance(a, 1000000 - FEE - 1000);
    nonce(a, 6);
    balance(b, 1003);
    balance(w->coinbase, TIP);
    cr_assert_eq(got.results[0].gas_used, 21000);
}

Test(exec, unused_gas_limit_is_not_paid_but_must_be_affordable)
{
    unsigned a = world_account(w, 1, 1000000, 0), b = world_account(w, 1, 999999, 0), c = world_account(w, 2, 0, 0);
    world_send(w, a, c, 0)->gas_limit = 100000;
    world_send(w, b, c, 0)->gas_limit = 100000;
    run();
    included(0, 0);
    balance(a, 1000000 - FEE);
    dropped(1, TX_INSUFFICIENT_FUNDS, true, EXEC_ROUNDS_MAX);
    balance(b, 999999);
}

Test(exec, fee_cap_limits_the_tip)
{
    unsigned a = world_account(w, 1, 1000000, 0), b = world_account(w, 2, 1, 0);
    world_send(w, a, b, 0)->max_fee = u256_from_u64(8);
    run();
    balance(a, 1000000 - 8 * 21000);
    balance(w->coinbase, 21000);
}

Test(exec, access_list_gas_is_paid)
{
    unsigned a = world_account(w, 1, 1000000, 0), b = world_account(w, 2, 1, 0);
    struct tx *t = world_send(w, a, b, 0);
    t->access_address_count = 1;
    t->access_key_count = 2;
    t->gas_limit = 21000 + 2400 + 2 * 1900;
    run();
    included(0, 0);
    cr_assert_eq(got.results[0].gas_used, 27200);
    balance(a, 1000000 - 9 * 27200);
    balance(w->coinbase, 2 * 27200);
}

Test(exec, the_last_wei_can_be_sent)
{
    unsigned a = world_account(w, 1, NEEDED + 5, 0), b = world_account(w, 2, NEEDED + 4, 0);
    unsigned c = world_account(w, 3, 0, 0);
    world_send(w, a, c, 5);
    world_send(w, b, c, 5);
    run();
    included(0, 0);
    dropped(1, TX_INSUFFICIENT_FUNDS, true, EXEC_ROUNDS_MAX);
    balance(c, 5);
}

Test(exec, senders_without_an_account_are_short)
{
    unsigned a = world_account(w, 1, 0, 0), b = world_account(w, 2, 1, 0);
    world_send(w, a, b, 0);
    run();
    dropped(0, TX_INSUFFICIENT_FUNDS, true, EXEC_ROUNDS_MAX);
}

Test(exec, a_free_transaction_makes_its_sender_exist)
{
    w->env.base_fee = U256_ZERO;
    unsigned a = world_account(w, 1, 0, 0), b = world_account(w, 1, 0, 0);
    struct tx *t = world_send(w, a, b, 0);
    t->max_fee = t->max_tip = U256_ZERO;
    run();
    included(0, 0);
    nonce(a, 1);
}

Test(exec, zero_value_makes_no_account)
{
    // world_run counts the accounts that exist. Same partition, another one, and the global pass.
    unsigned a = world_account(w, 1, 2000000, 0), b = world_account(w, 1, 0, 0), c = world_account(w, 2, 0, 0);
    world_send(w, a, b, 0)->max_tip = U256_ZERO;
    world_send(w, a, c, 0)->max_tip = U256_ZERO;
    run();
    included(0, 0);
    included(1, 0);
    balance(w->coinbase, 0);
}

Test(exec, self_transfer_costs_only_the_fee)
{
    unsigned a = world_account(w, 1, NEEDED + 700, 0);
    world_send(w, a, a, 700);
    run();
    included(0, 0);
    balance(a, NEEDED + 700 - FEE);
    nonce(a, 1);
}

Test(exec, credit_in_the_partition_is_at_once)
{
    unsigned a = world_account(w, 9, 1000000, 0), b = world_account(w, 9, 0, 0), c = world_account(w, 10, 0, 0);
    world_send(w, a, b, 500000);
    world_send(w, b, c, 290000);
    run();
    included(0, 0);
    included(1, 0);
    balance(b, 500000 - 290000 - FEE);
    balance(c, 290000);
}

Test(exec, credit_to_another_partition_of_the_same_shard_comes_at_the_barrier)
{
    unsigned a = world_account(w, 9, 1000000, 0), b = world_account(w, 10, 0, 0), c = world_account(w, 11, 0, 0);
    world_send(w, a, b, 500000);
    world_send(w, b, c, 290000);
    run();
    included(0, 0);
    included(1, 1);
    balance(c, 290000);
}

Test(exec, credits_from_several_partitions_add_up)
{
    unsigned b = world_account(w, 100, 1, 0);
    for (unsigned p = 0; p < 20; p++)
        world_send(w, world_account(w, p * 12, 1000000, 0), b, 10);
    world_send(w, b, b, 0);
    run();
    dropped(20, TX_INSUFFICIENT_FUNDS, true, EXEC_ROUNDS_MAX);
    balance(b, 201);
}

Test(exec, nonces_in_a_row_run_in_one_round)
{
    unsigned a = world_account(w, 1, 10000000, 3), b = world_account(w, 2, 0, 0);
    for (unsigned i = 0; i < 10; i++)
        world_send(w, a, b, 1);
    run();
    for (unsigned i = 0; i < 10; i++)
        included(i, 0);
    nonce(a, 13);
    balance(b, 10);
}

Test(exec, a_gap_waits_without_holding_back_the_sender)
{
    unsigned a = world_account(w, 1, 10000000, 0), b = world_account(w, 2, 0, 0);
    world_send(w, a, b, 1)->nonce = 1;
    world_send(w, a, b, 1)->nonce = 0;
    run();
    included(0, 1);
    included(1, 0);
    order_is((uint32_t[]){1, 0}, 2);
}

Test(exec, a_gap_that_stays_is_dropped_and_may_come_again)
{
    unsigned a = world_account(w, 1, 10000000, 0), b = world_account(w, 2, 0, 0);
    world_send(w, a, b, 1)->nonce = 2;
    world_send(w, a, b, 1)->nonce = 0;
    run();
    dropped(0, TX_NONCE_TOO_HIGH, true, EXEC_ROUNDS_MAX);
    included(1, 0);
}

Test(exec, a_gap_is_a_gap_even_when_money_is_short)
{
    // Were it put off for its short balance, the sender's second transaction would wait as well.
    unsigned a = world_account(w, 1, 10 * NEEDED, 0), b = world_account(w, 2, 0, 0);
    struct tx *t = world_send(w, a, b, 1);
    t->nonce = 1;
    t->value = u256_from_u64(1000000000);
    world_send(w, a, b, 1)->nonce = 0;
    run();
    included(1, 0);
    dropped(0, TX_INSUFFICIENT_FUNDS, true, EXEC_ROUNDS_MAX);
}

Test(exec, a_used_nonce_is_dropped_for_good)
{
    unsigned a = world_account(w, 1, 10000000, 4), b = world_account(w, 2, 0, 0);
    world_send(w, a, b, 1)->nonce = 3;
    world_send(w, a, b, 1)->nonce = 4;
    world_send(w, a, b, 2)->nonce = 4;
    run();
    dropped(0, TX_NONCE_TOO_LOW, false, 0);
    included(1, 0);
    dropped(2, TX_NONCE_TOO_LOW, false, 0);
}

Test(exec, short_balance_waits_for_a_credit)
{
    unsigned a = world_account(w, 1, 1000000, 0), b = world_account(w, 2, 100, 0), c = world_account(w, 3, 0, 0);
    world_send(w, b, c, 50);
    world_send(w, a, b, 300000);
    run();
    included(0, 1);
    included(1, 0);
    order_is((uint32_t[]){1, 0}, 2);
    balance(c, 50);
}

Test(exec, short_balance_puts_off_the_senders_later_ones_in_the_same_round)
{
    // Transaction 1 has the same nonce as 0 and could be paid in round 0; it must not overtake.
    unsigned a = world_account(w, 1, NEEDED, 0), b = world_account(w, 2, 1, 0), c = world_account(w, 3, 1000000, 0);
    world_send(w, a, b, 500);
    world_send(w, a, b, 0)->nonce = 0;
    world_send(w, c, a, 500);
    run();
    included(0, 1);
    dropped(1, TX_NONCE_TOO_LOW, false, 1);
}

Test(exec, malformed_ones_of_a_sender_put_off_wait_too)
{
    unsigned a = world_account(w, 1, NEEDED, 0), b = world_account(w, 2, 1, 0), c = world_account(w, 3, 1000000, 0);
    world_send(w, a, b, 500);
    world_send(w, a, b, 0)->chain_id = 8;
    world_send(w, c, a, 500);
    run();
    included(0, 1);
    dropped(1, TX_WRONG_CHAIN_ID, false, 1);
}

Test(exec, putting_off_lasts_for_one_round_and_holds_one_sender)
{
    unsigned a = world_account(w, 1, NEEDED, 0), b = world_account(w, 1, NEEDED, 0);
    unsigned c = world_account(w, 3, 1000000, 0);
    world_send(w, a, c, 300000);
    world_send(w, a, c, 10);
    world_send(w, b, c, 0);
    world_send(w, c, a, 600000);
    run();
    included(2, 0);
    included(3, 0);
    included(0, 1);
    included(1, 1);
}

Test(exec, many_senders_put_off_are_all_remembered)
{
    unsigned rich = world_account(w, 1, 100000000, 0), poor[50];
    for (unsigned i = 0; i < 50; i++) {
        poor[i] = world_account(w, 1 + i % 3 * 80, NEEDED, 0);
        world_send(w, poor[i], rich, 1);
    }
    for (unsigned i = 0; i < 50; i++)
        world_send(w, poor[i], rich, 0)->nonce = 0; // payable, but behind
    for (unsigned i = 0; i < 50; i++)
        world_send(w, rich, poor[i], 1);
    run();
    for (unsigned i = 0; i < 50; i++) {
        included(i, 1);
        dropped(50 + i, TX_NONCE_TOO_LOW, false, 1);
    }
}

Test(exec, rounds_end_after_sixteen_and_the_global_pass_does_the_rest)
{
    // Each hop pays the next account, in another partition: one round a hop.
    unsigned at = world_account(w, 0, 20000000, 0);
    for (unsigned i = 0; i < 20; i++) {
        unsigned next = world_account(w, 10 + i * 10, 0, 0);
        world_send(w, at, next, 20000000 - (i + 1) * NEEDED);
        at = next;
    }
    run();
    for (unsigned i = 0; i < 20; i++)
        included(i, i < 16 ? i : EXEC_ROUNDS_MAX);
    balance(at, 20000000 - 20 * NEEDED);
}

Test(exec, the_global_pass_runs_in_o_order)
{
    // 20 hops backwards in O: after 16 rounds hops 16 to 19 are left, and only the first of them in O order that is
    // payable at its turn is: hop 16, the last of the list.
    unsigned account[21];
    for (unsigned i = 0; i <= 20; i++)
        account[i] = world_account(w, i * 10, i ? 0 : 20000000, 0);
    for (unsigned i = 20; i-- > 0;)
        world_send(w, account[i], account[i + 1], 20000000 - (i + 1) * NEEDED);
    run();
    for (unsigned i = 0; i < 16; i++)
        included(19 - i, i);
    included(19 - 16, EXEC_ROUNDS_MAX);
    for (unsigned i = 17; i < 20; i++)
        dropped(19 - i, TX_INSUFFICIENT_FUNDS, true, EXEC_ROUNDS_MAX);
}

Test(exec, the_coinbase_gets_its_fees_only_in_the_global_pass)
{
    // The fees of round 0 would pay for the coinbase's own transaction in round 1.
    w->accounts[w->coinbase].start.balance = u256_from_u64(NEEDED - 1);
    unsigned a = world_account(w, 1, 1000000, 0), b = world_account(w, 2, 0, 0);
    world_send(w, w->coinbase, b, 0);
    world_send(w, a, b, 1);
    run();
    included(0, EXEC_ROUNDS_MAX);
    included(1, 0);
    balance(w->coinbase, NEEDED - 1 + TIP - FEE + TIP);
}

Test(exec, in_the_global_pass_the_coinbase_can_spend_each_tip_at_once)
{
    // Nobody tips in the rounds; in the global pass the tip of transaction 17 pays for transaction 18.
    w->accounts[w->coinbase].start.balance = u256_from_u64(NEEDED - 1);
    unsigned at = world_account(w, 0, 20000000, 0);
    for (unsigned i = 0; i < 17; i++) {
        unsigned next = world_account(w, 10 + i * 10, 0, 0);
        world_send(w, at, next, 20000000 - (i + 1) * NEEDED)->max_tip = u256_from_u64(i == 16);
        at = next;
    }
    world_send(w, w->coinbase, at, 1);
    w->txs[17].tx.value = U256_ZERO;
    run();
    included(16, EXEC_ROUNDS_MAX);
    included(17, EXEC_ROUNDS_MAX);
}

Test(exec, the_coinbase_sends_and_receives_like_anyone)
{
    w->accounts[w->coinbase].start.balance = u256_from_u64(NEEDED + 9);
    unsigned a = world_account(w, 1, 1000000, 0), b = world_account(w, 200, 0, 0);
    world_send(w, w->coinbase, b, 9);
    world_send(w, a, w->coinbase, 1000);
    run();
    included(0, 0);
    included(1, 0);
    balance(w->coinbase, NEEDED - FEE + 1000 + 2 * TIP);
}

// A block of one malformed transaction and one good one of the same sender, which takes its nonce.
static void refused(void (*spoil)(struct tx *t), enum tx_status reason, bool again)
{
    unsigned a = world_account(w, 1, 1000000, 0), b = world_account(w, 2, 1, 0);
    spoil(world_send(w, a, b, 1));
    w->accounts[a].next_nonce = 0;
    world_send(w, a, b, 1);
    run();
    dropped(0, reason, again, 0);
    included(1, 0);
    nonce(a, 1);
}

static void spoil_chain_id(struct tx *t)
{
    t->chain_id = 8;
}

Test(exec, wrong_chain_id_is_dropped)
{
    refused(spoil_chain_id, TX_WRONG_CHAIN_ID, false);
}

static void spoil_gas(struct tx *t)
{
    t->gas_limit = 20999;
}

Test(exec, gas_limit_below_intrinsic_is_dropped)
{
    refused(spoil_gas, TX_INTRINSIC_GAS, false);
}

static void spoil_access_gas(struct tx *t)
{
    t->access_key_count = 1;
    t->gas_limit = 22899;
}

Test(exec, gas_limit_below_intrinsic_with_access_list_is_dropped)
{
    refused(spoil_access_gas, TX_INTRINSIC_GAS, false);
}

static void spoil_fee_cap(struct tx *t)
{
    t->max_fee = u256_from_u64(6);
}

Test(exec, fee_cap_below_base_fee_is_dropped_and_may_come_again)
{
    refused(spoil_fee_cap, TX_FEE_CAP_BELOW_BASE_FEE, true);
}

static void spoil_tip(struct tx *t)
{
    t->max_tip = u256_from_u64(11);
}

Test(exec, tip_above_fee_cap_is_dropped)
{
    refused(spoil_tip, TX_TIP_ABOVE_FEE_CAP, false);
}

static void spoil_gas_limit(struct tx *t)
{
    t->gas_limit = 30000001;
}

Test(exec, gas_limit_above_the_blocks_is_dropped)
{
    refused(spoil_gas_limit, TX_GAS_LIMIT_EXCEEDED, false);
}

static void spoil_nonce(struct tx *t)
{
    t->nonce = UINT64_MAX;
}

Test(exec, the_largest_nonce_is_dropped)
{
    refused(spoil_nonce, TX_NONCE_MAX, false);
}

static void spoil_cost(struct tx *t)
{
    t->value = U256_MAX;
}

Test(exec, cost_beyond_256_bits_is_dropped)
{
    refused(spoil_cost, TX_COST_OVERFLOW, false);
}

static void spoil_fee_overflow(struct tx *t)
{
    t->max_fee = U256_MAX;
    t->value = U256_ZERO;
}

Test(exec, gas_cost_beyond_256_bits_is_dropped)
{
    refused(spoil_fee_overflow, TX_COST_OVERFLOW, false);
}

Test(exec, legacy_without_chain_id_is_good_on_any_chain)
{
    unsigned a = world_account(w, 1, 1000000, 0), b = world_account(w, 2, 1, 0);
    struct tx *t = world_send(w, a, b, 1);
    t->type = TX_LEGACY;
    t->has_chain_id = false;
    t->chain_id = 0;
    t->max_tip = t->max_fee;
    run();
    included(0, 0);
    balance(w->coinbase, 3 * 21000);
}

Test(exec, final_reasons_come_before_those_that_time_mends)
{
    unsigned a = world_account(w, 1, 0, 5), b = world_account(w, 2, 1, 0);
    struct tx *t = world_send(w, a, b, 1); // stale, and under the base fee, and short
    t->nonce = 4;
    t->max_fee = u256_from_u64(6);
    t = world_send(w, a, b, 1); // of another chain, and under the base fee
    t->chain_id++;
    t->max_fee = u256_from_u64(6);
    run();
    dropped(0, TX_NONCE_TOO_LOW, false, 0);
    dropped(1, TX_WRONG_CHAIN_ID, false, 0);
}

Test(exec, the_global_pass_checks_everything_again)
{
    // Account a's first one is never payable, so the later ones come to the global pass as they are.
    unsigned a = world_account(w, 1, 3 * NEEDED, 1), b = world_account(w, 2, 1, 0);
    world_send(w, a, b, 1000000000);
    void (*const spoil[])(struct tx *) = {spoil_chain_id, spoil_gas,  spoil_fee_cap,     spoil_tip,
                                          spoil_nonce,    spoil_cost, spoil_fee_overflow};
    const enum tx_status reason[] = {TX_WRONG_CHAIN_ID,    TX_INTRINSIC_GAS, TX_FEE_CAP_BELOW_BASE_FEE,
                                     TX_TIP_ABOVE_FEE_CAP, TX_NONCE_MAX,     TX_COST_OVERFLOW,
                                     TX_COST_OVERFLOW};
    for (unsigned i = 0; i < 7; i++) {
        w->accounts[a].next_nonce = 1;
        spoil[i](world_send(w, a, b, 1));
    }
    world_send(w, a, b, 1)->nonce = 0;
    world_send(w, a, b, 1)->nonce = 3;
    world_send(w, a, b, 1)->nonce = 1;
    run();
    dropped(0, TX_INSUFFICIENT_FUNDS, true, EXEC_ROUNDS_MAX);
    for (unsigned i = 0; i < 7; i++)
        dropped(1 + i, reason[i], reason[i] == TX_FEE_CAP_BELOW_BASE_FEE, EXEC_ROUNDS_MAX);
    dropped(8, TX_NONCE_TOO_LOW, false, EXEC_ROUNDS_MAX);
    dropped(9, TX_NONCE_TOO_HIGH, true, EXEC_ROUNDS_MAX);
    included(10, EXEC_ROUNDS_MAX);
}

Test(exec, order_is_by_round_then_by_o)
{
    unsigned a = world_account(w, 250, 10000000, 0), b = world_account(w, 2, 10000000, 0);
    world_send(w, b, a, 1)->nonce = 2;
    world_send(w, b, a, 1)->nonce = 1;
    world_send(w, a, b, 1)->nonce = 1;
    world_send(w, b, a, 1)->nonce = 0;
    world_send(w, a, b, 1)->nonce = 0;
    run();
    order_is((uint32_t[]){3, 4, 1, 2, 0}, 5);
}

Test(exec, order_counts_each_round_and_pass)
{
    const struct exec_result results[] = {
        {.round = 16, .pass = EXEC_GLOBAL}, {.round = 1, .pass = EXEC_CALLS},   {.drop = TX_NONCE_TOO_LOW, .pass = 1},
        {.round = 1, .pass = EXEC_SENDERS}, {.round = 0, .pass = EXEC_SENDERS}, {.round = 1, .pass = EXEC_SENDERS},
    };
    uint32_t order[6];
    struct exec_counts counts;
    cr_assert_eq(exec_order(order, &counts, results, 6), 5);
    cr_assert_arr_eq(order, ((uint32_t[]){4, 3, 5, 1, 0}), 5 * sizeof *order);
    cr_assert_eq(counts.of[0][EXEC_SENDERS], 1);
    cr_assert_eq(counts.of[1][EXEC_SENDERS], 2);
    cr_assert_eq(counts.of[1][EXEC_CALLS], 1);
    cr_assert_eq(counts.of[16][EXEC_GLOBAL], 1);
    cr_assert_eq(counts.of[0][EXEC_GLOBAL] + counts.of[16][EXEC_SENDERS], 0);
    cr_assert_eq(exec_order(order, &counts, NULL, 0), 0);
}

Test(exec, the_cut_takes_what_fits_by_gas_limits)
{
    w->env.gas_limit = 63000;
    unsigned a = world_account(w, 1, 10000000, 0), b = world_account(w, 2, 1, 0);
    for (unsigned i = 0; i < 7; i++)
        world_send(w, a, b, 1);
    run();
    cr_assert_eq(got.block_count, 3);
    cr_assert_eq(got.block_end[0], 3);
    cr_assert_eq(got.block_end[1], 6);
    cr_assert_eq(got.block_end[2], 7);
}

Test(exec, the_cut_counts_limits_not_use)
{
    w->env.gas_limit = 63000;
    unsigned a = world_account(w, 1, 10000000, 0), b = world_account(w, 2, 1, 0);
    world_send(w, a, b, 1)->gas_limit = 42001;
    world_send(w, a, b, 1);
    run();
    cr_assert_eq(got.block_count, 2);
}

Test(exec, the_cut_passes_over_what_never_fits)
{
    w->env.gas_limit = 42000;
    unsigned a = world_account(w, 1, 10000000, 0), b = world_account(w, 2, 1, 0);
    world_send(w, a, b, 1);
    world_send(w, b, a, 1)->gas_limit = 42001;
    world_send(w, a, b, 1);
    world_send(w, b, a, 1)->gas_limit = UINT64_MAX;
    run();
    cr_assert_eq(got.block_count, 1);
    dropped(1, TX_GAS_LIMIT_EXCEEDED, false, 0);
    dropped(3, TX_GAS_LIMIT_EXCEEDED, false, 0);
    included(2, 0);
}

Test(exec, the_cut_survives_limits_that_overflow)
{
    w->env.gas_limit = UINT64_MAX;
    unsigned a = world_account(w, 1, 10000000, 0), b = world_account(w, 2, 1, 0);
    world_send(w, a, b, 1)->gas_limit = UINT64_MAX - 20999;
    world_send(w, a, b, 1);
    run();
    cr_assert_eq(got.block_count, 2);
}

Test(exec, what_waits_at_the_end_of_a_block_does_not_reach_the_next)
{
    // The money comes in the second block; the transaction that wanted it was dropped with the first.
    w->env.gas_limit = 21000;
    unsigned a = world_account(w, 1, 1000000, 0), b = world_account(w, 2, 0, 0);
    world_send(w, b, a, 1);
    world_send(w, a, b, 500000);
    run();
    dropped(0, TX_INSUFFICIENT_FUNDS, true, EXEC_ROUNDS_MAX);
    included(1, 0);
}

Test(exec, each_block_has_its_own_base_fee)
{
    w->env.gas_limit = 21000;
    w->base_fee_rise = 2;
    unsigned a = world_account(w, 1, 1000000, 0), b = world_account(w, 2, 1, 0);
    for (unsigned i = 0; i < 3; i++)
        world_send(w, a, b, 0);
    run();
    included(0, 0);
    included(1, 0);
    dropped(2, TX_FEE_CAP_BELOW_BASE_FEE, true, 0);
    balance(a, 1000000 - (9 + 10) * 21000);
    balance(w->coinbase, (2 + 1) * 21000);
}

Test(exec, an_empty_block_changes_nothing)
{
    unsigned a = world_account(w, 1, 1000000, 0);
    run();
    balance(a, 1000000);
    cr_assert_eq(got.included, 0);
}
