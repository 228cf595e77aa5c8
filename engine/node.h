// A running validator: data folder, shards, coordinator, RPC thread; opened, started, waited for and stopped as one.
#ifndef GANTRY_ENGINE_NODE_H
#define GANTRY_ENGINE_NODE_H

#include "engine/node_config.h"

#define NODE_ERROR_MAX 512

struct node;

// Everything that may take long and that nobody outside sees: state and log of the data folder, a state from the other
// validators where this one needs it. May be cut short anywhere, as by a crash. genesis_json is used when the data
// folder has no chain yet and the configuration names no genesis file (`gantry dev`); may be NULL. NULL with a message
// when anything is refused.
MUST_CHECK struct node *node_open(const struct node_config *config, const char *genesis_json,
                                  char error[NODE_ERROR_MAX]);
// Opens its ports and begins to order and execute. False with a message: node_free is what remains.
MUST_CHECK bool node_start(struct node *n, char error[NODE_ERROR_MAX]);

enum node_end {
    NODE_STOPPED, // as it was told
    NODE_FAILED,  // by itself: the reason is logged
    NODE_AGAIN,   // it goes on from a state of the others: free it and start it again, which fetches that
};
// Blocks until node_stop is called (any thread or signal handler, from node_open on), or the node ends by itself.
enum node_end node_wait(struct node *n);
void node_stop(struct node *n); // async-signal-safe
void node_free(struct node *n); // drains and ends all threads

unsigned node_rpc_port(const struct node *n);
unsigned node_ingest_port(const struct node *n);
uint64_t node_chain_id(const struct node *n);

#endif
