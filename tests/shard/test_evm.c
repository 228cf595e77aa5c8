// The EVM around its instructions, which the official tests hold to account: sequences that run as one, pauses, waiting
// for the host, tracing, undoing, bounds.
#include "tests/shard/evm_bed.h"
#include "tests/support/vectors.h"

#include "base/keccak.h"
#include "shard/evm/fused.h"

#include <criterion/criterion.h>
#include <stdio.h>

// What one run of a program comes to, as one hash.
struct outcome {
    enum evm_outcome kind;
    bool success;
    uint64_t gas_used;
    bytes32 output, logs, root;
};

static bytes32 hash_logs(struct evm_bed *bed, const struct evm_result *result)
{
    uint8_t *buf = arena_alloc(bed->arena, evm_logs_size(result->logs, result->log_count));
    const size_t len = (size_t)(evm_logs_put(buf, result->logs, result->log_count) - buf);
    cr_assert_eq(len, evm_logs_size(result->logs, result->log_count));
    const bytes32 hash = keccak256(buf, len);
    arena_free(bed->arena, buf);
    return hash;
}

static void count_step(void *ctx, const struct evm_step *step)
{
    *(uint64_t *)ctx += 1;
    cr_assert_leq(step->stack_count, EVM_STACK_MAX);
    cr_assert_geq(step->gas, 0);
}

struct way {
    bool late, traced;
    uint64_t slice;
};

static struct outcome run_program(const struct program *program, uint64_t gas, struct way way)
{
    struct evm_bed *bed = evm_bed_create(way.late);
    const address target = bed_address(1), other = bed_address(2);
    uint64_t steps = 0;
    const struct evm_tracer tracer = {.ctx = &steps, .step = count_step};
    struct program callee = {0};
    struct evm_result result;
    // What programs call: returns its input's first word plus what it stores at it, or reverts when that is odd.
    static const uint8_t callee_code[] = {
        EVM_OP_PUSH0,  EVM_OP_CALLDATALOAD, EVM_OP_DUP1,   EVM_OP_SLOAD, EVM_OP_ADD, EVM_OP_DUP1,  EVM_OP_PUSH0,
        EVM_OP_SSTORE, EVM_OP_PUSH0,        EVM_OP_MSTORE, EVM_OP_PUSH1, 32,         EVM_OP_PUSH0, EVM_OP_RETURN};
    memcpy(callee.b, callee_code, callee.len = sizeof callee_code);
    bed_put_code(bed, &other, program_bytes(&callee));
    bed_put_code(bed, &target, program_bytes(program));
    evm_set_tracer(bed->evm, way.traced ? &tracer : NULL);
    evm_set_slice(bed->evm, way.slice);
    static const uint8_t data[100] = {1, 2, 3, 4, 5, 6, 7};
    const struct evm_tx tx = bed_call(&target, gas, bytes_of(data, sizeof data));
    struct outcome out = {.kind = bed_run(bed, &tx, 0, &result)};
    out.success = result.success;
    out.gas_used = result.gas_used;
    out.output = keccak256(result.output.ptr, result.output.len);
    out.logs = hash_logs(bed, &result);
    if (out.kind == EVM_DONE)
        evm_commit(bed->evm);
    out.root = evm_world_root(bed->world);
    evm_bed_free(bed);
    return out;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
    return a->kind == b->kind && a->success == b->success && a->gas_used == b->gas_used &&
           bytes32_equal(&a->output, &b->output) && bytes32_equal(&a->logs, &b->logs) &&
           bytes32_equal(&a->root, &b->root);
}

static void emit_small_push(struct program *p, uint64_t *seed)
{
    const unsigned bytes = (unsigned)(test_random(seed) % 3) + 1;
    emit(p, (uint8_t)(EVM_OP_PUSH1 + bytes - 1));
    for (unsigned i = 0; i < bytes; i++)
        emit(p, i + 1 < bytes ? 0 : (uint8_t)test_random(seed));
}

