#include "engine/calls/call_lane.h"

#include "base/clock.h"
#include "base/keccak.h"
#include "engine/calls/call_job.h"
#include "shard/evm/precompiles/precompiles.h"
#include "shard/partition.h"
#include "shard/state/state.h"

#include <stdlib.h>

// A slice of about a quarter of a millisecond.
#define SLICE_GAS 200000

struct lane;

// A request on its way to a shard, in its lane, and back.
struct task {
    struct shard_call call;
    struct call_lanes *lanes;
    struct call_request *request;
    void (*done)(void *ctx, struct call_request *request);
    void *ctx;
    // In the lane
    struct lane *lane;
    struct call_job *job;
    struct evm *evm;
    bool waits; // for a record of another shard
    uint64_t used_ns;
    struct task *next;
};

struct lane {
    struct call_lanes *lanes;
    struct shard *shard; // NULL until its first request
    struct precompiles *precompiles;
    struct evm *spare[LANE_RUNNING_MAX];
    unsigned spare_count;
    struct task *running[LANE_RUNNING_MAX];
    unsigned running_count, turn;
    struct task *first, *last; // waiting
    unsigned waiting_count;
    struct call_numbers numbers;
};

struct call_lanes {
    struct shard **shards;
    unsigned shard_count;
    const struct evm_rules *rules;
    const struct codes *codes;
    struct lane lanes[];
};

static bool work(void *ctx);
static void drop_lane(void *ctx);

static void wake(struct lane *lane)
{
    shard_work_in_background(lane->shard, &(struct shard_background){lane, work, drop_lane});
}

// Records

// A question to another shard, and its answer.
struct fetch {
    struct shard_call call;
    struct task *task;
    unsigned home;
    bool answered;
    struct call_read read;
};

static void read_account(struct state *state, const struct codes *codes, struct call_read *r)
{
    struct account account;
    struct account_contract contract;
    const int found = state_get_at(state, &r->key, r->height, &account);
    const int is_contract = state_contract_at(state, &r->key, r->height, &contract);
    r->lost = found < 0 || is_contract < 0;
    r->account = (struct evm_account_state){.code_hash = KECCAK256_EMPTY};
    r->code = NULL;
    if (found != 1)
        return;
    r->account.exists = true;
    r->account.nonce = account.nonce;
    r->account.balance = account.balance;
    if (is_contract != 1)
        return;
    r->account.code_hash = contract.code_hash;
    r->account.has_storage = !bytes32_equal(&contract.storage_root, &KECCAK256_EMPTY_RLP);
    if (!bytes32_equal(&contract.code_hash, &KECCAK256_EMPTY))
        r->code = codes_find(codes, &contract.code_hash);
}

static void read_record(struct shard *s, const struct codes *codes, struct call_read *r)
{
    struct state *state = shard_states(s)[partition_of_key(&r->key)];
    if (!r->is_slot)
        read_account(state, codes, r);
    else
        r->lost = state_slot_at(state, &r->key, &r->slot, r->height, &r->value) < 0;
}

static void run_fetch(struct shard *s, struct shard_call *call)
{
    struct fetch *f = (struct fetch *)call;
    struct lane *lane = f->task->lane;
    if (!f->answered) {
        read_record(s, lane->lanes->codes, &f->read);
        f->answered = true;
        shard_pass_on(s, f->home, call);
        return;
    }
    call_state_take(call_job_state(f->task->job), &f->read);
    f->task->waits = false;
    free(f);
    wake(lane);
}

static void drop_fetch(struct shard_call *call)
{
    free(call);
}

static enum evm_answer source_read(void *ctx, struct call_read *read)
{
    struct task *t = ctx;
    const struct call_lanes *lanes = t->lanes;
    const unsigned owner = partition_owner(partition_of_key(&read->key), lanes->shard_count);
    const unsigned home = shard_index(t->lane->shard);
    if (owner == home) {
        read_record(t->lane->shard, lanes->codes, read);
        return EVM_NOW;
    }
    struct fetch *f = malloc(sizeof *f);
    if (!f)
        abort();
    *f = (struct fetch){.call = {.run = run_fetch, .dropped = drop_fetch}, .task = t, .home = home, .read = *read};
    t->waits = true;
    shard_pass_on(t->lane->shard, owner, &f->call);
    return EVM_LATER;
}

// A lane

static struct evm *take_evm(struct lane *lane, const struct evm_host *host)
{
    if (lane->spare_count > 0)
        return lane->spare[--lane->spare_count];
    return evm_create(shard_arena(lane->shard), lane->lanes->rules, lane->precompiles, host);
}

static void add(_Atomic uint64_t *number, uint64_t value)
{
    atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + value, memory_order_relaxed);
}

static void publish_counts(struct lane *lane)
{
    atomic_store_explicit(&lane->numbers.running, lane->running_count, memory_order_relaxed);
    atomic_store_explicit(&lane->numbers.waiting, lane->waiting_count, memory_order_relaxed);
}

static void complete(struct task *t)
{
    t->done(t->ctx, t->request);
    free(t);
}

static void start_task(struct lane *lane, struct task *t)
{
    static const struct evm_host nothing;
    const struct call_source source = {t, source_read};
    t->evm = take_evm(lane, &nothing);
    t->job = call_job_create(shard_arena(lane->shard), lane->lanes->rules, t->evm, &source, t->request);
    lane->running[lane->running_count++] = t;
}

