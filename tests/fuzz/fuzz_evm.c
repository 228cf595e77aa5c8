// Any bytes as a contract, with the rest of them as its input: bounded gas, no crash, and the same again however it is
// run: at once, traced (nothing is fused), in slices.
#include "base/keccak.h"
#include "shard/evm/evm.h"
#include "shard/evm/precompiles/precompiles.h"
#include "shard/evm/world.h"

#include <stdlib.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

enum { GAS = 300000, SLICE = 500 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct machine {
    struct arena *arena;
    struct evm_world *world;
    struct evm *evm;
};

static struct machine *machine(void)
{
    static struct machine m;
    if (!m.arena) {
        const struct evm_rules *rules = evm_rules_of(EVM_CANCUN);
        m.arena = arena_create();
        m.world = evm_world_create(m.arena, rules);
        m.evm = evm_create(m.arena, rules, precompiles_create(), evm_world_host(m.world));
    }
    return &m;
}

static void look(void *ctx, const struct evm_step *step)
{
    (void)ctx;
    CHECK(step->stack_count <= EVM_STACK_MAX && step->gas >= 0 && step->depth <= EVM_DEPTH_MAX + 1);
}

struct outcome {
    bool success;
    uint64_t gas_used, log_count;
    bytes32 output, root;
};

static struct outcome run(const struct evm_tx *tx, struct bytes code, const struct evm_tracer *tracer, uint64_t slice)
{
    struct machine *m = machine();
    struct evm_result result;
    const struct evm_block block = {.chain_id = 1, .number = 300, .timestamp = 1, .gas_limit = 2 * GAS};
    const u256 balance = {{0, 1, 0, 0}};
    evm_world_clear(m->world);
    evm_world_put_account(m->world, &tx->sender, 0, &balance, (struct bytes){0});
    evm_world_put_account(m->world, &tx->to, 1, &balance, code);
    evm_set_block(m->evm, &block);
    evm_set_tracer(m->evm, tracer);
    evm_set_slice(m->evm, slice);
    enum evm_outcome outcome = evm_transact(m->evm, tx, 0, &result);
    while (outcome == EVM_PAUSED) {
        evm_set_slice(m->evm, slice);
        outcome = evm_resume(m->evm, &result);
    }
    CHECK(outcome == EVM_DONE && result.gas_used <= tx->gas_limit);
    const struct outcome out = {
        result.success, result.gas_used, result.log_count, keccak256(result.output.ptr, result.output.len), {{0}}};
    evm_commit(m->evm);
    struct outcome with_root = out;
    with_root.root = evm_world_root(m->world);
    return with_root;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct evm_tracer tracer = {.step = look};
    if (size < 2)
        return 0;
    const size_t code_len = (size_t)(data[0] << 8 | data[1]) % size;
    const struct bytes code = bytes_of(data + 2, code_len < size - 2 ? code_len : size - 2);
    const struct evm_tx tx = {.type = TX_DYNAMIC_FEE,
                              .sender = {{0xaa}},
                              .to = {{0xbb}},
                              .gas_limit = 2 * GAS,
                              .data = bytes_of(code.ptr + code.len, (size_t)(data + size - code.ptr) - code.len)};
    if (evm_intrinsic_gas(evm_rules_of(EVM_CANCUN), &tx) > GAS)
        return 0;
    const struct outcome plain = run(&tx, code, NULL, 0), traced = run(&tx, code, &tracer, 0),
                         sliced = run(&tx, code, NULL, SLICE);
    CHECK(memcmp(&plain.root, &traced.root, sizeof plain.root) == 0 && plain.gas_used == traced.gas_used);
    CHECK(memcmp(&plain.root, &sliced.root, sizeof plain.root) == 0 && plain.gas_used == sliced.gas_used);
    CHECK(bytes32_equal(&plain.output, &traced.output) && bytes32_equal(&plain.output, &sliced.output));
    CHECK(plain.success == traced.success && plain.success == sliced.success);
    CHECK(plain.log_count == traced.log_count && plain.log_count == sliced.log_count);
    return 0;
}
