#include "engine/cars/car_log_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define DEFAULT_SEGMENT_BYTES (64u << 20)
// Beyond this nothing more should be put until the disk has caught up.
#define QUEUE_BYTES_MAX (32u << 20)
// A list is written after so much log, where the options don't say, or so many cars.
#define INDEX_BYTES (16u << 20)
#define INDEX_CARS 16384u

// ---- the table of names

static uint32_t bucket_of(const struct car_log *l, const struct car_name *name)
{
    return (uint32_t)(load_le64(name->digest.b) * l->multiplier >> 32) & (l->bucket_count - 1);
}

static bool same_name(const struct car_name *a, const struct car_name *b)
{
    return a->epoch == b->epoch && a->lane == b->lane && a->pos == b->pos && bytes32_equal(&a->digest, &b->digest);
}

static void *grow(void *p, size_t bytes)
{
    void *grown = realloc(p, bytes);
    if (!grown)
        abort();
    return grown;
}

static void rehash(struct car_log *l)
{
    l->bucket_count = l->bucket_count ? 2 * l->bucket_count : 1024;
    l->buckets = grow(l->buckets, l->bucket_count * sizeof *l->buckets);
    memset(l->buckets, 0xff, l->bucket_count * sizeof *l->buckets);
    for (uint32_t i = 0; i < l->slot_count; i++) {
        if (!l->slots[i].used)
            continue;
        const uint32_t b = bucket_of(l, &l->slots[i].entry.name);
        l->slots[i].next = l->buckets[b];
        l->buckets[b] = i;
    }
}

static struct car_entry *find(const struct car_log *l, const struct car_name *name)
{
    if (l->bucket_count == 0)
        return NULL;
    for (uint32_t i = l->buckets[bucket_of(l, name)]; i != SLOT_NONE; i = l->slots[i].next) {
        if (same_name(&l->slots[i].entry.name, name))
            return &l->slots[i].entry;
    }
    return NULL;
}

struct car_entry *car_log_entry(struct car_log *l, const struct car_name *name)
{
    struct car_entry *e = find(l, name);
    if (e)
        return e;
    if (l->used >= l->bucket_count)
        rehash(l);
    uint32_t i = l->free_slot;
    if (i != SLOT_NONE) {
        l->free_slot = l->slots[i].next;
    } else {
        if (l->slot_count == l->slot_cap) {
            l->slot_cap = l->slot_cap ? 2 * l->slot_cap : 1024;
            l->slots = grow(l->slots, l->slot_cap * sizeof *l->slots);
        }
        i = l->slot_count++;
    }
    const uint32_t b = bucket_of(l, name);
    l->slots[i] = (struct slot){.entry = {.name = *name}, .used = true, .next = l->buckets[b]};
    l->buckets[b] = i;
    l->used++;
    return &l->slots[i].entry;
}

static void forget(struct car_log *l, uint32_t i)
{
    uint32_t *at = &l->buckets[bucket_of(l, &l->slots[i].entry.name)];
    while (*at != i)
        at = &l->slots[*at].next;
    *at = l->slots[i].next;
    l->slots[i].used = false;
    l->slots[i].next = l->free_slot;
    l->free_slot = i;
    l->used--;
}

const struct car_entry *car_log_find(const struct car_log *l, const struct car_name *name)
{
    return find(l, name);
}

void car_log_visit(const struct car_log *l, void (*visit)(void *ctx, const struct car_entry *e), void *ctx)
{
    for (uint32_t i = 0; i < l->slot_count; i++) {
        if (l->slots[i].used && l->slots[i].entry.durable)
            visit(ctx, &l->slots[i].entry);
    }
}

// ---- writing

static void note_waiting(struct car_log *l, size_t bytes, uint64_t now_ns)
{
    if (l->waiting_bytes == 0)
        l->oldest_ns = now_ns;
    l->waiting_bytes += bytes;
}

// Appends a record; its number, or 0 and the reason.
static uint64_t append(struct car_log *l, struct bytes record, uint64_t now_ns, enum car_put *why)
{
    const uint64_t number = blog_last(l->blog) + 1;
    *why = CAR_PUT_FULL;
    if (l->options.bytes_max != 0 && blog_bytes(l->blog) + l->waiting_bytes + record.len > l->options.bytes_max)
        return 0;
    *why = CAR_PUT_FAILED;
    if (blog_append(l->blog, number, record) != 0)
        return 0;
    note_waiting(l, record.len, now_ns);
    return number;
}

