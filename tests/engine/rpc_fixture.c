#include "tests/engine/rpc_fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/keccak.h"
#include "base/ring.h"
#include "chain/logs.h"
#include "engine/rpc/call.h"
#include "engine/store/disk_uring.h"
#include "sigverify/sigverify.h"
#include "tests/engine/store_fixture.h"

#define GWEI UINT64_C(1000000000)
#define BASE_FEE GWEI
#define TXS_MAX 6000
#define RAW_MAX 512

struct block_parts {
    struct bytes raw[TXS_MAX];
    bytes32 hashes[TXS_MAX];
    address senders[TXS_MAX];
    struct receipt receipts[TXS_MAX];
    uint32_t count;
};

static void sign(const struct tx_fields *fields, unsigned from, uint8_t *raw, size_t *len)
{
    uint8_t message[RAW_MAX];
    struct sv_signature s;
    size_t size = tx_encode_unsigned(message, sizeof message, fields);
    bytes32 hash = keccak256(message, size);
    if (!sv_sign(&s, &hash, &DEV_ACCOUNTS[from].secret_key))
        abort();
    *len = tx_encode_signed(raw, RAW_MAX, fields, s.v, &s.r, &s.s);
}

static struct tx_fields transfer_fields(enum tx_type type, uint64_t nonce, uint64_t tip_wei)
{
    struct tx_fields fields = {.type = type, .chain_id = 31337, .nonce = nonce, .gas_limit = 21000};
    fields.max_tip = u256_from_u64(tip_wei);
    fields.max_fee = u256_from_u64(2 * BASE_FEE + tip_wei);
    if (type != TX_DYNAMIC_FEE)
        fields.max_tip = fields.max_fee;
    fields.value = u256_from_u64(1000 + nonce);
    fields.to = DEV_ACCOUNTS[9].addr;
    return fields;
}

uint8_t *rpc_fixture_transfer(unsigned from, uint64_t nonce, uint64_t tip_wei, size_t *len, bytes32 *hash)
{
    uint8_t *raw = malloc(RAW_MAX);
    struct tx_fields fields = transfer_fields(TX_DYNAMIC_FEE, nonce, tip_wei);
    sign(&fields, from, raw, len);
    *hash = keccak256(raw, *len);
    return raw;
}

static void add_tx(struct block_parts *p, const struct tx_fields *fields, unsigned from, bool success)
{
    uint32_t i = p->count++;
    uint8_t *raw = malloc(RAW_MAX);
    size_t len;
    sign(fields, from, raw, &len);
    p->raw[i] = bytes_of(raw, len);
    p->hashes[i] = keccak256(raw, len);
    p->senders[i] = DEV_ACCOUNTS[from].addr;
    p->receipts[i] = (struct receipt){
        .tx_type = (uint8_t)fields->type,
        .success = success,
        .cumulative_gas = (i > 0 ? p->receipts[i - 1].cumulative_gas : 0) + fields->gas_limit,
    };
}

// One transaction of each form.
static void add_forms(struct block_parts *p)
{
    static const uint8_t one_entry[] = {0xf8, 0x38, 0xf7, 0x94, [4 ... 23] = 0xaa, 0xe1, 0xa0, [26 ... 57] = 0xbb};
    struct tx_fields legacy = transfer_fields(TX_LEGACY, 0, 0);
    struct tx_fields old = transfer_fields(TX_LEGACY, 0, 1);
    struct tx_fields access = transfer_fields(TX_ACCESS_LIST, 0, 2);
    struct tx_fields dynamic = transfer_fields(TX_DYNAMIC_FEE, 0, 3);
    old.chain_id = 0;
    access.access_list = bytes_of(one_entry, sizeof one_entry);
    access.gas_limit = 25300;
    add_tx(p, &legacy, 0, true);
    add_tx(p, &old, 1, true);
    add_tx(p, &access, 2, true);
    add_tx(p, &dynamic, 3, true);
    dynamic.nonce = 1;
    add_tx(p, &dynamic, 3, false);
}

