#include "tests/sigverify/lanes/probe.h"

#include "sigverify/lanes/simd/recover.h"
#include "sigverify/lanes/simd/sums.h"

static void read_element(struct fe *out, const struct probe_element *in)
{
    lane_limb limbs[FE_LIMBS][LANES];
    for (int i = 0; i < FE_LIMBS; i++)
        for (int lane = 0; lane < LANES; lane++)
            limbs[i][lane] = (lane_limb)in->limb[i][lane];
    memcpy(out->limb, limbs, sizeof limbs);
}

static void write_element(struct probe_element *out, const struct fe *in)
{
    lane_limb limbs[FE_LIMBS][LANES];
    memset(out, 0, sizeof *out);
    memcpy(limbs, in->limb, sizeof limbs);
    for (int i = 0; i < FE_LIMBS; i++)
        for (int lane = 0; lane < LANES; lane++)
            out->limb[i][lane] = (int64_t)limbs[i][lane];
}

static void operate(enum probe_operation operation, struct probe_element *out, const struct probe_element in[4],
                    uint32_t mask)
{
    const unsigned saved = field_enter();
    struct fe a, b, c, d, r;
    read_element(&a, &in[0]);
    read_element(&b, &in[1]);
    read_element(&c, &in[2]);
    read_element(&d, &in[3]);
    switch (operation) {
    case PROBE_MUL:
        fe_mul(&r, &a, &b);
        break;
    case PROBE_MUL4:
        fe_mul4(&r, &a, &b);
        break;
    case PROBE_MUL_SUB:
        fe_mul_sub(&r, &a, &b, &c);
        break;
    case PROBE_MUL2:
        fe_mul2(&r, &a, &b, &c, &d);
        break;
    case PROBE_MUL_ADD_SQR8:
        fe_mul_add_sqr8(&r, &a, &b, &c);
        break;
    case PROBE_SQR:
        fe_sqr(&r, &a);
        break;
    case PROBE_SQR3:
        fe_sqr3(&r, &a);
        break;
    case PROBE_SQR_SUB2:
        fe_sqr_sub2(&r, &a, &b, &c);
        break;
    case PROBE_SQR_SUB3:
        fe_sqr_sub3(&r, &a, &b, &c);
        break;
    case PROBE_SUM:
        fe_sum(&r, &a, &b);
        break;
    case PROBE_DIFF:
        fe_diff(&r, &a, &b);
        break;
    case PROBE_TIDY:
        fe_tidy(&r, &a);
        break;
    case PROBE_NEGATE:
        fe_negate_lanes(&r, &a, mask);
        break;
    case PROBE_SELECT:
        fe_select(&r, mask, &a, &b);
        break;
    case PROBE_SQRT:
        fe_sqrt(&r, &a, 1);
        break;
    case PROBE_OPERATIONS:
        return;
    }
    write_element(out, &r);
    field_leave(saved);
}

static void import(struct probe_element *out, const u256 *in)
{
    const unsigned saved = field_enter();
    struct fe element;
    fe_from_u256(&element, in);
    write_element(out, &element);
    field_leave(saved);
}

static void export(u256 *out, const struct probe_element *in)
{
    const unsigned saved = field_enter();
    struct fe element;
    read_element(&element, in);
    fe_to_u256(out, &element);
    field_leave(saved);
}

static uint32_t zero(const struct probe_element *in)
{
    const unsigned saved = field_enter();
    struct fe element;
    read_element(&element, in);
    const uint32_t lanes = fe_is_zero(&element);
    field_leave(saved);
    return lanes;
}

static uint32_t equal(const struct probe_element *a, const struct probe_element *b)
{
    const unsigned saved = field_enter();
    struct fe left, right;
    read_element(&left, a);
    read_element(&right, b);
    const uint32_t lanes = fe_equal(&left, &right);
    field_leave(saved);
    return lanes;
}

static void read_point(struct point *out, const struct probe_point *in)
{
    fe_from_u256(&out->x, in->x);
    fe_from_u256(&out->y, in->y);
}

static void write_point(struct probe_point *out, const struct fe *x, const struct fe *y)
{
    fe_to_u256(out->x, x);
    fe_to_u256(out->y, y);
}

// Two at a time and one alone take different ways: both are taken, and have to agree.
static void write_jacobian(struct probe_point *out, const struct jacobian in[3])
{
    struct probe_point each[3] = {0};
    for (int i = 0; i < 3; i++) {
        write_point(&each[i], &in[i].x, &in[i].y);
        fe_to_u256(each[i].z, &in[i].z);
    }
    memset(out, 0, sizeof *out);
    if (memcmp(&each[0], &each[1], sizeof each[0]) == 0 && memcmp(&each[0], &each[2], sizeof each[0]) == 0)
        *out = each[0];
}

