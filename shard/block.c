// This shard's part in a block: propose from the pool, run the rounds, close and hash, settle the pool.
#include "shard/internal.h"

#include <assert.h>
#include <stdlib.h>

// Results that are given together.
#define SETTLE_BATCH 32

static void tell(struct shard *s, uint16_t kind, const void *p, size_t n)
{
    struct message m = {.kind = kind, .from = (uint16_t)s->options.index, .n = (uint32_t)n, .p = (void *)p};
    // The coordinator's inbox has room for every shard's one answer to its one question (node.c sizes it), and no bulk.
    bool posted = inbox_post(s->options.coordinator, &m);
    if (!posted)
        abort();
}

static struct pooled_tx *pooled_of(const struct exec_tx *x)
{
    return (struct pooled_tx *)x->tx;
}

// The pool's choice, in block.proposed.
static size_t choose(struct shard *s, const struct mempool_pick *pick)
{
    enum stage before = stage_enter(&s->turn.stages, STAGE_ORDER);
    struct block_part *b = &s->block;
    timeline_begin(&s->turn.timeline, propose, pick->count_max, 0);
    if (b->proposed_cap < pick->count_max) {
        b->proposed_cap = pick->count_max;
        b->proposed = arena_realloc(s->arena, b->proposed, b->proposed_cap * sizeof *b->proposed);
        b->picked = arena_realloc(s->arena, b->picked, b->proposed_cap * sizeof *b->picked);
    }
    size_t n = mempool_propose_groups(s->pool, pick, b->picked);
    const uint64_t now = clock_ns();
    for (size_t i = 0; i < n; i++) {
        struct pooled_tx *t = b->picked[i];
        t->taken_ns = now;
        b->proposed[i] = (struct exec_tx){&t->tx, &t->sender, &t->sender_key, &t->target_key, 0};
    }
    s->told = NEWS_NOTHING;
    timeline_end(&s->turn.timeline, propose, n, 0);
    stage_items(&s->turn.stages, STAGE_ORDER, n);
    stage_enter(&s->turn.stages, before);
    return n;
}

size_t shard_propose(struct shard *s, const struct mempool_pick *pick, const struct exec_tx **out)
{
    const size_t n = choose(s, pick);
    receive_publish_pool(s); // before the coordinator looks whether there is more
    *out = s->block.proposed;
    return n;
}

void shard_take_back(struct shard *s, const struct exec_tx *txs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mempool_result_again(s->pool, pooled_of(&txs[i]));
    receive_take_removed(s);
}

static void propose(struct shard *s, const struct propose_request *request)
{
    struct mempool_pick pick = {.base_fee = request->base_fee,
                                .gas_max = request->gas_max[s->options.index],
                                .bytes_max = request->bytes_max,
                                .count_max = request->count_max};
    memset(pick.group_bytes_max, 0xff, sizeof pick.group_bytes_max);
    const size_t n = choose(s, &pick);
    tell(s, MSG_PROPOSED, s->block.proposed, n);
}

// ---- passes

static void run_pass(struct shard *s, enum exec_pass pass);

// When every parcel of this pass is in: on to the calls if any shard sent one, else the round is over.
static void pass_if_complete(struct shard *s)
{
    struct block_part *b = &s->block;
    if (!b->running || b->parcels_in < s->options.count)
        return;
    b->running = false;
    timeline_end(&s->turn.timeline, parcels, BLOCK_STEP(b->round, b->pass), b->work->env.number);
    if (b->pass == EXEC_SENDERS && exec_has_calls(s->exec)) {
        run_pass(s, EXEC_CALLS);
        return;
    }
    b->progress = exec_progress(s->exec);
    tell(s, MSG_ROUND_DONE, &b->progress, 0);
}

static void take_parcel(struct shard *s, const struct message *m)
{
    struct block_part *b = &s->block;
    if (!b->running || m->a != BLOCK_STEP(b->round, b->pass)) {
        assert(b->early_count < SHARD_MAX);
        b->early[b->early_count++] = *m;
        return;
    }
    exec_take(s->exec, b->pass, m->p);
    b->parcels_in++;
}

static void send_parcel(struct shard *s, unsigned to)
{
    const struct block_part *b = &s->block;
    struct message m = {.kind = MSG_PARCEL,
                        .from = (uint16_t)s->options.index,
                        .a = BLOCK_STEP(b->round, b->pass),
                        .p = (void *)exec_parcel(s->exec, b->pass, to)};
    // One a pair and pass, and nobody is more than one pass ahead: what inbox_post_below leaves free has room for it.
    bool posted = inbox_post(&s->peers[to]->inbox, &m);
    if (!posted)
        abort();
}

