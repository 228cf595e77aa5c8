// The made-up state of bench merkle: accounts that follow from their number, alone or as a checkpoint on disk.
// One thread unless said otherwise.
#ifndef GANTRY_BENCH_MERKLE_ACCOUNTS_H
#define GANTRY_BENCH_MERKLE_ACCOUNTS_H

#include "engine/store/checkpoint.h"

// The key of account n of a partition. Any thread.
bytes32 merkle_key(unsigned partition, uint64_t n);
// How many of this many accounts are in a partition: its numbers are 0 to that. Any thread.
uint64_t merkle_accounts_in(uint64_t accounts, unsigned partition);
// The first `count` accounts of a partition as they are at first, in rising order of keys. Any thread.
void merkle_accounts_make(struct state_dirty *out, unsigned partition, uint64_t count);

// Sebastiano Vigna's splitmix64 (public domain).
uint64_t merkle_random(uint64_t *state);

// A checkpoint of such a state in a temporary folder.
struct merkle_checkpoint;

// Writes it, in a new folder under `under` (NULL: /var/tmp), and asks the kernel to forget the file's pages, so that
// loading reads the disk. NULL after a line on standard error.
struct merkle_checkpoint *merkle_checkpoint_create(const char *under, uint64_t accounts);
// Opens it as a node's start does. NULL after a line on standard error. The caller closes it.
struct checkpoint *merkle_checkpoint_open(const struct merkle_checkpoint *m);
// How much of the file is in this process's resident memory, bytes.
uint64_t merkle_checkpoint_resident(const struct merkle_checkpoint *m);
// Removes the folder; NULL is fine.
void merkle_checkpoint_remove(struct merkle_checkpoint *m);

#endif
