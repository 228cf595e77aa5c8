// Where a validator keeps what it must never forget, and who may use it:
//
//   DATA/ordering/     the write-ahead log of ordering (engine/order/wal.h)
//   DATA/recover       a mark: the log was lost; go on without voting until that is safe (`gantry recover`)
//   GUARD/sign-guard   the sign guard (engine/order/guard.h), made once with the key and never again
//   GUARD/lock         held (flock) by the process that signs with this key
//
// The guard stands beside the key, so that deleting or setting back the data folder does not make the key forget that
// it has voted. A guard that is missing is refused: only who made the key knows whether it has voted.
#ifndef GANTRY_ENGINE_VOTE_FOLDER_H
#define GANTRY_ENGINE_VOTE_FOLDER_H

#include "base/bytes.h"
#include "engine/store/store_error.h"

#include <limits.h>

struct vote_folder {
    char log_dir[PATH_MAX], guard_dir[PATH_MAX];
    bool recover; // the mark is there: for struct validator_config
    int lock;
    char data[PATH_MAX];
};

// The folder of the guard: `guard` where the configuration names one, else the validator key's. False: too long.
MUST_CHECK bool vote_folder_guard_dir(char out[PATH_MAX], const char *guard, const char *validator_key);

// For a new key: an empty guard in this folder, which is there. false with a message, also where there is a guard.
MUST_CHECK bool vote_folder_new_guard(const char *guard_dir, char error[STORE_ERROR_MAX]);

// For a node that is starting, whose data folder is open and locked. false with a message: no guard and no mark,
// another process signs with this key, or the system refuses. With the mark and without a guard, a new one is made.
MUST_CHECK bool vote_folder_open(struct vote_folder *f, const char *data, const char *guard_dir,
                                 char error[STORE_ERROR_MAX]);
// After validator_open: what it recovers with is durable, so the mark goes; the next loss is asked about again.
MUST_CHECK bool vote_folder_opened(struct vote_folder *f, char error[STORE_ERROR_MAX]);
void vote_folder_close(struct vote_folder *f);

// Sets the log of ordering aside, if there is one: a state was fetched that is of a later epoch.
MUST_CHECK bool vote_folder_set_log_aside(const char *data, char error[STORE_ERROR_MAX]);

// `gantry recover`, with the data folder open and locked: sets aside the log, and a guard that can't be read (their
// folder or file is renamed, *aside tells how, or is empty when nothing was there), and leaves the mark. false with a
// message, also while a process signs with this key.
MUST_CHECK bool vote_folder_mark(const char *data, const char *guard_dir, const bytes32 *genesis_hash,
                                 char aside[PATH_MAX], char error[STORE_ERROR_MAX]);

#endif
