// From raw bytes to verified transactions in the pools.
//
//   receive_raw -> verify.h -> receive_verify -> own pool, or the owner's outbox -> MSG_ROUTE -> owner's pool
//                                                                               <- MSG_ANSWERS, later MSG_RELEASE
#include "base/keccak.h"
#include "shard/internal.h"

#include <stdlib.h>
#include <unistd.h>

// Transactions whose memory is asked for together.
#define POOL_BATCH 32

static void count_refusal(struct shard *s, enum tx_status status)
{
    add_number(&s->numbers.refused, 1);
    add_number(&s->numbers.refused_by[status], 1);
}

static void set_live_bytes(struct shard *s, uint64_t bytes)
{
    s->live_bytes = bytes;
    atomic_store_explicit(&s->numbers.live_bytes, bytes, memory_order_relaxed);
}

static void set_unanswered_bytes(struct shard *s, uint64_t bytes)
{
    s->unanswered_bytes = bytes;
    atomic_store_explicit(&s->numbers.unanswered_bytes, bytes, memory_order_relaxed);
}

static void free_tx(struct shard *s, struct pooled_tx *t)
{
    set_live_bytes(s, s->live_bytes - pooled_tx_bytes(t->raw_len));
    arena_free(s->arena, t);
}

static void send_home(struct shard *s, struct pooled_tx *t)
{
    if (t->home == s->options.index)
        free_tx(s, t);
    else
        tx_list_add(&s->outbox[t->home].release, t);
}

// Tells whoever submitted; on this shard, which received it.
static void answer(struct shard *s, struct tx_origin origin, size_t raw_len, enum tx_status status, const bytes32 *hash)
{
    set_unanswered_bytes(s, s->unanswered_bytes - pooled_tx_bytes(raw_len));
    if (origin.connection == ORIGIN_NOBODY || origin.connection == ORIGIN_PEER)
        return;
    if (origin.connection == ORIGIN_SUBMISSION) {
        struct submission *sub = (struct submission *)(uintptr_t)origin.sequence;
        receive_publish_pool(s); // before whoever is answered can ask for a block
        sub->done(sub, status, hash);
        return;
    }
    ingest_answer(s->ingest, origin, status);
}

bool receive_has_memory(const struct shard *s)
{
    return s->unanswered_bytes < s->options.receive_bytes_max;
}

bool receive_has_room(const struct shard *s)
{
    return verify_batch_has_room(s->verify, s->block.open) && receive_has_memory(s);
}

enum tx_status receive_raw(struct shard *s, struct bytes raw, enum verify_kind kind, const struct sv_witness *witness,
                           struct tx_origin origin)
{
    const bool draining = atomic_load_explicit(&s->draining, memory_order_relaxed);
    enum tx_status status = draining ? TX_STOPPING : TX_TOO_LARGE;
    struct pooled_tx *t = NULL;
    if (!draining && raw.len <= TX_RAW_MAX) {
        t = arena_alloc(s->arena, pooled_tx_bytes(raw.len));
        memcpy(t->raw, raw.ptr, raw.len);
        status = tx_decode(&t->tx, bytes_of(t->raw, raw.len), s->options.chain_id);
        if (status == TX_OK)
            status = tx_check_static(&t->tx, s->options.block_gas_limit);
    }
    if (status != TX_OK) {
        if (t)
            arena_free(s->arena, t);
        count_refusal(s, status);
        return status;
    }
    t->raw_len = raw.len;
    t->origin = origin;
    t->home = (uint16_t)s->options.index;
    t->received_ns = s->now_ns;
    t->settled = false;
    set_live_bytes(s, s->live_bytes + pooled_tx_bytes(raw.len));
    set_unanswered_bytes(s, s->unanswered_bytes + pooled_tx_bytes(raw.len));
    verify_batch_add(s->verify, t, kind, witness);
    return TX_OK;
}

