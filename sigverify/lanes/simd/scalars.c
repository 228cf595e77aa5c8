#include "sigverify/lanes/simd/scalars.h"

#if LANES == 8

#include <assert.h>
#include <string.h>

#include "sigverify/lanes/simd/words.h"

enum {
    COLUMNS = 2 * LIMB_COUNT,
    SHORT_LIMBS = 3, // of a number modulo 2^156
    CHUNK = 32,      // vectors that share an inversion
    STREAMS = 2,     // running products, so that each one's latency hides behind the other's
};

// Carried: limbs 0 to 3 below 2^52, the last one below 2^49.
struct scalar_lanes {
    ivec limb[LIMB_COUNT];
};

#if defined LANES_CHECKED
static void assert_limbs_below(const ivec *l, int count, unsigned bits, unsigned top_bits)
{
    uint64_t lanes[LANES];
    for (int i = 0; i < count; i++) {
        vec_store(lanes, l[i]);
        for (int j = 0; j < LANES; j++)
            assert(lanes[j] >> (i == count - 1 ? top_bits : bits) == 0);
    }
}
#else
#define assert_limbs_below(l, count, bits, top_bits) ((void)0)
#endif

// 2^256 - n and 2^260 mod n
static const uint64_t FOLD_256[SHORT_LIMBS] = {0xda1732fc9bebf, 0x1950b75fc4402, 0x1455123};
static const uint64_t FOLD_260[SHORT_LIMBS] = {0xa1732fc9bebf0, 0x950b75fc4402d, 0x14551231};
// n with 2^52 lent from each limb to the one below: each is above any limb of a number below n, but for the last.
static const uint64_t LENT_ORDER[LIMB_COUNT] = {0x125e8cd0364141, 0x1e6af48a03bbfc, 0x1ffffffebaaedb, 0x1ffffffffffffe,
                                                0xfffffffffffe};

INLINE void set_zero(ivec *l, int count)
{
    for (int i = 0; i < count; i++)
        l[i] = ivec_set1(0);
}

// Columns of a product with constants or another number; c has one more than the highest.
INLINE void add_products(ivec *c, const ivec *a, int a_len, const ivec *b, int b_len)
{
    for (int i = 0; i < a_len; i++) {
        for (int j = 0; j < b_len; j++) {
            c[i + j] = vec_madd52lo(c[i + j], a[i], b[j]);
            c[i + j + 1] = vec_madd52hi(c[i + j + 1], a[i], b[j]);
        }
    }
}

INLINE void set_constants(ivec *out, const uint64_t *in, int len)
{
    for (int i = 0; i < len; i++)
        out[i] = ivec_set1(in[i]);
}

// Only the carries: a multiplication takes the low 52 bits of each limb itself.
INLINE void carry_up(ivec *c, int count)
{
    for (int i = 0; i < count - 1; i++)
        c[i + 1] = ivec_add(c[i + 1], ivec_shr(c[i], 52));
}

// Columns below 2^57 of a number below 2^514.
INLINE void reduce(struct scalar_lanes *r, ivec c[COLUMNS])
{
    ivec fold[SHORT_LIMBS], fold_top[SHORT_LIMBS], sum[LIMB_COUNT + SHORT_LIMBS], last[LIMB_COUNT + 1];
    set_constants(fold, FOLD_260, SHORT_LIMBS);
    set_constants(fold_top, FOLD_256, SHORT_LIMBS);
    // What lies above 2^260 is below 2^254; times 2^260 mod n it is below 2^387.
    carry_up(c + LIMB_COUNT, LIMB_COUNT);
    assert_limbs_below(c + COLUMNS - 1, 1, 0, 46);
    memcpy(sum, c, LIMB_COUNT * sizeof *sum);
    set_zero(sum + LIMB_COUNT, SHORT_LIMBS);
    add_products(sum, c + LIMB_COUNT, LIMB_COUNT, fold, SHORT_LIMBS);
    // Above 2^260 again, now below 2^127; times the same below 2^260.
    carry_up(sum + LIMB_COUNT, SHORT_LIMBS);
    assert_limbs_below(sum + LIMB_COUNT + SHORT_LIMBS - 1, 1, 0, 24);
    memcpy(last, sum, LIMB_COUNT * sizeof *last);
    set_zero(last + LIMB_COUNT, 1);
    add_products(last, sum + LIMB_COUNT, SHORT_LIMBS, fold, SHORT_LIMBS);
    // From 2^256 up a dozen bits are left.
    const ivec top = ivec_add(ivec_shr(last[4], 48), ivec_shl(last[5], 4));
    last[4] = ivec_and(last[4], ivec_set1(TOP_LIMB_MASK));
    assert_limbs_below(&top, 1, 0, 12);
    add_products(last, &top, 1, fold_top, SHORT_LIMBS);
    limbs_carry(last, LIMB_COUNT);
    memcpy(r->limb, last, sizeof r->limb);
    assert_limbs_below(r->limb, LIMB_COUNT, 52, 49);
}

