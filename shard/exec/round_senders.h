// What a round knows of some senders: those that were put off, are bound to a partition, or had a call that escaped.
// Empty in many rounds, so asking it must then cost nothing. Internal to shard/exec; one owner thread.
#ifndef GANTRY_SHARD_EXEC_ROUND_SENDERS_H
#define GANTRY_SHARD_EXEC_ROUND_SENDERS_H

#include "base/arena.h"

struct sender_entry {
    const bytes32 *key; // NULL: free
    uint16_t tag;       // of its hash: other senders' keys, which lie anywhere in memory, are hardly ever read
    bool put_off;       // an earlier transaction waits, so the later ones wait too
    uint8_t bound_to;   // with reserved > 0: the partition that its calls were sent to
    uint32_t reserved;  // its calls whose nonce and money are taken, and which haven't run
};

// Open addressing, at most half full. Keys are referred to, not copied. Where a key lands depends on a secret of the
// process, so that nobody can make keys that crowd one place; no answer depends on it.
struct round_senders {
    struct arena *arena;
    uint64_t seed;
    struct sender_entry *entries;
    size_t size; // 0 or a power of two
    size_t count;
};

void round_senders_init(struct round_senders *t, struct arena *arena);
void round_senders_free(struct round_senders *t);
void round_senders_clear(struct round_senders *t);
// The entry of a sender, made when there is none. The key stays valid until the table is cleared, the entry until the
// next one is made.
struct sender_entry *round_senders_need(struct round_senders *t, const bytes32 *key);
struct sender_entry *round_senders_search(const struct round_senders *t, const bytes32 *key);

// NULL when there is none.
static inline struct sender_entry *round_senders_find(const struct round_senders *t, const bytes32 *key)
{
    return t->count != 0 ? round_senders_search(t, key) : NULL;
}

#endif
