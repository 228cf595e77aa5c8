// The folder that a node keeps its chain in:
//
//   lock       held (flock) by the process that uses the folder; its process id as text
//   identity   which chain this is: file header and the RLP of the genesis block's header
//   log/       the block log's segments and their indices
//   state/     the checkpoint's LMDB environment
//
// Open and close on one thread; the rest on any.
#ifndef GANTRY_ENGINE_STORE_DATA_FOLDER_H
#define GANTRY_ENGINE_STORE_DATA_FOLDER_H

#include "chain/header.h"
#include "engine/store/file_header.h"

struct data_folder;

// Opens the folder for the chain with this genesis header, creating it (parents too) when it is not there. NULL with a
// message when another process holds it, it is another chain's, a newer format's, not empty and no data folder, or the
// system refuses.
struct data_folder *data_folder_open(const char *path, const struct header *genesis, char error[STORE_ERROR_MAX]);
// Opens a folder that exists, whatever its chain, and locks it.
struct data_folder *data_folder_open_existing(const char *path, char error[STORE_ERROR_MAX]);
void data_folder_close(struct data_folder *f);

// The genesis header; valid while the folder is open.
const struct header *data_folder_genesis(const struct data_folder *f);
bytes32 data_folder_genesis_hash(const struct data_folder *f);
const char *data_folder_log_dir(const struct data_folder *f);
const char *data_folder_state_dir(const struct data_folder *f);

enum data_folder_found {
    DATA_FOLDER_KNOWN,
    DATA_FOLDER_NONE, // no folder, or no identity in it
    DATA_FOLDER_BAD,  // damaged, of a newer format, or unreadable
};
// The genesis header in the folder's identity file, read without locking; a message unless it is known. buf holds what
// *out points into.
MUST_CHECK enum data_folder_found data_folder_find(const char *path, struct header *out, bytes32 *hash,
                                                   uint8_t buf[FILE_HEADER_BYTES + HEADER_ENCODED_MAX],
                                                   char error[STORE_ERROR_MAX]);
// Process that holds the folder, 0 when none does (as far as the lock file tells).
long data_folder_holder(const char *path);

#endif