static void add_transfers(struct block_parts *p, uint32_t count, uint64_t nonce)
{
    // Signing takes long; many transfers differ only as far as nobody looks.
    for (uint32_t i = 0; i < count; i++) {
        struct tx_fields fields = transfer_fields(TX_DYNAMIC_FEE, nonce + i, (i % 3 + 1) * GWEI / 10);
        add_tx(p, &fields, 4, true);
    }
}

static uint8_t *make_record(struct rpc_fixture *f, const struct block_parts *p, size_t *len)
{
    struct exec_counts counts = {0};
    struct header h = f->genesis.header;
    h.number = ++f->height;
    h.parent_hash = f->parent_hash;
    h.timestamp += f->height;
    h.gas_used = p->count ? p->receipts[p->count - 1].cumulative_gas : 0;
    h.base_fee = u256_from_u64(BASE_FEE);
    for (uint32_t i = 0; i < p->count; i++) {
        const bloom b = logs_bloom(p->receipts[i].logs);
        bloom_or(&h.logs_bloom, &b);
    }
    struct record_input in = {.header = &h,
                              .time_ms = h.timestamp * 1000,
                              .tx_count = p->count,
                              .raw_txs = p->raw,
                              .tx_hashes = p->hashes,
                              .senders = p->senders,
                              .receipts = p->receipts,
                              .counts = &counts};
    uint8_t *record = malloc(record_size(&in));
    *len = (size_t)(record_put(record, &in) - record);
    f->parent_hash = header_hash(&h);
    for (uint32_t i = 0; i < p->count; i++)
        free((void *)p->raw[i].ptr);
    return record;
}

static void append(struct rpc_fixture *f, struct blog *log, const struct block_parts *p)
{
    size_t len;
    uint8_t *record = make_record(f, p, &len);
    if (blog_append(log, f->height, bytes_of(record, len)) != 0)
        abort();
    free(record);
}

static void make_chain(struct rpc_fixture *f)
{
    char error[STORE_ERROR_MAX];
    struct blog_options options = {.genesis_hash = header_hash(&f->genesis.header), .segment_bytes = 1 << 20};
    struct disk *disk = disk_uring_open(f->dir, error);
    struct blog *log = disk ? blog_open(disk, &options, error) : NULL;
    struct block_parts *p = calloc(1, sizeof *p);
    if (!log) {
        fprintf(stderr, "rpc fixture: %s\n", error);
        abort();
    }
    f->parent_hash = options.genesis_hash;
    add_forms(p);
    append(f, log, p);
    p->count = 0;
    append(f, log, p);
    add_transfers(p, 3, 0);
    append(f, log, p);
    free(p);
    blog_flush(log);
    while (blog_durable(log) < FIXTURE_HEAD)
        blog_step(log, true);
    f->reader = chain_reader_open(f->dir, log, &f->genesis.header, error);
    if (!f->reader) {
        fprintf(stderr, "rpc fixture: %s\n", error);
        abort();
    }
    blog_close(log);
    disk_uring_close(disk);
}

static void post(struct rpc_fixture *f, struct block_parts *p)
{
    size_t len;
    uint8_t *record = make_record(f, p, &len);
    free(p);
    struct blog_place nowhere = {.segment = 1, .length = (uint32_t)len, .offset = 1 << 20};
    if (f->rpc)
        rpc_post_block(f->rpc, f->height, record, len, nowhere);
    else
        core_block(f->core, f->height, record, len, nowhere);
}

void rpc_fixture_add_block(struct rpc_fixture *f, uint32_t tx_count)
{
    struct block_parts *p = calloc(1, sizeof *p);
    add_transfers(p, tx_count, 100);
    post(f, p);
}

void rpc_fixture_add_logs(struct rpc_fixture *f, const struct bytes *logs, uint32_t tx_count)
{
    struct block_parts *p = calloc(1, sizeof *p);
    struct tx_fields creation = transfer_fields(TX_DYNAMIC_FEE, f->height, 1);
    creation.is_create = true;
    add_tx(p, &creation, 6, true);
    add_transfers(p, tx_count - 1, 1000 * f->height);
    for (uint32_t i = 0; i < tx_count; i++)
        p->receipts[i].logs = logs[i];
    post(f, p);
}

