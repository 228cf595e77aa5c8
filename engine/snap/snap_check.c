#include "engine/snap/snap_check.h"

#include "base/keccak.h"
#include "chain/logs.h"
#include "shard/partition.h"
#include "shard/trie/account_trie.h"

#include <stdlib.h>

// ---- the state

// Whether accounts say the storage roots that their slots make.
static bool has_its_root(void *ctx, const bytes32 *key, const struct account *account,
                         const struct account_contract *contract)
{
    const struct state *s = ctx;
    const uint32_t id = state_find(s, key);
    (void)account;
    if (id == STATE_NONE)
        return false;
    const bytes32 root = state_storage_root(s, id);
    return bytes32_equal(&root, &contract->storage_root);
}

static bool any_slot(void *ctx, const bytes32 *key, const bytes32 *slot, const u256 *value)
{
    (void)ctx, (void)key, (void)slot, (void)value;
    return true;
}

static bool partition_root(struct checkpoint *c, struct arena *arena, unsigned p, struct subroot *out,
                           char error[STORE_ERROR_MAX])
{
    struct state *states[PARTITION_COUNT] = {0};
    struct state *s = states[p] = state_create(arena);
    state_load_begin(s, checkpoint_accounts_in_partition(c));
    bool good = checkpoint_load(c, p, p + 1, states, error);
    state_load_end(s);
    if (good) {
        struct account_trie *trie = account_trie_create(arena, s);
        state_set_height(s, 0);
        account_trie_rebuild(&trie, 1);
        account_trie_subroot(trie, out);
        good = checkpoint_visit(c, p, p + 1, &(struct checkpoint_visitor){s, has_its_root, any_slot}, error);
        account_trie_free(trie);
    }
    state_free(s);
    return good;
}

bool snap_state_root(struct checkpoint *c, bytes32 *root, char error[STORE_ERROR_MAX])
{
    struct arena *arena = arena_create();
    struct codes *codes = codes_create(evm_rules_of(EVM_CANCUN));
    struct subroot *subroots = calloc(PARTITION_COUNT, sizeof *subroots);
    if (!subroots)
        abort();
    bool good = checkpoint_load_codes(c, codes, error);
    for (unsigned p = 0; p < PARTITION_COUNT && good; p++)
        good = partition_root(c, arena, p, &subroots[p], error);
    *root = state_root_join(subroots);
    free(subroots);
    codes_free(codes);
    arena_destroy(arena);
    return good;
}

// ---- blocks

static bool are_receipts(const struct record *r, const struct block_body *body)
{
    struct ordered_trie_scratch scratch = {0};
    struct bytes *encoded = calloc(r->tx_count + 1u, sizeof *encoded);
    bloom all = {{0}};
    if (!encoded)
        abort();
    for (uint32_t i = 0; i < r->tx_count; i++) {
        struct record_tx tx;
        record_tx_at(r, i, &tx);
        const struct receipt receipt = {.tx_type = (uint8_t)body->txs[i].type,
                                        .success = tx.success,
                                        .cumulative_gas = tx.cumulative_gas,
                                        .logs = tx.logs,
                                        .logs_bloom = logs_bloom(tx.logs)};
        bloom_or(&all, &receipt.logs_bloom);
        uint8_t *out = malloc(receipt_size(&receipt));
        if (!out)
            abort();
        encoded[i] = bytes_of(out, (size_t)(receipt_put(out, &receipt) - out));
    }
    const bytes32 root = ordered_trie_root(&scratch, encoded, r->tx_count);
    for (uint32_t i = 0; i < r->tx_count; i++)
        free((void *)(uintptr_t)encoded[i].ptr);
    free(encoded);
    ordered_trie_scratch_free(&scratch);
    return bytes32_equal(&root, &r->header.receipts_root) && memcmp(&all, &r->header.logs_bloom, sizeof all) == 0;
}

bool snap_record_is_sound(const struct record *r, struct block_body *body, uint64_t chain_id)
{
    struct block_verdict verdict;
    if (!block_body_read(body, r->block_rlp, chain_id, &verdict) || !block_body_check(body, &verdict) ||
        body->tx_count != r->tx_count)
        return false;
    bytes32 *hashes = malloc((r->tx_count + 1u) * sizeof *hashes);
    if (!hashes)
        abort();
    keccak256_batch(hashes, body->raw, r->tx_count);
    bool same = true;
    for (uint32_t i = 0; i < r->tx_count && same; i++) {
        struct record_tx tx;
        record_tx_at(r, i, &tx);
        same = bytes32_equal(&tx.hash, &hashes[i]) && memcmp(&tx.sender, &body->senders[i], sizeof tx.sender) == 0;
    }
    free(hashes);
    return same && are_receipts(r, body);
}
