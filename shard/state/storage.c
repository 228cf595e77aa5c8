#include "shard/state/storage.h"

#include "base/keccak.h"
#include "shard/state/codes.h"
#include "shard/state/state_private.h"

#include <stddef.h>

#define KEY_BATCH 64

void storage_init(struct state *s)
{
    static const struct record_shape shape = {sizeof(struct slot_record), offsetof(struct slot_record, hashed),
                                              SLOT_ID_BITS, true};
    record_table_init(&s->slots, s->arena, &shape);
    history_init(&s->slot_history, s->arena, sizeof(struct slot_image), 0);
    history_init(&s->contract_history, s->arena, sizeof(struct contract_image), 0);
    s->contract_free = CONTRACT_NONE;
}

void storage_free(struct state *s)
{
    record_table_free(&s->slots);
    history_free(&s->slot_history);
    history_free(&s->contract_history);
    arena_free(s->arena, s->contracts);
    arena_free(s->arena, s->dirty_slots.ids);
}

// ---- contracts

static uint32_t need_contract(struct state *s, uint32_t id, struct record *r)
{
    uint32_t number = r->head.contract;
    if (number != CONTRACT_NONE)
        return number;
    number = s->contract_free;
    if (number != CONTRACT_NONE) {
        s->contract_free = s->contracts[number].record;
    } else {
        number = ++s->contract_count;
        if (number >= s->contract_capacity) {
            s->contract_capacity += s->contract_capacity / 2 + 8;
            s->contracts = arena_realloc(s->arena, s->contracts, s->contract_capacity * sizeof *s->contracts);
        }
    }
    s->contracts[number] = (struct contract){.values = account_no_contract(), .record = id};
    r->head.contract = number & 0xffffff;
    return number;
}

static bool contract_is_used(const struct record *r, const struct contract *c)
{
    return r->head.flags & RECORD_HAS_CODE || c->slot_records > 0 || c->has_history;
}

void storage_reclaim_contract(struct state *s, struct record *r)
{
    const uint32_t number = r->head.contract;
    if (contract_is_used(r, &s->contracts[number]))
        return;
    s->contracts[number].record = s->contract_free;
    s->contract_free = number;
    r->head.contract = CONTRACT_NONE;
}

// Before code, a slot or both change in this block.
static struct contract *touch_contract(struct state *s, uint32_t id, struct record *r)
{
    const uint32_t number = need_contract(s, id, r);
    struct contract *c = &s->contracts[number];
    state_touch_account(s, id, r);
    struct contract_image *image = history_keep(&s->contract_history, number, c->has_history, &c->history);
    if (image)
        image->values = c->values;
    c->has_history = true;
    return c;
}

bool state_has_code(const struct state *s, uint32_t id)
{
    return account_record(s, id)->head.flags & RECORD_HAS_CODE;
}

bytes32 state_code_hash(const struct state *s, uint32_t id)
{
    return state_has_code(s, id) ? s->contracts[account_record(s, id)->head.contract].values.code_hash
                                 : KECCAK256_EMPTY;
}

static void put_code(struct state *s, struct record *r, struct contract *c, const bytes32 *hash)
{
    const bool existed = record_exists(r);
    const bool has_code = !bytes32_equal(hash, &KECCAK256_EMPTY);
    c->values.code_hash = *hash;
    r->head.flags = (r->head.flags & ~RECORD_HAS_CODE) | (has_code ? RECORD_HAS_CODE : 0);
    s->existing += (size_t)record_exists(r) - existed;
    if (s->codes) {
        const struct evm_code *code = codes_find(s->codes, hash);
        assert(code && "codes are added before they are given to accounts");
        codes_set_account(s->codes, &r->head.key, code);
    }
}

void state_set_code(struct state *s, uint32_t id, const bytes32 *hash)
{
    const bytes32 before = state_code_hash(s, id);
    if (bytes32_equal(&before, hash))
        return;
    struct record *r = account_record(s, id);
    put_code(s, r, touch_contract(s, id, r), hash);
    if (!record_exists(r))
        storage_clear(s, id);
}

uint32_t storage_contract_limit(const struct state *s)
{
    return s->contract_count + 1;
}

uint32_t storage_contract(const struct state *s, uint32_t id)
{
    return account_record(s, id)->head.contract;
}

bytes32 state_storage_root(const struct state *s, uint32_t id)
{
    const uint32_t number = storage_contract(s, id);
    return number == CONTRACT_NONE ? KECCAK256_EMPTY_RLP : s->contracts[number].values.storage_root;
}

