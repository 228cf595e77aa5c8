// What `gantry doctor` found: a list of findings, each with its fix, printed as text or JSON. One thread.
#ifndef GANTRY_TOOLS_DOCTOR_FINDINGS_H
#define GANTRY_TOOLS_DOCTOR_FINDINGS_H

#include "base/bytes.h"

#include <stdio.h>

enum finding_state {
    FINDING_OK,
    FINDING_SLOW, // it runs, but better with the fix
    FINDING_BAD,  // it does not run without the fix
};

#define FINDING_MAX 32
#define FINDING_TEXT_MAX 256

struct finding {
    const char *name;
    enum finding_state state;
    char found[FINDING_TEXT_MAX];
    const char *fix; // NULL when nothing needs fixing
};

struct findings {
    size_t count;
    struct finding list[FINDING_MAX];
    const char *chain; // what the check of a chain's files said, lines of text; NULL: none was made
    bool chain_whole;
};

// fix is kept only unless state is FINDING_OK. Strings but `found` must be static.
__attribute__((format(printf, 5, 6))) void findings_add(struct findings *f, const char *name, enum finding_state state,
                                                        const char *fix, const char *found, ...);
// True unless something is FINDING_BAD.
bool findings_usable(const struct findings *f);
void findings_print(const struct findings *f, FILE *out);
// {"usable":..., "findings":[{"name","state","found","fix"}...], "chain":{"whole","report":[line...]}}; false when it
// can't be written.
MUST_CHECK bool findings_write_json(const struct findings *f, FILE *out);

// The checks. data_dir names where the chain would be kept (it or its nearest existing parent is looked at).
void findings_check_machine(struct findings *f); // kernel, CPU, kernels in use, cores, huge pages
void findings_check_limits(struct findings *f);  // memory lock, open files, io_uring
void findings_check_disk(struct findings *f, const char *data_dir);

#endif
