// One turn of a thread's loop, from what woke it until it looks for more: the trace of its sleep, the account of its
// time, and the stall detector, which logs a turn that took longer than a limit with what it was doing.
#ifndef GANTRY_SHARD_TURN_H
#define GANTRY_SHARD_TURN_H

#include "shard/loop.h"
#include "shard/stage.h"
#include "shard/timeline.h"

// All that a loop thread shows of itself. The thread writes; others read what is atomic.
struct turn {
    struct stage_clock stages;
    struct timeline timeline;
    char thread[16]; // "shard 1", "coordinator"
    uint64_t limit_cycles;
    _Atomic uint64_t since;                          // cycles: when the turn began; 0 between turns
    _Atomic uint64_t stalls;                         // turns over the limit
    uint64_t spent[STAGE_COUNT], items[STAGE_COUNT]; // of stages, at its beginning
    uint64_t told_ns;                                // when a stall was last logged
};

// On the thread itself. limit_ms 0: no turn is too long.
void turn_start(struct turn *t, uint64_t limit_ms);
void turn_stop(struct turn *t);

// Ends the turn, waits in the ring as loop_run says, and begins the next one with the completions that came.
void turn_rest(struct turn *t, struct loop *loop, uint64_t wait_ns);
// Ends the turn and begins the next one, for a loop that looks for messages alone.
void turn_next(struct turn *t);

// Any thread: how long the turn under way has taken, and the stage it is in; 0 between turns.
uint64_t turn_age_ns(const struct turn *t, enum stage *stage);

#endif
