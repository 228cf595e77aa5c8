#include "shard/state/state_private.h"

#include "base/keccak.h"

struct state *state_create(struct arena *arena)
{
    static const struct record_shape shape = {sizeof(struct record), sizeof(struct record), ACCOUNT_ID_BITS, false};
    struct state *s = arena_alloc_zero(arena, sizeof *s);
    s->arena = arena;
    record_table_init(&s->records, arena, &shape);
    history_init(&s->history, arena, sizeof(struct account_image), 0);
    storage_init(s);
    return s;
}

void state_free(struct state *s)
{
    if (!s)
        return;
    storage_free(s);
    record_table_free(&s->records);
    history_free(&s->history);
    arena_free(s->arena, s->dirty.ids);
    arena_free(s->arena, s->added.ids);
    arena_free(s->arena, s);
}

void state_use_codes(struct state *s, struct codes *codes)
{
    assert(s->contract_count == 0);
    s->codes = codes;
}

void id_list_push(struct arena *arena, struct id_list *list, uint32_t id)
{
    if (list->count == list->capacity) {
        list->capacity += list->capacity / 2 + 32;
        list->ids = arena_realloc(arena, list->ids, list->capacity * sizeof *list->ids);
    }
    list->ids[list->count++] = id;
}

void id_list_release(struct arena *arena, struct id_list *list)
{
    arena_free(arena, list->ids);
    *list = (struct id_list){0};
}

size_t state_count(const struct state *s)
{
    return s->existing;
}

uint32_t state_find(const struct state *s, const bytes32 *key)
{
    uint32_t id = record_table_find(&s->records, key, 0);
    return id != RECORD_NONE && record_exists(account_record(s, id)) ? id : STATE_NONE;
}

uint32_t state_find_or_add(struct state *s, const bytes32 *key)
{
    uint32_t id = record_table_find(&s->records, key, 0);
    if (id != RECORD_NONE)
        return id;
    assert(s->open || s->loading);
    id = record_table_add(&s->records, key, CONTRACT_NONE);
    if (s->open)
        id_list_push(s->arena, &s->added, id);
    return id;
}

void state_prefetch(const struct state *s, const bytes32 *key)
{
    record_table_prefetch(&s->records, key, 0);
}

void state_prefetch_way(const struct state *s, const bytes32 *key)
{
    record_table_prefetch_way(&s->records, key, 0);
}

const bytes32 *state_key(const struct state *s, uint32_t id)
{
    return &account_record(s, id)->head.key;
}

struct account state_get(const struct state *s, uint32_t id)
{
    const struct record *r = account_record(s, id);
    return (struct account){.nonce = r->nonce, .balance = r->balance};
}

bool state_exists(const struct state *s, uint32_t id)
{
    return record_exists(account_record(s, id));
}

void state_reclaim_account(struct state *s, uint32_t id)
{
    struct record *r = account_record(s, id);
    if (r->head.contract != CONTRACT_NONE)
        storage_reclaim_contract(s, r);
    if (!record_exists(r) && !(r->head.flags & (RECORD_HAS_HISTORY | RECORD_DIRTY)) &&
        r->head.contract == CONTRACT_NONE)
        record_table_remove(&s->records, id);
}

void state_touch_account(struct state *s, uint32_t id, struct record *r)
{
    assert(s->open);
    uint32_t newest = r->head.history;
    struct account_image *image = history_keep(&s->history, id, r->head.flags & RECORD_HAS_HISTORY, &newest);
    if (image) {
        image->nonce = r->nonce;
        image->balance = r->balance;
        r->head.history = newest;
        r->head.flags |= RECORD_HAS_HISTORY;
    }
    if (!(r->head.flags & RECORD_DIRTY)) {
        r->head.flags |= RECORD_DIRTY;
        id_list_push(s->arena, &s->dirty, id);
    }
}

void state_set(struct state *s, uint32_t id, const struct account *value)
{
    struct record *r = account_record(s, id);
    if (r->nonce == value->nonce && u256_equal(&r->balance, &value->balance))
        return;
    const bool existed = record_exists(r);
    state_touch_account(s, id, r);
    r->nonce = value->nonce;
    r->balance = value->balance;
    const bool exists = record_exists(r);
    s->existing += (size_t)exists - existed;
    if (!exists && r->head.contract != CONTRACT_NONE)
        storage_clear(s, id);
}

void state_remove(struct state *s, uint32_t id)
{
    state_set(s, id, &(struct account){0});
    state_set_code(s, id, &KECCAK256_EMPTY);
}

void state_set_height(struct state *s, uint64_t height)
{
    assert(!s->open && history_count(&s->history) == 0);
    s->height = s->first_height = s->roots_since = height;
}

uint64_t state_height(const struct state *s)
{
    return s->height;
}

