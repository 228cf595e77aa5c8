#include "engine/calls/call_state.h"

#include "base/keccak.h"

#include <sys/random.h>
#include <xxhash.h>

// Accounts and slots in arrays, found by open addressing with linear probing; nothing is ever taken out.
struct entry {
    address who;
    bytes32 key;
    bool loaded; // `state` is there
    bool fresh;  // slots that aren't here are zero: nothing of the height's storage counts any more
    bool has_nonce, has_balance, has_code;
    struct evm_account_state state;
    const struct evm_code *code;
};

struct slot {
    uint32_t entry;
    bool loaded;
    u256 key, value;
};

struct index {
    uint32_t *places; // number + 1
    size_t size;      // power of two, at least twice the count
};

struct call_state {
    struct arena *arena;
    const struct evm_rules *rules;
    struct call_source source;
    struct evm_host host;
    uint64_t height, seed;
    struct entry *entries;
    size_t entry_count, entry_capacity;
    struct slot *slots;
    size_t slot_count, slot_capacity;
    struct index entry_index, slot_index;
    struct evm_code_table *codes; // of overrides and creations
    struct call_read wanted;
    uint32_t wanted_number; // entry or slot
    bool waits, lost;
    uint64_t next_block;
    const bytes32 *hashes;
    size_t hash_count;
};

static uint64_t hash_of(const struct call_state *s, const void *p, size_t len, uint64_t more)
{
    return XXH3_64bits_withSeed(p, len, s->seed + more);
}

static void index_put(struct index *x, uint64_t hash, size_t number)
{
    size_t i = hash & (x->size - 1);
    while (x->places[i])
        i = (i + 1) & (x->size - 1);
    x->places[i] = (uint32_t)number + 1;
}

static void index_clear(struct arena *arena, struct index *x, size_t size)
{
    arena_free(arena, x->places);
    x->size = size;
    x->places = arena_alloc_zero(arena, size * sizeof *x->places);
}

static uint64_t entry_hash(const struct call_state *s, const address *who)
{
    return hash_of(s, who->b, sizeof who->b, 0);
}

static uint64_t slot_hash(const struct call_state *s, uint32_t entry, const u256 *key)
{
    return hash_of(s, key, sizeof *key, 1 + (uint64_t)entry);
}

static struct entry *entry_of(struct call_state *s, const address *who)
{
    const struct index *x = &s->entry_index;
    const uint64_t hash = entry_hash(s, who);
    for (size_t i = hash & (x->size - 1); x->places[i]; i = (i + 1) & (x->size - 1)) {
        struct entry *e = &s->entries[x->places[i] - 1];
        if (address_equal(&e->who, who))
            return e;
    }
    if (s->entry_count == s->entry_capacity) {
        s->entry_capacity *= 2;
        s->entries = arena_realloc(s->arena, s->entries, s->entry_capacity * sizeof *s->entries);
        index_clear(s->arena, &s->entry_index, 2 * s->entry_capacity);
        for (size_t i = 0; i < s->entry_count; i++)
            index_put(&s->entry_index, entry_hash(s, &s->entries[i].who), i);
    }
    struct entry *e = &s->entries[s->entry_count];
    *e = (struct entry){.who = *who, .key = keccak256(who->b, sizeof who->b)};
    index_put(&s->entry_index, hash, s->entry_count++);
    return e;
}

static struct slot *slot_of(struct call_state *s, uint32_t entry, const u256 *key)
{
    const struct index *x = &s->slot_index;
    const uint64_t hash = slot_hash(s, entry, key);
    for (size_t i = hash & (x->size - 1); x->places[i]; i = (i + 1) & (x->size - 1)) {
        struct slot *at = &s->slots[x->places[i] - 1];
        if (at->entry == entry && u256_equal(&at->key, key))
            return at;
    }
    if (s->slot_count == s->slot_capacity) {
        s->slot_capacity *= 2;
        s->slots = arena_realloc(s->arena, s->slots, s->slot_capacity * sizeof *s->slots);
        index_clear(s->arena, &s->slot_index, 2 * s->slot_capacity);
        for (size_t i = 0; i < s->slot_count; i++)
            index_put(&s->slot_index, slot_hash(s, s->slots[i].entry, &s->slots[i].key), i);
    }
    struct slot *at = &s->slots[s->slot_count];
    *at = (struct slot){.entry = entry, .key = *key};
    index_put(&s->slot_index, hash, s->slot_count++);
    return at;
}

