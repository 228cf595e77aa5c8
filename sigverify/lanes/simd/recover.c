#include "sigverify/lanes/simd/recover.h"

#include <stdlib.h>
#include <string.h>

#include "sigverify/lanes/field.h"
#include "sigverify/lanes/simd/batch.h"
#include "sigverify/lanes/simd/comb.h"
#include "sigverify/lanes/simd/scalars.h"
#include "sigverify/lanes/simd/sums.h"

enum {
    GROUP = 128,                            // signatures that share inversions
    VECTORS = GROUP / LANES,                // as vectors
    MULTIPLES = 1 << (HALF_DIGIT_BITS - 1), // odd multiples of R
    CHUNK_DIGITS = 13,                      // digits whose points are merged at a time
    ROOTS = 8,                              // vectors of square roots taken together
};

_Static_assert(CHUNK_DIGITS *VECTORS <= SUMS_MAX, "a chunk's sums fit");
_Static_assert(COMB_DIGITS / 2 * VECTORS <= SUMS_MAX, "the comb's first sums fit");
_Static_assert(HALF_DIGITS % CHUNK_DIGITS == 0, "chunks are equal");

// Of a group of signatures; the number in use is what `vectors` arguments say.
struct scratch {
    struct point r[VECTORS];
    lane_mask no_point[VECTORS], left_out[VECTORS];
    struct flat_point multiples[GROUP][MULTIPLES];
    struct jacobian sum[VECTORS];
    struct point generator_part[VECTORS];
    struct sums_scratch sums_scratch;
    struct sum sums[SUMS_MAX];
    struct point a[SUMS_MAX], b[SUMS_MAX];
    struct fe z_inverse[VECTORS], z_before[VECTORS];
    lane_mask z_zero[VECTORS];
};

static void *create(void)
{
    comb_table();
    return aligned_alloc(64, (sizeof(struct scratch) + 63) / 64 * 64);
}

static void destroy(void *state)
{
    free(state);
}

static void set_all(struct fe *r, const u256 *value)
{
    u256 values[LANES];
    for (int i = 0; i < LANES; i++)
        values[i] = *value;
    fe_from_u256(r, values);
}

// --- 1. The points R.