// The sender's account as of the block that the pool has settled; a block under way is not seen.
static struct mempool_account settled_account(const struct shard *s, const bytes32 *key)
{
    struct account a = {0};
    if (state_get_at(s->states[partition_of_key(key)], key, s->settled_height, &a) != 1)
        a = (struct account){0};
    return (struct mempool_account){a.nonce, a.balance};
}

static const struct state *state_of_sender(const struct shard *s, const struct pooled_tx *t)
{
    return s->states[partition_of_key(&t->sender_key)];
}

// What insert will look up for transactions of own senders. While the shard stands still they wait, and the state is
// another thread's.
static void prefetch_inserts(const struct shard *s, struct pooled_tx *const *txs, size_t n)
{
    if (s->block.standing)
        return;
    for (size_t i = 0; i < n; i++) {
        state_prefetch_way(state_of_sender(s, txs[i]), &txs[i]->sender_key);
        mempool_prefetch(s->pool, txs[i]);
    }
    for (size_t i = 0; i < n; i++)
        state_prefetch(state_of_sender(s, txs[i]), &txs[i]->sender_key);
}

static enum tx_status insert(struct shard *s, struct pooled_tx *t)
{
    struct mempool_account account = settled_account(s, &t->sender_key);
    t->pooled_ns = s->now_ns;
    enum tx_status status = mempool_insert(s->pool, t, &account, s->now_ns);
    if (status == TX_OK) {
        add_number(&s->numbers.accepted, 1);
        if (s->options.pooled)
            s->options.pooled(s->options.pooled_ctx, &t->hash, 1);
    } else {
        count_refusal(s, status);
    }
    return status;
}

// Pools a transaction of an own sender that this shard received itself.
static void pool_own(struct shard *s, struct pooled_tx *t)
{
    struct tx_origin origin = t->origin;
    bytes32 hash = t->hash;
    size_t raw_len = t->raw_len;
    enum tx_status status = insert(s, t);
    if (status != TX_OK)
        free_tx(s, t);
    answer(s, origin, raw_len, status, &hash);
}

// Tells who submitted a transaction what its verification has shown.
static void tell_verified(struct shard *s, size_t i)
{
    const struct pooled_tx *t = verify_batch_at(s->verify, i);
    if (t->origin.connection == ORIGIN_SUBMISSION)
        ((struct submission *)(uintptr_t)t->origin.sequence)->hash = t->hash;
    else if (t->origin.connection == ORIGIN_PEER && (t->status != TX_OK || verify_batch_was_costly(s->verify, i)))
        s->guest.forged(s->guest.ctx, (unsigned)t->origin.sequence);
    else if (t->origin.connection == ORIGIN_PEER)
        return;
    else if (t->origin.connection != ORIGIN_NOBODY)
        ingest_verified(s->ingest, t->origin, verify_batch_was_costly(s->verify, i));
}

static unsigned owner_of(const struct shard *s, const struct pooled_tx *t)
{
    return partition_owner(partition_of_key(&t->sender_key), s->options.count);
}

// For a batch of those just verified, from this one on.
static void prefetch_verified(const struct shard *s, size_t from)
{
    const size_t left = verify_batch_count(s->verify) - from, n = left < POOL_BATCH ? left : POOL_BATCH;
    struct pooled_tx *own[POOL_BATCH];
    size_t count = 0;
    for (size_t i = from; i < from + n; i++) {
        struct pooled_tx *t = verify_batch_at(s->verify, i);
        if (t->status == TX_OK && owner_of(s, t) == s->options.index)
            own[count++] = t;
    }
    prefetch_inserts(s, own, count);
}

static void route(struct shard *s, struct pooled_tx *t)
{
    const unsigned owner = owner_of(s, t);
    if (owner != s->options.index)
        tx_list_add(&s->outbox[owner].route, t);
    else if (s->block.standing)
        tx_list_add(&s->deferred, t);
    else
        pool_own(s, t);
}

