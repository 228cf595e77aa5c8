#include "shard/evm/world.h"

#include "base/keccak.h"
#include "base/rlp.h"
#include "shard/trie/trie.h"

#include <inttypes.h>
#include <stdio.h>

// Open addressing with linear probing over dense arrays; nothing is ever taken out: an account that ceased to exist, or
// a slot of value zero, stays as such.
struct evm_world_account {
    address who;
    bytes32 key; // keccak256(who)
    struct evm_account_state state;
    uint32_t era;      // slots of earlier eras are gone
    size_t slot_count; // slots that are there
    struct trie storage;
    bytes32 storage_root; // as of the last evm_world_root
    bool changed;         // since then
};

struct evm_world_slot {
    uint32_t account, era;
    u256 key, value;
    bytes32 hashed;
    bool in_trie, changed;
};

struct table {
    uint32_t *slots; // number + 1
    size_t size;
};

enum { BLOCK_HASHES = 256 };

struct block_hash {
    bool is_set;
    uint64_t number;
    bytes32 hash;
};

struct evm_world {
    struct arena *arena;
    struct evm_host host;
    struct evm_code_table *codes;
    struct evm_world_account *accounts;
    struct evm_world_slot *slots;
    size_t account_count, account_capacity, slot_count, slot_capacity;
    struct table account_table, slot_table;
    // The tries, and what changed since their hashes were made.
    struct trie_pool pool;
    struct trie trie;
    uint32_t *changed_accounts, *changed_slots;
    size_t changed_account_count, changed_slot_count;
    const struct evm_rules *rules;
    struct block_hash block_hashes[BLOCK_HASHES]; // by number modulo their count
    bool (*is_own)(const address *who);
};

static const bytes32 *slot_leaf_key(void *ctx, uint32_t leaf)
{
    return &((const struct evm_world *)ctx)->slots[leaf].hashed;
}

static size_t slot_leaf_value(void *ctx, uint32_t leaf, uint8_t *out)
{
    return (size_t)(rlp_put_u256(out, &((const struct evm_world *)ctx)->slots[leaf].value) - out);
}

static const bytes32 *account_leaf_key(void *ctx, uint32_t leaf)
{
    return &((const struct evm_world *)ctx)->accounts[leaf].key;
}

static size_t account_leaf_value(void *ctx, uint32_t leaf, uint8_t *out)
{
    const struct evm_world_account *a = &((const struct evm_world *)ctx)->accounts[leaf];
    const struct bytes root = bytes_of(a->storage_root.b, 32), code = bytes_of(a->state.code_hash.b, 32);
    uint8_t *p = rlp_put_list(out, rlp_size_u64(a->state.nonce) + rlp_size_u256(&a->state.balance) +
                                       rlp_size_string(root) + rlp_size_string(code));
    p = rlp_put_u256(rlp_put_u64(p, a->state.nonce), &a->state.balance);
    return (size_t)(rlp_put_string(rlp_put_string(p, root), code) - out);
}

static const struct trie_leaves slot_leaves = {slot_leaf_key, slot_leaf_value};
static const struct trie_leaves account_leaves = {account_leaf_key, account_leaf_value};

static uint64_t hash_address(const address *who)
{
    return load_le64(who->b) * 0x9e3779b97f4a7c15u ^ load_le64(who->b + 12) * 0xc2b2ae3d27d4eb4fu;
}

static uint64_t hash_slot(uint32_t account, const u256 *key)
{
    uint64_t h = account;
    for (int i = 0; i < 4; i++)
        h = (h ^ key->w[i]) * 0x9e3779b97f4a7c15u, h ^= h >> 29;
    return h;
}

static uint64_t spread(uint64_t h)
{
    return h ^ h >> 32;
}

static void table_put(struct table *t, uint64_t hash, uint32_t number)
{
    size_t i = spread(hash) & (t->size - 1);
    while (t->slots[i])
        i = (i + 1) & (t->size - 1);
    t->slots[i] = number + 1;
}

static void table_resize(struct evm_world *w, struct table *t, size_t size)
{
    arena_free(w->arena, t->slots);
    t->size = size;
    t->slots = arena_alloc_zero(w->arena, size * sizeof *t->slots);
}

static struct evm_world_account *find_account(const struct evm_world *w, const address *who)
{
    const struct table *t = &w->account_table;
    for (size_t i = spread(hash_address(who)) & (t->size - 1); t->slots[i]; i = (i + 1) & (t->size - 1)) {
        struct evm_world_account *a = &w->accounts[t->slots[i] - 1];
        if (address_equal(&a->who, who))
            return a;
    }
    return NULL;
}

