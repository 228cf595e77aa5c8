#include "shard/state/state.h"

#include "shard/state/history.h"
#include "shard/state/record_table.h"

#include <assert.h>

// Records ahead of the one at hand whose memory is asked for.
#define PREFETCH_AHEAD 8

struct id_list {
    uint32_t *ids;
    size_t count, capacity;
};

struct state {
    struct arena *arena;
    struct record_table records;
    struct history history;
    size_t existing;
    uint64_t height;       // last ended block
    uint64_t first_height; // where this state began
    bool open, loading;
    uint32_t block_start;                  // first pre-image of the open block, else of the last ended one
    uint32_t starts[STATE_HISTORY_BLOCKS]; // first pre-image of block h, at h mod STATE_HISTORY_BLOCKS
    struct id_list dirty;                  // since the last checkpoint
    struct id_list added;                  // records made in this block (or load)
};

struct state *state_create(struct arena *arena)
{
    struct state *s = arena_alloc_zero(arena, sizeof *s);
    s->arena = arena;
    record_table_init(&s->records, arena);
    history_init(&s->history, arena, 0);
    return s;
}

void state_free(struct state *s)
{
    if (!s)
        return;
    record_table_free(&s->records);
    history_free(&s->history);
    arena_free(s->arena, s->dirty.ids);
    arena_free(s->arena, s->added.ids);
    arena_free(s->arena, s);
}

static void id_list_push(struct arena *arena, struct id_list *list, uint32_t id)
{
    if (list->count == list->capacity) {
        list->capacity += list->capacity / 2 + 32;
        list->ids = arena_realloc(arena, list->ids, list->capacity * sizeof *list->ids);
    }
    list->ids[list->count++] = id;
}

static void id_list_release(struct arena *arena, struct id_list *list)
{
    arena_free(arena, list->ids);
    *list = (struct id_list){0};
}

static bool record_exists(const struct record *r)
{
    return r->nonce != 0 || !u256_is_zero(&r->balance);
}

size_t state_count(const struct state *s)
{
    return s->existing;
}

uint32_t state_find(const struct state *s, const bytes32 *key)
{
    uint32_t id = record_table_find(&s->records, key);
    return id != RECORD_NONE && record_exists(record_at(&s->records, id)) ? id : STATE_NONE;
}

uint32_t state_find_or_add(struct state *s, const bytes32 *key)
{
    uint32_t id = record_table_find(&s->records, key);
    if (id != RECORD_NONE)
        return id;
    assert(s->open || s->loading);
    id = record_table_add(&s->records, key);
    if (s->open)
        id_list_push(s->arena, &s->added, id);
    return id;
}

void state_prefetch(const struct state *s, const bytes32 *key)
{
    record_table_prefetch(&s->records, key);
}

const bytes32 *state_key(const struct state *s, uint32_t id)
{
    return &record_at(&s->records, id)->key;
}

struct account state_get(const struct state *s, uint32_t id)
{
    const struct record *r = record_at(&s->records, id);
    return (struct account){.nonce = r->nonce, .balance = r->balance};
}

bool state_exists(const struct state *s, uint32_t id)
{
    return record_exists(record_at(&s->records, id));
}

// A record that doesn't exist, that no kept height and no checkpoint needs, is given back.
static void reclaim_if_unused(struct state *s, uint32_t id)
{
    const struct record *r = record_at(&s->records, id);
    if (!record_exists(r) && !(r->flags & (RECORD_HAS_HISTORY | RECORD_DIRTY)))
        record_table_remove(&s->records, id);
}

static void keep_pre_image(struct state *s, uint32_t id, struct record *r)
{
    if ((r->flags & RECORD_HAS_HISTORY) && history_holds(&s->history, r->history, s->block_start))
        return;
    uint32_t number = history_append(&s->history);
    *history_at(&s->history, number) = (struct history_entry){
        .record = id,
        .previous = r->flags & RECORD_HAS_HISTORY ? r->history : number,
        .nonce = r->nonce,
        .balance = r->balance,
    };
    r->history = number;
    r->flags |= RECORD_HAS_HISTORY;
}

void state_set(struct state *s, uint32_t id, const struct account *value)
{
    assert(s->open);
    struct record *r = record_at(&s->records, id);
    if (r->nonce == value->nonce && u256_equal(&r->balance, &value->balance))
        return;
    keep_pre_image(s, id, r);
    s->existing -= record_exists(r);
    r->nonce = value->nonce;
    r->balance = value->balance;
    s->existing += record_exists(r);
    if (!(r->flags & RECORD_DIRTY)) {
        r->flags |= RECORD_DIRTY;
        id_list_push(s->arena, &s->dirty, id);
    }
}

void state_set_height(struct state *s, uint64_t height)
{
    assert(!s->open && history_count(&s->history) == 0);
    s->height = s->first_height = height;
}

uint64_t state_height(const struct state *s)
{
    return s->height;
}