void receive_verify(struct shard *s)
{
    const size_t n = verify_batch_count(s->verify);
    if (n == 0)
        return;
    enum stage before = stage_enter(&s->turn.stages, STAGE_VERIFY);
    timeline_begin(&s->turn.timeline, verify, n, 0);
    verify_batch_run(s->verify);
    timeline_end(&s->turn.timeline, verify, n, 0);
    stage_items(&s->turn.stages, STAGE_VERIFY, n);
    stage_enter(&s->turn.stages, STAGE_POOL);
    timeline_begin(&s->turn.timeline, pool, n, 0);
    s->now_ns = clock_ns();
    for (size_t i = 0; i < n; i++) {
        struct pooled_tx *t = verify_batch_at(s->verify, i);
        if (i % POOL_BATCH == 0)
            prefetch_verified(s, i);
        tell_verified(s, i);
        if (t->status == TX_OK) {
            route(s, t);
        } else {
            count_refusal(s, t->status);
            answer(s, t->origin, t->raw_len, t->status, &t->hash);
            free_tx(s, t);
        }
    }
    verify_batch_clear(s->verify);
    stage_items(&s->turn.stages, STAGE_POOL, n);
    receive_take_removed(s);
    timeline_end(&s->turn.timeline, pool, n, 0);
    stage_enter(&s->turn.stages, before);
}

static void add_answer(struct outbox *o, struct tx_origin origin, size_t raw_len, enum tx_status status)
{
    struct answer_list *l = o->answers;
    if (!l || l->count == l->capacity) {
        uint32_t capacity = l ? l->capacity * 2 : 64;
        struct answer_list *grown = realloc(l, sizeof *l + capacity * sizeof l->items[0]);
        if (!grown)
            abort();
        if (!l)
            grown->count = 0;
        grown->capacity = capacity;
        o->answers = l = grown;
    }
    l->items[l->count++] = (struct answer){origin, (uint32_t)raw_len, (uint8_t)status};
}

// A transaction of an own sender that another shard received and verified, or this one while it stood still.
static void pool_routed(struct shard *s, struct pooled_tx *t)
{
    if (s->block.standing) {
        tx_list_add(&s->deferred, t);
        return;
    }
    if (t->home == s->options.index) {
        pool_own(s, t);
        return;
    }
    struct tx_origin origin = t->origin;
    unsigned home = t->home;
    size_t raw_len = t->raw_len;
    enum tx_status status = insert(s, t);
    if (status != TX_OK)
        send_home(s, t);
    add_answer(&s->outbox[home], origin, raw_len, status);
}

// Takes a list apart as far as the array goes, asking for the transactions' memory; returns what is left of it.
static struct pooled_tx *unlink_some(struct pooled_tx *list, struct pooled_tx **out, size_t max, size_t *count)
{
    for (*count = 0; list && *count < max; list = list->sender_next) {
        pooled_tx_prefetch(list);
        out[(*count)++] = list;
    }
    return list;
}

void receive_routed(struct shard *s, struct pooled_tx *list)
{
    enum stage before = stage_enter(&s->turn.stages, STAGE_POOL);
    struct pooled_tx *some[POOL_BATCH];
    size_t total = 0;
    timeline_begin(&s->turn.timeline, pool, 0, 0);
    s->now_ns = clock_ns();
    for (size_t n; list; total += n) {
        list = unlink_some(list, some, POOL_BATCH, &n);
        prefetch_inserts(s, some, n);
        for (size_t i = 0; i < n; i++)
            pool_routed(s, some[i]);
    }
    stage_items(&s->turn.stages, STAGE_POOL, total);
    receive_take_removed(s);
    timeline_end(&s->turn.timeline, pool, total, 0);
    stage_enter(&s->turn.stages, before);
}

void receive_answers(struct shard *s, struct answer_list *answers)
{
    for (uint32_t i = 0; i < answers->count; i++) {
        const struct answer *a = &answers->items[i];
        const bytes32 *hash = a->origin.connection == ORIGIN_SUBMISSION
                                  ? &((struct submission *)(uintptr_t)a->origin.sequence)->hash
                                  : NULL;
        answer(s, a->origin, a->raw_len, a->status, hash);
    }
    free(answers);
}

