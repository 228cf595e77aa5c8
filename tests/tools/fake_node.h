// An ingest port that does what a test tells it, on a thread of its own: one connection, chain id 31337.
#ifndef GANTRY_TESTS_TOOLS_FAKE_NODE_H
#define GANTRY_TESTS_TOOLS_FAKE_NODE_H

#include "tools/load/load_track.h"

struct fake_node {
    // Set before the start.
    struct load_track *track;  // told what is included, when not NULL
    uint64_t read_after_ns;    // after the hello, nothing is read for this long
    uint64_t answer_after_ns;  // answers wait for this long after their frame
    uint64_t include_after_ns; // accepted ones become visible that long after their answer
    uint8_t (*status)(void *ctx, uint32_t item, uint32_t attempt); // NULL: accept all
    void *ctx;

    // To be read after the stop.
    uint32_t frames;               // received
    uint32_t in_flight_sender_max; // most that one sender had between frame and inclusion or refusal

    size_t unanswered_max; // most frames that waited for their answer

    uint16_t port;
    struct fake_node_private *private;
};

void fake_node_start(struct fake_node *n);
void fake_node_stop(struct fake_node *n);

#endif