// A loop of a few rounds around instructions that are likely to find what they need on the stack.
static void random_program(struct program *p, uint64_t *seed)
{
    static const uint8_t binary[] = {
        EVM_OP_ADD, EVM_OP_MUL, EVM_OP_SUB,        EVM_OP_DIV,    EVM_OP_SDIV,   EVM_OP_MOD,    EVM_OP_SMOD, EVM_OP_LT,
        EVM_OP_GT,  EVM_OP_SLT, EVM_OP_EQ,         EVM_OP_AND,    EVM_OP_OR,     EVM_OP_XOR,    EVM_OP_BYTE, EVM_OP_SHL,
        EVM_OP_SHR, EVM_OP_SAR, EVM_OP_SIGNEXTEND, EVM_OP_MSTORE, EVM_OP_SSTORE, EVM_OP_TSTORE, EVM_OP_LOG0};
    static const uint8_t unary[] = {EVM_OP_ISZERO, EVM_OP_NOT,          EVM_OP_MLOAD,   EVM_OP_SLOAD,      EVM_OP_TLOAD,
                                    EVM_OP_POP,    EVM_OP_CALLDATALOAD, EVM_OP_BALANCE, EVM_OP_EXTCODESIZE};
    const address other = bed_address(2);
    p->len = 0;
    const unsigned head = 6 + (unsigned)(test_random(seed) % 40);
    for (unsigned i = 0; i < head; i++)
        emit_small_push(p, seed);
    const size_t loop = p->len;
    emit(p, EVM_OP_JUMPDEST);
    const unsigned count = 5 + (unsigned)(test_random(seed) % 60);
    for (unsigned i = 0; i < count; i++) {
        const uint64_t r = test_random(seed);
        switch (r % 8) {
        case 0:
        case 1:
            emit_small_push(p, seed);
            break;
        case 2:
            emit(p, (uint8_t)(EVM_OP_DUP1 + (r >> 8) % 16));
            break;
        case 3:
            emit(p, (uint8_t)(EVM_OP_SWAP1 + (r >> 8) % 16));
            break;
        case 4:
        case 5:
            emit(p, binary[(r >> 8) % sizeof binary]);
            break;
        case 6:
            emit(p, unary[(r >> 8) % sizeof unary]);
            break;
        default:
            if (r >> 8 & 1) {
                emit_call(p, (r >> 9 & 1) ? EVM_OP_CALL : EVM_OP_DELEGATECALL, &other, r >> 10 & 1);
            } else {
                // Jumps over the next instruction, or not.
                emit(p, EVM_OP_ISZERO);
                emit(p, EVM_OP_PUSH2);
                const size_t to = p->len + 4;
                emit(p, (uint8_t)(to >> 8));
                emit(p, (uint8_t)to);
                emit(p, EVM_OP_JUMPI);
                emit(p, EVM_OP_GAS);
                emit(p, EVM_OP_JUMPDEST);
            }
        }
    }
    emit(p, EVM_OP_GAS);
    emit(p, EVM_OP_PUSH2);
    emit(p, 0x40);
    emit(p, 0);
    emit(p, EVM_OP_LT);
    emit(p, EVM_OP_PUSH2);
    emit(p, (uint8_t)(loop >> 8));
    emit(p, (uint8_t)loop);
    emit(p, EVM_OP_JUMPI);
    emit(p, EVM_OP_MSIZE);
    emit(p, EVM_OP_PUSH0);
    emit(p, EVM_OP_RETURN);
}

Test(evm, gives_the_same_however_it_is_run)
{
    enum { PROGRAMS = GANTRY_SANITIZE ? 50 : 500 };
    uint64_t seed = test_seed("evm_ways");
    size_t successes = 0;
    for (int i = 0; i < PROGRAMS; i++) {
        struct program p = {0};
        random_program(&p, &seed);
        const uint64_t gas = 20000 + test_random(&seed) % 60000;
        const struct outcome plain = run_program(&p, gas, (struct way){0});
        // A tracer sees each instruction on its own; nothing is fused.
        const struct way ways[] = {{.traced = true}, {.late = true}, {.slice = 50}, {true, true, 70}};
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
            const struct outcome other = run_program(&p, gas, ways[w]);
            cr_assert(same(&plain, &other), "program %d, way %zu: gas %lu and %lu", i, w, plain.gas_used,
                      other.gas_used);
        }
        successes += plain.success;
    }
    cr_assert_gt(successes, PROGRAMS / 20);
}

