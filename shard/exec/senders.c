// Pass 1: one shard's part in a block.
//
// execution.md has each partition take the waiting transactions of its own senders in O order. Here a shard takes all
// of its waiting ones in O order, which is the same: within a round a partition is touched only by its own senders, in
// that order either way, and what partitions share (fees, credit lists) is a sum.
#include "shard/exec/rules.h"
#include "shard/exec/sender_set.h"

// Transactions and credits are taken in batches. While one batch is executed, memory brings the accounts of the next
// and the transactions of the one after; a batch's requests are issued together, so that their latencies overlap.
#define BATCH 16

struct exec_shard {
    struct arena *arena;
    unsigned shard, shard_count;
    struct state **states;
    struct exec_credit_list *outgoing; // one a destination shard

    // The current block.
    struct exec_env env;
    struct exec_result *results;
    const struct exec_tx **waiting; // rising in index
    size_t waiting_count, waiting_capacity;
    u256 fees;

    // The current round.
    struct sender_set put_off; // senders whose earlier transaction waits, so that the later ones wait too
    struct exec_progress progress;
};

struct exec_shard *exec_create(struct arena *arena, unsigned shard, unsigned shard_count, struct state **states)
{
    struct exec_shard *x = arena_alloc_zero(arena, sizeof *x);
    x->arena = arena;
    x->shard = shard;
    x->shard_count = shard_count;
    x->states = states;
    x->outgoing = arena_alloc_zero(arena, shard_count * sizeof *x->outgoing);
    sender_set_init(&x->put_off, arena);
    return x;
}

void exec_free(struct exec_shard *x)
{
    if (!x)
        return;
    for (unsigned d = 0; d < x->shard_count; d++)
        arena_free(x->arena, x->outgoing[d].items);
    arena_free(x->arena, x->outgoing);
    arena_free(x->arena, x->waiting);
    sender_set_free(&x->put_off);
    arena_free(x->arena, x);
}

void exec_begin(struct exec_shard *x, const struct exec_env *env, const struct exec_tx *txs, size_t count,
                struct exec_result *results)
{
    x->env = *env;
    x->results = results;
    x->fees = U256_ZERO;
    if (count > x->waiting_capacity) {
        arena_free(x->arena, x->waiting);
        x->waiting = arena_alloc(x->arena, count * sizeof *x->waiting);
        x->waiting_capacity = count;
    }
    for (size_t i = 0; i < count; i++)
        x->waiting[i] = &txs[i];
    x->waiting_count = count;
    x->progress = (struct exec_progress){.waiting = count};
    for (unsigned p = partition_first(x->shard, x->shard_count); p < partition_first(x->shard + 1, x->shard_count); p++)
        state_begin_block(x->states[p], env->number);
}

void exec_end(struct exec_shard *x)
{
    for (unsigned p = partition_first(x->shard, x->shard_count); p < partition_first(x->shard + 1, x->shard_count); p++)
        state_end_block(x->states[p]);
    x->waiting_count = 0;
}

static struct state *state_of(const struct exec_shard *x, const bytes32 *key)
{
    return x->states[partition_of_key(key)];
}

static void send_credit(struct exec_shard *x, const bytes32 *key, const u256 *amount)
{
    struct exec_credit_list *list = &x->outgoing[partition_owner(partition_of_key(key), x->shard_count)];
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->items = arena_realloc(x->arena, list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->count++] = (struct exec_credit){.key = *key, .amount = *amount};
}

// Step 5 for a target without code: done now. The target is credited at once in the sender's own partition, else at the
// barrier, even when both partitions are this shard's: the block must not depend on the number of shards.
static void transfer(struct exec_shard *x, const struct exec_tx *t, struct sender *sender, unsigned round)
{
    struct charge charge = rules_charge(t->tx, &x->env);
    sender_pay(sender, t->sender_key, &charge);
    u256_add(&x->fees, &x->fees, &charge.tip);
    if (partition_of_key(t->target_key) == partition_of_key(t->sender_key))
        credit_account(sender->state, t->target_key, &t->tx->value);
    else
        send_credit(x, t->target_key, &t->tx->value);
    x->results[t->index] = (struct exec_result){
        .round = (uint8_t)round, .pass = EXEC_SENDERS, .success = true, .gas_used = charge.gas_used};
    x->progress.executed++;
}

