// Asking one peer, on the calling thread: a control and a bulk connection of this node's own, opened for the purpose,
// one question at a time. What else the peer says is passed over. One thread a line; blocks, within SNAP_LINE_MS.
#ifndef GANTRY_ENGINE_SNAP_SNAP_LINE_H
#define GANTRY_ENGINE_SNAP_SNAP_LINE_H

#include "engine/net/link.h"
#include "engine/net/wire/codec.h"
#include "engine/store/store_error.h"

#include <sys/socket.h>

// How long a peer may take to be reached, and to answer.
#define SNAP_LINE_MS 10000

struct snap_line_options {
    struct sockaddr_storage at;
    uint8_t key[NOISE_KEY_BYTES]; // the peer's
    bytes32 secret;               // of this node's channel key
    bytes32 genesis_hash;
    const struct wire_set *set;
};

struct snap_line;

// NULL with a message: it can't be reached, or doesn't let this node in.
struct snap_line *snap_line_open(const struct snap_line_options *options, char error[STORE_ERROR_MAX]);
void snap_line_close(struct snap_line *l); // NULL is fine

// Asks, and takes the answer: SNAP_LIST for an offer, else the SNAP_CHUNK that repeats the question. *out points into
// the line until the next question. False with a message: no answer in time, the connection is over, or what came is
// malformed (*malformed tells).
MUST_CHECK bool snap_line_ask(struct snap_line *l, const struct wire_get_snap *get, struct wire_message *out,
                              bool *malformed, char error[STORE_ERROR_MAX]);

#endif
