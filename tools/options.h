// The command line of a subcommand, from the same table of keys that its configuration file would use (base/config.h):
// `--name value` or `--name=value`; a boolean is `--name` or `--name=false`. `--` ends the options.
#ifndef GANTRY_TOOLS_OPTIONS_H
#define GANTRY_TOOLS_OPTIONS_H

#include "base/config.h"

struct options_command {
    const char *name;  // "load"
    const char *usage; // what follows "gantry NAME " in the usage line: "[options] FILE..."
    const char *about; // what --help says first; lines of text
    const struct config_key *keys;
    size_t key_count;
    // Name of the key whose value is a configuration file of the same keys, read before the other options are applied
    // (so that flags win); NULL when there is none.
    const char *file_key;
    bool takes_arguments; // arguments that are no options are allowed
};

// Sets settings (zeroed by the caller) from defaults, file and command line. True: go on; *rest holds *rest_count
// arguments that are no options (they point into argv, whose order changes). False: return *exit_code: EXIT_OK after
// --help was printed, EXIT_USAGE after one line about what is wrong. Either way config_free the settings.
MUST_CHECK bool options_parse(const struct options_command *command, void *settings, int argc, char **argv,
                              char ***rest, int *rest_count, int *exit_code);

// One line "gantry NAME: ..." on standard error; returns EXIT_USAGE.
__attribute__((format(printf, 2, 3))) int options_refuse(const char *name, const char *format, ...);
// The same for what went wrong while running; returns EXIT_FAILED.
__attribute__((format(printf, 2, 3))) int options_fail(const char *name, const char *format, ...);

#endif
