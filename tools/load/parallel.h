// Work over a range of indices on all cores, in chunks, with its progress on standard error when it takes long.
#ifndef GANTRY_TOOLS_LOAD_PARALLEL_H
#define GANTRY_TOOLS_LOAD_PARALLEL_H

#include "base/bytes.h"

// Calls work(ctx, first, end) for disjoint ranges that cover 0..count, from several threads at once; returns when all
// are done. what names the work in the progress line ("signing transactions"); it is shown when more than a second
// passes.
void parallel_for(uint64_t count, uint64_t chunk, const char *what,
                  void (*work)(void *ctx, uint64_t first, uint64_t end), void *ctx);

// Processors that this process may use, at least 1.
unsigned usable_cores(void);

#endif
