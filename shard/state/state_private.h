// The inside of struct state, shared by state.c (accounts, blocks, checkpoints) and storage.c (contracts, slots).
#ifndef GANTRY_SHARD_STATE_STATE_PRIVATE_H
#define GANTRY_SHARD_STATE_STATE_PRIVATE_H

#include "shard/state/history.h"
#include "shard/state/record_table.h"
#include "shard/state/state.h"

#include <assert.h>

#define RECORD_HAS_CODE 4u // of an account
#define RECORD_HASHED 4u   // of a slot: its hashed key is there

#define ACCOUNT_ID_BITS 24 // accounts a partition: 16.7 million
#define SLOT_ID_BITS 28    // storage slots a partition: 268 million
#define CONTRACT_NONE 0u   // contracts are numbered from 1 in 24 bits, as there are at most as many as accounts

// Records ahead of the one at hand whose memory is asked for.
#define PREFETCH_AHEAD 8

struct record {
    struct record_head head; // contract: number of its code and storage, or CONTRACT_NONE
    uint64_t nonce;
    u256 balance;
};

struct slot_record {
    struct record_head head; // key: the slot's number, big-endian
    u256 value;
    bytes32 hashed; // keccak256 of the number, made when the trie needs it
};

// Code and storage of an account; as long as the account's record has either, or a pre-image or a slot's record says
// that it had.
struct contract {
    struct account_contract values;
    uint32_t record;       // the account's; while the contract is free: the next free one
    uint32_t history;      // number of its newest pre-image
    uint32_t slot_count;   // slots that are not zero
    uint32_t slot_records; // slots that have a record
    bool has_history;
};

struct account_image {
    struct history_entry head;
    uint64_t nonce;
    u256 balance;
};
struct slot_image {
    struct history_entry head;
    u256 value;
};
struct contract_image {
    struct history_entry head;
    struct account_contract values;
};

_Static_assert(sizeof(struct account_image) == STATE_HISTORY_ACCOUNT_BYTES, "as the memory budget has it");
_Static_assert(sizeof(struct slot_image) == STATE_HISTORY_SLOT_BYTES, "as the memory budget has it");
_Static_assert(sizeof(struct contract_image) == STATE_HISTORY_CONTRACT_BYTES, "as the memory budget has it");

struct id_list {
    uint32_t *ids;
    size_t count, capacity;
};

struct state {
    struct arena *arena;
    struct codes *codes;
    struct record_table records, slots;
    struct contract *contracts; // [0] is unused
    uint32_t contract_count, contract_capacity, contract_free;
    struct history history, slot_history, contract_history;
    size_t existing, existing_slots;
    uint64_t height;       // last ended block
    uint64_t first_height; // where this state began
    uint64_t roots_since;  // from this height on storage roots are right
    bool open, loading;
    struct id_list dirty, dirty_slots; // since the last checkpoint
    struct id_list added;              // accounts' records made in this block
};

static inline struct record *account_record(const struct state *s, uint32_t id)
{
    return (struct record *)(s->records.chunks[id / RECORDS_PER_CHUNK]) + id % RECORDS_PER_CHUNK;
}

static inline struct slot_record *slot_record(const struct state *s, uint32_t id)
{
    return (struct slot_record *)(s->slots.chunks[id / RECORDS_PER_CHUNK]) + id % RECORDS_PER_CHUNK;
}

static inline bool record_exists(const struct record *r)
{
    return r->nonce != 0 || !u256_is_zero(&r->balance) || r->head.flags & RECORD_HAS_CODE;
}

void id_list_push(struct arena *arena, struct id_list *list, uint32_t id);
void id_list_release(struct arena *arena, struct id_list *list);

// A record that doesn't exist, that no kept height and no checkpoint needs, is given back.
void state_reclaim_account(struct state *s, uint32_t id);
// Notes that the account changes in this block: pre-image, dirty mark. Before the change.
void state_touch_account(struct state *s, uint32_t id, struct record *r);
bool state_keeps_height(const struct state *s, uint64_t height);
// Number of the first pre-image taken after block `height`; only for heights that are kept.
uint32_t state_first_after(const struct state *s, const struct history *h, uint64_t height);

void storage_init(struct state *s);
void storage_free(struct state *s);
void storage_begin_block(struct state *s, uint64_t height);
// Forgets the pre-images of blocks before `oldest`.
void storage_drop_history(struct state *s, uint64_t oldest);
// Gives the account's contract back when nothing needs it any more.
void storage_reclaim_contract(struct state *s, struct record *r);
// All of the account's slots become zero.
void storage_clear(struct state *s, uint32_t id);
void storage_take_dirty(struct state *s, struct state_batch *out);
// Whether the account of this record had code after block `height`, which is kept.
bool storage_had_code(const struct state *s, const struct record *r, uint64_t height);

#endif
