// The sender of a load: hands the items of a set to its links when the schedule says so, whatever the node answers.
//
// A phase is a stretch at one rate; the next one goes on with the next item of the set, so that nonces stay without
// gaps. Item k of a phase is due at start + k / rate, and its latency counts from then, sent late or not (no
// coordinated omission). Two bounds can hold an item back, and the time it is held is part of its latency: `per_sender`
// (a sender's item waits for its earlier ones) and `in_flight_max` (all of them together).
#ifndef GANTRY_TOOLS_LOAD_LOAD_RUN_H
#define GANTRY_TOOLS_LOAD_LOAD_RUN_H

#include "base/hist.h"
#include "tools/load/load_link.h"
#include "tools/load/load_track.h"
#include "tools/load/load_watch.h"

struct load_run;

struct load_phase {
    double rate;            // items a second
    uint64_t warm_ns;       // part of the duration, left out of the measured window
    uint64_t duration_ns;   // how long items are due
    uint32_t per_sender;    // unresolved items of one sender; 0: no bound
    uint32_t in_flight_max; // unresolved items of all; 0: no bound
    uint64_t drain_ns;      // how long after that answers and inclusions are waited for
    // Called on this thread when the measured window begins (true) and ends (false); may be NULL.
    void (*window)(void *ctx, bool begins);
    void *window_ctx;
};

// What the sender itself saw. Times are clock_ns().
struct load_sending {
    uint32_t first_item, end_item; // of the phase: [first, end)
    uint64_t window_start_ns, window_end_ns;
    bool set_ended; // the set was used up before the duration was
    uint64_t accepted, refused, resent, skipped;
    uint64_t window_accepted;                 // answers of acceptance in the measured window
    uint64_t refused_by[TX_STATUS_COUNT + 1]; // the last: words that are not in the table
    struct hist lateness_ns;                  // sent after due, where no bound held it back
    uint64_t held_ns;                         // time in which in_flight_max held the schedule
    uint64_t backpressure_ns;                 // time in which a link had more than it could send
    uint64_t cpu_ns, wall_ns;                 // of the sending thread, from start to the window's end
    uint64_t run_delay_ns;                    // waiting for a processor meanwhile
};

// links, track and watch outlive it. watch may be NULL: someone else tells the track what is included.
struct load_run *load_run_create(struct load_link **links, size_t link_count, struct load_track *track,
                                 struct load_watch *watch);
void load_run_free(struct load_run *r);
// New links and watcher for the next phase (the node was started anew).
void load_run_reconnect(struct load_run *r, struct load_link **links, size_t link_count, struct load_watch *watch);

// Runs one phase on this thread. False with error when a connection broke or the watcher failed; *out is filled in all
// the same.
MUST_CHECK bool load_run_phase(struct load_run *r, const struct load_phase *phase, struct load_sending *out,
                               char error[LOAD_ERROR_MAX]);

// Ends the phase under way soon, as if its duration were over and draining took long enough. Async-signal-safe.
void load_run_interrupt(void);

#endif
