#include "tests/engine/call_bed.h"

#include "base/keccak.h"
#include "engine/calls/call_job.h"
#include "shard/evm/precompiles/precompiles.h"
#include "tests/support/vectors.h"

#include <stdlib.h>

void call_bed_open(struct call_bed *b, enum evm_fork fork)
{
    static const struct evm_host nothing;
    *b = (struct call_bed){.arena = arena_create(), .rules = evm_rules_of(fork)};
    b->world = evm_world_create(b->arena, b->rules);
    b->precompiles = precompiles_create();
    b->evm = evm_create(b->arena, b->rules, b->precompiles, &nothing);
}

void call_bed_close(struct call_bed *b)
{
    evm_free(b->evm);
    precompiles_free(b->precompiles);
    evm_world_free(b->world);
    arena_destroy(b->arena);
}

struct call_request *call_bed_request(enum call_kind kind)
{
    struct call_request *r = call_request_new(kind, 64 << 20);
    r->block = (struct evm_block){.chain_id = 31337,
                                  .number = 10,
                                  .timestamp = 1000,
                                  .gas_limit = 30000000,
                                  .coinbase = {{0xc0}},
                                  .base_fee = u256_from_u64(7),
                                  .blob_base_fee = u256_from_u64(1)};
    r->height = 10;
    r->gas_cap = 50000000;
    r->txs = calloc(1, sizeof *r->txs);
    r->tx_count = 1;
    r->txs[0].tx = (struct evm_tx){.sender = {{0xaa}}, .to = {{0xbb}}, .gas_limit = 30000000};
    return r;
}

struct bed_source {
    struct call_bed *bed;
    struct call_read late;
    bool is_late;
};

static void answer(struct call_bed *b, struct call_read *r)
{
    const struct evm_host *host = evm_world_host(b->world);
    r->lost = r->height < b->oldest;
    r->account = (struct evm_account_state){.code_hash = KECCAK256_EMPTY};
    r->code = NULL;
    r->value = U256_ZERO;
    if (r->is_slot) {
        r->value = evm_world_slot(b->world, &r->who, &r->slot);
        return;
    }
    (void)host->account(host->ctx, &r->who, &r->account);
    if (r->account.exists && !bytes32_equal(&r->account.code_hash, &KECCAK256_EMPTY))
        (void)host->code(host->ctx, r->account.handle, &r->account.code_hash, &r->code);
}

static enum evm_answer read_record(void *ctx, struct call_read *read)
{
    struct bed_source *s = ctx;
    if (s->bed->late && test_random(&s->bed->late) % 2) {
        s->late = *read;
        s->is_late = true;
        return EVM_LATER;
    }
    answer(s->bed, read);
    return EVM_NOW;
}

void call_bed_run(struct call_bed *b, struct call_request *request)
{
    struct bed_source s = {.bed = b};
    const struct call_source source = {&s, read_record};
    struct call_job *job = call_job_create(b->arena, b->rules, b->evm, &source, request);
    enum job_outcome outcome;
    b->pauses = b->waits = 0;
    while ((outcome = call_job_run(job, b->slice)) != JOB_DONE) {
        b->pauses += outcome == JOB_PAUSED;
        b->waits += outcome == JOB_WAITING;
        if ((outcome == JOB_WAITING) != s.is_late)
            abort();
        if (s.is_late) {
            answer(b, &s.late);
            s.is_late = false;
            call_state_take(call_job_state(job), &s.late);
        }
    }
    call_job_free(job);
}
