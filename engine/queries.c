#include "engine/queries.h"

#include "sigverify/sigverify.h"

#include <stdlib.h>

// Submissions that would not fill the lanes so many times go to one shard: kernels work on two rounds side by side.
#define PARCEL_ROUNDS 2

struct queries {
    struct shard **shards;
    unsigned shard_count;
    struct rpc *rpc;
    unsigned next; // round the shards, for submissions
    struct call_lanes *lanes;
    const struct codes *codes;
    struct root_history *roots;
};

// A question under way.
struct question {
    struct shard_call call;
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

// Submissions on their way to one shard. Each is answered by itself; the last answer frees them.
struct parcel;
struct parcel_item {
    struct submission submission;
    struct parcel *parcel;
    struct rpc_query *query;
};
struct parcel {
    struct shard_call call;
    struct queries *owner;
    size_t count, open; // open: not yet answered, and one while they are being submitted
    struct parcel_item items[];
};

static void parcel_release(struct parcel *p)
{
    if (--p->open == 0)
        free(p);
}

static void submitted(struct submission *sub, enum tx_status status, const bytes32 *hash)
{
    struct parcel_item *item = (struct parcel_item *)((char *)sub - offsetof(struct parcel_item, submission));
    struct rpc_query *query = item->query;
    query->status = status;
    if (hash)
        query->hash = *hash;
    rpc_complete(item->parcel->owner->rpc, query);
    parcel_release(item->parcel);
}

static void run_submit(struct shard *s, struct shard_call *call)
{
    struct parcel *p = (struct parcel *)call;
    for (size_t i = 0; i < p->count; i++)
        shard_submit(s, bytes_of(p->items[i].query->raw, p->items[i].query->raw_len), &p->items[i].submission);
    parcel_release(p);
}

static void submit_dropped(struct shard_call *call)
{
    struct parcel *p = (struct parcel *)call;
    for (size_t i = 0; i < p->count; i++)
        rpc_complete(p->owner->rpc, p->items[i].query);
    free(p);
}

static bool send_parcel(struct queries *q, struct rpc_query *const *queries, size_t count)
{
    struct parcel *p = calloc(1, sizeof *p + count * sizeof p->items[0]);
    if (!p)
        return false;
    p->call.run = run_submit;
    p->call.dropped = submit_dropped;
    p->owner = q;
    p->count = count;
    p->open = count + 1;
    for (size_t i = 0; i < count; i++) {
        p->items[i] = (struct parcel_item){{.done = submitted}, p, queries[i]};
        queries[i]->found = 0;
        queries[i]->status = TX_OK;
    }
    if (shard_run(q->shards[q->next++ % q->shard_count], &p->call))
        return true;
    free(p);
    return false;
}

size_t queries_submit(void *ctx, struct rpc_query *const *queries, size_t count)
{
    struct queries *q = ctx;
    const size_t least = PARCEL_ROUNDS * sv_lane_count(), even = (count + q->shard_count - 1) / q->shard_count;
    const size_t part = even > least ? even : least;
    size_t sent = 0;
    while (sent < count) {
        const size_t n = count - sent < part ? count - sent : part;
        if (!send_parcel(q, queries + sent, n))
            break;
        sent += n;
    }
    return sent;
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

static void read_code(const struct state *state, const struct codes *codes, struct rpc_query *r)
{
    struct account_contract contract;
    r->found = state_contract_at(state, &r->key, r->height, &contract);
    if (r->found < 0)
        return;
    const struct evm_code *code = codes_find(codes, &contract.code_hash);
    r->raw_len = code->len;
    r->raw = malloc(code->len + 1);
    if (!r->raw)
        abort();
    memcpy(r->raw, code->bytes, code->len);
}

static void read_slot(const struct state *state, struct rpc_query *r)
{
    const u256 slot = u256_from_be(r->hash.b, sizeof r->hash.b);
    u256 value;
    r->found = state_slot_at(state, &r->key, &slot, r->height, &value);
    if (r->found >= 0)
        u256_to_be(r->hash.b, &value);
}

static void make_proof(struct shard *s, unsigned count, struct root_history *roots, struct rpc_query *r)
{
    const unsigned partition = partition_of_key(&r->key), first = partition_first(shard_index(s), count);
    struct rpc_proof *p = r->proof;
    const int follows = root_history_prove(roots, r->height, &r->key, &p->nodes);
    r->found =
        follows < 0 ? -1 : account_trie_prove(&p->account, shard_tries(s)[partition - first], &r->key, r->height);
    if (follows > 0 && r->found >= 0)
        proof_append(&p->nodes, &p->account.account_nodes);
}

// What is read of an account's code and storage.
static void run_read(struct shard *s, struct shard_call *call)
{
    struct question *q = (struct question *)call;
    struct rpc_query *r = q->query;
    const struct state *state = shard_states(s)[partition_of_key(&r->key)];
    if (r->kind == RPC_CODE)
        read_code(state, q->owner->codes, r);
    else if (r->kind == RPC_SLOT)
        read_slot(state, r);
    else
        make_proof(s, q->owner->shard_count, q->owner->roots, r);
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

static void find_path(struct shard *s, struct rpc_query *r)
{
    struct mempool_found found;
    const struct tx_path *path = tx_paths_find(shard_paths(s), &r->hash);
    r->shard = shard_index(s);
    if (mempool_find(shard_pool(s), &r->hash, &found)) {
        r->found = found.pending ? 1 : 2;
        r->path = tx_path_of_pooled(found.tx);
    } else if (path) {
        r->found = 3;
        r->path = *path;
    } else if (r->status == TX_OK) {
        r->status = mempool_drop_reason(shard_pool(s), &r->hash);
    }
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
    else if (r->kind == RPC_PATH)
        find_path(s, r);
    else if (r->kind == RPC_POOL_STATS)
        add_stats(s, r);
    else
        mempool_visit(shard_pool(s), add_entry, r);
    bool answered = (r->kind == RPC_POOL_FIND || r->kind == RPC_PATH) && r->found;
    if (answered || ++r->next_shard >= q->owner->shard_count)
        complete(q);
    else
        shard_pass_on(s, r->next_shard, &q->call);
}

static unsigned first_shard(struct queries *q, struct rpc_query *r, struct question *question)
{
    switch (r->kind) {
    case RPC_ACCOUNT:
        question->call.run = run_account;
        return partition_owner(partition_of_key(&r->key), q->shard_count);
    case RPC_CODE:
    case RPC_SLOT:
    case RPC_PROOF:
        question->call.run = run_read;
        return partition_owner(partition_of_key(&r->key), q->shard_count);
    default:
        question->call.run = run_pool;
        r->next_shard = 0;
        return 0;
    }
}

static void called(void *ctx, struct call_request *request)
{
    (void)request;
    complete(ctx);
}

static bool ask_call(struct queries *q, struct rpc_query *query)
{
    struct question *question = calloc(1, sizeof *question);
    if (!question)
        return false;
    question->owner = q;
    question->query = query;
    if (call_lanes_run(q->lanes, query->call, &query->key, called, question))
        return true;
    free(question);
    return false;
}

bool queries_ask(void *ctx, struct rpc_query *query)
{
    struct queries *q = ctx;
    if (query->kind == RPC_CALL)
        return ask_call(q, query);
    if (query->kind == RPC_SUBMIT)
        return queries_submit(q, &query, 1) == 1;
    struct question *question = calloc(1, sizeof *question);
    if (!question)
        return false;
    question->owner = q;
    question->query = query;
    question->call.dropped = dropped;
    query->found = 0;
    query->status = TX_OK;
    unsigned shard = first_shard(q, query, question);
    if (shard_run(q->shards[shard], &question->call))
        return true;
    free(question);
    return false;
}

struct queries *queries_create(struct shard **shards, unsigned shard_count, const struct codes *codes,
                               struct root_history *roots)
{
    struct queries *q = calloc(1, sizeof *q);
    if (!q)
        abort();
    q->shards = shards;
    q->shard_count = shard_count;
    q->codes = codes;
    q->roots = roots;
    q->lanes = call_lanes_create(shards, shard_count, evm_rules_of(EVM_CANCUN), codes);
    return q;
}

void queries_set_rpc(struct queries *q, struct rpc *rpc)
{
    q->rpc = rpc;
}

const struct call_lanes *queries_lanes(const struct queries *q)
{
    return q->lanes;
}

void queries_free(struct queries *q)
{
    call_lanes_free(q->lanes);
    free(q);
}