enum car_put car_log_put(struct car_log *l, const struct car_name *name, const struct wire_car *car, uint16_t stripes,
                         const struct bytes bodies[WIRE_STRIPES], bool acked, uint64_t now_ns)
{
    const struct car_entry *there = find(l, name);
    if (there && (stripes & ~there->stripes) == 0 && (there->acked || !acked))
        return CAR_PUT_THERE;
    enum car_put why;
    size_t len;
    uint8_t *record = car_record_make(&len, name, car, stripes, bodies, acked);
    const uint64_t number = append(l, bytes_of(record, len), now_ns, &why);
    free(record);
    if (number == 0)
        return why;
    *car_log_entry(l, name) = (struct car_entry){.name = *name, .stripes = stripes, .acked = acked, .record = number};
    *(struct pending_record *)fifo_add(&l->pending, sizeof(struct pending_record)) =
        (struct pending_record){number, *name};
    l->numbers.puts++;
    return CAR_PUT;
}

bool car_log_ready(const struct car_log *l)
{
    return l->waiting_bytes < QUEUE_BYTES_MAX || car_log_failed(l);
}

// ---- lists

static struct index_entry index_entry_of(const struct car_entry *e)
{
    return (struct index_entry){e->name.epoch,
                                e->name.lane,
                                e->name.pos,
                                e->name.digest,
                                e->stripes,
                                e->acked,
                                {e->record, e->place.segment, e->place.length, e->place.offset}};
}

static void keep_fresh(struct car_log *l, const struct car_entry *e)
{
    if (l->fresh_count == l->fresh_cap) {
        l->fresh_cap = l->fresh_cap ? 2 * l->fresh_cap : 256;
        l->fresh = grow(l->fresh, l->fresh_cap * sizeof *l->fresh);
    }
    l->fresh[l->fresh_count++] = index_entry_of(e);
    l->fresh_bytes += e->place.length;
}

// Lists what became durable since the last list. One at a time is under way: the next one names its place.
static void write_index(struct car_log *l, uint64_t now_ns)
{
    const struct index_head head = {CAR_RECORD_INDEX, l->indexed + 1, blog_durable(l->blog), l->index,
                                    (uint32_t)l->fresh_count};
    const size_t entries = l->fresh_count * sizeof *l->fresh;
    uint8_t *record = malloc(sizeof head + entries);
    enum car_put why;
    if (!record)
        abort();
    memcpy(record, &head, sizeof head);
    memcpy(record + sizeof head, l->fresh, entries);
    const uint64_t number = append(l, bytes_of(record, sizeof head + entries), now_ns, &why);
    free(record);
    if (number == 0)
        return; // what is there still counts; the list waits
    l->index_pending = number;
    l->indexed = head.to;
    l->fresh_count = 0;
    l->fresh_bytes = 0;
}

static struct record_place place_of(const struct car_log *l, uint64_t number)
{
    struct blog_place p;
    const bool known = blog_place(l->blog, number, &p); // it is in one of the two newest segments
    assert(known);
    (void)known;
    return (struct record_place){number, p.segment, p.length, p.offset};
}

// ---- completing

// A record that was put is durable.
static void record_durable(struct car_log *l, const struct pending_record *p)
{
    const struct record_place at = place_of(l, p->number);
    struct car_entry *e = find(l, &p->name);
    if (!e || e->record != p->number)
        return; // dropped, or put anew
    e->place = (struct blog_place){at.segment, at.length, at.offset};
    e->durable = true;
    keep_fresh(l, e);
    *(struct car_name *)fifo_add(&l->done, sizeof(struct car_name)) = p->name;
}

static void now_durable(struct car_log *l)
{
    const uint64_t durable = blog_durable(l->blog);
    while (l->pending.count > 0) {
        const struct pending_record *p = fifo_at(&l->pending, 0, sizeof *p);
        if (p->number > durable)
            break;
        record_durable(l, p);
        fifo_drop(&l->pending, 1);
    }
    if (l->index_pending != 0 && l->index_pending <= durable) {
        l->index = place_of(l, l->index_pending);
        l->index_pending = 0;
    }
}

static bool commit_is_due(const struct car_log *l, bool after_sync, uint64_t now_ns)
{
    return l->waiting_bytes > 0 &&
           (after_sync || l->waiting_bytes >= l->options.commit_bytes || now_ns - l->oldest_ns >= l->options.commit_ns);
}

