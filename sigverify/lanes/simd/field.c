#include "sigverify/lanes/simd/field.h"

#include <assert.h>
#include <string.h>

#include "sigverify/lanes/simd/words.h"

// Whether all limbs are integers within the bounds of a carried element, times factor.
static __attribute__((unused)) bool within(const struct fe *a, int64_t factor)
{
    lane_limb limbs[FE_LIMBS][LANES];
    memcpy(limbs, a->limb, sizeof limbs);
    for (int i = 0; i < FE_LIMBS; i++) {
        for (int lane = 0; lane < LANES; lane++) {
            const lane_limb limb = limbs[i][lane];
            const int64_t value = (int64_t)limb;
            // NOLINTNEXTLINE(bugprone-branch-clone): in one representation all limbs have the same bounds
            const int64_t low = i < 4 ? CARRIED_MIN : CARRIED_TOP_MIN, high = i < 4 ? CARRIED_MAX : CARRIED_TOP_MAX;
            if ((lane_limb)value != limb || value < low * factor || value > high * factor)
                return false;
        }
    }
    return true;
}

#if defined LANES_CHECKED
#define CARRIED(element) assert(within(element, 1))
// Factors: at most one is wide.
#define FACTORS(a, b) assert(within(a, 1) ? within(b, WIDE_FACTOR) : within(a, WIDE_FACTOR) && within(b, 1))
#else
#define CARRIED(element) ((void)0)
#define FACTORS(a, b) ((void)0)
#endif

INLINE void reduce(struct fe *r, struct columns *s)
{
    columns_reduce(r, s);
    CARRIED(r);
}

void fe_mul(struct fe *r, const struct fe *a, const struct fe *b)
{
    struct columns s;
    FACTORS(a, b);
    columns_start(&s, (struct plan){.products = 1, .scale = 1});
    columns_add_product(&s, a, b);
    reduce(r, &s);
}

void fe_mul4(struct fe *r, const struct fe *a, const struct fe *b)
{
    struct columns s;
    FACTORS(a, b);
    columns_start(&s, (struct plan){.products = 1, .scale = 4});
    columns_add_product(&s, a, b);
    columns_scale(&s, 4);
    reduce(r, &s);
}

void fe_mul_sub(struct fe *r, const struct fe *a, const struct fe *b, const struct fe *c)
{
    struct columns s;
    FACTORS(a, b);
    CARRIED(c);
    columns_start(&s, (struct plan){.products = 1, .scale = 1, .subtracted = 1});
    columns_add_product(&s, a, b);
    columns_subtract(&s, c);
    reduce(r, &s);
}

void fe_mul2(struct fe *r, const struct fe *a, const struct fe *b, const struct fe *c, const struct fe *d)
{
    struct columns s;
    FACTORS(a, b);
    FACTORS(c, d);
    columns_start(&s, (struct plan){.products = 2, .scale = 1});
    columns_add_product(&s, a, b);
    columns_add_product(&s, c, d);
    reduce(r, &s);
}

void fe_mul_add_sqr8(struct fe *r, const struct fe *a, const struct fe *b, const struct fe *c)
{
    struct columns s;
    FACTORS(a, b);
    CARRIED(c);
    columns_start(&s, (struct plan){.squares = 1, .scale = 8, .more = 1});
    columns_add_square(&s, c);
    columns_scale(&s, 8);
    columns_add_product(&s, a, b);
    reduce(r, &s);
}

INLINE void square(struct fe *r, const struct fe *a)
{
    struct columns s;
    CARRIED(a);
    columns_start(&s, (struct plan){.squares = 1, .scale = 1});
    columns_add_square(&s, a);
    reduce(r, &s);
}

void fe_sqr(struct fe *r, const struct fe *a)
{
    square(r, a);
}

void fe_sqr3(struct fe *r, const struct fe *a)
{
    struct columns s;
    CARRIED(a);
    columns_start(&s, (struct plan){.squares = 1, .scale = 3});
    columns_add_square(&s, a);
    columns_scale(&s, 3);
    reduce(r, &s);
}

void fe_sqr_sub2(struct fe *r, const struct fe *a, const struct fe *b, const struct fe *c)
{
    struct columns s;
    CARRIED(a);
    CARRIED(b);
    CARRIED(c);
    columns_start(&s, (struct plan){.squares = 1, .scale = 1, .subtracted = 2});
    columns_add_square(&s, a);
    columns_subtract(&s, b);
    columns_subtract(&s, c);
    reduce(r, &s);
}

void fe_sqr_sub3(struct fe *r, const struct fe *a, const struct fe *b, const struct fe *c)
{
    struct columns s;
    CARRIED(a);
    CARRIED(b);
    CARRIED(c);
    columns_start(&s, (struct plan){.squares = 1, .scale = 1, .subtracted = 3});
    columns_add_square(&s, a);
    columns_subtract(&s, b);
    columns_subtract(&s, c);
    columns_subtract(&s, c);
    reduce(r, &s);
}

void fe_sqr_times(struct fe *r, const struct fe *a, size_t count, unsigned n)
{
    if (n == 0 && r != a)
        memcpy(r, a, count * sizeof *r);
    for (unsigned i = 0; i < n; i++) {
        for (size_t j = 0; j < count; j++)
            square(&r[j], i == 0 ? &a[j] : &r[j]);
    }
}

