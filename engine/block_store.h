// What becomes of a sealed block: appended to the log, shown when it is durable; a state checkpoint taken with it is
// started only then; blocks behind a checkpoint and past their retention are let go. The coordinator's, on its thread.
#ifndef GANTRY_ENGINE_BLOCK_STORE_H
#define GANTRY_ENGINE_BLOCK_STORE_H

#include "engine/store/blog.h"
#include "engine/store/checkpoint.h"
#include "shard/message.h"

struct block_store_options {
    struct blog *blog;
    struct checkpoint *checkpoint;
    uint64_t checkpoint_interval_ns;
    uint64_t checkpoint_records; // due after this many dirty records
    uint64_t retain_blocks;      // bodies kept in the log; 0: all
    // Told each durable block, on the coordinator's thread: takes over record (malloc'ed).
    void (*block_durable)(void *ctx, uint64_t height, uint8_t *record, size_t len, struct blog_place place);
    void (*retained)(void *ctx, uint64_t first_height); // may be NULL
    void *ctx;
};

struct block_store;

struct block_store *block_store_create(const struct block_store_options *options, uint64_t now_ns);
void block_store_free(struct block_store *s);

// These return NULL, or why nothing further can be stored.
// Takes over record (malloc'ed), a block's of this many transactions; it waits for block_store_flush.
const char *block_store_append(struct block_store *s, uint64_t height, uint8_t *record, size_t len, size_t tx_count);
void block_store_flush(struct block_store *s);
// Takes what the disk has completed.
const char *block_store_step(struct block_store *s);
// Once all that was appended is durable: shows it, starts the checkpoint that was held, retains.
const char *block_store_settle(struct block_store *s);

bool block_store_in_flight(const struct block_store *s);
uint64_t block_store_durable(const struct block_store *s); // height

// Whether the next block should be one with a checkpoint.
bool block_store_checkpoint_due(const struct block_store *s, uint64_t now_ns);
// Takes the shards' records (work->parts) of the block just appended until it is durable.
void block_store_hold_checkpoint(struct block_store *s, struct block_work *work, unsigned shard_count, uint64_t height,
                                 const bytes32 *hash, uint64_t now_ns);

#endif
