#include "engine/import.h"

#include "base/keccak.h"
#include "engine/store/record.h"
#include "shard/evm/world.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PASS_GLOBAL = 3 };

struct importer {
    struct chain_rules rules;
    bool strict;
    struct arena *arena;
    struct evm_world *world;
    struct block_runner *runner;
    struct block_body *body;
    struct block_results results;
    struct header head;
    uint8_t extra_data[32]; // of the head
    bytes32 *hashes;        // of all blocks, by number
    size_t hash_capacity;
};

static bytes32 world_root(void *world)
{
    return evm_world_root(world);
}

static void set_world_rules(void *world, const struct evm_rules *rules)
{
    evm_world_set_rules(world, rules);
}

static void set_head(struct importer *x, const struct header *h, const bytes32 *hash)
{
    if (h->number >= x->hash_capacity) {
        x->hash_capacity = 2 * h->number + 1024;
        x->hashes = realloc(x->hashes, x->hash_capacity * sizeof *x->hashes);
        if (!x->hashes)
            abort();
    }
    x->hashes[h->number] = *hash;
    x->head = *h;
    if (h->extra_data.len > 0)
        memcpy(x->extra_data, h->extra_data.ptr, h->extra_data.len);
    x->head.extra_data.ptr = x->extra_data;
    evm_world_set_block_hash(x->world, h->number, hash);
}

static void begin(struct importer *x, const struct genesis *genesis)
{
    for (size_t i = 0; i < genesis->account_count; i++) {
        const struct genesis_account *a = &genesis->accounts[i];
        evm_world_put_account(x->world, &a->addr, a->nonce, &a->balance, bytes_of(a->code, a->code_len));
        for (size_t s = 0; s < a->storage_count; s++) {
            const u256 slot = u256_from_be(a->storage[s].slot.b, sizeof a->storage[s].slot.b);
            evm_world_put_slot(x->world, &a->addr, &slot, &a->storage[s].value);
        }
    }
    struct header header = genesis->header;
    header.state_root = evm_world_root(x->world);
    const bytes32 hash = header_hash(&header);
    set_head(x, &header, &hash);
}

struct importer *importer_create(const struct genesis *genesis, bool strict)
{
    struct importer *x = calloc(1, sizeof *x);
    if (!x)
        abort();
    x->rules = (struct chain_rules){.chain_id = genesis->chain_id,
                                    .fees = genesis->fee_rules,
                                    .subsecond = genesis->subsecond,
                                    .forks = {{.rules = evm_rules_of(EVM_CANCUN)}},
                                    .fork_count = 1};
    x->strict = strict;
    x->arena = arena_create();
    x->world = evm_world_create(x->arena, evm_rules_of(EVM_CANCUN));
    const struct block_state state = {evm_world_host(x->world), x->world, world_root, set_world_rules};
    x->runner = block_runner_create(x->arena, &state);
    x->body = block_body_create();
    begin(x, genesis);
    if (x->runner)
        return x;
    importer_free(x);
    return NULL;
}

void importer_free(struct importer *x)
{
    if (!x)
        return;
    block_runner_free(x->runner);
    block_body_free(x->body);
    evm_world_free(x->world);
    arena_destroy(x->arena);
    free(x->hashes);
    free(x);
}

// What a gantry chain has no place for, though Ethereum's rules allow it.
static bool check_profile(const struct importer *x, struct block_verdict *out)
{
    const struct block_body *b = x->body;
    const struct header *h = &b->view.header;
    if (b->withdrawal_count > 0)
        return block_refuse(out, BLOCK_WITHDRAWALS, "a gantry chain has none");
    if (h->extra_data.len > 0)
        return block_refuse(out, BLOCK_FIELDS, "a gantry chain has no extra data");
    if (h->gas_limit != x->head.gas_limit)
        return block_refuse(out, BLOCK_GAS_LIMIT, "%" PRIu64 ", and a gantry chain keeps its genesis' %" PRIu64,
                            h->gas_limit, x->head.gas_limit);
    for (size_t i = 0; i < b->tx_count; i++) {
        if (b->txs[i].type == TX_BLOB || b->raw[i].len > TX_RAW_MAX) {
            const enum tx_status status = b->txs[i].type == TX_BLOB ? TX_BLOB_UNSUPPORTED : TX_TOO_LARGE;
            block_refuse(out, BLOCK_TRANSACTION, "number %zu: %s", i, tx_status_text(status));
            out->tx_status = status;
            return false;
        }
    }
    return true;
}

// Whether the chain is as high as this block is: then it has it, or another one.
static bool is_known(const struct importer *x, struct bytes rlp, enum import_answer *answer, struct block_verdict *out)
{
    struct block_view view;
    if (!block_decode_foreign(&view, rlp) || view.header.number > x->head.number)
        return false;
    const bytes32 hash = keccak256(view.header_rlp.ptr, view.header_rlp.len);
    *answer = bytes32_equal(&x->hashes[view.header.number], &hash) ? IMPORT_KNOWN : IMPORT_REFUSED;
    if (*answer == IMPORT_REFUSED)
        block_refuse(out, BLOCK_NUMBER, "the chain has another block %" PRIu64, view.header.number);
    return true;
}

enum import_answer importer_take(struct importer *x, struct bytes rlp, struct block_verdict *out)
{
    struct block_body *b = x->body;
    enum import_answer answer;
    if (is_known(x, rlp, &answer, out))
        return answer;
    const bytes32 parent_hash = importer_head_hash(x);
    if (!block_body_read(b, rlp, x->rules.chain_id, out) || (x->strict && !check_profile(x, out)) ||
        !block_accept(x->runner, &x->rules, &x->head, &parent_hash, b, &x->results, out))
        return IMPORT_REFUSED;
    set_head(x, &b->view.header, &b->hash);
    return IMPORT_TAKEN;
}

const struct header *importer_head(const struct importer *x)
{
    return &x->head;
}

bytes32 importer_head_hash(const struct importer *x)
{
    return x->hashes[x->head.number];
}

size_t importer_tx_count(const struct importer *x)
{
    return x->body->tx_count;
}

uint8_t *importer_record(const struct importer *x, size_t *len)
{
    const struct block_body *b = x->body;
    struct exec_counts counts = {0};
    counts.of[EXEC_ROUNDS_MAX][PASS_GLOBAL] = (uint32_t)b->tx_count;
    bytes32 *hashes = malloc((b->tx_count + 1) * sizeof *hashes);
    if (!hashes)
        abort();
    keccak256_batch(hashes, b->raw, b->tx_count);
    const struct record_input in = {.header = &x->head,
                                    .time_ms = x->head.timestamp * 1000,
                                    .tx_count = (uint32_t)b->tx_count,
                                    .raw_txs = b->raw,
                                    .tx_hashes = hashes,
                                    .senders = b->senders,
                                    .receipts = x->results.receipts,
                                    .counts = &counts};
    *len = record_size(&in);
    uint8_t *record = malloc(*len);
    if (!record)
        abort();
    record_put(record, &in);
    free(hashes);
    return record;
}
