#include "engine/order/validator.h"

#include <stdlib.h>

enum { TAG_GUARD = 1 };

// ---- opening

static bool write_guard_now(struct validator *v, char error[STORE_ERROR_MAX])
{
    struct disk *d = v->config.guard_disk;
    struct disk_completion done;
    if (!d)
        return true;
    guard_image(v->guard_image, &v->guard);
    const uint64_t offset = (v->guard.sequence % 2) * GUARD_IMAGE_BYTES;
    if (d->ops->write_sync(d, v->guard_file, offset, v->guard_image, GUARD_IMAGE_BYTES, TAG_GUARD) != 0 ||
        d->ops->poll(d, &done, 1, true) != 1 || done.result != GUARD_IMAGE_BYTES)
        return store_fail(error, "cannot write the sign guard");
    return true;
}

// *fresh: there was none.
static bool open_guard(struct validator *v, bool *fresh, char error[STORE_ERROR_MAX])
{
    struct disk *d = v->config.guard_disk;
    uint8_t file[GUARD_FILE_BYTES];
    *fresh = true;
    guard_init(&v->guard, &v->config.genesis_hash);
    if (!d)
        return true;
    v->guard_file = d->ops->open(d, GUARD_FILE_NAME, true);
    const int64_t size = v->guard_file < 0 ? v->guard_file : d->ops->size(d, v->guard_file);
    if (size < 0)
        return store_fail(error, "cannot open the sign guard: %s", strerror((int)-size));
    *fresh = size == 0;
    if (*fresh) {
        const int err = d->ops->allocate(d, v->guard_file, GUARD_FILE_BYTES);
        return err == 0 || store_fail(error, "cannot create the sign guard: %s", strerror(-err));
    }
    if (size < GUARD_FILE_BYTES || d->ops->read(d, v->guard_file, 0, file, sizeof file) != GUARD_FILE_BYTES)
        return store_fail(error, "%s is cut short; `gantry recover` goes on without voting", GUARD_FILE_NAME);
    const bool good = guard_load(&v->guard, file, &v->config.genesis_hash, error);
    // A crash during the very first image: the second slot was never touched.
    static const uint8_t zeros[GUARD_IMAGE_BYTES];
    *fresh = !good && memcmp(file + GUARD_IMAGE_BYTES, zeros, sizeof zeros) == 0;
    if (*fresh)
        guard_init(&v->guard, &v->config.genesis_hash);
    v->guard_taken = v->guard.sequence;
    return good || *fresh;
}

static bool visit_record(void *ctx, uint64_t turn, enum record_kind kind, struct bytes record,
                         char error[STORE_ERROR_MAX])
{
    struct validator *v = ctx;
    v->ord.turn = turn;
    if (kind == RECORD_MYCAR)
        return true; // the car store has it, or it was never sent
    return ord_restore(&v->ord, &v->set, kind, record, error);
}

static bool log_has(const struct ord *o, const struct guard_view *g)
{
    const struct view_rec *r = ord_view_if(o, g->view);
    return r && (!g->notarized || voted(r, WIRE_NOTARIZE)) && (!g->nullified || voted(r, WIRE_NULLIFY)) &&
           (!g->finalized || voted(r, WIRE_FINALIZE));
}

// The guard follows the log, so what it remembers must be in the log; what it misses is added.
static bool compare_guard(struct validator *v, char error[STORE_ERROR_MAX])
{
    const struct ord *o = &v->ord;
    // A log that began with recovering may trail the guard until its validator votes again.
    if (!ord_votes(o))
        return true;
    bool behind = v->guard.epoch > o->epoch;
    for (unsigned i = 0; i < GUARD_VIEWS && v->guard.epoch == o->epoch; i++) {
        const struct guard_view *g = &v->guard.views[i];
        if (g->view > o->base && !log_has(o, g))
            behind = true;
    }
    if (behind)
        return store_fail(error, "the write-ahead log lacks votes that were cast: it was lost or set back; "
                                 "`gantry recover` goes on without voting until it is safe");
    for (size_t i = 1; i < o->view_count; i++) {
        const struct view_rec *r = &o->views[i];
        for (unsigned kind = WIRE_NOTARIZE; kind <= WIRE_FINALIZE; kind++) {
            const bytes32 digest = r->mine[kind - 1].digest;
            if (voted(r, kind) && !guard_recall(&v->guard, o->epoch, kind, o->base + i, &digest) &&
                !ord_mutated(o, MUTATE_FINALIZE_AFTER_NULLIFY))
                return store_fail(error, "the write-ahead log and the sign guard contradict each other");
        }
    }
    return true;
}

