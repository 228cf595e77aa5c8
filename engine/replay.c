#include "engine/replay.h"

#include "base/clock.h"
#include "base/keccak.h"
#include "engine/ancestors.h"
#include "engine/assemble.h"
#include "engine/genesis_state.h"
#include "shard/trie/account_trie.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

// The transactions of a record, ready for execution. Memory is kept from block to block.
struct replay_txs {
    size_t count, cap;
    struct tx *txs;
    address *senders;
    struct bytes *messages; // of the keys
    bytes32 *keys;          // senders', then targets'
    struct exec_tx *exec;
    const struct exec_tx **list;
    struct exec_result *results;
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static void replay_txs_free(struct replay_txs *t)
{
    free(t->txs);
    free(t->senders);
    free(t->messages);
    free(t->keys);
    free(t->exec);
    free(t->list);
    free(t->results);
}

static void reserve(struct replay_txs *t, size_t count)
{
    t->count = count;
    if (count < t->cap)
        return;
    size_t cap = count * 2 + 16;
    t->cap = cap;
    t->txs = must(realloc(t->txs, cap * sizeof *t->txs));
    t->senders = must(realloc(t->senders, cap * sizeof *t->senders));
    t->messages = must(realloc(t->messages, 2 * cap * sizeof *t->messages));
    t->keys = must(realloc(t->keys, 2 * cap * sizeof *t->keys));
    t->exec = must(realloc(t->exec, cap * sizeof *t->exec));
    t->list = must(realloc(t->list, cap * sizeof *t->list));
    t->results = must(realloc(t->results, cap * sizeof *t->results));
}

static bool replay_txs_make(struct replay_txs *t, uint64_t chain_id, const struct record *r)
{
    size_t n = r->tx_count;
    reserve(t, n);
    memset(t->results, 0, (n + 1) * sizeof *t->results);
    for (size_t i = 0; i < n; i++) {
        struct record_tx x;
        record_tx_at(r, (uint32_t)i, &x);
        if (tx_decode(&t->txs[i], x.raw, chain_id) != TX_OK)
            return false;
        t->senders[i] = x.sender;
        t->messages[i] = bytes_of(t->senders[i].b, sizeof t->senders[i].b);
        t->messages[n + i] = bytes_of(t->txs[i].to.b, sizeof t->txs[i].to.b);
        t->exec[i] = (struct exec_tx){&t->txs[i], &t->senders[i], &t->keys[i], &t->keys[n + i], (uint32_t)i};
        t->list[i] = &t->exec[i];
    }
    keccak256_batch(t->keys, t->messages, 2 * n);
    return true;
}

static bool results_match(const struct replay_txs *t, const struct record *r)
{
    uint64_t gas = 0;
    for (uint32_t i = 0; i < r->tx_count; i++) {
        struct record_tx x;
        record_tx_at(r, i, &x);
        gas += t->results[i].gas_used;
        const struct exec_logs *logs = t->results[i].logs;
        if (t->results[i].drop != TX_OK || x.cumulative_gas != gas || x.success != t->results[i].success ||
            !bytes_equal(x.logs, logs ? logs->rlp : (struct bytes){0}))
            return false;
    }
    return gas == r->header.gas_used;
}

static bool differs(char error[STORE_ERROR_MAX], uint64_t height, const char *what)
{
    snprintf(error, STORE_ERROR_MAX, "block %" PRIu64 " does not execute as it did: %s", height, what);
    return false;
}

bool replay_block(struct exec_machine *machine, struct state **states, uint64_t chain_id,
                  const struct exec_ancestors *ancestors, const struct record *r, char error[STORE_ERROR_MAX])
{
    struct replay_txs t = {0};
    const struct exec_env env = assembly_env(chain_id, &r->header, ancestors);
    bool good = replay_txs_make(&t, chain_id, r);
    if (good) {
        exec_serial(machine, states, &env, t.list, t.count, t.results);
        good = results_match(&t, r);
    }
    replay_txs_free(&t);
    return good || differs(error, r->header.number, "the state or the log is damaged");
}

// ---- a whole chain, on threads that meet at barriers

struct replay;

struct worker {
    struct replay *replay;
    unsigned index;
    pthread_t thread;
    struct arena *arena;
    struct exec_machine *machine;
    struct exec_shard *exec;
    struct state *states[PARTITION_COUNT]; // the own ones
    struct account_trie *tries[PARTITION_COUNT];
    unsigned trie_count;
    struct exec_tx *own; // of the block under way
    size_t own_count, own_cap;
};

struct replay {
    const struct genesis *genesis;
    struct replay_options options;
    struct codes *codes;
    struct exec_ancestors ancestors;
    struct state *states[PARTITION_COUNT];
    struct subroot *subroots;
    struct worker *workers;
    pthread_barrier_t barrier;    // of the workers and the main thread
    pthread_barrier_t rounds;     // of the workers
    struct exec_machine *machine; // of the serial path and the global pass, which worker 0 runs
    bool stop;
    // The block under way.
    const struct record *record;
    struct replay_txs txs;
    struct exec_env env;
    uint64_t execute_ns, trie_ns;
};

static void meet(struct replay *x)
{
    pthread_barrier_wait(&x->barrier);
}

static void meet_workers(struct replay *x)
{
    pthread_barrier_wait(&x->rounds);
}

// A pass's own part is done: takes what the others have for this worker.
static void take_parcels(struct worker *w, enum exec_pass pass)
{
    struct replay *x = w->replay;
    meet_workers(x);
    for (unsigned i = 0; i < x->options.threads; i++)
        exec_take(w->exec, pass, exec_parcel(x->workers[i].exec, pass, w->index));
    meet_workers(x);
}

// Those of the worker's transactions that are below `end` in B, from *at on.
static void run_round(struct worker *w, unsigned round, size_t *at, size_t end)
{
    const size_t first = *at;
    while (*at < w->own_count && w->own[*at].index < end)
        ++*at;
    exec_add(w->exec, w->own + first, *at - first);
    exec_senders(w->exec, round);
    take_parcels(w, EXEC_SENDERS);
    if (exec_has_calls(w->exec)) {
        exec_calls(w->exec);
        exec_finish_logs(w->machine);
        take_parcels(w, EXEC_CALLS);
    }
}

// The rest of B, and whatever should have been done in rounds and wasn't: the comparison will show that.
static void run_global(struct replay *x, size_t from)
{
    const struct exec_tx **all = must(malloc((x->txs.count + 1) * sizeof *all));
    size_t count = x->txs.count - from;
    u256 fees = U256_ZERO;
    memcpy(all, x->txs.list + from, count * sizeof *all);
    for (unsigned i = 0; i < x->options.threads; i++) {
        const u256 part = exec_fees(x->workers[i].exec);
        const struct exec_tx **left_over;
        const size_t n = exec_left_over(x->workers[i].exec, &left_over);
        u256_add(&fees, &fees, &part);
        if (n > 0)
            memcpy(all + count, left_over, n * sizeof *all);
        count += n;
    }
    exec_global(x->machine, x->states, &x->env, &fees, all, count, x->txs.results);
    exec_finish_logs(x->machine);
    free(all);
}

// As the block was executed: the record tells how many transactions each round has.
static void run_in_rounds(struct worker *w)
{
    struct replay *x = w->replay;
    const struct exec_counts *counts = &x->record->counts;
    size_t at = 0, end = 0;
    exec_begin(w->exec, &x->env, NULL, 0, x->txs.results);
    meet_workers(x); // all states are open, for who has the global pass
    for (unsigned round = 0; round < EXEC_ROUNDS_MAX; round++) {
        const size_t count = counts->of[round][EXEC_SENDERS] + counts->of[round][EXEC_CALLS];
        end += count;
        if (count > 0)
            run_round(w, round, &at, end);
    }
    meet_workers(x);
    if (w->index == 0)
        run_global(x, end);
    meet_workers(x);
    exec_end(w->exec);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct replay *x = w->replay;
    arena_adopt(w->arena);
    account_trie_rebuild(w->tries, w->trie_count);
    for (;;) {
        meet(x); // a block is there, or the end
        if (x->stop)
            return NULL;
        uint64_t start = clock_ns();
        if (x->options.parallel)
            run_in_rounds(w);
        else if (w->index == 0)
            exec_serial(x->machine, x->states, &x->env, x->txs.list, x->txs.count, x->txs.results);
        meet(x);
        uint64_t executed = clock_ns();
        account_trie_update(w->tries, w->trie_count);
        unsigned first = partition_first(w->index, x->options.threads);
        for (unsigned i = 0; i < w->trie_count; i++)
            account_trie_subroot(w->tries[i], &x->subroots[first + i]);
        meet(x); // the block is done
        if (w->index == 0) {
            x->execute_ns += executed - start;
            x->trie_ns += clock_ns() - executed;
        }
    }
}

static void share_out(struct replay *x)
{
    for (unsigned i = 0; i < x->options.threads; i++) {
        struct worker *w = &x->workers[i];
        w->own_count = 0;
        if (w->own_cap < x->txs.count) {
            w->own_cap = x->txs.count * 2;
            w->own = must(realloc(w->own, w->own_cap * sizeof *w->own));
        }
    }
    for (size_t i = 0; i < x->txs.count; i++) {
        unsigned owner = partition_owner(partition_of_key(x->txs.exec[i].sender_key), x->options.threads);
        struct worker *w = &x->workers[owner];
        w->own[w->own_count++] = x->txs.exec[i];
    }
}

// Did every transaction run in the round and pass that the record says?
static bool passes_match(const struct replay *x)
{
    struct exec_counts counts;
    uint32_t *order = must(malloc((x->txs.count + 1) * sizeof *order));
    bool same = exec_order(order, &counts, x->txs.results, x->txs.count) == x->txs.count &&
                memcmp(&counts, &x->record->counts, sizeof counts) == 0;
    for (size_t i = 0; same && i < x->txs.count; i++)
        same = order[i] == i;
    free(order);
    return same;
}

static bool one_block(struct replay *x, const struct record *r, char error[STORE_ERROR_MAX])
{
    x->record = r;
    if (!replay_txs_make(&x->txs, x->genesis->chain_id, r))
        return differs(error, r->header.number, "a transaction can't be decoded");
    x->env = assembly_env(x->genesis->chain_id, &r->header, &x->ancestors);
    if (x->options.parallel)
        share_out(x);
    meet(x); // the workers begin
    meet(x); // executed
    meet(x); // hashed
    ancestors_add(&x->ancestors, r->header.number, &r->block_hash);
    if (!results_match(&x->txs, r))
        return differs(error, r->header.number, "a transaction's status, gas or logs");
    if (x->options.parallel && !passes_match(x))
        return differs(error, r->header.number, "the pass of a transaction");
    bytes32 root = state_root_join(x->subroots);
    return bytes32_equal(&root, &r->header.state_root) || differs(error, r->header.number, "the state root");
}

static void start(struct replay *x)
{
    unsigned n = x->options.threads;
    x->codes = codes_create(evm_rules_of(EVM_CANCUN));
    genesis_add_codes(x->genesis, x->codes);
    x->subroots = must(calloc(PARTITION_COUNT, sizeof *x->subroots));
    x->workers = must(calloc(n, sizeof *x->workers));
    const bytes32 genesis_hash = header_hash(&x->genesis->header);
    ancestors_add(&x->ancestors, 0, &genesis_hash);
    for (unsigned i = 0; i < n; i++) {
        struct worker *w = &x->workers[i];
        *w = (struct worker){.replay = x, .index = i, .arena = arena_create()};
        for (unsigned p = partition_first(i, n); p < partition_first(i + 1, n); p++) {
            x->states[p] = state_create(w->arena);
            state_use_codes(x->states[p], x->codes);
            state_load_begin(x->states[p], 0);
            w->tries[w->trie_count++] = account_trie_create(w->arena, x->states[p]);
        }
    }
    struct state_batch records = {0};
    (void)genesis_records(&records, x->genesis);
    genesis_load_records(&records, x->states, 0, PARTITION_COUNT);
    state_batch_free(&records);
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        state_load_end(x->states[p]);
        state_set_height(x->states[p], 0);
    }
    for (unsigned i = 0; i < n; i++) {
        struct worker *w = &x->workers[i];
        for (unsigned p = partition_first(i, n); p < partition_first(i + 1, n); p++)
            w->states[p] = x->states[p];
        w->machine = must(exec_machine_create(w->arena, x->codes));
        w->exec = exec_create(w->arena, i, n, w->states, w->machine);
    }
    x->machine = must(exec_machine_create(x->workers[0].arena, x->codes));
    pthread_barrier_init(&x->barrier, NULL, n + 1);
    pthread_barrier_init(&x->rounds, NULL, n);
    for (unsigned i = 0; i < n; i++) {
        if (pthread_create(&x->workers[i].thread, NULL, worker_main, &x->workers[i]) != 0)
            abort();
    }
}

