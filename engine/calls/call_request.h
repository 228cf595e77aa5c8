// What a client wants executed on a state of the past (or the newest), and what came out. Made by the rpc thread,
// carried out by a shard (call_lane.h), handed back. Everything in it is malloc'ed and goes with call_request_free.
#ifndef GANTRY_ENGINE_CALLS_CALL_REQUEST_H
#define GANTRY_ENGINE_CALLS_CALL_REQUEST_H

#include "engine/calls/call_state.h"
#include "engine/rpc/json_writer.h"
#include "shard/evm/evm.h"

#define CALL_HASHES_MAX 256
#define CALL_ERROR_MAX 512

enum call_kind {
    CALL_RUN,         // the result's output
    CALL_ESTIMATE,    // the least gas limit that it succeeds with
    CALL_ACCESS_LIST, // what it touches, and its gas with that listed
    CALL_TRACE,       // what `trace` says of the transactions from first_traced on
};

enum trace_kind { TRACE_STEPS, TRACE_CALLS, TRACE_PRESTATE };

struct trace_options {
    enum trace_kind kind;
    bool no_stack, no_storage, no_code, memory, return_data; // TRACE_STEPS; no_storage and no_code: TRACE_PRESTATE too
    uint64_t limit;                                          // TRACE_STEPS: of steps; 0: none
    bool only_top, with_logs;                                // TRACE_CALLS
    bool diff, with_empty;                                   // TRACE_PRESTATE
};

struct call_tx {
    struct evm_tx tx;
    uint8_t *memory; // that tx's data and access list lie in; may be NULL
    bytes32 hash;
};

struct call_request {
    enum call_kind kind;
    uint64_t height; // the state after this block
    struct evm_block block;
    uint64_t hashes_before;          // the blocks whose hashes follow come before this one, the newest first
    bytes32 hashes[CALL_HASHES_MAX]; // for BLOCKHASH
    size_t hash_count;
    bool begins_block; // the system call of EIP-4788 comes first
    bytes32 beacon_root;
    struct call_tx *txs;
    size_t tx_count, first_traced;
    bool signed_txs;  // checked and paid for as in a block
    bool names_price; // CALL_RUN, CALL_ESTIMATE: the fee cap counts
    bool names_gas;   // CALL_ESTIMATE: the gas limit is a bound
    uint64_t gas_cap; // CALL_ESTIMATE
    struct call_override *overrides;
    size_t override_count;
    struct trace_options trace;
    bool with_hashes; // CALL_TRACE: a list of results with their transactions' hashes

    // Out: an error in JSON-RPC's terms, or the result.
    int error_code; // 0: none
    char error[CALL_ERROR_MAX];
    uint8_t *output; // CALL_RUN; with an error: what REVERT gave
    size_t output_len;
    uint64_t gas;            // CALL_ESTIMATE, CALL_ACCESS_LIST
    struct json_writer json; // CALL_ACCESS_LIST: the list; CALL_TRACE: the result
};

// Zeroed; json with this limit. NULL when memory is short.
struct call_request *call_request_new(enum call_kind kind, size_t answer_bytes_max);
void call_request_free(struct call_request *r); // NULL is fine

// Codes of errors here: JSON-RPC's and geth's.
enum { CALL_REVERTED = 3, CALL_FAILED = -32000, CALL_LIMIT = -32005 };
__attribute__((format(printf, 3, 4))) void call_fails(struct call_request *r, int code, const char *format, ...);

#endif
