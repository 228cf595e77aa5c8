// One validator in the simulator: what the coordinator, the shards and the sockets do in production.
#include "engine/sim/sim_private.h"

#include "engine/net/wire/digest.h"

#include <stdlib.h>

struct shared_bytes *actor_encode(const struct wire_message *m)
{
    struct shared_bytes *b = shared_bytes_new(wire_size(m));
    wire_encode(b->bytes, m);
    return b;
}

static uint64_t wall_ms(const struct sim *s, const struct sim_actor *a)
{
    return (uint64_t)((int64_t)(1700000000000ull + s->now_ns / MS) + a->skew_ms);
}

static bool has_car(void *ctx, const struct car_name *name)
{
    struct sim_actor *a = ctx;
    const struct stored_car *car = store_find(&a->store, name);
    return car && car->durable && !car->invalid;
}

void actor_init(struct sim *s, struct sim_actor *a)
{
    a->log_disk = sim_disk_create(sim_random(&s->random));
    a->guard_disk = sim_disk_create(sim_random(&s->random));
    sim_disk_prompt(a->log_disk);
    sim_disk_prompt(a->guard_disk);
    a->random = sim_random(&s->random);
    a->signing = sim_signing(1000 + a->id);
    a->disk_ns = sim_between(&s->random, MS / 10, 3 * MS);
    a->next_height = 1;
    a->timer_ns = UINT64_MAX;
}

void actor_free(struct sim_actor *a)
{
    if (a->v)
        validator_close(a->v);
    sim_disk_free(a->log_disk);
    sim_disk_free(a->guard_disk);
    store_free(&a->store);
    a->signing->ops->free(a->signing);
    free(a->roots);
    for (unsigned i = 0; i < 32; i++)
        shared_bytes_unref(a->seen[i]);
    for (unsigned i = 0; i < SIM_OLD_CERTS; i++)
        shared_bytes_unref(a->old_certs[i]);
}

// ---- cars

static void finish_car(struct sim *s, struct sim_actor *a, struct stored_car *car)
{
    if (car->missing != 0 || !car->gathering)
        return;
    car->gathering = false;
    for (unsigned i = 0; i < WIRE_STRIPES; i++) {
        static struct wire_message m;
        if (!car->stripes[i] ||
            wire_decode(&m, bytes_of(car->stripes[i]->bytes, car->stripes[i]->len), &s->set.wire) != WIRE_OK)
            continue;
        // The stand-in for a stripe that is invalid in itself.
        if (m.car_stripe.body.len > 0 && m.car_stripe.body.ptr[0] == 0xbd) {
            car->invalid = true;
            dp_car_invalid(&a->v->dp, &car->name, (uint16_t)i, m.car_stripe.body);
            return;
        }
    }
    const unsigned number = a->store.writing_next++ % SIM_WRITING_MAX;
    a->store.writing[number] = car->name;
    sim_push(s, (struct sim_event){.at_ns = s->now_ns + sim_between(&s->random, a->disk_ns / 2, 2 * a->disk_ns),
                                   .kind = SIM_STORED,
                                   .actor = (uint16_t)a->index,
                                   .incarnation = a->incarnation,
                                   .number = number});
}

static void on_store_car(struct sim *s, struct sim_actor *a, const struct effect *e)
{
    struct stored_car *car = store_find(&a->store, &e->name);
    if (car && car->durable) {
        dp_car_stored(&a->v->dp, &e->name, e->ack && car->acked);
        return;
    }
    if (!car) {
        car = store_add(&a->store, &e->name);
        struct wire_message m;
        m.type = WIRE_CAR_HDR;
        m.epoch = e->name.epoch;
        m.car = *e->car;
        car->header = actor_encode(&m);
        car->missing = e->car->stripe_bitmap;
        car->gathering = true;
        store_gathers(&a->store, &e->name);
    }
    car->acked |= e->ack;
    for (unsigned i = 0; i < SIM_EARLY_STRIPES && car->missing != 0; i++) {
        static struct wire_message m;
        struct shared_bytes *b = a->store.early[i];
        if (b && wire_decode(&m, bytes_of(b->bytes, b->len), &s->set.wire) == WIRE_OK)
            store_take_stripe(&a->store, car, m.epoch, &m.car_stripe, b, &s->set);
    }
    finish_car(s, a, car);
}