static void multiply_lanes(struct scalar_lanes *r, const struct scalar_lanes *a, const struct scalar_lanes *b)
{
    ivec c[COLUMNS];
    assert_limbs_below(a->limb, LIMB_COUNT, 52, 49);
    assert_limbs_below(b->limb, LIMB_COUNT, 52, 49);
    set_zero(c, COLUMNS);
    add_products(c, a->limb, LIMB_COUNT, b->limb, LIMB_COUNT);
    reduce(r, c);
}

// Below n.
static void make_canonical(struct scalar_lanes *a)
{
    ivec fold[SHORT_LIMBS];
    set_constants(fold, FOLD_256, SHORT_LIMBS);
    const ivec top = ivec_shr(a->limb[4], 48);
    a->limb[4] = ivec_and(a->limb[4], ivec_set1(TOP_LIMB_MASK));
    add_products(a->limb, &top, 1, fold, SHORT_LIMBS);
    limbs_carry(a->limb, LIMB_COUNT);
    limbs_subtract_once(a->limb, FOLD_256, SHORT_LIMBS);
}

// --- Arrays.

// Lanes from count on repeat the last one in use.
static void load(struct scalar_lanes *out, const u256 *in, size_t count)
{
    u256 padded[LANES];
    if (count >= LANES) {
        limbs_load(out->limb, in);
        return;
    }
    for (size_t i = 0; i < LANES; i++)
        padded[i] = in[i < count ? i : count - 1];
    limbs_load(out->limb, padded);
}

// Makes it canonical.
static void store(u256 *out, struct scalar_lanes *in, size_t count)
{
    u256 numbers[LANES];
    make_canonical(in);
    if (count >= LANES) {
        limbs_store(out, in->limb);
        return;
    }
    limbs_store(numbers, in->limb);
    memcpy(out, numbers, count * sizeof *out);
}

static void multiply(u256 *out, const u256 *a, const u256 *b, size_t n)
{
    for (size_t at = 0; at < n; at += LANES) {
        struct scalar_lanes x, y;
        load(&x, a + at, n - at);
        load(&y, b + at, n - at);
        multiply_lanes(&x, &x, &y);
        store(out + at, &x, n - at);
    }
}

// running[] become the inverses of what each stream has multiplied.
static void invert_streams(struct scalar_lanes running[STREAMS])
{
    u256 products[STREAMS * LANES], inverses[STREAMS * LANES];
    for (size_t i = 0; i < STREAMS; i++)
        store(products + i * LANES, &running[i], LANES);
    scalar_invert_batch(inverses, products, STREAMS * LANES);
    for (size_t i = 0; i < STREAMS; i++)
        load(&running[i], inverses + i * LANES, LANES);
}

