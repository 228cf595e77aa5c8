// A validator's store of cars: gathers stripes as the shards would, and keeps what is durable over a crash. Bytes are
// those of the messages, shared by all who hold them.
#include "engine/sim/sim_private.h"

#include <stdlib.h>

static size_t place(const struct sim_store *st, const struct car_name *name)
{
    return (size_t)(load_le64(name->digest.b) ^ name->pos * 0x9e3779b97f4a7c15u) & (st->cap - 1);
}

static bool same(const struct car_name *a, const struct car_name *b)
{
    return a->epoch == b->epoch && a->lane == b->lane && a->pos == b->pos && bytes32_equal(&a->digest, &b->digest);
}

struct stored_car *store_find(struct sim_store *st, const struct car_name *name)
{
    if (st->cap == 0)
        return NULL;
    for (size_t i = place(st, name); st->cars[i].used; i = (i + 1) & (st->cap - 1)) {
        if (same(&st->cars[i].name, name))
            return &st->cars[i];
    }
    return NULL;
}

static void insert(struct sim_store *st, const struct stored_car *car)
{
    size_t i = place(st, &car->name);
    while (st->cars[i].used)
        i = (i + 1) & (st->cap - 1);
    st->cars[i] = *car;
    st->count++;
}

// Moves the cars that are left to a table of this capacity.
static void rebuild(struct sim_store *st, size_t cap)
{
    struct stored_car *old = st->cars;
    const size_t old_cap = st->cap;
    st->cars = calloc(cap, sizeof *st->cars);
    if (!st->cars)
        abort();
    st->cap = cap;
    st->count = 0;
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i].used)
            insert(st, &old[i]);
    }
    free(old);
}

struct stored_car *store_add(struct sim_store *st, const struct car_name *name)
{
    if (2 * (st->count + 1) > st->cap)
        rebuild(st, st->cap == 0 ? 256 : 2 * st->cap);
    const struct stored_car car = {.used = true, .name = *name};
    insert(st, &car);
    return store_find(st, name);
}

static void release(struct stored_car *car)
{
    shared_bytes_unref(car->header);
    for (unsigned i = 0; i < WIRE_STRIPES; i++)
        shared_bytes_unref(car->stripes[i]);
    *car = (struct stored_car){0};
}

// True when the stripe is one that this car lacks.
bool store_take_stripe(struct sim_store *st, struct stored_car *car, uint64_t epoch, const struct wire_car_stripe *m,
                       struct shared_bytes *bytes, const struct vset *set)
{
    (void)st;
    static struct wire_message header;
    if (car->name.epoch != epoch || car->name.lane != m->lane || car->name.pos != m->pos ||
        !((car->missing >> m->stripe) & 1))
        return false;
    if (wire_decode(&header, bytes_of(car->header->bytes, car->header->len), &set->wire) != WIRE_OK ||
        !wire_stripe_matches(&header.car.stripes[m->stripe], m->body))
        return false;
    bytes->refs++;
    car->stripes[m->stripe] = bytes;
    car->missing &= (uint16_t) ~(1u << m->stripe);
    return true;
}

void store_keep_early(struct sim_store *st, struct shared_bytes *bytes)
{
    struct shared_bytes **slot = &st->early[st->early_next++ % SIM_EARLY_STRIPES];
    shared_bytes_unref(*slot);
    bytes->refs++;
    *slot = bytes;
}

void store_gathers(struct sim_store *st, const struct car_name *name)
{
    if (st->gathering_count == st->gathering_cap) {
        st->gathering_cap = st->gathering_cap == 0 ? 16 : 2 * st->gathering_cap;
        st->gathering = realloc(st->gathering, st->gathering_cap * sizeof *st->gathering);
        if (!st->gathering)
            abort();
    }
    st->gathering[st->gathering_count++] = *name;
}

static void clear_early(struct sim_store *st)
{
    st->gathering_count = 0;
    for (unsigned i = 0; i < SIM_EARLY_STRIPES; i++) {
        shared_bytes_unref(st->early[i]);
        st->early[i] = NULL;
    }
}

// What was being gathered is gone; what was being written may or may not have been.
void store_crash(struct sim_store *st, uint64_t *random)
{
    for (size_t i = 0; i < st->cap; i++) {
        struct stored_car *car = &st->cars[i];
        if (!car->used || car->durable)
            continue;
        if (car->gathering || car->missing != 0 || car->invalid || sim_chance(random, 500))
            release(car);
        else
            car->durable = true;
    }
    if (st->cap > 0)
        rebuild(st, st->cap);
    clear_early(st);
}

void store_free(struct sim_store *st)
{
    for (size_t i = 0; i < st->cap; i++) {
        if (st->cars[i].used)
            release(&st->cars[i]);
    }
    free(st->cars);
    clear_early(st);
    free(st->gathering);
    *st = (struct sim_store){0};
}
