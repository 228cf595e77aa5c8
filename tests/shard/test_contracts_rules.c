// One hand-made block for each rule of the passes over contracts (docs/execution.md), most of them the smallest that
// goes wrong without the rule. Every block is run with 1 to 16 shards, serially and by the EVM alone
// (contract_chain.h); the assertions here say in which pass each transaction must run.
#include "tests/exec_support/contract_chain.h"
#include "tests/exec_support/program.h"

#include <criterion/criterion.h>

// Partitions: contracts and senders of the one or the other.
enum { HERE = 10, THERE = 130 };

static struct contract_chain *c;
static const struct chain_outcome *out;
static struct program p;
static unsigned rich_here, rich_there;

static void setup(void)
{
    c = contract_chain_new("contract rules");
    rich_here = chain_add(c, HERE, 1000000000, 0, (struct bytes){0});
    rich_there = chain_add(c, THERE, 1000000000, 0, (struct bytes){0});
    program_begin(&p);
}

static void teardown(void)
{
    contract_chain_free(c);
}

TestSuite(contract_rules, .init = setup, .fini = teardown);

static struct whom whom(unsigned account)
{
    return (struct whom){.given = *chain_address(c, account)};
}

static unsigned poor(unsigned partition)
{
    return chain_add(c, partition, 0, 0, (struct bytes){0});
}

// The program so far becomes a contract, which keeps in slot 0 what it found.
static unsigned contract(unsigned partition)
{
    program_store(&p, 0, 0, UINT64_MAX);
    const unsigned n = chain_add(c, partition, 10, 1, program_end(&p));
    program_begin(&p);
    return n;
}

static void run(void)
{
    out = chain_run(c, 1);
}

static void ran(size_t tx, enum exec_pass pass, unsigned round)
{
    const struct exec_result *r = &out->results[tx];
    cr_assert_eq(r->drop, TX_OK, "transaction %zu was dropped: %s", tx, tx_status_text(r->drop));
    cr_assert(r->pass == pass && r->round == round, "transaction %zu ran in pass %u of round %u", tx, r->pass,
              r->round);
}

static void called(size_t tx)
{
    ran(tx, EXEC_CALLS, 0);
}

static void global(size_t tx, enum exec_global_reason reason)
{
    ran(tx, EXEC_GLOBAL, EXEC_ROUNDS_MAX);
    cr_assert_eq(out->results[tx].global_reason, reason, "transaction %zu: %s", tx,
                 exec_global_reason_text(out->results[tx].global_reason));
}

static void escaped(size_t tx, enum evm_escape why)
{
    global(tx, EXEC_GLOBAL_ESCAPED + why);
}

static void dropped(size_t tx, enum tx_status reason, bool again)
{
    cr_assert_eq(out->results[tx].drop, reason, "transaction %zu: %s", tx, tx_status_text(out->results[tx].drop));
    cr_assert_eq(out->results[tx].again, again);
}

static void slot_is(unsigned account, uint64_t slot, uint64_t value)
{
    const u256 v = chain_slot(c, account, slot);
    cr_assert(u256_fits_u64(&v) && v.w[0] == value, "slot %lu holds %lu", slot, v.w[0]);
}

static unsigned precompile(unsigned number)
{
    const address who = {.b[19] = (uint8_t)number};
    return chain_name(c, &who);
}

// ---- targets

Test(contract_rules, a_call_runs_where_its_contract_is)
{
    program_log(&p, 5);
    const unsigned a = contract(HERE), b = contract(THERE);
    chain_send(c, rich_here, a, 3);
    chain_send(c, rich_there, a, 4);
    run();
    called(0);
    called(1);
    cr_assert(out->results[0].logs && out->results[1].logs);
    cr_assert_eq(chain_account(c, a).balance.w[0], 17);
    (void)b;
}

Test(contract_rules, calls_of_one_contract_run_in_the_order_of_o)
{
    program_load(&p, 1);
    program_store(&p, 1, 1, 1000);
    program_set(&p, EVM_OP_CALLER);
    const unsigned a = contract(HERE);
    chain_send(c, rich_there, a, 0);
    chain_send(c, rich_here, a, 0);
    run();
    cr_assert_eq(out->order[0], 0);
    cr_assert_eq(out->order[1], 1);
    slot_is(a, 1, 2);
}

