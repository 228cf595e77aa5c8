// The result of a phase, worked out after it from what sender and watcher noted, and printed.
#ifndef GANTRY_TOOLS_LOAD_LOAD_RESULT_H
#define GANTRY_TOOLS_LOAD_LOAD_RESULT_H

#include "tools/load/load_run.h"

#include <jansson.h>

struct load_result {
    struct load_sending sending;
    double window_s;
    // Transactions a second in the measured window: what the schedule asked for, what went out, was accepted, became
    // visible.
    double offered_rate, sent_rate, accepted_rate, included_rate;
    struct hist latency_ns;      // due -> visible, of items due in the window
    struct hist latency_sent_ns; // handed to the socket -> visible, of the same items
    // The account of the whole phase: accepted = included + left + waiting + unaccounted.
    uint64_t accepted, included, left, waiting, unaccounted;
    uint64_t unanswered; // sent, and no answer came
    uint64_t held;       // never sent: an earlier one of their sender was under way to the end
    uint64_t left_by[TX_STATUS_COUNT + 1];
    // Blocks that became visible in the window
    uint64_t blocks;
    double fill_mean, fill_max;          // gas used / gas limit
    uint64_t base_fee_min, base_fee_max; // wei
    double generator_cpu_us; // CPU time of all this process' load threads per transaction sent, up to the window's end
    double sender_share;     // of one processor, by the sending thread
    const char *limit;       // why the generator itself was the limit; NULL: it was not
};

// Fills *out from the phase that track and watch saw. rpc is asked what became of accepted transactions that no block
// held.
void load_result_make(struct load_result *out, const struct load_phase *phase, const struct load_sending *sending,
                      struct load_track *track, struct load_watch *watch, uint64_t watch_cpu_ns,
                      struct rpc_client *rpc);

void load_result_print(FILE *out, const struct load_result *r);
json_t *load_result_json(const struct load_result *r);

// The n-th percentile of h in milliseconds.
double load_ms(const struct hist *h, double quantile);

#endif
