// What debug_trace* tells of a transaction, as geth's tracers do: its instructions (struct logs), the tree of its calls
// (callTracer), or the state that it found (prestateTracer). A trace listens to the EVM and writes JSON. One thread.
#ifndef GANTRY_ENGINE_CALLS_TRACE_H
#define GANTRY_ENGINE_CALLS_TRACE_H

#include "engine/calls/call_request.h"

struct trace;

// Writes into w while the transaction runs; whoever owns w looks for its overflow.
struct trace *trace_create(const struct trace_options *options, struct json_writer *w, struct call_state *state);
void trace_free(struct trace *t); // NULL is fine

// A transaction begins: what the EVM is to be given.
const struct evm_tracer *trace_begin(struct trace *t, const struct evm_tx *tx, const struct evm_block *block);
// The EVM waits for a record and will begin its last instruction once more.
void trace_again(struct trace *t);
// Before evm_commit or evm_drop, with EVM_DONE. EVM_LATER: the state's record is to be fetched and this called again.
enum evm_answer trace_done(struct trace *t, const struct evm_result *result);
// After evm_commit; likewise. Then the JSON value is complete.
enum evm_answer trace_committed(struct trace *t);

#endif