static void on_stripe(struct sim *s, struct sim_actor *a, struct shared_bytes *bytes)
{
    static struct wire_message m;
    if (wire_decode(&m, bytes_of(bytes->bytes, bytes->len), &s->set.wire) != WIRE_OK)
        return;
    for (size_t i = 0; i < a->store.gathering_count; i++) {
        struct stored_car *car = store_find(&a->store, &a->store.gathering[i]);
        if (!car || !car->gathering) {
            a->store.gathering[i--] = a->store.gathering[--a->store.gathering_count];
            continue;
        }
        if (store_take_stripe(&a->store, car, m.epoch, &m.car_stripe, bytes, &s->set)) {
            finish_car(s, a, car);
            return;
        }
    }
    store_keep_early(&a->store, bytes);
}

static void on_stored(struct sim_actor *a, uint64_t number)
{
    const struct car_name name = a->store.writing[number];
    struct stored_car *car = store_find(&a->store, &name);
    if (!car)
        return;
    car->durable = true;
    dp_car_stored(&a->v->dp, &name, car->acked);
}

static void send_car(struct sim *s, struct sim_actor *a, const struct car_name *name, struct vmask to, uint16_t mask)
{
    const struct stored_car *car = store_find(&a->store, name);
    if (!car || !car->durable)
        return;
    if (a->byzantine)
        byzantine_send(s, a, to, car->header);
    else
        sim_send_all(s, a, to, car->header);
    for (unsigned i = 0; i < WIRE_STRIPES; i++) {
        if (!car->stripes[i] || !((mask >> i) & 1) || byzantine_refuses_car(s, a))
            continue;
        sim_send_all(s, a, to, car->stripes[i]);
    }
}

// The transactions that came in since the last car, as opaque bytes in one or two stripes; none near the end.
static void make_car(struct sim *s, struct sim_actor *a)
{
    const uint64_t interval = s->options.tx_rate == 0 ? 1000 * MS : 25 * MS;
    sim_push(s, (struct sim_event){.at_ns = s->now_ns + interval,
                                   .kind = SIM_MAKE_CAR,
                                   .actor = (uint16_t)a->index,
                                   .incarnation = a->incarnation});
    static uint8_t body[WIRE_STRIPE_BYTES_MAX];
    static struct wire_message m;
    struct wire_car car = {0};
    struct shared_bytes *stripes[WIRE_STRIPES] = {0};
    const unsigned txs = (unsigned)(s->options.tx_rate * interval / (1000 * MS));
    const bool none = txs == 0 || s->now_ns + 5000 * MS > s->end_ns;
    if ((none && !dp_own_gap(&a->v->dp)) || !dp_may_make_car(&a->v->dp, WIRE_CAR_BYTES_MAX))
        return;
    const unsigned count = none ? 0 : 1 + (unsigned)(sim_random(&a->random) % 2);
    for (unsigned k = 0; k < count; k++) {
        const unsigned stripe = (unsigned)(sim_random(&a->random) % WIRE_STRIPES);
        const size_t len = 110 * (size_t)(txs / count + 1);
        if (stripes[stripe])
            continue;
        for (size_t i = 0; i + 8 <= len; i += 8)
            store_le64(body + i, sim_random(&a->random));
        body[0] = (a->byzantine & BYZ_BAD_BODY) && sim_chance(&a->random, 100) ? 0xbd : 1;
        m.type = WIRE_CAR_STRIPE;
        m.epoch = a->v->ord.epoch;
        m.car_stripe = (struct wire_car_stripe){(uint16_t)a->id, a->v->dp.own_last + 1, (uint16_t)stripe,
                                                bytes_of(body, len / 8 * 8)};
        stripes[stripe] = actor_encode(&m);
        car.stripe_bitmap |= (uint16_t)(1u << stripe);
        car.stripes[stripe] = (struct wire_stripe_ref){wire_stripe_digest(m.car_stripe.body),
                                                       (uint32_t)m.car_stripe.body.len, txs / count + 1, 0};
    }
    if (dp_make_car(&a->v->dp, &car)) {
        const struct car_name name = {a->v->ord.epoch, car.lane, car.pos, car.digest};
        struct stored_car *stored = store_add(&a->store, &name);
        m.type = WIRE_CAR_HDR;
        m.epoch = name.epoch;
        m.car = car;
        stored->header = actor_encode(&m);
        memcpy(stored->stripes, stripes, sizeof stripes);
        stored->gathering = true;
        memset(stripes, 0, sizeof stripes);
        check_made_car(s, a, &name);
    }
    for (unsigned i = 0; i < WIRE_STRIPES; i++)
        shared_bytes_unref(stripes[i]);
}

