// The rules once more, written to be read rather than to be fast, and sharing no code with shard/exec or chain/.
#include <criterion/criterion.h>

#include "tests/shard/exec_world.h"

static u256 times(u256 a, uint64_t b)
{
    cr_assert(!u256_mul_u64(&a, &a, b));
    return a;
}

static u256 plus(u256 a, u256 b)
{
    cr_assert(!u256_add(&a, &a, &b));
    return a;
}

static u256 minus(u256 a, u256 b)
{
    cr_assert(!u256_sub(&a, &a, &b));
    return a;
}

static bool less(u256 a, u256 b)
{
    return u256_cmp(&a, &b) < 0;
}

static uint64_t gas_of(const struct tx *t)
{
    uint64_t gas = 21000 + 4ull * t->data_zero_count + 16ull * (t->data.len - t->data_zero_count);
    gas += t->is_create ? 32000 + 2 * ((t->data.len + 31) / 32) : 0;
    return gas + 2400ull * t->access_address_count + 1900ull * t->access_key_count;
}

static u256 price_of(const struct tx *t, u256 base_fee)
{
    u256 wished = plus(base_fee, t->max_tip);
    return less(t->max_fee, wished) ? t->max_fee : wished;
}

static bool cost_of(const struct tx *t, u256 *cost)
{
    bool overflow = u256_mul_u64(cost, &t->max_fee, t->gas_limit);
    return !u256_add(cost, cost, &t->value) && !overflow;
}

// Why a transaction is no part of any block of this chain with this base fee; TX_OK when it may be.
static enum tx_status malformed(const struct world *w, const struct tx *t, u256 base_fee, uint64_t account_nonce)
{
    u256 cost;
    if (t->gas_limit > w->env.gas_limit)
        return TX_GAS_LIMIT_EXCEEDED;
    if (less(t->max_fee, t->max_tip))
        return TX_TIP_ABOVE_FEE_CAP;
    if (t->nonce + 1 == 0)
        return TX_NONCE_MAX;
    if (t->gas_limit < gas_of(t))
        return TX_INTRINSIC_GAS;
    if (!cost_of(t, &cost))
        return TX_COST_OVERFLOW;
    if (t->has_chain_id && t->chain_id != w->env.chain_id)
        return TX_WRONG_CHAIN_ID;
    if (t->nonce < account_nonce)
        return TX_NONCE_TOO_LOW;
    return less(t->max_fee, base_fee) ? TX_FEE_CAP_BELOW_BASE_FEE : TX_OK;
}

struct model {
    const struct world *w;
    struct outcome *out;
    u256 base_fee;
    struct account *accounts;
    u256 fees;
    u256 credits[WORLD_ACCOUNTS_MAX]; // for the barrier
};

static unsigned partition(const struct model *m, unsigned account)
{
    return m->w->accounts[account].key.b[0];
}

static bool can_pay(const struct model *m, const struct world_tx *t)
{
    u256 cost;
    return cost_of(&t->tx, &cost) && !less(m->accounts[t->from].balance, cost);
}

// Sender's side of a transfer; returns the tip.
static u256 pay(struct account *accounts, const struct world_tx *t, u256 base_fee)
{
    u256 price = price_of(&t->tx, base_fee);
    struct account *sender = &accounts[t->from];
    sender->balance = minus(sender->balance, plus(times(price, gas_of(&t->tx)), t->tx.value));
    sender->nonce++;
    return times(minus(price, base_fee), gas_of(&t->tx));
}

static void receive(struct account *accounts, unsigned account, u256 amount)
{
    accounts[account].balance = plus(accounts[account].balance, amount);
}

static void note_dropped(struct model *m, size_t i, enum tx_status why, bool again, unsigned round, unsigned pass)
{
    m->out->results[i] =
        (struct exec_result){.drop = (uint8_t)why, .again = again, .round = (uint8_t)round, .pass = (uint8_t)pass};
}

static void note_included(struct model *m, size_t i, unsigned round, unsigned pass)
{
    m->out->results[i] = (struct exec_result){
        .round = (uint8_t)round, .pass = (uint8_t)pass, .success = true, .gas_used = gas_of(&m->w->txs[i].tx)};
    m->out->order[m->out->included++] = (uint32_t)i;
}

enum fate { GONE, WAITS, INCLUDED };

static enum fate sender_pass(struct model *m, size_t i, unsigned round, bool *put_off)
{
    const struct world_tx *t = &m->w->txs[i];
    if (put_off[t->from])
        return WAITS;
    uint64_t nonce = m->accounts[t->from].nonce;
    enum tx_status why = malformed(m->w, &t->tx, m->base_fee, nonce);
    if (why != TX_OK) {
        note_dropped(m, i, why, why == TX_FEE_CAP_BELOW_BASE_FEE, round, 1);
        return GONE;
    }
    if (t->tx.nonce > nonce)
        return WAITS;
    if (!can_pay(m, t)) {
        put_off[t->from] = true;
        return WAITS;
    }
    m->fees = plus(m->fees, pay(m->accounts, t, m->base_fee));
    if (partition(m, t->from) == partition(m, t->to))
        receive(m->accounts, t->to, t->tx.value);
    else
        m->credits[t->to] = plus(m->credits[t->to], t->tx.value);
    return INCLUDED;
}