void fe_tidy(struct fe *r, const struct fe *a)
{
    struct fe one;
    fe_set_one(&one);
    fe_mul(r, a, &one);
}

// Chains run over a few elements at a time: enough to hide latencies, few enough to stay in the nearest cache.
enum { CHAIN_MAX = 8 };

INLINE void multiply_each(struct fe *r, const struct fe *a, const struct fe *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fe_mul(&r[i], &a[i], &b[i]);
}

// Powers on the way to a root: x_k is a^(2^k - 1).
struct powers {
    struct fe x2[CHAIN_MAX], x22[CHAIN_MAX], x223[CHAIN_MAX];
};

static void raise(struct powers *out, const struct fe *a, size_t n)
{
    struct fe x3[CHAIN_MAX], x11[CHAIN_MAX], x44[CHAIN_MAX], x88[CHAIN_MAX], t[CHAIN_MAX];
    fe_sqr_times(t, a, n, 1);
    multiply_each(out->x2, t, a, n);
    fe_sqr_times(t, out->x2, n, 1);
    multiply_each(x3, t, a, n);
    fe_sqr_times(t, x3, n, 3);
    multiply_each(t, t, x3, n); // x6
    fe_sqr_times(t, t, n, 3);
    multiply_each(t, t, x3, n); // x9
    fe_sqr_times(t, t, n, 2);
    multiply_each(x11, t, out->x2, n);
    fe_sqr_times(t, x11, n, 11);
    multiply_each(out->x22, t, x11, n);
    fe_sqr_times(t, out->x22, n, 22);
    multiply_each(x44, t, out->x22, n);
    fe_sqr_times(t, x44, n, 44);
    multiply_each(x88, t, x44, n);
    fe_sqr_times(t, x88, n, 88);
    multiply_each(t, t, x88, n); // x176
    fe_sqr_times(t, t, n, 44);
    multiply_each(t, t, x44, n); // x220
    fe_sqr_times(t, t, n, 3);
    multiply_each(out->x223, t, x3, n);
}

// (p + 1) / 4: 223 ones, 0, 22 ones, 0000, 11, 00.
static void root_few(struct fe *r, const struct fe *a, size_t n)
{
    struct powers powers;
    struct fe t[CHAIN_MAX];
    raise(&powers, a, n);
    fe_sqr_times(t, powers.x223, n, 23);
    multiply_each(t, t, powers.x22, n);
    fe_sqr_times(t, t, n, 6);
    multiply_each(t, t, powers.x2, n);
    fe_sqr_times(r, t, n, 2);
}

void fe_sqrt(struct fe *r, const struct fe *a, size_t count)
{
    for (size_t i = 0; i < count; i += CHAIN_MAX)
        root_few(r + i, a + i, count - i < CHAIN_MAX ? count - i : CHAIN_MAX);
}

void fe_from_u256(struct fe *r, const u256 in[LANES])
{
    ivec limbs[FE_LIMBS];
    limbs_load(limbs, in);
    fe_from_limbs(r, limbs);
}

// A number congruent to a, below 2^256 + 2^40, in limbs below 2^52 (the last one may reach 2^48).
static void nearly_reduced(ivec l[FE_LIMBS], const struct fe *a)
{
    struct fe tidy;
    fe_tidy(&tidy, a);
    fe_to_integers(l, &tidy);
    for (int round = 0; round < 2; round++) {
        limbs_carry(l, FE_LIMBS);
        if (round == 1)
            break;
        // 2^256 = 2^32 + 977; the top is a few bits.
        const ivec top = ivec_shr(l[4], 48);
        l[4] = ivec_and(l[4], ivec_set1((UINT64_C(1) << 48) - 1));
        ivec fold = ivec_shl(top, 32);
        for (unsigned bits = 977, shift = 0; bits >> shift; shift++) {
            if (bits >> shift & 1)
                fold = ivec_add(fold, ivec_shl(top, (int)shift));
        }
        l[0] = ivec_add(l[0], fold);
    }
}

void fe_to_u256(u256 out[LANES], const struct fe *a)
{
    static const uint64_t COMPLEMENT[] = {0x1000003d1};
    ivec limbs[FE_LIMBS];
    nearly_reduced(limbs, a);
    limbs_subtract_once(limbs, COMPLEMENT, 1);
    limbs_store(out, limbs);
}

lane_mask fe_is_zero(const struct fe *a)
{
    static const uint64_t P[FE_LIMBS] = {0xffffefffffc2f, 0xfffffffffffff, 0xfffffffffffff, 0xfffffffffffff,
                                         0xffffffffffff};
    ivec l[FE_LIMBS];
    nearly_reduced(l, a);
    lane_mask zero = ALL_LANES, prime = ALL_LANES;
    for (int i = 0; i < FE_LIMBS; i++) {
        zero &= ivec_zero_lanes(l[i]);
        prime &= ivec_zero_lanes(ivec_sub(l[i], ivec_set1(P[i])));
    }
    return zero | prime;
}

lane_mask fe_equal(const struct fe *a, const struct fe *b)
{
    struct fe difference;
    CARRIED(a);
    CARRIED(b);
    fe_diff(&difference, a, b);
    return fe_is_zero(&difference);
}
