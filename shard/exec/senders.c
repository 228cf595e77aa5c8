// Pass 1.
//
// execution.md has each partition take the waiting transactions of its own senders in O order. Here a shard takes all
// of its waiting ones in O order, which is the same: within a round a partition is touched only by its own senders, in
// that order either way, and what partitions share (fees, parcels) is a sum or is sorted later.
#include "shard/exec/part.h"

#include "shard/evm/precompiles/precompiles.h"

enum fate { LEAVES, WAITS };

static enum fate drop(struct exec_shard *x, const struct exec_tx *t, enum tx_status reason)
{
    x->results[t->index] = (struct exec_result){.drop = (uint8_t)reason,
                                                .again = rules_reason_can_pass(reason),
                                                .round = (uint8_t)x->round,
                                                .pass = EXEC_SENDERS};
    x->progress.dropped++;
    return LEAVES;
}

static enum fate to_global(struct exec_shard *x, const struct exec_tx *t, enum exec_global_reason reason)
{
    x->results[t->index].global_reason = (uint8_t)reason;
    x->progress.changed = true;
    part_add_global(x, t);
    return LEAVES;
}

static enum fate put_off(struct exec_shard *x, const struct exec_tx *t)
{
    round_senders_need(&x->senders, t->sender_key)->put_off = true;
    return WAITS;
}

// A target without code: done now.
static enum fate transfer(struct exec_shard *x, const struct exec_tx *t, struct sender *sender)
{
    const struct execution done = machine_plain(x->machine, t->tx);
    struct charge charge = rules_charge(t->tx, &x->env, done.gas_used);
    if (done.success)
        u256_add(&charge.debit, &charge.debit, &t->tx->value);
    sender_pay(sender, t->sender_key, &charge.debit);
    u256_add(&x->fees, &x->fees, &charge.tip);
    if (done.success)
        part_credit_target(x, EXEC_SENDERS, partition_of_key(t->sender_key), t);
    part_included(x, EXEC_SENDERS, partition_of_key(t->sender_key), t, &done);
    return LEAVES;
}

// Takes the nonce and the money, and sends the call to partition `to`, to which its sender is bound from now on.
static enum fate reserve(struct exec_shard *x, const struct exec_tx *t, struct sender *sender, unsigned to)
{
    const u256 amount = rules_reservation(t->tx, &x->env);
    sender_pay(sender, t->sender_key, &amount);
    struct sender_entry *entry = round_senders_need(&x->senders, t->sender_key);
    entry->bound_to = (uint8_t)to;
    entry->reserved++;
    part_send_call(x, EXEC_SENDERS, to, t);
    x->progress.changed = true;
    return LEAVES;
}

// Step 5.
static enum fate by_target(struct exec_shard *x, const struct exec_tx *t, struct sender *sender,
                           const struct sender_entry *entry)
{
    const bool bound = entry && entry->reserved > 0;
    if (t->tx->is_create)
        return to_global(x, t, EXEC_GLOBAL_CREATION);
    if (target_has_code(x->codes, t)) {
        const unsigned to = partition_of_key(t->target_key);
        return bound && entry->bound_to != to ? put_off(x, t) : reserve(x, t, sender, to);
    }
    if (t->tx->data.len > 0 && precompile_at(&t->tx->to) == PRECOMPILE_NONE)
        return to_global(x, t, EXEC_GLOBAL_DATA);
    return bound ? reserve(x, t, sender, entry->bound_to) : transfer(x, t, sender);
}

// Steps 1 to 5 for one transaction.
static enum fate take(struct exec_shard *x, const struct exec_tx *t)
{
    if (round_senders_find(&x->escaped, t->sender_key))
        return to_global(x, t, EXEC_GLOBAL_AFTER_ESCAPE);
    const struct sender_entry *entry = round_senders_find(&x->senders, t->sender_key);
    if (entry && entry->put_off)
        return WAITS;
    struct sender sender = sender_find(part_state(x, t->sender_key), t->sender_key);
    const enum tx_status status = rules_check(t->tx, &x->env, &sender);
    switch (status) {
    case TX_OK:
        return by_target(x, t, &sender, entry);
    case TX_INSUFFICIENT_FUNDS:
        return put_off(x, t);
    case TX_NONCE_TOO_HIGH:
        return WAITS;
    default:
        return drop(x, t, status);
    }
}

// Calls prefetch for the accounts of a batch. The target matters here only where it is credited at once.
static void prefetch_accounts(const struct exec_shard *x, size_t from,
                              void (*prefetch)(const struct state *s, const bytes32 *key))
{
    for (size_t i = from; i < min_size(from + PREFETCH_BATCH, x->waiting_count); i++) {
        const struct exec_tx *t = x->waiting[i];
        prefetch(part_state(x, t->sender_key), t->sender_key);
        if (partition_of_key(t->target_key) == partition_of_key(t->sender_key))
            prefetch(part_state(x, t->target_key), t->target_key);
    }
}

static void prefetch_batch(const struct exec_shard *x, size_t from)
{
    for (size_t i = from + PREFETCH_BATCH; i < min_size(from + 2 * PREFETCH_BATCH, x->waiting_count); i++)
        prefetch_tx(x->waiting[i]);
    prefetch_accounts(x, from, state_prefetch_way);
    prefetch_accounts(x, from, state_prefetch);
}

static void announce_calls(struct exec_shard *x)
{
    struct exec_parcel *parcels = x->parcels[EXEC_SENDERS];
    size_t calls = 0;
    for (unsigned d = 0; d < x->shard_count; d++)
        calls += parcels[d].calls.count;
    for (unsigned d = 0; d < x->shard_count; d++)
        parcels[d].calls_sent = calls;
}

void exec_senders(struct exec_shard *x, unsigned round)
{
    part_clear_parcels(x, EXEC_SENDERS);
    part_clear_parcels(x, EXEC_CALLS);
    round_senders_clear(&x->senders);
    x->calls.count = x->call_count = 0;
    x->round = round;
    x->progress = (struct exec_progress){0};

    size_t kept = 0, count = x->waiting_count;
    prefetch_batch(x, 0);
    for (size_t from = 0; from < count; from += PREFETCH_BATCH) {
        prefetch_batch(x, from + PREFETCH_BATCH);
        size_t to = min_size(from + PREFETCH_BATCH, count);
        for (size_t i = from; i < to; i++) {
            if (take(x, x->waiting[i]) == WAITS)
                x->waiting[kept++] = x->waiting[i];
        }
    }
    x->waiting_count = kept;
    announce_calls(x);
}
