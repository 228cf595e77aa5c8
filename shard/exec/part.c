// What a shard's passes have in common: a block's begin and end, parcels, credits, results.
#include "shard/exec/part.h"

#include <assert.h>

struct exec_shard *exec_create(struct arena *arena, unsigned shard, unsigned shard_count, struct state **states,
                               struct exec_machine *machine)
{
    struct exec_shard *x = arena_alloc_zero(arena, sizeof *x);
    x->arena = arena;
    x->shard = shard;
    x->shard_count = shard_count;
    x->states = states;
    x->machine = machine;
    x->codes = machine_codes(machine);
    for (unsigned pass = EXEC_SENDERS; pass <= EXEC_CALLS; pass++)
        x->parcels[pass] = arena_alloc_zero(arena, shard_count * sizeof *x->parcels[pass]);
    round_senders_init(&x->escaped, arena);
    round_senders_init(&x->senders, arena);
    round_senders_init(&x->callers, arena);
    return x;
}

void exec_free(struct exec_shard *x)
{
    if (!x)
        return;
    for (unsigned pass = EXEC_SENDERS; pass <= EXEC_CALLS; pass++) {
        for (unsigned d = 0; d < x->shard_count; d++) {
            arena_free(x->arena, x->parcels[pass][d].credits.items);
            arena_free(x->arena, x->parcels[pass][d].calls.items);
        }
        arena_free(x->arena, x->parcels[pass]);
    }
    arena_free(x->arena, x->waiting);
    arena_free(x->arena, x->global);
    arena_free(x->arena, x->calls.items);
    round_senders_free(&x->escaped);
    round_senders_free(&x->senders);
    round_senders_free(&x->callers);
    arena_free(x->arena, x);
}

void exec_begin(struct exec_shard *x, const struct exec_env *env, const struct exec_tx *txs, size_t count,
                struct exec_result *results)
{
    x->env = *env;
    x->results = results;
    x->fees = U256_ZERO;
    x->waiting_count = x->global_count = 0;
    exec_add(x, txs, count);
    round_senders_clear(&x->escaped);
    x->progress = (struct exec_progress){0};
    for (unsigned p = partition_first(x->shard, x->shard_count); p < partition_first(x->shard + 1, x->shard_count); p++)
        state_begin_block(x->states[p], env->number);
    machine_open(x->machine, x->states, env);
    if (partition_owner(machine_system_partition(x->machine), x->shard_count) == x->shard)
        machine_system_call(x->machine);
}

void exec_add(struct exec_shard *x, const struct exec_tx *txs, size_t count)
{
    const size_t all = x->waiting_count + count;
    if (all > x->waiting_capacity) {
        x->waiting_capacity = all;
        x->waiting = arena_realloc(x->arena, x->waiting, all * sizeof *x->waiting);
    }
    for (size_t i = 0; i < count; i++)
        x->waiting[x->waiting_count++] = &txs[i];
}

void exec_end(struct exec_shard *x)
{
    for (unsigned p = partition_first(x->shard, x->shard_count); p < partition_first(x->shard + 1, x->shard_count); p++)
        state_end_block(x->states[p]);
    x->waiting_count = 0;
    x->global_count = 0;
}

// ---- parcels

static void add_call(struct exec_shard *x, struct exec_call_list *list, const struct exec_call *call)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->items = arena_realloc(x->arena, list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->count++] = *call;
}

static struct exec_parcel *parcel_to(struct exec_shard *x, enum exec_pass pass, unsigned partition)
{
    return &x->parcels[pass][partition_owner(partition, x->shard_count)];
}

void part_send_credit(struct exec_shard *x, enum exec_pass pass, const bytes32 *key, const u256 *amount)
{
    struct exec_credit_list *list = &parcel_to(x, pass, partition_of_key(key))->credits;
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->items = arena_realloc(x->arena, list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->count++] = (struct exec_credit){.key = *key, .amount = *amount};
}

void part_send_call(struct exec_shard *x, enum exec_pass pass, unsigned partition, const struct exec_tx *t)
{
    const struct exec_call call = {t, t->index, (uint8_t)partition};
    add_call(x, &parcel_to(x, pass, partition)->calls, &call);
}

void part_clear_parcels(struct exec_shard *x, enum exec_pass pass)
{
    for (unsigned d = 0; d < x->shard_count; d++) {
        x->parcels[pass][d].credits.count = 0;
        x->parcels[pass][d].calls.count = 0;
    }
}

const struct exec_parcel *exec_parcel(const struct exec_shard *x, enum exec_pass pass, unsigned destination)
{
    return &x->parcels[pass][destination];
}

