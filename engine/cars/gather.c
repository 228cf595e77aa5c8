#include "engine/cars/gather_private.h"

#include <assert.h>
#include <stdlib.h>

// Stripes are checked together until there are so many transactions.
#define CHECK_TXS 1024u
#define CHECK_STRIPES_MAX 256u

uint16_t gather_stripes_of(unsigned shard, unsigned shard_count)
{
    uint16_t mask = 0;
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        if (partition_owner(s * WIRE_PARTITIONS_PER_STRIPE, shard_count) == shard)
            mask |= (uint16_t)(1u << s);
    }
    return mask;
}

bool gather_has_part(unsigned shard, unsigned shard_count, const struct wire_car *car)
{
    return (car->stripe_bitmap & gather_stripes_of(shard, shard_count)) != 0 || (car->stripe_bitmap == 0 && shard == 0);
}

static bool same_name(const struct car_name *a, const struct car_name *b)
{
    return a->epoch == b->epoch && a->lane == b->lane && a->pos == b->pos && bytes32_equal(&a->digest, &b->digest);
}

static void *allocate(size_t bytes)
{
    void *p = calloc(1, bytes);
    if (!p)
        abort();
    return p;
}

// ---- what is pending

static struct pending *pending_of(const struct gather *g, const struct car_name *name)
{
    for (struct pending *p = *gather_bucket((struct gather *)g, name->lane, name->pos); p; p = p->next) {
        if (same_name(&p->part.name, name))
            return p;
    }
    return NULL;
}

const struct car_part *gather_find(const struct gather *g, const struct car_name *name)
{
    const struct pending *p = pending_of(g, name);
    return p ? &p->part : NULL;
}

static struct pending *pending_new(struct gather *g, const struct car_name *name, const struct wire_car *car, bool ack)
{
    struct pending *p = allocate(sizeof *p), **bucket = gather_bucket(g, name->lane, name->pos);
    p->part.name = *name;
    p->part.car = *car;
    p->part.stripes = car->stripe_bitmap & g->own_stripes;
    p->part.ack = ack;
    p->part.own = name->lane == g->options.me;
    p->missing = p->unchecked = p->part.stripes;
    p->next = *bucket;
    *bucket = p;
    g->numbers.wanted++;
    return p;
}

static void free_pending(struct pending *p)
{
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        stripe_free(p->stripes[s]);
        free(p->bodies[s].memory);
        free(p->own[s]);
    }
    free(p->record);
    free(p);
}

// Takes p out of the queues that name it.
static void unqueue(struct gather *g, const struct pending *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->checks.count; i++) {
        const struct check *c = fifo_at(&g->checks, i, sizeof *c);
        if (c->pending != p)
            *(struct check *)fifo_at(&g->checks, kept++, sizeof *c) = *c;
    }
    g->checks.count = kept;
    kept = 0;
    for (size_t i = 0; i < g->reports.count; i++) {
        const struct part_report *r = fifo_at(&g->reports, i, sizeof *r);
        if (r->part != &p->part)
            *(struct part_report *)fifo_at(&g->reports, kept++, sizeof *r) = *r;
    }
    g->reports.count = kept;
    struct pending **at = &g->put_first;
    while (*at && *at != p)
        at = &(*at)->next_put;
    if (*at) {
        *at = p->next_put;
        if (g->put_last == &p->next_put)
            g->put_last = at;
    }
}

static void drop(struct gather *g, struct pending **at)
{
    struct pending *p = *at;
    *at = p->next;
    g->numbers.wanted--;
    unqueue(g, p);
    free_pending(p);
}

void gather_release(struct gather *g, const struct car_name *name)
{
    struct pending **at = gather_bucket(g, name->lane, name->pos);
    while (*at && !same_name(&(*at)->part.name, name))
        at = &(*at)->next;
    if (*at)
        drop(g, at);
}

void gather_drop_earlier(struct gather *g)
{
    for (unsigned b = 0; b < GATHER_BUCKETS; b++) {
        for (struct pending **at = &g->buckets[b]; *at;) {
            if ((*at)->state == PENDING_BODIES && (*at)->part.name.epoch < g->epoch)
                drop(g, at);
            else
                at = &(*at)->next;
        }
    }
}

