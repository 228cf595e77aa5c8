// The operations of sigverify/lanes/points.h in this backend's lanes.
#include "sigverify/lanes/simd/pairs.h"

#include <stdlib.h>
#include <string.h>

#include "sigverify/lanes/scalar.h"
#include "sigverify/lanes/simd/batch.h"
#include "sigverify/lanes/simd/point.h"
#include "sigverify/lanes/simd/scalars.h"

enum {
    CHUNK = 128,    // vectors that share an inversion
    ROOT_CHUNK = 8, // vectors of square roots taken together
};

struct scratch {
    struct point a[CHUNK], b[CHUNK];
    struct fe difference[CHUNK], before[CHUNK];
    lane_mask zero[CHUNK];
};

static void *create(void)
{
    return aligned_alloc(64, (sizeof(struct scratch) + 63) / 64 * 64);
}

static void destroy(void *state)
{
    free(state);
}

// Lane i is the point of reference refs[i * stride]; lanes from count on repeat the first.
static void load_refs(struct point *out, const struct flat_point *pool, const point_ref *refs, size_t stride,
                      size_t count)
{
    const struct flat_point *from[LANES];
    lane_mask negated = 0;
    for (size_t i = 0; i < LANES; i++) {
        const point_ref ref = refs[i < count ? i * stride : 0];
        from[i] = &pool[ref >> 1];
        negated |= (ref & 1) << i;
    }
    point_load(out, from);
    fe_negate_lanes(&out->y, &out->y, negated);
}

// The first count lanes become pool[at], pool[at + 1], ...
static void store_lanes(struct flat_point *pool, uint32_t at, const struct point *in, size_t count)
{
    struct flat_point unused;
    struct flat_point *to[LANES];
    for (size_t i = 0; i < LANES; i++)
        to[i] = i < count ? &pool[at + i] : &unused; // cppcheck-suppress uninitvar ; only written to
    point_store(to, in);
}

static size_t lanes_left(size_t at, size_t n)
{
    return n - at < LANES ? n - at : LANES;
}

#define EACH_STREAM for (size_t i = 0; i < streams; i++)

// sums[i] = a + b of vector at + i. The streams' steps alternate, so that one's latency hides behind the other's.
static void add_with_inverses(struct point *sums, struct scratch *s, struct batch *batch, size_t at, size_t streams)
{
    const struct point *a = &s->a[at], *b = &s->b[at];
    struct fe slope[BATCH_STREAMS], t[BATCH_STREAMS];
    EACH_STREAM batch_take(batch, &slope[i], s->before, s->difference, at + i);
    EACH_STREAM
    {
        fe_diff(&t[i], &b[i].y, &a[i].y);
        fe_mul(&slope[i], &t[i], &slope[i]);
    }
    EACH_STREAM fe_sqr_sub2(&sums[i].x, &slope[i], &a[i].x, &b[i].x);
    EACH_STREAM
    {
        fe_diff(&t[i], &a[i].x, &sums[i].x);
        fe_mul_sub(&sums[i].y, &slope[i], &t[i], &a[i].y);
    }
}

// At most CHUNK vectors' pairs. Returns how many lanes had equal x.
static size_t add_chunk(struct scratch *s, struct flat_point *pool, uint32_t out, const struct point_pair *pairs,
                        size_t n, uint32_t *equal)
{
    const size_t vectors = (n + LANES - 1) / LANES;
    for (size_t i = 0; i < vectors; i++) {
        const struct point_pair *at = &pairs[i * LANES];
        const size_t count = lanes_left(i * LANES, n);
        load_refs(&s->a[i], pool, &at->a, 2, count);
        load_refs(&s->b[i], pool, &at->b, 2, count);
        fe_diff(&s->difference[i], &s->b[i].x, &s->a[i].x);
    }
    struct batch batch;
    const bool found = batch_products(&batch, s->before, s->difference, s->zero, vectors);
    for (size_t end = vectors; end > 0;) {
        const size_t streams = end % BATCH_STREAMS ? end % BATCH_STREAMS : BATCH_STREAMS;
        struct point sums[BATCH_STREAMS];
        end -= streams;
        add_with_inverses(sums, s, &batch, end, streams);
        for (size_t i = 0; i < streams; i++)
            store_lanes(pool, out + (uint32_t)((end + i) * LANES), &sums[i], lanes_left((end + i) * LANES, n));
    }
    size_t equal_count = 0;
    for (size_t i = 0; found && i < n; i++) {
        if (s->zero[i / LANES] >> i % LANES & 1)
            equal[equal_count++] = (uint32_t)i;
    }
    return equal_count;
}

