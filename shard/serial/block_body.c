#include "shard/serial/block_body.h"

#include "base/keccak.h"

#include <inttypes.h>
#include <stdlib.h>

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

struct block_body *block_body_create(void)
{
    struct block_body *body = must(calloc(1, sizeof *body));
    body->verifier = must(sv_create());
    return body;
}

void block_body_free(struct block_body *body)
{
    if (!body)
        return;
    sv_free(body->verifier);
    ordered_trie_scratch_free(&body->scratch);
    free(body->raw);
    free(body->txs);
    free(body->senders);
    free(body->items);
    free(body->results);
    free(body->withdrawals);
    free(body->leaves);
    free(body);
}

static void reserve_tx(struct block_body *b)
{
    if (b->tx_count < b->tx_capacity)
        return;
    const size_t n = b->tx_capacity = 2 * b->tx_capacity + 64;
    b->raw = must(realloc(b->raw, n * sizeof *b->raw));
    b->txs = must(realloc(b->txs, n * sizeof *b->txs));
    b->senders = must(realloc(b->senders, n * sizeof *b->senders));
    b->items = must(realloc(b->items, n * sizeof *b->items));
    b->results = must(realloc(b->results, n * sizeof *b->results));
}

static void reserve_withdrawal(struct block_body *b)
{
    if (b->withdrawal_count < b->withdrawal_capacity)
        return;
    const size_t n = b->withdrawal_capacity = 2 * b->withdrawal_capacity + 16;
    b->withdrawals = must(realloc(b->withdrawals, n * sizeof *b->withdrawals));
    b->leaves = must(realloc(b->leaves, n * sizeof *b->leaves));
}

static bool refuse_tx(struct block_verdict *out, size_t index, enum tx_status status)
{
    block_refuse(out, BLOCK_TRANSACTION, "number %zu: %s", index, tx_status_text(status));
    out->tx_status = status;
    return false;
}

static bool read_txs(struct block_body *b, uint64_t chain_id, struct block_verdict *out)
{
    struct bytes raw;
    int got;
    for (b->tx_count = 0; (got = block_next_tx(&b->view, &raw)) == 1; b->tx_count++) {
        reserve_tx(b);
        struct tx *tx = &b->txs[b->tx_count];
        const enum tx_status status = tx_decode_foreign(tx, raw, chain_id);
        if (status != TX_OK)
            return refuse_tx(out, b->tx_count, status);
        b->raw[b->tx_count] = raw;
        b->items[b->tx_count] = (struct sv_item){
            .hash = tx_signing_hash(tx), .r = tx->r, .s = tx->s, .v = tx->y_parity, .require_low_s = true};
    }
    return got == 0 || block_refuse(out, BLOCK_MALFORMED, "transaction %zu is no RLP", b->tx_count);
}

static bool recover_senders(struct block_body *b, struct block_verdict *out)
{
    sv_recover(b->verifier, b->results, b->items, b->tx_count);
    for (size_t i = 0; i < b->tx_count; i++) {
        if (b->results[i].status != SV_OK)
            return refuse_tx(out, i, TX_BAD_SIGNATURE);
        b->senders[i] = b->results[i].signer;
    }
    return true;
}

static bool read_withdrawals(struct block_body *b, struct block_verdict *out)
{
    struct withdrawal w;
    int got;
    for (b->withdrawal_count = 0; (got = block_next_withdrawal(&b->view, &w)) == 1; b->withdrawal_count++) {
        reserve_withdrawal(b);
        b->withdrawals[b->withdrawal_count] = w;
        b->leaves[b->withdrawal_count] = w.rlp;
    }
    return got == 0 || block_refuse(out, BLOCK_MALFORMED, "withdrawal %zu is none", b->withdrawal_count);
}

bool block_body_read(struct block_body *b, struct bytes rlp, uint64_t chain_id, struct block_verdict *out)
{
    b->rlp = rlp;
    if (!block_decode_foreign(&b->view, rlp))
        return block_refuse(out, BLOCK_MALFORMED, "no block, or a header field of a wrong kind or size");
    b->hash = keccak256(b->view.header_rlp.ptr, b->view.header_rlp.len);
    return read_txs(b, chain_id, out) && read_withdrawals(b, out) && recover_senders(b, out);
}

bool block_body_check(struct block_body *b, struct block_verdict *out)
{
    const struct header *h = &b->view.header;
    const bool has_root = h->optional_count > 0;
    const bytes32 txs = ordered_trie_root(&b->scratch, b->raw, b->tx_count);
    const bytes32 ommers = keccak256(b->view.ommers_rlp.ptr, b->view.ommers_rlp.len);
    if (!block_compare_hash(out, BLOCK_OMMERS, &h->ommers_hash, &ommers) ||
        !block_compare_hash(out, BLOCK_TRANSACTIONS_ROOT, &h->transactions_root, &txs))
        return false;
    if (has_root != b->view.has_withdrawals)
        return block_refuse(out, BLOCK_WITHDRAWALS, "header and body don't agree on whether there are any");
    if (!has_root)
        return true;
    const bytes32 withdrawals = ordered_trie_root(&b->scratch, b->leaves, b->withdrawal_count);
    return block_compare_hash(out, BLOCK_WITHDRAWALS, &h->withdrawals_root, &withdrawals);
}
