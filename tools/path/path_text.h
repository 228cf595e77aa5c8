// The answer of gantry_traceTransactionPath in words, for a terminal.
#ifndef GANTRY_TOOLS_PATH_PATH_TEXT_H
#define GANTRY_TOOLS_PATH_PATH_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

// Whether nothing more is to come: it left, or is in a block and its shard knows that too (or keeps nothing of it).
bool path_is_over(const json_t *path);
// "included in block 12, index 3", and why where there is a reason or a note.
void path_print_status(FILE *out, const json_t *path);
// The steps from the given one on, a line each; returns how many there are.
size_t path_print_steps(FILE *out, const json_t *path, size_t from);

#endif
