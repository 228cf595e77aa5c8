#include "shard/evm/journal.h"

#include "base/keccak.h"

#include <sys/random.h>

enum {
    ACCOUNTS_PER_CHUNK = 32,
    SLOTS_PER_CHUNK = 64,
    FIRST_INDEX = 128,
    FIRST_UNDO = 256,
    // What a large transaction left behind goes back when it is over; less is kept for the next one.
    KEPT_CHUNKS = 64,
    KEPT_BYTES = 1 << 20,
};

static void index_init(struct index *index, struct arena *arena)
{
    index->size = FIRST_INDEX;
    index->entries = arena_alloc_zero(arena, index->size * sizeof *index->entries);
}

void journal_init(struct journal *j, struct arena *arena)
{
    *j = (struct journal){.arena = arena, .transaction = 1, .undo_capacity = FIRST_UNDO};
    // Where an entry lands in the index must not be foreseeable; nothing that leaves the journal depends on it.
    if (getrandom(j->seed, sizeof j->seed, 0) != sizeof j->seed)
        memset(j->seed, 0x5a, sizeof j->seed);
    j->undo = arena_alloc(arena, j->undo_capacity * sizeof *j->undo);
    index_init(&j->account_index, arena);
    index_init(&j->slot_index, arena);
}

void journal_free(struct journal *j)
{
    journal_reset(j);
    for (size_t i = 0; i < j->account_chunk_count; i++)
        arena_free(j->arena, j->account_chunks[i]);
    for (size_t i = 0; i < j->slot_chunk_count; i++)
        arena_free(j->arena, j->slot_chunks[i]);
    arena_free(j->arena, j->account_chunks);
    arena_free(j->arena, j->slot_chunks);
    arena_free(j->arena, j->account_index.entries);
    arena_free(j->arena, j->slot_index.entries);
    arena_free(j->arena, j->undo);
    arena_free(j->arena, j->logs);
    arena_free(j->arena, j->log_data);
    arena_free(j->arena, j->new_codes);
}

static void shrink(struct journal *j)
{
    while (j->account_chunk_count > KEPT_CHUNKS)
        arena_free(j->arena, j->account_chunks[--j->account_chunk_count]);
    while (j->slot_chunk_count > KEPT_CHUNKS)
        arena_free(j->arena, j->slot_chunks[--j->slot_chunk_count]);
    if (j->undo_capacity * sizeof *j->undo > KEPT_BYTES) {
        j->undo_capacity = FIRST_UNDO;
        j->undo = arena_realloc(j->arena, j->undo, FIRST_UNDO * sizeof *j->undo);
    }
    if (j->log_data_capacity > KEPT_BYTES) {
        arena_free(j->arena, j->log_data);
        j->log_data = NULL;
        j->log_data_capacity = 0;
    }
}

void journal_reset(struct journal *j)
{
    for (size_t i = 0; i < j->new_code_count; i++)
        evm_code_free(j->new_codes[i]);
    j->new_code_count = j->account_count = j->slot_count = j->undo_count = 0;
    j->log_count = j->log_data_len = 0;
    j->refund = 0;
    if (++j->transaction == 0) {
        memset(j->account_index.entries, 0, j->account_index.size * sizeof *j->account_index.entries);
        memset(j->slot_index.entries, 0, j->slot_index.size * sizeof *j->slot_index.entries);
        j->transaction = 1;
    }
    shrink(j);
}

