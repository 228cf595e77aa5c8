#include "engine/block_store.h"

#include "engine/ancestors.h"

#include <stdlib.h>

// Transactions change at most their sender and their target: how dirty records are reckoned for the checkpoint.
#define RECORDS_PER_TX 2

struct stored_block {
    uint8_t *record;
    size_t len;
    uint64_t height;
};

struct held_checkpoint {
    bool held; // parts wait for the block's durability
    uint64_t height;
    bytes32 hash;
    struct state_batch parts[SHARD_MAX];
    unsigned part_count;
};

struct block_store {
    struct block_store_options options;
    struct stored_block *blocks; // appended and not yet shown
    size_t count, cap;
    struct held_checkpoint checkpoint;
    uint64_t dirty_records, last_checkpoint_ns;
};

struct block_store *block_store_create(const struct block_store_options *options, uint64_t now_ns)
{
    struct block_store *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->options = *options;
    s->last_checkpoint_ns = now_ns;
    return s;
}

void block_store_free(struct block_store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        free(s->blocks[i].record);
    for (unsigned i = 0; s->checkpoint.held && i < s->checkpoint.part_count; i++)
        state_batch_free(&s->checkpoint.parts[i]);
    free(s->blocks);
    free(s);
}

const char *block_store_append(struct block_store *s, uint64_t height, uint8_t *record, size_t len, size_t tx_count)
{
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        s->blocks = realloc(s->blocks, s->cap * sizeof *s->blocks);
        if (!s->blocks)
            abort();
    }
    s->blocks[s->count++] = (struct stored_block){record, len, height};
    s->dirty_records += RECORDS_PER_TX * tx_count;
    if (blog_append(s->options.blog, height, bytes_of(record, len)) == 0)
        return NULL;
    const char *why = blog_failed(s->options.blog);
    return why ? why : "the block log is full";
}

void block_store_flush(struct block_store *s)
{
    blog_flush(s->options.blog);
}

const char *block_store_step(struct block_store *s)
{
    if (blog_in_flight(s->options.blog))
        blog_step(s->options.blog, false);
    // It also fails outside of a step, when a flush or the preparing of its next file does.
    return blog_failed(s->options.blog);
}

bool block_store_in_flight(const struct block_store *s)
{
    return blog_in_flight(s->options.blog);
}

uint64_t block_store_durable(const struct block_store *s)
{
    return blog_durable(s->options.blog);
}

bool block_store_checkpoint_due(const struct block_store *s, uint64_t now_ns)
{
    if (s->checkpoint.held || checkpoint_busy(s->options.checkpoint))
        return false;
    return now_ns - s->last_checkpoint_ns >= s->options.checkpoint_interval_ns ||
           s->dirty_records >= s->options.checkpoint_records;
}

void block_store_hold_checkpoint(struct block_store *s, struct block_work *work, unsigned shard_count, uint64_t height,
                                 const bytes32 *hash, uint64_t now_ns)
{
    struct held_checkpoint *k = &s->checkpoint;
    k->held = true;
    k->height = height;
    k->hash = *hash;
    k->part_count = shard_count;
    for (unsigned i = 0; i < shard_count; i++) {
        k->parts[i] = work->parts[i];
        work->parts[i] = (struct state_batch){0};
    }
    s->last_checkpoint_ns = now_ns;
    s->dirty_records = 0;
}

static void show(struct block_store *s)
{
    const uint64_t durable = blog_durable(s->options.blog);
    size_t i = 0;
    for (; i < s->count && s->blocks[i].height <= durable; i++) {
        struct stored_block *b = &s->blocks[i];
        struct blog_place place = {0};
        if (!blog_place(s->options.blog, b->height, &place))
            abort();
        s->options.block_durable(s->options.ctx, b->height, b->record, b->len, place);
    }
    s->count -= i;
    memmove(s->blocks, s->blocks + i, s->count * sizeof *s->blocks);
}

static const char *start_checkpoint(struct block_store *s)
{
    struct held_checkpoint *k = &s->checkpoint;
    const char *why = checkpoint_failed(s->options.checkpoint);
    if (!k->held || why)
        return why;
    // It was not busy when the parts were taken.
    if (!checkpoint_start(s->options.checkpoint, k->height, &k->hash, k->parts, k->part_count))
        return "the state checkpoint could not be started";
    k->held = false;
    return NULL;
}

static void retain(struct block_store *s)
{
    const uint64_t keep = s->options.retain_blocks, last = blog_last(s->options.blog);
    const uint64_t checkpointed = checkpoint_height(s->options.checkpoint);
    if (keep == 0 || last <= keep)
        return;
    uint64_t below = last - keep < checkpointed ? last - keep : checkpointed;
    // A start from the checkpoint needs the hashes of the blocks before it.
    below = below > ANCESTORS_KEPT ? below - ANCESTORS_KEPT : 0;
    if (blog_retain(s->options.blog, below) > 0 && s->options.retained)
        s->options.retained(s->options.ctx, blog_first(s->options.blog));
}

const char *block_store_settle(struct block_store *s)
{
    if (s->count > 0)
        show(s);
    const char *why = start_checkpoint(s);
    if (!why)
        retain(s);
    return why;
}