Test(contract_rules, creations_are_global_and_their_contracts_too_until_the_block_ends)
{
    // CODECOPY of what follows the init code: LOG0 of nothing.
    const uint8_t init[] = {0x60, 5, 0x60, 12, 0x5f, 0x39, 0x60, 5, 0x5f, 0xf3, 0, 0, 0x5f, 0x5f, 0xa0, 0, 0};
    chain_create(c, rich_here, 0, bytes_of(init, sizeof init));
    run();
    global(0, EXEC_GLOBAL_CREATION);
    cr_assert(out->results[0].success);
}

Test(contract_rules, data_for_an_address_without_code_is_global)
{
    const unsigned nobody = poor(HERE);
    chain_set_data(c, chain_send(c, rich_here, nobody, 7), bytes_of("x", 1));
    chain_send(c, rich_there, nobody, 7);
    run();
    global(0, EXEC_GLOBAL_DATA);
    ran(1, EXEC_SENDERS, 0);
}

Test(contract_rules, precompiles_run_with_their_senders)
{
    const unsigned identity = precompile(4), pairing = precompile(8);
    chain_set_data(c, chain_send(c, rich_here, identity, 7), bytes_of("abc", 3));
    chain_set_data(c, chain_send(c, rich_here, pairing, 9), bytes_of("abc", 3));
    chain_send(c, rich_there, identity, 1)->gas_limit = 21000;
    run();
    for (size_t i = 0; i < 3; i++)
        ran(i, EXEC_SENDERS, 0);
    cr_assert(out->results[0].success && !out->results[1].success && !out->results[2].success);
    cr_assert_eq(out->results[0].gas_used, 21000 + 3 * 16 + 15 + 3);
    cr_assert_eq(out->results[1].gas_used, 200000);
    cr_assert_eq(chain_account(c, identity).balance.w[0], 7);
    cr_assert_eq(chain_account(c, pairing).balance.w[0], 0);
}

Test(contract_rules, contracts_do_not_send)
{
    program_log(&p, 1);
    const unsigned a = contract(HERE);
    chain_send(c, a, rich_here, 0)->nonce = 1;
    run();
    dropped(0, TX_SENDER_HAS_CODE, false);
}

Test(contract_rules, the_coinbases_code_runs_in_the_global_pass)
{
    program_ask(&p, EVM_OP_BALANCE, (struct whom){.from = WHOM_SELF});
    const unsigned a = contract(HERE);
    chain_set_coinbase(c, a);
    chain_send(c, rich_there, rich_here, 5);
    chain_send(c, rich_there, a, 0);
    run();
    ran(0, EXEC_SENDERS, 0);
    escaped(1, EVM_ESCAPE_TARGET_COINBASE);
}

// ---- bindings, reservations, rounds

Test(contract_rules, a_sender_calls_one_partition_a_round)
{
    program_log(&p, 1);
    const unsigned a = contract(HERE);
    program_log(&p, 2);
    const unsigned b = contract(THERE);
    chain_send(c, rich_here, a, 0);
    chain_send(c, rich_here, a, 0);
    chain_send(c, rich_here, b, 0);
    chain_send(c, rich_here, a, 0);
    run();
    ran(0, EXEC_CALLS, 0);
    ran(1, EXEC_CALLS, 0);
    ran(2, EXEC_CALLS, 1);
    ran(3, EXEC_CALLS, 2);
}

Test(contract_rules, a_bound_senders_transfers_come_along)
{
    program_log(&p, 1);
    const unsigned a = contract(HERE), neighbour = poor(HERE), other = poor(THERE), identity = precompile(4);
    chain_send(c, rich_there, other, 1);
    chain_send(c, rich_there, a, 0);
    chain_send(c, rich_there, neighbour, 2);
    chain_send(c, rich_there, other, 3);
    chain_set_data(c, chain_send(c, rich_there, identity, 4), bytes_of("abcd", 4));
    run();
    ran(0, EXEC_SENDERS, 0);
    for (size_t i = 1; i < 5; i++)
        ran(i, EXEC_CALLS, 0);
    cr_assert_eq(chain_account(c, neighbour).balance.w[0], 2);
    cr_assert_eq(chain_account(c, other).balance.w[0], 4);
    cr_assert_eq(chain_account(c, identity).balance.w[0], 4);
}

Test(contract_rules, unused_gas_is_back_for_the_next_round)
{
    // Enough for one gas limit at a time.
    program_log(&p, 1);
    const unsigned a = contract(HERE), sender = chain_add(c, THERE, 2600000, 0, (struct bytes){0});
    chain_send(c, sender, a, 0);
    chain_send(c, sender, a, 0);
    run();
    ran(0, EXEC_CALLS, 0);
    ran(1, EXEC_CALLS, 1);
}

