#include "tests/shard/evm_bed.h"

#include "shard/evm/precompiles/precompiles.h"

#include <criterion/criterion.h>

const address BED_SENDER = {{0xaa, 0xbb, 1}}, BED_COINBASE = {{0xcc, 0xdd, 2}};

// A record that was asked for once is there the next time.
static bool is_late(struct evm_bed *bed, uint64_t question)
{
    for (size_t i = 0; i < bed->asked_count; i++) {
        if (bed->asked[i] == question)
            return false;
    }
    if (bed->asked_count == sizeof bed->asked / sizeof *bed->asked)
        return false;
    bed->asked[bed->asked_count++] = question;
    return true;
}

static enum evm_answer late_account(void *ctx, const address *who, struct evm_account_state *out)
{
    struct evm_bed *bed = ctx;
    const struct evm_host *host = evm_world_host(bed->world);
    return is_late(bed, load_le64(who->b + 12) ^ load_le64(who->b)) ? EVM_LATER : host->account(host->ctx, who, out);
}

static enum evm_answer late_code(void *ctx, uint64_t handle, const bytes32 *hash, const struct evm_code **out)
{
    struct evm_bed *bed = ctx;
    const struct evm_host *host = evm_world_host(bed->world);
    return is_late(bed, ~load_le64(hash->b)) ? EVM_LATER : host->code(host->ctx, handle, hash, out);
}

static enum evm_answer late_slot(void *ctx, const address *who, uint64_t handle, const u256 *key, u256 *out)
{
    struct evm_bed *bed = ctx;
    const struct evm_host *host = evm_world_host(bed->world);
    return is_late(bed, key->w[0] * 3 + handle + 7) ? EVM_LATER : host->slot(host->ctx, who, handle, key, out);
}

static bytes32 pass_block_hash(void *ctx, uint64_t number)
{
    const struct evm_host *host = evm_world_host(((struct evm_bed *)ctx)->world);
    return host->block_hash(host->ctx, number);
}

static void pass_facts(void *ctx, const address *who, struct evm_facts *out)
{
    const struct evm_host *host = evm_world_host(((struct evm_bed *)ctx)->world);
    host->facts(host->ctx, who, out);
}

static void pass_code(void *ctx, const bytes32 *hash, struct bytes code)
{
    const struct evm_host *host = evm_world_host(((struct evm_bed *)ctx)->world);
    host->put_code(host->ctx, hash, code);
}

static void pass_account(void *ctx, const address *who, uint64_t handle, const struct evm_account_state *state)
{
    const struct evm_host *host = evm_world_host(((struct evm_bed *)ctx)->world);
    host->put_account(host->ctx, who, handle, state);
}

static void pass_slot(void *ctx, const address *who, uint64_t handle, const u256 *key, const u256 *value)
{
    const struct evm_host *host = evm_world_host(((struct evm_bed *)ctx)->world);
    host->put_slot(host->ctx, who, handle, key, value);
}

struct evm_bed *evm_bed_create(bool late)
{
    struct arena *arena = arena_create();
    struct evm_bed *bed = arena_alloc_zero(arena, sizeof *bed);
    const struct evm_rules *rules = evm_rules_of(EVM_CANCUN);
    const u256 rich = {{0, 1, 0, 0}}, base_fee = u256_from_u64(7);
    bed->arena = arena;
    bed->precompiles = precompiles_create();
    cr_assert_not_null(bed->precompiles);
    bed->world = evm_world_create(arena, rules);
    bed->late_host = (struct evm_host){bed,        late_account, late_code,    late_slot, pass_block_hash,
                                       pass_facts, pass_code,    pass_account, pass_slot};
    bed->evm = evm_create(arena, rules, bed->precompiles, late ? &bed->late_host : evm_world_host(bed->world));
    const struct evm_block block = {.chain_id = 1,
                                    .number = 1000,
                                    .timestamp = 5000,
                                    .gas_limit = 1000000000,
                                    .coinbase = BED_COINBASE,
                                    .base_fee = base_fee,
                                    .blob_base_fee = u256_from_u64(1)};
    evm_set_block(bed->evm, &block);
    evm_world_put_account(bed->world, &BED_SENDER, 0, &rich, (struct bytes){0});
    return bed;
}

void evm_bed_free(struct evm_bed *bed)
{
    struct arena *arena = bed->arena;
    evm_free(bed->evm);
    evm_world_free(bed->world);
    precompiles_free(bed->precompiles);
    arena_free(arena, bed);
    arena_destroy(arena);
}

address bed_address(uint8_t last)
{
    address a = {{0x10, 0x20, 0x30}};
    a.b[19] = last;
    return a;
}

void bed_put_code(struct evm_bed *bed, const address *who, struct bytes code)
{
    const u256 balance = u256_from_u64(1000);
    evm_world_put_account(bed->world, who, 1, &balance, code);
}

struct evm_tx bed_call(const address *to, uint64_t gas, struct bytes data)
{
    struct evm_tx tx = {.type = TX_DYNAMIC_FEE,
                        .sender = BED_SENDER,
                        .to = *to,
                        .max_fee = u256_from_u64(10),
                        .max_tip = u256_from_u64(2),
                        .data = data};
    tx.gas_limit = gas + evm_intrinsic_gas(evm_rules_of(EVM_CANCUN), &tx);
    return tx;
}

enum evm_outcome bed_run(struct evm_bed *bed, const struct evm_tx *tx, unsigned flags, struct evm_result *out)
{
    enum evm_outcome outcome = evm_transact(bed->evm, tx, flags, out);
    while (outcome == EVM_WAITING || outcome == EVM_PAUSED) {
        if (outcome == EVM_PAUSED)
            evm_set_slice(bed->evm, 100);
        outcome = evm_resume(bed->evm, out);
    }
    return outcome;
}

void emit(struct program *p, uint8_t opcode)
{
    cr_assert_lt(p->len, sizeof p->b);
    p->b[p->len++] = opcode;
}

void emit_push(struct program *p, uint64_t value)
{
    emit(p, EVM_OP_PUSH8);
    for (int i = 7; i >= 0; i--)
        emit(p, (uint8_t)(value >> 8 * i));
}

void emit_push_address(struct program *p, const address *who)
{
    emit(p, EVM_OP_PUSH20);
    for (size_t i = 0; i < sizeof who->b; i++)
        emit(p, who->b[i]);
}

void emit_call(struct program *p, uint8_t opcode, const address *who, uint64_t value)
{
    for (int i = 0; i < 4; i++)
        emit_push(p, 0);
    if (opcode == EVM_OP_CALL || opcode == EVM_OP_CALLCODE)
        emit_push(p, value);
    emit_push_address(p, who);
    emit(p, EVM_OP_GAS);
    emit(p, opcode);
}

struct bytes program_bytes(const struct program *p)
{
    return bytes_of(p->b, p->len);
}