// A round, partition after partition, the highest first (any order must do). Returns whether anything changed.
static bool model_round(struct model *m, size_t from, size_t to, bool *waits, unsigned round)
{
    bool put_off[WORLD_ACCOUNTS_MAX] = {0};
    bool included[WORLD_TXS_MAX] = {0};
    bool changed = false;
    memset(m->credits, 0, sizeof m->credits);
    for (int p = PARTITION_COUNT - 1; p >= 0; p--) {
        for (size_t i = from; i < to; i++) {
            if (!waits[i] || partition(m, m->w->txs[i].from) != (unsigned)p)
                continue;
            enum fate fate = sender_pass(m, i, round, put_off);
            waits[i] = fate == WAITS;
            included[i] = fate == INCLUDED;
            changed |= fate != WAITS;
        }
    }
    for (unsigned a = 0; a < m->w->account_count; a++)
        receive(m->accounts, a, m->credits[a]);
    for (size_t i = from; i < to; i++) {
        if (included[i])
            note_included(m, i, round, 1);
    }
    return changed;
}

static void model_global(struct model *m, size_t i)
{
    const struct world_tx *t = &m->w->txs[i];
    uint64_t nonce = m->accounts[t->from].nonce;
    enum tx_status why = malformed(m->w, &t->tx, m->base_fee, nonce);
    if (why == TX_OK && t->tx.nonce > nonce)
        why = TX_NONCE_TOO_HIGH;
    if (why == TX_OK && !can_pay(m, t))
        why = TX_INSUFFICIENT_FUNDS;
    if (why != TX_OK) {
        bool again = why == TX_FEE_CAP_BELOW_BASE_FEE || why == TX_NONCE_TOO_HIGH || why == TX_INSUFFICIENT_FUNDS;
        note_dropped(m, i, why, again, EXEC_ROUNDS_MAX, 3);
        return;
    }
    u256 tip = pay(m->accounts, t, m->base_fee);
    receive(m->accounts, t->to, t->tx.value);
    receive(m->accounts, m->w->coinbase, tip);
    note_included(m, i, EXEC_ROUNDS_MAX, 3);
}

static void model_block(struct model *m, size_t from, size_t to)
{
    bool waits[WORLD_TXS_MAX] = {0};
    for (size_t i = from; i < to; i++)
        waits[i] = m->w->txs[i].tx.gas_limit <= m->w->env.gas_limit;
    m->fees = U256_ZERO;
    m->base_fee = world_base_fee(m->w, m->out->block_count);
    for (unsigned round = 0; round < 16 && model_round(m, from, to, waits, round); round++)
        ;
    receive(m->accounts, m->w->coinbase, m->fees);
    for (size_t i = from; i < to; i++) {
        if (waits[i])
            model_global(m, i);
    }
}

void model_run(const struct world *w, struct outcome *out)
{
    *out = (struct outcome){0};
    struct model m = {.w = w, .out = out, .accounts = out->accounts};
    for (unsigned a = 0; a < w->account_count; a++)
        out->accounts[a] = w->accounts[a].start;
    for (size_t from = 0, to; from < w->tx_count; from = to) {
        unsigned __int128 gas = 0;
        for (to = from; to < w->tx_count; to++) {
            uint64_t limit = w->txs[to].tx.gas_limit;
            if (limit > w->env.gas_limit)
                note_dropped(&m, to, TX_GAS_LIMIT_EXCEEDED, false, 0, 1);
            else if (gas + limit > w->env.gas_limit)
                break;
            else
                gas += limit;
        }
        model_block(&m, from, to);
        out->block_end[out->block_count++] = out->included;
    }
}

void serial_check(const struct world *w, const struct outcome *out, const char *what)
{
    struct account accounts[WORLD_ACCOUNTS_MAX];
    for (unsigned a = 0; a < w->account_count; a++)
        accounts[a] = w->accounts[a].start;
    for (size_t i = 0, b = 0; b < out->block_count; b++) {
        u256 base_fee = world_base_fee(w, b);
        for (unsigned __int128 gas = 0; i < out->block_end[b]; i++) {
            const struct world_tx *t = &w->txs[out->order[i]];
            u256 cost;
            cr_assert_eq(malformed(w, &t->tx, base_fee, accounts[t->from].nonce), TX_OK, "%s: %u", what, out->order[i]);
            cr_assert_eq(t->tx.nonce, accounts[t->from].nonce, "%s: nonce of %u", what, out->order[i]);
            cr_assert(cost_of(&t->tx, &cost));
            cr_assert(!less(accounts[t->from].balance, cost), "%s: funds of %u", what, out->order[i]);
            cr_assert(gas + t->tx.gas_limit <= w->env.gas_limit, "%s: block gas at %u", what, out->order[i]);
            cr_assert_eq(gas_of(&t->tx), out->results[out->order[i]].gas_used, "%s", what);
            gas += gas_of(&t->tx);
            u256 tip = pay(accounts, t, base_fee);
            receive(accounts, t->to, t->tx.value);
            receive(accounts, w->coinbase, tip);
        }
    }
    for (unsigned a = 0; a < w->account_count; a++) {
        cr_assert_eq(accounts[a].nonce, out->accounts[a].nonce, "%s: nonce of account %u", what, a);
        cr_assert(u256_equal(&accounts[a].balance, &out->accounts[a].balance), "%s: balance of account %u", what, a);
    }
}
