// A whole node in the test's own process, on free ports of 127.0.0.1, with clients that use it: for what shows only
// with every thread there.
#ifndef GANTRY_TESTS_WHOLE_NODE_H
#define GANTRY_TESTS_WHOLE_NODE_H

#include "engine/node.h"

#define WHOLE_NODE_SENDERS 50

struct whole_node {
    struct node *node;
    struct node_config config;
    uint64_t seed;
    char error[NODE_ERROR_MAX]; // why it did not start
};

// node_open and node_start as one: NULL with a message.
struct node *open_and_start_node(const struct node_config *config, const char *genesis, char error[NODE_ERROR_MAX]);

// A genesis that funds the bench senders of this seed; malloc'ed.
char *whole_node_genesis(uint64_t seed);
// settings: lines of a configuration file, may be "". genesis: NULL for whole_node_genesis, "" for none. False when it
// is refused.
bool whole_node_start(struct whole_node *w, uint64_t seed, const char *folder, const char *settings,
                      const char *genesis);
// Stops and waits as `gantry node` does: node_wait's answer.
int whole_node_stop(struct whole_node *w);
// node_free only, after a node_wait of the test's own.
void whole_node_free(struct whole_node *w);

// A listening socket on a port that nobody has right now, below those that the kernel gives to connections: who closes
// it will find the port free. random is test_random's.
int claim_port(unsigned *port, uint64_t *random);

// The body of one HTTP answer, malloc'ed; NULL when none came within 5 s. body NULL: GET. *status may be NULL.
char *ask_http(unsigned port, const char *path, const char *body, int *status);
// One JSON-RPC call; params as JSON. The whole answer, malloc'ed; NULL as above.
char *ask_rpc(unsigned port, const char *method, const char *params);

// Threads that send transfers to the ingest port (one connection, up to 200 unanswered) and ask JSON-RPC about
// everything, until they are stopped or the node goes away.
struct traffic;
struct traffic *traffic_start(const struct whole_node *w);
struct traffic_counts {
    uint64_t sent, accepted, refused, stopping; // answers of the ingest port; stopping: refused as the node goes down
    uint64_t calls, failed_calls;               // JSON-RPC
};
struct traffic_counts traffic_stop(struct traffic *t);

#endif
