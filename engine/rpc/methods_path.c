// The way that one transaction took through the node, step by step.
#include "engine/rpc/methods.h"

#include "base/clock.h"
#include "engine/rpc/views.h"
#include "shard/partition.h"

#include <stdarg.h>
#include <stdio.h>

#define STEPS_MAX 12
#define STEP_TEXT_MAX 320

// What happened, when (monotonic; 0: not known), and further members of its JSON object.
struct step {
    const char *name;
    uint64_t at_ns;
    char text[STEP_TEXT_MAX];
};

struct way {
    struct step steps[STEPS_MAX];
    unsigned count;
};

static void add_plain(struct way *way, const char *name, uint64_t at_ns)
{
    way->steps[way->count++] = (struct step){.name = name, .at_ns = at_ns};
}

__attribute__((format(printf, 4, 5))) static void add(struct way *way, const char *name, uint64_t at_ns,
                                                      const char *format, ...)
{
    va_list args;
    add_plain(way, name, at_ns);
    va_start(args, format);
    vsnprintf(way->steps[way->count - 1].text, STEP_TEXT_MAX, format, args);
    va_end(args);
}

// By time; one without a time stays behind the one before it.
static void sort(struct way *way)
{
    for (unsigned i = 1; i < way->count; i++) {
        const struct step s = way->steps[i];
        unsigned at = i;
        for (; s.at_ns > 0 && at > 0 && way->steps[at - 1].at_ns > s.at_ns; at--)
            way->steps[at] = way->steps[at - 1];
        way->steps[at] = s;
    }
}

static uint64_t after(const struct tx_path *p, uint32_t us)
{
    return us == UINT32_MAX ? 0 : p->received_ns + (uint64_t)us * 1000;
}

// ---- the steps

static void add_arrival(struct way *way, const struct rpc_query *q)
{
    const struct tx_path *p = &q->path;
    if (p->via == TX_VIA_CAR)
        return;
    add(way, "received", p->received_ns, ",\"via\":\"%s\",\"shard\":%u", p->via == TX_VIA_RPC ? "json-rpc" : "ingest",
        p->home);
    add(way, "verified", after(p, p->verified_us), ",\"shard\":%u", p->home);
    add(way, "pooled", after(p, p->pooled_us), ",\"shard\":%u", q->shard);
    if (p->taken_ns && (p->list || !p->status))
        add(way, "taken", p->taken_ns, ",\"shard\":%u", q->shard);
}

// {"number": 2, "name": "v2"}, to be freed by nobody: in `out`.
static const char *validator(char out[160], const struct rpc_core *core, uint32_t number)
{
    const struct cluster_report *report = core->backend.cluster;
    if (report && number < report->cluster->set.wire.n)
        snprintf(out, 160, "{\"number\":%u,\"name\":\"%s\"}", number, report->cluster->names[number]);
    else
        snprintf(out, 160, "{\"number\":%u,\"name\":\"\"}", number);
    return out;
}

static void add_car(struct way *way, const struct rpc_core *core, const struct list_leg *leg)
{
    char owner[160];
    const struct list_car *c = &leg->car;
    add(way, "car", c->known_ns, ",\"epoch\":%llu,\"lane\":%u,\"position\":%u,\"owner\":%s",
        (unsigned long long)leg->order.epoch, c->lane, c->position, validator(owner, core, c->lane));
    add(way, "stored", c->stored_ns, ",\"acked\":%s", c->acked ? "true" : "false");
    if (c->quorum_ns)
        add_plain(way, "quorum", c->quorum_ns);
}

static void add_order(struct way *way, const struct rpc_core *core, const struct list_order *o)
{
    char leader[160];
    if (o->in_cluster)
        add(way, "ordered", o->ordered_ns, ",\"epoch\":%llu,\"view\":%llu,\"height\":%llu,\"leader\":%s",
            (unsigned long long)o->epoch, (unsigned long long)o->view, (unsigned long long)o->height,
            validator(leader, core, o->leader));
    else
        add_plain(way, "ordered", o->ordered_ns);
}

static const char *pass_name(uint8_t pass)
{
    static const char *const names[] = {"none", "senders", "calls", "global"};
    return names[pass];
}

// The shard that executed it as text; "null" for the coordinator, which runs the global pass.
static void executed_by(char out[16], const struct rpc_core *core, const struct rpc_query *q)
{
    struct rpc_node_status status = {0};
    core->backend.status(core->backend.ctx, &status);
    if (q->path.pass == EXEC_SENDERS)
        snprintf(out, 16, "%u", q->shard);
    else if (q->path.pass == EXEC_CALLS && status.shard_count > 0)
        snprintf(out, 16, "%u", partition_owner(q->path.partition, status.shard_count));
    else
        snprintf(out, 16, "null");
}

static void add_execution(struct way *way, const struct rpc_core *core, const struct rpc_query *q,
                          const struct list_leg *leg)
{
    const struct tx_path *p = &q->path;
    const uint64_t at_ns = p->pass ? leg->block.round_ns[p->round] : 0;
    char shard[16], escape[96] = "";
    executed_by(shard, core, q);
    if (p->reason)
        snprintf(escape, sizeof escape, ",\"escaped\":\"%s\"", exec_global_reason_text(p->reason));
    add(way, "begun", leg->block.begun_ns, ",\"block\":%llu", (unsigned long long)leg->block.number);
    if (p->status)
        add(way, "dropped", at_ns, ",\"reason\":\"%s\"", tx_status_text(p->status));
    else
        add(way, "executed", at_ns, ",\"round\":%u,\"pass\":\"%s\",\"shard\":%s,\"success\":%s%s", p->round,
            pass_name(p->pass), shard, p->success ? "true" : "false", escape);
    if (!p->status)
        add_plain(way, "sealed", leg->block.sealed_ns);
}

