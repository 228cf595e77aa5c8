#include "engine/cars/depot_private.h"

#include "base/clock.h"
#include "engine/store/disk_uring.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Records wait this long, or for so many bytes, before they are made durable together.
#define COMMIT_NS 1000000u
#define COMMIT_BYTES (1u << 20)

// ---- telling the coordinator

struct depot_event *depot_event_new(const struct depot *d, enum depot_event_kind kind)
{
    struct depot_event *e = calloc(1, sizeof *e);
    if (!e)
        abort();
    e->kind = kind;
    e->shard = d->options.shard_index;
    return e;
}

void depot_event_free(struct depot_event *e)
{
    free(e->bytes);
    free(e);
}

static bool post(const struct depot *d, struct depot_event *e)
{
    const struct message m = {.kind = MSG_DEPOT, .from = (uint16_t)d->options.shard_index, .p = e};
    return inbox_post_below(d->options.coordinator, &m, INBOX_THREE_QUARTERS);
}

static void flush(struct depot *d)
{
    while (d->out_count > 0 && post(d, d->out[d->out_first])) {
        d->out_first++;
        d->out_count--;
    }
    if (d->out_count == 0)
        d->out_first = 0;
}

void depot_tell(struct depot *d, struct depot_event *e)
{
    if (d->out_count == 0 && post(d, e))
        return;
    if (d->out_first + d->out_count == d->out_cap) {
        d->out_cap = d->out_cap ? 2 * d->out_cap : 64;
        d->out = realloc(d->out, d->out_cap * sizeof(struct depot_event *));
        if (!d->out)
            abort();
    }
    d->out[d->out_first + d->out_count++] = e;
}

static void tell_failed(struct depot *d, const char *why)
{
    if (d->failed)
        return;
    d->failed = true;
    struct depot_event *e = depot_event_new(d, DEPOT_FAILED);
    snprintf(e->detail, sizeof e->detail, "%s", why);
    depot_tell(d, e);
}

// ---- own cars

// The pool's proposal, laid out by stripe; begin[s] is where stripe s starts.
static struct made *arrange(const struct exec_tx *txs, size_t count, size_t begin[WIRE_STRIPES + 1])
{
    struct made *m = malloc(sizeof *m + count * sizeof *txs);
    size_t at[WIRE_STRIPES];
    if (!m)
        abort();
    memset(begin, 0, (WIRE_STRIPES + 1) * sizeof *begin);
    for (size_t i = 0; i < count; i++)
        begin[stripe_of_key(txs[i].sender_key) + 1]++;
    for (unsigned s = 0; s < WIRE_STRIPES; s++)
        begin[s + 1] += begin[s];
    memcpy(at, begin, sizeof at);
    for (size_t i = 0; i < count; i++)
        m->txs[at[stripe_of_key(txs[i].sender_key)]++] = txs[i];
    m->count = count;
    return m;
}

// What the pool may propose, so that each stripe's part fits its body; several pools' parts of a stripe must together.
static struct mempool_pick pick_for(const struct depot *d, const struct depot_request *r)
{
    const uint64_t fixed = WIRE_STRIPES * STRIPE_FIXED_BYTES;
    struct mempool_pick pick = {.base_fee = r->base_fee,
                                .gas_max = r->gas_max,
                                .bytes_max = r->bytes_max > fixed ? r->bytes_max - fixed : 0,
                                .tx_bytes = STRIPE_TX_OVERHEAD,
                                .count_max = r->bytes_max / STRIPE_TX_OVERHEAD};
    for (unsigned s = 0; s < WIRE_STRIPES; s++)
        pick.group_bytes_max[s] =
            (WIRE_STRIPE_BYTES_MAX - STRIPE_FIXED_BYTES) / depots_of_stripe(s, d->options.shard_count);
    return pick;
}

static void make(struct depot *d, const struct depot_call *c)
{
    const struct mempool_pick pick = pick_for(d, &c->request);
    const struct exec_tx *txs;
    size_t begin[WIRE_STRIPES + 1];
    struct depot_event *e = depot_event_new(d, DEPOT_MADE);
    const size_t n = shard_propose(d->options.shard, &pick, &txs);
    struct made *m = arrange(txs, n, begin);
    m->number = c->number;
    m->next = d->made;
    d->made = m;
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        const size_t count = begin[s + 1] - begin[s];
        if (count == 0)
            continue;
        if (depots_of_stripe(s, d->options.shard_count) == 1 &&
            !gather_make(d->gather, s, m->txs + begin[s], count, &e->stripes[s].ref))
            abort(); // they were counted to fit
        e->stripes[s].txs = m->txs + begin[s];
        e->stripes[s].count = (uint32_t)count;
        e->mask |= (uint16_t)(1u << s);
    }
    depot_tell(d, e);
}

static void build(struct depot *d, const struct depot_call *c)
{
    struct depot_event *e = depot_event_new(d, DEPOT_BUILT);
    e->mask = (uint16_t)(1u << c->stripe);
    if (!gather_make(d->gather, c->stripe, c->txs, c->tx_count, &e->stripes[c->stripe].ref))
        abort(); // as above
    depot_tell(d, e);
}