Test(contract_rules, a_reverted_calls_value_goes_back)
{
    program_log(&p, 1);
    program_revert(&p);
    const unsigned a = contract(HERE);
    chain_send(c, rich_there, a, 12345);
    run();
    called(0);
    cr_assert(!out->results[0].success && !out->results[0].logs);
    cr_assert_eq(chain_account(c, rich_there).balance.w[0], 1000000000 - 9 * out->results[0].gas_used);
    cr_assert_eq(chain_account(c, a).balance.w[0], 10);
}

Test(contract_rules, later_calls_of_a_sender_follow_an_escape)
{
    program_create(&p, EVM_OP_CREATE, (struct bytes){0}, 0, 0);
    const unsigned creates = contract(HERE);
    program_log(&p, 1);
    const unsigned logs = contract(HERE), nobody = poor(HERE);
    chain_send(c, rich_there, creates, 0);
    chain_send(c, rich_there, logs, 0);
    chain_send(c, rich_there, nobody, 3);
    chain_send(c, rich_here, logs, 0);
    run();
    escaped(0, EVM_ESCAPE_CREATE);
    global(1, EXEC_GLOBAL_AFTER_ESCAPE);
    global(2, EXEC_GLOBAL_AFTER_ESCAPE);
    called(3);
}

Test(contract_rules, who_had_an_escape_waits_for_the_global_pass_with_all_that_is_left)
{
    // The last one would take the nonce that the escape gave back.
    program_create(&p, EVM_OP_CREATE, (struct bytes){0}, 0, 0);
    const unsigned creates = contract(HERE);
    program_log(&p, 1);
    const unsigned logs = contract(THERE);
    chain_send(c, rich_there, creates, 0);
    chain_send(c, rich_there, logs, 0);
    chain_send(c, rich_there, rich_here, 3)->nonce = 0;
    run();
    escaped(0, EVM_ESCAPE_CREATE);
    global(1, EXEC_GLOBAL_AFTER_ESCAPE);
    dropped(2, TX_NONCE_TOO_LOW, false);
}

Test(contract_rules, what_escaped_is_undone_and_unreserved)
{
    // Writes and logs before it escapes; its sender's nonce and money are as if it had not been tried.
    program_store(&p, 1, 4, 1000);
    program_log(&p, 1);
    program_create(&p, EVM_OP_CREATE, (struct bytes){0}, 0, 0);
    const unsigned a = contract(HERE), sender = chain_add(c, THERE, 3000000, 0, (struct bytes){0});
    chain_send(c, sender, a, 100);
    run();
    escaped(0, EVM_ESCAPE_CREATE);
    slot_is(a, 1, 4);
    cr_assert_eq(chain_account(c, sender).nonce, 1);
    cr_assert_eq(chain_account(c, sender).balance.w[0], 3000000 - 100 - 9 * out->results[0].gas_used);
}

Test(contract_rules, a_nonce_gap_behind_a_creation_waits_for_the_global_pass)
{
    chain_create(c, rich_here, 0, (struct bytes){0});
    chain_send(c, rich_here, rich_there, 1);
    run();
    global(0, EXEC_GLOBAL_CREATION);
    global(1, EXEC_GLOBAL_WAITED);
}

Test(contract_rules, money_from_a_contract_pays_in_the_next_round)
{
    const unsigned later = chain_add(c, THERE, 1, 0, (struct bytes){0});
    program_call(&p, EVM_OP_CALL, (struct whom){.from = WHOM_ORIGIN}, 10);
    const unsigned a = contract(HERE);
    chain_send(c, later, rich_here, 0);
    chain_send(c, rich_here, later, 3000000);
    chain_send(c, rich_there, a, 0);
    run();
    ran(0, EXEC_SENDERS, 1);
    called(2);
    slot_is(a, 0, 1);
}

// ---- confinement: the model's cases

static unsigned asks(uint8_t opcode, struct whom who)
{
    program_ask(&p, opcode, who);
    return contract(THERE);
}

static unsigned pays(struct whom who)
{
    program_call(&p, EVM_OP_CALL, who, 1);
    return contract(THERE);
}

