// The state in memory: its root follows from what it holds, however it came to hold it.
#include "base/keccak.h"
#include "shard/evm/world.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>

enum { ACCOUNTS = 24, SLOTS = 12, STEPS = 400 };

// What the world should hold.
struct plain {
    bool exists[ACCOUNTS];
    uint64_t balance[ACCOUNTS];
    u256 slots[ACCOUNTS][SLOTS];
};

static address who(unsigned i)
{
    return (address){{[0] = (uint8_t)(i * 37), [19] = (uint8_t)(i + 1)}};
}

static bytes32 root_anew(struct arena *arena, const struct plain *p)
{
    struct evm_world *w = evm_world_create(arena, evm_rules_of(EVM_CANCUN));
    for (unsigned a = 0; a < ACCOUNTS; a++) {
        const address at = who(a);
        const u256 balance = u256_from_u64(p->balance[a]);
        if (!p->exists[a])
            continue;
        evm_world_put_account(w, &at, 1, &balance, (struct bytes){0});
        for (unsigned s = 0; s < SLOTS; s++) {
            const u256 key = u256_from_u64(s);
            if (!u256_is_zero(&p->slots[a][s]))
                evm_world_put_slot(w, &at, &key, &p->slots[a][s]);
        }
    }
    const bytes32 root = evm_world_root(w);
    evm_world_free(w);
    return root;
}

// One random change, as the EVM gives it.
static void change(struct evm_world *w, struct plain *p, uint64_t *seed)
{
    const struct evm_host *host = evm_world_host(w);
    const unsigned a = (unsigned)(test_random(seed) % ACCOUNTS), s = (unsigned)(test_random(seed) % SLOTS);
    const uint64_t kind = test_random(seed) % 8, value = test_random(seed) % 3 ? test_random(seed) : 0;
    const address at = who(a);
    struct evm_account_state state;
    host->account(host->ctx, &at, &state);
    if (kind == 0) {
        const struct evm_account_state gone = {.code_hash = KECCAK256_EMPTY, .handle = state.handle};
        host->put_account(host->ctx, &at, state.handle, &gone);
        p->exists[a] = false;
        p->balance[a] = 0;
        memset(p->slots[a], 0, sizeof p->slots[a]);
    } else if (kind < 4 || !p->exists[a]) {
        state.exists = p->exists[a] = true;
        state.nonce = 1;
        p->balance[a] = value;
        state.balance = u256_from_u64(value);
        host->put_account(host->ctx, &at, state.handle, &state);
    } else {
        const u256 key = u256_from_u64(s);
        p->slots[a][s] = u256_from_u64(value);
        host->put_slot(host->ctx, &at, state.handle, &key, &p->slots[a][s]);
    }
}

Test(evm_world, root_is_that_of_the_same_state_made_anew)
{
    uint64_t seed = test_seed("evm_world");
    struct arena *arena = arena_create();
    struct evm_world *w = evm_world_create(arena, evm_rules_of(EVM_CANCUN));
    for (int run = 0; run < 4; run++) {
        struct plain p = {0};
        for (int i = 0; i < STEPS; i++) {
            change(w, &p, &seed);
            if (test_random(&seed) % 4)
                continue;
            const bytes32 got = evm_world_root(w), expected = root_anew(arena, &p);
            cr_assert(bytes32_equal(&got, &expected), "run %d, step %d", run, i);
        }
        evm_world_clear(w);
        const bytes32 empty = evm_world_root(w);
        cr_assert(bytes32_equal(&empty, &KECCAK256_EMPTY_RLP));
    }
    evm_world_free(w);
    arena_destroy(arena);
}

Test(evm_world, keeps_the_hashes_of_the_last_256_blocks)
{
    struct arena *arena = arena_create();
    struct evm_world *w = evm_world_create(arena, evm_rules_of(EVM_CANCUN));
    const struct evm_host *host = evm_world_host(w);
    for (uint64_t n = 0; n <= 300; n++) {
        const bytes32 hash = {{[0] = 1, [30] = (uint8_t)(n >> 8), [31] = (uint8_t)n}};
        evm_world_set_block_hash(w, n, &hash);
    }
    for (uint64_t n = 0; n <= 301; n++) {
        const bytes32 got = host->block_hash(host->ctx, n);
        const bool is_set = got.b[0] == 1 && got.b[31] == (uint8_t)n && got.b[1] == 0;
        cr_expect_eq(is_set, n >= 45 && n <= 300, "%lu", n);
    }
    evm_world_free(w);
    arena_destroy(arena);
}
