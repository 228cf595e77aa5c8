// Any text to the JSON-RPC core: it must answer with JSON or not at all, and stay as it was.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/keccak.h"
#include "engine/calls/call_job.h"
#include "engine/rpc/core.h"
#include "engine/store/disk_uring.h"
#include "shard/evm/precompiles/precompiles.h"

static struct rpc_core *core;
static struct genesis genesis;
static struct arena *arena;
static uint8_t raw[256];
static size_t raw_len;

// A node that knows something of everything; what it finds depends on the question's first byte.
static void answer_content(struct rpc_query *q)
{
    q->entries = calloc(1, sizeof *q->entries);
    q->entry_count = 1;
    q->entries[0] = (struct rpc_pool_entry){.raw = malloc(raw_len), .raw_len = raw_len, .pending = true};
    memcpy(q->entries[0].raw, raw, raw_len);
}

// A state in which every account has money and a code that returns its own call data.
static enum evm_answer read_record(void *ctx, struct call_read *r)
{
    (void)ctx;
    static const uint8_t echo[] = {0x36, 0x5f, 0x5f, 0x37, 0x36, 0x5f, 0xfd};
    static struct evm_code *code;
    const bytes32 hash = keccak256(echo, sizeof echo);
    if (!code)
        code = evm_code_new(arena, evm_rules_of(EVM_CANCUN), &hash, bytes_of(echo, sizeof echo));
    const bool has_code = r->key.b[0] % 2;
    r->account = (struct evm_account_state){
        .exists = true, .balance = u256_from_u64(UINT64_MAX), .code_hash = has_code ? hash : KECCAK256_EMPTY};
    r->code = has_code ? code : NULL;
    return EVM_NOW;
}

static void run_call(struct call_request *request)
{
    static const struct evm_host nothing;
    static struct evm *evm;
    const struct evm_rules *rules = evm_rules_of(EVM_CANCUN);
    const struct call_source source = {NULL, read_record};
    if (!evm)
        evm = evm_create(arena, rules, precompiles_create(), &nothing);
    struct call_job *job = call_job_create(arena, rules, evm, &source, request);
    while (call_job_run(job, 100000) != JOB_DONE)
        continue;
    call_job_free(job);
}

static void answer_proof(struct rpc_query *q)
{
    struct account_proof *p = &q->proof->account;
    p->values = calloc(p->slot_count + 1, sizeof *p->values);
    p->slot_nodes = calloc(p->slot_count + 1, sizeof *p->slot_nodes);
    proof_add(&q->proof->nodes, bytes_of("\xc1\x80", 2));
    q->found = q->key.b[0] % 3 - 1;
}

static bool ask(void *ctx, struct rpc_query *q)
{
    (void)ctx;
    switch (q->kind) {
    case RPC_SUBMIT:
        q->status = (enum tx_status)(q->raw[0] % TX_STATUS_COUNT);
        break;
    case RPC_ACCOUNT:
        q->found = q->key.b[0] % 3 - 1;
        q->account = (struct account){.nonce = 7, .balance = u256_from_u64(1000000000)};
        break;
    case RPC_CODE:
    case RPC_SLOT:
        q->found = q->key.b[0] % 3 - 1;
        break;
    case RPC_PROOF:
        answer_proof(q);
        break;
    case RPC_POOL_FIND:
        q->found = q->hash.b[0] % 3;
        q->status = (enum tx_status)(q->hash.b[1] % TX_STATUS_COUNT);
        if (q->found > 0) {
            q->raw = malloc(raw_len);
            q->raw_len = raw_len;
            memcpy(q->raw, raw, raw_len);
        }
        break;
    case RPC_PATH:
        q->found = q->hash.b[0] % 4;
        q->status = (enum tx_status)(q->hash.b[1] % TX_STATUS_COUNT);
        q->path = (struct tx_path){.received_ns = 1, .list = q->hash.b[2], .status = (uint8_t)q->status};
        break;
    case RPC_POOL_STATS:
        break;
    case RPC_POOL_CONTENT:
        answer_content(q);
        break;
    case RPC_CALL:
        run_call(q->call);
        break;
    }
    core_complete(core, q);
    return true;
}

