// The inside of struct checkpoint, shared by checkpoint.c (the environment), checkpoint_load.c,
// checkpoint_initial.c and checkpoint_write.c (the thread).
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
    MDB_dbi accounts, slots, codes, meta;
    bytes32 genesis_hash;
    MDB_txn *pin; // the thread's: what others read (checkpoint_snapshot.h), NULL for none
    bytes32 pinned;
    struct codes *known_codes; // NULL: none are written
    size_t codes_on_disk;      // of known_codes, in their order; the thread's while it writes
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
    struct state_batch *parts;
    size_t part_count;
    const struct evm_code **new_codes;
    size_t new_code_count;
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
// The head record, as far as there is one (else *complete is false). False with a message that begins with what.
MUST_CHECK bool checkpoint_get_head(struct checkpoint *c, MDB_txn *txn, const char *what, uint64_t *height,
                                    bytes32 *block_hash, bool *complete, char error[STORE_ERROR_MAX]);
// Drops all records and leaves an incomplete head.
int checkpoint_empty(struct checkpoint *c, uint64_t height, const bytes32 *block_hash);
// One code's record.
int checkpoint_put_code(struct checkpoint *c, MDB_txn *txn, const struct evm_code *code);
// Commits when the work went well.
int checkpoint_finish(MDB_txn *txn, int rc);
bool checkpoint_fail(char error[STORE_ERROR_MAX], const char *what, int rc);
// Doubles the map. No transaction of this thread may be open.
int checkpoint_grow_map(struct checkpoint *c);
void checkpoint_update_bytes(struct checkpoint *c);

// A slot's key: keccak256 of the account's address, then the slot's number, big-endian.
struct slot_key {
    bytes32 account, slot;
};

MUST_CHECK bool checkpoint_thread_start(struct checkpoint *c);
void checkpoint_thread_stop(struct checkpoint *c);

#endif
