// Confinement, rule by rule (execution.md, "Confinement"), and the moment at which it is tested.
#include "tests/shard/evm_bed.h"

#include "base/keccak.h"

#include <criterion/criterion.h>

static const struct evm_facts own_contract = {.own_partition = true, .has_code = true, .known_non_empty = true};
static const struct evm_facts own_empty_contract = {.own_partition = true, .has_code = true};
static const struct evm_facts foreign_contract = {.has_code = true};
static const struct evm_facts coinbase_contract = {
    .own_partition = true, .has_code = true, .is_coinbase = true, .known_non_empty = true};
static const struct evm_facts own_known = {.own_partition = true, .known_non_empty = true};
static const struct evm_facts own_open = {.own_partition = true};
static const struct evm_facts foreign_codeless = {0};
static const struct evm_facts foreign_sender = {.known_non_empty = true};
static const struct evm_facts coinbase_codeless = {.own_partition = true, .is_coinbase = true, .known_non_empty = true};
static const struct evm_facts precompile = {.own_partition = true, .is_precompile = true};
static const struct evm_facts known_precompile = {
    .own_partition = true, .is_precompile = true, .known_non_empty = true};

#define EXPECT(opcode, value, facts, reason)                                                                           \
    cr_assert_eq(evm_confine(EVM_OP_##opcode, value, false, &(facts)), reason, #opcode " " #value " " #facts)

Test(evm_confine, lets_only_exact_balances_be_asked)
{
    EXPECT(BALANCE, false, own_contract, EVM_STAYS);
    EXPECT(BALANCE, false, own_empty_contract, EVM_STAYS);
    EXPECT(BALANCE, false, foreign_contract, EVM_ESCAPE_BALANCE);
    EXPECT(BALANCE, false, coinbase_contract, EVM_ESCAPE_BALANCE);
    EXPECT(BALANCE, false, own_known, EVM_ESCAPE_BALANCE);
    EXPECT(BALANCE, false, own_open, EVM_ESCAPE_BALANCE);
    EXPECT(BALANCE, false, foreign_sender, EVM_ESCAPE_BALANCE);
    EXPECT(BALANCE, false, known_precompile, EVM_ESCAPE_BALANCE);
}

Test(evm_confine, lets_code_hashes_be_asked_of_code_and_of_who_is_not_empty)
{
    EXPECT(EXTCODEHASH, false, own_contract, EVM_STAYS);
    EXPECT(EXTCODEHASH, false, foreign_contract, EVM_STAYS);
    EXPECT(EXTCODEHASH, false, coinbase_contract, EVM_STAYS);
    EXPECT(EXTCODEHASH, false, own_known, EVM_STAYS);
    EXPECT(EXTCODEHASH, false, foreign_sender, EVM_STAYS);
    EXPECT(EXTCODEHASH, false, known_precompile, EVM_STAYS);
    EXPECT(EXTCODEHASH, false, own_open, EVM_ESCAPE_CODE_HASH);
    EXPECT(EXTCODEHASH, false, foreign_codeless, EVM_ESCAPE_CODE_HASH);
    EXPECT(EXTCODEHASH, false, precompile, EVM_ESCAPE_CODE_HASH);
}

Test(evm_confine, keeps_calls_of_code_in_the_partition_and_off_the_coinbase)
{
    EXPECT(CALL, false, own_contract, EVM_STAYS);
    EXPECT(CALL, true, own_contract, EVM_STAYS);
    EXPECT(CALL, true, own_empty_contract, EVM_STAYS);
    EXPECT(STATICCALL, false, own_contract, EVM_STAYS);
    EXPECT(CALL, false, foreign_contract, EVM_ESCAPE_CALL_CODE);
    EXPECT(STATICCALL, false, foreign_contract, EVM_ESCAPE_CALL_CODE);
    EXPECT(CALL, false, coinbase_contract, EVM_ESCAPE_CALL_CODE);
    EXPECT(STATICCALL, false, coinbase_contract, EVM_ESCAPE_CALL_CODE);
}

Test(evm_confine, lets_value_go_only_to_who_is_known_not_to_be_empty)
{
    EXPECT(CALL, true, own_known, EVM_STAYS);
    EXPECT(CALL, true, foreign_sender, EVM_STAYS);
    EXPECT(CALL, true, coinbase_codeless, EVM_STAYS);
    EXPECT(CALL, true, known_precompile, EVM_STAYS);
    EXPECT(CALL, true, own_open, EVM_ESCAPE_CALL_VALUE);
    EXPECT(CALL, true, foreign_codeless, EVM_ESCAPE_CALL_VALUE);
    EXPECT(CALL, true, precompile, EVM_ESCAPE_CALL_VALUE);
    EXPECT(CALL, false, own_open, EVM_STAYS);
    EXPECT(CALL, false, foreign_codeless, EVM_STAYS);
    EXPECT(CALL, false, precompile, EVM_STAYS);
    EXPECT(STATICCALL, false, foreign_codeless, EVM_STAYS);
}

Test(evm_confine, lets_code_of_anywhere_run_on_the_own_storage_and_be_read)
{
    const struct evm_facts *const all[] = {&own_contract, &foreign_contract, &coinbase_contract,
                                           &own_open,     &precompile,       &foreign_codeless};
    static const uint8_t free_ones[] = {EVM_OP_DELEGATECALL, EVM_OP_CALLCODE, EVM_OP_EXTCODESIZE, EVM_OP_EXTCODECOPY};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (size_t k = 0; k < sizeof free_ones; k++)
            cr_assert_eq(evm_confine(free_ones[k], true, true, all[i]), EVM_STAYS, "%zu %02x", i, free_ones[k]);
    }
}

Test(evm_confine, sends_creations_to_the_global_pass)
{
    EXPECT(CREATE, false, own_known, EVM_ESCAPE_CREATE);
    EXPECT(CREATE2, false, own_known, EVM_ESCAPE_CREATE);
}

Test(evm_confine, lets_selfdestruct_stay_for_a_known_heir_at_home)
{
    EXPECT(SELFDESTRUCT, false, own_known, EVM_STAYS);
    EXPECT(SELFDESTRUCT, false, own_contract, EVM_STAYS);
    EXPECT(SELFDESTRUCT, false, coinbase_codeless, EVM_STAYS);
    EXPECT(SELFDESTRUCT, false, own_open, EVM_ESCAPE_SELFDESTRUCT);
    EXPECT(SELFDESTRUCT, false, own_empty_contract, EVM_ESCAPE_SELFDESTRUCT);
    EXPECT(SELFDESTRUCT, false, foreign_sender, EVM_ESCAPE_SELFDESTRUCT);
    EXPECT(SELFDESTRUCT, false, foreign_contract, EVM_ESCAPE_SELFDESTRUCT);
    cr_assert_eq(evm_confine(EVM_OP_SELFDESTRUCT, false, true, &own_known), EVM_ESCAPE_SELFDESTRUCT);
}

Test(evm_confine, sends_calls_of_the_coinbases_code_away_before_they_begin)
{
    cr_assert_eq(evm_confine_target(&coinbase_contract), EVM_ESCAPE_TARGET_COINBASE);
    cr_assert_eq(evm_confine_target(&coinbase_codeless), EVM_STAYS);
    cr_assert_eq(evm_confine_target(&own_contract), EVM_STAYS);
}

Test(evm_confine, has_a_text_for_every_reason)
{
    for (int i = 0; i < EVM_ESCAPE_COUNT; i++)
        cr_assert(strlen(evm_escape_text((enum evm_escape)i)) > 3);
}

// Addresses below 0x80 are at home.
static bool is_own(const address *who)
{
    return who->b[19] < 0x80;
}

static enum evm_outcome run_confined(struct evm_bed *bed, const struct program *p, uint64_t gas, struct evm_result *out)
{
    const address target = bed_address(1);
    evm_world_set_partition(bed->world, is_own);
    bed_put_code(bed, &target, program_bytes(p));
    const struct evm_tx tx = bed_call(&target, gas, (struct bytes){0});
    return bed_run(bed, &tx, EVM_CONFINED, out);
}

static void expect_escape(const struct program *p, uint64_t gas, enum evm_escape reason)
{
    struct evm_bed *bed = evm_bed_create(false);
    struct evm_result result;
    const address callee = bed_address(2);
    struct program own = {0};
    emit(&own, EVM_OP_STOP);
    bed_put_code(bed, &callee, program_bytes(&own));
    const enum evm_outcome outcome = run_confined(bed, p, gas, &result);
    if (reason == EVM_STAYS) {
        cr_assert_eq(outcome, EVM_DONE);
    } else {
        cr_assert_eq(outcome, EVM_ESCAPED);
        cr_assert_eq(result.escape, reason, "%s", evm_escape_text(result.escape));
    }
    evm_bed_free(bed);
}

Test(evm_confine, is_tested_before_gas_is_charged)
{
    const address foreign = bed_address(0x90);
    struct program p = {0};
    emit_push_address(&p, &foreign);
    emit(&p, EVM_OP_BALANCE);
    expect_escape(&p, 3, EVM_ESCAPE_BALANCE);
    // But the instruction before it has to be paid.
    expect_escape(&p, 2, EVM_STAYS);
}

Test(evm_confine, is_tested_only_when_the_operands_are_there)
{
    struct program p = {0};
    emit(&p, EVM_OP_BALANCE);
    expect_escape(&p, 100000, EVM_STAYS);
    p.len = 0;
    emit_push(&p, 0);
    emit_push(&p, 0);
    emit(&p, EVM_OP_CREATE);
    expect_escape(&p, 100000, EVM_STAYS);
    p.len = 0;
    for (int i = 0; i < 3; i++)
        emit_push(&p, 0);
    emit(&p, EVM_OP_CREATE);
    expect_escape(&p, 9, EVM_ESCAPE_CREATE);
}

Test(evm_confine, is_tested_before_a_short_balance_fails_the_call)
{
    const address open = bed_address(0x20), known = bed_address(2);
    struct program p = {0};
    emit_call(&p, EVM_OP_CALL, &open, 1000000);
    expect_escape(&p, 100000, EVM_ESCAPE_CALL_VALUE);
    p.len = 0;
    emit_call(&p, EVM_OP_CALL, &known, 1000000);
    expect_escape(&p, 100000, EVM_STAYS);
}

Test(evm_confine, is_tested_before_static_mode)
{
    struct evm_bed *bed = evm_bed_create(false);
    struct evm_result result;
    const address inner = bed_address(3), foreign = bed_address(0x90);
    struct program p = {0}, destroys = {0};
    emit_push_address(&destroys, &foreign);
    emit(&destroys, EVM_OP_SELFDESTRUCT);
    bed_put_code(bed, &inner, program_bytes(&destroys));
    emit_call(&p, EVM_OP_STATICCALL, &inner, 0);
    cr_assert_eq(run_confined(bed, &p, 100000, &result), EVM_ESCAPED);
    cr_assert_eq(result.escape, EVM_ESCAPE_SELFDESTRUCT);
    evm_bed_free(bed);
}

Test(evm_confine, undoes_everything_of_who_escapes)
{
    struct evm_bed *bed = evm_bed_create(false);
    struct evm_result result;
    const address foreign = bed_address(0x90), target = bed_address(1);
    struct program p = {0};
    emit_push(&p, 5);
    emit_push(&p, 6);
    emit(&p, EVM_OP_SSTORE);
    emit_push_address(&p, &foreign);
    emit(&p, EVM_OP_EXTCODEHASH);
    bed_put_code(bed, &target, program_bytes(&p));
    const bytes32 before = evm_world_root(bed->world);
    cr_assert_eq(run_confined(bed, &p, 100000, &result), EVM_ESCAPED);
    const bytes32 after = evm_world_root(bed->world);
    cr_assert(bytes32_equal(&before, &after));
    // And the next one finds a clean machine.
    p.len = 0;
    emit_push(&p, 0);
    emit(&p, EVM_OP_SLOAD);
    cr_assert_eq(run_confined(bed, &p, 100000, &result), EVM_DONE);
    cr_assert(result.success);
    evm_bed_free(bed);
}

Test(evm_confine, lets_value_go_back_to_the_sender_wherever_it_lives)
{
    struct program p = {0};
    emit_call(&p, EVM_OP_CALL, &BED_SENDER, 10);
    expect_escape(&p, 100000, EVM_STAYS);
}

Test(evm_confine, counts_value_that_came_within_the_transaction)
{
    // The callee has code, but neither nonce nor balance: only what it is given makes it an heir that stays.
    struct evm_bed *bed = evm_bed_create(false);
    struct evm_result result;
    const address callee = bed_address(5);
    struct program stops = {0}, p = {0};
    emit(&stops, EVM_OP_STOP);
    evm_world_put_account(bed->world, &callee, 0, &U256_ZERO, program_bytes(&stops));
    emit_push_address(&p, &callee);
    emit(&p, EVM_OP_SELFDESTRUCT);
    cr_assert_eq(run_confined(bed, &p, 100000, &result), EVM_ESCAPED);
    p.len = 0;
    emit_call(&p, EVM_OP_CALL, &callee, 1);
    emit_push_address(&p, &callee);
    emit(&p, EVM_OP_SELFDESTRUCT);
    cr_assert_eq(run_confined(bed, &p, 100000, &result), EVM_DONE);
    cr_assert(result.success);
    evm_bed_free(bed);
}
