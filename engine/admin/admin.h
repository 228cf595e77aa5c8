// The node's local administration: a Unix socket in the data folder (mode 0600: whoever may write to the folder's
// owner's files) and a thread that serves one client at a time; what it speaks is in engine/admin/frames.h. The thread
// sleeps while nobody is connected.
#ifndef GANTRY_ENGINE_ADMIN_ADMIN_H
#define GANTRY_ENGINE_ADMIN_ADMIN_H

#include "engine/admin/frames.h"
#include "shard/turn.h"

#define ADMIN_MESSAGE_MAX 256

struct admin;

struct admin_options {
    const char *data; // the folder, locked by this process
    // The loop threads' turns, stages and timelines; running until admin_free.
    struct turn *const *turns;
    unsigned turn_count;
    uint64_t (*transactions)(void *ctx); // included so far; any thread
    void *ctx;
};

// NULL with a message when the socket can't be made.
struct admin *admin_start(const struct admin_options *options, char error[ADMIN_MESSAGE_MAX]);
// Ends what is under way, and the thread; removes the socket. NULL is fine.
void admin_free(struct admin *a);

// A socket connected to the node that uses this data folder, at most so many milliseconds of silence on it; -1 with a
// message.
int admin_connect(const char *data, unsigned silence_ms, char error[ADMIN_MESSAGE_MAX]);

#endif
