#include "bench/swap_steps.h"

#include "bench/token_code.h"
#include "bench/token_storage.h"
#include "shard/evm/evm.h"
#include "shard/evm/precompiles/precompiles.h"
#include "shard/evm/world.h"
#include "tools/load/load_mix.h"

#include <stdlib.h>

static const address TRADER = {{0x74}};

struct swap_bed {
    struct arena *arena;
    struct precompiles *precompiles;
    struct evm_world *world;
    struct evm *evm;
    struct load_mix mix;
};

static void put_amount(struct swap_bed *bed, const address *token, const bytes32 *slot)
{
    const u256 number = u256_from_be(slot->b, sizeof slot->b), some = u256_from_u64((uint64_t)1 << 60);
    evm_world_put_slot(bed->world, token, &number, &some);
}

static void put_tokens(struct swap_bed *bed)
{
    struct code_bytes code;
    token_runtime(&code);
    for (unsigned i = 0; i < 2; i++) {
        const address *token = &bed->mix.tokens[i];
        const bytes32 slots[] = {token_balance_slot(&TRADER), token_balance_slot(&bed->mix.pairs[0]),
                                 token_allowance_slot(&TRADER, &bed->mix.pairs[0])};
        evm_world_put_account(bed->world, token, 1, &U256_ZERO, bytes_of(code.bytes, code.len));
        for (size_t s = 0; s < sizeof slots / sizeof *slots; s++)
            put_amount(bed, token, &slots[s]);
    }
    const u256 rich = u256_from_u64((uint64_t)1 << 62);
    evm_world_put_account(bed->world, &TRADER, bed->mix.token_count, &rich, (struct bytes){0});
}

// The trader's next transaction.
static bool transact(struct swap_bed *bed, uint64_t nonce, const struct tx_fields *fields)
{
    const struct tx tx = {.type = TX_DYNAMIC_FEE,
                          .is_create = fields->is_create,
                          .nonce = nonce,
                          .gas_limit = fields->gas_limit,
                          .max_fee = u256_from_u64(10),
                          .max_tip = u256_from_u64(2),
                          .to = fields->to,
                          .data = fields->data};
    struct evm_result result;
    const struct evm_tx call = evm_tx_of(&tx, &TRADER);
    if (evm_transact(bed->evm, &call, 0, &result) != EVM_DONE)
        return false;
    evm_commit(bed->evm);
    return result.success;
}

static bool make_pair(struct swap_bed *bed)
{
    struct code_bytes code;
    uint8_t mint[PAIR_MINT_LEN];
    pair_init(&code, &bed->mix.tokens[0], &bed->mix.tokens[1]);
    pair_mint(mint, &TRADER);
    const struct tx_fields create = {.is_create = true, .gas_limit = 5000000, .data = bytes_of(code.bytes, code.len)};
    const struct tx_fields call = {.gas_limit = 500000, .to = bed->mix.pairs[0], .data = bytes_of(mint, sizeof mint)};
    return transact(bed, 2, &create) && transact(bed, 3, &call);
}

static void count_step(void *ctx, const struct evm_step *step)
{
    (void)step;
    ++*(uint64_t *)ctx;
}

// The second of two: the first one writes what is zero until then.
static bool swap(struct swap_bed *bed, uint64_t *steps)
{
    uint8_t data[LOAD_CALL_DATA_MAX];
    struct tx_fields fields = {0};
    const struct evm_tracer tracer = {.ctx = steps, .step = count_step};
    load_mix_call(&bed->mix, &(struct load_draws){0}, &TRADER, &TRADER, data, &fields);
    if (!transact(bed, 4, &fields))
        return false;
    evm_set_tracer(bed->evm, &tracer);
    return transact(bed, 5, &fields);
}

uint64_t swap_steps(void)
{
    char error[LOAD_MIX_ERROR_MAX];
    const struct evm_rules *rules = evm_rules_of(EVM_CANCUN);
    const struct evm_block block = {
        .chain_id = 1, .number = 1, .timestamp = 1700000000, .gas_limit = 30000000, .base_fee = u256_from_u64(7)};
    struct swap_bed bed = {.arena = arena_create(), .precompiles = precompiles_create()};
    if (!load_mix_parse(&bed.mix, "swap", 2, 1, error))
        abort();
    load_mix_place(&bed.mix, &TRADER);
    bed.world = evm_world_create(bed.arena, rules);
    bed.evm = evm_create(bed.arena, rules, bed.precompiles, evm_world_host(bed.world));
    evm_set_block(bed.evm, &block);
    uint64_t steps = 0;
    put_tokens(&bed);
    const bool ok = make_pair(&bed) && swap(&bed, &steps);
    evm_free(bed.evm);
    evm_world_free(bed.world);
    precompiles_free(bed.precompiles);
    arena_destroy(bed.arena);
    return ok ? steps : 0;
}