static void add_list(struct way *way, const struct rpc_core *core, const struct rpc_query *q)
{
    struct list_leg leg;
    if (!core->backend.board || !list_board_find(core->backend.board, q->path.list, q->path.index, &leg))
        return;
    if (leg.has_car)
        add_car(way, core, &leg);
    add_order(way, core, &leg.order);
    if (leg.has_block)
        add_execution(way, core, q, &leg);
    add_plain(way, "durable", leg.durable_ns);
}

static void collect(struct way *way, const struct rpc_core *core, const struct rpc_query *q)
{
    way->count = 0;
    if (q->found == 0)
        return;
    add_arrival(way, q);
    if (q->path.list)
        add_list(way, core, q);
    else if (q->path.status)
        add(way, "left", q->path.taken_ns, ",\"reason\":\"%s\"", tx_status_text(q->path.status));
    sort(way);
}

// ---- the answer

static void write_us(struct json_writer *w, const char *key, uint64_t from_ns, uint64_t to_ns)
{
    if (from_ns == 0 || to_ns == 0)
        jw_printf(w, ",\"%s\":null", key);
    else
        jw_printf(w, ",\"%s\":%.1f", key, (double)(int64_t)(to_ns - from_ns) / 1000);
}

static void write_steps(struct json_writer *w, const struct way *way)
{
    uint64_t first_ns = 0, before_ns = 0;
    jw_raw(w, ",\"steps\":[");
    for (unsigned i = 0; i < way->count; i++) {
        const struct step *s = &way->steps[i];
        if (first_ns == 0)
            first_ns = s->at_ns;
        jw_printf(w, "%s{\"step\":\"%s\"", i > 0 ? "," : "", s->name);
        write_us(w, "atUs", first_ns, s->at_ns);
        write_us(w, "sinceUs", before_ns ? before_ns : first_ns, s->at_ns);
        jw_raw(w, s->text);
        jw_raw(w, "}");
        if (s->at_ns)
            before_ns = s->at_ns;
    }
    jw_raw(w, "]");
}

// When the first step was, in milliseconds since 1970.
static void write_start(struct json_writer *w, const struct way *way)
{
    uint64_t first_ns = 0;
    for (unsigned i = 0; i < way->count && first_ns == 0; i++)
        first_ns = way->steps[i].at_ns;
    if (first_ns)
        jw_printf(w, ",\"firstMs\":%llu", (unsigned long long)(clock_wall_ms() - (clock_ns() - first_ns) / 1000000));
    else
        jw_raw(w, ",\"firstMs\":null");
}

// Why there are no steps, or not all; empty when nothing is missing.
static void write_note(struct json_writer *w, const struct rpc_core *core, const struct rpc_query *q, bool included,
                       const struct way *way)
{
    const unsigned long long kept = core->backend.path_max;
    jw_raw(w, ",\"note\":\"");
    if (q->found == 0 && included && kept == 0)
        jw_raw(w, "this node keeps no paths (transaction-paths is 0)");
    else if (q->found == 0 && included)
        jw_printf(w, "its path is not kept: that of the last %llu transactions since the node's start is", kept);
    else if (q->found == 0 && q->status == TX_OK)
        jw_raw(w, "this node has not seen it, refused it, or has forgotten it");
    else if (q->found == 3 && q->path.list && strcmp(way->steps[way->count - 1].name, "durable") != 0)
        jw_raw(w, "what became of its list is not kept any more");
    jw_raw(w, "\"");
}

static const char *status_of(const struct rpc_query *q, bool included)
{
    if (included)
        return "included";
    switch (q->found) {
    case 1:
        return "pending";
    case 2:
        return "queued";
    case 3:
        return q->path.status == TX_OK ? "included" : "dropped";
    default:
        return q->status == TX_OK ? "unknown" : "dropped";
    }
}

static enum tx_status reason_of(const struct rpc_query *q)
{
    return q->found == 3 ? (enum tx_status)q->path.status : q->status;
}

static void answer_path(struct rpc_call *call, struct rpc_query *q)
{
    struct rpc_core *core = call->core;
    uint64_t height;
    uint32_t index;
    const struct record *r = NULL;
    const bool included = chain_reader_find_tx(core->reader, &q->hash, &height, &index);
    if (included && !(r = call_block(call, height)))
        return;
    struct way way;
    collect(&way, core, q);
    struct json_writer *w = call_result(call);
    jw_raw(w, "{\"hash\":");
    jw_hash(w, &q->hash);
    jw_printf(w, ",\"status\":\"%s\",\"reason\":", status_of(q, included));
    jw_cstring(w, !included && reason_of(q) != TX_OK ? tx_status_text(reason_of(q)) : "");
    if (r)
        view_place(w, r, index);
    write_start(w, &way);
    write_steps(w, &way);
    write_note(w, core, q, included, &way);
    jw_raw(w, "}");
    call_done(call);
}

void gantry_trace_transaction_path(struct rpc_call *call)
{
    struct rpc_query q = {.kind = RPC_PATH};
    if (arg_hash(call, 0, &q.hash))
        call_ask(call, &q, answer_path);
}