static void end_task(struct lane *lane, unsigned at)
{
    struct task *t = lane->running[at];
    lane->running[at] = lane->running[--lane->running_count];
    call_job_free(t->job);
    lane->spare[lane->spare_count++] = t->evm;
    complete(t);
}

static void start_waiting(struct lane *lane)
{
    while (lane->running_count < LANE_RUNNING_MAX && lane->first) {
        struct task *t = lane->first;
        lane->first = t->next;
        lane->waiting_count--;
        start_task(lane, t);
    }
}

// The next one, from the last one's turn on, that waits for no record; LANE_RUNNING_MAX when all do.
static unsigned next_ready(const struct lane *lane)
{
    for (unsigned i = 0; i < lane->running_count; i++) {
        const unsigned at = (lane->turn + i) % lane->running_count;
        if (!lane->running[at]->waits)
            return at;
    }
    return LANE_RUNNING_MAX;
}

static bool work(void *ctx)
{
    struct lane *lane = ctx;
    start_waiting(lane);
    const unsigned at = next_ready(lane);
    if (at == LANE_RUNNING_MAX)
        return false;
    struct task *t = lane->running[at];
    lane->turn = at + 1;
    const uint64_t start = clock_ns();
    enum job_outcome outcome = call_job_run(t->job, SLICE_GAS);
    const uint64_t used_ns = clock_ns() - start;
    t->used_ns += used_ns;
    add(&lane->numbers.used_ns, used_ns);
    const bool too_long = outcome == JOB_PAUSED && t->used_ns > CALL_TIME_MAX_NS;
    if (too_long) {
        call_fails(t->request, CALL_FAILED, "execution aborted (timeout = %us)",
                   (unsigned)(CALL_TIME_MAX_NS / 1000000000));
        outcome = JOB_DONE;
    }
    if (outcome == JOB_DONE) {
        add(&lane->numbers.ended[too_long ? CALL_ABORTED : CALL_ANSWERED], 1);
        end_task(lane, at);
    }
    publish_counts(lane);
    return lane->first || next_ready(lane) != LANE_RUNNING_MAX;
}

static bool open_lane(struct lane *lane, struct shard *s)
{
    lane->shard = s;
    if (!lane->precompiles)
        lane->precompiles = precompiles_create();
    return lane->precompiles != NULL;
}

static void take_task(struct shard *s, struct shard_call *call)
{
    struct task *t = (struct task *)call;
    struct lane *lane = t->lane = &t->lanes->lanes[shard_index(s)];
    if (!open_lane(lane, s) || lane->waiting_count >= LANE_WAITING_MAX) {
        add(&lane->numbers.ended[CALL_BUSY], 1);
        call_fails(t->request, CALL_LIMIT, "the node is busy, try again");
        complete(t);
        return;
    }
    t->next = NULL;
    if (lane->first)
        lane->last->next = t;
    else
        lane->first = t;
    lane->last = t;
    lane->waiting_count++;
    publish_counts(lane);
    wake(lane);
}

static void drop_task(struct shard_call *call)
{
    struct task *t = (struct task *)call;
    call_fails(t->request, CALL_FAILED, "%s", tx_status_text(TX_STOPPING));
    complete(t);
}

static void drop_lane(void *ctx)
{
    struct lane *lane = ctx;
    while (lane->running_count > 0) {
        call_fails(lane->running[0]->request, CALL_FAILED, "%s", tx_status_text(TX_STOPPING));
        end_task(lane, 0);
    }
    while (lane->first) {
        struct task *t = lane->first;
        lane->first = t->next;
        drop_task(&t->call);
    }
    while (lane->spare_count > 0)
        evm_free(lane->spare[--lane->spare_count]);
}

struct call_lanes *call_lanes_create(struct shard **shards, unsigned shard_count, const struct evm_rules *rules,
                                     const struct codes *codes)
{
    struct call_lanes *lanes = calloc(1, sizeof *lanes + shard_count * sizeof lanes->lanes[0]);
    if (!lanes)
        abort();
    lanes->shards = shards;
    lanes->shard_count = shard_count;
    lanes->rules = rules;
    lanes->codes = codes;
    for (unsigned i = 0; i < shard_count; i++)
        lanes->lanes[i].lanes = lanes;
    return lanes;
}

void call_lanes_free(struct call_lanes *lanes)
{
    if (!lanes)
        return;
    for (unsigned i = 0; i < lanes->shard_count; i++)
        precompiles_free(lanes->lanes[i].precompiles);
    free(lanes);
}

bool call_lanes_run(struct call_lanes *lanes, struct call_request *request, const bytes32 *key,
                    void (*done)(void *ctx, struct call_request *request), void *ctx)
{
    struct task *t = calloc(1, sizeof *t);
    if (!t)
        return false;
    *t = (struct task){
        .call = {.run = take_task, .dropped = drop_task}, .lanes = lanes, .request = request, .done = done, .ctx = ctx};
    if (shard_run(lanes->shards[partition_owner(partition_of_key(key), lanes->shard_count)], &t->call))
        return true;
    free(t);
    return false;
}

const struct call_numbers *call_lanes_numbers(const struct call_lanes *lanes, unsigned shard)
{
    return &lanes->lanes[shard].numbers;
}
