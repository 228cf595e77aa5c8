// Subscriptions and filters.
#include "engine/rpc/methods.h"

#include "base/clock.h"
#include "engine/rpc/log_scan.h"

#include <stdlib.h>

static void answer_id(struct rpc_call *call, const struct feed_id *id)
{
    char text[FEED_ID_TEXT];
    feed_id_write(text, id);
    jw_cstring(call_result(call), text);
    call_done(call);
}

// The second parameter of newPendingTransactions would ask for whole transactions; only hashes are told.
static bool wants_whole(struct rpc_call *call)
{
    return jv_true(call_arg(call, 1));
}

static bool feed_named(struct bytes name, enum feed_kind *kind)
{
    static const char *const names[] = {
        [FEED_HEADS] = "newHeads", [FEED_PENDING] = "newPendingTransactions", [FEED_LOGS] = "logs"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (bytes_equal(name, bytes_of(names[i], strlen(names[i])))) {
            *kind = (enum feed_kind)i;
            return true;
        }
    }
    return false;
}

static void subscribe(struct rpc_call *call, struct rpc_peer *peer, enum feed_kind kind, struct log_filter *logs)
{
    struct rpc_core *core = call->core;
    struct rpc_subscription *s = NULL;
    if (peer->subscription_count < core->options.subscription_max)
        s = feed_subscribe(&core->feed, peer, kind, logs);
    if (s)
        answer_id(call, &s->id);
    else
        call_fail(call, RPC_LIMIT_EXCEEDED, "too many subscriptions on this connection (limit %u)",
                  core->options.subscription_max);
}

void gantry_subscribe(struct rpc_call *call)
{
    struct rpc_peer *peer = call_peer(call);
    struct bytes name = jv_text(call_arg(call, 0));
    if (!peer || !peer->can_subscribe)
        call_fail(call, RPC_METHOD_NOT_FOUND, "notifications not supported");
    else if (jv_kind(call_arg(call, 0)) != JV_STRING)
        call_fail(call, RPC_INVALID_PARAMS, "expected subscription name as first argument");
    else if (!jv_text_is(call_arg(call, 0), "overview"))
        call_fail(call, RPC_METHOD_NOT_FOUND, "no \"%.*s\" subscription in gantry namespace",
                  (int)(name.len < 64 ? name.len : 64), (const char *)name.ptr);
    else if (jv_count(call->params) > 1)
        call_fail(call, RPC_INVALID_PARAMS, "too many arguments, want at most 1");
    else
        subscribe(call, peer, FEED_OVERVIEW, NULL);
}

static void subscribe_logs(struct rpc_call *call, struct rpc_peer *peer)
{
    char error[PARAM_ERROR_MAX];
    if (!call_arg(call, 1)) {
        call_fail(call, RPC_INVALID_PARAMS, "missing value for required argument 1");
        return;
    }
    struct log_filter *logs = log_filter_read(call_arg(call, 1), error);
    if (logs)
        subscribe(call, peer, FEED_LOGS, logs);
    else
        call_invalid(call, 1, error);
    log_filter_release(logs);
}

void eth_subscribe(struct rpc_call *call)
{
    struct rpc_peer *peer = call_peer(call);
    struct bytes name = jv_text(call_arg(call, 0));
    enum feed_kind kind;
    if (!peer || !peer->can_subscribe)
        call_fail(call, RPC_METHOD_NOT_FOUND, "notifications not supported");
    else if (jv_kind(call->params) != JV_ARRAY)
        call_fail(call, RPC_INVALID_PARAMS, "non-array args");
    else if (jv_kind(call_arg(call, 0)) != JV_STRING)
        call_fail(call, RPC_INVALID_PARAMS, "expected subscription name as first argument");
    else if (!feed_named(name, &kind))
        call_fail(call, RPC_METHOD_NOT_FOUND, "no \"%.*s\" subscription in eth namespace",
                  (int)(name.len < 64 ? name.len : 64), (const char *)name.ptr);
    else if (jv_count(call->params) > 2)
        call_fail(call, RPC_INVALID_PARAMS, "too many arguments, want at most 2");
    else if (kind == FEED_LOGS)
        subscribe_logs(call, peer);
    else if (wants_whole(call))
        call_fail(call, RPC_INVALID_PARAMS, "invalid argument 1: whole transactions are not told, only hashes");
    else
        subscribe(call, peer, kind, NULL);
}

