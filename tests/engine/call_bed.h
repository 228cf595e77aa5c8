// Requests (engine/calls) carried out on a state in memory, records of which may come late.
#ifndef GANTRY_TESTS_ENGINE_CALL_BED_H
#define GANTRY_TESTS_ENGINE_CALL_BED_H

#include "engine/calls/call_request.h"
#include "shard/evm/world.h"

struct call_bed {
    struct arena *arena;
    const struct evm_rules *rules;
    struct evm_world *world;
    struct precompiles *precompiles;
    struct evm *evm;
    uint64_t late;        // seed: each record comes late with a chance of one half; 0: never
    uint64_t slice;       // gas; 0: one slice for all
    uint64_t oldest;      // heights below are not kept
    size_t pauses, waits; // of the last run
};

void call_bed_open(struct call_bed *b, enum evm_fork fork);
void call_bed_close(struct call_bed *b);
// A dev-like block at Cancun, and one transaction to be filled in.
struct call_request *call_bed_request(enum call_kind kind);
void call_bed_run(struct call_bed *b, struct call_request *request);

#endif
