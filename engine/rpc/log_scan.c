#include "engine/rpc/log_scan.h"

#include "base/clock.h"
#include "engine/rpc/views.h"

#include <stdlib.h>

// One piece: about a millisecond. A bloom filter costs at least BLOOM_WORK and one more an alternative, a block one a
// 64 bytes of its record.
enum { PIECE_WORK = 1 << 18, BLOOM_WORK = 8, RECORD_BYTES_A_WORK = 64 };

static void ring_add(struct log_scan *s)
{
    struct log_scan **ring = &s->call->core->scans;
    if (*ring) {
        s->next_scan = *ring;
        s->prev_scan = (*ring)->prev_scan;
        s->prev_scan->next_scan = s->next_scan->prev_scan = s;
    } else {
        *ring = s->next_scan = s->prev_scan = s;
    }
    s->call->core->scan_count++;
}

static void ring_remove(struct log_scan *s)
{
    struct log_scan **ring = &s->call->core->scans;
    s->prev_scan->next_scan = s->next_scan;
    s->next_scan->prev_scan = s->prev_scan;
    if (*ring == s)
        *ring = s->next_scan == s ? NULL : s->next_scan;
    s->call->core->scan_count--;
}

void log_scan_end(struct rpc_call *call)
{
    struct log_scan *s = call->scan;
    if (!s)
        return;
    ring_remove(s);
    call->scan = NULL;
    log_filter_release(s->filter);
    free(s);
}

static bool write_log(void *ctx, const struct log_place *at, const struct log_view *log)
{
    struct log_scan *s = ctx;
    struct json_writer *w = &s->call->out;
    if (++s->found > LOG_RESULTS_MAX && !s->follows)
        return false;
    jw_raw(w, s->found > 1 ? "," : "");
    view_log(w, at, log);
    return !w->overflow;
}

// What was told is not told again, also where it was too much for one answer.
static void move_on(struct log_scan *s)
{
    struct rpc_filter *filter = s->follows ? feed_find_filter(&s->call->core->feed, &s->id, clock_ns()) : NULL;
    if (filter && filter->position < s->next - 1)
        filter->position = s->next - 1;
}

static void finish(struct log_scan *s)
{
    move_on(s);
    jw_raw(&s->call->out, "]");
    call_done(s->call);
}

// The block may hold what is looked for. False after having answered.
static bool read_next(struct log_scan *s, uint64_t *work)
{
    const struct record *r = call_block(s->call, s->next++);
    if (!r)
        return false;
    *work += r->encoding.len / RECORD_BYTES_A_WORK;
    s->bytes_read += r->encoding.len;
    if (log_filter_may_match(s->filter, &r->header.logs_bloom))
        log_filter_walk(s->filter, r, write_log, s);
    if (s->found > LOG_RESULTS_MAX && !s->follows)
        call_fail(s->call, RPC_LIMIT_EXCEEDED, "query returned more than %d results; narrow the range of blocks",
                  LOG_RESULTS_MAX);
    else if (s->bytes_read > LOG_BYTES_MAX && !s->follows)
        call_fail(s->call, RPC_LIMIT_EXCEEDED,
                  "query reads more than %u MB of blocks; narrow the range, the addresses or the topics",
                  LOG_BYTES_MAX >> 20);
    else if (s->call->out.overflow)
        finish(s); // which says that it is too large
    else
        return true;
    return false;
}

static void piece(struct log_scan *s)
{
    struct chain_reader *reader = s->call->core->reader;
    const uint64_t bloom_work = BLOOM_WORK + log_filter_cost(s->filter);
    for (uint64_t work = 0; s->next <= s->last && work < PIECE_WORK; work += bloom_work) {
        const bloom *b;
        // Without an index the block itself tells; where it is gone meanwhile, the answer says so.
        const bool known = chain_reader_bloom(reader, s->next, &b);
        if (known && !log_filter_may_match(s->filter, b))
            s->next++;
        else if (!read_next(s, &work))
            return;
        if (s->follows && (s->found >= LOG_RESULTS_MAX || s->bytes_read > LOG_BYTES_MAX))
            s->last = s->next - 1;
    }
    if (s->next > s->last)
        finish(s);
}

static void start(const struct log_scan *wanted)
{
    struct rpc_call *call = wanted->call;
    struct log_scan *s = call->core->scan_count < LOG_SCANS_MAX ? malloc(sizeof *s) : NULL;
    if (!s) {
        call_fail(call, RPC_LIMIT_EXCEEDED, "the node is busy, try again");
        return;
    }
    *s = *wanted;
    log_filter_share(s->filter);
    call->scan = s;
    ring_add(s);
    jw_raw(call_result(call), "[");
    piece(s);
}

void log_scan_start(struct rpc_call *call, struct log_filter *filter, uint64_t from, uint64_t to)
{
    start(&(struct log_scan){.call = call, .filter = filter, .next = from, .last = to});
}

void log_scan_follow(struct rpc_call *call, const struct rpc_filter *filter, uint64_t from, uint64_t to)
{
    start(&(struct log_scan){
        .call = call, .filter = filter->logs, .next = from, .last = to, .follows = true, .id = filter->id});
}

bool log_scan_work(struct rpc_core *core)
{
    struct log_scan *s = core->scans;
    if (!s)
        return false;
    core->scans = s->next_scan;
    if (call_peer(s->call))
        piece(s);
    else
        call_fail(s->call, RPC_SERVER_ERROR, "the client has gone");
    return core->scans != NULL;
}