void eth_unsubscribe(struct rpc_call *call)
{
    struct rpc_peer *peer = call_peer(call);
    struct bytes text;
    struct feed_id id;
    char error[PARAM_ERROR_MAX];
    if (!peer || !peer->can_subscribe)
        call_fail(call, RPC_METHOD_NOT_FOUND, "notifications not supported");
    else if (!param_text(call_arg(call, 0), &text, error))
        call_invalid(call, 0, error);
    else if (feed_id_read(&id, text) && feed_unsubscribe(&call->core->feed, peer, &id))
        call_raw(call, "true");
    else
        call_fail(call, RPC_SERVER_ERROR, "subscription not found");
}

void gantry_unsubscribe(struct rpc_call *call)
{
    eth_unsubscribe(call);
}

static void new_filter(struct rpc_call *call, enum feed_kind kind, struct log_filter *logs)
{
    struct rpc_core *core = call->core;
    struct rpc_filter *filter = feed_add_filter(&core->feed, kind, logs, chain_reader_head(core->reader), clock_ns());
    if (filter)
        answer_id(call, &filter->id);
    else
        call_fail(call, RPC_LIMIT_EXCEEDED, "too many filters (limit %u)", core->options.filter_max);
}

void eth_new_block_filter(struct rpc_call *call)
{
    new_filter(call, FEED_HEADS, NULL);
}

void eth_new_pending_transaction_filter(struct rpc_call *call)
{
    bool whole;
    if (call_has_arg(call, 0) && !arg_bool(call, 0, &whole))
        return;
    if (call_has_arg(call, 0) && whole)
        call_fail(call, RPC_INVALID_PARAMS, "invalid argument 0: whole transactions are not told, only hashes");
    else
        new_filter(call, FEED_PENDING, NULL);
}

void eth_new_filter(struct rpc_call *call)
{
    char error[PARAM_ERROR_MAX];
    struct log_filter *logs = log_filter_read(call_arg(call, 0), error);
    if (logs)
        new_filter(call, FEED_LOGS, logs);
    else
        call_invalid(call, 0, error);
    log_filter_release(logs);
}

static void write_new_blocks(struct json_writer *w, struct rpc_core *core, struct rpc_filter *filter)
{
    uint64_t head = chain_reader_head(core->reader), first = chain_reader_first(core->reader);
    uint64_t height = filter->position + 1 > first ? filter->position + 1 : first;
    uint64_t last = head - filter->position > FILTER_BLOCKS_MAX ? filter->position + FILTER_BLOCKS_MAX : head;
    const char *separator = "";
    jw_raw(w, "[");
    for (; height <= last; height++) {
        bool damaged = false;
        const struct record *r = chain_reader_block(core->reader, height, &damaged);
        if (!r)
            continue;
        jw_raw(w, separator);
        jw_hash(w, &r->block_hash);
        separator = ",";
    }
    jw_raw(w, "]");
    filter->position = last;
}

static void write_new_pending(struct json_writer *w, struct rpc_core *core, struct rpc_filter *filter)
{
    bytes32 hashes[256];
    size_t count;
    const char *separator = "";
    jw_raw(w, "[");
    while ((count = feed_take_pending(&core->feed, filter, hashes, 256)) > 0) {
        for (size_t i = 0; i < count; i++) {
            jw_raw(w, separator);
            jw_hash(w, &hashes[i]);
            separator = ",";
        }
    }
    jw_raw(w, "]");
}

static bool arg_filter(struct rpc_call *call, struct feed_id *id)
{
    struct bytes text;
    char error[PARAM_ERROR_MAX];
    if (!param_text(call_arg(call, 0), &text, error))
        return call_invalid(call, 0, error);
    if (!feed_id_read(id, text))
        *id = (struct feed_id){{0}};
    return true;
}