void receive_released(struct shard *s, struct pooled_tx *list)
{
    for (struct pooled_tx *t = list, *next; t; t = next) {
        next = t->sender_next;
        free_tx(s, t);
    }
}

void receive_take_removed(struct shard *s)
{
    struct mempool_removed removed[64];
    size_t n;
    while ((n = mempool_take_removed(s->pool, removed, 64)) > 0) {
        for (size_t i = 0; i < n; i++) {
            if (!removed[i].tx->settled)
                tx_paths_add_left(s->paths, removed[i].tx, removed[i].reason, clock_ns());
            send_home(s, removed[i].tx);
        }
    }
}

static bool post(struct shard *s, unsigned to, uint16_t kind, void *p, size_t n)
{
    struct message m = {.kind = kind, .from = (uint16_t)s->options.index, .n = (uint32_t)n, .p = p};
    return inbox_post_below(&s->peers[to]->inbox, &m, INBOX_THREE_QUARTERS);
}

void receive_flush(struct shard *s)
{
    for (unsigned i = 0; i < s->options.count; i++) {
        struct outbox *o = &s->outbox[i];
        if (o->route.head && post(s, i, MSG_ROUTE, o->route.head, o->route.count))
            o->route = (struct tx_list){0};
        if (o->answers && post(s, i, MSG_ANSWERS, o->answers, o->answers->count))
            o->answers = NULL;
        if (o->release.head && post(s, i, MSG_RELEASE, o->release.head, o->release.count))
            o->release = (struct tx_list){0};
        // A call that was posted is another thread's already.
        for (struct shard_call *next; o->calls; o->calls = next) {
            next = o->calls->next;
            if (!post(s, i, MSG_CALL, o->calls, 0))
                break;
        }
    }
}

bool receive_outbox_empty(const struct shard *s)
{
    for (unsigned i = 0; i < s->options.count; i++) {
        const struct outbox *o = &s->outbox[i];
        if (o->route.head || o->answers || o->release.head || o->calls)
            return false;
    }
    return true;
}

void receive_publish_pool(struct shard *s)
{
    struct mempool_stats m = mempool_stats(s->pool);
    struct shard_numbers *n = &s->numbers;
    atomic_store_explicit(&n->executable, m.executable, memory_order_relaxed);
    atomic_store_explicit(&n->executable_gas, m.executable_gas, memory_order_relaxed);
    atomic_store_explicit(&n->held_back, m.held_back, memory_order_relaxed);
    atomic_store_explicit(&n->pending, m.pending, memory_order_relaxed);
    atomic_store_explicit(&n->queued, m.queued, memory_order_relaxed);
    atomic_store_explicit(&n->pool_bytes, m.bytes, memory_order_relaxed);
    atomic_store_explicit(&n->evicted, m.evicted, memory_order_relaxed);
    atomic_store_explicit(&n->replaced, m.replaced, memory_order_relaxed);
    atomic_store_explicit(&n->expired, m.expired, memory_order_relaxed);
    atomic_store_explicit(&n->dropped, m.dropped, memory_order_relaxed);
    enum pool_news news = m.executable ? NEWS_EXECUTABLE : m.held_back ? NEWS_HELD_BACK : NEWS_NOTHING;
    struct message ready = {.kind = MSG_POOL_READY, .from = (uint16_t)s->options.index};
    if (news <= s->told || inbox_post_below(s->options.coordinator, &ready, INBOX_THREE_QUARTERS))
        s->told = news;
}

