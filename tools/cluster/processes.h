// Programs that run side by side under this one: what they write is passed on line by line with each one's name before
// it, and none outlives it, however it ends (the kernel sends each SIGTERM when this process dies). One thread.
#ifndef GANTRY_TOOLS_CLUSTER_PROCESSES_H
#define GANTRY_TOOLS_CLUSTER_PROCESSES_H

#include "base/bytes.h"

#include <stdio.h>
#include <sys/types.h>

#define PROCESSES_MAX 192

struct process_spec {
    const char *name;   // before its lines
    const char *folder; // where it runs
    char *const *argv;  // argv[0] is the program's path
};

struct processes;

// Starts them all. NULL with a message when one can't be: none is left then. The specs are copied.
struct processes *processes_start(const struct process_spec *specs, unsigned count, FILE *out, char *error,
                                  size_t error_cap);
// Passes lines on until all have ended. An end that nobody asked for is said on out. Returns how many of those there
// were. SIGINT and SIGTERM to this process ask all to end with SIGTERM; a second one, or grace_ms later, kills.
unsigned processes_run(struct processes *p, uint64_t grace_ms);
void processes_free(struct processes *p); // kills what still runs

// 0 when it has ended.
pid_t processes_pid(const struct processes *p, unsigned i);

#endif
