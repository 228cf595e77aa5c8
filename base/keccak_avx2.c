// Four messages at a time: word w of the four states is one vector. This file alone is compiled with AVX2; nothing
// here runs unless cpu_has_avx2().
#include "base/keccak_lanes.h"

#include <immintrin.h>

#define LANES 4
#define INLINE static inline __attribute__((always_inline))

INLINE __m256i rotl(__m256i v, int n)
{
    return _mm256_or_si256(_mm256_slli_epi64(v, n), _mm256_srli_epi64(v, 64 - n));
}

INLINE __m256i rotl8(__m256i v)
{
    const __m256i order = _mm256_setr_epi8(7, 0, 1, 2, 3, 4, 5, 6, 15, 8, 9, 10, 11, 12, 13, 14, 7, 0, 1, 2, 3, 4, 5, 6,
                                           15, 8, 9, 10, 11, 12, 13, 14);
    return _mm256_shuffle_epi8(v, order);
}

INLINE __m256i rotl56(__m256i v)
{
    const __m256i order = _mm256_setr_epi8(1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11, 12, 13, 14, 15, 8, 1, 2, 3, 4, 5, 6, 7, 0,
                                           9, 10, 11, 12, 13, 14, 15, 8);
    return _mm256_shuffle_epi8(v, order);
}

INLINE __m256i xor2(__m256i a, __m256i b)
{
    return _mm256_xor_si256(a, b);
}

INLINE __m256i xor5(__m256i a, __m256i b, __m256i c, __m256i d, __m256i e)
{
    return xor2(xor2(xor2(a, b), xor2(c, d)), e);
}

// The step chi on one plane.
INLINE void chi(__m256i e[5], __m256i b0, __m256i b1, __m256i b2, __m256i b3, __m256i b4)
{
    e[0] = xor2(b0, _mm256_andnot_si256(b1, b2));
    e[1] = xor2(b1, _mm256_andnot_si256(b2, b3));
    e[2] = xor2(b2, _mm256_andnot_si256(b3, b4));
    e[3] = xor2(b3, _mm256_andnot_si256(b4, b0));
    e[4] = xor2(b4, _mm256_andnot_si256(b0, b1));
}

// One round, from a into e.
INLINE void keccak_round(__m256i e[25], const __m256i a[25], uint64_t constant)
{
    __m256i c0 = xor5(a[0], a[5], a[10], a[15], a[20]);
    __m256i c1 = xor5(a[1], a[6], a[11], a[16], a[21]);
    __m256i c2 = xor5(a[2], a[7], a[12], a[17], a[22]);
    __m256i c3 = xor5(a[3], a[8], a[13], a[18], a[23]);
    __m256i c4 = xor5(a[4], a[9], a[14], a[19], a[24]);
    __m256i d0 = xor2(c4, rotl(c1, 1));
    __m256i d1 = xor2(c0, rotl(c2, 1));
    __m256i d2 = xor2(c1, rotl(c3, 1));
    __m256i d3 = xor2(c2, rotl(c4, 1));
    __m256i d4 = xor2(c3, rotl(c0, 1));

    chi(e, xor2(a[0], d0), rotl(xor2(a[6], d1), 44), rotl(xor2(a[12], d2), 43), rotl(xor2(a[18], d3), 21),
        rotl(xor2(a[24], d4), 14));
    e[0] = xor2(e[0], _mm256_set1_epi64x((int64_t)constant));
    chi(e + 5, rotl(xor2(a[3], d3), 28), rotl(xor2(a[9], d4), 20), rotl(xor2(a[10], d0), 3), rotl(xor2(a[16], d1), 45),
        rotl(xor2(a[22], d2), 61));
    chi(e + 10, rotl(xor2(a[1], d1), 1), rotl(xor2(a[7], d2), 6), rotl(xor2(a[13], d3), 25), rotl8(xor2(a[19], d4)),
        rotl(xor2(a[20], d0), 18));
    chi(e + 15, rotl(xor2(a[4], d4), 27), rotl(xor2(a[5], d0), 36), rotl(xor2(a[11], d1), 10),
        rotl(xor2(a[17], d2), 15), rotl56(xor2(a[23], d3)));
    chi(e + 20, rotl(xor2(a[2], d2), 62), rotl(xor2(a[8], d3), 55), rotl(xor2(a[14], d4), 39),
        rotl(xor2(a[15], d0), 41), rotl(xor2(a[21], d1), 2));
}

static void permute(__m256i a[25])
{
    __m256i e[25];
    for (int round = 0; round < KECCAK_ROUNDS; round += 2) {
        keccak_round(e, a, KECCAK_ROUND_CONSTANTS[round]);
        keccak_round(a, e, KECCAK_ROUND_CONSTANTS[round + 1]);
    }
}

// A lane's way through its message.
struct lane {
    const uint8_t *block; // to absorb next: in the message, or in last
    struct bytes rest;    // of the message, after block
    size_t index;         // of the message
    bool active;          // false once the messages have run out; the lane then computes for nothing
    bool fresh;           // nothing of the message is absorbed yet, the state is still the one before's
    bool finished;        // block is the message's last
    uint64_t last[KECCAK256_BLOCK_LANES];
};

// The messages not yet given to a lane.
struct queue {
    const struct bytes *in;
    size_t next, count;
};

static void start_message(struct lane *lane, struct queue *queue)
{
    lane->active = queue->next < queue->count;
    lane->fresh = lane->active;
    lane->finished = false;
    lane->block = (const uint8_t *)lane->last;
    if (lane->active) {
        lane->index = queue->next++;
        lane->rest = queue->in[lane->index];
    }
}

