#include "tests/sigverify/reference_points.h"

#include "sigverify/lanes/modinv.h"
#include "tests/sigverify/items.h"

static void *create(void)
{
    static int nothing;
    return &nothing;
}

static void destroy(void *state)
{
    (void)state;
}

static void put(point_pool *pool, uint32_t at, const struct affine_point *in)
{
    ((struct affine_point *)pool)[at] = *in;
}

static struct affine_point get_ref(const point_pool *pool, point_ref ref)
{
    struct affine_point out = ((const struct affine_point *)pool)[ref >> 1];
    if (ref & 1)
        out.y = field_subtract(&U256_ZERO, &out.y);
    return (struct affine_point){field_canonical(&out.x), field_canonical(&out.y)};
}

static void get(struct affine_point *out, const point_pool *pool, const point_ref *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = get_ref(pool, in[i]);
}

static bool load_one(struct affine_point *out, const struct point_source *in)
{
    out->x = u256_from_be(in->x, 32);
    uint8_t y[32];
    const bool on_curve = lift_x(y, in->x, in->form == POINT_GIVEN ? in->y[31] & 1 : in->form == POINT_ODD);
    if (!on_curve || (in->form == POINT_GIVEN && memcmp(y, in->y, 32) != 0))
        return false;
    out->y = u256_from_be(y, 32);
    return true;
}

static void load(void *state, point_pool *pool, uint32_t at, const struct point_source *in, size_t n, bool *ok)
{
    (void)state;
    for (size_t i = 0; i < n; i++) {
        struct affine_point point = POINT_GENERATOR;
        ok[i] = load_one(&point, &in[i]);
        put(pool, at + (uint32_t)i, &point);
    }
}

static void endomorphism(void *state, point_pool *pool, uint32_t out, const uint32_t *in, size_t n)
{
    (void)state;
    const bytes32 beta = bytes32_of_hex("0x7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501ee");
    const u256 factor = u256_from_be(beta.b, 32);
    for (size_t i = 0; i < n; i++) {
        struct affine_point point = get_ref(pool, in[i] << 1);
        point.x = field_multiply(&point.x, &factor);
        put(pool, out + (uint32_t)i, &point);
    }
}

static struct affine_point add(const struct affine_point *a, const struct affine_point *b)
{
    u256 dx = field_subtract(&b->x, &a->x), dy = field_subtract(&b->y, &a->y);
    dx = field_canonical(&dx);
    const u256 inverse = modinv(&dx, &MODINV_FIELD), slope = field_multiply(&dy, &inverse);
    u256 x = field_multiply(&slope, &slope);
    x = field_subtract(&x, &a->x);
    x = field_subtract(&x, &b->x);
    u256 y = field_subtract(&a->x, &x);
    y = field_multiply(&y, &slope);
    y = field_subtract(&y, &a->y);
    return (struct affine_point){x, y};
}

static size_t add_pairs(void *state, point_pool *pool, uint32_t out, const struct point_pair *pairs, size_t n,
                        uint32_t *equal)
{
    (void)state;
    size_t equal_count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct affine_point a = get_ref(pool, pairs[i].a), b = get_ref(pool, pairs[i].b);
        const struct affine_point sum = add(&a, &b);
        if (field_equal(&a.x, &b.x))
            equal[equal_count++] = (uint32_t)i;
        else
            put(pool, out + (uint32_t)i, &sum);
    }
    return equal_count;
}

const struct point_kernels REFERENCE_POINTS = {
    sizeof(struct affine_point), &SCALARS_ONE_BY_ONE, create, destroy, load, endomorphism, add_pairs, put, get};
