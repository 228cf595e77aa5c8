#include "engine/queries.h"

#include <stdlib.h>

struct queries {
    struct shard **shards;
    unsigned shard_count;
    struct rpc *rpc;
    unsigned next; // round the shards, for submissions
};

// A question under way.
struct question {
    struct shard_call call;
    struct submission submission;
    struct queries *owner;
    struct rpc_query *query;
};

static void complete(struct question *q)
{
    rpc_complete(q->owner->rpc, q->query);
    free(q);
}

static void dropped(struct shard_call *call)
{
    complete((struct question *)call);
}

static void submitted(struct submission *sub, enum tx_status status, const bytes32 *hash)
{
    struct question *q = (struct question *)((char *)sub - offsetof(struct question, submission));
    q->query->status = status;
    if (hash)
        q->query->hash = *hash;
    complete(q);
}

static void run_submit(struct shard *s, struct shard_call *call)
{
    struct question *q = (struct question *)call;
    shard_submit(s, bytes_of(q->query->raw, q->query->raw_len), &q->submission);
}

static void run_account(struct shard *s, struct shard_call *call)
{
    struct question *q = (struct question *)call;
    struct rpc_query *r = q->query;
    const struct state *state = shard_states(s)[partition_of_key(&r->key)];
    r->account = (struct account){0};
    r->found = state_get_at(state, &r->key, r->height, &r->account);
    if (r->pending)
        r->account.nonce = mempool_next_nonce(shard_pool(s), &r->key, r->account.nonce);
    complete(q);
}

static void find_in(struct shard *s, struct rpc_query *r)
{
    struct mempool_found found;
    if (mempool_find(shard_pool(s), &r->hash, &found)) {
        r->found = found.pending ? 1 : 2;
        r->sender = found.tx->sender;
        r->raw_len = found.tx->raw_len;
        r->raw = malloc(r->raw_len);
        if (!r->raw)
            abort();
        memcpy(r->raw, found.tx->raw, r->raw_len);
        return;
    }
    enum tx_status reason = mempool_drop_reason(shard_pool(s), &r->hash);
    if (reason != TX_OK)
        r->status = reason;
}

static void add_stats(struct shard *s, struct rpc_query *r)
{
    struct mempool_stats m = mempool_stats(shard_pool(s));
    r->stats.pending += m.pending;
    r->stats.queued += m.queued;
    r->stats.bytes += m.bytes;
    r->stats.executable += m.executable;
    r->stats.executable_gas += m.executable_gas;
    r->stats.held_back += m.held_back;
    r->stats.evicted += m.evicted;
    r->stats.replaced += m.replaced;
    r->stats.expired += m.expired;
    r->stats.dropped += m.dropped;
}

static bool add_entry(void *ctx, const struct pooled_tx *t, bool pending)
{
    struct rpc_query *r = ctx;
    if (r->entry_count == r->entry_max)
        return false;
    struct rpc_pool_entry *grown = realloc(r->entries, (r->entry_count + 1) * sizeof *grown);
    if (!grown)
        abort();
    r->entries = grown;
    struct rpc_pool_entry *e = &grown[r->entry_count++];
    *e = (struct rpc_pool_entry){malloc(t->raw_len), t->raw_len, t->hash, t->sender, pending};
    if (!e->raw)
        abort();
    memcpy(e->raw, t->raw, t->raw_len);
    return true;
}

// Adds this shard's part, and passes the question on or completes it.
static void run_pool(struct shard *s, struct shard_call *call)
{
    struct question *q = (struct question *)call;
    struct rpc_query *r = q->query;
    if (r->kind == RPC_POOL_FIND)
        find_in(s, r);
    else if (r->kind == RPC_POOL_STATS)
        add_stats(s, r);
    else
        mempool_visit(shard_pool(s), add_entry, r);
    bool answered = r->kind == RPC_POOL_FIND && r->found;
    if (answered || ++r->next_shard >= q->owner->shard_count)
        complete(q);
    else
        shard_pass_on(s, r->next_shard, &q->call);
}

static unsigned first_shard(struct queries *q, struct rpc_query *r, struct question *question)
{
    switch (r->kind) {
    case RPC_SUBMIT:
        question->call.run = run_submit;
        return q->next++ % q->shard_count;
    case RPC_ACCOUNT:
        question->call.run = run_account;
        return partition_owner(partition_of_key(&r->key), q->shard_count);
    default:
        question->call.run = run_pool;
        r->next_shard = 0;
        return 0;
    }
}

bool queries_ask(void *ctx, struct rpc_query *query)
{
    struct queries *q = ctx;
    struct question *question = calloc(1, sizeof *question);
    if (!question)
        return false;
    question->owner = q;
    question->query = query;
    question->submission.done = submitted;
    question->call.dropped = dropped;
    query->found = 0;
    query->status = TX_OK;
    unsigned shard = first_shard(q, query, question);
    if (shard_run(q->shards[shard], &question->call))
        return true;
    free(question);
    return false;
}

struct queries *queries_create(struct shard **shards, unsigned shard_count)
{
    struct queries *q = calloc(1, sizeof *q);
    if (!q)
        abort();
    q->shards = shards;
    q->shard_count = shard_count;
    return q;
}

void queries_set_rpc(struct queries *q, struct rpc *rpc)
{
    q->rpc = rpc;
}

void queries_free(struct queries *q)
{
    free(q);
}
