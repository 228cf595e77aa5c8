#include "engine/cars/book.h"

#include "engine/cars/gather.h"

#include <stdlib.h>

#define BUCKETS 8192u // a power of two

struct book {
    struct depot *const *depots;
    unsigned shard_count;
    struct book_car *buckets[BUCKETS];
};

static void add(struct book_shards *m, unsigned shard)
{
    m->w[shard / 64] |= 1ull << (shard % 64);
}

static bool has(const struct book_shards *m, unsigned shard)
{
    return (m->w[shard / 64] >> (shard % 64)) & 1;
}

static bool covers(const struct book_shards *all, const struct book_shards *some)
{
    for (unsigned i = 0; i < SHARD_MAX / 64; i++) {
        if (some->w[i] & ~all->w[i])
            return false;
    }
    return true;
}

struct book *book_create(struct depot *const *depots, unsigned shard_count)
{
    struct book *b = calloc(1, sizeof *b);
    if (!b)
        abort();
    b->depots = depots;
    b->shard_count = shard_count;
    return b;
}

static void free_car(struct book_car *c)
{
    free(c->car);
    free(c);
}

void book_free(struct book *b)
{
    if (!b)
        return;
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct book_car *c = b->buckets[i], *next; c; c = next) {
            next = c->next;
            free_car(c);
        }
    }
    free(b);
}

static struct book_car **bucket(const struct book *b, const struct car_name *name)
{
    return (struct book_car **)&b->buckets[load_le64(name->digest.b) & (BUCKETS - 1)];
}

struct book_car *book_find(const struct book *b, const struct car_name *name)
{
    for (struct book_car *c = *bucket(b, name); c; c = c->next) {
        if (c->name.epoch == name->epoch && c->name.lane == name->lane && c->name.pos == name->pos &&
            bytes32_equal(&c->name.digest, &name->digest))
            return c;
    }
    return NULL;
}

bool book_has(const struct book *b, const struct car_name *name)
{
    const struct book_car *c = book_find(b, name);
    return c && c->stored && !c->invalid;
}

static struct book_car *insert(struct book *b, const struct car_name *name)
{
    struct book_car *c = calloc(1, sizeof *c), **at = bucket(b, name);
    if (!c)
        abort();
    c->name = *name;
    c->acked = true;
    c->next = *at;
    return *at = c;
}

static void take_header(struct book *b, struct book_car *c, const struct wire_car *car)
{
    if (!c->car && !(c->car = malloc(sizeof *c->car)))
        abort();
    *c->car = *car;
    c->stripes = car->stripe_bitmap;
    c->parts = (struct book_shards){0};
    for (unsigned s = 0; s < b->shard_count; s++) {
        if (gather_has_part(s, b->shard_count, car))
            add(&c->parts, s);
    }
}

// ---- starting

void book_add_stored(struct book *b, unsigned shard, const struct car_entry *e)
{
    struct book_car *c = book_find(b, &e->name);
    if (!c)
        c = insert(b, &e->name);
    c->stored = true;
    c->acked &= e->acked;
    c->stripes |= e->stripes;
    add(&c->parts, shard);
    add(&c->said, shard);
}

bool book_complete(struct book *b, struct book_car *c, const struct wire_car *car)
{
    take_header(b, c, car);
    c->stored = covers(&c->said, &c->parts);
    c->acked &= c->stored;
    return c->stored;
}

// ---- storing and loading

void book_post(const struct book *b, const struct book_car *c, const struct depot_call *like)
{
    bool want_header = like->want_header; // from one of them
    for (unsigned s = 0; s < b->shard_count; s++) {
        if (!has(&c->parts, s))
            continue;
        struct depot_call *call = depot_call_new(b->depots[s], like->ask);
        call->name = c->name;
        call->ack = like->ack;
        call->to = like->to;
        call->mask = like->mask;
        call->peer = like->peer;
        call->want_header = want_header;
        want_header = false;
        if (like->ask == DEPOT_STORE)
            call->car = *c->car;
        depot_post(call);
    }
}

bool book_store(struct book *b, const struct car_name *name, const struct wire_car *car, bool ack)
{
    struct book_car *c = book_find(b, name);
    if (c && (c->stored || c->invalid))
        return c->stored;
    if (!c)
        c = insert(b, name);
    take_header(b, c, car);
    book_post(b, c, &(struct depot_call){.ask = DEPOT_STORE, .ack = ack});
    return false;
}

static void borrow(struct book_car *c, const struct depot_event *e)
{
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        if (!((e->mask >> s) & 1) || !e->stripes[s].txs)
            continue;
        c->stripe[s] = e->stripes[s];
        c->lent |= (uint16_t)(1u << s);
    }
}

struct book_car *book_event(struct book *b, const struct depot_event *e)
{
    struct book_car *c = book_find(b, &e->name);
    if (!c) {
        // Forgotten meanwhile.
        struct depot_call *call = depot_call_new(b->depots[e->shard], DEPOT_RELEASE);
        call->name = e->name;
        depot_post(call);
        return NULL;
    }
    if (e->kind == DEPOT_INVALID) {
        const bool first = !c->invalid;
        c->invalid = true;
        return first ? c : NULL;
    }
    borrow(c, e);
    if (e->kind == DEPOT_LOADED) {
        c->loading &= (c->lent & c->stripes) != c->stripes;
        return c->loading ? NULL : c;
    }
    add(&c->said, e->shard);
    c->acked &= e->acked;
    if (c->stored || c->invalid || !covers(&c->said, &c->parts))
        return NULL;
    c->stored = true;
    return c;
}

bool book_load(struct book *b, struct book_car *c)
{
    if ((c->lent & c->stripes) == c->stripes)
        return true;
    if (!c->loading)
        book_post(b, c, &(struct depot_call){.ask = DEPOT_LOAD});
    c->loading = true;
    return false;
}

void book_release(struct book *b, struct book_car *c)
{
    c->lent = 0;
    c->loading = false;
    book_post(b, c, &(struct depot_call){.ask = DEPOT_RELEASE});
}

void book_forget(struct book *b, uint64_t from_epoch)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct book_car **at = &b->buckets[i]; *at;) {
            struct book_car *c = *at;
            if (c->name.epoch >= from_epoch) {
                at = &c->next;
                continue;
            }
            book_release(b, c);
            *at = c->next;
            free_car(c);
        }
    }
    for (unsigned s = 0; s < b->shard_count; s++) {
        struct depot_call *call = depot_call_new(b->depots[s], DEPOT_FORGET);
        call->name.epoch = from_epoch;
        depot_post(call);
    }
}