// The node

static void answer_account(struct rpc_fixture *f, struct rpc_query *q)
{
    q->found = q->height < f->oldest_state ? -1 : 0;
    for (unsigned i = 0; i < DEV_ACCOUNT_COUNT && q->found == 0; i++) {
        bytes32 key = keccak256(DEV_ACCOUNTS[i].addr.b, 20);
        if (!bytes32_equal(&key, &q->key))
            continue;
        q->found = 1;
        if (!u256_parse(&q->account.balance, "10000000000000000000000", 23))
            abort();
        q->account.nonce = q->height + (q->pending ? 2 : 0);
    }
}

// Accounts without code, with one slot: 7 holds 0x1234.
static void answer_read(struct rpc_fixture *f, struct rpc_query *q)
{
    q->found = q->height < f->oldest_state ? -1 : 0;
    if (q->kind == RPC_SLOT)
        q->hash = q->hash.b[31] == 7 ? (bytes32){{[30] = 0x12, [31] = 0x34}} : (bytes32){{0}};
    if (q->kind == RPC_CODE) {
        q->raw = calloc(1, 3);
        memcpy(q->raw, "\x60\x01\x02", q->raw_len = 3);
    }
    if (q->kind != RPC_PROOF)
        return;
    struct account_proof *p = &q->proof->account;
    p->account = (struct account){.nonce = 3, .balance = u256_from_u64(255)};
    p->contract = account_no_contract();
    p->values = calloc(p->slot_count + 1, sizeof *p->values);
    p->slot_nodes = calloc(p->slot_count + 1, sizeof *p->slot_nodes);
    for (size_t i = 0; i < p->slot_count; i++) {
        p->values[i] = u256_from_u64(16 + i);
        proof_add(&p->slot_nodes[i], bytes_of("\xc2\x80\x80", 3));
    }
    proof_add(&q->proof->nodes, bytes_of("\xc1\x80", 2));
    proof_add(&q->proof->nodes, bytes_of("\xc2\x01\x02", 3));
}

static void answer_find(struct rpc_fixture *f, struct rpc_query *q)
{
    bool pending = bytes32_equal(&q->hash, &f->pending_hash), queued = bytes32_equal(&q->hash, &f->queued_hash);
    q->status = bytes32_equal(&q->hash, &f->dropped_hash) ? TX_EVICTED : TX_OK;
    q->found = pending ? 1 : queued ? 2 : 0;
    if (q->found == 0)
        return;
    q->raw_len = pending ? f->pending_len : f->queued_len;
    q->raw = malloc(q->raw_len);
    memcpy(q->raw, pending ? f->pending_raw : f->queued_raw, q->raw_len);
    q->sender = DEV_ACCOUNTS[5].addr;
}

// What is pooled came over the ingest port; the one that left, over JSON-RPC.
static void answer_path(struct rpc_fixture *f, struct rpc_query *q)
{
    const bool pending = bytes32_equal(&q->hash, &f->pending_hash), queued = bytes32_equal(&q->hash, &f->queued_hash);
    const bool dropped = bytes32_equal(&q->hash, &f->dropped_hash);
    q->shard = 1;
    q->found = pending ? 1 : queued ? 2 : dropped ? 3 : 0;
    q->path = (struct tx_path){.received_ns = 1000000, .verified_us = 20, .pooled_us = 50};
    q->path.via = dropped ? TX_VIA_RPC : TX_VIA_INGEST;
    q->path.status = dropped ? TX_EVICTED : TX_OK;
    q->path.taken_ns = dropped ? 9000000 : 0;
}

static void answer_submit(struct rpc_fixture *f, struct rpc_query *q)
{
    struct tx tx;
    q->status = tx_decode(&tx, bytes_of(q->raw, q->raw_len), f->genesis.chain_id);
    q->hash = keccak256(q->raw, q->raw_len);
    if (q->status == TX_OK && bytes32_equal(&q->hash, &f->pending_hash))
        q->status = TX_ALREADY_KNOWN;
}

