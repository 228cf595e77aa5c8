// Making a cluster's files: for each validator a folder with its keys, the genesis and a configuration, so that a
// folder is all that its machine needs.
//
//   OUT/README.md  OUT/genesis.json
//   OUT/validator-I/  node.conf  genesis.json  consensus.key  channel.key  sign-guard
//   OUT/follower-I/   node.conf  genesis.json  channel.key      nodes that follow without a vote
#ifndef GANTRY_TOOLS_CLUSTER_INIT_H
#define GANTRY_TOOLS_CLUSTER_INIT_H

#include "base/config.h"

#define INIT_ERROR_MAX 768
// Ports of validators on the same host are this far apart.
#define INIT_PORT_STEP 10

struct init_settings {
    uint64_t validators, followers;
    char *out;
    char *hosts;          // one a validator, or none: all are here
    char *genesis;        // a template: everything but the validators
    char *fund;           // ADDRESS=ETHER, ...
    char *fee_addresses;  // one, or one a validator
    char *weights;        // one a validator, or none: 1 each
    char *key_passphrase; // a file
    char *network;
    bool dev_accounts;
    uint64_t chain_id, epoch_blocks, epoch_ms, heartbeat_ms;
    uint64_t rpc_port, ingest_port, p2p_port; // of the first on each host
    uint64_t shards;
};

extern const struct config_key INIT_KEYS[];
extern const size_t INIT_KEY_COUNT;

// False with a message: settings that don't fit together, a template that is refused, a folder that is there and not
// empty, or what the system refuses. Nothing that exists is overwritten.
MUST_CHECK bool init_cluster(const struct init_settings *s, char error[INIT_ERROR_MAX]);

// "OUT/validator-I".
void init_folder(char *out, size_t cap, const struct init_settings *s, unsigned i);
// "OUT/follower-I".
void init_follower_folder(char *out, size_t cap, const struct init_settings *s, unsigned i);

#endif