static uint32_t number_of(const struct call_state *s, const struct entry *e)
{
    return (uint32_t)(e - s->entries);
}

// What the caller has put over the account stays.
static void fill_account(struct entry *e, const struct call_read *r)
{
    const struct evm_account_state was = e->state;
    e->loaded = true;
    e->state = r->account;
    e->state.has_storage = r->account.has_storage && !e->fresh;
    if (!r->account.exists)
        e->state = (struct evm_account_state){.code_hash = KECCAK256_EMPTY};
    if (!e->has_code) {
        e->code = r->code ? r->code : &EVM_NO_CODE;
    } else {
        e->state.code_hash = was.code_hash;
    }
    if (e->has_nonce)
        e->state.nonce = was.nonce;
    if (e->has_balance)
        e->state.balance = was.balance;
    e->state.exists |= e->has_code || e->has_nonce || e->has_balance;
}

static bool fetch(struct call_state *s, uint32_t number, const struct call_read *wanted)
{
    s->wanted = *wanted;
    s->wanted_number = number;
    s->waits = s->source.read(s->source.ctx, &s->wanted) == EVM_LATER;
    if (s->waits)
        return false;
    call_state_take(s, &s->wanted);
    return true;
}

void call_state_take(struct call_state *s, const struct call_read *read)
{
    s->waits = false;
    s->lost |= read->lost;
    if (read->is_slot) {
        struct slot *at = &s->slots[s->wanted_number];
        at->value = read->value;
        at->loaded = true;
    } else {
        fill_account(&s->entries[s->wanted_number], read);
    }
}

static bool load_entry(struct call_state *s, const struct entry *e)
{
    const struct call_read wanted = {.who = e->who, .key = e->key, .height = s->height};
    return e->loaded || fetch(s, number_of(s, e), &wanted);
}

enum evm_answer call_state_account(struct call_state *s, const address *who, struct evm_account_state *out,
                                   const struct evm_code **code)
{
    struct entry *e = entry_of(s, who);
    if (!load_entry(s, e))
        return EVM_LATER;
    *out = e->state;
    out->handle = number_of(s, e);
    if (code)
        *code = e->code;
    return EVM_NOW;
}

static enum evm_answer ask_account(void *ctx, const address *who, struct evm_account_state *out)
{
    return call_state_account(ctx, who, out, NULL);
}

static enum evm_answer ask_code(void *ctx, uint64_t handle, const bytes32 *hash, const struct evm_code **out)
{
    const struct call_state *s = ctx;
    (void)hash;
    *out = s->entries[handle].code;
    return EVM_NOW;
}

static enum evm_answer slot_at(struct call_state *s, uint32_t number, const u256 *key, u256 *out)
{
    struct slot *at = slot_of(s, number, key);
    const struct entry *e = &s->entries[number];
    if (!at->loaded && !e->fresh) {
        const struct call_read wanted = {
            .is_slot = true, .who = e->who, .key = e->key, .slot = *key, .height = s->height};
        if (!fetch(s, (uint32_t)(at - s->slots), &wanted))
            return EVM_LATER;
    }
    at->loaded = true;
    *out = at->value;
    return EVM_NOW;
}

enum evm_answer call_state_slot(struct call_state *s, const address *who, const u256 *key, u256 *out)
{
    return slot_at(s, number_of(s, entry_of(s, who)), key, out);
}

static enum evm_answer ask_slot(void *ctx, const address *who, uint64_t handle, const u256 *key, u256 *out)
{
    (void)who;
    return slot_at(ctx, (uint32_t)handle, key, out);
}

static bytes32 ask_block_hash(void *ctx, uint64_t number)
{
    const struct call_state *s = ctx;
    const uint64_t back = s->next_block - 1 - number;
    return number < s->next_block && back < s->hash_count ? s->hashes[back] : (bytes32){{0}};
}