static void add_entry(struct rpc_query *q, const uint8_t *raw, size_t len, const bytes32 *hash, bool pending)
{
    struct rpc_pool_entry *e = &q->entries[q->entry_count++];
    *e = (struct rpc_pool_entry){.raw = malloc(len), .raw_len = len, .hash = *hash, .pending = pending};
    e->sender = DEV_ACCOUNTS[5].addr;
    memcpy(e->raw, raw, len);
}

static void answer(struct rpc_fixture *f, struct rpc_query *q)
{
    switch (q->kind) {
    case RPC_SUBMIT:
        answer_submit(f, q);
        break;
    case RPC_ACCOUNT:
        answer_account(f, q);
        break;
    case RPC_CODE:
    case RPC_SLOT:
    case RPC_PROOF:
        answer_read(f, q);
        break;
    case RPC_POOL_FIND:
        answer_find(f, q);
        break;
    case RPC_PATH:
        answer_path(f, q);
        break;
    case RPC_POOL_STATS:
        q->stats = (struct mempool_stats){.pending = 1, .queued = 17};
        break;
    case RPC_POOL_CONTENT:
        q->entries = calloc(2, sizeof *q->entries);
        add_entry(q, f->queued_raw, f->queued_len, &f->queued_hash, false);
        add_entry(q, f->pending_raw, f->pending_len, &f->pending_hash, true);
        break;
    case RPC_CALL:
        f->bed.oldest = f->oldest_state;
        call_bed_run(&f->bed, q->call);
        break;
    }
}

static bool ask_at_once(void *ctx, struct rpc_query *q)
{
    struct rpc_fixture *f = ctx;
    if (f->full)
        return false;
    if (f->silent) {
        f->kept[f->kept_count++] = q;
        return true;
    }
    answer(f, q);
    core_complete(f->core, q);
    return true;
}

size_t rpc_fixture_submit(void *ctx, struct rpc_query *const *queries, size_t count)
{
    struct rpc_fixture *f = ctx;
    const size_t taken = count < f->submit_max ? count : f->submit_max;
    f->submit_calls++;
    f->submitted += taken;
    for (size_t i = taken; i-- > 0;) {
        answer(f, queries[i]);
        core_complete(f->core, queries[i]);
    }
    return taken;
}

struct node {
    struct rpc_fixture *f;
    struct mpsc_ring *inbox;
    _Atomic bool stop;
    pthread_t thread;
};

static void *node_run(void *ctx)
{
    struct node *n = ctx;
    struct rpc_query *q;
    while (!n->stop || mpsc_count(n->inbox) > 0) {
        if (mpsc_pop(n->inbox, &q, 1) == 0) {
            usleep(50);
            continue;
        }
        answer(n->f, q);
        rpc_complete(n->f->rpc, q);
    }
    return NULL;
}

static bool ask_thread(void *ctx, struct rpc_query *q)
{
    struct rpc_fixture *f = ctx;
    struct node *n = f->node;
    return !f->full && mpsc_push(n->inbox, &q);
}

static void node_status(void *ctx, struct rpc_node_status *out)
{
    struct rpc_fixture *f = ctx;
    *out = (struct rpc_node_status){.version = "gantry/test",
                                    .shard_count = 2,
                                    .start_wall_ms = 1,
                                    .checkpoint_height = 1,
                                    .log_bytes = 4096,
                                    .checkpoint_bytes = 8192,
                                    .pool_pending = 1,
                                    .pool_queued = 17,
                                    .base_fee = u256_from_u64(BASE_FEE),
                                    .healthy = !f->full};
    if (f->full)
        snprintf(out->reason, sizeof out->reason, "the inbox is full");
}