static bool begin_chain(struct validator *v, char error[STORE_ERROR_MAX])
{
    const struct wire_block_header genesis = {.time_ms = v->config.genesis_time_ms,
                                              .exec_root = v->config.genesis_root};
    const struct validator_begin *begin = v->config.begin;
    v->ord.recovering = v->config.recover;
    v->ord.vote_from = v->config.recover ? UINT64_MAX : begin ? begin->vote_from : 0;
    if (begin) {
        const bytes32 digest = wire_block_digest(&v->set.wire, &begin->boundary);
        ord_start_epoch(&v->ord, &v->set, begin->epoch, &begin->boundary, &digest);
    } else {
        ord_start_epoch(&v->ord, &v->set, 0, &genesis, &v->config.genesis_hash);
    }
    ord_snapshot(&v->ord);
    const uint64_t turn = wal_append(&v->wal, bytes_of(v->fx.records, v->fx.record_bytes));
    wal_flush(&v->wal);
    while (turn != 0 && !wal_failed(&v->wal) && wal_durable(&v->wal) < turn)
        wal_step(&v->wal, true);
    if (turn == 0 || wal_durable(&v->wal) < turn)
        return store_fail(error, "cannot write the write-ahead log");
    return write_guard_now(v, error);
}

static bool read_log(struct validator *v, char error[STORE_ERROR_MAX])
{
    bool fresh_guard;
    if (!open_guard(v, &fresh_guard, error) ||
        !wal_open(&v->wal, v->config.log_disk, &v->config.genesis_hash, v->config.segment_bytes, error))
        return false;
    if (v->wal.last == 0) {
        const bool earlier = v->config.begin && v->config.begin->epoch > v->guard.epoch;
        const bool signed_before = !fresh_guard && v->guard.sequence > 0 && !earlier;
        if (signed_before && !v->config.recover)
            return store_fail(error, "the write-ahead log is gone, though this key has voted; `gantry recover` goes on "
                                     "without voting until it is safe");
        return begin_chain(v, error);
    }
    if (!wal_replay(&v->wal, visit_record, v, error))
        return false;
    if (!v->ord.set)
        return store_fail(error, "the write-ahead log says nothing of an epoch");
    ord_restored(&v->ord);
    return compare_guard(v, error);
}

struct validator *validator_open(const struct validator_config *config, const struct vset *set,
                                 char error[STORE_ERROR_MAX])
{
    struct validator *v = calloc(1, sizeof *v);
    if (!v || !(v->guard_image = aligned_alloc(GUARD_IMAGE_BYTES, GUARD_IMAGE_BYTES)))
        abort();
    v->config = *config;
    v->guard_file = -1;
    v->set = *set;
    effects_init(&v->fx);
    v->fx.me = config->ord.me;
    v->fx.set = &v->set;
    v->evidence = (struct evidence){.signing = config->ord.signing, .body_check = config->body_check};
    dp_init(&v->dp, &config->dp, &v->fx, &v->evidence);
    ord_init(&v->ord, &config->ord, &v->fx, &v->dp, &v->guard, &v->evidence);
    const bool good = read_log(v, error);
    v->config.begin = NULL; // its caller's
    // What replaying asked for was asked for before.
    effects_clear(&v->fx);
    v->fx.me = config->ord.me;
    v->fx.set = &v->set;
    v->urgent = v->wal.last;
    v->snapshot_turn = v->wal.last;
    if (good)
        return v;
    validator_close(v);
    return NULL;
}

void validator_start(struct validator *v, uint64_t now_ns, uint64_t wall_ms, uint64_t executed)
{
    validator_begin(v, now_ns, wall_ms);
    dp_start(&v->dp);
    ord_start(&v->ord, executed);
    validator_end(v);
}

void validator_close(struct validator *v)
{
    struct disk_completion done;
    struct disk *d = v->config.guard_disk;
    if (v->guard_writes)
        d->ops->poll(d, &done, 1, true);
    if (v->guard_file >= 0)
        d->ops->close(d, v->guard_file);
    wal_close(&v->wal);
    ord_free(&v->ord);
    dp_free(&v->dp);
    effects_clear(&v->fx);
    free(v->guard_image);
    free(v);
}

// ---- turns

void validator_begin(struct validator *v, uint64_t now_ns, uint64_t wall_ms)
{
    v->ord.now_ns = v->dp.now_ns = now_ns;
    v->ord.wall_ms = wall_ms;
    v->ord.turn = v->wal.last + 1;
}

static void on_acks(struct validator *v, unsigned src, const struct wire_message *m)
{
    const bool state = m->type == WIRE_ACK_STATE;
    ord_on_floor(&v->ord, src, m->epoch, state ? &m->ack_state.floor : &m->acks.floor);
    if (m->epoch != v->ord.epoch)
        return;
    if (state)
        dp_on_ack_state(&v->dp, src, &m->ack_state);
    else
        dp_on_acks(&v->dp, src, &m->acks);
}

