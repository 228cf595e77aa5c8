#include "mempool/sender_table.h"

#include <assert.h>

uint64_t sender_table_bytes(uint32_t capacity)
{
    return (uint64_t)capacity * (sizeof(struct sender) + sizeof(struct sender_place) + sizeof(uint32_t)) +
           key_index_bytes(capacity);
}

void sender_table_init(struct sender_table *table, struct arena *arena, uint32_t capacity, uint64_t seed)
{
    *table = (struct sender_table){.capacity = capacity};
    table->senders = arena_alloc_aligned(arena, (size_t)capacity * sizeof *table->senders, 64);
    table->places = arena_alloc(arena, (size_t)capacity * sizeof *table->places);
    table->free_numbers = arena_alloc(arena, (size_t)capacity * sizeof *table->free_numbers);
    key_index_init(&table->index, arena, capacity, seed);
}

void sender_table_free(struct sender_table *table, struct arena *arena)
{
    key_index_free(&table->index, arena);
    arena_free(arena, table->free_numbers);
    arena_free(arena, table->places);
    arena_free(arena, table->senders);
}

struct sender *sender_table_find(const struct sender_table *table, const bytes32 *key)
{
    uint32_t tag = key_index_tag(&table->index, key), position = key_index_home(&table->index, tag), number;
    while ((number = key_index_next(&table->index, tag, &position)) != KEY_INDEX_NONE) {
        if (bytes32_equal(&table->senders[number].key, key))
            return &table->senders[number];
    }
    return NULL;
}

struct sender *sender_table_add(struct sender_table *table, const bytes32 *key)
{
    uint32_t number;
    if (table->free_count != 0) {
        number = table->free_numbers[--table->free_count];
    } else {
        assert(table->used < table->capacity);
        number = table->used++;
    }
    struct sender *s = &table->senders[number];
    *s = (struct sender){.key = *key};
    table->places[number] = (struct sender_place){SENDER_NOWHERE, SENDER_NOWHERE};
    key_index_put(&table->index, key_index_tag(&table->index, key), number);
    return s;
}

void sender_table_release(struct sender_table *table, struct sender *s)
{
    uint32_t number = sender_number(table, s);
    assert(s->count == 0 && table->places[number].in_evict_heap == SENDER_NOWHERE &&
           table->places[number].in_ready == SENDER_NOWHERE);
    key_index_remove(&table->index, key_index_tag(&table->index, &s->key), number);
    table->free_numbers[table->free_count++] = number;
}