static void invert_chunk(u256 *out, const u256 *in, size_t n)
{
    struct scalar_lanes values[CHUNK], before[CHUNK], running[STREAMS];
    const size_t vectors = (n + LANES - 1) / LANES;
    for (size_t i = 0; i < STREAMS; i++) {
        set_zero(running[i].limb, LIMB_COUNT);
        running[i].limb[0] = ivec_set1(1);
    }
    for (size_t i = 0; i < vectors; i++) {
        load(&values[i], in + i * LANES, n - i * LANES);
        before[i] = running[i % STREAMS];
        multiply_lanes(&running[i % STREAMS], &before[i], &values[i]);
    }
    invert_streams(running);
    for (size_t i = vectors; i-- > 0;) {
        struct scalar_lanes inverse;
        multiply_lanes(&inverse, &running[i % STREAMS], &before[i]);
        multiply_lanes(&running[i % STREAMS], &running[i % STREAMS], &values[i]);
        store(out + i * LANES, &inverse, n - i * LANES);
    }
}

static void invert(u256 *out, const u256 *in, size_t n)
{
    for (size_t at = 0; at < n; at += (size_t)CHUNK * LANES)
        invert_chunk(out + at, in + at, n - at < (size_t)CHUNK * LANES ? n - at : (size_t)CHUNK * LANES);
}

// --- The split. Numbers in three limbs are modulo 2^156, negative ones in two's complement.

// round(k g / 2^384), for k below n
INLINE void multiply_round_384(ivec out[SHORT_LIMBS], const struct scalar_lanes *k, const uint64_t g[LIMB_COUNT])
{
    const ivec mask = ivec_set1(LIMB_MASK);
    ivec c[COLUMNS], factor[LIMB_COUNT];
    set_zero(c, COLUMNS);
    set_constants(factor, g, LIMB_COUNT);
    add_products(c, k->limb, LIMB_COUNT, factor, LIMB_COUNT);
    // 384 is bit 20 of limb 7.
    c[7] = ivec_add(c[7], ivec_set1(UINT64_C(1) << 19));
    limbs_carry(c, COLUMNS);
    out[0] = ivec_and(ivec_or(ivec_shr(c[7], 20), ivec_shl(c[8], 32)), mask);
    out[1] = ivec_and(ivec_or(ivec_shr(c[8], 20), ivec_shl(c[9], 32)), mask);
    out[2] = ivec_shr(c[9], 20);
}

// c += a b, modulo 2^156
INLINE void add_short_product(ivec c[SHORT_LIMBS], const ivec a[SHORT_LIMBS], const uint64_t b[SHORT_LIMBS])
{
    for (int i = 0; i < SHORT_LIMBS; i++) {
        for (int j = 0; i + j < SHORT_LIMBS; j++) {
            const ivec factor = ivec_set1(b[j]);
            c[i + j] = vec_madd52lo(c[i + j], a[i], factor);
            if (i + j + 1 < SHORT_LIMBS)
                c[i + j + 1] = vec_madd52hi(c[i + j + 1], a[i], factor);
        }
    }
}

INLINE void carry_short(ivec l[SHORT_LIMBS])
{
    limbs_carry(l, SHORT_LIMBS);
    l[SHORT_LIMBS - 1] = ivec_and(l[SHORT_LIMBS - 1], ivec_set1(LIMB_MASK));
}

// The basis of scalar.c.
static const uint64_t MINUS_A1[SHORT_LIMBS] = {0x36f1b6d7b14eb, 0xde582b9432179, 0xfffffffcf792d};
static const uint64_t MINUS_A2[SHORT_LIMBS] = {0xeef7262bb3028, 0x08571d0c09a83, 0xffffffeeb35af};
static const uint64_t MINUS_B1[SHORT_LIMBS] = {0x47fa90abfe4c3, 0xd6010e88286f5, 0xe4437e};

// k = first + second lambda mod n, for k below n
static void split_lanes(ivec first[SHORT_LIMBS], ivec second[SHORT_LIMBS], const struct scalar_lanes *k)
{
    static const uint64_t G1[LIMB_COUNT] = {0x3209a45dbb031, 0x1471e8ca7fe89, 0x284eb153daa8a, 0x6bcde86c90e49,
                                            0x3086d221a7d4};
    static const uint64_t G2[LIMB_COUNT] = {0x1b4ae8ac47f71, 0xac9df506c6157, 0xabfe4c4221208, 0x88286f547fa90,
                                            0xe4437ed6010e};
    ivec c1[SHORT_LIMBS], c2[SHORT_LIMBS];
    multiply_round_384(c1, k, G1);
    multiply_round_384(c2, k, G2);
    memcpy(first, k->limb, SHORT_LIMBS * sizeof *first);
    add_short_product(first, c1, MINUS_A1);
    add_short_product(first, c2, MINUS_A2);
    carry_short(first);
    set_zero(second, SHORT_LIMBS);
    add_short_product(second, c1, MINUS_B1);
    add_short_product(second, c2, MINUS_A1);
    carry_short(second);
}

