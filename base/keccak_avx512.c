// Eight messages at a time: word w of the eight states is one vector. This file alone is compiled with AVX-512 (F, BW);
// nothing here runs unless cpu_has_avx512().
//
// The vectors are the compiler's own. Without AVX-512 the same source compiles to plain code that gives the same
// hashes, which is how the tests run it on every machine; only xor3, chi1 and load_end are written twice.
#include "base/keccak_lanes.h"

#include "base/keccak_f.h"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define LANES 8
#define ROW_BYTES 64 // of a block, in a vector
#define INLINE static inline __attribute__((always_inline))

typedef uint64_t v8 __attribute__((vector_size(64)));

INLINE v8 rotl(v8 v, int n)
{
    return v << n | v >> (64 - n);
}

// One instruction each, vpternlogq, whose constant is the truth table.
INLINE v8 xor3(v8 a, v8 b, v8 c)
{
#ifdef __AVX512F__
    return (v8)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0x96);
#else
    return a ^ b ^ c;
#endif
}

INLINE v8 chi1(v8 a, v8 b, v8 c)
{
#ifdef __AVX512F__
    return (v8)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0xd2);
#else
    return a ^ (~b & c);
#endif
}

INLINE v8 xor5(v8 a, v8 b, v8 c, v8 d, v8 e)
{
    return xor3(xor3(a, b, c), d, e);
}

// The step chi on one plane.
INLINE void chi(v8 e[5], v8 b0, v8 b1, v8 b2, v8 b3, v8 b4)
{
    e[0] = chi1(b0, b1, b2);
    e[1] = chi1(b1, b2, b3);
    e[2] = chi1(b2, b3, b4);
    e[3] = chi1(b3, b4, b0);
    e[4] = chi1(b4, b0, b1);
}

// One round, from a into e. The two columns that theta adds go into a word with one instruction.
INLINE void keccak_round(v8 e[25], const v8 a[25], uint64_t constant)
{
    const v8 c0 = xor5(a[0], a[5], a[10], a[15], a[20]), r0 = rotl(c0, 1);
    const v8 c1 = xor5(a[1], a[6], a[11], a[16], a[21]), r1 = rotl(c1, 1);
    const v8 c2 = xor5(a[2], a[7], a[12], a[17], a[22]), r2 = rotl(c2, 1);
    const v8 c3 = xor5(a[3], a[8], a[13], a[18], a[23]), r3 = rotl(c3, 1);
    const v8 c4 = xor5(a[4], a[9], a[14], a[19], a[24]), r4 = rotl(c4, 1);

    chi(e, xor3(a[0], c4, r1), rotl(xor3(a[6], c0, r2), 44), rotl(xor3(a[12], c1, r3), 43),
        rotl(xor3(a[18], c2, r4), 21), rotl(xor3(a[24], c3, r0), 14));
    e[0] ^= constant;
    chi(e + 5, rotl(xor3(a[3], c2, r4), 28), rotl(xor3(a[9], c3, r0), 20), rotl(xor3(a[10], c4, r1), 3),
        rotl(xor3(a[16], c0, r2), 45), rotl(xor3(a[22], c1, r3), 61));
    chi(e + 10, rotl(xor3(a[1], c0, r2), 1), rotl(xor3(a[7], c1, r3), 6), rotl(xor3(a[13], c2, r4), 25),
        rotl(xor3(a[19], c3, r0), 8), rotl(xor3(a[20], c4, r1), 18));
    chi(e + 15, rotl(xor3(a[4], c3, r0), 27), rotl(xor3(a[5], c4, r1), 36), rotl(xor3(a[11], c0, r2), 10),
        rotl(xor3(a[17], c1, r3), 15), rotl(xor3(a[23], c2, r4), 56));
    chi(e + 20, rotl(xor3(a[2], c1, r3), 62), rotl(xor3(a[8], c2, r4), 55), rotl(xor3(a[14], c3, r0), 39),
        rotl(xor3(a[15], c4, r1), 41), rotl(xor3(a[21], c0, r2), 2));
}

static void permute(v8 state[25])
{
    v8 a[25], e[25];
    memcpy(a, state, sizeof a);
    for (int round = 0; round < KECCAK_ROUNDS; round += 2) {
        keccak_round(e, a, KECCAK_ROUND_CONSTANTS[round]);
        keccak_round(a, e, KECCAK_ROUND_CONSTANTS[round + 1]);
    }
    memcpy(state, a, sizeof a);
}

// A lane's way through its message.
struct lane {
    struct bytes rest; // not yet absorbed
    size_t index;      // of the message
};

// The messages not yet given to a lane, and which lanes have one; sets of lanes are bit masks.
struct work {
    const struct bytes *in;
    size_t next, count;
    struct lane lanes[LANES];
    unsigned active; // the others compute for nothing
    unsigned fresh;  // nothing of the message is absorbed yet, the state is still the one before's
};

static void start_message(struct work *w, unsigned lane)
{
    const unsigned bit = 1u << lane;
    if (w->next == w->count) {
        w->active &= ~bit;
        return;
    }
    w->lanes[lane] = (struct lane){w->in[w->next], w->next};
    w->next++;
    w->active |= bit;
    w->fresh |= bit;
}

INLINE v8 load_row(const uint8_t *p)
{
    v8 row;
    memcpy(&row, p, sizeof row);
    return row;
}

