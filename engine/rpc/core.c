#include "engine/rpc/core.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/rpc/call.h"
#include "engine/rpc/log_scan.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// Values in one request: bounds what its tree takes (about 40 bytes a value).
#define REQUEST_VALUES_MAX 100000

struct rpc_exchange {
    struct rpc_core *core;
    struct rpc_peer *peer; // NULL when it has gone
    struct jv *document;
    bool batch;
    bool full;                        // an answer did not fit: later calls are not run at all
    unsigned open;                    // calls without an answer, and one while calls are still being started
    size_t bytes;                     // of answers so far
    struct rpc_exchange *next, *prev; // of all
    struct rpc_exchange *next_of_peer, *prev_of_peer; // of the peer
    size_t call_count;
    struct rpc_call calls[];
};

struct rpc_core *core_create(const struct rpc_options *options, const struct rpc_backend *backend,
                             struct chain_reader *reader, const struct genesis *genesis)
{
    struct rpc_core *core = calloc(1, sizeof *core);
    struct rpc_method_stats *stats = calloc(RPC_METHOD_COUNT + 1, sizeof *stats);
    if (!core || !stats) {
        free(core);
        free(stats);
        return NULL;
    }
    core->options = *options;
    core->backend = *backend;
    core->reader = reader;
    core->genesis = genesis;
    core->stats = stats;
    hist_init(&core->latency_ns);
    feed_init(&core->feed, options->filter_max);
    return core;
}

static struct rpc_exchange *exchange_create(struct rpc_core *core, struct rpc_peer *peer, size_t call_count)
{
    struct rpc_exchange *x = calloc(1, sizeof *x + call_count * sizeof x->calls[0]);
    if (!x)
        return NULL;
    x->core = core;
    x->peer = peer;
    x->open = 1;
    x->call_count = call_count;
    for (size_t i = 0; i < call_count; i++) {
        x->calls[i] = (struct rpc_call){.core = core, .exchange = x, .method = RPC_METHOD_COUNT};
        jw_init(&x->calls[i].out, core->options.response_bytes_max);
    }
    x->next = core->exchanges;
    if (x->next)
        x->next->prev = x;
    core->exchanges = x;
    x->next_of_peer = peer->exchanges;
    if (x->next_of_peer)
        x->next_of_peer->prev_of_peer = x;
    peer->exchanges = x;
    peer->exchange_count++;
    return x;
}

static void detach_peer(struct rpc_exchange *x)
{
    struct rpc_peer *peer = x->peer;
    if (!peer)
        return;
    if (x->prev_of_peer)
        x->prev_of_peer->next_of_peer = x->next_of_peer;
    else
        peer->exchanges = x->next_of_peer;
    if (x->next_of_peer)
        x->next_of_peer->prev_of_peer = x->prev_of_peer;
    x->next_of_peer = x->prev_of_peer = NULL;
    x->peer = NULL;
    peer->exchange_count--;
}

static void exchange_free(struct rpc_exchange *x)
{
    detach_peer(x);
    if (x->prev)
        x->prev->next = x->next;
    else
        x->core->exchanges = x->next;
    if (x->next)
        x->next->prev = x->prev;
    for (size_t i = 0; i < x->call_count; i++) {
        log_scan_end(&x->calls[i]);
        jw_release(&x->calls[i].out);
    }
    jv_free(x->document);
    free(x);
}

// One text from the calls' answers. A single call's buffer is the answer itself.
static void join_answers(struct rpc_exchange *x, struct json_writer *w)
{
    jw_init(w, SIZE_MAX);
    if (!x->batch) {
        struct rpc_call *call = &x->calls[0];
        if (!call->notification) {
            *w = call->out;
            call->out.mem = NULL;
        }
        return;
    }
    for (size_t i = 0; i < x->call_count; i++) {
        struct rpc_call *call = &x->calls[i];
        if (call->notification)
            continue;
        jw_raw(w, w->len ? "," : "[");
        jw_bytes(w, jw_text(&call->out), call->out.len);
        jw_release(&call->out);
    }
    if (w->len)
        jw_raw(w, "]");
}

static void exchange_release(struct rpc_exchange *x)
{
    if (--x->open > 0)
        return;
    struct rpc_peer *peer = x->peer;
    if (peer) {
        struct json_writer answer;
        join_answers(x, &answer);
        detach_peer(x);
        peer->respond(peer, &answer);
    }
    exchange_free(x);
}

void core_free(struct rpc_core *core)
{
    while (core->exchanges)
        exchange_free(core->exchanges);
    feed_free(&core->feed);
    free(core->stats);
    free(core);
}

