// The inside of struct checkpoint, shared by checkpoint.c (the environment, loading) and checkpoint_write.c (the
// thread).
#ifndef GANTRY_ENGINE_STORE_CHECKPOINT_PRIVATE_H
#define GANTRY_ENGINE_STORE_CHECKPOINT_PRIVATE_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "engine/store/checkpoint.h"

#define BACKGROUND_JOBS_MAX 64

struct background_job {
    void (*run)(void *ctx);
    void *ctx;
};

struct checkpoint {
    MDB_env *env;
    MDB_dbi accounts, meta;
    bytes32 genesis_hash;
    // Held for reading by loads, for writing while the map is resized: LMDB wants no transaction then.
    pthread_rwlock_t map_lock;

    pthread_t thread;
    bool thread_runs;
    pthread_mutex_t lock; // guards what follows, up to the atomics
    pthread_cond_t wake;
    bool stop;
    // The write that waits; the thread owns it once pending is false again.
    bool pending;
    uint64_t next_height;
    bytes32 next_hash;
    struct checkpoint_part *parts;
    size_t part_count;
    struct background_job jobs[BACKGROUND_JOBS_MAX];
    unsigned job_count;
    struct hist times; // of writing

    _Atomic bool busy, abandoned;
    _Atomic uint64_t height, bytes;
    _Atomic bool has_failed;
    char failed[STORE_ERROR_MAX]; // written once, before has_failed
};

// Stores the head record in the transaction.
int checkpoint_put_head(struct checkpoint *c, MDB_txn *txn, uint64_t height, const bytes32 *block_hash, bool complete);
// Doubles the map. No transaction of this thread may be open.
int checkpoint_grow_map(struct checkpoint *c);
void checkpoint_update_bytes(struct checkpoint *c);

MUST_CHECK bool checkpoint_thread_start(struct checkpoint *c);
void checkpoint_thread_stop(struct checkpoint *c);

#endif
