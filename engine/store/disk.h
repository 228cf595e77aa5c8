// What the store asks of a disk, so that the same log code runs on io_uring in production and on a simulated disk in
// the tests (which drops, reorders or tears whatever no completed fdatasync covers).
//
// Writing is asynchronous: submit, then poll for completions. What comes with one is a write and the sync that makes it
// durable, since nothing here writes without waiting for that. Opening, reading, listing, renaming and removing happen
// at start or rarely, and are synchronous. One owner thread.
#ifndef GANTRY_ENGINE_STORE_DISK_H
#define GANTRY_ENGINE_STORE_DISK_H

#include "base/bytes.h"

struct disk;

struct disk_completion {
    uint64_t tag;
    int result; // bytes written, or -errno
};

struct disk_ops {
    // Opens (creates when create is set) a file of the data folder by name; returns a handle >= 0 or -errno.
    int (*open)(struct disk *d, const char *name, bool create);
    void (*close)(struct disk *d, int file);
    int64_t (*size)(struct disk *d, int file);
    // Returns bytes read (short at the end) or -errno.
    int64_t (*read)(struct disk *d, int file, uint64_t offset, void *buf, size_t len);
    // Grows a file to len with zeros already allocated, so that later writes change no metadata. Durable on return.
    int (*allocate)(struct disk *d, int file, uint64_t len);
    int (*truncate)(struct disk *d, int file, uint64_t len);         // durable on return
    int (*remove)(struct disk *d, const char *name);                 // durable on return
    int (*rename)(struct disk *d, const char *from, const char *to); // durable on return
    // Calls visit for each name in the folder.
    int (*list)(struct disk *d, void (*visit)(void *ctx, const char *name), void *ctx);
    // A number that clients cannot guess, for a new log (blog_group.h).
    uint64_t (*salt)(struct disk *d);
    // Submits a write and a sync of the file behind it; buf stays valid until the completion with this tag. Returns 0,
    // or -errno when nothing was queued. May be held back until the next poll, which starts everything submitted in one
    // batch. A result of len: this, and every write to the file that completed before it was submitted, is durable.
    // Less: the write ended short, nothing is promised, the caller writes the rest.
    int (*write_sync)(struct disk *d, int file, uint64_t offset, const void *buf, size_t len, uint64_t tag);
    // Takes up to max completions (0: only starts what was submitted), waiting for the first when wait is set and
    // something is under way. Returns how many; 0 where it had to wait says that nothing under way will ever end.
    size_t (*poll)(struct disk *d, struct disk_completion *out, size_t max, bool wait);
};

struct disk {
    const struct disk_ops *ops;
};

#endif