// ---- reports

static void report(struct gather *g, const struct part_report *r)
{
    *(struct part_report *)fifo_add(&g->reports, sizeof *r) = *r;
}

bool gather_take(struct gather *g, struct part_report *out)
{
    if (g->reports.count == 0)
        return false;
    *out = *(const struct part_report *)fifo_at(&g->reports, 0, sizeof *out);
    fifo_drop(&g->reports, 1);
    return true;
}

static void done(struct gather *g, struct pending *p)
{
    p->state = PENDING_DONE;
    report(g, &(struct part_report){.status = PART_STORED, .part = &p->part});
}

static void refuse(struct gather *g, struct pending *p, const char *why)
{
    p->state = PENDING_DONE;
    report(g, &(struct part_report){.status = PART_REFUSED, .part = &p->part, .why = why});
}

static void invalid(struct gather *g, struct pending *p, unsigned stripe, const struct stripe_verdict *verdict)
{
    p->state = PENDING_INVALID;
    g->numbers.invalid++;
    g->doubtful[p->part.name.lane] = true;
    report(g, &(struct part_report){.status = PART_INVALID,
                                    .part = &p->part,
                                    .stripe = stripe,
                                    .body = p->bodies[stripe].bytes,
                                    .verdict = *verdict});
}

// ---- own cars

static void clear_made(struct made *m)
{
    free(m->body);
    free(m->txs);
    *m = (struct made){0};
}

bool gather_make(struct gather *g, unsigned stripe, const struct exec_tx *txs, size_t count,
                 struct wire_stripe_ref *ref)
{
    struct made *m = &g->made[stripe];
    clear_made(m);
    m->body = stripe_build(&m->ref, txs, count);
    if (!m->body)
        return false;
    m->txs = allocate(count * sizeof *txs);
    memcpy(m->txs, txs, count * sizeof *txs);
    *ref = m->ref;
    return true;
}

void gather_unmake(struct gather *g)
{
    for (unsigned s = 0; s < WIRE_STRIPES; s++)
        clear_made(&g->made[s]);
}

static bool was_made(const struct gather *g, const struct pending *p)
{
    bool all = p->part.own && p->part.stripes != 0;
    for (unsigned s = 0; s < WIRE_STRIPES && all; s++) {
        if (p->part.stripes >> s & 1)
            all = g->made[s].body && memcmp(&g->made[s].ref, &p->part.car.stripes[s], sizeof g->made[s].ref) == 0;
    }
    return all;
}

static void take_made(struct gather *g, struct pending *p)
{
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        struct made *m = &g->made[s];
        if (!(p->part.stripes >> s & 1))
            continue;
        p->bodies[s] = (struct kept_bytes){bytes_of(m->body, m->ref.bytes), m->body};
        p->own[s] = m->txs;
        p->part.bodies[s] = p->bodies[s].bytes;
        p->part.txs[s] = m->txs;
        p->part.counts[s] = m->ref.txs;
        *m = (struct made){0};
    }
    p->missing = p->unchecked = 0;
}

// ---- storing

static void wait_for_log(struct gather *g, struct pending *p)
{
    p->state = PENDING_LOG;
    p->next_put = NULL;
    *g->put_last = p;
    g->put_last = &p->next_put;
}

static void put(struct gather *g, struct pending *p, uint64_t now_ns)
{
    const struct car_part *part = &p->part;
    const char *failed = car_log_failed(g->options.log);
    p->state = PENDING_DISK;
    switch (car_log_put(g->options.log, &part->name, &part->car, part->stripes, part->bodies, part->ack, now_ns)) {
    case CAR_PUT:
        break;
    case CAR_PUT_THERE: // perhaps on its way only: then its completion tells
        if (car_log_find(g->options.log, &part->name)->durable)
            done(g, p);
        break;
    case CAR_PUT_FULL:
        refuse(g, p, "the car store has reached its bound; raise it, or free space");
        break;
    case CAR_PUT_FAILED:
        refuse(g, p, failed ? failed : "the car store takes no more");
        break;
    }
}