void storage_set_root(struct state *s, uint32_t contract, const bytes32 *root)
{
    s->contracts[contract].values.storage_root = *root;
}

void storage_roots_are_right(struct state *s)
{
    s->roots_since = s->height;
}

uint64_t state_roots_since(const struct state *s)
{
    return s->roots_since;
}

// ---- slots

static bytes32 slot_key(const u256 *slot)
{
    bytes32 key = {{0}};
    u256_to_be(key.b, slot);
    return key;
}

size_t state_slot_count(const struct state *s)
{
    return s->existing_slots;
}

bool state_has_storage(const struct state *s, uint32_t id)
{
    const uint32_t number = storage_contract(s, id);
    return number != CONTRACT_NONE && s->contracts[number].slot_count > 0;
}

uint32_t storage_find(const struct state *s, uint32_t contract, const u256 *slot)
{
    const bytes32 key = slot_key(slot);
    return contract == CONTRACT_NONE ? RECORD_NONE : record_table_find(&s->slots, &key, contract);
}

u256 state_slot_get(const struct state *s, uint32_t id, const u256 *slot)
{
    const uint32_t found = storage_find(s, storage_contract(s, id), slot);
    return found == RECORD_NONE ? U256_ZERO : slot_record(s, found)->value;
}

void state_slot_prefetch_way(const struct state *s, uint32_t id, const u256 *slot)
{
    const bytes32 key = slot_key(slot);
    const uint32_t contract = storage_contract(s, id);
    if (contract != CONTRACT_NONE)
        record_table_prefetch_way(&s->slots, &key, contract);
}

void state_slot_prefetch(const struct state *s, uint32_t id, const u256 *slot)
{
    const bytes32 key = slot_key(slot);
    const uint32_t contract = storage_contract(s, id);
    if (contract != CONTRACT_NONE)
        record_table_prefetch(&s->slots, &key, contract);
}

static void set_value(struct state *s, struct contract *c, struct slot_record *r, const u256 *value)
{
    const size_t before = !u256_is_zero(&r->value), after = !u256_is_zero(value);
    r->value = *value;
    c->slot_count += (uint32_t)(after - before);
    s->existing_slots += after - before;
}

static void write_slot(struct state *s, struct contract *c, uint32_t slot, const u256 *value)
{
    struct slot_record *r = slot_record(s, slot);
    uint32_t newest = r->head.history;
    struct slot_image *image = history_keep(&s->slot_history, slot, r->head.flags & RECORD_HAS_HISTORY, &newest);
    if (image) {
        image->value = r->value;
        r->head.history = newest;
        r->head.flags |= RECORD_HAS_HISTORY;
    }
    set_value(s, c, r, value);
    if (!(r->head.flags & RECORD_DIRTY)) {
        r->head.flags |= RECORD_DIRTY;
        id_list_push(s->arena, &s->dirty_slots, slot);
    }
}

void state_slot_put(struct state *s, uint32_t id, const u256 *slot, const u256 *value)
{
    struct record *r = account_record(s, id);
    const bytes32 key = slot_key(slot);
    assert(s->open && record_exists(r));
    uint32_t found =
        r->head.contract == CONTRACT_NONE ? RECORD_NONE : record_table_find(&s->slots, &key, r->head.contract);
    if (found == RECORD_NONE ? u256_is_zero(value) : u256_equal(&slot_record(s, found)->value, value))
        return;
    struct contract *c = touch_contract(s, id, r);
    if (found == RECORD_NONE) {
        found = record_table_add(&s->slots, &key, r->head.contract);
        c->slot_records++;
    }
    write_slot(s, c, found, value);
}

void storage_clear(struct state *s, uint32_t id)
{
    struct record *r = account_record(s, id);
    if (!state_has_storage(s, id))
        return;
    struct contract *c = touch_contract(s, id, r);
    for (uint32_t slot = 0; c->slot_count > 0; slot++) {
        const struct slot_record *at = slot_record(s, slot);
        if (at->head.contract == r->head.contract && !u256_is_zero(&at->value))
            write_slot(s, c, slot, &U256_ZERO);
    }
}

// A slot that is zero, and that no kept height and no checkpoint needs, is given back.
static void reclaim_slot(struct state *s, uint32_t slot)
{
    const struct slot_record *r = slot_record(s, slot);
    if (!u256_is_zero(&r->value) || r->head.flags & (RECORD_HAS_HISTORY | RECORD_DIRTY))
        return;
    struct contract *c = &s->contracts[r->head.contract];
    record_table_remove(&s->slots, slot);
    if (--c->slot_records == 0)
        state_reclaim_account(s, c->record);
}

