// A deterministic simulator of a whole cluster: real validators (engine/order, the log and the sign guard included) on
// simulated disks, clocks and links, in one thread, everything from one seed.
//
// A run has a phase with faults and one in which they stop and the cluster must converge; some validators may be
// Byzantine throughout. The invariants of the consensus specification are checked at every step. The audit hash covers
// every effect that was released, when and by whom: equal seeds and options give equal hashes.
#ifndef GANTRY_ENGINE_SIM_SIM_H
#define GANTRY_ENGINE_SIM_SIM_H

#include "base/bytes.h"

struct sim_options {
    uint64_t seed;
    unsigned validators;
    uint64_t duration_ms; // of both phases together
    unsigned tx_rate;     // transactions a second of each validator
    unsigned mutations;   // enum mutation of engine/order/ord.h: rules taken away, tests only
    unsigned behaviours;  // of the Byzantine validator, if not 0: bits as in `gantry sim --help`
    bool trace;           // tells on standard error what happens
};

#define SIM_TEXT_MAX 256

struct sim_result {
    bool good;
    char violation[SIM_TEXT_MAX]; // the first one, when not good
    uint64_t at_ms;               // simulated time of it, or of the end
    bytes32 audit;
    uint64_t simulated_ns;
    uint64_t height, epochs, cars, messages, crashes, evidence;
    unsigned byzantine, lost; // validators that misbehaved, that lost their disk
};

void sim_run(const struct sim_options *options, struct sim_result *out);

#endif