void state_begin_block(struct state *s, uint64_t height)
{
    assert(!s->open && !s->loading && height == s->height + 1);
    s->open = true;
    history_begin_block(&s->history, height);
    storage_begin_block(s, height);
}

// Forgets the pre-images before entry `first`.
static void drop_history(struct state *s, uint32_t first)
{
    struct history *h = &s->history;
    for (uint32_t n = h->oldest; n != first; n++) {
        uint32_t ahead = n + PREFETCH_AHEAD;
        if (history_holds(h, ahead, h->oldest)) {
            const struct history_entry *next = history_at(h, ahead);
            __builtin_prefetch(&account_record(s, next->record)->head.history, 1);
        }
        uint32_t id = ((const struct history_entry *)history_at(h, n))->record;
        struct record *r = account_record(s, id);
        if (r->head.history == n) {
            r->head.flags &= ~RECORD_HAS_HISTORY;
            state_reclaim_account(s, id);
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
        const uint64_t oldest = s->height - STATE_HISTORY_BLOCKS + 2;
        storage_drop_history(s, oldest);
        drop_history(s, s->history.starts[oldest % STATE_HISTORY_BLOCKS]);
    }
    for (size_t i = 0; i < s->added.count; i++)
        state_reclaim_account(s, s->added.ids[i]);
    s->added.count = 0;
}

size_t state_changed_count(const struct state *s)
{
    return s->history.next - s->history.block_start;
}

uint32_t state_changed(const struct state *s, size_t i)
{
    assert(i < state_changed_count(s));
    const struct history_entry *e = history_at(&s->history, s->history.block_start + (uint32_t)i);
    return e->record;
}

uint32_t state_first_after(const struct state *s, const struct history *h, uint64_t height)
{
    if (height == s->height)
        return s->open ? h->block_start : h->next;
    return h->starts[(height + 1) % STATE_HISTORY_BLOCKS];
}

bool state_keeps_height(const struct state *s, uint64_t height)
{
    return height >= s->first_height && height <= s->height && s->height - height < STATE_HISTORY_BLOCKS;
}

int state_get_at(const struct state *s, const bytes32 *key, uint64_t height, struct account *out)
{
    if (!state_keeps_height(s, height))
        return -1;
    *out = (struct account){0};
    uint32_t id = record_table_find(&s->records, key, 0);
    if (id == RECORD_NONE)
        return 0;
    const struct record *r = account_record(s, id);
    *out = (struct account){.nonce = r->nonce, .balance = r->balance};
    if (r->head.flags & RECORD_HAS_HISTORY) {
        const struct account_image *image =
            history_find(&s->history, r->head.history, state_first_after(s, &s->history, height));
        if (image)
            *out = (struct account){.nonce = image->nonce, .balance = image->balance};
    }
    return out->nonce != 0 || !u256_is_zero(&out->balance) || storage_had_code(s, r, height);
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
    struct record *r = account_record(s, id);
    s->existing -= record_exists(r);
    r->nonce = value->nonce;
    r->balance = value->balance;
    s->existing += record_exists(r);
    if (!record_exists(r))
        state_reclaim_account(s, id);
}

void state_load_end(struct state *s)
{
    assert(s->loading);
    s->loading = false;
}

size_t state_dirty_count(const struct state *s)
{
    return s->dirty.count + s->dirty_slots.count;
}

static const struct account_contract *contract_of(const struct state *s, const struct record *r)
{
    if (r->head.contract == CONTRACT_NONE)
        return NULL;
    const struct contract *c = &s->contracts[r->head.contract];
    return r->head.flags & RECORD_HAS_CODE || c->slot_count > 0 ? &c->values : NULL;
}

void state_take_dirty(struct state *s, struct state_batch *out)
{
    assert(!s->open);
    state_batch_reserve(out, s->dirty.count, s->dirty_slots.count);
    storage_take_dirty(s, out);
    for (size_t i = 0; i < s->dirty.count; i++) {
        if (i + PREFETCH_AHEAD < s->dirty.count)
            record_prefetch(&s->records, s->dirty.ids[i + PREFETCH_AHEAD]);
        uint32_t id = s->dirty.ids[i];
        struct record *r = account_record(s, id);
        const struct account account = {.nonce = r->nonce, .balance = r->balance};
        state_batch_add(out, &r->head.key, record_exists(r), &account, contract_of(s, r));
        r->head.flags &= ~RECORD_DIRTY;
        state_reclaim_account(s, id);
    }
    id_list_release(s->arena, &s->dirty);
}

void state_visit(const struct state *s, bool (*visit)(void *ctx, uint32_t id), void *ctx)
{
    for (uint32_t id = 0; id < s->records.given; id++) {
        if (state_exists(s, id) && !visit(ctx, id))
            return;
    }
}