// ---- blocks

void storage_begin_block(struct state *s, uint64_t height)
{
    history_begin_block(&s->slot_history, height);
    history_begin_block(&s->contract_history, height);
}

static void drop_slot_history(struct state *s, uint32_t first)
{
    struct history *h = &s->slot_history;
    for (uint32_t n = h->oldest; n != first; n++) {
        const uint32_t ahead = n + PREFETCH_AHEAD;
        if (history_holds(h, ahead, h->oldest)) {
            const struct history_entry *next = history_at(h, ahead);
            __builtin_prefetch(&slot_record(s, next->record)->head.history, 1);
        }
        const uint32_t slot = ((const struct history_entry *)history_at(h, n))->record;
        struct slot_record *r = slot_record(s, slot);
        if (r->head.history == n) {
            r->head.flags &= ~RECORD_HAS_HISTORY;
            reclaim_slot(s, slot);
        }
    }
    history_drop_before(h, first);
}

static void drop_contract_history(struct state *s, uint32_t first)
{
    struct history *h = &s->contract_history;
    for (uint32_t n = h->oldest; n != first; n++) {
        struct contract *c = &s->contracts[((const struct history_entry *)history_at(h, n))->record];
        if (c->history == n) {
            c->has_history = false;
            state_reclaim_account(s, c->record);
        }
    }
    history_drop_before(h, first);
}

void storage_drop_history(struct state *s, uint64_t oldest)
{
    drop_slot_history(s, s->slot_history.starts[oldest % STATE_HISTORY_BLOCKS]);
    drop_contract_history(s, s->contract_history.starts[oldest % STATE_HISTORY_BLOCKS]);
}

// ---- older heights

// The contract's values after block `height`, which is kept.
static struct account_contract contract_at(const struct state *s, uint32_t number, uint64_t height)
{
    const struct contract *c = &s->contracts[number];
    const struct contract_image *image = NULL;
    if (c->has_history)
        image = history_find(&s->contract_history, c->history, state_first_after(s, &s->contract_history, height));
    return image ? image->values : c->values;
}

bool storage_had_code(const struct state *s, const struct record *r, uint64_t height)
{
    if (r->head.contract == CONTRACT_NONE)
        return false;
    const struct account_contract then = contract_at(s, r->head.contract, height);
    return !bytes32_equal(&then.code_hash, &KECCAK256_EMPTY);
}

int state_contract_at(const struct state *s, const bytes32 *key, uint64_t height, struct account_contract *out)
{
    if (!state_keeps_height(s, height))
        return -1;
    *out = account_no_contract();
    const uint32_t id = record_table_find(&s->records, key, 0);
    const uint32_t contract = id == RECORD_NONE ? CONTRACT_NONE : storage_contract(s, id);
    if (contract == CONTRACT_NONE)
        return 0;
    *out = contract_at(s, contract, height);
    return !bytes32_equal(&out->code_hash, &KECCAK256_EMPTY) ||
           !bytes32_equal(&out->storage_root, &KECCAK256_EMPTY_RLP);
}

u256 storage_slot_value_at(const struct state *s, uint32_t slot, uint64_t height)
{
    const struct slot_record *r = slot_record(s, slot);
    const struct slot_image *image = NULL;
    if (r->head.flags & RECORD_HAS_HISTORY)
        image = history_find(&s->slot_history, r->head.history, state_first_after(s, &s->slot_history, height));
    return image ? image->value : r->value;
}

int state_slot_at(const struct state *s, const bytes32 *key, const u256 *slot, uint64_t height, u256 *out)
{
    if (!state_keeps_height(s, height))
        return -1;
    *out = U256_ZERO;
    const uint32_t id = record_table_find(&s->records, key, 0);
    const uint32_t found = id == RECORD_NONE ? RECORD_NONE : storage_find(s, storage_contract(s, id), slot);
    if (found == RECORD_NONE)
        return 0;
    *out = storage_slot_value_at(s, found, height);
    return !u256_is_zero(out);
}

uint32_t state_find_record(const struct state *s, const bytes32 *key)
{
    return record_table_find(&s->records, key, 0);
}

static size_t written_count(const struct state *s, const struct history *h, uint64_t height)
{
    return state_first_after(s, h, s->height) - state_first_after(s, h, height);
}

static uint32_t written(const struct state *s, const struct history *h, uint64_t height, size_t i)
{
    const struct history_entry *e = history_at(h, state_first_after(s, h, height) + (uint32_t)i);
    return e->record;
}