static void mark_account(struct evm_world *w, struct evm_world_account *a)
{
    if (!a->changed)
        w->changed_accounts[w->changed_account_count++] = (uint32_t)a->state.handle;
    a->changed = true;
}

static void mark_slot(struct evm_world *w, struct evm_world_slot *s)
{
    if (!s->changed)
        w->changed_slots[w->changed_slot_count++] = (uint32_t)(s - w->slots);
    s->changed = true;
}

static struct evm_world_account *need_account(struct evm_world *w, const address *who)
{
    struct evm_world_account *a = find_account(w, who);
    if (a)
        return a;
    if (w->account_count == w->account_capacity) {
        w->account_capacity *= 2;
        w->accounts = arena_realloc(w->arena, w->accounts, w->account_capacity * sizeof *w->accounts);
        w->changed_accounts =
            arena_realloc(w->arena, w->changed_accounts, w->account_capacity * sizeof *w->changed_accounts);
        table_resize(w, &w->account_table, 2 * w->account_capacity);
        for (size_t i = 0; i < w->account_count; i++)
            table_put(&w->account_table, hash_address(&w->accounts[i].who), (uint32_t)i);
    }
    a = &w->accounts[w->account_count];
    *a = (struct evm_world_account){.who = *who, .key = keccak256(who->b, sizeof who->b)};
    a->state.code_hash = KECCAK256_EMPTY;
    a->state.handle = w->account_count;
    trie_init(&a->storage, &slot_leaves, w, &w->pool, 0);
    table_put(&w->account_table, hash_address(who), (uint32_t)w->account_count++);
    return a;
}

static struct evm_world_slot *find_slot(const struct evm_world *w, const struct evm_world_account *a, const u256 *key)
{
    const struct table *t = &w->slot_table;
    const uint32_t account = (uint32_t)a->state.handle;
    for (size_t i = spread(hash_slot(account, key)) & (t->size - 1); t->slots[i]; i = (i + 1) & (t->size - 1)) {
        struct evm_world_slot *s = &w->slots[t->slots[i] - 1];
        if (s->account == account && u256_equal(&s->key, key))
            return s;
    }
    return NULL;
}

static bool slot_is_there(const struct evm_world *w, const struct evm_world_slot *s)
{
    return s->era == w->accounts[s->account].era && !u256_is_zero(&s->value);
}

static void set_slot(struct evm_world *w, struct evm_world_account *a, const u256 *key, const u256 *value)
{
    struct evm_world_slot *s = find_slot(w, a, key);
    a->slot_count += !u256_is_zero(value);
    if (s) {
        a->slot_count -= slot_is_there(w, s);
        s->value = *value;
        s->era = a->era;
        mark_slot(w, s);
        return;
    }
    if (w->slot_count == w->slot_capacity) {
        w->slot_capacity *= 2;
        w->slots = arena_realloc(w->arena, w->slots, w->slot_capacity * sizeof *w->slots);
        w->changed_slots = arena_realloc(w->arena, w->changed_slots, w->slot_capacity * sizeof *w->changed_slots);
        table_resize(w, &w->slot_table, 2 * w->slot_capacity);
        for (size_t i = 0; i < w->slot_count; i++)
            table_put(&w->slot_table, hash_slot(w->slots[i].account, &w->slots[i].key), (uint32_t)i);
    }
    uint8_t be[32];
    u256_to_be(be, key);
    w->slots[w->slot_count] = (struct evm_world_slot){.account = (uint32_t)a->state.handle,
                                                      .era = a->era,
                                                      .key = *key,
                                                      .value = *value,
                                                      .hashed = keccak256(be, sizeof be)};
    table_put(&w->slot_table, hash_slot((uint32_t)a->state.handle, key), (uint32_t)w->slot_count);
    mark_slot(w, &w->slots[w->slot_count++]);
}

static enum evm_answer ask_account(void *ctx, const address *who, struct evm_account_state *out)
{
    struct evm_world *w = ctx;
    *out = need_account(w, who)->state;
    out->has_storage = w->accounts[out->handle].slot_count > 0;
    return EVM_NOW;
}

static enum evm_answer ask_code(void *ctx, uint64_t handle, const bytes32 *hash, const struct evm_code **out)
{
    (void)handle;
    const struct evm_world *w = ctx;
    *out = evm_code_table_find(w->codes, hash);
    return EVM_NOW;
}