static void prefetch_credits(const struct exec_shard *x, const struct exec_credit_list *credits, size_t from)
{
    const size_t to = min_size(from + PREFETCH_BATCH, credits->count);
    for (size_t i = from; i < to; i++)
        state_prefetch_way(part_state(x, &credits->items[i].key), &credits->items[i].key);
    for (size_t i = from; i < to; i++)
        state_prefetch(part_state(x, &credits->items[i].key), &credits->items[i].key);
}

static void take_credits(struct exec_shard *x, const struct exec_credit_list *credits)
{
    prefetch_credits(x, credits, 0);
    for (size_t from = 0; from < credits->count; from += PREFETCH_BATCH) {
        prefetch_credits(x, credits, from + PREFETCH_BATCH);
        for (size_t i = from; i < min_size(from + PREFETCH_BATCH, credits->count); i++) {
            const struct exec_credit *credit = &credits->items[i];
            credit_account(part_state(x, &credit->key), &credit->key, &credit->amount);
        }
    }
}

// Takes the nonce and the debit of a call that escaped back.
static void take_back(struct exec_shard *x, const struct exec_tx *t)
{
    struct sender sender = sender_find(part_state(x, t->sender_key), t->sender_key);
    const u256 amount = rules_reservation(t->tx, &x->env);
    bool overflow = u256_add(&sender.account.balance, &sender.account.balance, &amount);
    assert(!overflow && sender.account.nonce > 0);
    sender.account.nonce--;
    state_set(sender.state, sender.id, &sender.account);
    round_senders_need(&x->escaped, t->sender_key);
    part_add_global(x, t);
}

void exec_take(struct exec_shard *x, enum exec_pass pass, const struct exec_parcel *parcel)
{
    take_credits(x, &parcel->credits);
    if (pass == EXEC_SENDERS)
        x->call_count += parcel->calls_sent;
    for (size_t i = 0; i < parcel->calls.count; i++) {
        if (pass == EXEC_SENDERS)
            add_call(x, &x->calls, &parcel->calls.items[i]);
        else
            take_back(x, parcel->calls.items[i].tx);
    }
}

// ---- effects and results

void part_add_global(struct exec_shard *x, const struct exec_tx *t)
{
    if (x->global_count == x->global_capacity) {
        x->global_capacity = x->global_capacity ? x->global_capacity * 2 : 64;
        x->global = arena_realloc(x->arena, x->global, x->global_capacity * sizeof *x->global);
    }
    x->global[x->global_count++] = t;
}

void part_credit_target(struct exec_shard *x, enum exec_pass pass, unsigned from, const struct exec_tx *t)
{
    if (partition_of_key(t->target_key) == from)
        credit_account(x->states[from], t->target_key, &t->tx->value);
    else if (!u256_is_zero(&t->tx->value))
        part_send_credit(x, pass, t->target_key, &t->tx->value);
}

void part_included(struct exec_shard *x, enum exec_pass pass, unsigned home, const struct exec_tx *t,
                   const struct execution *done)
{
    x->results[t->index] = (struct exec_result){.round = (uint8_t)x->round,
                                                .pass = (uint8_t)pass,
                                                .partition = (uint8_t)home,
                                                .success = done->success,
                                                .gas_used = done->gas_used,
                                                .logs = done->logs};
    x->progress.executed++;
}

struct exec_progress exec_progress(const struct exec_shard *x)
{
    struct exec_progress p = x->progress;
    p.waiting = x->waiting_count;
    p.global = x->global_count;
    p.changed |= p.executed + p.dropped + p.escaped != 0;
    return p;
}

void exec_progress_add(struct exec_progress *sum, const struct exec_progress *one)
{
    sum->executed += one->executed;
    sum->dropped += one->dropped;
    sum->escaped += one->escaped;
    sum->waiting += one->waiting;
    sum->global += one->global;
    sum->changed |= one->changed;
}

enum exec_next exec_next(const struct exec_progress *sum, unsigned round)
{
    if (sum->waiting > 0 && sum->changed && round + 1 < EXEC_ROUNDS_MAX)
        return EXEC_NEXT_ROUND;
    return sum->waiting + sum->global > 0 ? EXEC_NEXT_GLOBAL : EXEC_NEXT_END;
}

u256 exec_fees(const struct exec_shard *x)
{
    return x->fees;
}

size_t exec_left_over(struct exec_shard *x, const struct exec_tx ***out)
{
    for (size_t i = 0; i < x->waiting_count; i++) {
        x->results[x->waiting[i]->index].global_reason = EXEC_GLOBAL_WAITED;
        part_add_global(x, x->waiting[i]);
    }
    x->waiting_count = 0;
    *out = x->global;
    return x->global_count;
}
