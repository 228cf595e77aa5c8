#include "base/ring.h"

#include <stdatomic.h>
#include <stdlib.h>

#define CACHE_LINE 64

static bool shape_is_valid(size_t capacity, size_t elem_bytes)
{
    bool power_of_two = capacity >= 2 && (capacity & (capacity - 1)) == 0;
    return power_of_two && elem_bytes > 0 && elem_bytes < SIZE_MAX / 4 / capacity;
}

// Zeroed, cache-line aligned memory for a ring's structure and its cells.
static void *ring_memory(size_t head_bytes, size_t cells_bytes)
{
    size_t size = (head_bytes + cells_bytes + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
    void *memory = aligned_alloc(CACHE_LINE, size);
    return memory ? memset(memory, 0, size) : NULL;
}

// Positions count up for ever; position & mask is the slot. Each side keeps a copy of the other's position, which is
// never ahead of the truth, and looks at the shared one only when the copy says full or empty.
struct spsc_ring {
    size_t mask, elem_bytes;
    _Alignas(CACHE_LINE) _Atomic size_t tail; // written by the producer: elements pushed so far
    size_t head_seen;
    _Alignas(CACHE_LINE) _Atomic size_t head; // written by the consumer: elements popped so far
    size_t tail_seen;
    _Alignas(CACHE_LINE) uint8_t slots[];
};

struct spsc_ring *spsc_create(size_t capacity, size_t elem_bytes)
{
    if (!shape_is_valid(capacity, elem_bytes))
        return NULL;
    struct spsc_ring *ring = ring_memory(sizeof *ring, capacity * elem_bytes);
    if (ring) {
        ring->mask = capacity - 1;
        ring->elem_bytes = elem_bytes;
    }
    return ring;
}

void spsc_free(struct spsc_ring *ring)
{
    free(ring);
}

// How many of n elements from position on lie before the end of the slots.
static size_t before_wrap(const struct spsc_ring *ring, size_t position, size_t n)
{
    size_t to_end = ring->mask + 1 - (position & ring->mask);
    return n < to_end ? n : to_end;
}

size_t spsc_push(struct spsc_ring *ring, const void *elems, size_t n)
{
    size_t capacity = ring->mask + 1, elem_bytes = ring->elem_bytes;
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (capacity - (tail - ring->head_seen) < n)
        ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
    size_t room = capacity - (tail - ring->head_seen);
    if (n > room)
        n = room;
    if (n == 0)
        return 0;

    size_t first = before_wrap(ring, tail, n);
    memcpy(ring->slots + (tail & ring->mask) * elem_bytes, elems, first * elem_bytes);
    memcpy(ring->slots, (const uint8_t *)elems + first * elem_bytes, (n - first) * elem_bytes);
    atomic_store_explicit(&ring->tail, tail + n, memory_order_release);
    return n;
}

size_t spsc_pop(struct spsc_ring *ring, void *elems, size_t max)
{
    size_t elem_bytes = ring->elem_bytes;
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (ring->tail_seen - head < max)
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
    size_t n = ring->tail_seen - head;
    if (n > max)
        n = max;
    if (n == 0)
        return 0;

    size_t first = before_wrap(ring, head, n);
    memcpy(elems, ring->slots + (head & ring->mask) * elem_bytes, first * elem_bytes);
    memcpy((uint8_t *)elems + first * elem_bytes, ring->slots, (n - first) * elem_bytes);
    atomic_store_explicit(&ring->head, head + n, memory_order_release);
    return n;
}

// Reads the position that lags first, so that the difference can't be negative; it may overshoot the capacity.
static size_t snapshot_count(const _Atomic size_t *head, const _Atomic size_t *tail, size_t capacity)
{
    size_t popped = atomic_load_explicit(head, memory_order_acquire);
    size_t pushed = atomic_load_explicit(tail, memory_order_acquire);
    size_t count = pushed - popped;
    return count < capacity ? count : capacity;
}

size_t spsc_count(const struct spsc_ring *ring)
{
    return snapshot_count(&ring->head, &ring->tail, ring->mask + 1);
}

// Dmitry Vyukov's bounded queue (1024cores.net). A cell's turn says whose it is: equal to a position, the producer of
// that position may write it; one more, the consumer may read it; after reading, it is the next lap's position.
struct mpsc_cell {
    _Atomic size_t turn;
    uint8_t elem[];
};

struct mpsc_ring {
    size_t mask, elem_bytes, cell_bytes;
    _Alignas(CACHE_LINE) _Atomic size_t tail; // next position to write, taken by compare-and-swap
    _Alignas(CACHE_LINE) _Atomic size_t head; // next position to read, written by the consumer alone
    _Alignas(CACHE_LINE) uint8_t cells[];
};

static struct mpsc_cell *cell_at(struct mpsc_ring *ring, size_t position)
{
    return (struct mpsc_cell *)(void *)(ring->cells + (position & ring->mask) * ring->cell_bytes);
}

struct mpsc_ring *mpsc_create(size_t capacity, size_t elem_bytes)
{
    if (!shape_is_valid(capacity, elem_bytes))
        return NULL;
    size_t align = _Alignof(struct mpsc_cell);
    size_t cell_bytes = (sizeof(struct mpsc_cell) + elem_bytes + align - 1) & ~(align - 1);
    struct mpsc_ring *ring = ring_memory(sizeof *ring, capacity * cell_bytes);
    if (!ring)
        return NULL;
    ring->mask = capacity - 1;
    ring->elem_bytes = elem_bytes;
    ring->cell_bytes = cell_bytes;
    for (size_t i = 0; i < capacity; i++)
        atomic_init(&cell_at(ring, i)->turn, i);
    return ring;
}

void mpsc_free(struct mpsc_ring *ring)
{
    free(ring);
}

bool mpsc_push(struct mpsc_ring *ring, const void *elem)
{
    size_t position = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    for (;;) {
        struct mpsc_cell *cell = cell_at(ring, position);
        size_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
        if (turn == position) {
            if (atomic_compare_exchange_weak_explicit(&ring->tail, &position, position + 1, memory_order_relaxed,
                                                      memory_order_relaxed)) {
                memcpy(cell->elem, elem, ring->elem_bytes);
                atomic_store_explicit(&cell->turn, position + 1, memory_order_release);
                return true;
            }
        } else if ((ptrdiff_t)(turn - position) < 0) {
            return false; // the cell still holds an element of the lap before
        } else {
            position = atomic_load_explicit(&ring->tail, memory_order_relaxed);
        }
    }
}

size_t mpsc_pop(struct mpsc_ring *ring, void *elems, size_t max)
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    size_t n = 0;
    for (; n < max; n++) {
        struct mpsc_cell *cell = cell_at(ring, head + n);
        if (atomic_load_explicit(&cell->turn, memory_order_acquire) != head + n + 1)
            break;
        memcpy((uint8_t *)elems + n * ring->elem_bytes, cell->elem, ring->elem_bytes);
        atomic_store_explicit(&cell->turn, head + n + ring->mask + 1, memory_order_release);
    }
    if (n > 0)
        atomic_store_explicit(&ring->head, head + n, memory_order_release);
    return n;
}

size_t mpsc_count(const struct mpsc_ring *ring)
{
    return snapshot_count(&ring->head, &ring->tail, ring->mask + 1);
}