// Lanes without a point get G, so that what follows needs no exceptions for them.
static void lift_roots(struct scratch *s, struct recover_task *tasks, size_t from, size_t count)
{
    static const u256 MINUS_SEVEN = {{0xfffffffefffffc28, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    struct fe minus_seven, squares[ROOTS], roots[ROOTS];
    set_all(&minus_seven, &MINUS_SEVEN);
    for (size_t v = 0; v < count; v++) {
        u256 x[LANES];
        for (size_t i = 0; i < LANES; i++)
            x[i] = tasks[(from + v) * LANES + i].x;
        struct fe *out = &s->r[from + v].x;
        fe_from_u256(out, x);
        fe_sqr(&squares[v], out);
        fe_mul_sub(&squares[v], &squares[v], out, &minus_seven);
    }
    fe_sqrt(roots, squares, count);
    for (size_t v = 0; v < count; v++) {
        u256 y[LANES];
        lane_mask negate = 0;
        struct fe square;
        fe_to_u256(y, &roots[v]);
        for (size_t i = 0; i < LANES; i++) {
            struct recover_task *task = &tasks[(from + v) * LANES + i];
            const bool other = (y[i].w[0] & 1) != task->odd;
            negate |= (lane_mask)other << i;
            task->r_y = y[i];
            if (other)
                u256_sub(&task->r_y, &FIELD_PRIME, &y[i]);
        }
        fe_negate_lanes(&s->r[from + v].y, &roots[v], negate);
        fe_sqr(&square, &roots[v]);
        s->no_point[from + v] = ALL_LANES & ~fe_equal(&square, &squares[v]);
    }
}

static void lift_points(struct scratch *s, struct recover_task *tasks, size_t vectors)
{
    const struct flat_point *generator = &comb_table()[0][0];
    const struct flat_point *everywhere[LANES];
    struct point substitute;
    for (size_t i = 0; i < LANES; i++)
        everywhere[i] = generator;
    point_load(&substitute, everywhere);
    for (size_t v = 0; v < vectors; v += ROOTS)
        lift_roots(s, tasks, v, vectors - v < ROOTS ? vectors - v : ROOTS);
    for (size_t v = 0; v < vectors; v++) {
        fe_select(&s->r[v].x, s->no_point[v], &substitute.x, &s->r[v].x);
        fe_select(&s->r[v].y, s->no_point[v], &substitute.y, &s->r[v].y);
    }
}

// --- 2. The odd multiples of R.

static void store_multiples(struct scratch *s, const struct point *points, size_t multiple, size_t vectors)
{
    for (size_t v = 0; v < vectors; v++) {
        struct flat_point *to[LANES];
        for (size_t i = 0; i < LANES; i++)
            to[i] = &s->multiples[v * LANES + i][multiple];
        point_store(to, &points[v]);
    }
}

// From R, ..., (2 c - 1) R and 2 c R come the next c odd multiples and 4 c R, for c = 1, 2, 4, 8.
static void make_multiples(struct scratch *s, size_t vectors)
{
    struct point *odd[MULTIPLES], *even[2] = {s->b, s->b + VECTORS};
    for (size_t i = 0; i < MULTIPLES; i++)
        odd[i] = s->a + i * VECTORS;
    memcpy(odd[0], s->r, vectors * sizeof *s->r);
    for (size_t v = 0; v < vectors; v++)
        s->sums[v] = (struct sum){&odd[0][v], &odd[0][v], &even[0][v]};
    sums_compute(&s->sums_scratch, s->sums, vectors);
    for (size_t known = 1; known < MULTIPLES; known *= 2) {
        size_t n = 0;
        for (size_t i = 0; i < known; i++) {
            for (size_t v = 0; v < vectors; v++)
                s->sums[n++] = (struct sum){&odd[i][v], &even[0][v], &odd[known + i][v]};
        }
        for (size_t v = 0; 2 * known < MULTIPLES && v < vectors; v++)
            s->sums[n++] = (struct sum){&even[0][v], &even[0][v], &even[1][v]};
        sums_compute(&s->sums_scratch, s->sums, n);
        struct point *const next = even[1];
        even[1] = even[0];
        even[0] = next;
    }
    for (size_t i = 0; i < MULTIPLES; i++)
        store_multiples(s, odd[i], i, vectors);
}

// --- 3. and 4. The ladder over the digits of u2.

// Negated, as the ladder's addition wants it.
static void load_multiple(struct point *r, const struct scratch *s, const struct recover_task *tasks, size_t vector,
                          size_t digit, bool second)
{
    const struct flat_point *from[LANES];
    lane_mask negate = 0;
    for (size_t i = 0; i < LANES; i++) {
        const size_t item = vector * LANES + i;
        const struct half_digits *digits = tasks[item].u2;
        const unsigned e = second ? digits->second[digit] : digits->first[digit];
        from[i] = &s->multiples[item][digit_index(e, HALF_DIGIT_BITS)];
        negate |= (lane_mask)!digit_is_negative(e, HALF_DIGIT_BITS) << i;
    }
    point_load(r, from);
    fe_negate_lanes(&r->y, &r->y, negate);
}

// a[digit - first][vector] = -(first R + second lambda R), with lambda (x, y) = (beta x, y).
static void merge_digits(struct scratch *s, const struct recover_task *tasks, size_t first, size_t vectors)
{
    static const u256 BETA = {{0xc1396c28719501ee, 0x9cf0497512f58995, 0x6e64479eac3434e9, 0x7ae96a2b657c0710}};
    struct fe beta;
    size_t n = 0;
    set_all(&beta, &BETA);
    for (size_t digit = first; digit < first + CHUNK_DIGITS; digit++) {
        for (size_t v = 0; v < vectors; v++, n++) {
            load_multiple(&s->a[n], s, tasks, v, digit, false);
            load_multiple(&s->b[n], s, tasks, v, digit, true);
            fe_mul(&s->b[n].x, &s->b[n].x, &beta);
            s->sums[n] = (struct sum){&s->a[n], &s->b[n], &s->a[n]};
        }
    }
    sums_compute(&s->sums_scratch, s->sums, n);
}

static void start_sum(struct scratch *s, const struct point *negated, size_t vectors)
{
    for (size_t v = 0; v < vectors; v++) {
        s->sum[v].x = negated[v].x;
        fe_negate_lanes(&s->sum[v].y, &negated[v].y, ALL_LANES);
        fe_set_one(&s->sum[v].z);
    }
}

// Five doublings leave the negated multiple, so adding the negated point and negating gives the sum.
static void step(struct scratch *s, const struct point *negated, size_t vectors)
{
    for (int i = 0; i < HALF_DIGIT_BITS; i++)
        jacobian_double_negated(s->sum, s->sum, vectors);
    jacobian_add_negated(s->sum, s->sum, negated, vectors);
}

static void run_ladder(struct scratch *s, const struct recover_task *tasks, size_t vectors)
{
    for (size_t chunk = HALF_DIGITS / CHUNK_DIGITS; chunk-- > 0;) {
        merge_digits(s, tasks, chunk * CHUNK_DIGITS, vectors);
        for (size_t digit = CHUNK_DIGITS; digit-- > 0;) {
            const struct point *negated = s->a + digit * vectors;
            if (chunk == HALF_DIGITS / CHUNK_DIGITS - 1 && digit == CHUNK_DIGITS - 1)
                start_sum(s, negated, vectors);
            else
                step(s, negated, vectors);
        }
    }
}

// --- 5. u1 G.

static void load_comb(struct point *r, const struct recover_task *tasks, size_t vector, size_t digit)
{
    const struct flat_point(*const table)[COMB_ENTRIES] = comb_table();
    const struct flat_point *from[LANES];
    lane_mask negate = 0;
    for (size_t i = 0; i < LANES; i++) {
        const unsigned e = tasks[vector * LANES + i].u1->e[digit];
        from[i] = &table[digit][digit_index(e, COMB_DIGIT_BITS)];
        negate |= (lane_mask)digit_is_negative(e, COMB_DIGIT_BITS) << i;
    }
    point_load(r, from);
    fe_negate_lanes(&r->y, &r->y, negate);
}

static void sum_generator_part(struct scratch *s, const struct recover_task *tasks, size_t vectors)
{
    size_t n = 0;
    for (size_t digit = 0; digit < COMB_DIGITS; digit += 2) {
        for (size_t v = 0; v < vectors; v++, n++) {
            load_comb(&s->a[n], tasks, v, digit);
            load_comb(&s->b[n], tasks, v, digit + 1);
            s->sums[n] = (struct sum){&s->a[n], &s->b[n], &s->a[n]};
        }
    }
    for (;;) {
        if (sums_compute(&s->sums_scratch, s->sums, n)) {
            for (size_t i = 0; i < n; i++)
                s->left_out[i % vectors] |= s->sums_scratch.zero[i];
        }
        if (n == vectors)
            return;
        n /= 2;
        for (size_t i = 0; i < n; i++)
            s->sums[i] = (struct sum){&s->a[i], &s->a[i + n], &s->a[i]};
    }
}

// --- 6. The keys.

static void store_keys(const struct scratch *s, struct recover_task *tasks, size_t vector, const struct point *key)
{
    u256 x[LANES], y[LANES];
    fe_to_u256(x, &key->x);
    fe_to_u256(y, &key->y);
    for (size_t i = 0; i < LANES; i++) {
        struct recover_task *task = &tasks[vector * LANES + i];
        task->key_x = x[i];
        task->key_y = y[i];
        task->outcome = s->no_point[vector] >> i & 1   ? RECOVER_NO_POINT
                        : s->left_out[vector] >> i & 1 ? RECOVER_LEFT_OUT
                                                       : RECOVER_KEY;
    }
}

// a[v] is u1 G.
static void finish(struct scratch *s, struct recover_task *tasks, size_t vectors)
{
    struct batch batch;
    jacobian_add_negated(s->sum, s->sum, s->a, vectors);
    for (size_t v = 0; v < vectors; v++)
        s->z_inverse[v] = s->sum[v].z;
    if (batch_products(&batch, s->z_before, s->z_inverse, s->z_zero, vectors)) {
        for (size_t v = 0; v < vectors; v++)
            s->left_out[v] |= s->z_zero[v];
    }
    for (size_t v = vectors; v-- > 0;) {
        struct fe z, zz, zzz;
        struct point key;
        batch_take(&batch, &z, s->z_before, s->z_inverse, v);
        fe_sqr(&zz, &z);
        fe_mul(&zzz, &zz, &z);
        fe_mul(&key.x, &s->sum[v].x, &zz);
        fe_mul(&key.y, &s->sum[v].y, &zzz);
        fe_negate_lanes(&key.y, &key.y, ALL_LANES);
        store_keys(s, tasks, v, &key);
    }
}

static void run_group(struct scratch *s, struct recover_task *tasks, size_t vectors)
{
    memset(s->left_out, 0, sizeof s->left_out);
    lift_points(s, tasks, vectors);
    make_multiples(s, vectors);
    run_ladder(s, tasks, vectors);
    sum_generator_part(s, tasks, vectors);
    finish(s, tasks, vectors);
}

// A group that does not fill its vectors is copied, its first task repeated.
static void run_short_group(struct scratch *s, struct recover_task *tasks, size_t n)
{
    struct recover_task padded[GROUP];
    const size_t vectors = (n + LANES - 1) / LANES;
    memcpy(padded, tasks, n * sizeof *tasks);
    for (size_t i = n; i < vectors * LANES; i++)
        padded[i] = tasks[0];
    run_group(s, padded, vectors);
    memcpy(tasks, padded, n * sizeof *tasks);
}

static void run(void *state, struct recover_task *tasks, size_t n)
{
    const unsigned saved = field_enter();
    for (size_t at = 0; at < n; at += GROUP) {
        const size_t count = n - at < GROUP ? n - at : GROUP;
        if (count % LANES == 0)
            run_group(state, tasks + at, count / LANES);
        else
            run_short_group(state, tasks + at, count);
    }
    field_leave(saved);
}

// Of LANES signatures' time a fixed part goes into inversions.
#define SMALLEST (LANES == 4 ? 3 : 2)

const struct recover_kernels RECOVER_KERNELS = {LANES_BACKEND, &SCALAR_KERNELS, SMALLEST, create, destroy, run};