static void pad_last_block(struct lane *lane)
{
    const uint8_t *in = lane->rest.ptr;
    size_t words = lane->rest.len / 8;
    memset(lane->last, 0, sizeof lane->last);
    for (size_t i = 0; i < words; i++)
        lane->last[i] = load_le64(in + 8 * i);
    lane->last[words] = keccak_last_lane(in, lane->rest.len);
    lane->last[KECCAK256_BLOCK_LANES - 1] |= UINT64_C(1) << 63;
    lane->block = (const uint8_t *)lane->last;
    lane->finished = true;
}

static void next_block(struct lane *lane)
{
    if (lane->rest.len < KECCAK256_BLOCK) {
        pad_last_block(lane);
        return;
    }
    lane->block = lane->rest.ptr;
    lane->rest = bytes_of(lane->rest.ptr + KECCAK256_BLOCK, lane->rest.len - KECCAK256_BLOCK);
}

// Zeroes the state of the lanes that begin a message.
static void clear_fresh(__m256i state[25], struct lane lanes[LANES])
{
    if (!(lanes[0].fresh | lanes[1].fresh | lanes[2].fresh | lanes[3].fresh))
        return;
    __m256i keep = _mm256_setr_epi64x(lanes[0].fresh - 1, lanes[1].fresh - 1, lanes[2].fresh - 1, lanes[3].fresh - 1);
    for (int word = 0; word < 25; word++)
        state[word] = _mm256_and_si256(state[word], keep);
    for (int i = 0; i < LANES; i++)
        lanes[i].fresh = false;
}

// XORs four words of each lane's block, from word first on, into the state.
INLINE void absorb_four(__m256i state[25], const struct lane lanes[LANES], int first)
{
    __m256i r0 = _mm256_loadu_si256((const __m256i *)(const void *)(lanes[0].block + 8 * first));
    __m256i r1 = _mm256_loadu_si256((const __m256i *)(const void *)(lanes[1].block + 8 * first));
    __m256i r2 = _mm256_loadu_si256((const __m256i *)(const void *)(lanes[2].block + 8 * first));
    __m256i r3 = _mm256_loadu_si256((const __m256i *)(const void *)(lanes[3].block + 8 * first));
    // Transposed from a lane a row to a word a row.
    __m256i t0 = _mm256_unpacklo_epi64(r0, r1), t1 = _mm256_unpackhi_epi64(r0, r1);
    __m256i t2 = _mm256_unpacklo_epi64(r2, r3), t3 = _mm256_unpackhi_epi64(r2, r3);
    state[first] = xor2(state[first], _mm256_permute2x128_si256(t0, t2, 0x20));
    state[first + 1] = xor2(state[first + 1], _mm256_permute2x128_si256(t1, t3, 0x20));
    state[first + 2] = xor2(state[first + 2], _mm256_permute2x128_si256(t0, t2, 0x31));
    state[first + 3] = xor2(state[first + 3], _mm256_permute2x128_si256(t1, t3, 0x31));
}

static void absorb(__m256i state[25], const struct lane lanes[LANES])
{
    for (int word = 0; word < KECCAK256_BLOCK_LANES - 1; word += 4)
        absorb_four(state, lanes, word);
    int last = KECCAK256_BLOCK_LANES - 1;
    __m256i words = _mm256_setr_epi64x(
        (int64_t)load_le64(lanes[0].block + 8 * last), (int64_t)load_le64(lanes[1].block + 8 * last),
        (int64_t)load_le64(lanes[2].block + 8 * last), (int64_t)load_le64(lanes[3].block + 8 * last));
    state[last] = xor2(state[last], words);
}

static uint64_t state_word(const __m256i state[25], int word, int lane)
{
    return load_le64((const uint8_t *)&state[word] + 8 * lane);
}

static void squeeze(bytes32 *out, const __m256i state[25], int lane)
{
    for (int word = 0; word < 4; word++)
        store_le64(out->b + 8 * word, state_word(state, word, lane));
}

// Ends the one message that is left without paying for four lanes.
static void finish_alone(bytes32 *out, const __m256i state[25], const struct lane *lane, int lane_index)
{
    uint64_t alone[25] = {0};
    for (int word = 0; word < 25 && !lane->fresh; word++)
        alone[word] = state_word(state, word, lane_index);
    *out = keccak256_resume(alone, lane->rest);
}

static unsigned active_count(const struct lane lanes[LANES])
{
    return (unsigned)lanes[0].active + lanes[1].active + lanes[2].active + lanes[3].active;
}

struct keccak256_lanes keccak256_batch_avx2(bytes32 *out, const struct bytes *in, size_t n)
{
    struct keccak256_lanes use = {0};
    struct queue queue = {in, 0, n};
    struct lane lanes[LANES];
    __m256i state[25];
    memset(state, 0, sizeof state);
    for (int i = 0; i < LANES; i++) {
        memset(lanes[i].last, 0, sizeof lanes[i].last);
        start_message(&lanes[i], &queue);
    }
    for (unsigned active; (active = active_count(lanes)) > 1;) {
        keccak256_count(&use, 1, active, LANES);
        clear_fresh(state, lanes);
        for (int i = 0; i < LANES; i++) {
            if (lanes[i].active)
                next_block(&lanes[i]);
        }
        absorb(state, lanes);
        permute(state);
        for (int i = 0; i < LANES; i++) {
            if (lanes[i].finished) {
                squeeze(&out[lanes[i].index], state, i);
                start_message(&lanes[i], &queue);
            }
        }
    }
    for (int i = 0; i < LANES; i++) {
        if (lanes[i].active) {
            finish_alone(&out[lanes[i].index], state, &lanes[i], i);
            keccak256_count(&use, keccak256_blocks(lanes[i].rest.len), 1, LANES);
        }
    }
    return use;
}