// ---- execution: a hash over the ordered list

static void on_executed(struct sim *s, struct sim_actor *a, uint64_t height)
{
    const struct chain_entry *e = chain_at(&a->v->ord.chain, height);
    if (!e || height != a->executed + 1)
        return;
    if (height >= a->root_cap) {
        a->root_cap = a->root_cap == 0 ? 256 : 2 * a->root_cap;
        a->roots = realloc(a->roots, a->root_cap * sizeof *a->roots);
        if (!a->roots)
            abort();
        if (height == 1)
            memset(&a->roots[0], 0, sizeof a->roots[0]);
    }
    const struct bytes parts[] = {bytes_of(a->roots[height - 1].b, 32), bytes_of(e->block->digest.b, 32),
                                  bytes_of(e->block->header.cut_hash.b, 32)};
    a->roots[height] = wire_tagged_hash("gantry/sim", parts, 3);
    a->executed = height;
    check_executed(s, a, height, &a->roots[height]);
    bytes32 said = a->roots[height];
    if ((a->byzantine & BYZ_WRONG_ROOT) && sim_chance(&a->random, 300))
        said.b[0] ^= 1;
    dp_executed(&a->v->dp, height, &said);
}

// ---- effects

static void on_epoch(struct sim *s, struct sim_actor *a, const struct effect *e)
{
    const uint64_t dropped = check_epoch_closed(s, a, e->block->header.epoch);
    sim_trace(s, "validator %u closes epoch %llu at height %llu, makes %llu cars anew", a->id,
              (unsigned long long)e->block->header.epoch, (unsigned long long)e->block->header.height,
              (unsigned long long)dropped);
}

static void release(struct sim *s, struct sim_actor *a, struct effect *e)
{
    check_effect(s, a, e);
    switch (e->kind) {
    case EFFECT_SEND:
        if (a->byzantine) {
            byzantine_send(s, a, e->to, e->bytes);
        } else {
            check_sent(s, a, e->bytes);
            sim_send_all(s, a, e->to, e->bytes);
        }
        break;
    case EFFECT_DELIVER:
        check_delivered(s, a, e->block);
        break;
    case EFFECT_EXECUTE: {
        const uint64_t start = a->executing > s->now_ns ? a->executing : s->now_ns;
        a->executing = start + sim_between(&s->random, MS / 5, 2 * MS);
        sim_push(s, (struct sim_event){.at_ns = a->executing,
                                       .kind = SIM_EXECUTED,
                                       .actor = (uint16_t)a->index,
                                       .incarnation = a->incarnation,
                                       .number = e->block->header.height});
        break;
    }
    case EFFECT_STORE_CAR:
        on_store_car(s, a, e);
        break;
    case EFFECT_SERVE_CAR: {
        struct vmask to = {{0, 0}};
        vmask_add(&to, e->peer);
        send_car(s, a, &e->name, to, e->stripe_mask);
        break;
    }
    case EFFECT_SEND_CAR:
        send_car(s, a, &e->name, e->to, UINT16_MAX);
        break;
    case EFFECT_EPOCH:
        on_epoch(s, a, e);
        break;
    default:
        break;
    }
}

static void schedule(struct sim *s, struct sim_actor *a)
{
    if (validator_disk_busy(a->v) && !a->disk_scheduled) {
        a->disk_scheduled = true;
        sim_push(s, (struct sim_event){.at_ns = s->now_ns + sim_between(&s->random, a->disk_ns / 2, a->disk_ns),
                                       .kind = SIM_DISK,
                                       .actor = (uint16_t)a->index,
                                       .incarnation = a->incarnation});
    }
    uint64_t due = validator_next_timer(a->v);
    if (due <= s->now_ns)
        due = s->now_ns + 1000;
    if (due < a->timer_ns) {
        a->timer_ns = due;
        sim_push(s, (struct sim_event){
                        .at_ns = due, .kind = SIM_TIMER, .actor = (uint16_t)a->index, .incarnation = a->incarnation});
    }
}

