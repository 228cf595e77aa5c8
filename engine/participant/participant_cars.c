// Own cars: when one is begun, and what becomes of its transactions.
#include "engine/participant/participant_private.h"

#include "base/clock.h"

#include "engine/cars/stripe.h"

#include <stddef.h>
#include <stdlib.h>

// A car waits this many intervals at most for the one before it.
#define COMPANY_INTERVALS 8u
// About what a transaction has in bytes.
#define TX_BYTES 110u
// Of all bodies, beside their fixed parts.
#define CAR_ROOM (WIRE_CAR_BYTES_MAX - WIRE_STRIPES * STRIPE_FIXED_BYTES)

static uint64_t number(const struct participant *p, unsigned shard, size_t offset)
{
    const char *numbers = (const char *)shard_numbers(p->options.shards[shard]);
    return atomic_load_explicit((const _Atomic uint64_t *)(numbers + offset), memory_order_relaxed);
}

static uint64_t sum(const struct participant *p, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < p->options.shard_count; i++)
        total += number(p, i, offset);
    return total;
}

static bool base_fee_can_fall(const struct participant *p)
{
    u256 now = executor_next_base_fee(p->executor);
    u256 after = header_next_base_fee(&p->options.genesis->fee_rules, executor_head(p->executor)->gas_limit, 0, &now);
    return u256_cmp(&after, &now) < 0;
}

// Whether transactions are pooled that the base fee alone holds back, and an empty block would lower it.
static bool held_back(const struct participant *p)
{
    return sum(p, offsetof(struct shard_numbers, held_back)) > 0 && base_fee_can_fall(p);
}

// Whether a car is due although the pools have nothing for it: others wait for a word, or for a position.
static bool empty_car_due(const struct participant *p)
{
    const struct dp *dp = &p->validator->dp;
    return held_back(p) != dp->lanes[p->me].held_back || dp_own_gap(dp);
}

static void ask(struct participant *p, uint64_t now_ns)
{
    struct own_cars *o = &p->own;
    uint64_t wanted[SHARD_MAX], gas_max[SHARD_MAX], total = 0;
    for (unsigned s = 0; s < p->options.shard_count; s++) {
        wanted[s] = number(p, s, offsetof(struct shard_numbers, executable_gas));
        total += number(p, s, offsetof(struct shard_numbers, executable));
    }
    gas_share_out(&o->share, gas_max, wanted, p->options.shard_count, executor_head(p->executor)->gas_limit / p->n);
    const u256 base_fee = executor_next_base_fee(p->executor);
    o->last_ns = now_ns;
    o->number++;
    o->car = (struct wire_car){.flags = held_back(p) ? WIRE_CAR_HELD_BACK : 0};
    for (unsigned s = 0; s < p->options.shard_count; s++) {
        const uint64_t executable = number(p, s, offsetof(struct shard_numbers, executable));
        if (executable == 0)
            continue;
        struct depot_call *c = depot_call_new(p->depots[s], DEPOT_MAKE);
        c->number = o->number;
        c->request.base_fee = base_fee;
        c->request.gas_max = gas_max[s];
        c->request.bytes_max = (uint64_t)((unsigned __int128)CAR_ROOM * executable / total);
        depot_post(c);
        o->awaited++;
    }
}

static void tell_depots(const struct participant *p, enum depot_ask ask, uint64_t car)
{
    for (unsigned s = 0; s < p->options.shard_count; s++) {
        struct depot_call *c = depot_call_new(p->depots[s], ask);
        c->number = car;
        depot_post(c);
    }
}

// All stripes are there.
static void finish(struct participant *p)
{
    struct own_cars *o = &p->own;
    const struct dp *dp = &p->validator->dp;
    const bool says_held_back = o->car.flags & WIRE_CAR_HELD_BACK;
    const bool says_nothing = o->car.stripe_bitmap == 0 && says_held_back == dp->lanes[p->me].held_back;
    participant_open_turn(p);
    if ((says_nothing && !dp_own_gap(dp)) || !dp_make_car(&p->validator->dp, &o->car)) {
        tell_depots(p, DEPOT_UNMAKE, o->number);
        return;
    }
    o->unstored = true;
    const struct car_name name = {p->validator->ord.epoch, o->car.lane, o->car.pos, o->car.digest};
    o->flights[o->flight_count++] = (struct flight){name, o->number, false};
}

void own_car_stored(struct participant *p, const struct car_name *name)
{
    const struct own_cars *o = &p->own;
    if (o->flight_count > 0 && bytes32_equal(&o->flights[o->flight_count - 1].name.digest, &name->digest))
        p->own.unstored = false;
}

// Whether the pools hold more than a car does, so that the next need not wait for company.
static bool is_full(uint64_t executable)
{
    return executable * (STRIPE_TX_OVERHEAD + TX_BYTES) >= WIRE_CAR_BYTES_MAX;
}

