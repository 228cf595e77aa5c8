// What the tests of JSON-RPC share: a small chain in a real block log, and a node that answers questions about it.
#ifndef GANTRY_TESTS_ENGINE_RPC_FIXTURE_H
#define GANTRY_TESTS_ENGINE_RPC_FIXTURE_H

#include "engine/rpc/core.h"
#include "tests/engine/call_bed.h"

// Blocks of the chain: 1 holds one transaction of each type (the second legacy one without chain id, the last failed),
// 2 is empty, 3 holds three that pay different tips. The head is FIXTURE_HEAD.
#define FIXTURE_HEAD 3
#define FIXTURE_BLOCK_TXS 5

struct rpc_fixture {
    struct genesis genesis;
    struct rpc_options options;
    struct rpc_backend backend;
    struct chain_reader *reader; // NULL once a server or core took it over
    char *dir;
    bytes32 parent_hash; // of the next block
    uint64_t height;
    // The node's side.
    struct rpc_core *core; // answers inside ask
    struct rpc *rpc;       // answers from a thread of its own
    void *node;            // that thread and its inbox
    uint64_t oldest_state; // heights below: no state any more
    struct call_bed bed;   // what calls run on, at any height; the dev accounts have their money there
    bool full;             // the inbox takes nothing
    bool silent;           // questions are kept, not answered
    struct rpc_query *kept[64];
    size_t kept_count;
    size_t submit_calls, submitted;    // by backend.submit, which a test may set to rpc_fixture_submit
    size_t submit_max;                 // it takes so many of a call
    uint8_t *pending_raw, *queued_raw; // in the pool
    size_t pending_len, queued_len;
    bytes32 pending_hash, queued_hash, dropped_hash;
};

// The chain, options with small limits, and a reader; nothing runs yet.
void rpc_fixture_open(struct rpc_fixture *f);
// With a core whose questions are answered at once.
void rpc_fixture_open_core(struct rpc_fixture *f);
// With a server on a free port and a node thread.
void rpc_fixture_open_server(struct rpc_fixture *f);
void rpc_fixture_close(struct rpc_fixture *f);

// backend.submit for a core: answers at once, the last one first.
size_t rpc_fixture_submit(void *ctx, struct rpc_query *const *queries, size_t count);

// The core's answer to a text; malloc'ed, "" for none.
char *rpc_fixture_ask(struct rpc_fixture *f, const char *text);

// The next block with tx_count transfers, posted to whatever runs.
void rpc_fixture_add_block(struct rpc_fixture *f, uint32_t tx_count);
// The same, where transaction i leaves logs[i] (RLP lists). A creation is the first transaction of such a block.
void rpc_fixture_add_logs(struct rpc_fixture *f, const struct bytes *logs, uint32_t tx_count);
// A signed transfer from dev account `from`; malloc'ed.
uint8_t *rpc_fixture_transfer(unsigned from, uint64_t nonce, uint64_t tip_wei, size_t *len, bytes32 *hash);

// Hashes and other facts of the chain, for expectations.
const char *rpc_fixture_tx_hash(struct rpc_fixture *f, uint64_t height, uint32_t index, char out[67]);
const char *rpc_fixture_block_hash(struct rpc_fixture *f, uint64_t height, char out[67]);

#endif
