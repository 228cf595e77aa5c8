// Where a thread keeps the logs of a block's transactions until the block is assembled. A bloom is there only after
// log_memory_finish, which makes the hashes of many at once. Internal to shard/exec; one owner thread.
#ifndef GANTRY_SHARD_EXEC_LOG_MEMORY_H
#define GANTRY_SHARD_EXEC_LOG_MEMORY_H

#include "shard/evm/evm.h"
#include "shard/exec/exec.h"

#define LOG_BLOOM_BATCH 64
#define LOG_SEEN_SIZE 256u // power of two

// An address or topic that was in a log lately: contracts and kinds of events come again and again.
struct log_seen {
    size_t len; // 0: none
    uint8_t item[32];
    bytes32 hash;
};

struct log_chunk;
struct kept_logs;

struct log_memory {
    struct arena *arena;
    struct log_chunk *chunks; // the one being filled first
    struct log_chunk *spare;
    struct kept_logs *first_open, *last_open; // without a bloom yet
    size_t pending;
    struct bytes items[LOG_BLOOM_BATCH]; // to be hashed into blooms
    bloom *into[LOG_BLOOM_BATCH];
    struct log_seen seen[LOG_SEEN_SIZE];
};

void log_memory_init(struct log_memory *m, struct arena *arena);
void log_memory_free(struct log_memory *m);
void log_memory_clear(struct log_memory *m);
// A transaction's logs; NULL for none.
const struct exec_logs *log_memory_keep(struct log_memory *m, const struct evm_log *logs, size_t count);
// The blooms of all that was kept since the last time.
void log_memory_finish(struct log_memory *m);

#endif
