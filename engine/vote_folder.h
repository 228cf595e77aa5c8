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

#include "engine/store/store_error.h"

#include <limits.h>

struct vote_folder {
    char log_dir[PATH_MAX], guard_dir[PATH_MAX];
    bool recover; // the mark is there
    int lock;
    char mark[PATH_MAX];
};

// For a new key: the folder of its guard (made when missing) and an empty guard. false with a message; a guard that is
// there already is refused.
MUST_CHECK bool vote_folder_new_guard(const char *guard_dir, char error[STORE_ERROR_MAX]);

// For a node that is starting, whose data folder is open and locked. false with a message: no guard and no mark,
// another process signs with this key, or the system refuses. With the mark and no guard, a new guard is made.
MUST_CHECK bool vote_folder_open(struct vote_folder *f, const char *data, const char *guard_dir,
                                 char error[STORE_ERROR_MAX]);
// The log that recovering begins with is durable: the mark goes, so that the next loss is asked about again.
MUST_CHECK bool vote_folder_recovered(struct vote_folder *f, char error[STORE_ERROR_MAX]);
void vote_folder_close(struct vote_folder *f);

// `gantry recover`, with the data folder open and locked: sets the log aside (its folder's new name is in aside) and
// leaves the mark. false with a message, also where there is nothing to recover: the mark is there already.
MUST_CHECK bool vote_folder_mark(const char *data, char aside[PATH_MAX], char error[STORE_ERROR_MAX]);

#endif
