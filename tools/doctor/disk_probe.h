// What a folder's disk is and how fast it syncs. One thread.
#ifndef GANTRY_TOOLS_DOCTOR_DISK_PROBE_H
#define GANTRY_TOOLS_DOCTOR_DISK_PROBE_H

#include "base/bytes.h"

#define DISK_PATH_MAX 4096

struct disk_probe {
    char folder[DISK_PATH_MAX]; // the folder asked for, or its nearest existing parent
    const char *filesystem;     // "ext4", "tmpfs", ..., or "unknown"
    bool in_memory;             // nothing there survives a power cut
    uint64_t free_bytes;
    bool syncs;                        // the two below were measured
    uint64_t sync_p50_ns, sync_p99_ns; // 4 KiB overwritten and fdatasync, into a preallocated file
};

// Measures with sync_count syncs (0: none) in a temporary file there. False with errno when the folder can't be
// looked at; when only the file can't be written, syncs is false.
MUST_CHECK bool disk_probe(struct disk_probe *out, const char *folder, unsigned sync_count);

#endif