static enum evm_answer ask_slot(void *ctx, const address *who, uint64_t handle, const u256 *key, u256 *out)
{
    (void)who;
    const struct evm_world *w = ctx;
    const struct evm_world_slot *s = find_slot(w, &w->accounts[handle], key);
    *out = s && slot_is_there(w, s) ? s->value : U256_ZERO;
    return EVM_NOW;
}

static bytes32 ask_block_hash(void *ctx, uint64_t number)
{
    const struct evm_world *w = ctx;
    const struct block_hash *known = &w->block_hashes[number % BLOCK_HASHES];
    if (known->is_set && known->number == number)
        return known->hash;
    char digits[24];
    const int len = snprintf(digits, sizeof digits, "%" PRIu64, number);
    return keccak256(digits, (size_t)len);
}

static void ask_facts(void *ctx, const address *who, struct evm_facts *out)
{
    const struct evm_world *w = ctx;
    const struct evm_world_account *a = find_account(w, who);
    out->own_partition = !w->is_own || w->is_own(who);
    if (!a || !a->state.exists)
        return;
    out->has_code = !bytes32_equal(&a->state.code_hash, &KECCAK256_EMPTY);
    out->has_nonce = out->own_partition && a->state.nonce > 0;
    out->has_balance = out->own_partition && !u256_is_zero(&a->state.balance);
}

static void take_code(void *ctx, const bytes32 *hash, struct bytes code)
{
    struct evm_world *w = ctx;
    evm_code_table_add(w->codes, hash, code);
}

// Contracts seldom go: looking at all slots will do.
static void drop_storage(struct evm_world *w, struct evm_world_account *a)
{
    a->era++;
    a->slot_count = 0;
    if (a->storage.root == TRIE_NONE)
        return;
    for (size_t i = 0; i < w->slot_count; i++) {
        if (w->slots[i].account == a->state.handle)
            mark_slot(w, &w->slots[i]);
    }
}

static void take_account(void *ctx, const address *who, uint64_t handle, const struct evm_account_state *state)
{
    (void)who;
    struct evm_world *w = ctx;
    struct evm_world_account *a = &w->accounts[handle];
    if (!state->exists)
        drop_storage(w, a);
    mark_account(w, a);
    a->state = *state;
    a->state.has_storage = false;
    a->state.handle = handle;
}

static void take_slot(void *ctx, const address *who, uint64_t handle, const u256 *key, const u256 *value)
{
    (void)who;
    struct evm_world *w = ctx;
    set_slot(w, &w->accounts[handle], key, value);
}

struct evm_world *evm_world_create(struct arena *arena, const struct evm_rules *rules)
{
    struct evm_world *w = arena_alloc_zero(arena, sizeof *w);
    w->arena = arena;
    w->host = (struct evm_host){w,         ask_account, ask_code,     ask_slot, ask_block_hash,
                                ask_facts, take_code,   take_account, take_slot};
    w->rules = rules;
    w->codes = evm_code_table_create(arena, rules);
    w->account_capacity = 32;
    w->slot_capacity = 32;
    w->accounts = arena_alloc(arena, w->account_capacity * sizeof *w->accounts);
    w->slots = arena_alloc(arena, w->slot_capacity * sizeof *w->slots);
    w->changed_accounts = arena_alloc(arena, w->account_capacity * sizeof *w->changed_accounts);
    w->changed_slots = arena_alloc(arena, w->slot_capacity * sizeof *w->changed_slots);
    trie_pool_init(&w->pool, arena);
    trie_init(&w->trie, &account_leaves, w, &w->pool, 0);
    table_resize(w, &w->account_table, 2 * w->account_capacity);
    table_resize(w, &w->slot_table, 2 * w->slot_capacity);
    return w;
}

void evm_world_free(struct evm_world *w)
{
    if (!w)
        return;
    evm_code_table_free(w->codes);
    arena_free(w->arena, w->accounts);
    arena_free(w->arena, w->slots);
    arena_free(w->arena, w->changed_accounts);
    arena_free(w->arena, w->changed_slots);
    trie_pool_reset(&w->pool);
    arena_free(w->arena, w->account_table.slots);
    arena_free(w->arena, w->slot_table.slots);
    arena_free(w->arena, w);
}

