#include "base/keccak.h"

#include "base/cpu.h"
#include "base/keccak_f.h"
#include "base/keccak_lanes.h"

#include <stdatomic.h>

const bytes32 KECCAK256_EMPTY = {{0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c, 0x92, 0x7e, 0x7d,
                                  0xb2, 0xdc, 0xc7, 0x03, 0xc0, 0xe5, 0x00, 0xb6, 0x53, 0xca, 0x82,
                                  0x27, 0x3b, 0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85, 0xa4, 0x70}};
const bytes32 KECCAK256_EMPTY_RLP = {{0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45,
                                      0xe6, 0x92, 0xc0, 0xf8, 0x6e, 0x5b, 0x48, 0xe0, 0x1b, 0x99, 0x6c,
                                      0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21}};
const bytes32 KECCAK256_EMPTY_LIST = {{0x1d, 0xcc, 0x4d, 0xe8, 0xde, 0xc7, 0x5d, 0x7a, 0xab, 0x85, 0xb5,
                                       0x67, 0xb6, 0xcc, 0xd4, 0x1a, 0xd3, 0x12, 0x45, 0x1b, 0x94, 0x8a,
                                       0x74, 0x13, 0xf0, 0xa1, 0x42, 0xfd, 0x40, 0xd4, 0x93, 0x47}};

static void absorb_block(uint64_t state[25], const uint8_t *block)
{
    for (int i = 0; i < KECCAK256_BLOCK_LANES; i++)
        state[i] ^= load_le64(block + 8 * i);
    keccak_f1600(state);
}

static bytes32 squeeze(const uint64_t state[25])
{
    bytes32 out;
    memcpy(out.b, state, sizeof out.b);
    return out;
}

// Absorbs the rest of a message, less than a block, with its padding.
static void absorb_last(uint64_t state[25], const uint8_t *in, size_t len)
{
    size_t lanes = len / 8;
    for (size_t i = 0; i < lanes; i++)
        state[i] ^= load_le64(in + 8 * i);
    state[lanes] ^= keccak_last_lane(in, len);
    state[KECCAK256_BLOCK_LANES - 1] ^= UINT64_C(1) << 63;
    keccak_f1600(state);
}

bytes32 keccak256_resume(uint64_t state[25], struct bytes rest)
{
    for (; rest.len >= KECCAK256_BLOCK; rest = bytes_of(rest.ptr + KECCAK256_BLOCK, rest.len - KECCAK256_BLOCK))
        absorb_block(state, rest.ptr);
    absorb_last(state, rest.ptr, rest.len);
    return squeeze(state);
}

bytes32 keccak256(const void *in, size_t len)
{
    uint64_t state[25] = {0};
    return keccak256_resume(state, bytes_of(in, len));
}

static struct keccak256_lanes batch_scalar(bytes32 *out, const struct bytes *in, size_t n)
{
    struct keccak256_lanes use = {0};
    for (size_t i = 0; i < n; i++) {
        out[i] = keccak256(in[i].ptr, in[i].len);
        keccak256_count(&use, keccak256_blocks(in[i].len), 1, 1);
    }
    return use;
}

static bool everywhere(void)
{
    return true;
}

// Widest first.
static const struct implementation {
    const char *name;
    unsigned lanes;
    bool (*usable)(void);
    struct keccak256_lanes (*batch)(bytes32 *out, const struct bytes *in, size_t n);
} IMPLEMENTATIONS[] = {
    {"avx512 x8", 8, cpu_has_avx512, keccak256_batch_avx512},
    {"avx2 x4", 4, cpu_has_avx2, keccak256_batch_avx2},
    {"scalar", 1, everywhere, batch_scalar},
};
enum { IMPLEMENTATION_COUNT = sizeof IMPLEMENTATIONS / sizeof IMPLEMENTATIONS[0] };

static const struct implementation *_Atomic chosen; // NULL before the first use
static _Thread_local struct keccak256_lanes lane_use;

bool keccak256_use(const char *name)
{
    for (size_t i = 0; i < IMPLEMENTATION_COUNT; i++) {
        const struct implementation *it = &IMPLEMENTATIONS[i];
        if ((!name || strcmp(name, it->name) == 0) && it->usable()) {
            atomic_store_explicit(&chosen, it, memory_order_relaxed);
            return true;
        }
    }
    return false;
}

static const struct implementation *implementation(void)
{
    const struct implementation *it = atomic_load_explicit(&chosen, memory_order_relaxed);
    while (!it && keccak256_use(NULL))
        it = atomic_load_explicit(&chosen, memory_order_relaxed);
    return it;
}

void keccak256_batch(bytes32 *out, const struct bytes *in, size_t n)
{
    const struct implementation *it = implementation();
    struct keccak256_lanes use = {0};
    if (n == 1) {
        out[0] = keccak256(in[0].ptr, in[0].len);
        keccak256_count(&use, keccak256_blocks(in[0].len), 1, it->lanes);
    } else {
        use = it->batch(out, in, n);
    }
    lane_use.used += use.used;
    lane_use.offered += use.offered;
}

const char *keccak256_implementation(void)
{
    return implementation()->name;
}

struct keccak256_lanes keccak256_lane_use(void)
{
    return lane_use;
}

void keccak256_init(struct keccak256_ctx *ctx)
{
    memset(ctx, 0, sizeof *ctx);
}

// XORs bytes into the state at ctx->fill; they stay within the current block.
static void fill_block(struct keccak256_ctx *ctx, const uint8_t *in, size_t len)
{
    uint8_t *state = (uint8_t *)ctx->state;
    size_t i = 0;
    for (; i + 8 <= len; i += 8)
        store_le64(state + ctx->fill + i, load_le64(state + ctx->fill + i) ^ load_le64(in + i));
    for (; i < len; i++)
        state[ctx->fill + i] ^= in[i];
    ctx->fill += len;
}

void keccak256_add(struct keccak256_ctx *ctx, const void *in, size_t len)
{
    const uint8_t *p = in;
    if (ctx->fill > 0) {
        size_t room = KECCAK256_BLOCK - ctx->fill;
        size_t take = len < room ? len : room;
        fill_block(ctx, p, take);
        p += take;
        len -= take;
        if (ctx->fill < KECCAK256_BLOCK)
            return;
        keccak_f1600(ctx->state);
        ctx->fill = 0;
    }
    for (; len >= KECCAK256_BLOCK; p += KECCAK256_BLOCK, len -= KECCAK256_BLOCK)
        absorb_block(ctx->state, p);
    fill_block(ctx, p, len);
}

bytes32 keccak256_finish(struct keccak256_ctx *ctx)
{
    uint8_t *state = (uint8_t *)ctx->state;
    state[ctx->fill] ^= 0x01;
    state[KECCAK256_BLOCK - 1] ^= 0x80;
    keccak_f1600(ctx->state);
    return squeeze(ctx->state);
}
