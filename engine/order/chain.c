#include "engine/order/chain.h"

#include <assert.h>
#include <stdlib.h>

enum { SEARCHED = 256 };

static void release(struct chain_entry *e)
{
    kept_block_unref(e->block);
    kept_cert_unref(e->cert);
}

static void clear_closing(struct closing *c)
{
    kept_cert_unref(c->cert);
    for (unsigned i = 0; i < c->tail_count; i++)
        kept_block_unref(c->tails[i]);
    *c = (struct closing){0};
}

void chain_free(struct chain *c)
{
    for (size_t i = 0; i < c->count; i++)
        release(&c->entries[i]);
    free(c->entries);
    for (unsigned i = 0; i < CLOSINGS_MAX; i++)
        clear_closing(&c->closings[i]);
    *c = (struct chain){0};
}

static void reserve(struct chain *c)
{
    if (c->count < c->cap)
        return;
    c->cap = c->cap == 0 ? 64 : 2 * c->cap;
    c->entries = realloc(c->entries, c->cap * sizeof *c->entries);
    if (!c->entries)
        abort();
}

void chain_append(struct chain *c, struct kept_block *block, struct kept_cert *cert, uint64_t turn)
{
    reserve(c);
    if (c->count == 0)
        c->first = block->header.height;
    assert(block->header.height == c->first + c->count);
    c->entries[c->count++] = (struct chain_entry){kept_block_ref(block), cert ? kept_cert_ref(cert) : NULL, turn};
}

void chain_prepend(struct chain *c, struct kept_block *block)
{
    reserve(c);
    memmove(c->entries + 1, c->entries, c->count * sizeof *c->entries);
    c->entries[0] = (struct chain_entry){.block = kept_block_ref(block)};
    c->first = block->header.height;
    c->count++;
}

const struct chain_entry *chain_at(const struct chain *c, uint64_t height)
{
    return height >= c->first && height - c->first < c->count ? &c->entries[height - c->first] : NULL;
}

struct kept_block *chain_find(const struct chain *c, const bytes32 *digest)
{
    for (size_t i = 0; i < c->count && i < SEARCHED; i++) {
        struct kept_block *b = c->entries[c->count - 1 - i].block;
        if (bytes32_equal(&b->digest, digest))
            return b;
    }
    for (unsigned i = 0; i < CLOSINGS_MAX; i++) {
        for (unsigned t = 0; t < c->closings[i].tail_count; t++) {
            if (bytes32_equal(&c->closings[i].tails[t]->digest, digest))
                return c->closings[i].tails[t];
        }
    }
    return NULL;
}

void chain_retain(struct chain *c, uint64_t from_height)
{
    size_t gone = 0;
    while (gone < c->count && c->first + gone < from_height)
        release(&c->entries[gone++]);
    if (gone > 0)
        memmove(c->entries, c->entries + gone, (c->count - gone) * sizeof *c->entries);
    c->count -= gone;
    c->first += gone;
}

void chain_close_epoch(struct chain *c, uint64_t epoch, struct kept_cert *cert, struct kept_block *const *tails,
                       unsigned tail_count)
{
    struct closing *closing = &c->closings[epoch % CLOSINGS_MAX];
    clear_closing(closing);
    closing->epoch = epoch;
    closing->cert = kept_cert_ref(cert);
    // Too long a row of tails is asked for elsewhere.
    for (unsigned i = 0; i < tail_count && i < CLOSING_TAILS_MAX; i++)
        closing->tails[closing->tail_count++] = kept_block_ref(tails[i]);
}

const struct closing *chain_closing(const struct chain *c, uint64_t epoch)
{
    const struct closing *closing = &c->closings[epoch % CLOSINGS_MAX];
    return closing->cert && closing->epoch == epoch ? closing : NULL;
}