// Answering

struct rpc_peer *call_peer(struct rpc_call *call)
{
    return call->exchange->peer;
}

static void write_id(struct json_writer *w, const struct jv *id)
{
    int64_t number;
    if (jv_kind(id) == JV_STRING)
        jw_string(w, jv_text(id));
    else if (jv_integer(id, &number))
        jw_printf(w, "%lld", (long long)number);
    else if (jv_kind(id) == JV_NUMBER)
        jw_double(w, jv_number(id));
    else if (jv_kind(id) == JV_BOOL)
        jw_bool(w, jv_true(id));
    else
        jw_raw(w, "null");
}

static void write_head(struct rpc_call *call, const struct jv *id)
{
    jw_raw(&call->out, "{\"jsonrpc\":\"2.0\",\"id\":");
    write_id(&call->out, id);
    jw_raw(&call->out, ",");
    call->head = call->out.len;
}

// Small and bounded, so that it fits even where the result did not.
static void write_error(struct rpc_call *call, int code, struct bytes message)
{
    jw_rewind(&call->out, call->head);
    call->out.limit = SIZE_MAX;
    jw_printf(&call->out, "\"error\":{\"code\":%d,\"message\":", code);
    jw_string(&call->out, message);
    jw_raw(&call->out, "}");
    call->failed = true;
}

static void too_large(struct rpc_call *call)
{
    call->exchange->full = true;
    static const char text[] = "response too large";
    write_error(call, RPC_RESPONSE_TOO_LARGE, bytes_of(text, sizeof text - 1));
}

void call_done(struct rpc_call *call)
{
    struct rpc_core *core = call->core;
    struct rpc_exchange *x = call->exchange;
    assert(!call->answered);
    call->answered = true;
    if (call->query) // abandoned: its answer will find nobody
        call->query->owner = NULL;
    log_scan_end(call);
    if (call->out.overflow)
        too_large(call);
    jw_raw(&call->out, "}");
    if (call->notification)
        jw_release(&call->out);
    else if (x->bytes + call->out.len > core->options.response_bytes_max && !call->failed) {
        too_large(call);
        jw_raw(&call->out, "}");
    }
    x->bytes += call->out.len;
    core->stats[call->method].errors += call->failed;
    hist_add(&core->latency_ns, clock_ns() - call->started_ns);
    exchange_release(x);
}

struct json_writer *call_result(struct rpc_call *call)
{
    jw_raw(&call->out, "\"result\":");
    return &call->out;
}

void call_raw(struct rpc_call *call, const char *json)
{
    jw_raw(call_result(call), json);
    call_done(call);
}

void call_quantity(struct rpc_call *call, uint64_t v)
{
    jw_quantity(call_result(call), v);
    call_done(call);
}

void call_quantity256(struct rpc_call *call, const u256 *v)
{
    jw_quantity256(call_result(call), v);
    call_done(call);
}

void call_fail(struct rpc_call *call, int code, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t size = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    write_error(call, code, bytes_of(text, size));
    call_done(call);
}

void call_fail_data(struct rpc_call *call, int code, const char *message, struct bytes data)
{
    write_error(call, code, bytes_of(message, strlen(message)));
    call->out.len--; // the closing brace
    jw_raw(&call->out, ",\"data\":");
    jw_data(&call->out, data.ptr, data.len);
    jw_raw(&call->out, "}");
    call_done(call);
}

bool call_invalid(struct rpc_call *call, unsigned i, const char *error)
{
    call_fail(call, RPC_INVALID_PARAMS, "invalid argument %u: %s", i, error);
    return false;
}

// Questions to the node

static void query_free(struct rpc_query *q)
{
    free(q->raw);
    for (size_t i = 0; i < q->entry_count; i++)
        free(q->entries[i].raw);
    free(q->entries);
    call_request_free(q->call);
    rpc_proof_free(q->proof);
    free(q);
}

static void answer_busy(struct rpc_call *call)
{
    call->core->busy_count++;
    call_fail(call, RPC_LIMIT_EXCEEDED, "the node is busy, try again");
}

// A query that the node did not take.
static void take_back(struct rpc_query *q)
{
    struct rpc_call *call = q->owner;
    call->core->query_count--;
    call->query = NULL;
    query_free(q);
    answer_busy(call);
}

static void submit_gathered(struct rpc_core *core)
{
    struct rpc_query **queries = core->gathered;
    const size_t count = core->gathered_count;
    core->gathered_count = 0;
    size_t taken = count > 0 ? core->backend.submit(core->backend.ctx, queries, count) : 0;
    for (; taken < count; taken++)
        take_back(queries[taken]);
}