// Ends the turn and releases what is durable; what that leads to at once are further turns.
static void settle(struct sim *s, struct sim_actor *a)
{
    validator_end(a->v);
    struct effect e;
    for (unsigned i = 0; i < 10000 && validator_take(a->v, &e); i++) {
        // Only storing a car answers at once.
        const bool answers = e.kind == EFFECT_STORE_CAR;
        if (answers)
            validator_begin(a->v, s->now_ns, wall_ms(s, a));
        release(s, a, &e);
        effect_free(&e);
        if (answers)
            validator_end(a->v);
    }
    if (sim_disk_is_off(a->log_disk) || sim_disk_is_off(a->guard_disk))
        actor_crash(s, a, sim_between(&s->random, 50 * MS, 1500 * MS));
    else
        schedule(s, a);
}

// ---- life

static struct validator_config config_of(struct sim *s, struct sim_actor *a)
{
    struct validator_config config = {
        .ord = s->ord_config,
        .dp = s->dp_config,
        .genesis_hash = s->genesis_hash,
        .genesis_time_ms = 1700000000000ull - 1000,
        .segment_bytes = 256 << 10,
        .snapshot_turns = s->snapshot_turns,
        .log_disk = sim_disk_disk(a->log_disk),
        .guard_disk = sim_disk_disk(a->guard_disk),
        .recover = a->lost,
    };
    config.ord.me = config.dp.me = a->id;
    config.ord.signing = config.dp.signing = a->signing;
    config.ord.seed = sim_random(&a->random);
    config.dp.store = (struct car_store){.has = has_car, .ctx = a};
    return config;
}

// What a log must bring back: of the views, those above the floor.
struct remembered {
    uint64_t epoch, height, vote_from, base;
    bytes32 floor;
    uint8_t voted[512];
};

static struct remembered remember(const struct ord *o)
{
    struct remembered r = {o->epoch, chain_last(&o->chain), o->vote_from, o->base, o->floor->digest, {0}};
    for (size_t i = 1; i < o->view_count && i < sizeof r.voted; i++)
        r.voted[i] = o->views[i].voted;
    return r;
}

// I12: replaying the log gives the same state.
void actor_check_replay(struct sim *s, struct sim_actor *a)
{
    char error[STORE_ERROR_MAX];
    if (!a->up || validator_failed(a->v))
        return;
    wal_flush(&a->v->wal);
    for (unsigned i = 0; i < 100 && validator_disk_busy(a->v); i++)
        validator_disk(a->v);
    const struct remembered before = remember(&a->v->ord);
    validator_close(a->v);
    sim_disk_restart(a->log_disk);
    sim_disk_restart(a->guard_disk);
    const struct validator_config config = config_of(s, a);
    a->v = validator_open(&config, &s->set, error);
    if (!a->v) {
        a->up = false;
        sim_violate(s, "I12: validator %u cannot start again: %s", a->id, error);
        return;
    }
    const struct remembered after = remember(&a->v->ord);
    if (memcmp(&before, &after, sizeof before) != 0)
        sim_violate(s, "I12: validator %u reads another state from its log than it had", a->id);
}

void actor_start(struct sim *s, struct sim_actor *a)
{
    char error[STORE_ERROR_MAX];
    const struct validator_config config = config_of(s, a);
    a->incarnation++;
    a->v = validator_open(&config, &s->set, error);
    if (!a->v) {
        // The power may fail again while the log is opened.
        if (sim_disk_is_off(a->log_disk) || sim_disk_is_off(a->guard_disk)) {
            sim_disk_restart(a->log_disk);
            sim_disk_restart(a->guard_disk);
            sim_push(
                s, (struct sim_event){.at_ns = s->now_ns + 100 * MS, .kind = SIM_RESTART, .actor = (uint16_t)a->index});
        } else {
            sim_violate(s, "validator %u cannot start: %s", a->id, error);
        }
        return;
    }
    a->up = true;
    a->disk_scheduled = false;
    a->timer_ns = UINT64_MAX;
    a->executing = 0;
    validator_begin(a->v, s->now_ns, wall_ms(s, a));
    static struct wire_message m;
    for (size_t i = 0; i < a->store.cap; i++) {
        const struct stored_car *car = &a->store.cars[i];
        if (car->used && car->durable && !car->invalid && car->name.epoch == a->v->ord.epoch &&
            wire_decode(&m, bytes_of(car->header->bytes, car->header->len), &s->set.wire) == WIRE_OK)
            dp_restore_car(&a->v->dp, &m.car, car->acked);
    }
    const uint64_t first = a->executed > LAG ? a->executed - LAG : 0;
    for (uint64_t h = first + 1; h <= a->executed; h++)
        dp_executed(&a->v->dp, h, &a->roots[h]);
    // What became final just before a crash is not delivered again: it is read from the chain. Of a Byzantine validator
    // nothing is checked, and the chain may no longer have what it began with.
    if (a->executed == 0 && a->lost)
        a->next_height = chain_last(&a->v->ord.chain) + 1;
    for (uint64_t h = a->next_height; sim_honest(a) && h <= chain_last(&a->v->ord.chain); h++)
        check_delivered(s, a, chain_at(&a->v->ord.chain, h)->block);
    // The same for epochs that turned: what they left over is made anew.
    for (uint64_t epoch = 0; epoch < a->v->ord.epoch; epoch++)
        check_epoch_closed(s, a, epoch);
    validator_start(a->v, s->now_ns, wall_ms(s, a), a->executed);
    for (unsigned i = 0; i < s->actor_count; i++) {
        if (s->actors[i].up && i != a->index)
            sim_push(s, (struct sim_event){.at_ns = s->now_ns + s->delay_max_ns,
                                           .kind = SIM_CONNECT,
                                           .actor = (uint16_t)i,
                                           .peer = (uint16_t)a->id,
                                           .incarnation = s->actors[i].incarnation});
    }
    sim_push(s, (struct sim_event){.at_ns = s->now_ns + sim_between(&s->random, MS, 25 * MS),
                                   .kind = SIM_MAKE_CAR,
                                   .actor = (uint16_t)a->index,
                                   .incarnation = a->incarnation});
    settle(s, a);
}

