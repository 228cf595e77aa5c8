// Random blocks: few accounts, little money, many ways to be invalid. Each runs with 1, 2, 3, 16 and 256 shards in
// random interleavings, against the model, and serially in the order of B.
#include <criterion/criterion.h>

#include "tests/shard/exec_world.h"
#include "tests/support/vectors.h"

static uint64_t below(uint64_t *random, uint64_t bound)
{
    return test_random(random) % bound;
}

static void spoil(struct world *w, struct tx *t, uint64_t *random)
{
    switch (below(random, 11)) {
    case 0:
        t->chain_id++;
        break;
    case 1:
        t->gas_limit = 20999;
        break;
    case 2:
        t->max_fee = u256_from_u64(6);
        t->max_tip = u256_from_u64(0);
        break;
    case 3:
        t->max_tip = u256_from_u64(1000);
        break;
    case 4:
        t->gas_limit = w->env.gas_limit + 1;
        break;
    case 5:
        t->nonce = UINT64_MAX;
        break;
    case 6:
        t->value = U256_MAX;
        break;
    case 7:
        t->nonce -= t->nonce != 0;
        break;
    case 8:
        t->nonce += 1 + below(random, 2);
        break;
    case 9:
        t->max_fee = U256_MAX;
        break;
    default:
        t->access_address_count = 1; // intrinsic gas may be short now
        break;
    }
}

// A transfer that may be anything: with an access list, legacy, to itself, spoiled.
static void random_send(struct world *w, uint64_t *random, unsigned from, unsigned to, uint64_t value)
{
    struct tx *t = world_send(w, from, to, value);
    t->gas_limit += below(random, 4) ? 0 : below(random, 20000);
    t->max_fee = u256_from_u64(7 + below(random, 8));
    t->max_tip = u256_from_u64(below(random, 1 + t->max_fee.w[0]));
    if (below(random, 8) == 0) {
        t->access_address_count = 1;
        t->access_key_count = (uint32_t)below(random, 2);
        t->gas_limit += 4300;
    }
    if (below(random, 8) == 0)
        t->has_chain_id = false;
    if (below(random, 10) == 0) {
        uint64_t nonce = t->nonce;
        spoil(w, t, random);
        bool takes_nonce = below(random, 3) == 0;
        if (!takes_nonce)
            w->accounts[from].next_nonce = nonce;
    }
}

static void swap_txs(struct world *w, size_t i, size_t j)
{
    struct world_tx t = w->txs[i];
    w->txs[i] = w->txs[j];
    w->txs[j] = t;
}

// A chain of accounts where each can pay only what the one before it sends, listed forwards, backwards or mixed.
static void random_chain(struct world *w, uint64_t *random)
{
    unsigned length = 2 + (unsigned)below(random, 24);
    unsigned spread = 1 + (unsigned)below(random, 40);
    uint64_t money = 300000ull * (length + 1);
    size_t first = w->tx_count;
    unsigned at = world_account(w, (unsigned)below(random, spread), money, 0);
    for (unsigned i = 0; i < length; i++) {
        money -= 300000;
        unsigned next = world_account(w, (unsigned)below(random, spread), 0, 0);
        world_send(w, at, next, money);
        at = next;
    }
    unsigned shape = (unsigned)below(random, 3);
    for (size_t i = 0; shape && i < length; i++) {
        size_t j = shape == 1 ? length - 1 - i : below(random, length);
        if (shape == 2 || i < j)
            swap_txs(w, first + i, first + j);
    }
}