// Folds the whole product, so that every bit of both factors counts.
static inline uint64_t mix(uint64_t a, uint64_t b)
{
    const unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t address_hash(const struct journal *j, const address *who)
{
    uint64_t low, middle;
    uint32_t high;
    memcpy(&low, who->b, 8);
    memcpy(&middle, who->b + 8, 8);
    memcpy(&high, who->b + 16, 4);
    return mix(mix(low ^ j->seed[0], middle ^ j->seed[1]) ^ high, j->seed[2]);
}

static uint64_t slot_hash(const struct journal *j, uint32_t account, const u256 *key, enum slot_space space)
{
    const uint64_t a = mix(key->w[0] ^ j->seed[0], key->w[1] ^ j->seed[1]);
    const uint64_t b = mix(key->w[2] ^ j->seed[2], key->w[3] ^ j->seed[3]);
    return mix(a ^ b, ((uint64_t)account << 1 | space) ^ j->seed[2]);
}

struct evm_account *journal_account_at(const struct journal *j, size_t number)
{
    return &j->account_chunks[number / ACCOUNTS_PER_CHUNK][number % ACCOUNTS_PER_CHUNK];
}

struct evm_slot *journal_slot_at(const struct journal *j, size_t number)
{
    return &j->slot_chunks[number / SLOTS_PER_CHUNK][number % SLOTS_PER_CHUNK];
}

static void index_add(const struct journal *j, struct index *index, uint64_t hash, uint32_t number)
{
    size_t i = hash & (index->size - 1);
    while (index->entries[i].transaction == j->transaction)
        i = (i + 1) & (index->size - 1);
    index->entries[i] = (struct index_entry){j->transaction, number};
}

// Doubles the index of which half is used; hash_of says where an entry belongs.
static void index_grow(struct journal *j, struct index *index, size_t count,
                       uint64_t (*hash_of)(const struct journal *j, size_t number))
{
    if (2 * (count + 1) <= index->size)
        return;
    arena_free(j->arena, index->entries);
    index->size *= 2;
    index->entries = arena_alloc_zero(j->arena, index->size * sizeof *index->entries);
    for (size_t i = 0; i < count; i++)
        index_add(j, index, hash_of(j, i), (uint32_t)i);
}

static uint64_t hash_of_account(const struct journal *j, size_t number)
{
    return address_hash(j, &journal_account_at(j, number)->who);
}

static uint64_t hash_of_slot(const struct journal *j, size_t number)
{
    const struct evm_slot *s = journal_slot_at(j, number);
    return slot_hash(j, s->account->number, &s->key, s->space);
}

static struct evm_account *add_account(struct journal *j, const address *who, uint64_t hash)
{
    index_grow(j, &j->account_index, j->account_count, hash_of_account);
    if (j->account_count == j->account_chunk_count * ACCOUNTS_PER_CHUNK) {
        j->account_chunks =
            arena_realloc(j->arena, j->account_chunks, (j->account_chunk_count + 1) * sizeof *j->account_chunks);
        j->account_chunks[j->account_chunk_count++] =
            arena_alloc(j->arena, ACCOUNTS_PER_CHUNK * sizeof(struct evm_account));
    }
    const uint32_t number = (uint32_t)j->account_count++;
    index_add(j, &j->account_index, hash, number);
    struct evm_account *a = journal_account_at(j, number);
    a->who = *who;
    a->loaded = a->warm = a->touched = a->created = a->destroyed = a->code_changed = false;
    a->number = number;
    a->code = NULL;
    return a;
}

struct evm_account *journal_account(struct journal *j, const address *who)
{
    const uint64_t hash = address_hash(j, who);
    for (size_t i = hash & (j->account_index.size - 1);; i = (i + 1) & (j->account_index.size - 1)) {
        const struct index_entry *e = &j->account_index.entries[i];
        if (e->transaction != j->transaction)
            return add_account(j, who, hash);
        struct evm_account *a = journal_account_at(j, e->number);
        if (address_equal(&a->who, who))
            return a;
    }
}

static struct evm_slot *add_slot(struct journal *j, struct evm_account *account, const u256 *key, enum slot_space space,
                                 uint64_t hash)
{
    index_grow(j, &j->slot_index, j->slot_count, hash_of_slot);
    if (j->slot_count == j->slot_chunk_count * SLOTS_PER_CHUNK) {
        j->slot_chunks = arena_realloc(j->arena, j->slot_chunks, (j->slot_chunk_count + 1) * sizeof *j->slot_chunks);
        j->slot_chunks[j->slot_chunk_count++] = arena_alloc(j->arena, SLOTS_PER_CHUNK * sizeof(struct evm_slot));
    }
    const uint32_t number = (uint32_t)j->slot_count++;
    index_add(j, &j->slot_index, hash, number);
    struct evm_slot *s = journal_slot_at(j, number);
    *s = (struct evm_slot){.account = account, .key = *key, .space = (uint8_t)space};
    return s;
}

struct evm_slot *journal_slot(struct journal *j, struct evm_account *account, const u256 *key, enum slot_space space)
{
    const uint64_t hash = slot_hash(j, account->number, key, space);
    for (size_t i = hash & (j->slot_index.size - 1);; i = (i + 1) & (j->slot_index.size - 1)) {
        const struct index_entry *e = &j->slot_index.entries[i];
        if (e->transaction != j->transaction)
            return add_slot(j, account, key, space, hash);
        struct evm_slot *s = journal_slot_at(j, e->number);
        if (s->account == account && s->space == space && u256_equal(&s->key, key))
            return s;
    }
}

static struct undo *note(struct journal *j, enum undo_kind kind)
{
    if (j->undo_count == j->undo_capacity) {
        j->undo_capacity *= 2;
        j->undo = arena_realloc(j->arena, j->undo, j->undo_capacity * sizeof *j->undo);
    }
    struct undo *u = &j->undo[j->undo_count++];
    u->kind = kind;
    return u;
}

static void take_back(const struct undo *u)
{
    switch (u->kind) {
    case UNDO_BALANCE:
        u->account->balance = u->word;
        break;
    case UNDO_NONCE:
        u->account->nonce = u->nonce;
        break;
    case UNDO_CODE: // an account gets code once, and had none before
        u->account->code = u->code;
        u->account->code_hash = KECCAK256_EMPTY;
        u->account->code_changed = false;
        break;
    case UNDO_CREATED:
        u->account->created = false;
        break;
    case UNDO_DESTROYED:
        u->account->destroyed = false;
        break;
    case UNDO_TOUCHED:
        u->account->touched = false;
        break;
    case UNDO_WARM_ACCOUNT:
        u->account->warm = false;
        break;
    case UNDO_WARM_SLOT:
        u->slot->warm = false;
        break;
    case UNDO_SLOT:
        u->slot->value = u->word;
        break;
    }
}

void journal_undo(struct journal *j, const struct snapshot *to)
{
    while (j->undo_count > to->undo_count)
        take_back(&j->undo[--j->undo_count]);
    j->log_count = to->log_count;
    j->log_data_len = to->log_data_len;
    j->refund = to->refund;
}

bool journal_warm_account(struct journal *j, struct evm_account *a)
{
    if (a->warm)
        return false;
    note(j, UNDO_WARM_ACCOUNT)->account = a;
    return a->warm = true;
}

bool journal_warm_slot(struct journal *j, struct evm_slot *s)
{
    if (s->warm)
        return false;
    note(j, UNDO_WARM_SLOT)->slot = s;
    return s->warm = true;
}

void journal_touch(struct journal *j, struct evm_account *a)
{
    if (a->touched)
        return;
    note(j, UNDO_TOUCHED)->account = a;
    a->touched = true;
}

void journal_set_balance(struct journal *j, struct evm_account *a, const u256 *balance)
{
    struct undo *u = note(j, UNDO_BALANCE);
    u->account = a;
    u->word = a->balance;
    a->balance = *balance;
    journal_touch(j, a);
}

void journal_set_nonce(struct journal *j, struct evm_account *a, uint64_t nonce)
{
    struct undo *u = note(j, UNDO_NONCE);
    u->account = a;
    u->nonce = a->nonce;
    a->nonce = nonce;
}

void journal_set_code(struct journal *j, struct evm_account *a, struct evm_code *code)
{
    struct undo *u = note(j, UNDO_CODE);
    u->account = a;
    u->code = a->code;
    a->code = code;
    a->code_hash = code->hash;
    a->code_changed = true;
    if (j->new_code_count == j->new_code_capacity) {
        j->new_code_capacity = j->new_code_capacity ? 2 * j->new_code_capacity : 8;
        j->new_codes = arena_realloc(j->arena, j->new_codes, j->new_code_capacity * sizeof(void *));
    }
    j->new_codes[j->new_code_count++] = code;
}

void journal_mark_created(struct journal *j, struct evm_account *a)
{
    note(j, UNDO_CREATED)->account = a;
    a->created = true;
}

void journal_mark_destroyed(struct journal *j, struct evm_account *a)
{
    if (a->destroyed)
        return;
    note(j, UNDO_DESTROYED)->account = a;
    a->destroyed = true;
}

void journal_set_slot(struct journal *j, struct evm_slot *s, const u256 *value)
{
    struct undo *u = note(j, UNDO_SLOT);
    u->slot = s;
    u->word = s->value;
    s->value = *value;
}

void journal_log(struct journal *j, const address *who, const u256 *topics, unsigned topic_count, struct bytes data)
{
    if (j->log_count == j->log_capacity) {
        j->log_capacity = j->log_capacity ? 2 * j->log_capacity : 16;
        j->logs = arena_realloc(j->arena, j->logs, j->log_capacity * sizeof *j->logs);
    }
    if (j->log_data_len + data.len > j->log_data_capacity) {
        j->log_data_capacity = 2 * (j->log_data_len + data.len);
        j->log_data = arena_realloc(j->arena, j->log_data, j->log_data_capacity);
    }
    struct evm_log *log = &j->logs[j->log_count++];
    log->who = *who;
    log->topic_count = (uint8_t)topic_count;
    // The top of the stack is the first topic.
    for (unsigned i = 0; i < topic_count; i++)
        u256_to_be(log->topics[i].b, topics - i);
    log->data = (struct bytes){(const uint8_t *)(uintptr_t)j->log_data_len, data.len};
    if (data.len > 0)
        memcpy(j->log_data + j->log_data_len, data.ptr, data.len);
    j->log_data_len += data.len;
}
