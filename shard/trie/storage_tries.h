// The storage tries of one partition's contracts: one trie each, its leaves the numbers of the contract's slots in the
// state. Inside of shard/trie; account_trie.c owns them. One owner thread.
#ifndef GANTRY_SHARD_TRIE_STORAGE_TRIES_H
#define GANTRY_SHARD_TRIE_STORAGE_TRIES_H

#include "shard/state/state.h"
#include "shard/trie/trie.h"

struct storage_tries {
    struct arena *arena;
    struct state *state;
    struct trie_pool *pool;
    struct trie *tries; // by number of contract
    uint32_t count;
    uint32_t *changed; // contracts whose root is due
    size_t changed_count, changed_capacity;
};

void storage_tries_init(struct storage_tries *t, struct state *state, struct trie_pool *pool);
void storage_tries_free(struct storage_tries *t);

// Takes the changed slots into the tries, or builds the tries from all slots (the pool is empty then), and adds those
// that changed to the hasher. Once that is finished, publish gives their roots to the state.
void storage_tries_take(struct storage_tries *t, struct trie_hasher *hasher);
void storage_tries_build(struct storage_tries *t, struct trie_hasher *hasher);
void storage_tries_publish(struct storage_tries *t);

// An account's trie, NULL when it has none.
const struct trie *storage_tries_of(const struct storage_tries *t, uint32_t contract);

#endif