// The record of an own car goes; with back, its transactions return to the pool.
static void end_made(struct depot *d, uint64_t number, bool back)
{
    struct made **at = &d->made;
    while (*at && (*at)->number != number)
        at = &(*at)->next;
    struct made *m = *at;
    if (!m)
        return;
    *at = m->next;
    if (back)
        shard_take_back(d->options.shard, m->txs, m->count);
    free(m);
}

// ---- stored cars

static void lend(struct depot_event *e, const struct car_part *part)
{
    e->name = part->name;
    e->acked = part->ack;
    e->mask = part->stripes;
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        e->stripes[s].txs = part->txs[s];
        e->stripes[s].count = part->txs[s] ? part->counts[s] : 0;
    }
}

static void report(struct depot *d, const struct part_report *r)
{
    struct depot_event *e;
    if (r->status == PART_REFUSED) {
        tell_failed(d, r->why);
        return;
    }
    e = depot_event_new(d, r->status == PART_STORED ? DEPOT_STORED : DEPOT_INVALID);
    lend(e, r->part);
    if (r->status == PART_INVALID) {
        e->stripe = (uint16_t)r->stripe;
        e->len = r->body.len;
        e->bytes = malloc(r->body.len ? r->body.len : 1);
        if (!e->bytes)
            abort();
        memcpy(e->bytes, r->body.ptr, r->body.len);
        stripe_verdict_text(e->detail, &r->verdict);
    }
    depot_tell(d, e);
}

static void load(struct depot *d, const struct car_name *name)
{
    char error[STORE_ERROR_MAX];
    const struct car_part *part = gather_load(d->gather, name, error);
    if (!part) {
        tell_failed(d, error);
        return;
    }
    struct depot_event *e = depot_event_new(d, DEPOT_LOADED);
    lend(e, part);
    depot_tell(d, e);
}

static void serve(struct depot *d, const struct depot_call *c)
{
    char error[STORE_ERROR_MAX];
    struct wire_message m;
    if (c->want_header && depot_read_header(d, &c->name, &m.car, error)) {
        struct depot_event *e = depot_event_new(d, DEPOT_HEADER);
        m.type = WIRE_CAR_HDR;
        m.epoch = c->name.epoch;
        e->name = c->name;
        e->peer = c->peer;
        e->len = wire_size(&m);
        e->bytes = malloc(e->len);
        if (!e->bytes)
            abort();
        wire_encode(e->bytes, &m);
        depot_tell(d, e);
    }
    const struct serve_request r = {(uint16_t)c->peer, c->mask, c->name};
    serve_add(d->serve, &r);
}

// ---- calls

static void handle(struct depot *d, struct depot_call *c)
{
    switch (c->ask) {
    case DEPOT_MAKE:
        make(d, c);
        break;
    case DEPOT_UNMAKE:
        // Bodies that wait are the newest car's.
        if (d->made && d->made->number == c->number)
            gather_unmake(d->gather);
        end_made(d, c->number, true);
        break;
    case DEPOT_LANDED:
        end_made(d, c->number, false);
        break;
    case DEPOT_BUILD:
        build(d, c);
        break;
    case DEPOT_STORE:
        gather_want(d->gather, &c->name, &c->car, c->ack);
        break;
    case DEPOT_SEND:
        depot_send(d, &c->name, c->to, c->mask);
        break;
    case DEPOT_SERVE:
        serve(d, c);
        break;
    case DEPOT_LOAD:
        load(d, &c->name);
        break;
    case DEPOT_RELEASE:
        gather_release(d->gather, &c->name);
        break;
    case DEPOT_FORGET:
        car_log_retain(d->log, c->name.epoch);
        break;
    case DEPOT_FLOOR:
        gather_floor(d->gather, c->name.epoch, c->tips);
        break;
    case DEPOT_LINK:
        links_add(d->links, c->peer, c->group, c->fd, c->link);
        break;
    case DEPOT_CLOSE:
        for (unsigned g = 0; g < WIRE_STRIPES; g++)
            links_close(d->links, c->peer, g, LINK_MISBEHAVED);
        serve_forget(d->serve, c->peer);
        break;
    case DEPOT_BULK:
        for (unsigned peer = 0; peer < d->options.peers && peer < WIRE_VALIDATORS_MAX; peer++) {
            if (vmask_has(c->to, peer))
                depot_relay(d, peer, 0, c->bytes);
        }
        payload_release(c->bytes);
        break;
    case DEPOT_BODY:
        depot_take_body(d, c->peer, bytes_of(c->bytes->data, c->bytes->len));
        payload_release(c->bytes);
        break;
    case DEPOT_RELAY:
        depot_relay(d, c->peer, c->group, c->bytes);
        payload_release(c->bytes);
        break;
    case DEPOT_FORWARD:
        depot_forward(d, c->peer, &c->request);
        break;
    case DEPOT_STOP:
        d->stopping = true;
        links_stop(d->links);
        break;
    }
}

