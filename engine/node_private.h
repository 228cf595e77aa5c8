// The inside of struct node, shared by node.c (starting and stopping), node_store.c, node_cluster.c and node_report.c
// (status and metrics).
#ifndef GANTRY_ENGINE_NODE_PRIVATE_H
#define GANTRY_ENGINE_NODE_PRIVATE_H

#include "engine/admin/admin.h"
#include "engine/consensus_view.h"
#include "engine/coordinator.h"
#include "engine/node.h"
#include "engine/queries.h"
#include "engine/snap/anchor.h"
#include "engine/store/data_folder.h"
#include "engine/vote_folder.h"
#include "shard/state/codes.h"

#include <semaphore.h>

struct node {
    const struct node_config *config;
    struct data_folder *folder;
    struct genesis genesis;
    bytes32 genesis_hash;
    struct codes *codes; // shared by all shards
    struct root_history *roots;
    struct list_board *board;
    struct checkpoint *checkpoint;
    struct disk *disk;
    struct blog *blog;
    struct shard *shards[SHARD_MAX];
    unsigned shard_count;
    struct inbox coordinator_inbox;
    struct order *order;     // alone
    struct cluster *cluster; // NULL: alone
    struct vote_folder votes;
    struct anchor anchor; // while it is opened
    int p2p_fd;
    unsigned p2p_port;
    struct participant *participant;
    struct coordinator *coordinator;
    struct turn *turns[SHARD_MAX + 1]; // of the shards and the coordinator, once all are made
    unsigned turn_count;
    struct admin *admin;
    struct queries *queries;
    struct rpc_backend backend;
    struct cluster_report report; // .cluster NULL: alone
    struct rpc *rpc;
    struct rpc *_Atomic rpc_ready; // set when the shards may post to it
    int ingest_fd;
    unsigned ingest_port;
    uint64_t start_wall_ms, begun_ns; // of node_open
    sem_t ended;
    _Atomic bool failed, again;
    char failure[256]; // written before failed
};

// It can't go on: ends it. Any thread.
void node_failed(void *ctx, const char *why);

// node_store.c
// The genesis that the configuration or the caller names.
struct given_genesis {
    char *json; // NULL when none is named
    size_t len;
    bool parsed;
    struct genesis genesis;     // its header complete
    struct state_batch records; // by key
};
void given_genesis_free(struct given_genesis *g);
// Opens the folder and settles which genesis it has: n->genesis is complete afterwards.
MUST_CHECK bool node_settle_genesis(struct node *n, struct given_genesis *given, const char *genesis_json,
                                    char error[NODE_ERROR_MAX]);
MUST_CHECK bool node_open_store(struct node *n, struct given_genesis *given, char error[NODE_ERROR_MAX]);

// node_cluster.c
// Before anything is opened: a state is fetched if this node said that it needs one, and put in place once it is here.
MUST_CHECK bool node_take_over_state(struct node *n, char error[NODE_ERROR_MAX]);
// In a cluster: keys, logs and stores of this node's part in it.
struct recovered;
MUST_CHECK bool node_join_cluster(struct node *n, const struct recovered *at, char error[NODE_ERROR_MAX]);

// The rpc thread's view of the node (rpc_backend); ctx is the node.
bool node_ask(void *ctx, struct rpc_query *q);
size_t node_submit(void *ctx, struct rpc_query *const *queries, size_t count);
void node_status(void *ctx, struct rpc_node_status *out);
void node_metrics(void *ctx, FILE *out);

#endif
