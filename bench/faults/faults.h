// Faults that a benchmark of a cluster makes while it is under load: a schedule, a thread that keeps to it, and what
// each fault cost.
#ifndef GANTRY_BENCH_FAULTS_FAULTS_H
#define GANTRY_BENCH_FAULTS_FAULTS_H

#include "tools/load/load.h"

#define FAULTS_MAX 16
#define FAULTS_ERROR_MAX 160

enum fault_kind {
    FAULT_KILL,      // SIGKILL; started again at the end
    FAULT_PAUSE,     // SIGSTOP; SIGCONT at the end
    FAULT_PARTITION, // what they and the others send one another is held up until the end
    FAULT_KIND_COUNT,
};
extern const char *const FAULT_NAMES[FAULT_KIND_COUNT];

struct fault {
    enum fault_kind kind;
    uint32_t who; // bit i: validator i
    double at_s, for_s;
    // As it happened: clock_ns(), 0 for what did not.
    uint64_t begin_ns, end_ns, caught_up_ns;
};

struct fault_plan {
    struct fault faults[FAULTS_MAX]; // in order of time
    size_t count;
};

// Adds the faults that text names: WHO@AT+FOR, comma-separated; WHO is a validator's number from 1 on (clients are at
// 0) or several joined by dots, AT and FOR are seconds. False with a message, also where two would overlap.
MUST_CHECK bool fault_plan_add(struct fault_plan *plan, enum fault_kind kind, const char *text, unsigned validators,
                               char error[FAULTS_ERROR_MAX]);
// When the last one ends; 0 without any.
double fault_plan_end_s(const struct fault_plan *plan);

// Called on the schedule's thread.
struct fault_hooks {
    void (*begin)(void *ctx, const struct fault *f);
    void (*end)(void *ctx, const struct fault *f);
    bool (*caught_up)(void *ctx, const struct fault *f); // whether those it hit are where the others are
    void *ctx;
};

// Starts the schedule now. plan and hooks outlive it.
struct fault_run;
struct fault_run *fault_run_start(struct fault_plan *plan, const struct fault_hooks *hooks);
// Waits until the last fault is over and caught up with, but for that not beyond deadline_ns.
void fault_run_wait(struct fault_run *r, uint64_t deadline_ns);
// Ends the thread. Processes that hooks have started end with it where they are bound to their parent thread.
void fault_run_free(struct fault_run *r);

struct fault_cost {
    double rate_before, rate_during; // finalized transactions a second; before: for up to ten seconds
    double p50_before_ms, p50_during_ms;
    // Seconds from its begin, and from its end, until a second began in which the rate was at least 0.8 of the one
    // before; negative: none did.
    double recovery_s, recovery_after_end_s;
    double catch_up_s; // from its end until those it hit were where the others are; negative: they were not
};
// since_ns: when the load had settled; until_ns: when it ended.
struct fault_cost fault_cost_of(const struct fault *f, struct load *load, uint64_t since_ns, uint64_t until_ns);

#endif