// When the next car may begin. While a quorum does not yet hold the newest one, a car would reach no block before what
// comes meanwhile does in the same car; the busier the cluster is, the longer that takes and the larger cars become.
static uint64_t next_due(const struct participant *p)
{
    const struct dp *dp = &p->validator->dp;
    const bool on_its_way = dp_slot(dp, p->me, dp->own_last) && !dp_avail_lead(dp, p->me, dp->own_last);
    return p->own.last_ns + (on_its_way ? COMPANY_INTERVALS : 1) * p->options.cluster->car_interval_ns;
}

uint64_t own_car_step(struct participant *p, uint64_t now_ns)
{
    struct own_cars *o = &p->own;
    if (o->awaited > 0 || o->unstored || o->flight_count == OWN_CARS_MAX || p->stopping ||
        !dp_may_make_car(&p->validator->dp, WIRE_CAR_BYTES_MAX))
        return UINT64_MAX;
    const uint64_t executable = sum(p, offsetof(struct shard_numbers, executable));
    if (executable == 0 && !empty_car_due(p))
        return UINT64_MAX;
    const uint64_t due = next_due(p);
    if (now_ns < due && !is_full(executable))
        return due;
    ask(p, now_ns);
    if (o->awaited == 0)
        finish(p);
    return UINT64_MAX;
}

static void keep_part(struct own_cars *o, unsigned stripe, const struct depot_stripe *part)
{
    const size_t before = o->parts[stripe].count;
    o->parts[stripe].count += part->count;
    o->parts[stripe].txs = realloc(o->parts[stripe].txs, o->parts[stripe].count * sizeof *part->txs);
    if (!o->parts[stripe].txs)
        abort();
    memcpy(o->parts[stripe].txs + before, part->txs, part->count * sizeof *part->txs);
}

// Their bodies are made by the stripes' own shards.
static void build_parts(struct participant *p)
{
    struct own_cars *o = &p->own;
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        if (o->parts[s].count == 0)
            continue;
        struct depot_call *c = depot_call_new(p->depots[depot_of_stripe(s, p->options.shard_count)], DEPOT_BUILD);
        c->stripe = s;
        c->txs = o->parts[s].txs;
        c->tx_count = o->parts[s].count;
        o->parts[s].txs = NULL;
        o->parts[s].count = 0;
        depot_post(c);
        o->awaited++;
    }
}

void own_car_made(struct participant *p, const struct depot_event *e)
{
    struct own_cars *o = &p->own;
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        if (!((e->mask >> s) & 1))
            continue;
        if (e->stripes[s].ref.txs == 0)
            keep_part(o, s, &e->stripes[s]);
        else
            o->car.stripes[s] = e->stripes[s].ref;
    }
    o->car.stripe_bitmap |= e->mask;
    if (--o->awaited > 0)
        return;
    build_parts(p);
    if (o->awaited == 0)
        finish(p);
}

void own_car_delivered(struct participant *p, const struct kept_block *b)
{
    struct own_cars *o = &p->own;
    for (unsigned i = 0; i < b->lane_count; i++) {
        const struct wire_cut_lane *l = &b->lanes[i];
        for (unsigned f = 0; f < o->flight_count && l->lane == p->me; f++) {
            const struct car_name *n = &o->flights[f].name;
            o->flights[f].ordered |=
                n->epoch == b->header.epoch && n->pos >= l->from_pos && n->pos < l->from_pos + l->count;
        }
    }
}

static void remove_flight(struct own_cars *o, unsigned f)
{
    o->flight_count--;
    memmove(&o->flights[f], &o->flights[f + 1], (o->flight_count - f) * sizeof o->flights[f]);
}

void own_car_executed(struct participant *p)
{
    struct own_cars *o = &p->own;
    for (unsigned f = 0; f < o->flight_count;) {
        const struct book_car *c = book_find(p->book, &o->flights[f].name);
        if (!o->flights[f].ordered || (c && c->lent)) {
            f++;
            continue;
        }
        tell_depots(p, DEPOT_LANDED, o->flights[f].number);
        remove_flight(o, f);
    }
}

void own_car_epoch_over(struct participant *p, uint64_t epoch)
{
    struct own_cars *o = &p->own;
    for (unsigned f = 0; f < o->flight_count;) {
        if (o->flights[f].ordered || o->flights[f].name.epoch > epoch) {
            f++;
            continue;
        }
        struct book_car *c = book_find(p->book, &o->flights[f].name);
        if (c)
            book_release(p->book, c);
        tell_depots(p, DEPOT_UNMAKE, o->flights[f].number);
        remove_flight(o, f);
    }
    o->unstored = false;
}