static void status(void *ctx, struct rpc_node_status *out)
{
    (void)ctx;
    *out = (struct rpc_node_status){.version = "gantry/fuzz", .healthy = true};
}

// One block with one transaction. Its signature is in range, which is all that decoding asks.
static void add_block(void)
{
    struct tx_fields fields = {.type = TX_DYNAMIC_FEE, .chain_id = genesis.chain_id, .gas_limit = 21000};
    bytes32 one = {{[31] = 1}};
    fields.max_fee = fields.max_tip = u256_from_u64(1000000000);
    raw_len = tx_encode_signed(raw, sizeof raw, &fields, 1, &one, &one);
    struct bytes txs = bytes_of(raw, raw_len);
    bytes32 hash = keccak256(raw, raw_len);
    address sender = {{0}};
    struct receipt receipt = {.tx_type = TX_DYNAMIC_FEE, .success = true, .cumulative_gas = 21000};
    struct exec_counts counts = {0};
    struct header h = genesis.header;
    h.number = 1;
    h.parent_hash = header_hash(&genesis.header);
    h.gas_used = 21000;
    struct record_input in = {.header = &h,
                              .tx_count = 1,
                              .raw_txs = &txs,
                              .tx_hashes = &hash,
                              .senders = &sender,
                              .receipts = &receipt,
                              .counts = &counts};
    uint8_t *record = malloc(record_size(&in));
    size_t len = (size_t)(record_put(record, &in) - record);
    core_block(core, 1, record, len, (struct blog_place){.segment = 1, .length = (uint32_t)len, .offset = 1 << 20});
}

static struct chain_reader *open_chain(void)
{
    char dir[] = "/tmp/fuzz-rpc-XXXXXX", error[STORE_ERROR_MAX] = "no folder";
    struct blog_options options = {.genesis_hash = header_hash(&genesis.header), .segment_bytes = 1 << 20};
    struct disk *disk = mkdtemp(dir) ? disk_uring_open(dir, error) : NULL;
    struct blog *log = disk ? blog_open(disk, &options, error) : NULL;
    struct chain_reader *reader = log ? chain_reader_open(dir, log, &genesis.header, error) : NULL;
    if (!reader) {
        fprintf(stderr, "fuzz_rpc: %s\n", error);
        exit(1);
    }
    blog_close(log);
    disk_uring_close(disk);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0)
        fprintf(stderr, "fuzz_rpc: %s is left behind\n", dir);
    return reader;
}

static void open_core(void)
{
    struct rpc_options options = {.batch_max = 50,
                                  .subscription_max = 4,
                                  .filter_max = 4,
                                  .body_bytes_max = 1 << 20,
                                  .response_bytes_max = 1 << 20,
                                  .depth_max = 32,
                                  .gas_cap = 1000000,
                                  .developer_methods = true};
    struct rpc_backend backend = {.ask = ask, .status = status};
    arena = arena_create();
    genesis_dev(&genesis);
    core = core_create(&options, &backend, open_chain(), &genesis);
    add_block();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!core)
        open_core();
    size_t len;
    char *answer = rpc_handle_text(core, bytes_of(data, size), &len);
    if (answer) {
        char error[JV_ERROR_MAX];
        // Traced calls nest.
        struct jv *tree = jv_parse(bytes_of(answer, len), &(struct jv_limits){2048, 10000000}, error);
        assert(tree);
        assert(jv_kind(tree) == JV_OBJECT || (jv_kind(tree) == JV_ARRAY && jv_count(tree) > 0));
        jv_free(tree);
        free(answer);
    }
    assert(core_queries(core) == 0);
    return 0;
}
