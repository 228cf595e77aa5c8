#include "engine/root_history.h"

#include "shard/partition.h"

#include <pthread.h>
#include <stdlib.h>

struct kept_height {
    uint64_t height;
    bool filled;
    struct subroot subroots[PARTITION_COUNT];
};

struct root_history {
    pthread_mutex_t lock;
    struct kept_height heights[STATE_HISTORY_BLOCKS]; // height h at h mod STATE_HISTORY_BLOCKS
};

struct root_history *root_history_create(void)
{
    struct root_history *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void root_history_free(struct root_history *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void root_history_put(struct root_history *r, uint64_t height, const struct subroot subroots[256])
{
    struct kept_height *k = &r->heights[height % STATE_HISTORY_BLOCKS];
    pthread_mutex_lock(&r->lock);
    k->height = height;
    k->filled = true;
    memcpy(k->subroots, subroots, sizeof k->subroots);
    pthread_mutex_unlock(&r->lock);
}

int root_history_prove(struct root_history *r, uint64_t height, const bytes32 *key, struct proof *out)
{
    const struct kept_height *k = &r->heights[height % STATE_HISTORY_BLOCKS];
    struct subroot *copy = malloc(sizeof k->subroots);
    if (!copy)
        abort();
    // The proof is made from a copy: the coordinator does not wait for it.
    pthread_mutex_lock(&r->lock);
    const bool kept = k->filled && k->height == height;
    if (kept)
        memcpy(copy, k->subroots, sizeof k->subroots);
    pthread_mutex_unlock(&r->lock);
    const int follows = kept ? state_root_prove(out, copy, key) : -1;
    free(copy);
    return follows;
}
