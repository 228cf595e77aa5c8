// Official tests that this build is known to fail, by name, as docs/ lists them: nothing else may fail, and what is
// listed must.
#ifndef GANTRY_TESTS_TOOLS_EXPECTED_FAILURES_H
#define GANTRY_TESTS_TOOLS_EXPECTED_FAILURES_H

#include <stdbool.h>
#include <stddef.h>

#define EXPECTED_FAILURES_MAX 1024

struct expected_failures {
    char *names[EXPECTED_FAILURES_MAX];
    size_t count;
};

void expected_failures_add(struct expected_failures *f, const char *name);
// Holds them against a list in docs/, and frees them. all: every test ran, so that the whole list must have failed.
void expected_failures_check(struct expected_failures *f, const char *list_name, bool all);

#endif
