#include "engine/participant/participant_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/cars/body_judge.h"
#include "engine/cars/car_folder.h"
#include "engine/store/disk_uring.h"

#include <errno.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>

#define LOG_SEGMENT_BYTES (64u << 20)
#define CAR_SEGMENT_BYTES (64u << 20)
// How many turns of ordering its log keeps before earlier ones are let go.
#define SNAPSHOT_TURNS 4096
// A timer that is due and has nothing it could do yet is not looked at sooner.
#define TIMER_NS_MIN 200000u

void participant_fail(struct participant *p, const char *why)
{
    if (p->broken)
        return;
    p->broken = true;
    p->options.failed(p->options.ctx, why);
}

void participant_open_turn(struct participant *p)
{
    if (p->in_turn)
        return;
    p->in_turn = true;
    validator_begin(p->validator, clock_ns(), clock_wall_ms());
}

// ---- opening

static bool has_car(void *ctx, const struct car_name *name)
{
    return book_has(((struct participant *)ctx)->book, name);
}

static void car_final(void *ctx, const struct car_name *name, uint64_t quorum_ns)
{
    struct book_car *c = book_find(((struct participant *)ctx)->book, name);
    if (c)
        c->quorum_ns = quorum_ns;
}

static bool make_folder(const char *dir, char error[STORE_ERROR_MAX])
{
    return mkdir(dir, 0777) == 0 || errno == EEXIST ||
           store_fail(error, "%.300s could not be made: %s", dir, strerror(errno));
}

static bool open_depots(struct participant *p, char error[STORE_ERROR_MAX])
{
    const struct participant_options *o = &p->options;
    if (!car_folder_open(o->cars_dir, o->shard_count, error))
        return false;
    for (unsigned s = 0; s < o->shard_count; s++) {
        char dir[4096];
        snprintf(dir, sizeof dir, "%s/%u", o->cars_dir, s);
        const struct depot_options depot = {
            .shard = o->shards[s],
            .shard_index = s,
            .shard_count = o->shard_count,
            .set = &o->cluster->set,
            .me = p->me,
            .peers = o->cluster->peer_count,
            .groups = p->groups,
            .chain_id = o->genesis->chain_id,
            .block_gas_limit = o->genesis->header.gas_limit,
            .dir = dir,
            .genesis_hash = o->genesis_hash,
            .segment_bytes = CAR_SEGMENT_BYTES,
            .bytes_max = o->cars_bytes_max / o->shard_count,
            .serve_bytes_per_s = o->serve_bytes_per_s / o->shard_count,
            .coordinator = o->inbox,
        };
        if (!make_folder(dir, error) || !(p->depots[s] = depot_open(&depot, error)))
            return false;
    }
    return true;
}

static bool open_validator(struct participant *p, char error[STORE_ERROR_MAX])
{
    const struct participant_options *o = &p->options;
    struct validator_config config = {0};
    struct validator_begin begin;
    cluster_validator_config(&config, o->cluster, o->genesis, &o->genesis_hash);
    p->log_disk = disk_uring_open(o->log_dir, error);
    p->guard_disk = p->log_disk ? disk_uring_open(o->guard_dir, error) : NULL;
    if (!p->guard_disk)
        return false;
    config.ord.me = config.dp.me = p->me;
    config.log_disk = p->log_disk;
    config.guard_disk = p->guard_disk;
    config.recover = o->recover || (o->anchor && o->anchor->recovering);
    if (o->anchor && o->anchor->epoch > 0) {
        begin = (struct validator_begin){o->anchor->epoch, o->anchor->vote_from, o->anchor->boundary};
        config.begin = &begin;
    }
    config.segment_bytes = LOG_SEGMENT_BYTES;
    config.snapshot_turns = SNAPSHOT_TURNS;
    config.dp.store = (struct car_store){.has = has_car, .final = car_final, .ctx = p};
    p->judge = body_judge_create(&(struct stripe_rules){o->genesis->chain_id, o->genesis->header.gas_limit});
    config.body_check = body_judge_check(p->judge);
    if (getrandom(&config.ord.seed, sizeof config.ord.seed, 0) != sizeof config.ord.seed)
        return store_fail(error, "the system gives no random bytes: %s", strerror(errno));
    p->validator = validator_open(&config, &o->cluster->set, error);
    event_watch_init(&p->log_watch, disk_uring_event_fd(p->log_disk));
    event_watch_init(&p->guard_watch, disk_uring_event_fd(p->guard_disk));
    return p->validator != NULL;
}

