#include "shard/exec/log_memory.h"

#include "base/keccak.h"
#include "base/rlp.h"

#include <assert.h>

#define CHUNK_BYTES ((size_t)256 * 1024)

struct log_chunk {
    struct log_chunk *next;
    size_t size, used;
    _Alignas(8) uint8_t bytes[];
};

struct kept_logs {
    struct exec_logs logs;
    struct kept_logs *next_open;
    uint8_t rlp[];
};

void log_memory_init(struct log_memory *m, struct arena *arena)
{
    *m = (struct log_memory){.arena = arena};
}

static void free_chunks(struct log_memory *m, struct log_chunk *c)
{
    for (struct log_chunk *next; c; c = next) {
        next = c->next;
        arena_free(m->arena, c);
    }
}

void log_memory_free(struct log_memory *m)
{
    free_chunks(m, m->chunks);
    free_chunks(m, m->spare);
}

void log_memory_clear(struct log_memory *m)
{
    assert(!m->first_open);
    for (struct log_chunk *c = m->chunks, *next; c; c = next) {
        next = c->next;
        if (c->size > CHUNK_BYTES) {
            arena_free(m->arena, c);
        } else {
            c->next = m->spare;
            c->used = 0;
            m->spare = c;
        }
    }
    m->chunks = NULL;
}

static void add_chunk(struct log_memory *m, size_t least)
{
    struct log_chunk *c = m->spare;
    if (c && least <= c->size) {
        m->spare = c->next;
    } else {
        const size_t size = least > CHUNK_BYTES ? least : CHUNK_BYTES;
        c = arena_alloc(m->arena, sizeof *c + size);
        c->size = size;
        c->used = 0;
    }
    c->next = m->chunks;
    m->chunks = c;
}

static void *take(struct log_memory *m, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if (!m->chunks || m->chunks->size - m->chunks->used < size)
        add_chunk(m, size);
    void *p = m->chunks->bytes + m->chunks->used;
    m->chunks->used += size;
    return p;
}

// Where an address or a topic is remembered: by its last bytes, where addresses, numbers and hashes differ.
static struct log_seen *seen_at(struct log_memory *m, struct bytes item)
{
    assert(item.len >= 8 && item.len <= sizeof m->seen->item);
    const uint64_t mixed = load_le64(item.ptr + item.len - 8) * 0x9e3779b97f4a7c15;
    return &m->seen[mixed >> 32 & (LOG_SEEN_SIZE - 1)];
}

static void hash_pending(struct log_memory *m)
{
    bytes32 hashes[LOG_BLOOM_BATCH];
    keccak256_batch(hashes, m->items, m->pending);
    for (size_t i = 0; i < m->pending; i++) {
        struct log_seen *seen = seen_at(m, m->items[i]);
        bloom_add_hash(m->into[i], &hashes[i]);
        seen->len = m->items[i].len;
        memcpy(seen->item, m->items[i].ptr, seen->len);
        seen->hash = hashes[i];
    }
    m->pending = 0;
}

static void add_to_bloom(struct log_memory *m, bloom *into, struct bytes item)
{
    const struct log_seen *seen = seen_at(m, item);
    if (seen->len == item.len && memcmp(seen->item, item.ptr, item.len) == 0) {
        bloom_add_hash(into, &seen->hash);
        return;
    }
    m->items[m->pending] = item;
    m->into[m->pending] = into;
    if (++m->pending == LOG_BLOOM_BATCH)
        hash_pending(m);
}

// The address and the topics of each log, as they lie in the encoded list.
static void add_all_to_bloom(struct log_memory *m, struct exec_logs *kept)
{
    struct bytes in = kept->rlp, logs, log, item, topics;
    bool good = rlp_read_list(&in, &logs) == RLP_OK;
    while (good && logs.len > 0) {
        good = rlp_read_list(&logs, &log) == RLP_OK && rlp_read_string(&log, &item) == RLP_OK &&
               rlp_read_list(&log, &topics) == RLP_OK;
        if (good)
            add_to_bloom(m, &kept->bloom, item);
        while (good && topics.len > 0) {
            good = rlp_read_string(&topics, &item) == RLP_OK;
            add_to_bloom(m, &kept->bloom, item);
        }
    }
    assert(good);
}

const struct exec_logs *log_memory_keep(struct log_memory *m, const struct evm_log *logs, size_t count)
{
    if (count == 0)
        return NULL;
    const size_t size = evm_logs_size(logs, count);
    struct kept_logs *kept = take(m, sizeof *kept + size);
    evm_logs_put(kept->rlp, logs, count);
    kept->logs = (struct exec_logs){.rlp = bytes_of(kept->rlp, size)};
    kept->next_open = NULL;
    if (m->first_open)
        m->last_open->next_open = kept;
    else
        m->first_open = kept;
    m->last_open = kept;
    return &kept->logs;
}

void log_memory_finish(struct log_memory *m)
{
    for (struct kept_logs *k = m->first_open; k; k = k->next_open)
        add_all_to_bloom(m, &k->logs);
    hash_pending(m);
    m->first_open = NULL;
}