void call_ask(struct rpc_call *call, const struct rpc_query *query,
              void (*then)(struct rpc_call *call, struct rpc_query *q))
{
    struct rpc_core *core = call->core;
    struct rpc_query *q = core->query_count < CORE_QUERIES_MAX ? malloc(sizeof *q) : NULL;
    if (!q) {
        free(query->raw);
        call_request_free(query->call);
        rpc_proof_free(query->proof);
        answer_busy(call);
        return;
    }
    *q = *query;
    q->owner = call;
    call->query = q;
    call->then = then;
    core->query_count++;
    if (core->gathered && q->kind == RPC_SUBMIT) {
        core->gathered[core->gathered_count++] = q;
        return;
    }
    submit_gathered(core); // so that a question after them may see them
    if (!core->backend.ask(core->backend.ctx, q))
        take_back(q);
}

void core_complete(struct rpc_core *core, struct rpc_query *q)
{
    struct rpc_call *call = q->owner;
    core->query_count--;
    if (call) {
        call->query = NULL;
        call->then(call, q);
    }
    query_free(q);
}

unsigned core_queries(const struct rpc_core *core)
{
    return core->query_count;
}

// Requests

static bool is_container(const struct jv *v)
{
    return jv_kind(v) == JV_OBJECT || jv_kind(v) == JV_ARRAY;
}

static bool accept_counts(struct rpc_call *call, const struct rpc_method *method)
{
    size_t given = jv_count(call->params);
    if (jv_kind(call->params) != JV_NULL && jv_kind(call->params) != JV_ARRAY)
        call_fail(call, RPC_INVALID_PARAMS, "non-array args");
    else if (given > method->most)
        call_fail(call, RPC_INVALID_PARAMS, "too many arguments, want at most %u", method->most);
    else if (given < method->required)
        call_fail(call, RPC_INVALID_PARAMS, "missing value for required argument %zu", given);
    else
        return true;
    return false;
}

static void no_such_method(struct rpc_call *call, struct bytes name)
{
    static const char *const local[] = {"eth_sendTransaction", "eth_sign", "eth_signTransaction", "personal_sign"};
    const char *hint = "";
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        if (bytes_equal(name, bytes_of(local[i], strlen(local[i]))))
            hint = ": this node holds no keys; sign locally and use eth_sendRawTransaction";
    }
    int shown = name.len < 128 ? (int)name.len : 128;
    call_fail(call, RPC_METHOD_NOT_FOUND, "the method %.*s does not exist/is not available%s", shown,
              (const char *)name.ptr, hint);
}

static void run_method(struct rpc_call *call, struct bytes name)
{
    struct rpc_core *core = call->core;
    call->method = rpc_method_find(name);
    core->stats[call->method].calls++;
    const struct rpc_method *method = call->method < RPC_METHOD_COUNT ? &RPC_METHODS[call->method] : NULL;
    if (!method || (method->flags & RPC_DEVELOPER && !core->options.developer_methods)) {
        no_such_method(call, name);
        return;
    }
    if (call->exchange->full) {
        too_large(call);
        call_done(call);
        return;
    }
    if ((method->flags & RPC_OWN_COUNTS) || accept_counts(call, method))
        method->run(call);
}

// A batch's peer may go, but not while its calls are being started: nothing here lets the transport run.
static void start_call(struct rpc_call *call, const struct jv *request)
{
    const struct jv *id = jv_get(request, "id"), *method = jv_get(request, "method");
    call->started_ns = clock_ns();
    call->exchange->open++;
    bool valid = jv_text_is(jv_get(request, "jsonrpc"), "2.0") && jv_text(method).len > 0;
    call->notification = valid && !id;
    call->params = jv_get(request, "params");
    write_head(call, is_container(id) ? NULL : id);
    if (valid && !is_container(id)) {
        run_method(call, jv_text(method));
    } else {
        call->core->stats[RPC_METHOD_COUNT].calls++;
        call_fail(call, RPC_INVALID_REQUEST, "invalid request");
    }
}

// Starts the calls of a batch. Its submissions, as far as nothing is asked between them, are handed over together.
static void start_batch(struct rpc_exchange *x)
{
    struct rpc_core *core = x->core;
    if (core->backend.submit)
        core->gathered = malloc(x->call_count * sizeof(struct rpc_query *));
    for (size_t i = 0; i < x->call_count; i++)
        start_call(&x->calls[i], jv_at(x->document, i));
    submit_gathered(core);
    free(core->gathered);
    core->gathered = NULL;
}