void receive_publish_verify(struct shard *s)
{
    const struct verify_totals totals = verify_batch_totals(s->verify);
    const struct keccak256_lanes keccak = keccak256_lane_use();
    struct shard_numbers *n = &s->numbers;
    for (enum verify_kind k = 0; k < VERIFY_KIND_COUNT; k++) {
        atomic_store_explicit(&n->verify_batches[k], totals.batches[k], memory_order_relaxed);
        atomic_store_explicit(&n->verified[k], totals.items[k], memory_order_relaxed);
    }
    atomic_store_explicit(&n->wrong_witnesses, totals.wrong_witnesses, memory_order_relaxed);
    atomic_store_explicit(&n->slow_items, totals.slow, memory_order_relaxed);
    atomic_store_explicit(&n->signature_lanes_used, totals.lanes.used, memory_order_relaxed);
    atomic_store_explicit(&n->signature_lanes_offered, totals.lanes.offered, memory_order_relaxed);
    atomic_store_explicit(&n->keccak_lanes_used, keccak.used, memory_order_relaxed);
    atomic_store_explicit(&n->keccak_lanes_offered, keccak.offered, memory_order_relaxed);
}

void shard_pass_on(struct shard *s, unsigned to, struct shard_call *call)
{
    struct outbox *o = &s->outbox[to];
    call->next = NULL;
    if (o->calls)
        o->last_call->next = call;
    else
        o->calls = call;
    o->last_call = call;
}

// ---- the end

// The last answer to a submission; connections are closed by now.
static void answer_submission(struct tx_origin origin, enum tx_status status)
{
    struct submission *sub = (struct submission *)(uintptr_t)origin.sequence;
    if (origin.connection == ORIGIN_SUBMISSION)
        sub->done(sub, status, NULL);
}

// Transactions that nobody will pool any more.
static void abandon_list(const struct pooled_tx *list)
{
    for (; list; list = list->sender_next)
        answer_submission(list->origin, TX_STOPPING);
}

static void abandon_answers(const struct answer_list *answers)
{
    for (uint32_t i = 0; answers && i < answers->count; i++)
        answer_submission(answers->items[i].origin, answers->items[i].status);
}

static void drop_call(struct shard_call *call)
{
    if (call->dropped)
        call->dropped(call);
}

static void abandon_message(const struct message *m)
{
    switch (m->kind) {
    case MSG_CALL:
        drop_call(m->p);
        break;
    case MSG_ROUTE:
        abandon_list(m->p);
        break;
    case MSG_ANSWERS:
        abandon_answers(m->p);
        free(m->p);
        break;
    case MSG_CONNECTION:
        close((int)m->a);
        break;
    default:
        break;
    }
}

void receive_abandon(struct shard *s)
{
    struct message m;
    while (inbox_take(&s->inbox, &m, 1) == 1)
        abandon_message(&m);
    for (size_t i = 0; i < verify_batch_count(s->verify); i++)
        answer_submission(verify_batch_at(s->verify, i)->origin, TX_STOPPING);
    abandon_list(s->deferred.head);
    for (size_t i = 0; i < s->deferred_call_count; i++)
        drop_call(s->deferred_calls[i].p);
    for (unsigned i = 0; i < SHARD_MAX; i++) {
        struct outbox *o = &s->outbox[i];
        abandon_list(o->route.head);
        abandon_answers(o->answers);
        free(o->answers);
        for (struct shard_call *call = o->calls, *next; call; call = next) {
            next = call->next;
            drop_call(call);
        }
    }
}

void shard_submit(struct shard *s, struct bytes raw, struct submission *sub)
{
    struct tx_origin origin = {.connection = ORIGIN_SUBMISSION, .sequence = (uintptr_t)sub};
    if (!verify_batch_has_room(s->verify, false))
        receive_verify(s);
    enum tx_status status = receive_raw(s, raw, VERIFY_RECOVER, NULL, origin);
    if (status != TX_OK)
        sub->done(sub, status, NULL);
}

enum tx_status shard_take_forwarded(struct shard *s, struct bytes raw, const struct sv_witness *witness, unsigned peer)
{
    const struct tx_origin origin = {.connection = ORIGIN_PEER, .sequence = peer};
    if (!receive_has_memory(s))
        return TX_POOL_FULL;
    if (!verify_batch_has_room(s->verify, false))
        receive_verify(s);
    return receive_raw(s, raw, VERIFY_WITNESS, witness, origin);
}