void evm_world_clear(struct evm_world *w)
{
    w->account_count = w->slot_count = 0;
    w->changed_account_count = w->changed_slot_count = 0;
    trie_pool_reset(&w->pool);
    trie_init(&w->trie, &account_leaves, w, &w->pool, 0);
    memset(w->block_hashes, 0, sizeof w->block_hashes);
    memset(w->account_table.slots, 0, w->account_table.size * sizeof *w->account_table.slots);
    memset(w->slot_table.slots, 0, w->slot_table.size * sizeof *w->slot_table.slots);
}

void evm_world_set_rules(struct evm_world *w, const struct evm_rules *rules)
{
    if (rules == w->rules)
        return;
    struct evm_code_table *codes = evm_code_table_create(w->arena, rules);
    for (size_t i = 0; i < w->account_count; i++) {
        const bytes32 *hash = &w->accounts[i].state.code_hash;
        evm_code_table_add(codes, hash, evm_world_code(w, hash));
    }
    evm_code_table_free(w->codes);
    w->codes = codes;
    w->rules = rules;
}

const struct evm_host *evm_world_host(struct evm_world *w)
{
    return &w->host;
}

void evm_world_set_block_hash(struct evm_world *w, uint64_t number, const bytes32 *hash)
{
    w->block_hashes[number % BLOCK_HASHES] = (struct block_hash){true, number, *hash};
}

void evm_world_set_partition(struct evm_world *w, bool (*is_own)(const address *who))
{
    w->is_own = is_own;
}

void evm_world_put_account(struct evm_world *w, const address *who, uint64_t nonce, const u256 *balance,
                           struct bytes code)
{
    struct evm_world_account *a = need_account(w, who);
    const bytes32 hash = keccak256(code.ptr, code.len);
    evm_code_table_add(w->codes, &hash, code);
    a->state.exists = true;
    a->state.nonce = nonce;
    a->state.balance = *balance;
    a->state.code_hash = hash;
    mark_account(w, a);
}

void evm_world_put_slot(struct evm_world *w, const address *who, const u256 *key, const u256 *value)
{
    set_slot(w, need_account(w, who), key, value);
}

struct evm_account_state evm_world_account(const struct evm_world *w, const address *who)
{
    const struct evm_world_account *a = find_account(w, who);
    return a && a->state.exists ? a->state : (struct evm_account_state){0};
}

struct bytes evm_world_code(const struct evm_world *w, const bytes32 *hash)
{
    const struct evm_code *code = evm_code_table_find(w->codes, hash);
    return code ? bytes_of(code->bytes, code->len) : (struct bytes){0};
}

u256 evm_world_slot(const struct evm_world *w, const address *who, const u256 *key)
{
    const struct evm_world_account *a = find_account(w, who);
    const struct evm_world_slot *s = a ? find_slot(w, a, key) : NULL;
    return s && slot_is_there(w, s) ? s->value : U256_ZERO;
}

static void update_slot(struct evm_world *w, uint32_t number)
{
    struct evm_world_slot *s = &w->slots[number];
    struct evm_world_account *a = &w->accounts[s->account];
    const bool is_there = slot_is_there(w, s);
    if (is_there)
        trie_put(&a->storage, number);
    else if (s->in_trie)
        trie_remove(&a->storage, number);
    s->in_trie = is_there;
    s->changed = false;
    mark_account(w, a);
}

static void update_storage_tries(struct evm_world *w)
{
    for (size_t i = 0; i < w->changed_slot_count; i++)
        update_slot(w, w->changed_slots[i]);
    w->changed_slot_count = 0;
    struct trie_hasher *hasher = trie_hasher_new(w->arena);
    for (size_t i = 0; i < w->changed_account_count; i++)
        trie_hasher_add(hasher, &w->accounts[w->changed_accounts[i]].storage);
    trie_hasher_finish(hasher);
}

static void update_account_trie(struct evm_world *w)
{
    for (size_t i = 0; i < w->changed_account_count; i++) {
        const uint32_t number = w->changed_accounts[i];
        struct evm_world_account *a = &w->accounts[number];
        a->changed = false;
        a->storage_root = trie_root(&a->storage);
        if (a->state.exists)
            trie_put(&w->trie, number);
        else
            trie_remove(&w->trie, number);
    }
    w->changed_account_count = 0;
    struct trie_hasher *hasher = trie_hasher_new(w->arena);
    trie_hasher_add(hasher, &w->trie);
    trie_hasher_finish(hasher);
}

bytes32 evm_world_root(struct evm_world *w)
{
    update_storage_tries(w);
    update_account_trie(w);
    return trie_root(&w->trie);
}
