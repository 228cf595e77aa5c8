#include "shard/tx_path.h"

#include "shard/internal.h"

#include <assert.h>

// Lines looked at for a hash: hashes that were made to fall on the same head must not make looking up slow.
#define CHAIN_MAX 64

// Lines are numbered from 1 on and written round a ring. heads[h] is the newest line whose hash falls on h, and each
// line names the one before it; a number that the ring has passed ends the search.
struct tx_paths {
    struct arena *arena;
    struct tx_path *lines;
    uint32_t *heads;
    uint32_t mask;   // of both tables
    uint32_t newest; // number, round 2^32
};

_Static_assert(sizeof(struct tx_path) == 64, "a cache line");
_Static_assert(SHARD_MAX <= 256 && PARTITION_COUNT <= 256, "home and partition are bytes");

// A power of two, so that numbers may wrap.
static uint32_t line_count(uint32_t capacity)
{
    uint32_t count = 1;
    while (count < capacity)
        count *= 2;
    return count;
}

uint32_t tx_paths_share(uint64_t total, unsigned shards)
{
    return (uint32_t)((total + shards - 1) / shards);
}

uint64_t tx_paths_bytes(uint32_t capacity)
{
    return capacity ? line_count(capacity) * (sizeof(struct tx_path) + sizeof(uint32_t)) : 0;
}

struct tx_paths *tx_paths_create(struct arena *arena, uint32_t capacity)
{
    if (capacity == 0)
        return NULL;
    assert(capacity <= TX_PATHS_MAX);
    struct tx_paths *p = arena_alloc_zero(arena, sizeof *p);
    p->arena = arena;
    p->mask = line_count(capacity) - 1;
    p->lines = arena_alloc_aligned(arena, ((size_t)p->mask + 1) * sizeof *p->lines, 64);
    p->heads = arena_alloc_zero(arena, ((size_t)p->mask + 1) * sizeof *p->heads);
    return p;
}

void tx_paths_free(struct tx_paths *paths)
{
    if (!paths)
        return;
    arena_free(paths->arena, paths->lines);
    arena_free(paths->arena, paths->heads);
    arena_free(paths->arena, paths);
}

static uint32_t *head_of(const struct tx_paths *p, const void *hash)
{
    return &p->heads[load_le32(hash) & p->mask];
}

static struct tx_path *line_at(const struct tx_paths *p, uint32_t number)
{
    return &p->lines[number & p->mask];
}

static uint32_t us_between(uint64_t from_ns, uint64_t to_ns)
{
    const uint64_t us = to_ns > from_ns ? (to_ns - from_ns) / 1000 : 0;
    return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

struct tx_path tx_path_of_pooled(const struct pooled_tx *t)
{
    struct tx_path path = {.received_ns = t->received_ns,
                           .taken_ns = t->proposed ? t->taken_ns : 0,
                           .verified_us = us_between(t->received_ns, t->verified_ns),
                           .pooled_us = us_between(t->received_ns, t->pooled_ns),
                           .home = (uint8_t)t->home,
                           .via = t->received_ns == 0                         ? TX_VIA_CAR
                                  : t->origin.connection == ORIGIN_SUBMISSION ? TX_VIA_RPC
                                                                              : TX_VIA_INGEST};
    memcpy(path.hash, t->hash.b, sizeof path.hash);
    return path;
}

static void add(struct tx_paths *p, struct tx_path *path)
{
    uint32_t *head = head_of(p, path->hash);
    if (++p->newest == 0)
        p->newest = 1;
    path->older = *head;
    *head = p->newest;
    *line_at(p, p->newest) = *path;
}

void tx_paths_add_ordered(struct tx_paths *paths, const struct pooled_tx *t, uint32_t list, uint32_t index,
                          const struct exec_result *result)
{
    if (!paths)
        return;
    struct tx_path path = tx_path_of_pooled(t);
    path.list = list;
    path.index = index;
    path.status = result->drop;
    path.success = result->success;
    path.round = result->round;
    path.pass = result->pass;
    path.reason = result->global_reason;
    path.partition = result->partition;
    add(paths, &path);
}

static struct tx_path *find(const struct tx_paths *p, const bytes32 *hash)
{
    uint32_t number = *head_of(p, hash->b), age = 0;
    // Ages rise along a chain that is whole; a line that was written over leads elsewhere.
    for (unsigned i = 0; i < CHAIN_MAX && number != 0; i++) {
        if (p->newest - number < age || p->newest - number > p->mask)
            break;
        struct tx_path *line = line_at(p, number);
        if (memcmp(line->hash, hash->b, sizeof line->hash) == 0)
            return line;
        age = p->newest - number + 1;
        number = line->older;
    }
    return NULL;
}

const struct tx_path *tx_paths_find(const struct tx_paths *paths, const bytes32 *hash)
{
    return paths ? find(paths, hash) : NULL;
}

static void complete(struct tx_paths *p, const struct pooled_tx *t)
{
    struct tx_path *line = find(p, &t->hash);
    if (!line || line->via != TX_VIA_CAR)
        return;
    const struct tx_path here = tx_path_of_pooled(t);
    line->received_ns = here.received_ns;
    line->verified_us = here.verified_us;
    line->pooled_us = here.pooled_us;
    line->home = here.home;
    line->via = here.via;
}

void tx_paths_add_left(struct tx_paths *paths, const struct pooled_tx *t, enum tx_status status, uint64_t now_ns)
{
    if (!paths)
        return;
    if (status == TX_OK) {
        complete(paths, t);
        return;
    }
    struct tx_path path = tx_path_of_pooled(t);
    path.taken_ns = now_ns;
    path.status = (uint8_t)status;
    add(paths, &path);
}