// Runs `head` pushes and then the bytes, plain and traced.
static void expect_fused(const uint8_t *bytes, size_t len, unsigned head, const char *what)
{
    struct program p = {0};
    for (unsigned i = 0; i < head; i++) {
        emit(&p, EVM_OP_PUSH1);
        emit(&p, (uint8_t)(i * 7));
    }
    for (size_t i = 0; i < len; i++)
        emit(&p, bytes[i]);
    // All that is left of the stack goes to storage, the top first.
    emit(&p, EVM_OP_PUSH1);
    emit(&p, 9);
    emit(&p, EVM_OP_SSTORE);
    for (uint64_t gas = 0; gas < 24; gas += GANTRY_SANITIZE ? 4 : 1) {
        const uint64_t all = 3 * head + gas + (gas > 19 ? 60000 : 0);
        const struct outcome plain = run_program(&p, all, (struct way){0});
        const struct outcome traced = run_program(&p, all, (struct way){.traced = true});
        cr_assert(same(&plain, &traced), "%s, stack %u, gas %lu", what, head, all);
    }
}

Test(evm, runs_sequences_as_their_instructions_at_every_gas_and_stack)
{
    static const struct {
        const char *name;
        uint8_t bytes[10];
        size_t len;
    } sequences[] = {
        {"PUSH1 ADD", {0x60, 5, 0x01}, 3},
        {"PUSH1 SHL", {0x60, 5, 0x1b}, 3},
        {"PUSH1 SHR", {0x60, 5, 0x1c}, 3},
        {"PUSH1 MLOAD", {0x60, 5, 0x51}, 3},
        {"PUSH1 MSTORE", {0x60, 5, 0x52}, 3},
        {"PUSH1 DUP2", {0x60, 5, 0x81}, 3},
        {"PUSH2 MLOAD", {0x61, 1, 5, 0x51}, 4},
        {"PUSH2 MSTORE", {0x61, 1, 5, 0x52}, 4},
        {"mask", {0x60, 1, 0x60, 1, 0x60, 160, 0x1b, 0x03}, 8},
        {"mask of none", {0x60, 1, 0x60, 1, 0x60, 0, 0x1b, 0x03}, 8},
        {"mask of 64", {0x60, 1, 0x60, 1, 0x60, 64, 0x1b, 0x03}, 8},
        {"mask of 255", {0x60, 1, 0x60, 1, 0x60, 255, 0x1b, 0x03}, 8},
        {"mask AND", {0x60, 1, 0x60, 1, 0x60, 3, 0x1b, 0x03, 0x16}, 9},
        {"mask DUP1 AND", {0x60, 1, 0x60, 1, 0x60, 3, 0x1b, 0x03, 0x80, 0x16}, 10},
        {"mask DUP2 AND", {0x60, 1, 0x60, 1, 0x60, 3, 0x1b, 0x03, 0x81, 0x16}, 10},
        {"mask DUP4 AND", {0x60, 1, 0x60, 1, 0x60, 3, 0x1b, 0x03, 0x83, 0x16}, 10},
        {"SWAP1 POP", {0x90, 0x50}, 2},
        {"SWAP2 POP", {0x91, 0x50}, 2},
        {"POP POP", {0x50, 0x50}, 2},
        {"DUP3 ADD", {0x82, 0x01}, 2},
        {"DUP1 SUB", {0x80, 0x03}, 2},
        {"DUP3 SUB", {0x82, 0x03}, 2},
        {"DUP3 MUL", {0x82, 0x02}, 2},
        {"DUP3 AND", {0x82, 0x16}, 2},
        {"DUP3 OR", {0x82, 0x17}, 2},
        {"DUP3 XOR", {0x82, 0x18}, 2},
        {"DUP3 LT", {0x82, 0x10}, 2},
        {"DUP3 GT", {0x82, 0x11}, 2},
        {"DUP3 EQ", {0x82, 0x14}, 2},
        {"DUP3 SHR", {0x82, 0x1c}, 2},
        {"DUP1 MSTORE", {0x80, 0x52}, 2},
        {"DUP3 MSTORE", {0x82, 0x52}, 2},
    };
    static const unsigned stacks[] = {0, 1, 2, 3, 4, 1020, 1021, 1022, 1023, 1024};
    for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
        for (size_t s = 0; s < sizeof stacks / sizeof *stacks; s++)
            expect_fused(sequences[i].bytes, sequences[i].len, stacks[s], sequences[i].name);
    }
}

