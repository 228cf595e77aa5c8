// The memory of all frames lies in one block, one after the other (yellow paper, appendix H, equation for C_mem).
#include "shard/evm/internal.h"

static uint64_t memory_cost(uint64_t words)
{
    return 3 * words + words * words / 512;
}

// A larger block somewhere else: what views of the old one the frames hold is moved along.
static void enlarge(struct evm *x, size_t needed)
{
    const uint8_t *old = x->memory, *old_end = old + x->memory_capacity;
    const size_t capacity = needed > 2 * x->memory_capacity ? needed : 2 * x->memory_capacity;
    uint8_t *bigger = arena_alloc(x->arena, capacity);
    const struct frame *top = x->frame;
    memcpy(bigger, old, top->memory + top->memory_len);
    for (struct frame *f = x->frames; f <= top; f++) {
        if (f->input.ptr >= old && f->input.ptr < old_end)
            f->input.ptr = bigger + (f->input.ptr - old);
    }
    arena_free(x->arena, x->memory);
    x->memory = bigger;
    x->memory_capacity = capacity;
}

bool evm_memory_to(struct evm *x, struct frame *f, uint64_t end)
{
    if (end <= f->memory_len)
        return true;
    const uint64_t words = evm_words(end), len = 32 * words;
    if (end > EVM_MEMORY_MAX || f->memory + len > EVM_MEMORY_MAX ||
        (f->gas -= (int64_t)(memory_cost(words) - memory_cost(f->memory_len / 32))) < 0)
        return false;
    if (f->memory + len > x->memory_capacity)
        enlarge(x, f->memory + len);
    memset(evm_memory_at(x, f, f->memory_len), 0, len - f->memory_len);
    f->memory_len = len;
    return true;
}

bool evm_memory_for(struct evm *x, struct frame *f, const u256 *offset, const u256 *len)
{
    if (u256_is_zero(len))
        return true;
    if (!u256_fits_u64(offset) || !u256_fits_u64(len) || offset->w[0] > EVM_MEMORY_MAX || len->w[0] > EVM_MEMORY_MAX)
        return false;
    return evm_memory_to(x, f, offset->w[0] + len->w[0]);
}
