// Pass 2.
//
// execution.md has each partition run its calls in O order. Here a shard runs all of its calls in O order, which is the
// same: a confined call touches its own partition alone.
#include "shard/exec/part.h"

#include <stdlib.h>

bool exec_has_calls(const struct exec_shard *x)
{
    return x->call_count > 0;
}

static int by_index(const void *a, const void *b)
{
    const uint32_t left = ((const struct exec_call *)a)->index, right = ((const struct exec_call *)b)->index;
    return (left > right) - (left < right);
}

static void sort(struct exec_call_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        if (list->items[i - 1].index > list->items[i].index) {
            qsort(list->items, list->count, sizeof *list->items, by_index);
            return;
        }
    }
}

static void escape(struct exec_shard *x, const struct exec_tx *t, enum exec_global_reason reason)
{
    x->results[t->index].global_reason = (uint8_t)reason;
    x->progress.escaped++;
    part_send_call(x, EXEC_CALLS, partition_of_key(t->sender_key), t);
}

// What was reserved and not used goes back, and what the sender got on the way to it; in its own partition that is
// there at once.
static void settle(struct exec_shard *x, const struct exec_tx *t, unsigned home, const struct execution *done,
                   const u256 *received)
{
    const u256 tip = rules_charge(t->tx, &x->env, done->gas_used).tip;
    u256 back = rules_debit(t->tx, &x->env, t->tx->gas_limit - done->gas_used);
    u256_add(&x->fees, &x->fees, &tip);
    if (!done->success)
        u256_add(&back, &back, &t->tx->value);
    if (partition_of_key(t->sender_key) == home)
        credit_account(x->states[home], t->sender_key, received);
    else
        u256_add(&back, &back, received);
    if (!u256_is_zero(&back))
        part_send_credit(x, EXEC_CALLS, t->sender_key, &back);
    part_included(x, EXEC_CALLS, home, t, done);
}

// A transaction to an address without code, which came along because its sender is bound to this partition.
static void run_plain(struct exec_shard *x, const struct exec_tx *t, unsigned home)
{
    const struct execution done = machine_plain(x->machine, t->tx);
    if (done.success)
        part_credit_target(x, EXEC_CALLS, home, t);
    settle(x, t, home, &done, &U256_ZERO);
}

static void run(struct exec_shard *x, const struct exec_call *call)
{
    const struct exec_tx *t = call->tx;
    const unsigned home = call->partition;
    if (round_senders_find(&x->callers, t->sender_key)) {
        escape(x, t, EXEC_GLOBAL_AFTER_ESCAPE);
        return;
    }
    if (!target_has_code(x->codes, t)) {
        run_plain(x, t, home);
        return;
    }
    struct execution done;
    u256 received;
    const enum evm_escape why = machine_confined(x->machine, t, home, &x->senders, &done, &received);
    if (why == EVM_STAYS) {
        settle(x, t, home, &done, &received);
    } else {
        round_senders_need(&x->callers, t->sender_key);
        escape(x, t, EXEC_GLOBAL_ESCAPED + why);
    }
}

// Before the batch at `from` is run: what the next one needs is brought, and memory is asked for those behind it.
static void prefetch_calls(const struct exec_shard *x, size_t from)
{
    const struct exec_call *calls = x->calls.items;
    const size_t end = x->calls.count, next = min_size(from + PREFETCH_BATCH, end);
    for (size_t i = from + 3 * PREFETCH_BATCH; i < min_size(from + 4 * PREFETCH_BATCH, end); i++)
        prefetch_tx(calls[i].tx);
    for (size_t i = from + 2 * PREFETCH_BATCH; i < min_size(from + 3 * PREFETCH_BATCH, end); i++)
        prefetch_data(calls[i].tx);
    machine_foresee(x->machine, calls + next, min_size(PREFETCH_BATCH, end - next), true);
}

void exec_calls(struct exec_shard *x)
{
    sort(&x->calls);
    round_senders_clear(&x->callers);
    machine_foresee(x->machine, x->calls.items, min_size(PREFETCH_BATCH, x->calls.count), true);
    for (size_t i = 0; i < x->calls.count; i++) {
        if (i % PREFETCH_BATCH == 0)
            prefetch_calls(x, i);
        run(x, &x->calls.items[i]);
    }
}
