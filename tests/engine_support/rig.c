#include "tests/engine_support/rig.h"

#include "base/clock.h"
#include "base/keccak.h"
#include "base/remove_tree.h"
#include "engine/coordinator.h"
#include "engine/genesis_state.h"
#include "engine/net/listen.h"
#include "engine/recover.h"
#include "engine/store/data_folder.h"
#include "engine/store/disk_uring.h"
#include "sigverify/sigverify.h"
#include "tests/engine_support/failing_disk.h"
#include "tests/support/test_folder.h"
#include "tests/support/vectors.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCKS_MAX 65536

struct list_gate {
    struct order order;
    struct rig *rig;
};

struct rig {
    struct rig_options options;
    char folder[TEST_FOLDER_MAX];
    struct genesis genesis;
    struct data_folder *data;
    struct checkpoint *checkpoint;
    struct codes *codes;
    struct disk *disk;
    struct failing_disk *failing; // before it, when options ask for it
    struct blog *blog;
    struct shard *shards[SHARD_MAX];
    struct inbox inbox;
    struct list_gate gate;
    struct order *solo;
    struct coordinator *coordinator;
    int listen_fd;
    _Atomic bool failed;
    char failure[256]; // written before failed
    _Atomic bool open;
    _Atomic uint64_t time_ms;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct bytes blocks[BLOCKS_MAX]; // by height
    uint64_t height, included, submitted, accepted, refused;
};

static uint64_t default_to(uint64_t given, uint64_t otherwise)
{
    return given ? given : otherwise;
}

static void die(const char *what)
{
    fprintf(stderr, "rig: %s\n", what);
    abort();
}

// ---- the gate as an ordering

static uint64_t gate_next_start(const struct order *o, const struct order_parent *parent, uint64_t last_start_ns,
                                const struct order_now *now)
{
    (void)parent;
    (void)last_start_ns;
    const struct rig *r = ((const struct list_gate *)o)->rig;
    return r->options.free_running || atomic_load(&r->open) ? now->ns : UINT64_MAX;
}

static int by_hash(const void *a, const void *b)
{
    const struct exec_tx *x = a, *y = b;
    return memcmp(((const struct pooled_tx *)x->tx)->hash.b, ((const struct pooled_tx *)y->tx)->hash.b, 32);
}

static int by_falling_nonce(const void *a, const void *b)
{
    const struct exec_tx *x = a, *y = b;
    return (x->tx->nonce < y->tx->nonce) - (x->tx->nonce > y->tx->nonce);
}

static void gate_seal(struct order *o, struct ordered *out, const struct order_parent *parent, struct exec_tx *txs,
                      size_t count, const struct order_now *now)
{
    struct rig *r = ((struct list_gate *)o)->rig;
    qsort(txs, count, sizeof *txs, by_hash);
    uint64_t random = r->options.seed + parent->height;
    for (size_t i = count; i > 1; i--) {
        size_t j = test_random(&random) % i;
        struct exec_tx t = txs[i - 1];
        txs[i - 1] = txs[j];
        txs[j] = t;
    }
    if (r->options.last_first)
        qsort(txs, count, sizeof *txs, by_falling_nonce);
    *out = (struct ordered){0};
    out->time_ms = r->options.free_running ? now->wall_ms : atomic_load(&r->time_ms);
    out->coinbase = r->genesis.accounts[0].addr;
    uint8_t named[48];
    memcpy(named, parent->digest.b, 32);
    store_le64(named + 32, parent->height + 1);
    store_le64(named + 40, out->time_ms);
    out->digest = keccak256(named, sizeof named);
    atomic_store(&r->open, false);
}

static void gate_end(struct order *o)
{
    (void)o;
}

static const struct order_ops gate_ops = {gate_next_start, gate_seal, gate_end};

// ---- durable blocks

