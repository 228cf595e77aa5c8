// What the store's tests share: random but well-formed records, and folders that vanish.
#ifndef GANTRY_TESTS_ENGINE_STORE_FIXTURE_H
#define GANTRY_TESTS_ENGINE_STORE_FIXTURE_H

#include "engine/store/record.h"

// A chain of records. Each has a header whose parent is the one before.
struct fixture_chain {
    uint64_t seed;
    uint64_t height; // of the last record made
    bytes32 parent_hash;
};

void fixture_genesis(struct header *out, uint64_t timestamp);

// The encoding of the chain's next block, with tx_count random transactions and a few drops; malloc'ed. decoded may be
// NULL; else it points into the result.
uint8_t *fixture_record(struct fixture_chain *chain, uint32_t tx_count, size_t *len, struct record *decoded);

// A new empty folder below the build's temporary place; malloc'ed path.
char *fixture_folder(void);
// Removes it with what is in it, and frees the path.
void fixture_remove(char *path);

// Flips one bit of a file.
void fixture_damage(const char *dir, const char *name, uint64_t offset);

#endif
