// The inside of a job. Inside engine/calls only.
#ifndef GANTRY_ENGINE_CALLS_JOB_PRIVATE_H
#define GANTRY_ENGINE_CALLS_JOB_PRIVATE_H

#include "engine/calls/call_job.h"
#include "engine/calls/trace_private.h"

struct call_job {
    struct arena *arena;
    const struct evm_rules *rules;
    struct call_request *request;
    struct call_state *state;
    struct evm *evm;
    struct trace *trace;
    unsigned phase;
    bool running; // a transaction is suspended
    enum evm_outcome evm_outcome;
    struct evm_result result;
    struct evm_tx tx; // the request's first one, with what is tried
    struct evm_tracer explainer;
    char why[320];
    size_t at;              // CALL_TRACE: the transaction that runs
    uint64_t low, high;     // CALL_ESTIMATE: fails with low, succeeds with high
    struct touched touched; // CALL_ACCESS_LIST
    uint8_t *access_list;   // RLP of what was touched, which tx runs with
    size_t access_list_len;
    size_t entries_before; // touched when this run began
};

// Runs or resumes a transaction: JOB_DONE with evm_outcome and result; then evm_drop or evm_commit.
enum job_outcome job_transact(struct call_job *j, const struct evm_tx *tx, const struct evm_tracer *tracer);
// The same for tx with a look at why it fails; slower.
enum job_outcome job_explain(struct call_job *j);
// The result's output becomes the request's; the same with the error that the output of REVERT makes.
void job_output(struct call_job *j);
void job_reverted(struct call_job *j);
// Why the transaction is EVM_INVALID, in geth's words.
const char *job_invalid(struct call_job *j);
// What stands against the call with this gas limit before it begins: the fee cap, the sender's money. NULL when nothing
// does. sender: its account.
const char *job_obstacle(struct call_job *j, const struct evm_account_state *sender, uint64_t gas);

enum job_outcome job_estimate(struct call_job *j);
enum job_outcome job_access_list(struct call_job *j);

#endif