uint64_t car_log_step(struct car_log *l, uint64_t now_ns)
{
    const bool flew = blog_in_flight(l->blog);
    if (blog_step(l->blog, false))
        now_durable(l);
    if (car_log_failed(l))
        return UINT64_MAX;
    if (l->index_pending == 0 && (l->fresh_bytes >= l->options.index_bytes || l->fresh_count >= INDEX_CARS))
        write_index(l, now_ns);
    if (blog_in_flight(l->blog))
        return UINT64_MAX;
    if (commit_is_due(l, flew, now_ns)) {
        l->waiting_bytes = 0;
        l->numbers.commits++;
        blog_flush(l->blog);
        return UINT64_MAX;
    }
    return l->waiting_bytes > 0 ? l->oldest_ns + l->options.commit_ns : UINT64_MAX;
}

bool car_log_take_durable(struct car_log *l, struct car_name *out)
{
    if (l->done.count == 0)
        return false;
    *out = *(const struct car_name *)fifo_at(&l->done, 0, sizeof *out);
    fifo_drop(&l->done, 1);
    return true;
}

bool car_log_in_flight(const struct car_log *l)
{
    return blog_in_flight(l->blog);
}

const char *car_log_failed(const struct car_log *l)
{
    return blog_failed(l->blog);
}

// ---- reading, letting go

bool car_log_read(struct car_log *l, struct car_record *out, const struct car_name *name, const struct wire_set *set,
                  char error[STORE_ERROR_MAX])
{
    const struct car_entry *e = find(l, name);
    if (!e || !e->durable)
        return store_fail(error, "the car of lane %u, position %u is not stored here", name->lane, name->pos);
    uint8_t *record = blog_read_at(l->blog, e->record, &e->place, error);
    if (!record)
        return false;
    if (car_record_decode(out, bytes_of(record, e->place.length), set) && same_name(&out->name, name)) {
        out->bytes = record;
        return true;
    }
    free(record);
    return store_fail(error, "the stored car of lane %u, position %u is not of this validator set", name->lane,
                      name->pos);
}

void car_log_drop(struct car_log *l, const struct car_name *name)
{
    if (l->bucket_count == 0)
        return;
    for (uint32_t i = l->buckets[bucket_of(l, name)]; i != SLOT_NONE; i = l->slots[i].next) {
        if (same_name(&l->slots[i].entry.name, name)) {
            forget(l, i);
            return;
        }
    }
}

void car_log_retain(struct car_log *l, uint64_t from_epoch)
{
    uint64_t first = blog_durable(l->blog) + 1;
    for (uint32_t i = 0; i < l->slot_count; i++) {
        if (!l->slots[i].used)
            continue;
        if (l->slots[i].entry.name.epoch < from_epoch)
            forget(l, i);
        else if (l->slots[i].entry.record < first)
            first = l->slots[i].entry.record;
    }
    blog_retain(l->blog, first);
}

struct car_log_numbers car_log_numbers(const struct car_log *l)
{
    struct car_log_numbers n = l->numbers;
    n.cars = l->used;
    n.bytes = blog_bytes(l->blog);
    return n;
}

// ---- life

struct car_log *car_log_open(struct disk *disk, const struct car_log_options *options, char error[STORE_ERROR_MAX])
{
    struct car_log *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->options = *options;
    if (l->options.index_bytes == 0)
        l->options.index_bytes = INDEX_BYTES;
    l->disk = disk;
    l->free_slot = SLOT_NONE;
    l->multiplier = disk->ops->salt(disk) | 1;
    const struct blog_options log = {
        .genesis_hash = options->genesis_hash,
        .segment_bytes = options->segment_bytes ? options->segment_bytes : DEFAULT_SEGMENT_BYTES,
        .verify_from = BLOG_VERIFY_NEWEST,
    };
    l->blog = blog_open(disk, &log, error);
    if (l->blog && car_log_restore(l, error))
        return l;
    car_log_close(l);
    return NULL;
}

void car_log_close(struct car_log *l)
{
    if (!l)
        return;
    if (l->blog)
        blog_close(l->blog);
    free(l->slots);
    free(l->buckets);
    free(l->pending.items);
    free(l->fresh);
    free(l->done.items);
    free(l);
}