// The last n < ROW_BYTES bytes of a message and the padding's first byte after them.
INLINE v8 load_end(const uint8_t *p, size_t n)
{
#ifdef __AVX512BW__
    const __mmask64 below = (UINT64_C(1) << n) - 1;
    const __m512i padding = _mm512_maskz_set1_epi8(below + 1, 1);
    return (v8)(n > 0 ? _mm512_mask_loadu_epi8(padding, below, p) : padding);
#else
    uint8_t row[ROW_BYTES] = {0};
    for (size_t i = 0; i < n; i++)
        row[i] = p[i];
    row[n] = 1;
    return load_row(row);
#endif
}

// A block of each lane: two rows and the last word.
struct blocks {
    v8 first[LANES], second[LANES];
    uint64_t last[LANES];
};

// True when it was the message's last.
INLINE bool take_block(struct blocks *b, unsigned i, struct lane *lane)
{
    const uint8_t *p = lane->rest.ptr;
    const size_t len = lane->rest.len;
    if (len >= KECCAK256_BLOCK) {
        b->first[i] = load_row(p);
        b->second[i] = load_row(p + ROW_BYTES);
        b->last[i] = load_le64(p + 2 * ROW_BYTES);
        lane->rest = bytes_of(p + KECCAK256_BLOCK, len - KECCAK256_BLOCK);
        return false;
    }
    const v8 nothing = {0};
    b->first[i] = len >= ROW_BYTES ? load_row(p) : load_end(p, len);
    if (len < 2 * ROW_BYTES) {
        b->second[i] = len >= ROW_BYTES ? load_end(p + ROW_BYTES, len - ROW_BYTES) : nothing;
        b->last[i] = 0;
    } else {
        b->second[i] = load_row(p + ROW_BYTES);
        b->last[i] = keccak_last_lane(p, len);
    }
    b->last[i] |= UINT64_C(1) << 63;
    return true;
}

// From a lane a row to a word a row: blocks of 1, 2 and 4 words change places.
INLINE void transpose(v8 r[LANES])
{
    for (unsigned i = 0; i < LANES; i += 2) {
        const v8 a = r[i], b = r[i + 1];
        r[i] = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14);
        r[i + 1] = __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (unsigned i = 0; i < LANES; i += i % 4 == 1 ? 3 : 1) {
        const v8 a = r[i], b = r[i + 2];
        r[i] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
        r[i + 2] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
    for (unsigned i = 0; i < LANES / 2; i++) {
        const v8 a = r[i], b = r[i + 4];
        r[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
        r[i + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

// Zeroes the states of the lanes that begin a message.
static void clear_fresh(v8 state[25], unsigned fresh)
{
    const v8 bits = {1, 2, 4, 8, 16, 32, 64, 128};
    const v8 keep = (v8)((bits & (uint64_t)fresh) == 0);
    for (int word = 0; word < 25; word++)
        state[word] &= keep;
}

// Absorbs a block of each active lane; returns the lanes whose message ended with it.
static unsigned absorb(v8 state[25], struct work *w)
{
    struct blocks b;
    unsigned ended = 0;
    if (w->fresh)
        clear_fresh(state, w->fresh);
    w->fresh = 0;
    for (unsigned i = 0; i < LANES; i++) {
        if (w->active >> i & 1) {
            ended |= (unsigned)take_block(&b, i, &w->lanes[i]) << i;
        } else {
            b.first[i] = b.second[i] = (v8){0};
            b.last[i] = 0;
        }
    }
    transpose(b.first);
    transpose(b.second);
    for (unsigned word = 0; word < LANES; word++) {
        state[word] ^= b.first[word];
        state[LANES + word] ^= b.second[word];
    }
    state[2 * LANES] ^= load_row((const uint8_t *)b.last);
    return ended;
}

static uint64_t state_word(const v8 state[25], int word, unsigned lane)
{
    return load_le64((const uint8_t *)&state[word] + 8 * lane);
}

static void squeeze(bytes32 *out, const v8 state[25], unsigned lane)
{
    for (int word = 0; word < 4; word++)
        store_le64(out->b + 8 * word, state_word(state, word, lane));
}

// Ends the one message that is left without paying for eight lanes.
static void finish_alone(bytes32 *out, const v8 state[25], const struct work *w, struct keccak256_lanes *use)
{
    const unsigned i = (unsigned)__builtin_ctz(w->active);
    const struct lane *lane = &w->lanes[i];
    uint64_t alone[25] = {0};
    for (int word = 0; word < 25 && !(w->fresh >> i & 1); word++)
        alone[word] = state_word(state, word, i);
    out[lane->index] = keccak256_resume(alone, lane->rest);
    keccak256_count(use, keccak256_blocks(lane->rest.len), 1, LANES);
}

struct keccak256_lanes keccak256_batch_avx512(bytes32 *out, const struct bytes *in, size_t n)
{
    struct keccak256_lanes use = {0};
    struct work w = {.in = in, .count = n};
    v8 state[25];
    memset(state, 0, sizeof state);
    for (unsigned i = 0; i < LANES; i++)
        start_message(&w, i);
    while (w.active & (w.active - 1)) { // more than one
        keccak256_count(&use, 1, (unsigned)__builtin_popcount(w.active), LANES);
        unsigned ended = absorb(state, &w);
        permute(state);
        for (; ended; ended &= ended - 1) {
            const unsigned i = (unsigned)__builtin_ctz(ended);
            squeeze(&out[w.lanes[i].index], state, i);
            start_message(&w, i);
        }
    }
    if (w.active)
        finish_alone(out, state, &w, &use);
    return use;
}
