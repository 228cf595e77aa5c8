// A small chain of random changes to accounts, codes and storage, and all its heights as plain arrays: what the state,
// the tries and checkpoints are held to. Roots of the model come from the naive trie.
#ifndef GANTRY_TESTS_SHARD_STORAGE_MODEL_H
#define GANTRY_TESTS_SHARD_STORAGE_MODEL_H

#include "shard/partition.h"
#include "shard/state/codes.h"
#include "shard/trie/account_trie.h"

#define MODEL_ACCOUNTS 20
#define MODEL_SLOTS 24
#define MODEL_CODES 5

struct model_account {
    struct account account;
    unsigned code; // 0: none
    u256 slots[MODEL_SLOTS];
};

// One height.
struct model {
    struct model_account accounts[MODEL_ACCOUNTS];
};

// The state under test, in one thread, beside the model's current height.
struct model_world {
    struct arena *arena;
    struct codes *codes;
    struct state *states[PARTITION_COUNT];
    struct account_trie *tries[PARTITION_COUNT];
    bytes32 keys[MODEL_ACCOUNTS]; // in three partitions
    u256 slots[MODEL_SLOTS];      // small numbers and hashes
    bytes32 codes_by_number[MODEL_CODES];
    struct model now;
    uint64_t height;
};

struct model_world *model_world_new(uint64_t *random);
void model_world_free(struct model_world *w);

// Begins a block, makes up to `changes` random changes, ends it. The tries aren't updated.
void model_block(struct model_world *w, unsigned changes, uint64_t *random);
void model_update_tries(struct model_world *w);

bool model_exists(const struct model_account *a);
bytes32 model_code_hash(const struct model_world *w, const struct model_account *a);
bytes32 model_storage_root(const struct model_world *w, const struct model_account *a);
bytes32 model_root(const struct model_world *w);
// The root by the tries.
bytes32 model_world_root(const struct model_world *w);
// The states hold exactly the model's current height.
void model_expect_states(const struct model_world *w, struct state **states, const char *when);

#endif
