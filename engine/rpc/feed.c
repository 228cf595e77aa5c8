#include "engine/rpc/feed.h"

#include "engine/rpc/call.h"
#include "engine/rpc/core.h"
#include "engine/rpc/log_filter.h"
#include "engine/rpc/views.h"

#include <stdlib.h>
#include <sys/random.h>

void feed_init(struct feed *feed, unsigned filter_max)
{
    *feed = (struct feed){.filter_max = filter_max};
}

void feed_free(struct feed *feed)
{
    while (feed->subscriptions) {
        struct rpc_subscription *s = feed->subscriptions;
        feed->subscriptions = s->next;
        log_filter_release(s->logs);
        free(s);
    }
    for (unsigned i = 0; i < feed->filter_count; i++)
        log_filter_release(feed->filters[i].logs);
    free(feed->filters);
    free(feed->pending);
}

// The kernel's generator never fails for so few bytes once it is seeded, which it is before any server starts.
static void random_id(struct feed_id *id)
{
    while (getrandom(id->b, sizeof id->b, 0) != sizeof id->b)
        continue;
}

// A filter for logs begins to be kept; false when there are too many.
static bool keep_logs(struct feed *feed, struct log_filter *logs)
{
    if (!logs)
        return true;
    const size_t cost = log_filter_cost(logs);
    if (feed->alternative_count + cost > FEED_ALTERNATIVES_MAX)
        return false;
    feed->alternative_count += cost;
    log_filter_share(logs);
    return true;
}

static void forget_logs(struct feed *feed, struct log_filter *logs)
{
    if (logs)
        feed->alternative_count -= log_filter_cost(logs);
    log_filter_release(logs);
}

static void count_user(struct feed *feed, enum feed_kind kind, int change)
{
    if (kind == FEED_PENDING)
        atomic_fetch_add_explicit(&feed->pending_users, (unsigned)change, memory_order_relaxed);
    if (kind == FEED_OVERVIEW)
        feed->overview_users += (unsigned)change;
}

struct rpc_subscription *feed_subscribe(struct feed *feed, struct rpc_peer *peer, enum feed_kind kind,
                                        struct log_filter *logs)
{
    struct rpc_subscription *s = calloc(1, sizeof *s);
    if (!s || !keep_logs(feed, logs)) {
        free(s);
        return NULL;
    }
    random_id(&s->id);
    s->kind = kind;
    s->logs = logs;
    s->peer = peer;
    s->next_of_peer = peer->subscriptions;
    peer->subscriptions = s;
    peer->subscription_count++;
    s->next = feed->subscriptions;
    if (s->next)
        s->next->prev = s;
    feed->subscriptions = s;
    feed->subscription_count++;
    count_user(feed, kind, 1);
    return s;
}

static void remove_first(struct feed *feed, struct rpc_peer *peer, struct rpc_subscription **link)
{
    struct rpc_subscription *s = *link;
    *link = s->next_of_peer;
    peer->subscription_count--;
    if (s->prev)
        s->prev->next = s->next;
    else
        feed->subscriptions = s->next;
    if (s->next)
        s->next->prev = s->prev;
    feed->subscription_count--;
    count_user(feed, s->kind, -1);
    forget_logs(feed, s->logs);
    free(s);
}

bool feed_unsubscribe(struct feed *feed, struct rpc_peer *peer, const struct feed_id *id)
{
    for (struct rpc_subscription **link = &peer->subscriptions; *link; link = &(*link)->next_of_peer) {
        if (memcmp(&(*link)->id, id, sizeof *id) == 0) {
            remove_first(feed, peer, link);
            return true;
        }
    }
    return false;
}

void feed_peer_closed(struct feed *feed, struct rpc_peer *peer)
{
    while (peer->subscriptions)
        remove_first(feed, peer, &peer->subscriptions);
}

// Filters

static void drop_filter(struct feed *feed, struct rpc_filter *filter)
{
    count_user(feed, filter->kind, -1);
    forget_logs(feed, filter->logs);
    *filter = feed->filters[--feed->filter_count];
}

static void drop_expired(struct feed *feed, uint64_t now_ns)
{
    for (unsigned i = feed->filter_count; i-- > 0;) {
        if (now_ns - feed->filters[i].used_ns > FILTER_EXPIRY_NS)
            drop_filter(feed, &feed->filters[i]);
    }
}

struct rpc_filter *feed_add_filter(struct feed *feed, enum feed_kind kind, struct log_filter *logs, uint64_t height,
                                   uint64_t now_ns)
{
    drop_expired(feed, now_ns);
    if (!feed->filters)
        feed->filters = calloc(feed->filter_max ? feed->filter_max : 1, sizeof *feed->filters);
    if (kind == FEED_PENDING && !feed->pending)
        feed->pending = malloc(PENDING_RING * sizeof *feed->pending);
    if (feed->filter_count == feed->filter_max || !feed->filters || (kind == FEED_PENDING && !feed->pending) ||
        !keep_logs(feed, logs))
        return NULL;
    struct rpc_filter *filter = &feed->filters[feed->filter_count++];
    *filter = (struct rpc_filter){.kind = kind, .used_ns = now_ns};
    filter->logs = logs;
    filter->position = kind == FEED_PENDING ? feed->pending_seen : height;
    random_id(&filter->id);
    count_user(feed, kind, 1);
    return filter;
}

