#include "shard/state/codes.h"

#include "base/keccak.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST_ENTRIES = 64 };

// An account that lost its code stays, with none.
struct entry {
    bytes32 key;
    const struct evm_code *code; // NULL: free
};

struct codes {
    struct arena *arena;
    struct evm_code_table *table;
    const struct evm_code **list; // in order of adding
    size_t list_capacity;
    pthread_mutex_t loading; // of the directory
    // Open addressing with linear probing, at most half full. Where a key lands is a secret of the process: an address
    // can be ground until its hash begins as one likes.
    struct entry *entries;
    size_t entry_count, entry_capacity; // power of two
    uint64_t seed;
};

struct codes *codes_create(const struct evm_rules *rules)
{
    struct arena *arena = arena_create();
    struct codes *c = arena_alloc_zero(arena, sizeof *c);
    c->arena = arena;
    c->table = evm_code_table_create(arena, rules);
    pthread_mutex_init(&c->loading, NULL);
    c->entry_capacity = FIRST_ENTRIES;
    c->entries = arena_alloc_zero(arena, c->entry_capacity * sizeof *c->entries);
    if (getrandom(&c->seed, sizeof c->seed, GRND_NONBLOCK) != (ssize_t)sizeof c->seed)
        c->seed = (uintptr_t)c;
    return c;
}

void codes_free(struct codes *c)
{
    if (!c)
        return;
    pthread_mutex_destroy(&c->loading);
    evm_code_table_free(c->table);
    arena_free(c->arena, c->entries);
    arena_free(c->arena, c->list);
    struct arena *arena = c->arena;
    arena_free(arena, c);
    arena_destroy(arena);
}

const struct evm_code *codes_find(const struct codes *c, const bytes32 *hash)
{
    return evm_code_table_find(c->table, hash);
}

const struct evm_code *codes_add(struct codes *c, const bytes32 *hash, struct bytes bytes)
{
    const size_t before = evm_code_table_count(c->table);
    const struct evm_code *code = evm_code_table_add(c->table, hash, bytes);
    if (evm_code_table_count(c->table) == before)
        return code;
    if (before == c->list_capacity) {
        c->list_capacity += c->list_capacity / 2 + 16;
        c->list = arena_realloc(c->arena, c->list, c->list_capacity * sizeof *c->list);
    }
    c->list[before] = code;
    return code;
}

size_t codes_count(const struct codes *c)
{
    return evm_code_table_count(c->table);
}

const struct evm_code *codes_at(const struct codes *c, size_t i)
{
    return c->list[i];
}

static struct entry *find_entry(const struct codes *c, const bytes32 *key)
{
    size_t i = XXH3_64bits_withSeed(key->b, sizeof key->b, c->seed) & (c->entry_capacity - 1);
    while (c->entries[i].code && !bytes32_equal(&c->entries[i].key, key))
        i = (i + 1) & (c->entry_capacity - 1);
    return &c->entries[i];
}

const struct evm_code *codes_of_account(const struct codes *c, const bytes32 *key)
{
    const struct entry *e = find_entry(c, key);
    return e->code ? e->code : &EVM_NO_CODE;
}

static void grow(struct codes *c)
{
    struct entry *old = c->entries;
    const size_t old_capacity = c->entry_capacity;
    c->entry_capacity *= 2;
    c->entries = arena_alloc_zero(c->arena, c->entry_capacity * sizeof *c->entries);
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].code)
            *find_entry(c, &old[i].key) = old[i];
    }
    arena_free(c->arena, old);
}

void codes_set_account(struct codes *c, const bytes32 *key, const struct evm_code *code)
{
    pthread_mutex_lock(&c->loading);
    struct entry *e = find_entry(c, key);
    if (!e->code) {
        if (2 * (c->entry_count + 1) > c->entry_capacity) {
            grow(c);
            e = find_entry(c, key);
        }
        e->key = *key;
        c->entry_count++;
    }
    e->code = code;
    pthread_mutex_unlock(&c->loading);
}