// An answer to a text as a whole.
static void refuse(struct rpc_exchange *x, const struct jv *id, int code, const char *message)
{
    struct rpc_call *call = &x->calls[0];
    call->started_ns = clock_ns();
    x->open++;
    x->core->stats[RPC_METHOD_COUNT].calls++;
    write_head(call, id);
    call_fail(call, code, "%s", message);
}

// As geth: the answer carries the id of the batch's first call.
static void refuse_batch(struct rpc_exchange *x, const struct jv *root)
{
    const struct jv *id = NULL;
    for (size_t i = 0; i < jv_count(root) && !id; i++) {
        const struct jv *given = jv_get(jv_at(root, i), "id");
        id = is_container(given) ? NULL : given;
    }
    x->batch = true;
    refuse(x, id, RPC_INVALID_REQUEST, "batch too large");
}

void core_handle(struct rpc_core *core, struct rpc_peer *peer, struct bytes text)
{
    char error[JV_ERROR_MAX] = "";
    struct jv_limits limits = {.depth_max = core->options.depth_max, .value_max = REQUEST_VALUES_MAX};
    struct jv *root = jv_parse(text, &limits, error);
    bool batch = jv_kind(root) == JV_ARRAY;
    bool oversized = batch && jv_count(root) > core->options.batch_max;
    size_t calls = batch && !oversized && jv_count(root) > 0 ? jv_count(root) : 1;
    struct rpc_exchange *x = exchange_create(core, peer, calls);
    if (!x) {
        jv_free(root);
        struct json_writer nothing = {0};
        peer->respond(peer, &nothing);
        return;
    }
    x->document = root;
    core->request_count++;
    if (!root) {
        char message[JV_ERROR_MAX + 16];
        snprintf(message, sizeof message, "parse error: %s", error);
        core->parse_error_count++;
        refuse(x, NULL, RPC_PARSE_ERROR, message);
    } else if (oversized) {
        refuse_batch(x, root);
    } else if (batch && jv_count(root) == 0) {
        refuse(x, NULL, RPC_INVALID_REQUEST, "empty batch");
    } else if (batch) {
        core->batch_count++;
        x->batch = true;
        start_batch(x);
    } else {
        start_call(&x->calls[0], root);
    }
    exchange_release(x);
}

// Events from outside

void core_peer_closed(struct rpc_core *core, struct rpc_peer *peer)
{
    while (peer->exchanges)
        detach_peer(peer->exchanges);
    feed_peer_closed(&core->feed, peer);
}

void core_block(struct rpc_core *core, uint64_t height, uint8_t *record, size_t len, struct blog_place place)
{
    chain_reader_add(core->reader, height, record, len, place);
    bool damaged = false;
    const struct record *r = chain_reader_block(core->reader, height, &damaged);
    if (!r)
        return;
    recent_hashes_add(&core->hashes, height, &r->block_hash);
    feed_block(core, r);
}

void core_retain(struct rpc_core *core, uint64_t height)
{
    if (height > chain_reader_first(core->reader))
        chain_reader_retain(core->reader, height);
}

void core_pending(struct rpc_core *core, const bytes32 *hashes, size_t count)
{
    feed_pending(core, hashes, count);
}

bool core_work(struct rpc_core *core)
{
    return log_scan_work(core);
}

bool core_wants_pending(const struct rpc_core *core)
{
    return atomic_load_explicit(&core->feed.pending_users, memory_order_relaxed) > 0;
}

void core_abandon(struct rpc_core *core)
{
    while (core->exchanges) {
        struct rpc_call *call = core->exchanges->calls;
        while (call->answered)
            call++;
        call_fail(call, RPC_SERVER_ERROR, "%s", tx_status_text(TX_STOPPING));
    }
}

// Without a connection

struct collector {
    struct rpc_peer peer;
    struct json_writer answer;
};

static void collect(struct rpc_peer *peer, struct json_writer *answer)
{
    ((struct collector *)peer)->answer = *answer;
}

static void ignore(struct rpc_peer *peer, struct json_writer *message)
{
    (void)peer;
    jw_release(message);
}

char *rpc_handle_text(struct rpc_core *core, struct bytes text, size_t *len)
{
    struct collector c = {.peer = {.respond = collect, .notify = ignore, .can_subscribe = true}};
    core_handle(core, &c.peer, text);
    while (core_work(core))
        continue;
    core_peer_closed(core, &c.peer);
    *len = c.answer.len;
    char *out = c.answer.len ? malloc(c.answer.len + 1) : NULL;
    if (out) {
        memcpy(out, jw_text(&c.answer), c.answer.len);
        out[c.answer.len] = 0;
    }
    jw_release(&c.answer);
    return out;
}
