#include "shard/serial/block_run.h"

#include "base/keccak.h"
#include "shard/evm/precompiles/precompiles.h"

#include <assert.h>
#include <inttypes.h>

// EIP-4788's contract, called at the start of each block with the parent's beacon root.
static const address BEACON_ROOTS = {{0x00, 0x0f, 0x3d, 0xf6, 0xd7, 0x32, 0x80, 0x7e, 0xf1, 0x31,
                                      0x9f, 0xb7, 0xb8, 0xbb, 0x85, 0x22, 0xd0, 0xbe, 0xac, 0x02}};

// A growing run of bytes; views into it are offsets until it is finished.
struct buffer {
    uint8_t *mem;
    size_t len, capacity;
};

struct block_runner {
    struct arena *arena;
    struct block_state state;
    const struct evm_rules *rules; // of evm
    struct evm *evm;
    struct precompiles *precompiles;
    struct receipt *receipts;
    struct bytes *encoded;
    size_t receipt_capacity;
    struct buffer logs, receipt_bytes;
    bytes32 *blob_hashes;
    size_t blob_capacity;
    struct ordered_trie_scratch scratch;
};

struct block_runner *block_runner_create(struct arena *arena, const struct block_state *state)
{
    struct precompiles *precompiles = precompiles_create();
    if (!precompiles)
        return NULL;
    struct block_runner *r = arena_alloc_zero(arena, sizeof *r);
    r->arena = arena;
    r->state = *state;
    r->precompiles = precompiles;
    return r;
}

void block_runner_free(struct block_runner *r)
{
    if (!r)
        return;
    evm_free(r->evm);
    precompiles_free(r->precompiles);
    ordered_trie_scratch_free(&r->scratch);
    arena_free(r->arena, r->receipts);
    arena_free(r->arena, r->encoded);
    arena_free(r->arena, r->logs.mem);
    arena_free(r->arena, r->receipt_bytes.mem);
    arena_free(r->arena, r->blob_hashes);
    arena_free(r->arena, r);
}

static uint8_t *extend(struct block_runner *r, struct buffer *b, size_t len)
{
    if (b->len + len > b->capacity) {
        b->capacity = 2 * (b->len + len);
        b->mem = arena_realloc(r->arena, b->mem, b->capacity);
    }
    b->len += len;
    return b->mem + b->len - len;
}

static void use_rules(struct block_runner *r, const struct evm_rules *rules)
{
    if (r->rules == rules)
        return;
    if (r->state.set_rules)
        r->state.set_rules(r->state.ctx, rules);
    evm_free(r->evm);
    r->evm = evm_create(r->arena, rules, r->precompiles, r->state.host);
    r->rules = rules;
}

static void reserve(struct block_runner *r, size_t tx_count)
{
    r->logs.len = r->receipt_bytes.len = 0;
    if (tx_count <= r->receipt_capacity)
        return;
    r->receipt_capacity = 2 * tx_count;
    r->receipts = arena_realloc(r->arena, r->receipts, r->receipt_capacity * sizeof *r->receipts);
    r->encoded = arena_realloc(r->arena, r->encoded, r->receipt_capacity * sizeof *r->encoded);
}

static struct evm_block block_of(const struct evm_rules *rules, uint64_t chain_id, const struct header *h)
{
    struct evm_block b = {
        .chain_id = chain_id,
        .number = h->number,
        .timestamp = h->timestamp,
        .gas_limit = h->gas_limit,
        .coinbase = h->coinbase,
        .base_fee = h->base_fee,
        .blob_base_fee = rules->has_blobs ? evm_blob_base_fee(rules, h->excess_blob_gas) : U256_ZERO,
        .prevrandao = h->mix_hash,
    };
    if (rules->fork < EVM_PARIS)
        u256_to_be(b.prevrandao.b, &h->difficulty);
    return b;
}

// The transaction's blob hashes; the EVM wants them side by side.
static void set_blobs(struct block_runner *r, struct evm_tx *out, const struct tx *tx)
{
    if (tx->blob_count > r->blob_capacity) {
        r->blob_capacity = 2 * (size_t)tx->blob_count;
        r->blob_hashes = arena_realloc(r->arena, r->blob_hashes, r->blob_capacity * sizeof *r->blob_hashes);
    }
    for (uint32_t i = 0; i < tx->blob_count; i++)
        r->blob_hashes[i] = tx_blob_hash(tx, i);
    out->max_blob_fee = tx->max_blob_fee;
    out->blob_hashes = r->blob_hashes;
    out->blob_count = tx->blob_count;
}

// logs.ptr is an offset until all are there.
static void make_receipt(struct block_runner *r, struct receipt *out, const struct tx *tx,
                         const struct evm_result *result, uint64_t cumulative_gas)
{
    const size_t at = r->logs.len, len = evm_logs_size(result->logs, result->log_count);
    evm_logs_put(extend(r, &r->logs, len), result->logs, result->log_count);
    *out = (struct receipt){.tx_type = (uint8_t)tx->type,
                            .success = result->success,
                            .cumulative_gas = cumulative_gas,
                            .logs = {(const uint8_t *)at, len}};
    for (size_t i = 0; i < result->log_count; i++) {
        const struct evm_log *log = &result->logs[i];
        bloom_add(&out->logs_bloom, bytes_of(log->who.b, sizeof log->who.b));
        for (size_t t = 0; t < log->topic_count; t++)
            bloom_add(&out->logs_bloom, bytes_of(log->topics[t].b, sizeof log->topics[t].b));
    }
}

