// Configuration: `key = value` lines, # comments, quoted or bare values. One table of keys declares name, type,
// place, default, range and help; the parser, the command line's flags, --help and docs/configuration.md come from it.
//
// An unknown key, a key given twice, or a value that does not parse is refused with file, line and name.
// Inside quotes \" and \\ stand for themselves and # is a character like any other; a bare value holds no spaces.
#ifndef GANTRY_BASE_CONFIG_H
#define GANTRY_BASE_CONFIG_H

#include "base/bytes.h"

#include <stdio.h>

enum config_type {
    CONFIG_STRING, // char * (malloc'ed; config_free releases it)
    CONFIG_U64,    // uint64_t; suffixes k, M, G mean 10^3, 10^6, 10^9
    CONFIG_BYTES,  // uint64_t bytes; suffixes K, M, G mean 2^10, 2^20, 2^30
    CONFIG_MS,     // uint64_t milliseconds; suffixes ms, s, m, h
    CONFIG_BOOL,   // bool; true/false, on/off, yes/no, 1/0
};

struct config_key {
    const char *name; // as in the file and, with -- before it, on the command line
    enum config_type type;
    size_t offset;            // of the field in the settings structure
    const char *default_text; // parsed by the same code; NULL only for CONFIG_STRING without default
    uint64_t min, max;        // inclusive, for numbers; max 0 means no limit
    const char *unit;         // shown in help, may be NULL
    const char *help;         // one sentence
};

// The longest message these functions write into error, NUL included.
#define CONFIG_ERROR_MAX 256
#define CONFIG_FILE_MAX (1u << 20)

// Sets every field of settings (zeroed by the caller) to its default.
void config_defaults(const struct config_key *keys, size_t key_count, void *settings);
// Sets one field from text. false with a message on a bad value.
MUST_CHECK bool config_set(const struct config_key *keys, size_t key_count, void *settings, const char *name,
                           const char *value, char error[CONFIG_ERROR_MAX]);
// Reads a whole text; name is what messages call it. false with a message naming line and key.
MUST_CHECK bool config_parse(const struct config_key *keys, size_t key_count, void *settings, const char *name,
                             const char *text, size_t len, char error[CONFIG_ERROR_MAX]);
// Reads a file of at most CONFIG_FILE_MAX bytes.
MUST_CHECK bool config_load(const struct config_key *keys, size_t key_count, void *settings, const char *path,
                            char error[CONFIG_ERROR_MAX]);
void config_free(const struct config_key *keys, size_t key_count, void *settings);

// The table as the text of --help: one flag an entry, with its value's form, default and range.
void config_help(FILE *out, const struct config_key *keys, size_t key_count);
// The table as a Markdown table.
void config_markdown(FILE *out, const struct config_key *keys, size_t key_count);

#endif
