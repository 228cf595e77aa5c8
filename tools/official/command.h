// What the commands that run official tests have in common: files and folders as arguments, jobs, the summary, the exit
// code.
#ifndef GANTRY_TOOLS_OFFICIAL_COMMAND_H
#define GANTRY_TOOLS_OFFICIAL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct official_command {
    const char *name, *fork; // for messages: "statetest", "Cancun"
    bool summary;            // end with a line that counts what passed and failed
    // Runs the tests of the files, and counts.
    void (*run)(void *ctx, char **files, size_t count, uint64_t *passed, uint64_t *failed);
    void *ctx;
};

// Returns the exit code, after a line on standard error where no test ran.
int official_command_run(const struct official_command *command, char **paths, int path_count);
// Of the option jobs, where 0 means one a core.
unsigned official_jobs(uint64_t option);

#endif