// ---- taking back stored cars

struct visit {
    struct participant *p;
    unsigned shard;
};

static void add_stored(void *ctx, const struct car_entry *e)
{
    const struct visit *v = ctx;
    book_add_stored(v->p->book, v->shard, e);
}

// Reads the header of a car that matters still: whether all of it is here can be said only with it.
static struct book_car *complete(struct participant *p, const struct car_name *name)
{
    char error[STORE_ERROR_MAX];
    struct wire_car car;
    struct book_car *c = book_find(p->book, name);
    for (unsigned s = 0; c && !c->car && s < p->options.shard_count; s++) {
        if (((c->said.w[s / 64] >> (s % 64)) & 1) && depot_read_header(p->depots[s], name, &car, error))
            book_complete(p->book, c, &car);
    }
    return c;
}

struct restore {
    struct participant *p;
    struct car_name *names; // of the epoch that goes on
    size_t count, cap;
};

static void note_name(void *ctx, const struct car_entry *e)
{
    struct restore *r = ctx;
    const struct ord *o = &r->p->validator->ord;
    if (e->name.epoch != o->epoch || !dp_slot(&r->p->validator->dp, e->name.lane, e->name.pos))
        return;
    if (r->count == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        r->names = realloc(r->names, r->cap * sizeof *r->names);
        if (!r->names)
            abort();
    }
    r->names[r->count++] = e->name;
}

static void restore_window(struct participant *p)
{
    struct restore r = {.p = p};
    for (unsigned s = 0; s < p->options.shard_count; s++)
        depot_visit(p->depots[s], note_name, &r);
    for (size_t i = 0; i < r.count; i++) {
        const struct book_car *c = complete(p, &r.names[i]);
        if (c && c->car && c->stored)
            dp_restore_car(&p->validator->dp, c->car, c->acked); // one that is there already is left alone
    }
    free(r.names);
}

// Final blocks that are not executed yet: whether all of their cars is here.
static void check_unexecuted(struct participant *p)
{
    const struct chain *chain = &p->validator->ord.chain;
    for (uint64_t h = p->resume.executed + 1; h <= chain_last(chain); h++) {
        const struct chain_entry *e = chain_at(chain, h);
        for (unsigned i = 0; e && i < e->block->lane_count; i++) {
            const struct wire_cut_lane *l = &e->block->lanes[i];
            for (unsigned c = 0; c < l->count; c++)
                complete(p, &(struct car_name){e->block->header.epoch, l->lane, l->from_pos + c, l->digests[c]});
        }
    }
}

bool participant_needs_anchor(const struct participant *p)
{
    const struct anchor *a = p->options.anchor;
    return a && bytes32_equal(&a->block, &p->options.head_hash);
}

static bool restore(struct participant *p, char error[STORE_ERROR_MAX])
{
    const struct participant_options *o = &p->options;
    if (!resume_find(&p->resume, &p->validator->ord.chain, o->blog, &o->head, &o->head_hash, &o->genesis_hash,
                     participant_needs_anchor(p) ? o->anchor->ordered : 0, error))
        return false;
    validator_begin(p->validator, clock_ns(), clock_wall_ms());
    restore_window(p);
    check_unexecuted(p);
    const struct chain *chain = &p->validator->ord.chain;
    for (size_t i = 0; i < chain->count; i++) {
        const struct chain_entry *e = &chain->entries[i];
        finality_add(o->finality, &e->block->header, &e->block->digest, e->cert ? &e->cert->cert : NULL);
    }
    for (unsigned i = p->resume.root_count; i-- > 0;)
        dp_executed(&p->validator->dp, p->resume.executed - i, &p->resume.roots[i]);
    return true;
}

struct participant *participant_open(const struct participant_options *options, char error[STORE_ERROR_MAX])
{
    struct participant *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->options = *options;
    p->n = options->cluster->set.wire.n;
    p->me = options->cluster->me == CLUSTER_FOLLOWER ? p->n : options->cluster->me;
    p->book = book_create(p->depots, options->shard_count);
    bool good = open_depots(p, error);
    for (unsigned s = 0; good && s < options->shard_count; s++)
        depot_visit(p->depots[s], add_stored, &(struct visit){p, s});
    participant_make_snaps(p);
    if (good && open_validator(p, error) && restore(p, error))
        return p;
    participant_free(p);
    return NULL;
}