static void free_call(struct depot_call *c)
{
    free(c->tips);
    free(c->txs);
    free(c);
}

static void run(struct shard *shard, struct shard_call *call)
{
    struct depot_call *c = (struct depot_call *)call;
    (void)shard;
    handle(c->depot, c);
    free_call(c);
}

static void dropped(struct shard_call *call)
{
    struct depot_call *c = (struct depot_call *)call;
    if (c->bytes)
        payload_release(c->bytes);
    if (c->link) {
        link_free(c->link);
        close(c->fd);
    }
    free_call(c);
}

struct depot_call *depot_call_new(struct depot *d, enum depot_ask ask)
{
    struct depot_call *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->depot = d;
    c->ask = ask;
    c->call = (struct shard_call){.run = run, .dropped = dropped};
    return c;
}

void depot_post(struct depot_call *call)
{
    const struct message m = {.kind = MSG_CALL, .from = MESSAGE_FROM_OUTSIDE, .p = &call->call};
    shard_tell(call->depot->options.shard, &m);
}

// ---- the turn

static uint64_t turn(void *ctx, uint64_t now_ns)
{
    struct depot *d = ctx;
    struct part_report r;
    uint64_t next = UINT64_MAX;
    const bool more = gather_step(d->gather, now_ns, &next);
    while (gather_take(d->gather, &r))
        report(d, &r);
    if (car_log_failed(d->log))
        tell_failed(d, car_log_failed(d->log));
    depot_run_serve(d, now_ns);
    if (d->stopping && !d->stopped && links_idle(d->links)) {
        d->stopped = true;
        depot_tell(d, depot_event_new(d, DEPOT_STOPPED));
    }
    flush(d);
    const uint64_t publish = depot_numbers_turn(d, now_ns);
    next = publish < next ? publish : next;
    const uint64_t due = serve_due(d->serve, now_ns), again = depot_forward_turn(d, now_ns);
    event_watch_arm(&d->disk_watch, shard_loop(d->options.shard));
    if (more)
        return 0;
    if (d->out_count > 0)
        return now_ns + 100000;
    next = again < next ? again : next;
    return due < next ? due : next;
}

// ---- life

struct depot *depot_open(const struct depot_options *options, char error[STORE_ERROR_MAX])
{
    struct depot *d = calloc(1, sizeof *d);
    if (!d)
        abort();
    d->options = *options;
    snprintf(d->dir, sizeof d->dir, "%s", options->dir);
    const struct car_log_options log = {
        .genesis_hash = options->genesis_hash,
        .segment_bytes = options->segment_bytes,
        .bytes_max = options->bytes_max,
        .commit_ns = COMMIT_NS,
        .commit_bytes = COMMIT_BYTES,
    };
    d->disk = disk_uring_open(d->dir, error);
    d->log = d->disk ? car_log_open(d->disk, &log, error) : NULL;
    if (!d->log) {
        depot_close(d);
        return NULL;
    }
    event_watch_init(&d->disk_watch, disk_uring_event_fd(d->disk));
    const struct gather_options gather = {
        .shard = options->shard_index,
        .shard_count = options->shard_count,
        .me = options->me,
        .peers = options->peers,
        .rules = {options->chain_id, options->block_gas_limit},
        .set = &options->set->wire,
        .log = d->log,
        .arena = shard_arena(options->shard),
        .stages = &shard_turn(options->shard)->stages,
    };
    d->gather = gather_create(&gather);
    depot_numbers_create(d);
    d->allowed_ns = calloc(options->peers + 1, sizeof *d->allowed_ns);
    if (!d->allowed_ns)
        abort();
    d->serve = serve_create(options->peers, options->serve_bytes_per_s);
    return d;
}

void depot_start(struct depot *d, struct depot *const *all)
{
    const struct shard_guest guest = {turn, depot_forged, d};
    d->all = all;
    depot_make_links(d);
    shard_attach(d->options.shard, &guest);
}

void depot_close(struct depot *d)
{
    if (!d)
        return;
    if (d->gather)
        gather_free(d->gather);
    if (d->serve)
        serve_free(d->serve);
    if (d->log)
        car_log_close(d->log);
    if (d->disk)
        disk_uring_close(d->disk);
    if (d->links && links_idle(d->links))
        links_free(d->links);
    for (size_t i = 0; i < d->out_count; i++)
        depot_event_free(d->out[d->out_first + i]);
    free(d->out);
    for (struct made *m = d->made, *next; m; m = next) {
        next = m->next;
        free(m);
    }
    depot_free_forwarded(d);
    free(d->allowed_ns);
    depot_numbers_free(d);
    free(d);
}

void depot_visit(const struct depot *d, void (*visit)(void *ctx, const struct car_entry *e), void *ctx)
{
    car_log_visit(d->log, visit, ctx);
}

bool depot_read_header(struct depot *d, const struct car_name *name, struct wire_car *out, char error[STORE_ERROR_MAX])
{
    struct car_record record;
    if (!car_log_read(d->log, &record, name, &d->options.set->wire, error))
        return false;
    *out = record.car;
    car_record_free(&record);
    return true;
}
