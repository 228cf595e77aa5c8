// The inside of struct account_trie, shared by account_trie.c and account_trie_prove.c.
#ifndef GANTRY_SHARD_TRIE_ACCOUNT_TRIE_PRIVATE_H
#define GANTRY_SHARD_TRIE_ACCOUNT_TRIE_PRIVATE_H

#include "shard/trie/account_trie.h"
#include "shard/trie/storage_tries.h"

#define PARTITION_DEPTH 2 // nibbles that the partition's number takes

struct account_trie {
    struct arena *arena;
    struct state *state;
    struct trie_pool pool;
    struct trie trie;
    struct storage_tries storage;
};

#endif