// A call before which, in B, someone sends money to who the contract asks about; as that one is bound to another
// partition, the money arrives behind the call.
static void after_a_transfer(unsigned to, unsigned called_contract, enum evm_escape why)
{
    program_log(&p, 1);
    const unsigned binds = contract(HERE);
    chain_send(c, rich_here, binds, 0);
    chain_send(c, rich_here, to, 5);
    chain_send(c, rich_there, called_contract, 0);
    run();
    called(0);
    called(1);
    if (why == EVM_STAYS)
        called(2);
    else
        escaped(2, why);
}

Test(contract_rules, precompile_balance)
{
    const unsigned x = precompile(2);
    after_a_transfer(x, asks(EVM_OP_BALANCE, whom(x)), EVM_ESCAPE_BALANCE);
}

Test(contract_rules, precompile_hash)
{
    const unsigned x = precompile(2);
    after_a_transfer(x, asks(EVM_OP_EXTCODEHASH, whom(x)), EVM_ESCAPE_CODE_HASH);
}

Test(contract_rules, precompile_empty)
{
    const unsigned x = precompile(2);
    after_a_transfer(x, pays(whom(x)), EVM_ESCAPE_CALL_VALUE);
}

Test(contract_rules, codeless_balance)
{
    const unsigned x = chain_add(c, THERE, 1000, 0, (struct bytes){0});
    after_a_transfer(x, asks(EVM_OP_BALANCE, whom(x)), EVM_ESCAPE_BALANCE);
}

Test(contract_rules, codeless_hash)
{
    const unsigned x = poor(THERE);
    after_a_transfer(x, asks(EVM_OP_EXTCODEHASH, whom(x)), EVM_ESCAPE_CODE_HASH);
}

Test(contract_rules, emptiness)
{
    const unsigned x = poor(THERE);
    after_a_transfer(x, pays(whom(x)), EVM_ESCAPE_CALL_VALUE);
}

Test(contract_rules, who_is_known_not_to_be_empty_may_be_paid_and_hashed)
{
    const unsigned x = chain_add(c, THERE, 1, 0, (struct bytes){0}), y = chain_add(c, THERE, 0, 1, (struct bytes){0});
    program_call(&p, EVM_OP_CALL, whom(x), 1);
    program_call(&p, EVM_OP_CALL, whom(y), 1);
    program_call(&p, EVM_OP_CALL, (struct whom){.from = WHOM_ORIGIN}, 1);
    program_ask(&p, EVM_OP_EXTCODEHASH, whom(x));
    after_a_transfer(x, contract(THERE), EVM_STAYS);
}

Test(contract_rules, a_foreign_sender_may_be_paid_and_hashed)
{
    program_ask(&p, EVM_OP_EXTCODEHASH, (struct whom){.from = WHOM_ORIGIN});
    program_call(&p, EVM_OP_CALL, (struct whom){.from = WHOM_ORIGIN}, 4);
    const unsigned a = contract(HERE);
    chain_send(c, rich_there, a, 0);
    run();
    called(0);
    cr_assert_eq(chain_account(c, a).balance.w[0], 6);
    cr_assert_eq(chain_account(c, rich_there).balance.w[0], 1000000000 + 4 - 9 * out->results[0].gas_used);
}

Test(contract_rules, what_a_sender_of_the_partition_gets_is_there_at_once)
{
    // The first call pays its sender, who has nothing else left; the second then knows that he isn't empty.
    const unsigned sender = chain_add(c, HERE, 2000000, 0, (struct bytes){0});
    program_call(&p, EVM_OP_CALL, (struct whom){.from = WHOM_ORIGIN}, 1);
    const unsigned a = contract(HERE);
    program_call(&p, EVM_OP_CALL, whom(sender), 1);
    const unsigned b = contract(HERE);
    struct tx *t = chain_send(c, sender, a, 200000);
    t->max_fee = u256_from_u64(9);
    chain_send(c, rich_there, b, 0);
    run();
    called(0);
    called(1);
}

Test(contract_rules, foreign_balance)
{
    program_log(&p, 1);
    const unsigned x = contract(HERE);
    after_a_transfer(rich_there, asks(EVM_OP_BALANCE, whom(x)), EVM_ESCAPE_BALANCE);
}

Test(contract_rules, foreign_pay)
{
    const unsigned x = poor(HERE);
    after_a_transfer(x, pays(whom(x)), EVM_ESCAPE_CALL_VALUE);
}