static void block_durable(void *ctx, uint64_t height, uint8_t *record, size_t len, struct blog_place place)
{
    (void)place;
    struct rig *r = ctx;
    struct record decoded;
    if (height >= BLOCKS_MAX || !record_decode(&decoded, bytes_of(record, len)))
        die("a durable block can't be decoded");
    pthread_mutex_lock(&r->lock);
    r->blocks[height] = bytes_of(record, len);
    r->height = height;
    r->included += decoded.tx_count;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void failed(void *ctx, const char *why)
{
    struct rig *r = ctx;
    if (!r->options.writes_until_failure)
        die(why);
    snprintf(r->failure, sizeof r->failure, "%s", why);
    atomic_store(&r->failed, true);
}

// ---- starting

static void make_genesis(struct rig *r)
{
    struct genesis *g = &r->genesis;
    genesis_dev(g);
    genesis_free(g);
    g->accounts = calloc(r->options.senders, sizeof *g->accounts);
    g->account_count = r->options.senders;
    g->header.gas_limit = r->options.gas_limit;
    g->subsecond = !r->options.whole_seconds;
    if (r->options.base_fee)
        g->header.base_fee = u256_from_u64(r->options.base_fee);
    for (size_t i = 0; i < r->options.senders; i++) {
        bytes32 key = bench_key(r->options.seed, i);
        uint8_t public_key[64];
        if (!sv_public_key(public_key, &key))
            die("a key is not valid");
        g->accounts[i] = (struct genesis_account){.addr = sv_address(public_key), .balance = r->options.balance};
    }
}

static void open_store(struct rig *r, char *error)
{
    struct state_batch records = {0};
    r->genesis.header.state_root = genesis_records(&records, &r->genesis);
    bytes32 hash = header_hash(&r->genesis.header), at_hash;
    uint64_t at;
    bool complete;
    r->data = data_folder_open(r->folder, &r->genesis.header, error);
    if (!r->data)
        die(error);
    r->checkpoint = checkpoint_open(data_folder_state_dir(r->data), &hash, &at, &at_hash, &complete, error);
    r->codes = codes_create(evm_rules_of(EVM_CANCUN));
    if (!r->checkpoint || !checkpoint_load_codes(r->checkpoint, r->codes, error))
        die(error);
    genesis_add_codes(&r->genesis, r->codes);
    if (!complete && !checkpoint_write_initial(r->checkpoint, &records, &hash, error))
        die(error);
    state_batch_free(&records);
    r->disk = disk_uring_open(data_folder_log_dir(r->data), error);
    const struct blog_options options = {.genesis_hash = hash,
                                         .segment_bytes = default_to(r->options.segment_bytes, 1u << 24),
                                         .verify_from = complete ? at : 0};
    struct disk *disk = r->disk;
    if (r->options.writes_until_failure) {
        const struct rig_options *o = &r->options;
        r->failing =
            failing_disk_create(r->disk, o->writes_until_failure, o->submit_error, o->write_error, o->open_error);
        disk = failing_disk(r->failing);
    }
    r->blog = disk ? blog_open(disk, &options, error) : NULL;
    if (!r->blog)
        die(error);
}

static void start_shards(struct rig *r, char *error)
{
    if (!inbox_init(&r->inbox, 8192))
        die("no inbox");
    struct shard_options options = {
        .count = r->options.shards,
        .cpu = -1,
        .chain_id = r->genesis.chain_id,
        .block_gas_limit = r->genesis.header.gas_limit,
        .pool = {.tx_max = 1u << 20,
                 .bytes_max = 1u << 30,
                 .per_sender_max = 4096,
                 .nonce_ahead_max = 4096,
                 .gap_expiry_ns = 600000000000ull,
                 .drop_record_max = 1000},
        .receive_bytes_max = default_to(r->options.receive_bytes_max, 1u << 30),
        .coordinator = &r->inbox,
        .codes = r->codes,
        .connection_max = (uint32_t)default_to(r->options.connections, 4),
        .costly_percent = (uint32_t)default_to(r->options.costly_percent, 1),
    };
    for (options.index = 0; options.index < options.count; options.index++) {
        r->shards[options.index] = shard_create(&options, error, STORE_ERROR_MAX);
        if (!r->shards[options.index])
            die(error);
    }
    shard_connect(r->shards, options.count);
    for (unsigned i = 0; i < options.count; i++) {
        if (!shard_start(r->shards[i], error, STORE_ERROR_MAX))
            die(error);
    }
}

struct rig *rig_start(const struct rig_options *options)
{
    char error[STORE_ERROR_MAX] = "";
    struct rig *r = calloc(1, sizeof *r);
    r->options = *options;
    r->listen_fd = -1;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    if (options->folder)
        snprintf(r->folder, sizeof r->folder, "%s", options->folder);
    else
        test_folder(r->folder, "rig");
    make_genesis(r);
    open_store(r, error);
    start_shards(r, error);
    struct recovered at;
    if (!recover_shards(&at, r->shards, options->shards, &r->genesis, r->codes, r->checkpoint, r->blog, error))
        die(error);
    free(at.subroots);
    r->height = at.head.number;
    r->gate = (struct list_gate){{&gate_ops}, r};
    const struct solo_options solo = {.chain_id = r->genesis.chain_id,
                                      .block_time_ms = options->block_time_ms,
                                      .subsecond = !options->whole_seconds,
                                      .coinbase = r->genesis.accounts[0].addr,
                                      .head_digest = at.head.parent_beacon_block_root,
                                      .head_hash = at.head_hash};
    r->solo = order_solo(&solo);
    struct coordinator_options c = {
        .genesis = &r->genesis,
        .shards = r->shards,
        .shard_count = options->shards,
        .order = options->solo ? r->solo : &r->gate.order,
        .store = {.blog = r->blog,
                  .checkpoint = r->checkpoint,
                  .checkpoint_interval_ns = default_to(options->checkpoint_interval_ns, 200000000),
                  .checkpoint_records = 1000000,
                  .retain_blocks = options->retain_blocks,
                  .block_durable = block_durable,
                  .ctx = r},
        .disk_event_fd = disk_uring_event_fd(r->disk),
        .list_blocks = options->list_blocks,
        .head = at.head,
        .head_hash = at.head_hash,
        .codes = r->codes,
        .ancestors = &at.ancestors,
        .failed = failed,
        .ctx = r,
    };
    r->coordinator = coordinator_create(&r->inbox, &c);
    if (!coordinator_start(r->coordinator, error, sizeof error))
        die(error);
    return r;
}

void rig_stop(struct rig *r)
{
    coordinator_stop(r->coordinator);
    coordinator_join(r->coordinator);
    for (unsigned i = 0; i < r->options.shards; i++)
        shard_stop(r->shards[i]);
    for (unsigned i = 0; i < r->options.shards; i++)
        shard_join(r->shards[i]);
    shards_free(r->shards, r->options.shards);
    coordinator_free(r->coordinator);
    checkpoint_close(r->checkpoint);
    codes_free(r->codes);
    blog_close(r->blog);
    disk_uring_close(r->disk);
    free(r->failing);
    r->solo->ops->free(r->solo);
    if (r->listen_fd >= 0)
        close(r->listen_fd);
    inbox_free(&r->inbox);
    data_folder_close(r->data);
    genesis_free(&r->genesis);
    for (uint64_t h = 0; h < BLOCKS_MAX; h++)
        free((void *)r->blocks[h].ptr);
    if (!r->options.folder)
        remove_tree(r->folder);
    free(r);
}

// ---- submitting

struct rig_call {
    struct shard_call call;
    struct submission submission;
    struct rig *rig;
    enum tx_status status;
    bool waited, done;
    size_t len;
    uint8_t raw[];
};

static void answered(struct submission *sub, enum tx_status status, const bytes32 *hash)
{
    (void)hash;
    struct rig_call *c = (struct rig_call *)((char *)sub - offsetof(struct rig_call, submission));
    struct rig *r = c->rig;
    pthread_mutex_lock(&r->lock);
    c->status = status;
    c->done = true;
    r->accepted += status == TX_OK;
    r->refused += status != TX_OK;
    bool waited = c->waited;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (!waited)
        free(c);
}

static void run_submit(struct shard *s, struct shard_call *call)
{
    struct rig_call *c = (struct rig_call *)call;
    shard_submit(s, bytes_of(c->raw, c->len), &c->submission);
}

// The shard ended before it came to this.
static void drop_submit(struct shard_call *call)
{
    struct rig_call *c = (struct rig_call *)call;
    answered(&c->submission, TX_STOPPING, NULL);
}

static struct rig_call *post(struct rig *r, unsigned shard, struct bytes raw, bool waited)
{
    struct rig_call *c = calloc(1, sizeof *c + raw.len);
    c->call.run = run_submit;
    c->call.dropped = drop_submit;
    c->submission.done = answered;
    c->rig = r;
    c->waited = waited;
    c->len = raw.len;
    memcpy(c->raw, raw.ptr, raw.len);
    pthread_mutex_lock(&r->lock);
    r->submitted++;
    pthread_mutex_unlock(&r->lock);
    while (!shard_run(r->shards[shard % r->options.shards], &c->call))
        usleep(100);
    return c;
}

enum tx_status rig_submit(struct rig *r, unsigned shard, struct bytes raw)
{
    struct rig_call *c = post(r, shard, raw, true);
    pthread_mutex_lock(&r->lock);
    while (!c->done)
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
    enum tx_status status = c->status;
    free(c);
    return status;
}

void rig_submit_async(struct rig *r, unsigned shard, struct bytes raw)
{
    post(r, shard, raw, false);
}

void rig_settled(struct rig *r, uint64_t *accepted, uint64_t *refused)
{
    pthread_mutex_lock(&r->lock);
    while (r->accepted + r->refused < r->submitted)
        pthread_cond_wait(&r->changed, &r->lock);
    *accepted = r->accepted;
    *refused = r->refused;
    pthread_mutex_unlock(&r->lock);
}

void rig_make_list(struct rig *r, uint64_t time_ms, uint64_t blocks)
{
    uint64_t until = rig_height(r) + blocks;
    atomic_store(&r->time_ms, time_ms);
    atomic_store(&r->open, true);
    inbox_wake(&r->inbox);
    pthread_mutex_lock(&r->lock);
    while (r->height < until)
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

bool rig_wait_included(struct rig *r, uint64_t transactions)
{
    uint64_t until = clock_wall_ms() + 60000;
    pthread_mutex_lock(&r->lock);
    while (r->included < transactions && clock_wall_ms() < until) {
        struct timespec at = {(time_t)(clock_wall_ms() / 1000) + 1, 0};
        pthread_cond_timedwait(&r->changed, &r->lock, &at);
    }
    bool good = r->included >= transactions;
    pthread_mutex_unlock(&r->lock);
    return good;
}

const char *rig_failure(struct rig *r)
{
    return atomic_load(&r->failed) ? r->failure : NULL;
}

const struct executor_numbers *rig_numbers(const struct rig *r)
{
    return executor_numbers(coordinator_executor(r->coordinator));
}

unsigned rig_shard_count(const struct rig *r)
{
    return r->options.shards;
}

struct shard *rig_shard(struct rig *r, unsigned shard)
{
    return r->shards[shard];
}

unsigned rig_listen(struct rig *r)
{
    char error[STORE_ERROR_MAX];
    unsigned port = 0;
    r->listen_fd = net_listen("127.0.0.1", &port, 1 << 20, error, sizeof error);
    if (r->listen_fd < 0)
        die(error);
    shard_listen(r->shards[0], r->listen_fd);
    return port;
}

static uint64_t thread_cpu_ns(int thread_id)
{
    char path[64];
    unsigned long long running = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", thread_id);
    FILE *f = fopen(path, "r");
    if (!f || fscanf(f, "%llu", &running) != 1)
        die("no schedstat");
    fclose(f);
    return running;
}

uint64_t rig_cpu_ns(struct rig *r)
{
    // Threads tell their numbers when they have begun.
    while (coordinator_thread_id(r->coordinator) == 0)
        usleep(100);
    for (unsigned i = 0; i < r->options.shards; i++) {
        while (shard_thread_id(r->shards[i]) == 0)
            usleep(100);
    }
    uint64_t total = thread_cpu_ns(coordinator_thread_id(r->coordinator));
    for (unsigned i = 0; i < r->options.shards; i++)
        total += thread_cpu_ns(shard_thread_id(r->shards[i]));
    return total;
}

uint64_t rig_height(struct rig *r)
{
    pthread_mutex_lock(&r->lock);
    uint64_t height = r->height;
    pthread_mutex_unlock(&r->lock);
    return height;
}

struct bytes rig_record(struct rig *r, uint64_t height)
{
    pthread_mutex_lock(&r->lock);
    struct bytes record = r->blocks[height];
    pthread_mutex_unlock(&r->lock);
    return record;
}

struct bytes rig_stored(struct rig *r, uint64_t height)
{
    char error[STORE_ERROR_MAX];
    size_t len;
    uint8_t *record = blog_read(r->blog, height, &len, error);
    if (!record)
        die(error);
    return bytes_of(record, len);
}
