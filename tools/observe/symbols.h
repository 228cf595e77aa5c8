// Names of the functions at addresses of a running process, by its libraries' symbol tables and debugging information
// (libdw). One thread.
#ifndef GANTRY_TOOLS_OBSERVE_SYMBOLS_H
#define GANTRY_TOOLS_OBSERVE_SYMBOLS_H

#include "base/bytes.h"

#include <sys/types.h>

#define SYMBOL_INLINE_MAX 16

struct symbols;

// Reads which files the process has mapped; it may end afterwards. NULL when that is not allowed, or it has ended.
struct symbols *symbols_open(pid_t pid);
void symbols_free(struct symbols *s); // NULL is fine

// The functions at an address, the innermost first: those that the compiler inlined there, and the one that holds it.
// At most SYMBOL_INLINE_MAX; at least one: where nothing is known, the library's name, or the address. returns_to: a
// return address, so that the call before it is meant. The texts live as long as symbols.
size_t symbols_find(struct symbols *s, uint64_t at, bool returns_to, const char *out[SYMBOL_INLINE_MAX]);

#endif