Test(contract_rules, reserved_nonce)
{
    // The sender who lives with the contract has nothing but the call that it sent elsewhere.
    chain_env(c)->base_fee = U256_ZERO;
    const unsigned empty = poor(THERE);
    const unsigned a = pays(whom(empty));
    program_log(&p, 1);
    const unsigned b = contract(HERE);
    chain_send(c, rich_here, a, 0);
    struct tx *t = chain_send(c, empty, b, 0);
    t->max_fee = t->max_tip = U256_ZERO;
    run();
    escaped(0, EVM_ESCAPE_CALL_VALUE);
    called(1);
}

Test(contract_rules, foreign_call)
{
    program_store(&p, 1, 1, 1000);
    const unsigned x = contract(HERE);
    program_call(&p, EVM_OP_CALL, whom(x), 0);
    const unsigned a = contract(THERE);
    chain_send(c, rich_here, a, 0);
    chain_send(c, rich_there, x, 0);
    run();
    escaped(0, EVM_ESCAPE_CALL_CODE);
    called(1);
}

Test(contract_rules, foreign_static)
{
    program_load(&p, 1);
    const unsigned x = contract(HERE);
    program_call(&p, EVM_OP_STATICCALL, whom(x), 0);
    const unsigned a = contract(THERE);
    chain_send(c, rich_here, a, 0);
    chain_send(c, rich_there, x, 0);
    run();
    escaped(0, EVM_ESCAPE_CALL_CODE);
    called(1);
}

Test(contract_rules, foreign_code_runs_on_the_own_storage_and_is_read)
{
    program_store(&p, 1, 6, 1000);
    const unsigned x = contract(HERE);
    program_call(&p, EVM_OP_DELEGATECALL, whom(x), 0);
    program_call(&p, EVM_OP_CALLCODE, whom(x), 1);
    program_ask(&p, EVM_OP_EXTCODEHASH, whom(x));
    program_ask(&p, EVM_OP_EXTCODESIZE, whom(x));
    program_call(&p, EVM_OP_CALL, whom(poor(HERE)), 0);
    program_call(&p, EVM_OP_STATICCALL, whom(precompile(4)), 0);
    const unsigned a = contract(THERE);
    chain_send(c, rich_here, a, 0);
    run();
    called(0);
    slot_is(a, 1, 6);
    slot_is(x, 1, 0);
}

Test(contract_rules, create_global)
{
    const unsigned nobody = poor(HERE);
    program_create(&p, EVM_OP_CREATE2, (struct bytes){0}, 0, 1);
    after_a_transfer(nobody, contract(THERE), EVM_ESCAPE_CREATE);
}

Test(contract_rules, coinbase_balance)
{
    program_log(&p, 1);
    const unsigned x = contract(THERE);
    chain_set_coinbase(c, x);
    after_a_transfer(poor(HERE), asks(EVM_OP_BALANCE, whom(x)), EVM_ESCAPE_BALANCE);
}

Test(contract_rules, coinbase_call)
{
    program_set(&p, EVM_OP_SELFBALANCE);
    const unsigned x = contract(THERE);
    chain_set_coinbase(c, x);
    program_call(&p, EVM_OP_CALL, whom(x), 0);
    after_a_transfer(poor(HERE), contract(THERE), EVM_ESCAPE_CALL_CODE);
}

Test(contract_rules, a_contract_destroys_itself_for_who_is_known_and_escapes_otherwise)
{
    const unsigned nobody = poor(THERE);
    program_selfdestruct(&p, (struct whom){.from = WHOM_ORIGIN});
    const unsigned known = contract(THERE);
    program_selfdestruct(&p, whom(nobody));
    const unsigned open = contract(THERE);
    chain_send(c, rich_there, known, 0);
    chain_send(c, rich_there, open, 0);
    chain_send(c, rich_here, known, 0);
    run();
    called(0);
    escaped(1, EVM_ESCAPE_SELFDESTRUCT);
    escaped(2, EVM_ESCAPE_SELFDESTRUCT); // its heir, the sender, is of another partition
}

Test(contract_rules, an_escape_can_not_be_caught)
{
    program_create(&p, EVM_OP_CREATE, (struct bytes){0}, 0, 0);
    const unsigned inner = contract(THERE);
    program_call(&p, EVM_OP_CALL, whom(inner), 0);
    program_store(&p, 1, 1, 1000);
    const unsigned outer = contract(THERE);
    chain_send(c, rich_here, outer, 0);
    run();
    escaped(0, EVM_ESCAPE_CREATE);
}