static bool refuse_tx(struct block_verdict *out, size_t index, enum tx_status status)
{
    block_refuse(out, BLOCK_TRANSACTION, "number %zu: %s", index, tx_status_text(status));
    out->tx_status = status;
    return false;
}

static bool run_tx(struct block_runner *r, const struct block_body *body, size_t index, struct block_results *results,
                   struct block_verdict *out)
{
    const struct tx *tx = &body->txs[index];
    struct evm_tx call = evm_tx_of(tx, &body->senders[index]);
    struct evm_result result;
    set_blobs(r, &call, tx);
    if (tx->gas_limit > body->view.header.gas_limit - results->gas_used)
        return refuse_tx(out, index, TX_GAS_LIMIT_EXCEEDED);
    const enum evm_outcome outcome = evm_transact(r->evm, &call, 0, &result);
    if (outcome == EVM_INVALID)
        return refuse_tx(out, index, result.status);
    assert(outcome == EVM_DONE);
    results->gas_used += result.gas_used;
    results->blob_gas_used += (uint64_t)tx->blob_count * EVM_GAS_PER_BLOB;
    struct receipt *receipt = &r->receipts[index];
    make_receipt(r, receipt, tx, &result, results->gas_used);
    bloom_or(&results->logs_bloom, &receipt->logs_bloom);
    evm_commit(r->evm);
    return true;
}

// EIP-4895: balances rise, and an account that is there but empty, and stays so, ceases to be.
static void pay_withdrawals(const struct evm_host *host, const struct block_body *body)
{
    const u256 wei_a_gwei = u256_from_u64(1000000000);
    for (size_t i = 0; i < body->withdrawal_count; i++) {
        const struct withdrawal *w = &body->withdrawals[i];
        struct evm_account_state account;
        u256 amount;
        host->account(host->ctx, &w->to, &account);
        u256_mul_u64(&amount, &wei_a_gwei, w->amount_gwei);
        u256_add(&account.balance, &account.balance, &amount);
        const bool is_empty =
            account.nonce == 0 && u256_is_zero(&account.balance) && bytes32_equal(&account.code_hash, &KECCAK256_EMPTY);
        if (is_empty && !account.exists)
            continue;
        account.exists = !is_empty;
        host->put_account(host->ctx, &w->to, account.handle, &account);
    }
}

static void make_receipts_root(struct block_runner *r, size_t count, struct block_results *results)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        r->receipts[i].logs.ptr = r->logs.mem + (uintptr_t)r->receipts[i].logs.ptr;
        total += receipt_size(&r->receipts[i]);
    }
    uint8_t *p = extend(r, &r->receipt_bytes, total);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *start = p;
        p = receipt_put(p, &r->receipts[i]);
        r->encoded[i] = bytes_of(start, (size_t)(p - start));
    }
    results->receipts = r->receipts;
    results->receipts_root = ordered_trie_root(&r->scratch, r->encoded, count);
}

bool block_execute(struct block_runner *r, const struct chain_rules *chain, const struct block_body *body,
                   struct block_results *results, struct block_verdict *out)
{
    const struct header *h = &body->view.header;
    const struct evm_rules *rules = chain_rules_at(chain, h->number, h->timestamp);
    const struct evm_block block = block_of(rules, chain->chain_id, h);
    *results = (struct block_results){0};
    use_rules(r, rules);
    reserve(r, body->tx_count);
    evm_set_block(r->evm, &block);
    // What the contract does with its call is its own affair: a failure changes nothing.
    if (rules->fork >= EVM_CANCUN)
        (void)evm_system_call(r->evm, &BEACON_ROOTS, bytes_of(h->parent_beacon_block_root.b, 32));
    for (size_t i = 0; i < body->tx_count; i++) {
        if (!run_tx(r, body, i, results, out))
            return false;
    }
    pay_withdrawals(r->state.host, body);
    make_receipts_root(r, body->tx_count, results);
    return true;
}

bool block_check_results(const struct header *h, const struct block_results *results, struct block_verdict *out)
{
    if (results->gas_used != h->gas_used)
        return block_refuse(out, BLOCK_GAS_USED, "the header has %" PRIu64 ", it should be %" PRIu64, h->gas_used,
                            results->gas_used);
    if (results->blob_gas_used != h->blob_gas_used)
        return block_refuse(out, BLOCK_BLOB_GAS, "the header has %" PRIu64 ", it should be %" PRIu64, h->blob_gas_used,
                            results->blob_gas_used);
    if (memcmp(results->logs_bloom.b, h->logs_bloom.b, sizeof h->logs_bloom.b) != 0)
        return block_refuse(out, BLOCK_BLOOM, "the header's isn't that of the logs");
    return block_compare_hash(out, BLOCK_RECEIPTS_ROOT, &h->receipts_root, &results->receipts_root);
}

bool block_accept(struct block_runner *r, const struct chain_rules *chain, const struct header *parent,
                  const bytes32 *parent_hash, struct block_body *body, struct block_results *results,
                  struct block_verdict *out)
{
    const struct header *h = &body->view.header;
    if (!block_check_header(chain, parent, parent_hash, h, out) || !block_body_check(body, out) ||
        !block_execute(r, chain, body, results, out) || !block_check_results(h, results, out))
        return false;
    const bytes32 root = r->state.root(r->state.ctx);
    *out = (struct block_verdict){.fault = BLOCK_VALID};
    return block_compare_hash(out, BLOCK_STATE_ROOT, &h->state_root, &root);
}