static void put_waiting(struct gather *g, uint64_t now_ns)
{
    while (g->put_first && car_log_ready(g->options.log)) {
        struct pending *p = g->put_first;
        g->put_first = p->next_put;
        if (!g->put_first)
            g->put_last = &g->put_first;
        put(g, p, now_ns);
    }
}

static void take_durable(struct gather *g)
{
    struct car_name name;
    while (car_log_take_durable(g->options.log, &name)) {
        struct pending *p = pending_of(g, &name);
        if (p && p->state == PENDING_DISK)
            done(g, p);
    }
}

// ---- checking

static void use_stripe(struct pending *p, struct stripe *s)
{
    p->stripes[s->index] = s;
    p->part.txs[s->index] = s->execs;
    p->part.counts[s->index] = s->count;
    p->unchecked &= (uint16_t) ~(1u << s->index);
}

void gather_take_body(struct gather *g, struct pending *p, unsigned stripe, struct kept_bytes body)
{
    p->bodies[stripe] = body;
    p->part.bodies[stripe] = body.bytes;
    p->missing &= (uint16_t) ~(1u << stripe);
    // A car's stripes are checked together: one batch costs less than several.
    for (unsigned s = 0; s < WIRE_STRIPES && p->missing == 0; s++) {
        if (p->part.stripes >> s & 1)
            *(struct check *)fifo_add(&g->checks, sizeof(struct check)) = (struct check){p, s};
    }
}

// Decodes the next stripe of the queue; NULL when it is invalid, or its car is already.
static struct stripe *next_stripe(struct gather *g, struct pending **of)
{
    const struct check c = *(const struct check *)fifo_at(&g->checks, 0, sizeof c);
    struct stripe_verdict verdict;
    fifo_drop(&g->checks, 1);
    *of = c.pending;
    if (c.pending->state != PENDING_BODIES)
        return NULL;
    struct stripe *s = stripe_decode(&verdict, c.pending->bodies[c.stripe].bytes, c.stripe,
                                     &c.pending->part.car.stripes[c.stripe], &g->options.rules);
    if (!s)
        invalid(g, c.pending, c.stripe, &verdict);
    return s;
}

static void judge(struct gather *g, struct pending *p, struct stripe *s)
{
    if (p->state != PENDING_BODIES) { // another of its stripes was invalid
        stripe_free(s);
        return;
    }
    if (s->verdict.fault != STRIPE_OK) {
        invalid(g, p, s->index, &s->verdict);
        stripe_free(s);
        return;
    }
    use_stripe(p, s);
    if (p->unchecked == 0) {
        g->doubtful[p->part.name.lane] = false;
        wait_for_log(g, p);
    }
}

// Whole stripes from the front of the queue, those of doubtful lanes by themselves.
static void check(struct gather *g)
{
    struct stripe *stripes[2][CHECK_STRIPES_MAX];
    struct pending *of[2][CHECK_STRIPES_MAX];
    size_t count[2] = {0, 0}, txs = 0;
    while (g->checks.count > 0 && txs < CHECK_TXS && count[0] < CHECK_STRIPES_MAX && count[1] < CHECK_STRIPES_MAX) {
        struct pending *p;
        struct stripe *s = next_stripe(g, &p);
        if (!s)
            continue;
        const unsigned doubtful = g->doubtful[p->part.name.lane];
        of[doubtful][count[doubtful]] = p;
        stripes[doubtful][count[doubtful]++] = s;
        txs += s->count;
    }
    if (g->options.stages)
        stage_items(g->options.stages, STAGE_VERIFY, txs);
    for (unsigned doubtful = 0; doubtful < 2; doubtful++) {
        if (count[doubtful] > 0)
            stripe_check_run(g->check, stripes[doubtful], count[doubtful], doubtful);
        for (size_t i = 0; i < count[doubtful]; i++)
            judge(g, of[doubtful][i], stripes[doubtful][i]);
    }
}

// Time from now on belongs to this stage; returns the one before.
static enum stage enter(const struct gather *g, enum stage stage)
{
    return g->options.stages ? stage_enter(g->options.stages, stage) : stage;
}