struct rpc_filter *feed_find_filter(struct feed *feed, const struct feed_id *id, uint64_t now_ns)
{
    drop_expired(feed, now_ns);
    for (unsigned i = 0; i < feed->filter_count; i++) {
        if (memcmp(&feed->filters[i].id, id, sizeof *id) == 0) {
            feed->filters[i].used_ns = now_ns;
            return &feed->filters[i];
        }
    }
    return NULL;
}

bool feed_remove_filter(struct feed *feed, const struct feed_id *id, uint64_t now_ns)
{
    struct rpc_filter *filter = feed_find_filter(feed, id, now_ns);
    if (filter)
        drop_filter(feed, filter);
    return filter != NULL;
}

size_t feed_take_pending(struct feed *feed, struct rpc_filter *filter, bytes32 *out, size_t max)
{
    if (feed->pending_seen - filter->position > PENDING_RING)
        filter->position = feed->pending_seen - PENDING_RING;
    size_t count = 0;
    while (count < max && filter->position < feed->pending_seen)
        out[count++] = feed->pending[filter->position++ % PENDING_RING];
    return count;
}

void feed_id_write(char out[FEED_ID_TEXT], const struct feed_id *id)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = 2;
    memcpy(out, "0x", 2);
    for (int i = 0; i < 32; i++) {
        int nibble = id->b[i / 2] >> (i % 2 ? 0 : 4) & 15;
        if (nibble || len > 2 || i == 31)
            out[len++] = digits[nibble];
    }
    out[len] = 0;
}

bool feed_id_read(struct feed_id *out, struct bytes text)
{
    *out = (struct feed_id){{0}};
    if (text.len < 3 || text.len > 34 || text.ptr[0] != '0' || text.ptr[1] != 'x')
        return false;
    for (size_t i = 0; i < text.len - 2; i++) {
        uint8_t c = text.ptr[text.len - 1 - i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        out->b[15 - i / 2] |= (uint8_t)(digit << (i % 2 ? 4 : 0));
    }
    return true;
}

// Telling

static void begin_notification(struct json_writer *w, const struct rpc_core *core, const struct rpc_subscription *s)
{
    char id[FEED_ID_TEXT];
    feed_id_write(id, &s->id);
    jw_init(w, core->options.response_bytes_max);
    jw_printf(w, "{\"jsonrpc\":\"2.0\",\"method\":\"%s_subscription\",\"params\":{\"subscription\":\"%s\",\"result\":",
              s->kind == FEED_OVERVIEW ? "gantry" : "eth", id);
}

static void end_notification(struct json_writer *w, struct rpc_core *core, struct rpc_subscription *s)
{
    jw_raw(w, "}}");
    core->feed.notification_count++;
    s->peer->notify(s->peer, w);
}

struct log_notice {
    struct rpc_core *core;
    struct rpc_subscription *subscription;
};

static bool tell_log(void *ctx, const struct log_place *at, const struct log_view *log)
{
    const struct log_notice *notice = ctx;
    struct json_writer w;
    begin_notification(&w, notice->core, notice->subscription);
    view_log(&w, at, log);
    end_notification(&w, notice->core, notice->subscription);
    return true;
}

static void tell_logs(struct rpc_core *core, struct rpc_subscription *s, const struct record *r)
{
    struct log_notice notice = {core, s};
    if (log_filter_may_match(s->logs, &r->header.logs_bloom))
        log_filter_walk(s->logs, r, tell_log, &notice);
}

// notify only queues: a peer that is to be dropped goes later, so that the list stays as it is.
void feed_block(struct rpc_core *core, const struct record *r)
{
    for (struct rpc_subscription *s = core->feed.subscriptions; s; s = s->next) {
        if (s->kind == FEED_LOGS)
            tell_logs(core, s, r);
        if (s->kind != FEED_HEADS)
            continue;
        struct json_writer w;
        begin_notification(&w, core, s);
        view_header(&w, r);
        end_notification(&w, core, s);
    }
}

void feed_overview(struct rpc_core *core, struct bytes overview)
{
    for (struct rpc_subscription *s = core->feed.subscriptions; s; s = s->next) {
        if (s->kind != FEED_OVERVIEW || (s->peer->unread && s->peer->unread(s->peer)))
            continue;
        struct json_writer w;
        begin_notification(&w, core, s);
        jw_bytes(&w, overview.ptr, overview.len);
        end_notification(&w, core, s);
    }
}

void feed_pending(struct rpc_core *core, const bytes32 *hashes, size_t count)
{
    struct feed *feed = &core->feed;
    for (size_t i = 0; i < count; i++) {
        if (feed->pending)
            feed->pending[feed->pending_seen % PENDING_RING] = hashes[i];
        feed->pending_seen++;
        for (struct rpc_subscription *s = feed->subscriptions; s; s = s->next) {
            if (s->kind != FEED_PENDING)
                continue;
            struct json_writer w;
            begin_notification(&w, core, s);
            jw_hash(&w, &hashes[i]);
            end_notification(&w, core, s);
        }
    }
}