// Sign and magnitude; i is the half.
static void store_half(struct scalar_half (*out)[2], int i, const ivec l[SHORT_LIMBS], size_t count)
{
    // 2^156 with 2^52 lent from each limb to the one below
    static const uint64_t LENT[SHORT_LIMBS] = {UINT64_C(1) << 52, (UINT64_C(1) << 52) - 1, (UINT64_C(1) << 52) - 1};
    const lane_mask positive = ivec_zero_lanes(ivec_shr(l[2], 51));
    ivec m[SHORT_LIMBS];
    uint64_t low[LANES], high[LANES];
    for (int j = 0; j < SHORT_LIMBS; j++)
        m[j] = ivec_sub(ivec_set1(LENT[j]), l[j]);
    carry_short(m);
    for (int j = 0; j < SHORT_LIMBS; j++)
        m[j] = ivec_select(positive, l[j], m[j]);
    vec_store(low, ivec_or(m[0], ivec_shl(m[1], 52)));
    vec_store(high, ivec_or(ivec_shr(m[1], 12), ivec_shl(m[2], 40)));
    for (size_t lane = 0; lane < LANES && lane < count; lane++)
        out[lane][i] = (struct scalar_half){low[lane], high[lane], !(positive >> lane & 1)};
}

static void split(struct scalar_half (*out)[2], const u256 *k, size_t n)
{
    for (size_t at = 0; at < n; at += LANES) {
        struct scalar_lanes number;
        ivec first[SHORT_LIMBS], second[SHORT_LIMBS];
        load(&number, k + at, n - at);
        split_lanes(first, second, &number);
        store_half(out + at, 0, first, n - at);
        store_half(out + at, 1, second, n - at);
    }
}

// --- Digits (digits.h).

// All bits where a is odd.
INLINE ivec odd_lanes(ivec a)
{
    return ivec_sub(ivec_set1(0), ivec_and(a, ivec_set1(1)));
}

// Adds the relations of digits.c that make both halves odd: (odd, odd) where the first is even, and (even, odd) where
// their parities differ.
static void make_odd(ivec first[SHORT_LIMBS], ivec second[SHORT_LIMBS])
{
    static const uint64_t BOTH[2][SHORT_LIMBS] = {{0xc90e49284eb15, 0x21a7d46bcde86, 0x3086d2},
                                                  {0xb8056f5401b3d, 0x29fef177d790a, 0xfffffff1bbc81}};
    static const uint64_t SECOND[2][SHORT_LIMBS] = {{0x1108d9d44cfd8, 0xf7a8e2f3f657c, 0x114ca50},
                                                    {0xc90e49284eb15, 0x21a7d46bcde86, 0x3086d2}};
    const ivec both = odd_lanes(ivec_add(first[0], ivec_set1(1)));
    const ivec only_second = odd_lanes(ivec_add(first[0], second[0]));
    for (int i = 0; i < SHORT_LIMBS; i++) {
        first[i] = ivec_add(first[i], ivec_and(both, ivec_set1(BOTH[0][i])));
        first[i] = ivec_add(first[i], ivec_and(only_second, ivec_set1(SECOND[0][i])));
        second[i] = ivec_add(second[i], ivec_and(both, ivec_set1(BOTH[1][i])));
        second[i] = ivec_add(second[i], ivec_and(only_second, ivec_set1(SECOND[1][i])));
    }
}

INLINE ivec spread(ivec a, uint64_t stay, unsigned shift, uint64_t move)
{
    return ivec_or(ivec_and(a, ivec_set1(stay)), ivec_shl(ivec_and(a, ivec_set1(move)), shift));
}