void participant_free(struct participant *p)
{
    if (!p)
        return;
    if (p->gate && gate_idle(p->gate))
        gate_free(p->gate);
    if (p->control && links_idle(p->control))
        links_free(p->control);
    snap_server_free(p->snaps);
    if (p->validator)
        validator_close(p->validator);
    body_judge_free(p->judge);
    if (p->log_disk)
        disk_uring_close(p->log_disk);
    if (p->guard_disk)
        disk_uring_close(p->guard_disk);
    ordered_feed_free(p->feed);
    book_free(p->book);
    for (unsigned s = 0; s < WIRE_STRIPES; s++)
        free(p->own.parts[s].txs);
    for (unsigned s = 0; s < p->options.shard_count; s++)
        depot_close(p->depots[s]);
    free(p);
}

// ---- the coordinator's thread

struct start_call {
    struct shard_call call;
    struct participant *p;
    unsigned shard;
    sem_t *done;
};

static void start_depot(struct shard *shard, struct shard_call *call)
{
    struct start_call *c = (struct start_call *)call;
    (void)shard;
    depot_start(c->p->depots[c->shard], c->p->depots);
    sem_post(c->done);
}

static void start_depots(struct participant *p)
{
    struct start_call calls[SHARD_MAX];
    sem_t done;
    sem_init(&done, 0, 0);
    for (unsigned s = 0; s < p->options.shard_count; s++) {
        calls[s] = (struct start_call){.call.run = start_depot, .p = p, .shard = s, .done = &done};
        shard_tell(p->options.shards[s],
                   &(struct message){.kind = MSG_CALL, .from = MESSAGE_FROM_OUTSIDE, .p = &calls[s].call});
    }
    for (unsigned s = 0; s < p->options.shard_count; s++) {
        while (sem_wait(&done) != 0)
            ;
    }
    sem_destroy(&done);
}

// Which positions of the lanes are still to come.
static void tell_floor(struct participant *p)
{
    const struct dp *dp = &p->validator->dp;
    if (p->floor_epoch == dp->epoch && p->floor_view == dp->floor_view)
        return;
    p->floor_epoch = dp->epoch;
    p->floor_view = dp->floor_view;
    for (unsigned s = 0; s < p->options.shard_count; s++) {
        struct depot_call *c = depot_call_new(p->depots[s], DEPOT_FLOOR);
        c->name.epoch = dp->epoch;
        c->tips = malloc(p->n * sizeof *c->tips);
        if (!c->tips)
            abort();
        for (unsigned lane = 0; lane < p->n; lane++)
            c->tips[lane] = dp->lanes[lane].fin_pos;
        depot_post(c);
    }
}

bool participant_enter(struct participant *p, struct loop *loop, struct executor *executor, struct timeline *timeline,
                       char error[STORE_ERROR_MAX])
{
    p->loop = loop;
    p->timeline = timeline;
    p->executor = executor;
    const struct ordered_feed_options feed = {
        .book = p->book,
        .executor = executor,
        .validators = p->n,
        .fee_addresses = p->options.cluster->fee_addresses,
        .shard_count = p->options.shard_count,
        .heartbeat_ms = p->options.cluster->heartbeat_ms,
        .skip = p->resume.skip,
    };
    p->feed = ordered_feed_create(&feed);
    p->forwarding.target = (unsigned)(clock_ns() % p->n);
    start_depots(p);
    if (!participant_make_links(p, error))
        return false;
    validator_start(p->validator, clock_ns(), clock_wall_ms(), p->resume.executed);
    p->floor_epoch = UINT64_MAX;
    tell_floor(p);
    return true;
}

