// A disk in memory that forgets what a real one may forget. Writes are volatile until a sync of their file that was
// submitted after they completed has completed; at a crash each volatile write, finished or not, is kept, dropped or
// torn, in any order. Opening, allocating, truncating, renaming and removing are durable on return, as disk.h promises.
// Everything random comes from the seed.
#ifndef GANTRY_ENGINE_SIM_SIM_DISK_H
#define GANTRY_ENGINE_SIM_SIM_DISK_H

#include "engine/store/disk.h"

struct sim_disk;

struct sim_disk *sim_disk_create(uint64_t seed);
void sim_disk_free(struct sim_disk *s);
struct disk *sim_disk_disk(struct sim_disk *s);

// Completions come when they are asked for, all at once: their owner keeps the time.
void sim_disk_prompt(struct sim_disk *s);

// From now on a completed sync covers nothing (a disk, or a program, without fdatasync).
void sim_disk_void_syncs(struct sim_disk *s);

// The power fails after this many more operations and completions: from then on every operation fails and none
// completes.
void sim_disk_power_off_after(struct sim_disk *s, uint64_t operations);
bool sim_disk_is_off(const struct sim_disk *s);
// Power comes back: what was volatile has been kept, dropped or torn. Open handles are gone. Turns the disk off first
// if it is still on.
void sim_disk_restart(struct sim_disk *s);

// The n-th operation from now (1 is the next) fails with this error; 0: it is a write that ends short (other operations
// then succeed). -1: forget.
#define SIM_SHORT_WRITE 0
void sim_disk_fail_at(struct sim_disk *s, int64_t n, int error);
// Operations counted so far.
uint64_t sim_disk_operations(const struct sim_disk *s);

// Direct access to a file's contents, NULL when there is none.
uint8_t *sim_disk_file(struct sim_disk *s, const char *name, size_t *len);
void sim_disk_truncate_file(struct sim_disk *s, const char *name, size_t len);
void sim_disk_remove_file(struct sim_disk *s, const char *name);
// A copy, for trying many endings of one history. No operation may be under way.
struct sim_disk *sim_disk_copy(const struct sim_disk *s);

#endif
