#include "sigverify/lanes/simd/point.h"

#if defined LANES_AVX2
INLINE vec load_limbs(const lane_limb *from)
{
    return _mm256_load_pd(from);
}

INLINE void store_limbs(lane_limb *to, vec a)
{
    _mm256_store_pd(to, a);
}
#else
INLINE vec load_limbs(const lane_limb *from)
{
    return vec_load(from);
}

INLINE void store_limbs(lane_limb *to, vec a)
{
    vec_store(to, a);
}
#endif

// Limb i of a point counts through x and then y.
INLINE vec *limb_of(struct point *a, int i)
{
    return i < FE_LIMBS ? &a->x.limb[i] : &a->y.limb[i - FE_LIMBS];
}

INLINE vec get_limb(const struct point *a, int i)
{
    return i < FE_LIMBS ? a->x.limb[i] : a->y.limb[i - FE_LIMBS];
}

void point_load(struct point *r, const struct flat_point *const from[LANES])
{
    for (int block = 0; block < FLAT_LIMBS; block += LANES) {
        vec rows[LANES], columns[LANES];
        for (int i = 0; i < LANES; i++)
            rows[i] = load_limbs(&from[i]->limb[block]);
        vec_transpose(columns, rows);
        for (int i = 0; i < LANES && block + i < 2 * FE_LIMBS; i++)
            *limb_of(r, block + i) = columns[i];
    }
}

void point_store(struct flat_point *const to[LANES], const struct point *a)
{
    for (int block = 0; block < FLAT_LIMBS; block += LANES) {
        vec rows[LANES], columns[LANES];
        for (int i = 0; i < LANES; i++)
            columns[i] = get_limb(a, block + i < 2 * FE_LIMBS ? block + i : 0);
        vec_transpose(rows, columns);
        for (int i = 0; i < LANES; i++)
            store_limbs(&to[i]->limb[block], rows[i]);
    }
}

// Steps over a few points at a time, so that the latency of one's product hides behind the others'.
enum { STREAMS = 2 };
#define EACH_STREAM for (size_t i = 0; i < n; i++)

static void double_few(struct jacobian *r, const struct jacobian *a, size_t n)
{
    struct fe slope[STREAMS], squared[STREAMS], d[STREAMS], t[STREAMS], y2[STREAMS];
    EACH_STREAM fe_sqr(&squared[i], &a[i].y);
    EACH_STREAM fe_sqr3(&slope[i], &a[i].x);
    EACH_STREAM fe_mul4(&d[i], &a[i].x, &squared[i]);
    EACH_STREAM
    {
        fe_sum(&y2[i], &a[i].y, &a[i].y);
        fe_mul(&r[i].z, &y2[i], &a[i].z);
    }
    EACH_STREAM fe_sqr_sub2(&r[i].x, &slope[i], &d[i], &d[i]);
    EACH_STREAM
    {
        fe_diff(&t[i], &r[i].x, &d[i]);
        fe_mul_add_sqr8(&r[i].y, &slope[i], &t[i], &squared[i]);
    }
}

void jacobian_double_negated(struct jacobian *r, const struct jacobian *a, size_t count)
{
    for (size_t i = 0; i < count; i += STREAMS)
        double_few(r + i, a + i, count - i < STREAMS ? count - i : STREAMS);
}

static void add_few(struct jacobian *r, const struct jacobian *a, const struct point *b, size_t n)
{
    struct fe zz[STREAMS], zzz[STREAMS], h[STREAMS], hh[STREAMS], hhh[STREAMS], v[STREAMS], slope[STREAMS], t[STREAMS];
    EACH_STREAM fe_sqr(&zz[i], &a[i].z);
    EACH_STREAM fe_mul_sub(&h[i], &b[i].x, &zz[i], &a[i].x);
    EACH_STREAM fe_mul(&zzz[i], &zz[i], &a[i].z);
    EACH_STREAM fe_sqr(&hh[i], &h[i]);
    EACH_STREAM fe_mul_sub(&slope[i], &b[i].y, &zzz[i], &a[i].y);
    EACH_STREAM fe_mul(&hhh[i], &hh[i], &h[i]);
    EACH_STREAM fe_mul(&v[i], &hh[i], &a[i].x);
    EACH_STREAM fe_mul(&r[i].z, &h[i], &a[i].z);
    EACH_STREAM fe_sqr_sub3(&r[i].x, &slope[i], &hhh[i], &v[i]);
    EACH_STREAM
    {
        fe_diff(&t[i], &r[i].x, &v[i]);
        fe_mul2(&r[i].y, &slope[i], &t[i], &a[i].y, &hhh[i]);
    }
}

void jacobian_add_negated(struct jacobian *r, const struct jacobian *a, const struct point *b, size_t count)
{
    for (size_t i = 0; i < count; i += STREAMS)
        add_few(r + i, a + i, b + i, count - i < STREAMS ? count - i : STREAMS);
}

lane_mask points_on_curve(const struct point *a)
{
    struct fe left, right, seven;
    u256 sevens[LANES];
    for (int i = 0; i < LANES; i++)
        sevens[i] = u256_from_u64(7);
    fe_from_u256(&seven, sevens);
    fe_negate_lanes(&seven, &seven, ALL_LANES);
    fe_sqr(&right, &a->x);
    fe_mul_sub(&right, &right, &a->x, &seven);
    fe_sqr(&left, &a->y);
    return fe_equal(&left, &right);
}