static void event(struct participant *p, const struct depot_event *e)
{
    struct vmask one = {{0, 0}};
    struct book_car *c;
    switch (e->kind) {
    case DEPOT_MADE:
    case DEPOT_BUILT:
        own_car_made(p, e);
        break;
    case DEPOT_STORED:
        if ((c = book_event(p->book, e)) != NULL) {
            c->stored_ns = clock_ns();
            participant_open_turn(p);
            dp_car_stored(&p->validator->dp, &c->name, c->acked);
        }
        break;
    case DEPOT_INVALID:
        if ((c = book_event(p->book, e)) != NULL) {
            log_warn("consensus", "a car is invalid", "lane=%u pos=%u reason=\"%s\"", e->name.lane, e->name.pos,
                     e->detail);
            participant_open_turn(p);
            dp_car_invalid(&p->validator->dp, &c->name, e->stripe, bytes_of(e->bytes, e->len));
        }
        break;
    case DEPOT_LOADED:
        (void)!book_event(p->book, e);
        break;
    case DEPOT_HEADER:
        if (e->peer < WIRE_VALIDATORS_MAX) {
            vmask_add(&one, e->peer);
            struct payload *m = payload_of(bytes_of(e->bytes, e->len));
            links_send(p->control, e->peer, 0, m, 0);
            payload_release(m);
        }
        break;
    case DEPOT_MESSAGE:
        if (e->peer < p->n) {
            participant_open_turn(p);
            (void)!validator_message(p->validator, e->peer, bytes_of(e->bytes, e->len));
        }
        break;
    case DEPOT_CLOSED:
        participant_bulk_closed(p, e);
        break;
    case DEPOT_BANNED:
        participant_ban(p, e->peer, e->detail);
        break;
    case DEPOT_FAILED:
        participant_fail(p, e->detail);
        break;
    case DEPOT_STOPPED:
        p->depots_stopped++;
        break;
    }
}

void participant_handle(struct participant *p, const struct message *m)
{
    struct depot_event *e = m->p;
    event(p, e);
    depot_event_free(e);
}

static void execute(struct participant *p, uint64_t now_ns)
{
    uint64_t height;
    bytes32 root;
    while (ordered_feed_step(p->feed, now_ns, &height, &root)) {
        own_car_executed(p);
        participant_open_turn(p);
        dp_executed(&p->validator->dp, height, &root);
    }
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// Views, votes and final blocks of this turn, on the timeline.
static void mark_order(struct participant *p)
{
    const struct ord *o = &p->validator->ord;
    const struct order_counts *now = &p->validator->fx.counts;
    const uint64_t votes = now->votes[0] + now->votes[1] + now->votes[2];
    const uint64_t traced = p->traced.votes[0] + p->traced.votes[1] + p->traced.votes[2];
    if (now->views != p->traced.views)
        timeline_mark(p->timeline, view, o->epoch, o->view);
    if (votes != traced)
        timeline_mark(p->timeline, vote, votes - traced, o->view);
    if (chain_last(&o->chain) != p->traced_final)
        timeline_mark(p->timeline, final, 0, chain_last(&o->chain));
    p->traced = *now;
    p->traced_final = chain_last(&o->chain);
}

uint64_t participant_turn(struct participant *p, uint64_t now_ns)
{
    struct validator *v = p->validator;
    p->gate_due_ns = gate_step(p->gate, now_ns);
    validator_disk(v);
    if (validator_next_timer(v) <= now_ns) {
        participant_open_turn(p);
        validator_timers(v);
    }
    execute(p, now_ns);
    const uint64_t own = earliest(own_car_step(p, now_ns), participant_forward(p, now_ns));
    if (p->in_turn) {
        p->in_turn = false;
        validator_end(v);
    }
    participant_release(p);
    execute(p, now_ns); // what became final in this turn
    if (p->in_turn) {
        p->in_turn = false;
        validator_end(v);
        participant_release(p);
    }
    tell_floor(p);
    mark_order(p);
    if (validator_failed(v))
        participant_fail(p, validator_failed(v));
    const uint64_t publish = participant_publish(p, now_ns);
    const uint64_t snaps = participant_step_snaps(p, now_ns);
    const uint64_t timer = validator_next_timer(v), soon = now_ns + TIMER_NS_MIN;
    return earliest(earliest(earliest(p->gate_due_ns, own), earliest(publish, snaps)), timer > soon ? timer : soon);
}

void participant_arm(struct participant *p)
{
    event_watch_arm(&p->log_watch, p->loop);
    event_watch_arm(&p->guard_watch, p->loop);
}

void participant_stop(struct participant *p)
{
    if (p->stopping)
        return;
    p->stopping = true;
    gate_stop(p->gate);
    links_stop(p->control);
    for (unsigned s = 0; s < p->options.shard_count; s++)
        depot_post(depot_call_new(p->depots[s], DEPOT_STOP));
}

bool participant_idle(const struct participant *p)
{
    return p->stopping && gate_idle(p->gate) && links_idle(p->control) && p->depots_stopped == p->options.shard_count;
}