void actor_crash(struct sim *s, struct sim_actor *a, uint64_t down_ns)
{
    if (!a->up)
        return;
    s->result->crashes++;
    sim_trace(s, "validator %u crashes", a->id);
    sim_disk_power_off_after(a->log_disk, 0);
    a->up = false;
    validator_close(a->v);
    a->v = NULL;
    sim_disk_restart(a->log_disk);
    sim_disk_restart(a->guard_disk);
    store_crash(&a->store, &a->random);
    sim_push(s, (struct sim_event){.at_ns = s->now_ns + down_ns, .kind = SIM_RESTART, .actor = (uint16_t)a->index});
}

void actor_lose_disk(struct sim *s, struct sim_actor *a)
{
    if (a->up)
        actor_crash(s, a, sim_between(&s->random, 500 * MS, 3000 * MS));
    sim_trace(s, "validator %u loses its disk", a->id);
    a->lost = true;
    sim_disk_free(a->log_disk);
    sim_disk_free(a->guard_disk);
    a->log_disk = sim_disk_create(sim_random(&s->random));
    a->guard_disk = sim_disk_create(sim_random(&s->random));
    sim_disk_prompt(a->log_disk);
    sim_disk_prompt(a->guard_disk);
    store_free(&a->store);
    a->executed = 0;
}

void actor_event(struct sim *s, struct sim_actor *a, const struct sim_event *e)
{
    if (e->kind == SIM_RESTART) {
        if (!a->up)
            actor_start(s, a);
        if (s->calm)
            sim_be_patient(s, s->now_ns);
        return;
    }
    if (!a->up || (e->incarnation != 0 && e->incarnation != a->incarnation))
        return;
    if (e->kind == SIM_CRASH) {
        actor_crash(s, a, e->number);
        return;
    }
    validator_begin(a->v, s->now_ns, wall_ms(s, a));
    switch (e->kind) {
    case SIM_MESSAGE:
        if (a->byzantine)
            byzantine_hear(s, a, e->bytes);
        if (e->bytes->bytes[2] == WIRE_CAR_STRIPE)
            on_stripe(s, a, e->bytes);
        else
            (void)!validator_message(a->v, e->peer, bytes_of(e->bytes->bytes, e->bytes->len));
        break;
    case SIM_TIMER:
        if (s->now_ns >= a->timer_ns)
            a->timer_ns = UINT64_MAX;
        if (validator_next_timer(a->v) <= s->now_ns)
            validator_timers(a->v);
        break;
    case SIM_DISK:
        a->disk_scheduled = false;
        validator_disk(a->v);
        break;
    case SIM_STORED:
        on_stored(a, e->number);
        break;
    case SIM_EXECUTED:
        on_executed(s, a, e->number);
        break;
    case SIM_MAKE_CAR:
        make_car(s, a);
        break;
    case SIM_CONNECT:
        dp_on_connect(&a->v->dp, e->peer);
        break;
    case SIM_LATE_SEND:
        sim_send(s, a, e->peer, e->bytes);
        break;
    default:
        break;
    }
    settle(s, a);
}
