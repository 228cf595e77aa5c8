// What a profile of a node gathered: call trees by thread and stage, and three accounts of each thread's time over the
// same interval (samples, stage counters, CPU time). One thread.
#ifndef GANTRY_TOOLS_OBSERVE_PROFILE_H
#define GANTRY_TOOLS_OBSERVE_PROFILE_H

#include "tools/observe/admin_stream.h"
#include "tools/observe/call_tree.h"
#include "tools/observe/symbols.h"

#define PROFILE_STAGES (STAGE_COUNT + 1u) // ADMIN_NO_STAGE is the last

struct profile_thread {
    struct admin_account edge[2]; // at the beginning, at the end
    bool has[2];
    uint64_t sampled_ns[PROFILE_STAGES];
    uint64_t kernel_ns; // of them, interrupted on the way back from a system call
};

struct profile {
    struct observe_node node;
    char source[96];
    struct profile_thread threads[ADMIN_THREADS_MAX];
    uint64_t transactions[2], process_cpu_ns[2], time_ns[2];
    bool ended; // the second accounts come, or have come
    uint64_t samples;
    uint64_t dropped;           // samples that the trees have no room for
    struct call_tree addresses; // as they come
    struct symbols *symbols;    // NULL: addresses stay without names
    // After ADMIN_END: the root's children are threads, theirs stages, then functions from the outermost in. Keys are
    // names (profile_name), the same pointer for the same name.
    struct call_tree functions;
};

void profile_init(struct profile *p);
void profile_free(struct profile *p);

// One frame of the answer. False with a message when it is malformed. Reads what the process has mapped when its id
// comes, and names functions at ADMIN_END.
MUST_CHECK bool profile_take(struct profile *p, const struct admin_frame *frame, const uint8_t *payload,
                             char error[OBSERVE_ERROR_MAX]);

static inline const char *profile_name(const struct call_node *node)
{
    return (const char *)(uintptr_t)node->key;
}
// Name of a stage, of PROFILE_STAGES; "other" where a thread has none.
const char *profile_stage_name(unsigned stage);
// Between the two accounts: transactions included, and a thread's stage by its counters and CPU time.
uint64_t profile_transactions(const struct profile *p);
double profile_counted_ns(const struct profile *p, size_t thread, unsigned stage);
uint64_t profile_cpu_ns(const struct profile *p, size_t thread);

#endif