static void drop(struct exec_shard *x, const struct exec_tx *t, enum tx_status reason, unsigned round)
{
    x->results[t->index] = (struct exec_result){
        .drop = (uint8_t)reason, .again = rules_reason_can_pass(reason), .round = (uint8_t)round, .pass = EXEC_SENDERS};
    x->progress.dropped++;
}

// Steps 2 to 5 for one transaction. true: it waits for the next round.
static bool take(struct exec_shard *x, const struct exec_tx *t, unsigned round)
{
    if (sender_set_has(&x->put_off, t->sender_key))
        return true;
    struct sender sender = sender_find(state_of(x, t->sender_key), t->sender_key);
    enum tx_status status = rules_check(t->tx, &x->env, &sender.account);
    switch (status) {
    case TX_OK:
        transfer(x, t, &sender, round);
        return false;
    case TX_INSUFFICIENT_FUNDS:
        sender_set_add(&x->put_off, t->sender_key);
        return true;
    case TX_NONCE_TOO_HIGH:
        return true;
    default:
        drop(x, t, status, round);
        return false;
    }
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void prefetch_tx(const struct exec_tx *t)
{
    for (size_t at = 0; at < sizeof *t->tx; at += 64)
        __builtin_prefetch((const char *)t->tx + at);
    __builtin_prefetch(t->sender_key);
    __builtin_prefetch(t->target_key);
}

// The target matters here only where it is credited at once.
static void prefetch_accounts(const struct exec_shard *x, const struct exec_tx *t)
{
    state_prefetch(state_of(x, t->sender_key), t->sender_key);
    if (partition_of_key(t->target_key) == partition_of_key(t->sender_key))
        state_prefetch(state_of(x, t->target_key), t->target_key);
}

static void prefetch_batch(const struct exec_shard *x, size_t from)
{
    for (size_t i = from + BATCH; i < min_size(from + 2 * BATCH, x->waiting_count); i++)
        prefetch_tx(x->waiting[i]);
    for (size_t i = from; i < min_size(from + BATCH, x->waiting_count); i++)
        prefetch_accounts(x, x->waiting[i]);
}

void exec_round(struct exec_shard *x, unsigned round)
{
    for (unsigned d = 0; d < x->shard_count; d++)
        x->outgoing[d].count = 0;
    sender_set_clear(&x->put_off);
    x->progress = (struct exec_progress){0};

    size_t kept = 0, count = x->waiting_count;
    prefetch_batch(x, 0);
    for (size_t from = 0; from < count; from += BATCH) {
        prefetch_batch(x, from + BATCH);
        size_t to = min_size(from + BATCH, count);
        for (size_t i = from; i < to; i++) {
            if (take(x, x->waiting[i], round))
                x->waiting[kept++] = x->waiting[i];
        }
    }
    x->waiting_count = kept;
    x->progress.waiting = kept;
    x->progress.changed = x->progress.executed + x->progress.dropped != 0;
}

const struct exec_credit_list *exec_outgoing(const struct exec_shard *x, unsigned destination)
{
    return &x->outgoing[destination];
}

static void prefetch_credits(const struct exec_shard *x, const struct exec_credit_list *credits, size_t from)
{
    for (size_t i = from; i < min_size(from + BATCH, credits->count); i++)
        state_prefetch(state_of(x, &credits->items[i].key), &credits->items[i].key);
}

void exec_apply(struct exec_shard *x, const struct exec_credit_list *credits)
{
    prefetch_credits(x, credits, 0);
    for (size_t from = 0; from < credits->count; from += BATCH) {
        prefetch_credits(x, credits, from + BATCH);
        for (size_t i = from; i < min_size(from + BATCH, credits->count); i++) {
            const struct exec_credit *credit = &credits->items[i];
            credit_account(state_of(x, &credit->key), &credit->key, &credit->amount);
        }
    }
}

struct exec_progress exec_progress(const struct exec_shard *x)
{
    return x->progress;
}

u256 exec_fees(const struct exec_shard *x)
{
    return x->fees;
}

size_t exec_waiting(const struct exec_shard *x, const struct exec_tx ***out)
{
    *out = x->waiting;
    return x->waiting_count;
}