static void open_bed(struct rpc_fixture *f)
{
    u256 balance;
    call_bed_open(&f->bed, EVM_CANCUN);
    if (!u256_parse(&balance, "10000000000000000000000", 23))
        abort();
    for (unsigned i = 0; i < DEV_ACCOUNT_COUNT; i++)
        evm_world_put_account(f->bed.world, &DEV_ACCOUNTS[i].addr, 0, &balance, (struct bytes){0});
}

void rpc_fixture_open(struct rpc_fixture *f)
{
    *f = (struct rpc_fixture){.dir = fixture_folder()};
    genesis_dev(&f->genesis);
    f->options = (struct rpc_options){.host = "127.0.0.1",
                                      .cors = "http://page.example",
                                      .allowed_hosts = "node.example",
                                      .connection_max = 64,
                                      .batch_max = 20,
                                      .subscription_max = 8,
                                      .filter_max = 8,
                                      .body_bytes_max = 256 * 1024,
                                      .response_bytes_max = 8 << 20,
                                      .depth_max = 16,
                                      .developer_methods = true};
    f->backend = (struct rpc_backend){.ctx = f, .status = node_status};
    f->options.gas_cap = 50000000;
    open_bed(f);
    make_chain(f);
    f->pending_raw = rpc_fixture_transfer(5, 5, GWEI, &f->pending_len, &f->pending_hash);
    f->queued_raw = rpc_fixture_transfer(5, 7, GWEI, &f->queued_len, &f->queued_hash);
    memset(&f->dropped_hash, 0xdd, sizeof f->dropped_hash);
}

void rpc_fixture_open_core(struct rpc_fixture *f)
{
    rpc_fixture_open(f);
    f->backend.ask = ask_at_once;
    f->core = core_create(&f->options, &f->backend, f->reader, &f->genesis);
}

void rpc_fixture_open_server(struct rpc_fixture *f)
{
    char error[STORE_ERROR_MAX];
    rpc_fixture_open(f);
    struct node *n = calloc(1, sizeof *n);
    n->f = f;
    n->inbox = mpsc_create(1024, sizeof(struct rpc_query *));
    f->node = n;
    f->backend.ask = ask_thread;
    f->rpc = rpc_start(&f->options, &f->backend, f->reader, &f->genesis, error);
    f->reader = NULL;
    if (!f->rpc || pthread_create(&n->thread, NULL, node_run, n) != 0) {
        fprintf(stderr, "rpc fixture: %s\n", error);
        abort();
    }
}

void rpc_fixture_close(struct rpc_fixture *f)
{
    call_bed_close(&f->bed);
    struct node *n = f->node;
    if (n) {
        rpc_stop(f->rpc);
        n->stop = true;
        pthread_join(n->thread, NULL);
        mpsc_free(n->inbox);
        free(n);
    }
    if (f->core) {
        for (size_t i = 0; i < f->kept_count; i++)
            core_complete(f->core, f->kept[i]);
        core_free(f->core);
    }
    if (f->reader)
        chain_reader_close(f->reader);
    free(f->pending_raw);
    free(f->queued_raw);
    genesis_free(&f->genesis);
    fixture_remove(f->dir);
}

char *rpc_fixture_ask(struct rpc_fixture *f, const char *text)
{
    size_t len;
    char *out = rpc_handle_text(f->core, bytes_of(text, strlen(text)), &len);
    return out ? out : strdup("");
}

static const char *hex_hash(const bytes32 *hash, char out[67])
{
    memcpy(out, "0x", 2);
    hex_encode(out + 2, hash->b, 32);
    out[66] = 0;
    return out;
}

const char *rpc_fixture_tx_hash(struct rpc_fixture *f, uint64_t height, uint32_t index, char out[67])
{
    struct record_tx t;
    bool damaged;
    record_tx_at(chain_reader_block(f->reader, height, &damaged), index, &t);
    return hex_hash(&t.hash, out);
}

const char *rpc_fixture_block_hash(struct rpc_fixture *f, uint64_t height, char out[67])
{
    bool damaged;
    return hex_hash(&chain_reader_block(f->reader, height, &damaged)->block_hash, out);
}