Test(contract_rules, an_escape_comes_before_gas_and_static_mode)
{
    program_create(&p, EVM_OP_CREATE, (struct bytes){0}, 0, 0);
    const unsigned inner = contract(THERE);
    program_call(&p, EVM_OP_STATICCALL, whom(inner), 0);
    const unsigned outer = contract(THERE);
    chain_send(c, rich_here, outer, 0);
    chain_send(c, rich_there, inner, 0)->gas_limit = 21000 + 30; // the creation can't be paid
    run();
    escaped(0, EVM_ESCAPE_CREATE);
    escaped(1, EVM_ESCAPE_CREATE);
    cr_assert(!out->results[1].success);
}

Test(contract_rules, fees_are_the_coinbases_before_the_global_pass)
{
    program_ask(&p, EVM_OP_BALANCE, (struct whom){.from = WHOM_COINBASE});
    const unsigned a = contract(HERE);
    chain_send(c, rich_there, rich_here, 0)->gas_limit = 21000;
    chain_send(c, rich_here, a, 0);
    run();
    escaped(1, EVM_ESCAPE_BALANCE);
    slot_is(a, 0, 2 * 21000);
}

// ---- the block

Test(contract_rules, each_block_tells_the_beacon_roots_contract_first)
{
    // EIP-4788's own code, as deployed.
    static const uint8_t code[] = {0x33, 0x73, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0x14, 0x60, 0x4d, 0x57, 0x60, 0x20,
                                   0x36, 0x14, 0x60, 0x24, 0x57, 0x5f, 0x5f, 0xfd, 0x5b, 0x5f, 0x35, 0x80, 0x15, 0x60,
                                   0x49, 0x57, 0x62, 0x00, 0x1f, 0xff, 0x81, 0x06, 0x90, 0x81, 0x54, 0x14, 0x60, 0x3c,
                                   0x57, 0x5f, 0x5f, 0xfd, 0x5b, 0x62, 0x00, 0x1f, 0xff, 0x01, 0x54, 0x5f, 0x52, 0x60,
                                   0x20, 0x5f, 0xf3, 0x5b, 0x5f, 0x5f, 0xfd, 0x5b, 0x62, 0x00, 0x1f, 0xff, 0x42, 0x06,
                                   0x42, 0x81, 0x55, 0x5f, 0x35, 0x90, 0x62, 0x00, 0x1f, 0xff, 0x01, 0x55, 0x00};
    static const address who = {{0x00, 0x0f, 0x3d, 0xf6, 0xd7, 0x32, 0x80, 0x7e, 0xf1, 0x31,
                                 0x9f, 0xb7, 0xb8, 0xbb, 0x85, 0x22, 0xd0, 0xbe, 0xac, 0x02}};
    const unsigned roots = chain_add_at(c, &who, 0, 1, bytes_of(code, sizeof code));
    chain_env(c)->parent_beacon_block_root = (bytes32){.b[31] = 77};
    run();
    cr_assert_eq(out->included, 0);
    slot_is(roots, 1000 % 8191, 1000);
    slot_is(roots, 1000 % 8191 + 8191, 77);
}

Test(contract_rules, contracts_see_the_hashes_of_earlier_blocks)
{
    program_set(&p, EVM_OP_NUMBER);
    program_op(&p, EVM_OP_PUSH1);
    program_op(&p, 1);
    program_op(&p, EVM_OP_SWAP1);
    program_op(&p, EVM_OP_SUB);
    program_op(&p, EVM_OP_BLOCKHASH);
    program_log(&p, 1);
    const unsigned a = contract(HERE);
    for (unsigned i = 0; i < 3; i++) {
        chain_send(c, rich_there, a, 0);
        run(); // the EVM alone has its hashes from elsewhere
        called(0);
    }
}

Test(contract_rules, what_waits_for_a_call_of_the_last_round_is_global)
{
    // A sender goes to and fro between two partitions, one a round, longer than there are rounds.
    program_log(&p, 1);
    const unsigned a = contract(HERE);
    program_log(&p, 2);
    const unsigned b = contract(THERE);
    for (unsigned i = 0; i < 20; i++)
        chain_send(c, rich_here, i % 2 ? b : a, 0);
    run();
    for (unsigned i = 0; i < EXEC_ROUNDS_MAX; i++)
        ran(i, EXEC_CALLS, i);
    for (unsigned i = EXEC_ROUNDS_MAX; i < 20; i++)
        global(i, EXEC_GLOBAL_WAITED);
}