static size_t add_pairs(void *state, point_pool *pool, uint32_t out, const struct point_pair *pairs, size_t n,
                        uint32_t *equal)
{
    const unsigned saved = field_enter();
    size_t equal_count = 0;
    for (size_t at = 0; at < n; at += (size_t)CHUNK * LANES) {
        const size_t count = n - at < (size_t)CHUNK * LANES ? n - at : (size_t)CHUNK * LANES;
        const size_t found = add_chunk(state, pool, out + (uint32_t)at, pairs + at, count, equal + equal_count);
        for (size_t i = 0; i < found; i++)
            equal[equal_count + i] += (uint32_t)at;
        equal_count += found;
    }
    field_leave(saved);
    return equal_count;
}

static void endomorphism(void *state, point_pool *pool, uint32_t out, const uint32_t *in, size_t n)
{
    static const u256 BETA = {{0xc1396c28719501ee, 0x9cf0497512f58995, 0x6e64479eac3434e9, 0x7ae96a2b657c0710}};
    const unsigned saved = field_enter();
    u256 betas[LANES];
    struct fe beta;
    for (size_t i = 0; i < LANES; i++)
        betas[i] = BETA;
    fe_from_u256(&beta, betas);
    for (size_t at = 0; at < n; at += LANES) {
        const size_t count = lanes_left(at, n);
        point_ref refs[LANES] = {0};
        struct point point;
        for (size_t i = 0; i < count; i++)
            refs[i] = in[at + i] << 1;
        load_refs(&point, pool, refs, 1, count);
        fe_mul(&point.x, &point.x, &beta);
        store_lanes(pool, out + (uint32_t)at, &point, count);
    }
    field_leave(saved);
    (void)state;
}

static void put(point_pool *pool, uint32_t at, const struct affine_point *in)
{
    const unsigned saved = field_enter();
    u256 x[LANES], y[LANES];
    struct point point;
    for (size_t i = 0; i < LANES; i++) {
        x[i] = in->x;
        y[i] = in->y;
    }
    fe_from_u256(&point.x, x);
    fe_from_u256(&point.y, y);
    store_lanes(pool, at, &point, 1);
    field_leave(saved);
}

static void get(struct affine_point *out, const point_pool *pool, const point_ref *in, size_t n)
{
    const unsigned saved = field_enter();
    for (size_t at = 0; at < n; at += LANES) {
        const size_t count = lanes_left(at, n);
        u256 x[LANES], y[LANES];
        struct point point;
        load_refs(&point, pool, in + at, 1, count);
        fe_to_u256(x, &point.x);
        fe_to_u256(y, &point.y);
        for (size_t i = 0; i < count; i++)
            out[at + i] = (struct affine_point){x[i], y[i]};
    }
    field_leave(saved);
}

// --- Reading sources.

// A vector of sources of one kind, given or roots, each from another place.
struct source_lanes {
    uint32_t from[LANES]; // which of the sources
    size_t count;
};

// Coordinates that are not below p are replaced, and the lane is not in the result.
static lane_mask read_coordinates(struct point *out, const struct point_source *in, const struct source_lanes *lanes)
{
    u256 x[LANES], y[LANES];
    lane_mask below = 0;
    for (size_t i = 0; i < LANES; i++) {
        const struct point_source *source = &in[lanes->from[i < lanes->count ? i : 0]];
        x[i] = load_be256(source->x);
        y[i] = load_be256(source->y);
        below |= (lane_mask)(u256_cmp(&x[i], &FIELD_PRIME) < 0 && u256_cmp(&y[i], &FIELD_PRIME) < 0) << i;
    }
    fe_from_u256(&out->x, x);
    fe_from_u256(&out->y, y);
    return below;
}