// The low 40 bits: eight digits, to a byte each.
INLINE ivec spread_digits(ivec a)
{
    a = spread(a, 0x00000fffff, 12, 0xfffff00000);
    a = spread(a, 0x000003ff000003ff, 6, 0x000ffc00000ffc00);
    return spread(a, 0x001f001f001f001f, 3, 0x03e003e003e003e0);
}

// Rows of out are the bytes of the digits, from the lowest.
static void recode_half(uint8_t out[LANES][32], ivec l[SHORT_LIMBS])
{
    static const uint64_t OFFSET[SHORT_LIMBS] = {LIMB_MASK, LIMB_MASK, 0x3ffffff}; // 2^130 - 1
    ivec bytes[4];
    for (int i = 0; i < SHORT_LIMBS; i++)
        l[i] = ivec_add(l[i], ivec_set1(OFFSET[i]));
    carry_short(l);
    // Halved: bit 0 falls away.
    bytes[0] = spread_digits(ivec_shr(l[0], 1));
    bytes[1] = spread_digits(ivec_or(ivec_shr(l[0], 41), ivec_shl(l[1], 11)));
    bytes[2] = spread_digits(ivec_or(ivec_shr(l[1], 29), ivec_shl(l[2], 23)));
    bytes[3] = spread_digits(ivec_and(ivec_shr(l[2], 17), ivec_set1(0x3ff)));
    vec_store_words(out, bytes);
}

static void half_digits(struct half_digits *out, const u256 *k, size_t n)
{
    for (size_t at = 0; at < n; at += LANES) {
        struct scalar_lanes number;
        ivec first[SHORT_LIMBS], second[SHORT_LIMBS];
        uint8_t of_first[LANES][32], of_second[LANES][32];
        load(&number, k + at, n - at);
        split_lanes(first, second, &number);
        make_odd(first, second);
        recode_half(of_first, first);
        recode_half(of_second, second);
        for (size_t i = 0; i < LANES && i < n - at; i++) {
            memcpy(out[at + i].first, of_first[i], HALF_DIGITS);
            memcpy(out[at + i].second, of_second[i], HALF_DIGITS);
        }
    }
}

// Bit by bit, a or b: their sum less twice what they have in common.
INLINE ivec differing_bits(ivec a, ivec b)
{
    return ivec_sub(ivec_or(a, b), ivec_and(a, b));
}

static void comb_digits_of_negatives(struct comb_digits *out, const u256 *k, size_t n)
{
    for (size_t at = 0; at < n; at += LANES) {
        struct scalar_lanes number;
        ivec negated[LIMB_COUNT], l[LIMB_COUNT], w[4];
        struct comb_digits digits[LANES];
        load(&number, k + at, n - at);
        for (int i = 0; i < LIMB_COUNT; i++)
            negated[i] = ivec_sub(ivec_set1(LENT_ORDER[i]), number.limb[i]);
        limbs_carry(negated, LIMB_COUNT);
        // Of k and n - k the odd one, halved, with 2^255; digits of k where that is odd, which -k has inverted.
        const ivec odd = odd_lanes(number.limb[0]);
        const lane_mask even = ivec_zero_lanes(odd);
        for (int i = 0; i < LIMB_COUNT; i++)
            l[i] = ivec_select(even, negated[i], number.limb[i]);
        w[0] = ivec_or(ivec_shr(l[0], 1), ivec_shl(l[1], 51));
        w[1] = ivec_or(ivec_shr(l[1], 13), ivec_shl(l[2], 39));
        w[2] = ivec_or(ivec_shr(l[2], 25), ivec_shl(l[3], 27));
        w[3] = ivec_or(ivec_or(ivec_shr(l[3], 37), ivec_shl(l[4], 15)), ivec_set1(UINT64_C(1) << 63));
        for (int i = 0; i < 4; i++)
            w[i] = differing_bits(w[i], odd);
        vec_store_words(digits, w);
        memcpy(out + at, digits, (n - at < LANES ? n - at : LANES) * sizeof *digits);
    }
}

const struct scalar_kernels SCALAR_KERNELS = {invert, multiply, split, half_digits, comb_digits_of_negatives};

#endif