static void run_pass(struct shard *s, enum exec_pass pass)
{
    struct block_part *b = &s->block;
    enum stage before = stage_enter(&s->turn.stages, STAGE_EXECUTE);
    b->pass = pass;
    if (pass == EXEC_SENDERS) {
        timeline_begin(&s->turn.timeline, senders, b->round, b->work->env.number);
        exec_senders(s->exec, b->round);
        timeline_end(&s->turn.timeline, senders, b->round, b->work->env.number);
    } else {
        timeline_begin(&s->turn.timeline, calls, b->round, b->work->env.number);
        exec_calls(s->exec);
        timeline_end(&s->turn.timeline, calls, b->round, b->work->env.number);
    }
    timeline_begin(&s->turn.timeline, parcels, BLOCK_STEP(b->round, pass), b->work->env.number);
    for (unsigned i = 0; i < s->options.count; i++) {
        if (i != s->options.index)
            send_parcel(s, i);
    }
    if (pass == EXEC_CALLS)
        exec_finish_logs(s->machine);
    exec_take(s->exec, pass, exec_parcel(s->exec, pass, s->options.index));
    b->parcels_in = 1;
    b->running = true;
    unsigned early = b->early_count;
    b->early_count = 0;
    for (unsigned i = 0; i < early; i++) {
        struct message m = b->early[i];
        take_parcel(s, &m);
    }
    stage_enter(&s->turn.stages, before);
    pass_if_complete(s);
}

static void run_round(struct shard *s, unsigned round)
{
    s->block.round = round;
    run_pass(s, EXEC_SENDERS);
}

static void execute(struct shard *s, struct block_work *work)
{
    struct block_part *b = &s->block;
    unsigned self = s->options.index;
    b->open = true;
    b->work = work;
    enum stage before = stage_enter(&s->turn.stages, STAGE_EXECUTE);
    exec_begin(s->exec, &work->env, work->txs[self], work->tx_count[self], work->results);
    stage_items(&s->turn.stages, STAGE_EXECUTE, work->tx_count[self]);
    stage_enter(&s->turn.stages, before);
    run_round(s, 0);
}

static void gather(struct shard *s)
{
    const struct exec_tx **left_over;
    size_t n = exec_left_over(s->exec, &left_over);
    s->block.standing = true;
    tell(s, MSG_GATHERED, left_over, n);
}

static void copy_checkpoint(struct shard *s, struct block_work *work)
{
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        if (s->states[p])
            state_take_dirty(s->states[p], &work->parts[s->options.index]);
    }
}

void block_publish_accounts(struct shard *s)
{
    uint64_t total = 0;
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        total += s->states[p] ? state_count(s->states[p]) : 0;
    atomic_store_explicit(&s->numbers.accounts, total, memory_order_relaxed);
}

static void pool_deferred(struct shard *s)
{
    struct pooled_tx *list = s->deferred.head;
    s->deferred = (struct tx_list){0};
    receive_routed(s, list);
    size_t n = s->deferred_call_count;
    s->deferred_call_count = 0;
    for (size_t i = 0; i < n; i++) {
        struct shard_call *call = s->deferred_calls[i].p;
        call->run(s, call);
    }
}

static void give_subroots(struct shard *s, struct block_work *work)
{
    unsigned first = partition_first(s->options.index, s->options.count);
    for (unsigned i = 0; i < s->trie_count; i++) {
        unsigned p = first + i;
        work->changed[p] = !s->block.subroots_given || state_changed_count(s->states[p]) > 0;
        if (work->changed[p])
            account_trie_subroot(s->tries[i], &work->subroots[p]);
    }
    s->block.subroots_given = true;
}

static void finish(struct shard *s)
{
    struct block_part *b = &s->block;
    struct block_work *work = b->work;
    enum stage before = stage_enter(&s->turn.stages, STAGE_EXECUTE);
    if (!work->global_done && s->states[partition_of_key(&work->env.coinbase_key)])
        exec_pay_coinbase(s->states, &work->env, &work->fees_total);
    exec_end(s->exec);
    stage_enter(&s->turn.stages, STAGE_TRIE);
    timeline_begin(&s->turn.timeline, trie, s->trie_count, work->env.number);
    account_trie_update(s->tries, s->trie_count);
    give_subroots(s, work);
    if (work->checkpoint)
        copy_checkpoint(s, work);
    timeline_end(&s->turn.timeline, trie, s->trie_count, work->env.number);
    block_publish_accounts(s);
    stage_enter(&s->turn.stages, before);
    b->open = false;
    b->standing = false;
    tell(s, MSG_FINISHED, NULL, 0);
    pool_deferred(s);
}

