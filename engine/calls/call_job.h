// One request being carried out: a state machine that runs the EVM in slices. It asks no clock and holds no thread: who
// drives it says how long a slice is and fetches the records that it waits for.
#ifndef GANTRY_ENGINE_CALLS_CALL_JOB_H
#define GANTRY_ENGINE_CALLS_CALL_JOB_H

#include "engine/calls/call_request.h"

enum job_outcome {
    JOB_DONE,    // the request's results are there
    JOB_PAUSED,  // the slice is used up
    JOB_WAITING, // for the record that was asked of the source
};

struct call_job;

// The request, and evm, which is the job's until it is freed, are the caller's. evm was made in this arena.
struct call_job *call_job_create(struct arena *arena, const struct evm_rules *rules, struct evm *evm,
                                 const struct call_source *source, struct call_request *request);
void call_job_free(struct call_job *j);
struct call_state *call_job_state(struct call_job *j);
// Goes on for about this much gas.
enum job_outcome call_job_run(struct call_job *j, uint64_t slice);

#endif