size_t state_written_count(const struct state *s, uint64_t height)
{
    return written_count(s, &s->history, height);
}

uint32_t state_written(const struct state *s, uint64_t height, size_t i)
{
    return written(s, &s->history, height, i);
}

size_t storage_written_count(const struct state *s, uint64_t height)
{
    return written_count(s, &s->slot_history, height);
}

uint32_t storage_written(const struct state *s, uint64_t height, size_t i)
{
    return written(s, &s->slot_history, height, i);
}

// ---- loading, checkpoints

uint32_t state_load_contract(struct state *s, const bytes32 *key, const struct account *value, const bytes32 *code_hash)
{
    assert(s->loading);
    const bool has_code = !bytes32_equal(code_hash, &KECCAK256_EMPTY);
    const uint32_t id = state_find_or_add(s, key);
    struct record *r = account_record(s, id);
    if (has_code) {
        const uint32_t number = need_contract(s, id, r);
        put_code(s, r, &s->contracts[number], code_hash);
    }
    state_load(s, key, value);
    assert(record_exists(r));
    return id;
}

void state_load_slot(struct state *s, uint32_t id, const u256 *slot, const u256 *value)
{
    struct record *r = account_record(s, id);
    const bytes32 key = slot_key(slot);
    assert(s->loading && record_exists(r) && !u256_is_zero(value));
    const uint32_t number = need_contract(s, id, r);
    struct contract *c = &s->contracts[number];
    uint32_t found = record_table_find(&s->slots, &key, r->head.contract);
    if (found == RECORD_NONE) {
        found = record_table_add(&s->slots, &key, r->head.contract);
        c->slot_records++;
    }
    set_value(s, c, slot_record(s, found), value);
}

void storage_take_dirty(struct state *s, struct state_batch *out)
{
    for (size_t i = 0; i < s->dirty_slots.count; i++) {
        if (i + PREFETCH_AHEAD < s->dirty_slots.count)
            record_prefetch(&s->slots, s->dirty_slots.ids[i + PREFETCH_AHEAD]);
        const uint32_t id = s->dirty_slots.ids[i];
        struct slot_record *r = slot_record(s, id);
        const struct record *account = account_record(s, s->contracts[r->head.contract].record);
        state_batch_add_slot(out, &account->head.key, &r->head.key, &r->value);
        r->head.flags &= ~RECORD_DIRTY;
        reclaim_slot(s, id);
    }
    id_list_release(s->arena, &s->dirty_slots);
}

// ---- for the tries

size_t storage_changed_count(const struct state *s)
{
    return s->slot_history.next - s->slot_history.block_start;
}

uint32_t storage_changed(const struct state *s, size_t i)
{
    assert(i < storage_changed_count(s));
    const struct history_entry *e = history_at(&s->slot_history, s->slot_history.block_start + (uint32_t)i);
    return e->record;
}

uint32_t storage_slot_contract(const struct state *s, uint32_t slot)
{
    return slot_record(s, slot)->head.contract;
}

u256 storage_slot_value(const struct state *s, uint32_t slot)
{
    return slot_record(s, slot)->value;
}

const bytes32 *storage_slot_key(const struct state *s, uint32_t slot)
{
    return &slot_record(s, slot)->hashed;
}

static void hash_batch(struct state *s, const uint32_t *slots, size_t count)
{
    struct bytes messages[KEY_BATCH] = {0};
    bytes32 hashes[KEY_BATCH];
    for (size_t i = 0; i < count; i++)
        messages[i] = bytes_of(slot_record(s, slots[i])->head.key.b, sizeof(bytes32));
    keccak256_batch(hashes, messages, count);
    for (size_t i = 0; i < count; i++) {
        slot_record(s, slots[i])->hashed = hashes[i];
        slot_record(s, slots[i])->head.flags |= RECORD_HASHED;
    }
}

void storage_hash_keys(struct state *s, const uint32_t *slots, size_t count)
{
    uint32_t batch[KEY_BATCH];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (slot_record(s, slots[i])->head.flags & RECORD_HASHED)
            continue;
        batch[n++] = slots[i];
        if (n == KEY_BATCH) {
            hash_batch(s, batch, n);
            n = 0;
        }
    }
    if (n > 0)
        hash_batch(s, batch, n);
}

void storage_visit(const struct state *s, void (*visit)(void *ctx, uint32_t slot), void *ctx)
{
    for (uint32_t slot = 0; slot < s->slots.given; slot++) {
        if (!u256_is_zero(&slot_record(s, slot)->value))
            visit(ctx, slot);
    }
}