void state_begin_block(struct state *s, uint64_t height)
{
    assert(!s->open && !s->loading && height == s->height + 1);
    s->open = true;
    s->block_start = s->history.next;
    s->starts[height % STATE_HISTORY_BLOCKS] = s->block_start;
}

// Forgets the pre-images before entry `first`.
static void drop_history(struct state *s, uint32_t first)
{
    struct history *h = &s->history;
    for (uint32_t n = h->oldest; n != first; n++) {
        uint32_t ahead = n + PREFETCH_AHEAD;
        if (history_holds(h, ahead, h->oldest))
            __builtin_prefetch(&record_at(&s->records, history_at(h, ahead)->record)->history, 1);
        uint32_t id = history_at(h, n)->record;
        struct record *r = record_at(&s->records, id);
        if (r->history == n) {
            r->flags &= ~RECORD_HAS_HISTORY;
            reclaim_if_unused(s, id);
        }
    }
    history_drop_before(h, first);
}

void state_end_block(struct state *s)
{
    assert(s->open);
    s->open = false;
    s->height++;
    // The oldest height to be answered needs the pre-images of the blocks after it.
    if (s->height - s->first_height >= STATE_HISTORY_BLOCKS) {
        uint64_t oldest_block = s->height - STATE_HISTORY_BLOCKS + 2;
        drop_history(s, s->starts[oldest_block % STATE_HISTORY_BLOCKS]);
    }
    for (size_t i = 0; i < s->added.count; i++)
        reclaim_if_unused(s, s->added.ids[i]);
    s->added.count = 0;
}

size_t state_changed_count(const struct state *s)
{
    return s->history.next - s->block_start;
}

uint32_t state_changed(const struct state *s, size_t i)
{
    assert(i < state_changed_count(s));
    return history_at(&s->history, s->block_start + (uint32_t)i)->record;
}

// Number of the first pre-image taken after block `height`; only for heights that are kept.
static uint32_t first_entry_after(const struct state *s, uint64_t height)
{
    if (height == s->height)
        return s->open ? s->block_start : s->history.next;
    return s->starts[(height + 1) % STATE_HISTORY_BLOCKS];
}

int state_get_at(const struct state *s, const bytes32 *key, uint64_t height, struct account *out)
{
    if (height < s->first_height || height > s->height || s->height - height >= STATE_HISTORY_BLOCKS)
        return -1;
    *out = (struct account){0};
    uint32_t id = record_table_find(&s->records, key);
    if (id == RECORD_NONE)
        return 0;
    const struct record *r = record_at(&s->records, id);
    *out = (struct account){.nonce = r->nonce, .balance = r->balance};
    if (r->flags & RECORD_HAS_HISTORY) {
        // The oldest pre-image after that block holds the value that the block left.
        uint32_t from = first_entry_after(s, height);
        for (uint32_t n = r->history; history_holds(&s->history, n, from);) {
            const struct history_entry *e = history_at(&s->history, n);
            *out = (struct account){.nonce = e->nonce, .balance = e->balance};
            if (e->previous == n)
                break;
            n = e->previous;
        }
    }
    return out->nonce != 0 || !u256_is_zero(&out->balance);
}

void state_load_begin(struct state *s, size_t expected)
{
    assert(!s->open && !s->loading);
    s->loading = true;
    record_table_reserve(&s->records, expected);
}

void state_load(struct state *s, const bytes32 *key, const struct account *value)
{
    assert(s->loading);
    uint32_t id = state_find_or_add(s, key);
    struct record *r = record_at(&s->records, id);
    s->existing -= record_exists(r);
    r->nonce = value->nonce;
    r->balance = value->balance;
    s->existing += record_exists(r);
    if (!record_exists(r))
        reclaim_if_unused(s, id);
}

void state_load_end(struct state *s)
{
    assert(s->loading);
    s->loading = false;
}

size_t state_dirty_count(const struct state *s)
{
    return s->dirty.count;
}

size_t state_checkpoint_take(struct state *s, struct state_dirty *out, size_t max)
{
    assert(!s->open);
    size_t taken = 0;
    for (; taken < max && s->dirty.count > 0; taken++) {
        if (s->dirty.count > PREFETCH_AHEAD)
            record_prefetch(record_at(&s->records, s->dirty.ids[s->dirty.count - 1 - PREFETCH_AHEAD]));
        uint32_t id = s->dirty.ids[--s->dirty.count];
        struct record *r = record_at(&s->records, id);
        out[taken] = (struct state_dirty){
            .key = r->key,
            .exists = record_exists(r),
            .account = {.nonce = r->nonce, .balance = r->balance},
        };
        r->flags &= ~RECORD_DIRTY;
        reclaim_if_unused(s, id);
    }
    if (s->dirty.count == 0)
        id_list_release(s->arena, &s->dirty);
    return taken;
}

void state_visit(const struct state *s, bool (*visit)(void *ctx, uint32_t id), void *ctx)
{
    for (uint32_t id = 0; id < s->records.given; id++) {
        if (state_exists(s, id) && !visit(ctx, id))
            return;
    }
}