Test(evm, jumps_of_known_targets_as_their_instructions)
{
    static const unsigned stacks[] = {1, 2, 3, 1023, 1024};
    for (size_t s = 0; s < sizeof stacks / sizeof *stacks; s++) {
        const unsigned at = 2 * stacks[s];
        for (unsigned off = 0; off < 2; off++) { // to a JUMPDEST, and one beside it
            const unsigned to = at + 5 + off;
            const uint8_t jump[] = {0x61, (uint8_t)(to >> 8), (uint8_t)to, 0x56, 0xfe, 0x5b, 0x00};
            const uint8_t jumpi[] = {0x61, (uint8_t)(to >> 8), (uint8_t)to, 0x57, 0x30, 0x5b, 0x00};
            const unsigned after = to + 1;
            const uint8_t iszero[] = {0x15, 0x61, (uint8_t)(after >> 8), (uint8_t)after, 0x57, 0x30, 0x5b, 0x00};
            expect_fused(jump, sizeof jump, stacks[s], "PUSH2 JUMP");
            expect_fused(jumpi, sizeof jumpi, stacks[s], "PUSH2 JUMPI");
            expect_fused(iszero, sizeof iszero, stacks[s], "ISZERO PUSH2 JUMPI");
        }
    }
}

// PUSH5 word, then DUP1 PUSH4 selector, the comparison, PUSH2 to a JUMPDEST or beside it, JUMPI.
static void expect_selector(uint8_t comparison, uint8_t high, uint8_t low, uint8_t selector, unsigned head)
{
    for (unsigned off = 0; off < 2; off++) {
        const unsigned to = 2 * head + 18 + off;
        const uint8_t bytes[] = {0x64,        high,     0,          0,    1,
                                 low,         0x80,     0x63,       0,    0,
                                 1,           selector, comparison, 0x61, (uint8_t)(to >> 8),
                                 (uint8_t)to, 0x57,     0x30,       0x5b, 0x00};
        expect_fused(bytes, sizeof bytes, head, "selector");
    }
}

Test(evm, finds_functions_as_their_instructions)
{
    static const unsigned heads[] = {0, 1, 1020, 1021, 1022, 1023};
    for (size_t h = 0; h < sizeof heads / sizeof *heads; h++) {
        for (unsigned high = 0; high < 2; high++) {
            expect_selector(0x14, (uint8_t)high, 7, 7, heads[h]);
            expect_selector(0x14, (uint8_t)high, 7, 8, heads[h]);
            expect_selector(0x11, (uint8_t)high, 7, 6, heads[h]);
            expect_selector(0x11, (uint8_t)high, 7, 7, heads[h]);
            expect_selector(0x11, (uint8_t)high, 7, 8, heads[h]);
        }
    }
}

Test(evm, does_not_know_the_numbers_of_sequences_in_code)
{
    for (unsigned op = 0; op < 256; op++) {
        struct program p = {0};
        for (int i = 0; i < 17; i++)
            emit_push(&p, 0);
        emit(&p, (uint8_t)op);
        const struct outcome out = run_program(&p, 200000, (struct way){0});
        const bool known =
            evm_opcode_name((uint8_t)op) != NULL && op != EVM_OP_INVALID && op != EVM_OP_REVERT && op != EVM_OP_JUMP;
        cr_assert_eq(out.success, known, "opcode %02x", op);
    }
}

