// The set of senders that were put off in this round. Empty in nearly every round, so asking it must then cost nothing.
// Internal to shard/exec; one owner thread.
#ifndef GANTRY_SHARD_EXEC_SENDER_SET_H
#define GANTRY_SHARD_EXEC_SENDER_SET_H

#include "base/arena.h"

// Open addressing, at most half full. Keys are referred to, not copied. Where a key lands depends on a secret of the
// process, so that nobody can make keys that crowd one place; no answer depends on it.
struct sender_set {
    struct arena *arena;
    uint64_t seed;
    const bytes32 **slots;
    size_t slot_count; // 0 or a power of two
    size_t count;
};

void sender_set_init(struct sender_set *set, struct arena *arena);
void sender_set_free(struct sender_set *set);
void sender_set_clear(struct sender_set *set);
// The key is not in the set yet, and stays valid until the set is cleared.
void sender_set_add(struct sender_set *set, const bytes32 *key);
bool sender_set_search(const struct sender_set *set, const bytes32 *key);

static inline bool sender_set_has(const struct sender_set *set, const bytes32 *key)
{
    return set->count != 0 && sender_set_search(set, key);
}

#endif
