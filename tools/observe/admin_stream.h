// The client's side of a node's admin socket (engine/admin/frames.h): asks, and reads the answer frame by frame.
// Nothing in a frame is trusted. One thread.
#ifndef GANTRY_TOOLS_OBSERVE_ADMIN_STREAM_H
#define GANTRY_TOOLS_OBSERVE_ADMIN_STREAM_H

#include "engine/admin/frames.h"

#define OBSERVE_ERROR_MAX 320

struct observe_thread {
    char name[16];
    uint64_t lost;
};

// What both answers say of the node.
struct observe_node {
    char version[64];
    uint64_t pid;
    double cycles_per_ns;
    uint64_t start_cycles;
    struct observe_thread threads[ADMIN_THREADS_MAX];
    size_t thread_count;
};

// Takes what frames of every kind of answer have: FACTS that are known here, THREADs, LOSTs. False with a message when
// the frame is malformed.
MUST_CHECK bool observe_node_take(struct observe_node *node, const struct admin_frame *frame, const uint8_t *payload,
                                  char error[OBSERVE_ERROR_MAX]);
// The value of a line "key value" of FACTS, as text cut to fit; false when there is none.
MUST_CHECK bool observe_fact(char *out, size_t cap, struct bytes facts, const char *key);

typedef bool admin_take(void *ctx, const struct admin_frame *frame, const uint8_t *payload,
                        char error[OBSERVE_ERROR_MAX]);

// Sends request (a line without line feed) to the node of this data folder, and gives take each frame, ADMIN_END
// included. False with a message: no node, no permission, the node's own ADMIN_ERROR, a frame that take refuses, an
// answer that breaks off. *stop, where it is set (by a signal), ends the answer early, and well.
MUST_CHECK bool admin_ask(const char *data, const char *request, const volatile int *stop, admin_take *take, void *ctx,
                          char error[OBSERVE_ERROR_MAX]);
// The same for a command: SIGINT and SIGTERM end the answer early.
MUST_CHECK bool admin_ask_until_signal(const char *data, const char *request, admin_take *take, void *ctx,
                                       char error[OBSERVE_ERROR_MAX]);

#endif