Test(evm, undoes_what_a_frame_that_reverts_has_done_and_keeps_the_rest)
{
    struct evm_bed *bed = evm_bed_create(false);
    struct evm_result result;
    const address outer = bed_address(1), inner = bed_address(2), paid = bed_address(3);
    const u256 one = u256_from_u64(1), two = u256_from_u64(2);
    struct program in = {0}, out = {0};
    emit_push(&in, 7);
    emit_push(&in, 1);
    emit(&in, EVM_OP_SSTORE);
    emit_push(&in, 0);
    emit_push(&in, 0);
    emit(&in, EVM_OP_LOG0);
    emit_call(&in, EVM_OP_CALL, &paid, 5);
    emit_push(&in, 0);
    emit_push(&in, 0);
    emit(&in, EVM_OP_REVERT);
    emit_push(&out, 7);
    emit_push(&out, 1);
    emit(&out, EVM_OP_SSTORE);
    emit_call(&out, EVM_OP_CALL, &inner, 9);
    emit_push(&out, 2);
    emit(&out, EVM_OP_SSTORE); // the call's failure, 0, at 2: nothing
    emit_push(&out, 0);
    emit_push(&out, 0);
    emit(&out, EVM_OP_LOG0);
    bed_put_code(bed, &outer, program_bytes(&out));
    bed_put_code(bed, &inner, program_bytes(&in));
    const struct evm_tx tx = bed_call(&outer, 200000, (struct bytes){0});
    cr_assert_eq(bed_run(bed, &tx, 0, &result), EVM_DONE);
    cr_assert(result.success);
    cr_assert_eq(result.log_count, 1);
    cr_assert(address_equal(&result.logs[0].who, &outer));
    evm_commit(bed->evm);
    cr_assert_eq(evm_world_slot(bed->world, &outer, &one).w[0], 7);
    cr_assert_eq(evm_world_slot(bed->world, &outer, &two).w[0], 0);
    cr_assert_eq(evm_world_slot(bed->world, &inner, &one).w[0], 0);
    cr_assert_eq(evm_world_account(bed->world, &outer).balance.w[0], 1000);
    cr_assert_eq(evm_world_account(bed->world, &inner).balance.w[0], 1000);
    cr_assert(!evm_world_account(bed->world, &paid).exists);
    evm_bed_free(bed);
}

Test(evm, pays_sender_and_coinbase_to_the_wei)
{
    struct evm_bed *bed = evm_bed_create(false);
    struct evm_result result;
    const address target = bed_address(1);
    struct program p = {0};
    emit(&p, EVM_OP_STOP);
    bed_put_code(bed, &target, program_bytes(&p));
    struct evm_tx tx = bed_call(&target, 1000, (struct bytes){0});
    tx.value = u256_from_u64(77);
    const u256 before = evm_world_account(bed->world, &BED_SENDER).balance;
    cr_assert_eq(bed_run(bed, &tx, 0, &result), EVM_DONE);
    evm_commit(bed->evm);
    u256 spent, after = evm_world_account(bed->world, &BED_SENDER).balance;
    u256_sub(&spent, &before, &after);
    cr_assert_eq(result.gas_used, 21000);
    cr_assert_eq(spent.w[0], 21000 * 9 + 77); // base fee 7 and tip 2
    cr_assert_eq(evm_world_account(bed->world, &BED_COINBASE).balance.w[0], 21000 * 2);
    cr_assert_eq(result.fee.w[0], 21000 * 2);
    // With a deferred fee the coinbase isn't touched.
    tx.nonce = 1;
    cr_assert_eq(bed_run(bed, &tx, EVM_DEFER_FEE, &result), EVM_DONE);
    evm_commit(bed->evm);
    cr_assert_eq(result.fee.w[0], 21000 * 2);
    cr_assert_eq(evm_world_account(bed->world, &BED_COINBASE).balance.w[0], 21000 * 2);
    evm_bed_free(bed);
}

Test(evm, forgets_what_is_dropped)
{
    struct evm_bed *bed = evm_bed_create(false);
    struct evm_result result;
    const address target = bed_address(1);
    struct program p = {0};
    emit_push(&p, 1);
    emit_push(&p, 1);
    emit(&p, EVM_OP_SSTORE);
    bed_put_code(bed, &target, program_bytes(&p));
    const bytes32 before = evm_world_root(bed->world);
    const struct evm_tx tx = bed_call(&target, 100000, (struct bytes){0});
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(bed_run(bed, &tx, 0, &result), EVM_DONE);
        cr_assert(result.success);
        evm_drop(bed->evm);
    }
    const bytes32 after = evm_world_root(bed->world);
    cr_assert(bytes32_equal(&before, &after));
    evm_bed_free(bed);
}

