#include "engine/calls/call_job.h"

#include "engine/calls/job_private.h"
#include "engine/calls/revert.h"

#include <stdio.h>
#include <stdlib.h>

struct call_job *call_job_create(struct arena *arena, const struct evm_rules *rules, struct evm *evm,
                                 const struct call_source *source, struct call_request *request)
{
    struct call_job *j = arena_alloc_zero(arena, sizeof *j);
    j->arena = arena;
    j->rules = rules;
    j->request = request;
    j->state = call_state_create(arena, rules, source, request->height);
    call_state_set_hashes(j->state, request->hashes_before, request->hashes, request->hash_count);
    for (size_t i = 0; i < request->override_count; i++)
        call_state_override(j->state, &request->overrides[i]);
    j->evm = evm;
    evm_set_host(evm, call_state_host(j->state));
    evm_set_tracer(evm, NULL);
    evm_set_block(j->evm, &request->block);
    if (request->tx_count > 0)
        j->tx = request->txs[0].tx;
    if (request->kind == CALL_TRACE)
        j->trace = trace_create(&request->trace, &request->json, j->state);
    return j;
}

void call_job_free(struct call_job *j)
{
    if (!j)
        return;
    trace_free(j->trace);
    touched_free(&j->touched);
    free(j->access_list);
    evm_drop(j->evm);
    evm_set_tracer(j->evm, NULL);
    call_state_free(j->state);
    arena_free(j->arena, j);
}

struct call_state *call_job_state(struct call_job *j)
{
    return j->state;
}

// One transaction

static enum job_outcome outcome_of(enum evm_outcome outcome)
{
    return outcome == EVM_WAITING ? JOB_WAITING : outcome == EVM_PAUSED ? JOB_PAUSED : JOB_DONE;
}

enum job_outcome job_transact(struct call_job *j, const struct evm_tx *tx, const struct evm_tracer *tracer)
{
    const unsigned flags = j->request->signed_txs ? 0 : EVM_NO_CHECKS;
    if (!j->running) {
        evm_set_tracer(j->evm, tracer);
        j->evm_outcome = evm_transact(j->evm, tx, flags, &j->result);
    } else {
        j->evm_outcome = evm_resume(j->evm, &j->result);
    }
    j->running = j->evm_outcome == EVM_WAITING || j->evm_outcome == EVM_PAUSED;
    return outcome_of(j->evm_outcome);
}

static void note_failure(void *ctx, const struct evm_exit *exit)
{
    struct call_job *j = ctx;
    if (exit->depth == 1)
        snprintf(j->why, sizeof j->why, "%s", exit->error ? exit->error : "");
}

enum job_outcome job_explain(struct call_job *j)
{
    j->explainer = (struct evm_tracer){.ctx = j, .exit = note_failure};
    return job_transact(j, &j->tx, &j->explainer);
}

void job_reverted(struct call_job *j)
{
    struct call_request *r = j->request;
    char reason[256];
    const struct bytes output = j->result.output;
    const bool known = revert_reason(reason, sizeof reason, output);
    call_fails(r, CALL_REVERTED, "execution reverted%s%s", known ? ": " : "", known ? reason : "");
    job_output(j);
}

void job_output(struct call_job *j)
{
    struct call_request *r = j->request;
    free(r->output);
    r->output_len = j->result.output.len;
    r->output = malloc(r->output_len + 1);
    if (!r->output)
        abort();
    if (r->output_len > 0)
        memcpy(r->output, j->result.output.ptr, r->output_len);
}

// CALL_RUN

static enum job_outcome refuse_call(struct call_job *j, const char *why)
{
    call_fails(j->request, CALL_FAILED, "err: %s (supplied gas %llu)", why, (unsigned long long)j->tx.gas_limit);
    return JOB_DONE;
}

static enum job_outcome run_call(struct call_job *j)
{
    struct call_request *r = j->request;
    struct evm_account_state sender;
    const char *obstacle;
    enum job_outcome out;
    switch (j->phase) {
    case 0:
        if (call_state_account(j->state, &j->tx.sender, &sender, NULL) == EVM_LATER)
            return JOB_WAITING;
        if ((obstacle = job_obstacle(j, &sender, j->tx.gas_limit)))
            return refuse_call(j, obstacle);
        j->phase = 1;
        // fallthrough
    case 1:
        if ((out = job_transact(j, &j->tx, NULL)) != JOB_DONE)
            return out;
        if (j->evm_outcome == EVM_INVALID)
            return refuse_call(j, job_invalid(j));
        if (j->result.success || j->result.reverted) {
            if (j->result.success)
                job_output(j);
            else
                job_reverted(j);
            evm_drop(j->evm);
            return JOB_DONE;
        }
        evm_drop(j->evm);
        j->phase = 2;
        // fallthrough
    default:
        if ((out = job_explain(j)) != JOB_DONE)
            return out;
        evm_drop(j->evm);
        call_fails(r, CALL_FAILED, "%s", j->why);
        return JOB_DONE;
    }
}

