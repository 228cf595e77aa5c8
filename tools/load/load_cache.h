// The file of a signed set: a header that repeats the plan, then senders, hashes and frames, all under one checksum.
// Private to load_set.c; one thread.
#ifndef GANTRY_TOOLS_LOAD_LOAD_CACHE_H
#define GANTRY_TOOLS_LOAD_LOAD_CACHE_H

#include "tools/load/load_set.h"

struct load_file {
    void *map; // of the whole file, writable until it is kept
    size_t map_len;
    char path[4096]; // where it will be kept; empty: nowhere
    char temporary[4096];
};

// Maps the file of the plan when there is a whole one with at least plan->count items.
MUST_CHECK bool load_file_find(struct load_file *out, const struct load_plan *plan, size_t stride, const char *dir);
// A new one with room for plan->count items; its contents are to be filled in. False with error.
MUST_CHECK bool load_file_create(struct load_file *out, const struct load_plan *plan, size_t stride, const char *dir,
                                 char error[LOAD_ERROR_MAX]);
// Checksums it and gives it its name; when that fails the set still serves this run. Removes the oldest others beyond
// LOAD_CACHE_BYTES_MAX.
void load_file_keep(struct load_file *file, const char *dir);

uint32_t load_file_count(const struct load_file *file);
uint32_t *load_file_senders(const struct load_file *file);
bytes32 *load_file_hashes(const struct load_file *file);
uint8_t *load_file_frames(const struct load_file *file);

#endif