Test(evm, runs_out_of_gas_where_memory_would_pass_its_bound)
{
    static const uint64_t offsets[] = {EVM_MEMORY_MAX - 16, EVM_MEMORY_MAX, UINT64_MAX - 31, UINT64_MAX};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        struct evm_bed *bed = evm_bed_create(false);
        struct evm_result result;
        const address target = bed_address(1);
        struct program p = {0};
        emit_push(&p, offsets[i]);
        emit(&p, EVM_OP_MLOAD);
        bed_put_code(bed, &target, program_bytes(&p));
        const struct evm_tx tx = bed_call(&target, 900000000, (struct bytes){0});
        cr_assert_eq(bed_run(bed, &tx, 0, &result), EVM_DONE);
        cr_assert(!result.success);
        cr_assert_eq(result.gas_used, tx.gas_limit);
        evm_bed_free(bed);
    }
}

Test(evm, calls_itself_as_deep_as_gas_allows_without_the_c_stack)
{
    struct evm_bed *bed = evm_bed_create(false);
    struct evm_result result;
    const address target = bed_address(1);
    struct program p = {0};
    // Counts its depth in a transient slot and calls itself; the first frame stores it.
    static const uint8_t code[] = {EVM_OP_PUSH0, EVM_OP_TLOAD, EVM_OP_PUSH1, 1,
                                   EVM_OP_ADD,   EVM_OP_PUSH0, EVM_OP_TSTORE};
    memcpy(p.b, code, p.len = sizeof code);
    emit_call(&p, EVM_OP_CALL, &target, 0);
    emit(&p, EVM_OP_PUSH0);
    emit(&p, EVM_OP_TLOAD);
    emit(&p, EVM_OP_PUSH0);
    emit(&p, EVM_OP_SSTORE);
    bed_put_code(bed, &target, program_bytes(&p));
    const struct evm_block block = {.gas_limit = INT64_MAX};
    evm_set_block(bed->evm, &block);
    struct evm_tx tx = bed_call(&target, 1000000000000, (struct bytes){0});
    tx.max_fee = tx.max_tip = U256_ZERO;
    cr_assert_eq(bed_run(bed, &tx, 0, &result), EVM_DONE);
    cr_assert(result.success);
    evm_commit(bed->evm);
    cr_assert_eq(evm_world_slot(bed->world, &target, &U256_ZERO).w[0], EVM_DEPTH_MAX + 1);
    evm_bed_free(bed);
}

Test(evm, refuses_what_is_no_transaction_of_the_block)
{
    struct evm_bed *bed = evm_bed_create(false);
    struct evm_result result;
    const address target = bed_address(1);
    const bytes32 blob = {{1}}, bad_blob = {{2}};
    const bytes32 many[7] = {{{1}}, {{1}}, {{1}}, {{1}}, {{1}}, {{1}}, {{1}}};
    const struct evm_tx good = bed_call(&target, 0, (struct bytes){0});
    struct evm_tx tx = good;
#define REFUSED(status_wanted)                                                                                         \
    do {                                                                                                               \
        cr_assert_eq(bed_run(bed, &tx, 0, &result), EVM_INVALID);                                                      \
        cr_assert_eq(result.status, status_wanted, "%s", tx_status_text(result.status));                               \
        tx = good;                                                                                                     \
    } while (0)
    tx.gas_limit--;
    REFUSED(TX_INTRINSIC_GAS);
    tx.gas_limit = 1000000001;
    REFUSED(TX_GAS_LIMIT_EXCEEDED);
    tx.nonce = 1;
    REFUSED(TX_NONCE_TOO_HIGH);
    tx.max_fee = tx.max_tip = u256_from_u64(6);
    REFUSED(TX_FEE_CAP_BELOW_BASE_FEE);
    tx.max_tip = u256_from_u64(11);
    REFUSED(TX_TIP_ABOVE_FEE_CAP);
    tx.value = (u256){{0, 1, 0, 0}};
    REFUSED(TX_INSUFFICIENT_FUNDS);
    tx.value = U256_MAX;
    REFUSED(TX_COST_OVERFLOW);
    tx.type = TX_SET_CODE;
    REFUSED(TX_SET_CODE_UNSUPPORTED);
    tx.type = TX_BLOB;
    REFUSED(TX_BLOB_NONE);
    tx.type = TX_BLOB;
    tx.is_create = true;
    tx.gas_limit = 100000;
    REFUSED(TX_BLOB_CREATION);
    tx.type = TX_BLOB;
    tx.blob_hashes = &bad_blob;
    tx.blob_count = 1;
    REFUSED(TX_BLOB_HASH_VERSION);
    tx.type = TX_BLOB;
    tx.blob_hashes = many;
    tx.blob_count = 7;
    REFUSED(TX_BLOB_COUNT);
    tx.type = TX_BLOB;
    tx.blob_hashes = &blob;
    tx.blob_count = 1;
    REFUSED(TX_BLOB_FEE_CAP);
    cr_assert_eq(bed_run(bed, &tx, 0, &result), EVM_DONE);
    evm_commit(bed->evm);
    REFUSED(TX_NONCE_TOO_LOW);
    evm_bed_free(bed);
}

