// What a genesis says of a cluster, under config.gantry: the validators, when epochs turn, how far apart the machines
// are. A genesis without validators is that of a chain of one node.
//
// Nothing of this stands in an Ethereum header. So that the genesis hash (and with it data folders, links and
// certificates) binds it all the same, extraData of a genesis with validators must be cluster_digest.
#ifndef GANTRY_CHAIN_GENESIS_CLUSTER_H
#define GANTRY_CHAIN_GENESIS_CLUSTER_H

#include "base/bytes.h"

#define CLUSTER_VALIDATORS_MAX 128
#define CLUSTER_NAME_MAX 32 // letters, digits, dots, dashes and underscores
#define CLUSTER_CHANNEL_KEY_BYTES 33

struct genesis_validator {
    bytes32 consensus_key;                          // votes: x only, as in BIP-340
    uint8_t channel_key[CLUSTER_CHANNEL_KEY_BYTES]; // connections: a compressed point
    uint32_t weight;
    address fee_address;             // coinbase of the blocks that it leads
    char name[CLUSTER_NAME_MAX + 1]; // empty when it has none
};

// How long a message takes at worst when all is well: timeouts and pauses follow from it.
enum cluster_network { CLUSTER_LAN, CLUSTER_WAN };

struct genesis_cluster {
    struct genesis_validator *validators; // malloc'ed; NULL without
    unsigned validator_count;
    uint64_t epoch_blocks, epoch_ms; // an epoch ends with the first of the two; epoch_ms 0: only by blocks
    uint64_t heartbeat_ms;           // an idle chain makes an empty block this often; 0: never
    enum cluster_network network;
};

struct genesis;
// keccak256 of "gantry cluster 1", the chain id, the fee rules and all fields above, in order (genesis_cluster.c).
bytes32 cluster_digest(const struct genesis *g);

#endif