// NULL after having answered.
static struct rpc_filter *find_filter(struct rpc_call *call)
{
    struct feed_id id;
    if (!arg_filter(call, &id))
        return NULL;
    struct rpc_filter *filter = feed_find_filter(&call->core->feed, &id, clock_ns());
    if (!filter)
        call_fail(call, RPC_SERVER_ERROR, "filter not found");
    return filter;
}

// A range that the filter names bounds what it tells. What was removed by retention is missed.
static void answer_new_logs(struct rpc_call *call, struct rpc_filter *filter)
{
    const struct log_filter *logs = filter->logs;
    const uint64_t head = chain_reader_head(call->core->reader), first = chain_reader_first(call->core->reader);
    uint64_t from = filter->position + 1 > first ? filter->position + 1 : first, to = head;
    if (logs->from.kind == BLOCK_REF_NUMBER && logs->from.number > from)
        from = logs->from.number;
    if (logs->to.kind == BLOCK_REF_NUMBER && logs->to.number < to)
        to = logs->to.number;
    if (from <= to)
        log_scan_follow(call, filter, from, to);
    else
        call_raw(call, "[]");
}

void eth_get_filter_changes(struct rpc_call *call)
{
    struct rpc_filter *filter = find_filter(call);
    if (!filter)
        return;
    if (filter->kind == FEED_LOGS) {
        answer_new_logs(call, filter);
        return;
    }
    if (filter->kind == FEED_HEADS)
        write_new_blocks(call_result(call), call->core, filter);
    else
        write_new_pending(call_result(call), call->core, filter);
    call_done(call);
}

void eth_uninstall_filter(struct rpc_call *call)
{
    struct feed_id id;
    if (arg_filter(call, &id))
        call_raw(call, feed_remove_filter(&call->core->feed, &id, clock_ns()) ? "true" : "false");
}

// Logs of the past

// The heights that a filter asks for; false after having answered.
static bool log_range(struct rpc_call *call, const struct log_filter *f, uint64_t *from, uint64_t *to)
{
    struct chain_reader *reader = call->core->reader;
    const uint64_t head = chain_reader_head(reader);
    if (f->by_hash) {
        if (chain_reader_height_of(reader, &f->hash, from)) {
            *to = *from;
            return true;
        }
        call_fail(call, RPC_SERVER_ERROR, "unknown block");
        return false;
    }
    *from = f->from.kind == BLOCK_REF_NUMBER ? f->from.number : head;
    *to = f->to.kind == BLOCK_REF_NUMBER ? f->to.number : head;
    if (*from > head || *to > head)
        call_fail(call, RPC_INVALID_PARAMS, "block range extends beyond current head block");
    else if (*from > *to)
        call_fail(call, RPC_INVALID_PARAMS, "invalid block range params");
    else if (*to - *from >= LOG_RANGE_MAX)
        call_fail(call, RPC_LIMIT_EXCEEDED, "query spans more than %d blocks", LOG_RANGE_MAX);
    else if (*from + 1 < chain_reader_first(reader))
        call_fail(call, RPC_PRUNED, "pruned history unavailable");
    else
        return true;
    return false;
}

static void answer_logs(struct rpc_call *call, struct log_filter *f)
{
    uint64_t from, to;
    if (log_range(call, f, &from, &to))
        log_scan_start(call, f, from, to);
}

void eth_get_logs(struct rpc_call *call)
{
    char error[PARAM_ERROR_MAX];
    struct log_filter *f = log_filter_read(call_arg(call, 0), error);
    if (f)
        answer_logs(call, f);
    else
        call_invalid(call, 0, error);
    log_filter_release(f);
}

void eth_get_filter_logs(struct rpc_call *call)
{
    const struct rpc_filter *filter = find_filter(call);
    if (filter && filter->kind == FEED_LOGS)
        answer_logs(call, filter->logs);
    else if (filter)
        call_fail(call, RPC_SERVER_ERROR, "filter not found");
}
