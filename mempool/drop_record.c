#include "mempool/drop_record.h"

#include <assert.h>

uint64_t drop_record_bytes(uint32_t capacity)
{
    return capacity ? (uint64_t)capacity * sizeof(struct drop_entry) + key_index_bytes(capacity) : 0;
}

void drop_record_init(struct drop_record *record, struct arena *arena, uint32_t capacity, uint64_t seed)
{
    *record = (struct drop_record){.capacity = capacity};
    if (capacity == 0)
        return;
    record->entries = arena_alloc(arena, (size_t)capacity * sizeof *record->entries);
    key_index_init(&record->index, arena, capacity, seed);
}

void drop_record_free(struct drop_record *record, struct arena *arena)
{
    if (record->capacity == 0)
        return;
    arena_free(arena, record->entries);
    key_index_free(&record->index, arena);
}

static uint32_t find(const struct drop_record *record, uint32_t tag, const bytes32 *hash)
{
    uint32_t position = key_index_home(&record->index, tag), number;
    while ((number = key_index_next(&record->index, tag, &position)) != KEY_INDEX_NONE) {
        if (bytes32_equal(&record->entries[number].hash, hash))
            return number;
    }
    return KEY_INDEX_NONE;
}

static void forget_tagged(struct drop_record *record, uint32_t tag, const bytes32 *hash)
{
    uint32_t number = find(record, tag, hash);
    if (number == KEY_INDEX_NONE)
        return;
    key_index_remove(&record->index, tag, number);
    record->entries[number].reason = TX_OK;
}

void drop_record_add(struct drop_record *record, const bytes32 *hash, enum tx_status reason)
{
    assert(reason != TX_OK);
    if (record->capacity == 0)
        return;
    struct drop_entry *entry = &record->entries[record->next];
    if (record->used < record->capacity)
        record->used++;
    else if (entry->reason != TX_OK)
        key_index_remove(&record->index, key_index_tag(&record->index, &entry->hash), record->next);

    uint32_t tag = key_index_tag(&record->index, hash);
    forget_tagged(record, tag, hash);
    *entry = (struct drop_entry){*hash, (uint8_t)reason};
    key_index_put(&record->index, tag, record->next);
    record->next = record->next + 1 == record->capacity ? 0 : record->next + 1;
}

enum tx_status drop_record_reason(const struct drop_record *record, const bytes32 *hash)
{
    if (record->used == 0)
        return TX_OK;
    uint32_t number = find(record, key_index_tag(&record->index, hash), hash);
    return number == KEY_INDEX_NONE ? TX_OK : (enum tx_status)record->entries[number].reason;
}

void drop_record_forget(struct drop_record *record, const bytes32 *hash)
{
    if (record->used != 0)
        forget_tagged(record, key_index_tag(&record->index, hash), hash);
}
