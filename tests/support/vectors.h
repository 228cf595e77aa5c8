// Finding the project's own files, and the public test data (GANTRY_VECTORS, default ../shared/vectors beside the
// project's root), for tests.
#ifndef GANTRY_TESTS_SUPPORT_VECTORS_H
#define GANTRY_TESTS_SUPPORT_VECTORS_H

#include "base/bytes.h"

// Path of a file inside a pack, e.g. ("misc-public", "ethereum-tests/RLPTests/rlptest.json"). The pack
// (PACK.tar.xz) is unpacked once into the build folder's cache. Returns a malloc'ed path, or NULL with one visible
// line naming the public source when the packs are absent; the test then skips (cr_skip_test).
char *vectors_path(const char *pack, const char *file);

// Path of one of the project's own files, e.g. "docs/wire.md"; malloc'ed.
char *project_path(const char *file);

// Reads a whole file; malloc'ed, with a NUL after its len bytes. Aborts with a message when it can't be read.
char *vectors_read(const char *path, size_t *len);

// Seed of a randomized test: GANTRY_SEED when set, else from the clock. Prints the seed with the test's name.
uint64_t test_seed(const char *test_name);

// splitmix64 step: the tests' random numbers.
uint64_t test_random(uint64_t *state);

#endif
