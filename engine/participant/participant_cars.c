// Own cars: when one is begun, and what becomes of its transactions.
#include "engine/participant/participant_private.h"

#include "base/clock.h"

#include <stddef.h>
#include <stdlib.h>

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

static void ask(struct participant *p, uint64_t now_ns)
{
    struct own_car *o = &p->own;
    uint64_t wanted[SHARD_MAX], gas_max[SHARD_MAX], total = 0;
    for (unsigned s = 0; s < p->options.shard_count; s++) {
        wanted[s] = number(p, s, offsetof(struct shard_numbers, executable_gas));
        total += number(p, s, offsetof(struct shard_numbers, executable));
    }
    gas_share_out(&o->share, gas_max, wanted, p->options.shard_count, executor_head(p->executor)->gas_limit / p->n);
    const u256 base_fee = executor_next_base_fee(p->executor);
    o->last_ns = now_ns;
    o->car = (struct wire_car){.flags = held_back(p) ? WIRE_CAR_HELD_BACK : 0};
    for (unsigned s = 0; s < p->options.shard_count; s++) {
        const uint64_t executable = number(p, s, offsetof(struct shard_numbers, executable));
        if (executable == 0)
            continue;
        struct depot_call *c = depot_call_new(p->depots[s], DEPOT_MAKE);
        c->request.base_fee = base_fee;
        c->request.gas_max = gas_max[s];
        c->request.bytes_max = (uint64_t)((unsigned __int128)WIRE_CAR_BYTES_MAX * executable / total);
        depot_post(c);
        o->awaited++;
        o->asked.w[s / 64] |= 1ull << (s % 64);
    }
}

static void unmake(struct participant *p)
{
    for (unsigned s = 0; s < p->options.shard_count; s++) {
        struct depot_call *c = depot_call_new(p->depots[s], DEPOT_UNMAKE);
        c->proposed = (p->own.asked.w[s / 64] >> (s % 64)) & 1;
        depot_post(c);
    }
    p->own.asked = (struct book_shards){0};
    p->own.flying = false;
}

// All stripes are there.
static void finish(struct participant *p)
{
    struct own_car *o = &p->own;
    const bool says_held_back = o->car.flags & WIRE_CAR_HELD_BACK;
    if (o->car.stripe_bitmap == 0 && says_held_back == o->said_held_back) {
        unmake(p);
        return;
    }
    participant_open_turn(p);
    if (!dp_make_car(&p->validator->dp, &o->car)) {
        unmake(p);
        return;
    }
    o->said_held_back = says_held_back;
    o->name = (struct car_name){p->validator->ord.epoch, o->car.lane, o->car.pos, o->car.digest};
    o->flying = o->car.stripe_bitmap != 0;
    o->ordered = false;
    if (!o->flying)
        unmake(p);
}

uint64_t own_car_step(struct participant *p, uint64_t now_ns)
{
    struct own_car *o = &p->own;
    if (o->awaited > 0 || o->flying || p->stopping || !dp_may_make_car(&p->validator->dp, WIRE_CAR_BYTES_MAX))
        return UINT64_MAX;
    const bool any = sum(p, offsetof(struct shard_numbers, executable)) > 0;
    if (!any && held_back(p) == o->said_held_back)
        return UINT64_MAX;
    const uint64_t due = o->last_ns + p->options.cluster->car_interval_ns;
    if (now_ns < due)
        return due;
    ask(p, now_ns);
    if (o->awaited == 0)
        finish(p);
    return UINT64_MAX;
}

static void keep_part(struct own_car *o, unsigned stripe, const struct depot_stripe *part)
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
    struct own_car *o = &p->own;
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
    struct own_car *o = &p->own;
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
    struct own_car *o = &p->own;
    for (unsigned i = 0; i < b->lane_count && o->flying && b->header.epoch == o->name.epoch; i++) {
        const struct wire_cut_lane *l = &b->lanes[i];
        if (l->lane == p->me && o->name.pos >= l->from_pos && o->name.pos < l->from_pos + l->count)
            o->ordered = true;
    }
}

void own_car_executed(struct participant *p)
{
    if (p->own.flying && p->own.ordered && !book_find(p->book, &p->own.name)->lent) {
        p->own.flying = false;
        p->own.asked = (struct book_shards){0};
    }
}

void own_car_epoch_over(struct participant *p, uint64_t epoch)
{
    struct own_car *o = &p->own;
    o->said_held_back = false;
    if (!o->flying || o->ordered || o->name.epoch > epoch)
        return;
    struct book_car *c = book_find(p->book, &o->name);
    if (c)
        book_release(p->book, c);
    unmake(p);
}