static struct world *random_world(uint64_t *random)
{
    struct world *w = world_new();
    if (below(random, 2))
        w->env.gas_limit = below(random, 2) ? 21000 * (1 + below(random, 20)) : 70000 + below(random, 600000);
    if (below(random, 8) == 0)
        w->env.base_fee = U256_ZERO;
    w->base_fee_rise = below(random, 3);
    unsigned count = 2 + (unsigned)below(random, 16);
    unsigned first = w->account_count;
    unsigned spread = 1 + (unsigned)below(random, 8), step = 1 + (unsigned)below(random, 31);
    for (unsigned i = 0; i < count; i++) {
        uint64_t rich = below(random, 4);
        uint64_t money = rich == 0 ? 0 : below(random, rich == 1 ? 400000 : 5000000);
        world_account(w, (unsigned)below(random, spread) * step, money, below(random, 3) ? 0 : below(random, 4));
    }
    if (below(random, 2))
        w->coinbase = first + (unsigned)below(random, count);
    if (below(random, 3) == 0)
        random_chain(w, random);
    unsigned tx_count = 1 + (unsigned)below(random, 60);
    for (unsigned i = 0; i < tx_count; i++) {
        unsigned from = first + (unsigned)below(random, 1 + below(random, count));
        unsigned to = below(random, 12) ? first + (unsigned)below(random, count) : w->coinbase;
        uint64_t value = below(random, 3) ? below(random, 400000) : below(random, 2);
        random_send(w, random, from, to, value);
    }
    for (uint64_t i = below(random, 3) ? below(random, 4) : below(random, 40); i > 0; i--)
        swap_txs(w, below(random, w->tx_count), below(random, w->tx_count));
    return w;
}

// What the random blocks reached, so that they can't become tame unnoticed.
struct seen {
    size_t drop[TX_STATUS_COUNT], round[EXEC_ROUNDS_MAX + 1];
    size_t split, to_self, in_partition, from_coinbase, late_drop;
};

static void look(struct seen *seen, const struct world *w, const struct outcome *out)
{
    seen->split += out->block_count > 1;
    for (size_t i = 0; i < w->tx_count; i++) {
        const struct exec_result *r = &out->results[i];
        const struct world_tx *t = &w->txs[i];
        seen->drop[r->drop]++;
        if (r->drop != TX_OK) {
            seen->late_drop += r->round > 0 && r->round < EXEC_ROUNDS_MAX;
            continue;
        }
        seen->round[r->round]++;
        seen->to_self += t->from == t->to;
        seen->in_partition += w->accounts[t->from].key.b[0] == w->accounts[t->to].key.b[0];
        seen->from_coinbase += t->from == w->coinbase;
    }
}

Test(exec_random, every_shard_count_and_interleaving_gives_the_same_serial_block)
{
    enum { WORLDS = GANTRY_SANITIZE ? 200 : 400 };
    static struct outcome out;
    struct seen seen = {0};
    const uint64_t seed = test_seed("exec_random");
    for (uint64_t i = 0; i < WORLDS; i++) {
        uint64_t random = seed + i;
        struct world *w = random_world(&random);
        world_run_everywhere(w, seed + i, &out);
        look(&seen, w, &out);
        world_free(w);
    }
    static const enum tx_status reasons[] = {TX_OK,
                                             TX_WRONG_CHAIN_ID,
                                             TX_INTRINSIC_GAS,
                                             TX_GAS_LIMIT_EXCEEDED,
                                             TX_TIP_ABOVE_FEE_CAP,
                                             TX_NONCE_MAX,
                                             TX_COST_OVERFLOW,
                                             TX_NONCE_TOO_LOW,
                                             TX_FEE_CAP_BELOW_BASE_FEE,
                                             TX_NONCE_TOO_HIGH,
                                             TX_INSUFFICIENT_FUNDS};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        cr_assert(seen.drop[reasons[i]] > 0, "no transaction ended with \"%s\"", tx_status_text(reasons[i]));
    for (unsigned round = 0; round <= EXEC_ROUNDS_MAX; round++)
        cr_assert(seen.round[round] > 0, "nothing was included in round %u", round);
    cr_assert(seen.split && seen.to_self && seen.in_partition && seen.from_coinbase && seen.late_drop);
}
