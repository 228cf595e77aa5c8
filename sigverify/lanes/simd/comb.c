#include "sigverify/lanes/simd/comb.h"

#include <pthread.h>

#include "sigverify/lanes/jacobian.h"
#include "sigverify/lanes/modinv.h"

static struct flat_point table[COMB_DIGITS][COMB_ENTRIES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

// Affine, with one inversion for all: none is infinity.
static void make_affine(struct affine_point *out, const struct jacobian_point *in, size_t n)
{
    u256 before[COMB_ENTRIES + 1];
    u256 product = u256_from_u64(1);
    for (size_t i = 0; i < n; i++) {
        before[i] = product;
        product = field_multiply(&product, &in[i].z);
    }
    product = field_canonical(&product);
    u256 inverse = modinv(&product, &MODINV_FIELD);
    for (size_t i = n; i-- > 0;) {
        const u256 z = field_multiply(&inverse, &before[i]), zz = field_multiply(&z, &z);
        const u256 zzz = field_multiply(&zz, &z);
        inverse = field_multiply(&inverse, &in[i].z);
        out[i].x = field_multiply(&in[i].x, &zz);
        out[i].y = field_multiply(&in[i].y, &zzz);
    }
}

static void store_row(struct flat_point *row, const struct affine_point *points)
{
    for (size_t at = 0; at < COMB_ENTRIES; at += LANES) {
        u256 x[LANES], y[LANES];
        struct flat_point *to[LANES];
        struct point point;
        for (size_t i = 0; i < LANES; i++) {
            x[i] = points[at + i].x;
            y[i] = points[at + i].y;
            to[i] = &row[at + i];
        }
        fe_from_u256(&point.x, x);
        fe_from_u256(&point.y, y);
        point_store(to, &point);
    }
}

static void compute(void)
{
    const unsigned saved = field_enter();
    struct affine_point base = POINT_GENERATOR;
    for (size_t i = 0; i < COMB_DIGITS; i++) {
        // base, 3 base, 5 base, ...; behind the last one 256 base, the next row's base.
        struct jacobian_point multiples[COMB_ENTRIES + 1];
        struct affine_point points[COMB_ENTRIES + 1];
        const struct affine_point twice = point_double_affine(&base);
        multiples[0] = (struct jacobian_point){base.x, base.y, u256_from_u64(1)};
        for (size_t j = 1; j < COMB_ENTRIES; j++)
            multiples[j] = point_add_affine(&multiples[j - 1], &twice);
        multiples[COMB_ENTRIES] = point_add_affine(&multiples[COMB_ENTRIES - 1], &base);
        make_affine(points, multiples, COMB_ENTRIES + 1);
        store_row(table[i], points);
        base = points[COMB_ENTRIES];
    }
    field_leave(saved);
}

const struct flat_point (*comb_table(void))[COMB_ENTRIES]
{
    pthread_once(&once, compute);
    return table;
}