// CALL_TRACE

// EIP-4788. Nothing of the system call is kept until it has found all that it needs: it is simply made again. Its gas
// is bounded, and it isn't interrupted.
static bool begin_block(struct call_job *j)
{
    static const address beacon_roots = {{0x00, 0x0f, 0x3d, 0xf6, 0xd7, 0x32, 0x80, 0x7e, 0xf1, 0x31,
                                          0x9f, 0xb7, 0xb8, 0xbb, 0x85, 0x22, 0xd0, 0xbe, 0xac, 0x02}};
    const bytes32 *root = &j->request->beacon_root;
    evm_set_slice(j->evm, 0);
    const bool called = evm_system_call(j->evm, &beacon_roots, bytes_of(root->b, sizeof root->b));
    (void)called; // a failure changes nothing, as in the block itself
    return !call_state_waits(j->state);
}

static void open_result(struct call_job *j)
{
    struct call_request *r = j->request;
    if (!r->with_hashes)
        return;
    jw_raw(&r->json, j->at > r->first_traced ? ",{\"txHash\":" : "[{\"txHash\":");
    jw_hash(&r->json, &r->txs[j->at].hash);
    jw_raw(&r->json, ",\"result\":");
}

enum { TRACE_BLOCK, TRACE_BEGIN, TRACE_RUN, TRACE_DONE, TRACE_COMMITTED };

static bool is_traced(const struct call_job *j)
{
    return j->at >= j->request->first_traced;
}

static enum job_outcome trace_run(struct call_job *j)
{
    const bool traced = is_traced(j);
    const struct evm_tx *tx = &j->request->txs[j->at].tx;
    const struct evm_tracer *tracer = NULL;
    if (traced && !j->running)
        tracer = trace_begin(j->trace, tx, &j->request->block);
    const enum job_outcome out = job_transact(j, tx, tracer);
    if (out == JOB_WAITING && traced)
        trace_again(j->trace);
    return out;
}

// Of each transaction from the block's first on.
static enum job_outcome run_trace(struct call_job *j)
{
    struct call_request *r = j->request;
    while (j->at < r->tx_count && !r->json.overflow) {
        enum job_outcome out;
        switch (j->phase) {
        case TRACE_BLOCK:
            if (r->begins_block && !begin_block(j))
                return JOB_WAITING;
            j->phase = TRACE_BEGIN;
            return JOB_PAUSED; // so that the next slice counts from here
        case TRACE_BEGIN:
            if (is_traced(j))
                open_result(j);
            j->phase = TRACE_RUN;
            break;
        case TRACE_RUN:
            if ((out = trace_run(j)) != JOB_DONE)
                return out;
            if (j->evm_outcome == EVM_INVALID) {
                call_fails(r, CALL_FAILED, "tracing failed: %s", job_invalid(j));
                return JOB_DONE;
            }
            j->phase = TRACE_DONE;
            break;
        case TRACE_DONE:
            if (is_traced(j) && trace_done(j->trace, &j->result) == EVM_LATER)
                return JOB_WAITING;
            evm_commit(j->evm);
            j->phase = TRACE_COMMITTED;
            break;
        default:
            if (is_traced(j) && trace_committed(j->trace) == EVM_LATER)
                return JOB_WAITING;
            jw_raw(&r->json, is_traced(j) && r->with_hashes ? "}" : "");
            j->phase = TRACE_BEGIN;
            if (++j->at < r->tx_count)
                return JOB_PAUSED;
        }
    }
    jw_raw(&r->json, !r->with_hashes ? "" : r->tx_count > 0 ? "]" : "[]");
    return JOB_DONE;
}

enum job_outcome call_job_run(struct call_job *j, uint64_t slice)
{
    static enum job_outcome (*const runs[])(struct call_job *) = {[CALL_RUN] = run_call,
                                                                  [CALL_ESTIMATE] = job_estimate,
                                                                  [CALL_ACCESS_LIST] = job_access_list,
                                                                  [CALL_TRACE] = run_trace};
    evm_set_slice(j->evm, slice);
    const enum job_outcome out = runs[j->request->kind](j);
    if (!call_state_lost(j->state))
        return out;
    call_fails(j->request, CALL_FAILED, "historical state not available");
    return JOB_DONE;
}