Test(evm, makes_system_calls_without_sender_or_fee)
{
    struct evm_bed *bed = evm_bed_create(false);
    const address target = bed_address(1), nobody = bed_address(9);
    static const uint8_t code[] = {EVM_OP_PUSH0, EVM_OP_CALLDATALOAD, EVM_OP_PUSH0, EVM_OP_SSTORE};
    uint8_t data[32] = {[31] = 42};
    bed_put_code(bed, &target, bytes_of(code, sizeof code));
    cr_assert(evm_system_call(bed->evm, &nobody, bytes_of(data, sizeof data)));
    const bytes32 before = evm_world_root(bed->world);
    cr_assert(evm_system_call(bed->evm, &target, bytes_of(data, sizeof data)));
    cr_assert_eq(evm_world_slot(bed->world, &target, &U256_ZERO).w[0], 42);
    evm_world_put_slot(bed->world, &target, &U256_ZERO, &U256_ZERO);
    const bytes32 after = evm_world_root(bed->world);
    cr_assert(bytes32_equal(&before, &after));
    evm_bed_free(bed);
}

// Found in mainnet block 19933597: minimal proxies use RETURNDATASIZE for a cheap zero.
Test(evm, begins_each_frame_without_return_data)
{
    struct evm_bed *bed = evm_bed_create(false);
    const address outer = bed_address(1), inner = bed_address(2), identity = {{[19] = 4}};
    static const uint8_t store_size[] = {EVM_OP_RETURNDATASIZE, EVM_OP_PUSH1, 1, EVM_OP_SSTORE};
    static const uint8_t calls[] = {EVM_OP_CALL, EVM_OP_DELEGATECALL, EVM_OP_CALLCODE};
    for (size_t i = 0; i < sizeof calls; i++) {
        struct program p = {0};
        struct evm_result result;
        // Leaves 32 bytes of return data.
        for (int zero = 0; zero < 2; zero++)
            emit_push(&p, 0);
        emit_push(&p, 32);
        emit_push(&p, 0);
        emit_push(&p, 0);
        emit_push_address(&p, &identity);
        emit(&p, EVM_OP_GAS);
        emit(&p, EVM_OP_CALL);
        emit_call(&p, calls[i], &inner, 0);
        bed_put_code(bed, &outer, program_bytes(&p));
        bed_put_code(bed, &inner, bytes_of(store_size, sizeof store_size));
        const address where = calls[i] == EVM_OP_CALL ? inner : outer;
        const u256 one = u256_from_u64(1), unset = u256_from_u64(99);
        evm_world_put_slot(bed->world, &where, &one, &unset);
        struct evm_tx tx = bed_call(&outer, 200000, (struct bytes){0});
        tx.nonce = i;
        cr_assert(bed_run(bed, &tx, 0, &result) == EVM_DONE && result.success);
        evm_commit(bed->evm);
        const u256 size = evm_world_slot(bed->world, &where, &one);
        cr_expect(u256_is_zero(&size), "call %zu: %lu", i, size.w[0]);
    }
    evm_bed_free(bed);
}
