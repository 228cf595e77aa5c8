// What `gantry node` can be told: one table for the configuration file, the flags, --help and docs/configuration.md.
#ifndef GANTRY_ENGINE_NODE_CONFIG_H
#define GANTRY_ENGINE_NODE_CONFIG_H

#include "base/config.h"

struct node_config {
    char *config;
    char *data;
    char *genesis;
    char *rpc_host;
    uint64_t rpc_port;
    char *rpc_cors;
    char *rpc_allowed_hosts;
    uint64_t rpc_connections, rpc_batch, rpc_body_bytes, rpc_response_bytes, rpc_depth, rpc_gas_cap;
    bool rpc_developer;
    char *ingest_host;
    uint64_t ingest_port;
    uint64_t ingest_connections, ingest_costly_percent;
    char *validator_key, *channel_key, *key_passphrase, *guard;
    char *p2p_host;
    uint64_t p2p_port;
    char *peers, *allow;
    uint64_t serve_bytes;
    uint64_t shards;
    bool pin;
    uint64_t block_time_ms;
    char *coinbase;
    uint64_t pool_transactions, pool_bytes, pool_per_sender, pool_nonce_ahead, pool_gap_expiry_ms;
    uint64_t pool_min_tip;
    uint64_t checkpoint_ms, checkpoint_records;
    uint64_t retain_blocks;
    uint64_t segment_bytes;
    char *log_level;
};

extern const struct config_key NODE_CONFIG_KEYS[];
extern const size_t NODE_CONFIG_KEY_COUNT;

#endif
