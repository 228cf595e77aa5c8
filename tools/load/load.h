// A load against one node: accounts and nonces, the signed set, connections and watcher; phases are run on it.
// One thread (the sender's), besides the watcher's.
#ifndef GANTRY_TOOLS_LOAD_LOAD_H
#define GANTRY_TOOLS_LOAD_LOAD_H

#include "tools/load/load_result.h"
#include "tools/load/load_run.h"

struct load_options {
    struct rpc_url rpc, ws;
    bool rpc_only; // send over WebSocket instead of the ingest port
    const char *ingest_host;
    uint16_t ingest_port;
    uint32_t connections;
    uint64_t seed;
    uint32_t senders, accounts; // accounts: receivers, senders included
    enum load_witness witness;
    uint64_t max_fee_wei, max_tip_wei;
    const struct load_mix *mix;         // with contracts, which are made; NULL: plain transfers
    const bytes32 *from;                // pays senders who have too little; NULL: nobody
    const struct load_senders *derived; // the senders, when they are at hand; NULL: they are derived when needed
    bool fresh_chain;                   // the senders are known to be funded and at nonce 0: they are not asked about
    uint32_t count;                     // items to have ready
    const char *cache_dir;              // NULL: keep nothing
};

struct load;

// Asks, funds, signs and connects, telling on standard error what takes long. NULL with error.
struct load *load_open(const struct load_options *options, char error[LOAD_ERROR_MAX]);
void load_close(struct load *l);
// The node was started anew (other ports perhaps); what is sent goes on with the next item.
void load_disconnect(struct load *l);
MUST_CHECK bool load_connect(struct load *l, const struct load_options *options, char error[LOAD_ERROR_MAX]);

// Runs a phase and works out its result. False with error when it broke off (the result is there all the same).
MUST_CHECK bool load_run(struct load *l, const struct load_phase *phase, struct load_result *out,
                         char error[LOAD_ERROR_MAX]);

// Between phases: how many transactions became visible in [from, to) of clock_ns().
uint64_t load_included(const struct load *l, uint64_t from_ns, uint64_t to_ns);
// Adds to h the latencies of those that were due in [from, to) and became visible; elsewhere: at the node that this
// watch is of (without a track), NULL: at the load's own.
void load_latency(const struct load *l, struct load_watch *elsewhere, uint64_t from_ns, uint64_t to_ns, struct hist *h);

uint64_t load_chain_id(const struct load *l);
const struct load_set *load_signed_set(const struct load *l);

#endif