static void finish(struct replay *x)
{
    x->stop = true;
    meet(x);
    for (unsigned i = 0; i < x->options.threads; i++)
        pthread_join(x->workers[i].thread, NULL);
    exec_machine_free(x->machine);
    for (unsigned i = 0; i < x->options.threads; i++) {
        struct worker *w = &x->workers[i];
        exec_free(w->exec);
        exec_machine_free(w->machine);
        for (unsigned j = 0; j < w->trie_count; j++)
            account_trie_free(w->tries[j]);
        for (unsigned p = partition_first(i, x->options.threads); p < partition_first(i + 1, x->options.threads); p++)
            state_free(x->states[p]);
        arena_destroy(w->arena);
        free(w->own);
    }
    codes_free(x->codes);
    pthread_barrier_destroy(&x->barrier);
    pthread_barrier_destroy(&x->rounds);
    replay_txs_free(&x->txs);
    free(x->workers);
    free(x->subroots);
}

bool replay_chain(struct replay_report *out, const struct genesis *genesis, struct blog *blog,
                  const struct replay_options *options, char error[STORE_ERROR_MAX])
{
    *out = (struct replay_report){0};
    const uint64_t last = options->to ? options->to : blog_last(blog);
    if (last > 0 && blog_first(blog) != 1) {
        snprintf(error, STORE_ERROR_MAX,
                 "the log starts at block %" PRIu64 ": earlier bodies are gone, and replay starts from "
                 "the genesis",
                 blog_first(blog));
        return false;
    }
    struct replay x = {.genesis = genesis, .options = *options};
    start(&x);
    bool good = true;
    for (uint64_t h = 1; good && h <= last; h++) {
        size_t len;
        uint8_t *bytes = blog_read(blog, h, &len, error);
        struct record record;
        good = bytes && (record_decode(&record, bytes_of(bytes, len)) || differs(error, h, "it can't be decoded")) &&
               one_block(&x, &record, error);
        if (good) {
            out->blocks++;
            out->transactions += record.tx_count;
            if (options->progress)
                options->progress(options->ctx, h, out->transactions);
        }
        free(bytes);
    }
    finish(&x);
    out->execute_ns = x.execute_ns;
    out->trie_ns = x.trie_ns;
    return good;
}
