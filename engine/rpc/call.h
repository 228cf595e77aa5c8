// What the methods see of a call: its parameters, ways to answer, and questions to the node. Inside engine/rpc only.
//
// A method's run function either answers (call_result ... call_done, or call_fail) or asks (call_ask) and answers in
// the continuation. Exactly one answer a call. Output is written straight into the answer's buffer.
#ifndef GANTRY_ENGINE_RPC_CALL_H
#define GANTRY_ENGINE_RPC_CALL_H

#include "base/hist.h"
#include "engine/rpc/core.h"
#include "engine/rpc/feed.h"
#include "engine/rpc/fees.h"
#include "engine/rpc/params.h"
#include "engine/rpc/recent_hashes.h"

// JSON-RPC 2.0, section 5.1; EIP-1474; geth.
enum rpc_error {
    RPC_PARSE_ERROR = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_INTERNAL_ERROR = -32603,
    RPC_SERVER_ERROR = -32000, // with the pool's and the chain's words
    RPC_RESPONSE_TOO_LARGE = -32003,
    RPC_LIMIT_EXCEEDED = -32005,
    RPC_PRUNED = 4444, // EIP-4444, as geth
};

struct rpc_call;

enum rpc_method_flags {
    RPC_DEVELOPER = 1, // only with options.developer_methods
    RPC_OWN_COUNTS = 2 // checks the number of its parameters itself
};

struct rpc_method {
    const char *name;
    unsigned required, most; // parameters
    unsigned flags;
    void (*run)(struct rpc_call *call);
};

// Every method, sorted by name.
extern const struct rpc_method RPC_METHODS[];
extern const size_t RPC_METHOD_COUNT;
// Index of the method, RPC_METHOD_COUNT when there is none.
size_t rpc_method_find(struct bytes name);

// What is counted of a method; index RPC_METHOD_COUNT stands for unknown ones.
struct rpc_method_stats {
    uint64_t calls, errors;
};

struct rpc_core {
    struct rpc_options options;
    struct rpc_backend backend;
    struct chain_reader *reader;
    const struct genesis *genesis;
    struct feed feed;
    struct fee_oracle fees;
    struct recent_hashes hashes;
    struct rpc_exchange *exchanges; // all that are under way
    unsigned query_count;
    // Submissions of the batch whose calls are being started; NULL when none is.
    struct rpc_query **gathered;
    size_t gathered_count;
    struct log_scan *scans; // a ring of the searches that wait for their turn
    unsigned scan_count;
    struct rpc_method_stats *stats; // RPC_METHOD_COUNT + 1
    struct hist latency_ns;
    uint64_t request_count, batch_count, parse_error_count, busy_count;
    _Atomic uint64_t pending_lost;
};

struct rpc_call {
    struct rpc_core *core;
    struct rpc_exchange *exchange;
    size_t method; // index
    const struct jv *params;
    struct json_writer out;
    size_t head; // length of out before "result" or "error"
    bool notification, answered, failed;
    uint64_t started_ns;
    struct rpc_query *query; // with the node
    struct log_scan *scan;   // a search for logs under way
    void (*then)(struct rpc_call *call, struct rpc_query *q);
    address sender; // whom a question is about
};

// The peer that asked, NULL when it has gone.
struct rpc_peer *call_peer(struct rpc_call *call);

// Answering.
struct json_writer *call_result(struct rpc_call *call); // write one value, then call_done
void call_done(struct rpc_call *call);
void call_raw(struct rpc_call *call, const char *json); // the whole result
void call_quantity(struct rpc_call *call, uint64_t v);
void call_quantity256(struct rpc_call *call, const u256 *v);
// An error with data, in hexadecimal.
void call_fail_data(struct rpc_call *call, int code, const char *message, struct bytes data);
__attribute__((format(printf, 3, 4))) void call_fail(struct rpc_call *call, int code, const char *format, ...);
// -32602 "invalid argument I: ...". Returns false, for use in conditions.
bool call_invalid(struct rpc_call *call, unsigned i, const char *error);

// Asks the node: query is copied; continues in then, which must answer. The caller returns at once.
void call_ask(struct rpc_call *call, const struct rpc_query *query,
              void (*then)(struct rpc_call *call, struct rpc_query *q));

// Parameters. NULL when absent; false after having answered.
const struct jv *call_arg(const struct rpc_call *call, unsigned i);
bool call_has_arg(const struct rpc_call *call, unsigned i); // there and not null
bool arg_address(struct rpc_call *call, unsigned i, address *out);
bool arg_hash(struct rpc_call *call, unsigned i, bytes32 *out);
bool arg_quantity(struct rpc_call *call, unsigned i, uint64_t *out);
bool arg_bool(struct rpc_call *call, unsigned i, bool *out);
bool arg_block_number(struct rpc_call *call, unsigned i, struct block_ref *out);
// Absent or null: latest.
bool arg_block(struct rpc_call *call, unsigned i, struct block_ref *out);

// As arg_block, for a read of state; false also when there is no such block.
bool arg_state(struct rpc_call *call, unsigned i, uint64_t *height, bool *pending);

// The object of gantry_status.
void node_status_write(struct json_writer *w, struct rpc_core *core);

// The block meant by ref. false when there is none (nothing is answered).
bool chain_resolve(struct rpc_core *core, const struct block_ref *ref, uint64_t *height);
// The block at height. NULL after having answered: with null when it isn't there, with an error when it is damaged.
const struct record *call_block(struct rpc_call *call, uint64_t height);

#endif
