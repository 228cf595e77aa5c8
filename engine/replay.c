#include "engine/replay.h"

#include "base/clock.h"
#include "base/keccak.h"
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
        t->exec[i] = (struct exec_tx){&t->txs[i], &t->keys[i], &t->keys[n + i], (uint32_t)i};
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
        if (t->results[i].drop != TX_OK || x.cumulative_gas != gas || x.success != t->results[i].success)
            return false;
    }
    return gas == r->header.gas_used;
}

static struct exec_env env_of(uint64_t chain_id, const struct header *h)
{
    return (struct exec_env){.chain_id = chain_id,
                             .number = h->number,
                             .gas_limit = h->gas_limit,
                             .base_fee = h->base_fee,
                             .coinbase = h->coinbase,
                             .coinbase_key = keccak256(h->coinbase.b, sizeof h->coinbase.b)};
}

static bool differs(char error[STORE_ERROR_MAX], uint64_t height, const char *what)
{
    snprintf(error, STORE_ERROR_MAX, "block %" PRIu64 " does not execute as it did: %s", height, what);
    return false;
}

static bool run_serially(struct state **states, uint64_t chain_id, const struct record *r, struct replay_txs *t)
{
    struct exec_env env = env_of(chain_id, &r->header);
    u256 none = U256_ZERO;
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_begin_block(states[p], r->header.number);
    exec_global(states, &env, &none, t->list, t->count, t->results);
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_end_block(states[p]);
    return results_match(t, r);
}

bool replay_block(struct state **states, uint64_t chain_id, const struct record *r, char error[STORE_ERROR_MAX])
{
    struct replay_txs t = {0};
    bool good = replay_txs_make(&t, chain_id, r) && run_serially(states, chain_id, r, &t);
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
    struct state *states[PARTITION_COUNT];
    struct subroot *subroots;
    struct worker *workers;
    pthread_barrier_t barrier;
    bool stop;
    // The block under way.
    const struct record *record;
    struct replay_txs txs;
    struct exec_env env;
    bool round_again, serial_good;
    uint64_t execute_ns, trie_ns;
};

static void meet(struct replay *x)
{
    pthread_barrier_wait(&x->barrier);
}

// Worker 0 decides, while the others wait, whether another round is due; if not it runs the global pass.
static void decide(struct replay *x, unsigned round)
{
    struct exec_progress total = {0};
    u256 fees = U256_ZERO;
    for (unsigned i = 0; i < x->options.threads; i++) {
        struct exec_progress p = exec_progress(x->workers[i].exec);
        u256 own = exec_fees(x->workers[i].exec);
        total.waiting += p.waiting;
        total.changed |= p.changed;
        u256_add(&fees, &fees, &own);
    }
    x->round_again = total.waiting > 0 && total.changed && round + 1 < EXEC_ROUNDS_MAX;
    if (x->round_again)
        return;
    const struct exec_tx **waiting = must(malloc((total.waiting + 1) * sizeof *waiting));
    size_t count = 0;
    for (unsigned i = 0; i < x->options.threads; i++) {
        const struct exec_tx **own;
        size_t n = exec_waiting(x->workers[i].exec, &own);
        if (n > 0)
            memcpy(waiting + count, own, n * sizeof *own);
        count += n;
    }
    exec_global(x->states, &x->env, &fees, waiting, count, x->txs.results);
    free(waiting);
}

static void run_in_rounds(struct worker *w)
{
    struct replay *x = w->replay;
    exec_begin(w->exec, &x->env, w->own, w->own_count, x->txs.results);
    for (unsigned round = 0;; round++) {
        exec_round(w->exec, round);
        meet(x);
        for (unsigned i = 0; i < x->options.threads; i++)
            exec_apply(w->exec, exec_outgoing(x->workers[i].exec, w->index));
        meet(x);
        if (w->index == 0)
            decide(x, round);
        meet(x);
        if (!x->round_again)
            break;
    }
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
            x->serial_good = run_serially(x->states, x->genesis->chain_id, x->record, &x->txs);
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

static bool all_included(const struct replay *x)
{
    uint64_t gas = 0;
    for (size_t i = 0; i < x->txs.count; i++) {
        if (x->txs.results[i].drop != TX_OK)
            return false;
        gas += x->txs.results[i].gas_used;
    }
    return gas == x->record->header.gas_used;
}

static bool one_block(struct replay *x, const struct record *r, char error[STORE_ERROR_MAX])
{
    x->record = r;
    if (!replay_txs_make(&x->txs, x->genesis->chain_id, r))
        return differs(error, r->header.number, "a transaction can't be decoded");
    x->env = env_of(x->genesis->chain_id, &r->header);
    if (x->options.parallel)
        share_out(x);
    meet(x); // the workers begin
    do {
        for (int i = 0; x->options.parallel && i < 3; i++)
            meet(x);
    } while (x->options.parallel && x->round_again);
    meet(x); // executed
    meet(x); // hashed
    if (x->options.parallel ? !all_included(x) : !x->serial_good)
        return differs(error, r->header.number, "a transaction's status or gas");
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
        w->exec = exec_create(w->arena, i, n, w->states);
    }
    pthread_barrier_init(&x->barrier, NULL, n + 1);
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
    for (unsigned i = 0; i < x->options.threads; i++) {
        struct worker *w = &x->workers[i];
        exec_free(w->exec);
        for (unsigned j = 0; j < w->trie_count; j++)
            account_trie_free(w->tries[j]);
        for (unsigned p = partition_first(i, x->options.threads); p < partition_first(i + 1, x->options.threads); p++)
            state_free(x->states[p]);
        arena_destroy(w->arena);
        free(w->own);
    }
    pthread_barrier_destroy(&x->barrier);
    replay_txs_free(&x->txs);
    free(x->workers);
    free(x->subroots);
    codes_free(x->codes);
}

bool replay_chain(struct replay_report *out, const struct genesis *genesis, struct blog *blog,
                  const struct replay_options *options, char error[STORE_ERROR_MAX])
{
    *out = (struct replay_report){0};
    uint64_t last = options->to && options->to < blog_last(blog) ? options->to : blog_last(blog);
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