enum wire_status validator_message(struct validator *v, unsigned src, struct bytes message)
{
    static _Thread_local struct wire_message m;
    const enum wire_status status = wire_decode(&m, message, &v->set.wire);
    if (status != WIRE_OK) {
        effects_ban(&v->fx, src, wire_status_text(status));
        return status;
    }
    switch (m.type) {
    case WIRE_CAR_HDR:
        dp_on_car(&v->dp, src, m.epoch, &m.car);
        break;
    case WIRE_GET_CAR:
        dp_on_get_car(&v->dp, src, m.epoch, &m.get_car);
        break;
    case WIRE_EVIDENCE:
        if (!evidence_take(&v->evidence, &v->fx, &m, true))
            effects_ban(&v->fx, src, "evidence that proves nothing");
        break;
    case WIRE_ACKS:
    case WIRE_ACK_STATE:
        on_acks(v, src, &m);
        ord_on_message(&v->ord, src, &m);
        break;
    default:
        ord_on_message(&v->ord, src, &m);
    }
    return WIRE_OK;
}

void validator_timers(struct validator *v)
{
    dp_on_timer(&v->dp);
    ord_on_timer(&v->ord);
}

static void start_guard_write(struct validator *v)
{
    struct disk *d = v->config.guard_disk;
    if (!v->guard_waits || v->guard_writes || wal_durable(&v->wal) < v->guard_turn)
        return;
    const uint64_t offset = (v->guard_taken % 2) * GUARD_IMAGE_BYTES;
    v->guard_waits = false;
    v->guard_writes = d->ops->write_sync(d, v->guard_file, offset, v->guard_image, GUARD_IMAGE_BYTES, TAG_GUARD) == 0;
    d->ops->poll(d, NULL, 0, false);
}

static void take_guard_image(struct validator *v)
{
    if (!v->config.guard_disk || v->guard.sequence == v->guard_taken || v->guard_waits || v->guard_writes)
        return;
    // The slot that does not hold the newest image: changes may have come in pairs.
    if (v->guard.sequence % 2 == v->guard_taken % 2)
        v->guard.sequence++;
    guard_image(v->guard_image, &v->guard);
    v->guard_taken = v->guard.sequence;
    v->guard_turn = v->wal.last;
    v->guard_waits = true;
}

// Writes down anew what must outlive the log's part before what final blocks kept for others need. That part goes when
// this is durable: until then it may have the only record that says where everything starts.
static void shorten_log(struct validator *v)
{
    struct chain *chain = &v->ord.chain;
    const uint64_t retain = v->config.ord.retain_blocks, last = chain_last(chain);
    v->snapshot_turn = v->wal.last;
    if (last <= retain || last - retain <= chain->first)
        return;
    ord_snapshot(&v->ord);
    // What execution has not taken yet stays.
    const uint64_t from = last - retain < v->ord.exec_next ? last - retain : v->ord.exec_next;
    chain_retain(chain, from);
    const struct chain_entry *first = chain_at(chain, chain->first);
    if (first && first->turn > 0) {
        v->retain_from = first->turn;
        v->retain_after = v->wal.last + 1;
    }
}

static void let_go(struct validator *v)
{
    if (v->retain_from == 0 || wal_durable(&v->wal) < v->retain_after)
        return;
    wal_retain(&v->wal, v->retain_from);
    v->retain_from = 0;
}

void validator_end(struct validator *v)
{
    if (v->dp.changed) {
        v->dp.changed = false;
        v->ord.dirty = true;
    }
    ord_poke(&v->ord);
    if (v->wal.last - v->snapshot_turn >= v->config.snapshot_turns)
        shorten_log(v);
    if (v->fx.record_bytes > 0) {
        const uint64_t turn = wal_append(&v->wal, bytes_of(v->fx.records, v->fx.record_bytes));
        if (v->fx.urgent)
            v->urgent = turn ? turn : UINT64_MAX;
    }
    if (v->fx.urgent)
        wal_flush(&v->wal);
    v->fx.record_bytes = 0;
    v->fx.urgent = false;
    for (; v->fx.turn > 0; v->fx.turn--)
        v->fx.items[(v->fx.head + v->fx.count - v->fx.turn) % v->fx.cap].hold = v->urgent;
    take_guard_image(v);
    start_guard_write(v);
}

void validator_disk(struct validator *v)
{
    struct disk_completion done;
    struct disk *d = v->config.guard_disk;
    if (wal_step(&v->wal, false))
        let_go(v);
    if (v->guard_writes && d->ops->poll(d, &done, 1, false) == 1)
        v->guard_writes = false; // a failed write leaves the other slot; the next change writes again
    take_guard_image(v);
    start_guard_write(v);
}

bool validator_disk_busy(const struct validator *v)
{
    return blog_in_flight(v->wal.blog) || v->guard_writes;
}

bool validator_take(struct validator *v, struct effect *out)
{
    const bool unsafe = v->config.ord.mutations & MUTATE_SEND_BEFORE_SYNC;
    if (validator_failed(v))
        return false;
    return effects_take(&v->fx, unsafe ? UINT64_MAX - 1 : wal_durable(&v->wal), out);
}

uint64_t validator_next_timer(const struct validator *v)
{
    const uint64_t a = ord_next_timer(&v->ord), b = dp_next_timer(&v->dp);
    return a < b ? a : b;
}

const char *validator_failed(const struct validator *v)
{
    return wal_failed(&v->wal);
}