bool gather_step(struct gather *g, uint64_t now_ns, uint64_t *next)
{
    const enum stage before = enter(g, STAGE_VERIFY);
    check(g);
    enter(g, STAGE_STORE);
    put_waiting(g, now_ns);
    *next = car_log_step(g->options.log, now_ns);
    take_durable(g);
    put_waiting(g, now_ns);
    enter(g, before);
    return g->checks.count > 0;
}

// ---- what is stored already

// Gives p the bodies of its record, and their transactions. False with a message.
static bool use_record(struct gather *g, struct pending *p, struct car_record *r, char error[STORE_ERROR_MAX])
{
    p->record = r->bytes;
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        if (!(p->part.stripes >> s & 1))
            continue;
        struct stripe *stripe = stripe_of_stored(r->bodies[s], s, &g->options.rules);
        if (!stripe)
            return store_fail(error, "the stored car of lane %u, position %u does not decode", r->name.lane,
                              r->name.pos);
        p->part.bodies[s] = r->bodies[s];
        use_stripe(p, stripe);
    }
    p->missing = 0;
    return true;
}

static struct pending *load(struct gather *g, const struct car_name *name, bool ack, char error[STORE_ERROR_MAX])
{
    struct car_record r;
    if (!car_log_read(g->options.log, &r, name, g->options.set, error))
        return NULL;
    struct pending *p = pending_new(g, name, &r.car, ack);
    if ((p->part.stripes & ~r.stripes) != 0) {
        car_record_free(&r);
        gather_release(g, name);
        store_fail(error, "the stored car of lane %u, position %u lacks stripes of this shard", name->lane, name->pos);
        return NULL;
    }
    if (use_record(g, p, &r, error)) {
        if (!r.acked && ack)
            wait_for_log(g, p);
        else
            p->state = PENDING_DONE;
        return p;
    }
    gather_release(g, name);
    return NULL;
}

const struct car_part *gather_load(struct gather *g, const struct car_name *name, char error[STORE_ERROR_MAX])
{
    const struct pending *there = pending_of(g, name);
    if (there && there->state == PENDING_DONE)
        return &there->part;
    if (there) {
        store_fail(error, "the car of lane %u, position %u is still being gathered", name->lane, name->pos);
        return NULL;
    }
    const struct pending *p = load(g, name, false, error);
    return p ? &p->part : NULL;
}

void gather_want(struct gather *g, const struct car_name *name, const struct wire_car *car, bool ack)
{
    char error[STORE_ERROR_MAX];
    if (pending_of(g, name))
        return;
    const struct car_entry *e = car_log_find(g->options.log, name);
    struct pending *p = NULL;
    if (e && e->durable && (car->stripe_bitmap & g->own_stripes & ~e->stripes) == 0)
        p = load(g, name, ack, error);
    if (e && e->durable && !p)
        car_log_drop(g->options.log, name); // it can't be read, or lacks something
    if (p) {
        if (p->state == PENDING_DONE)
            done(g, p);
        return;
    }
    p = pending_new(g, name, car, ack);
    if (was_made(g, p))
        take_made(g, p);
    if (p->unchecked == 0)
        wait_for_log(g, p);
    else
        gather_use_early(g, p);
}

// ---- life

struct gather *gather_create(const struct gather_options *options)
{
    struct gather *g = allocate(sizeof *g);
    g->options = *options;
    g->own_stripes = gather_stripes_of(options->shard, options->shard_count);
    g->put_last = &g->put_first;
    g->early = allocate((options->peers ? options->peers : 1) * sizeof *g->early);
    g->check = stripe_check_create(options->arena);
    if (!g->check)
        abort();
    return g;
}

void gather_free(struct gather *g)
{
    if (!g)
        return;
    gather_drop_early(g);
    gather_unmake(g);
    for (unsigned b = 0; b < GATHER_BUCKETS; b++) {
        while (g->buckets[b])
            drop(g, &g->buckets[b]);
    }
    stripe_check_free(g->check);
    free(g->early);
    free(g->checks.items);
    free(g->reports.items);
    free(g);
}

struct gather_numbers gather_numbers(const struct gather *g)
{
    return g->numbers;
}