static void finish_source(struct flat_point *pool, uint32_t at, const struct source_lanes *lanes,
                          const struct point *point, lane_mask good, bool *ok)
{
    struct flat_point unused;
    struct flat_point *to[LANES];
    for (size_t i = 0; i < LANES; i++) {
        to[i] =
            i < lanes->count ? &pool[at + lanes->from[i]] : &unused; // cppcheck-suppress uninitvar ; only written to
        if (i < lanes->count)
            ok[lanes->from[i]] = good >> i & 1;
    }
    point_store(to, point);
}

static void load_given(struct flat_point *pool, uint32_t at, const struct point_source *in,
                       const struct source_lanes *lanes, bool *ok)
{
    struct point point;
    const lane_mask below = read_coordinates(&point, in, lanes);
    finish_source(pool, at, lanes, &point, below & points_on_curve(&point), ok);
}

// x^3 + 7
static void curve_y_squared(struct fe *r, const struct fe *x)
{
    u256 minus_sevens[LANES];
    struct fe minus_seven;
    for (size_t i = 0; i < LANES; i++)
        minus_sevens[i] = (u256){{FIELD_PRIME.w[0] - 7, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    fe_from_u256(&minus_seven, minus_sevens);
    fe_sqr(r, x);
    fe_mul_sub(r, r, x, &minus_seven);
}

// Up to ROOT_CHUNK vectors of x alone.
static void load_roots(struct flat_point *pool, uint32_t at, const struct point_source *in,
                       const struct source_lanes *lanes, size_t vectors, bool *ok)
{
    struct point points[ROOT_CHUNK];
    struct fe squares[ROOT_CHUNK], roots[ROOT_CHUNK];
    lane_mask below[ROOT_CHUNK];
    for (size_t v = 0; v < vectors; v++) {
        below[v] = read_coordinates(&points[v], in, &lanes[v]);
        curve_y_squared(&squares[v], &points[v].x);
    }
    fe_sqrt(roots, squares, vectors);
    for (size_t v = 0; v < vectors; v++) {
        u256 y[LANES];
        lane_mask negated = 0;
        struct fe squared;
        fe_sqr(&squared, &roots[v]);
        const lane_mask good = below[v] & fe_equal(&squared, &squares[v]);
        fe_to_u256(y, &roots[v]);
        for (size_t i = 0; i < lanes[v].count; i++)
            negated |= (lane_mask)((y[i].w[0] & 1) != (in[lanes[v].from[i]].form == POINT_ODD)) << i;
        fe_negate_lanes(&points[v].y, &roots[v], negated);
        finish_source(pool, at, &lanes[v], &points[v], good, ok);
    }
}

static void load(void *state, point_pool *pool, uint32_t at, const struct point_source *in, size_t n, bool *ok)
{
    const unsigned saved = field_enter();
    struct source_lanes given = {.count = 0}, roots[ROOT_CHUNK] = {{.count = 0}};
    size_t root_vectors = 0; // full ones
    for (size_t i = 0; i < n; i++) {
        if (in[i].form == POINT_GIVEN) {
            given.from[given.count++] = (uint32_t)i;
            if (given.count == LANES) {
                load_given(pool, at, in, &given, ok);
                given.count = 0;
            }
            continue;
        }
        struct source_lanes *lanes = &roots[root_vectors];
        lanes->from[lanes->count++] = (uint32_t)i;
        if (lanes->count == LANES && ++root_vectors == ROOT_CHUNK) {
            load_roots(pool, at, in, roots, ROOT_CHUNK, ok);
            memset(roots, 0, sizeof roots);
            root_vectors = 0;
        }
    }
    if (given.count > 0)
        load_given(pool, at, in, &given, ok);
    if (root_vectors < ROOT_CHUNK && roots[root_vectors].count > 0)
        root_vectors++;
    if (root_vectors > 0)
        load_roots(pool, at, in, roots, root_vectors, ok);
    field_leave(saved);
    (void)state;
}

const struct point_kernels POINT_KERNELS = {
    sizeof(struct flat_point), &SCALAR_KERNELS, create, destroy, load, endomorphism, add_pairs, put, get};
