// A disk that works until a given write and then fails in the ways asked for; everything else is the disk's behind it.
#ifndef GANTRY_TESTS_FAILING_DISK_H
#define GANTRY_TESTS_FAILING_DISK_H

#include "engine/store/disk.h"

struct failing_disk;

// From write number `after` on, submitting a write, a write's completion and the opening of new files give these errors
// (-errno; 0: they work). Freed with free().
struct failing_disk *failing_disk_create(struct disk *behind, unsigned after, int submit_error, int write_error,
                                         int open_error);
struct disk *failing_disk(struct failing_disk *f);

#endif