static void ask_facts(void *ctx, const address *who, struct evm_facts *out)
{
    (void)ctx;
    (void)who;
    (void)out; // no call is confined
}

static void take_code(void *ctx, const bytes32 *hash, struct bytes code)
{
    struct call_state *s = ctx;
    evm_code_table_add(s->codes, hash, code);
}

static void forget_storage(struct call_state *s, uint32_t number)
{
    s->entries[number].fresh = true;
    for (size_t i = 0; i < s->slot_count; i++) {
        if (s->slots[i].entry == number)
            s->slots[i].value = U256_ZERO;
    }
}

static void take_account(void *ctx, const address *who, uint64_t handle, const struct evm_account_state *state)
{
    struct call_state *s = ctx;
    struct entry *e = &s->entries[handle];
    (void)who;
    if (!state->exists)
        forget_storage(s, (uint32_t)handle);
    if (!bytes32_equal(&e->state.code_hash, &state->code_hash)) {
        const struct evm_code *code = evm_code_table_find(s->codes, &state->code_hash);
        e->code = code ? code : &EVM_NO_CODE;
    }
    e->state = *state;
}

static void take_slot(void *ctx, const address *who, uint64_t handle, const u256 *key, const u256 *value)
{
    struct call_state *s = ctx;
    struct slot *at = slot_of(s, (uint32_t)handle, key);
    (void)who;
    at->value = *value;
    at->loaded = true;
}

struct call_state *call_state_create(struct arena *arena, const struct evm_rules *rules,
                                     const struct call_source *source, uint64_t height)
{
    struct call_state *s = arena_alloc_zero(arena, sizeof *s);
    *s = (struct call_state){.arena = arena, .rules = rules, .source = *source, .height = height};
    s->host = (struct evm_host){s,         ask_account, ask_code,     ask_slot, ask_block_hash,
                                ask_facts, take_code,   take_account, take_slot};
    // A guess costs no more than time of the caller's own call; should the kernel have no number, any will do.
    if (getrandom(&s->seed, sizeof s->seed, GRND_NONBLOCK) < 0)
        s->seed = (uintptr_t)s;
    s->entry_capacity = s->slot_capacity = 16;
    s->entries = arena_alloc(arena, s->entry_capacity * sizeof *s->entries);
    s->slots = arena_alloc(arena, s->slot_capacity * sizeof *s->slots);
    index_clear(arena, &s->entry_index, 2 * s->entry_capacity);
    index_clear(arena, &s->slot_index, 2 * s->slot_capacity);
    s->codes = evm_code_table_create(arena, rules);
    return s;
}

void call_state_free(struct call_state *s)
{
    if (!s)
        return;
    evm_code_table_free(s->codes);
    arena_free(s->arena, s->entries);
    arena_free(s->arena, s->slots);
    arena_free(s->arena, s->entry_index.places);
    arena_free(s->arena, s->slot_index.places);
    arena_free(s->arena, s);
}

const struct evm_host *call_state_host(struct call_state *s)
{
    return &s->host;
}

void call_state_set_hashes(struct call_state *s, uint64_t next, const bytes32 *hashes, size_t count)
{
    s->next_block = next;
    s->hashes = hashes;
    s->hash_count = count;
}

void call_state_override(struct call_state *s, const struct call_override *o)
{
    struct entry *e = entry_of(s, &o->who);
    if (o->has_nonce)
        e->state.nonce = o->nonce;
    if (o->has_balance)
        e->state.balance = o->balance;
    if (o->has_code) {
        e->state.code_hash = keccak256(o->code.ptr, o->code.len);
        e->code = o->code.len > 0 ? evm_code_table_add(s->codes, &e->state.code_hash, o->code) : &EVM_NO_CODE;
    }
    e->has_nonce |= o->has_nonce;
    e->has_balance |= o->has_balance;
    e->has_code |= o->has_code;
    e->fresh |= o->whole_storage;
    const uint32_t number = number_of(s, e);
    for (size_t i = 0; i < o->slot_count; i++)
        take_slot(s, &o->who, number, &o->slots[i].key, &o->slots[i].value);
}

bool call_state_waits(const struct call_state *s)
{
    return s->waits;
}

bool call_state_lost(const struct call_state *s)
{
    return s->lost;
}