static void read_jacobian(struct jacobian out[3], const struct probe_point *in)
{
    fe_from_u256(&out->x, in->x);
    fe_from_u256(&out->y, in->y);
    fe_from_u256(&out->z, in->z);
    out[1] = out[2] = out[0];
}

static void jacobian_double(struct probe_point *out, const struct probe_point *in)
{
    const unsigned saved = field_enter();
    struct jacobian points[3];
    read_jacobian(points, in);
    jacobian_double_negated(points, points, 3);
    write_jacobian(out, points);
    field_leave(saved);
}

static void jacobian_add(struct probe_point *out, const struct probe_point *a, const struct probe_point *b)
{
    const unsigned saved = field_enter();
    struct jacobian points[3];
    struct point addends[3];
    read_jacobian(points, a);
    read_point(&addends[0], b);
    addends[1] = addends[2] = addends[0];
    jacobian_add_negated(points, points, addends, 3);
    write_jacobian(out, points);
    field_leave(saved);
}

static uint32_t sum(struct probe_point *out, const struct probe_point *a, const struct probe_point *b)
{
    const unsigned saved = field_enter();
    static struct sums_scratch scratch;
    struct point left, right, result;
    read_point(&left, a);
    read_point(&right, b);
    const struct sum sums[1] = {{&left, a == b ? &left : &right, &result}};
    const uint32_t same = sums_compute(&scratch, sums, 1) ? scratch.zero[0] : 0;
    write_point(out, &result.x, &result.y);
    field_leave(saved);
    return same;
}

static void through_memory(struct probe_point *out, const struct probe_point *in, const size_t *permutation)
{
    const unsigned saved = field_enter();
    struct flat_point memory[LANES];
    struct flat_point *to[LANES];
    const struct flat_point *from[LANES];
    struct point point;
    for (int i = 0; i < LANES; i++)
        from[i] = to[i] = &memory[permutation[i]];
    read_point(&point, in);
    point_store(to, &point);
    point_load(&point, from);
    write_point(out, &point.x, &point.y);
    field_leave(saved);
}

static uint32_t on_curve(const struct probe_point *in)
{
    const unsigned saved = field_enter();
    struct point point;
    read_point(&point, in);
    const uint32_t lanes = points_on_curve(&point);
    field_leave(saved);
    return lanes;
}

#if LANES == 8
static void vector(uint64_t out[PROBE_VECTOR_RESULTS][8], const uint64_t *a, const uint64_t *b, const uint64_t *c)
{
    const vec x = vec_load(a), y = vec_load(b), z = vec_load(c);
    vec rows[8], columns[8];
    memset(out, 0, sizeof(uint64_t[PROBE_VECTOR_RESULTS][8]));
    vec_store(out[0], ivec_add(x, y));
    vec_store(out[1], ivec_sub(x, y));
    vec_store(out[2], ivec_and(x, y));
    vec_store(out[3], ivec_or(x, y));
    vec_store(out[4], ivec_shl(x, 13));
    vec_store(out[5], ivec_shr(x, 52));
    vec_store(out[6], vec_madd52lo(x, y, z));
    vec_store(out[7], vec_madd52hi(x, y, z));
    vec_store(out[8], vec_select((lane_mask)(c[0] & ALL_LANES), x, y));
    vec_store(out[9], ivec_set1(c[1]));
    out[10][0] = ivec_zero_lanes(ivec_and(x, ivec_set1(c[2] & 3)));
    for (int i = 0; i < 8; i++)
        rows[i] = ivec_add(x, ivec_shl(y, (unsigned)i));
    vec_transpose(columns, rows);
    for (int i = 0; i < 5; i++)
        vec_store(out[11 + i], columns[i + (int)(c[3] & 3)]);
}
#endif

#define PROBE LANES_NAME(PROBE)
extern const struct lanes_probe PROBE;

const struct lanes_probe PROBE = {
    .name = LANES_BACKEND,
    .lanes = LANES,
    .carried_min = CARRIED_MIN,
    .carried_max = CARRIED_MAX,
    .top_min = CARRIED_TOP_MIN,
    .top_max = CARRIED_TOP_MAX,
    .wide_factor = WIDE_FACTOR,
    .operate = operate,
    .import = import,
    .export = export,
    .zero = zero,
    .equal = equal,
    .jacobian_double = jacobian_double,
    .jacobian_add = jacobian_add,
    .sum = sum,
    .through_memory = through_memory,
    .on_curve = on_curve,
#if LANES == 8
    .vector = vector,
#endif
    .recover = &RECOVER_KERNELS,
};
