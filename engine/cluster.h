// Who this node is in its cluster, from the genesis, the configuration and the key files: the validator set, its own
// number, keys, its peers and where they are, and the settings of ordering, data plane and links that follow.
//
// Peers are numbered: validators as in the genesis, then the followers (nodes that don't vote) on the allow list. Of
// two validators the one with the smaller number dials; followers dial validators and nobody dials them.
#ifndef GANTRY_ENGINE_CLUSTER_H
#define GANTRY_ENGINE_CLUSTER_H

#include "chain/genesis.h"
#include "engine/net/gate.h"
#include "engine/node_config.h"
#include "engine/order/validator.h"

#define CLUSTER_FOLLOWERS_MAX 64
#define CLUSTER_PEERS_MAX (WIRE_VALIDATORS_MAX + CLUSTER_FOLLOWERS_MAX)
#define CLUSTER_FOLLOWER UINT32_MAX

struct cluster {
    struct vset set;
    uint32_t me;             // CLUSTER_FOLLOWER: not a validator
    struct signing *signing; // own; a follower's only checks
    bytes32 channel_secret;
    uint8_t channel_key[NOISE_KEY_BYTES]; // its public key
    address fee_addresses[WIRE_VALIDATORS_MAX];
    enum cluster_network network;
    uint64_t epoch_blocks, epoch_ms, heartbeat_ms;
    uint64_t car_interval_ns; // an owner makes a car at most this often, unless it is full

    // For gate_options. The own entry has no key: nobody gets in with it.
    struct gate_peer peers[CLUSTER_PEERS_MAX];
    unsigned peer_count;
    char names[CLUSTER_PEERS_MAX][CLUSTER_NAME_MAX + 1]; // a validator's from the genesis, else what stands for it
    char hosts[CLUSTER_PEERS_MAX][64];                   // as configured, with port; empty where none is
};

// NULL with a message: the genesis has validators and the configuration does not fit it (no channel key; a key that no
// validator has; a validator to dial without an address; unknown, doubled or malformed peers), a key in the genesis is
// no point of the curve, or a key file is refused (key_file.h). Also for a genesis without validators: check before.
// Names in peers are looked up, which may take the resolver's time.
struct cluster *cluster_open(const struct genesis *genesis, const struct node_config *config,
                             char error[STORE_ERROR_MAX]);
// Wipes the secrets.
void cluster_free(struct cluster *c); // NULL is fine

// The set of a genesis with validators. false with a message: a key is no point of the curve.
MUST_CHECK bool cluster_set(struct vset *out, const struct genesis *genesis, char error[STORE_ERROR_MAX]);

// Everything of *out that follows from the cluster: me, signing, delays, epochs, genesis. What it leaves to the caller:
// disks, recover, the car store, the seed.
void cluster_validator_config(struct validator_config *out, const struct cluster *c, const struct genesis *genesis,
                              const bytes32 *genesis_hash);

#endif