static void count_inclusion(struct shard *s, const struct exec_tx *txs, size_t n, const struct exec_result *results,
                            uint64_t now)
{
    pthread_mutex_lock(&s->inclusion_lock);
    for (size_t i = 0; i < n; i++) {
        const struct pooled_tx *t = pooled_of(&txs[i]);
        if (t->proposed && results[txs[i].index].drop == TX_OK)
            hist_add(&s->inclusion, now - t->received_ns);
    }
    pthread_mutex_unlock(&s->inclusion_lock);
}

static void settle_one(struct shard *s, const struct exec_tx *x, const struct exec_result *r, uint32_t list)
{
    struct pooled_tx *t = pooled_of(x);
    if (!r->again) {
        tx_paths_add_ordered(s->paths, t, list, x->index, r);
        t->settled = true;
    }
    if (!t->proposed) { // another validator's, or an own one's of before a restart
        if (r->drop == TX_OK)
            mempool_included_elsewhere(s->pool, &t->hash, &t->sender_key, t->tx.nonce);
        return;
    }
    if (r->drop == TX_OK)
        mempool_result_included(s->pool, t);
    else if (r->again)
        mempool_result_again(s->pool, t);
    else
        mempool_result_dropped(s->pool, t, r->drop);
}

// Gives the results, and writes down the senders of whom something stays pooled; returns their number. A batch's
// transactions are asked for while the one before is dealt with.
static size_t settle_all(struct shard *s, const struct settle_work *work, bytes32 *stay, uint64_t now)
{
    const struct exec_tx *txs = work->txs[s->options.index];
    const size_t n = work->tx_count[s->options.index];
    size_t staying = 0;
    for (size_t from = 0, end; from < n; from = end) {
        end = n - from < SETTLE_BATCH ? n : from + SETTLE_BATCH;
        for (size_t i = from; i < end; i++) {
            if (pooled_of(&txs[i])->proposed)
                mempool_prefetch_result(s->pool, pooled_of(&txs[i]));
        }
        count_inclusion(s, txs + from, end - from, work->results, now);
        for (size_t i = from; i < end; i++) {
            if (i + SETTLE_BATCH < n)
                pooled_tx_prefetch(pooled_of(&txs[i + SETTLE_BATCH]));
            const bytes32 sender = *txs[i].sender_key;
            settle_one(s, &txs[i], &work->results[txs[i].index], work->list);
            if (mempool_has_sender(s->pool, &sender))
                stay[staying++] = sender;
        }
    }
    return staying;
}

static void tell_accounts(struct shard *s, const bytes32 *senders, size_t n, uint64_t now)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && bytes32_equal(&senders[i], &senders[i - 1]))
            continue;
        const struct state *state = s->states[partition_of_key(&senders[i])];
        const uint32_t id = state_find(state, &senders[i]);
        const struct account a = id != STATE_NONE ? state_get(state, id) : (struct account){0};
        mempool_account_changed(s->pool, &senders[i], &(struct mempool_account){a.nonce, a.balance}, now);
    }
}

static void settle(struct shard *s, const struct settle_work *work)
{
    enum stage before = stage_enter(&s->turn.stages, STAGE_POOL);
    const size_t n = work->tx_count[s->options.index];
    const uint64_t now = clock_ns();
    timeline_begin(&s->turn.timeline, settle, n, work->height);
    s->settled_height = work->height;
    bytes32 *stay = n ? arena_alloc(s->arena, n * sizeof *stay) : NULL;
    tell_accounts(s, stay, settle_all(s, work, stay, now), now);
    arena_free(s->arena, stay);
    mempool_set_base_fee(s->pool, &work->next_base_fee);
    receive_take_removed(s);
    receive_publish_pool(s); // before the coordinator looks whom to ask for the next list
    timeline_end(&s->turn.timeline, settle, n, work->height);
    stage_items(&s->turn.stages, STAGE_POOL, n);
    stage_enter(&s->turn.stages, before);
    tell(s, MSG_SETTLED, NULL, 0);
}

void block_handle(struct shard *s, const struct message *m)
{
    s->block.expecting = m->kind != MSG_FINISH && m->kind != MSG_SETTLE;
    switch (m->kind) {
    case MSG_PROPOSE:
        propose(s, m->p);
        break;
    case MSG_AHEAD:
        s->told = NEWS_NOTHING;
        break;
    case MSG_EXECUTE:
        execute(s, m->p);
        break;
    case MSG_ROUND:
        run_round(s, (unsigned)m->a);
        break;
    case MSG_PARCEL:
        take_parcel(s, m);
        pass_if_complete(s);
        break;
    case MSG_GATHER:
        gather(s);
        break;
    case MSG_FINISH:
        finish(s);
        break;
    case MSG_SETTLE:
        settle(s, m->p);
        break;
    default:
        abort();
    }
}

void block_free(struct shard *s)
{
    arena_free(s->arena, s->block.proposed);
    arena_free(s->arena, s->block.picked);
    free(s->deferred_calls);
}
