// The lanes' field and points on every backend, against GMP: limbs at the edges of what each class allows, and random.
#include <criterion/criterion.h>
#include <gmp.h>

#include "tests/sigverify/lanes/probe.h"
#include "tests/support/vectors.h"

static mpz_t p;
static const struct lanes_probe *probe;

static void for_each_probe(void (*test)(uint64_t *state), const char *what)
{
    const struct lanes_probe *probes[PROBES_MAX];
    const size_t count = lanes_probes(probes);
    uint64_t state = test_seed(what);
    mpz_init_set_str(p, "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f", 16);
    for (size_t i = 0; i < count; i++) {
        probe = probes[i];
        test(&state);
    }
    mpz_clear(p);
}

// Within [low, high]: often an end, zero, or something near these.
static int64_t edge_limb(int64_t low, int64_t high, uint64_t *state)
{
    const int64_t near = (int64_t)(test_random(state) % 3);
    switch (test_random(state) % 6) {
    case 0:
        return low + near;
    case 1:
        return high - near;
    case 2:
        return near;
    default:
        return low + (int64_t)(test_random(state) % (uint64_t)(high - low + 1));
    }
}

static struct probe_element edge_element(bool wide, uint64_t *state)
{
    const int64_t factor = wide ? probe->wide_factor : 1;
    struct probe_element out = {0};
    for (int i = 0; i < 5; i++) {
        for (size_t lane = 0; lane < probe->lanes; lane++)
            out.limb[i][lane] = edge_limb(factor * (i < 4 ? probe->carried_min : probe->top_min),
                                          factor * (i < 4 ? probe->carried_max : probe->top_max), state);
    }
    return out;
}

static void lane_value(mpz_t out, const struct probe_element *in, size_t lane)
{
    mpz_set_ui(out, 0);
    for (int i = 4; i >= 0; i--) {
        mpz_mul_2exp(out, out, 52);
        if (in->limb[i][lane] < 0)
            mpz_sub_ui(out, out, (unsigned long)-in->limb[i][lane]);
        else
            mpz_add_ui(out, out, (unsigned long)in->limb[i][lane]);
    }
}

static void set_u256(mpz_t out, const u256 *a)
{
    mpz_import(out, 4, -1, 8, 0, 0, a->w);
}

static bool is_within(const struct probe_element *a, int64_t factor)
{
    for (int i = 0; i < 5; i++) {
        for (size_t lane = 0; lane < probe->lanes; lane++) {
            const int64_t limb = a->limb[i][lane];
            if (limb < factor * (i < 4 ? probe->carried_min : probe->top_min) ||
                limb > factor * (i < 4 ? probe->carried_max : probe->top_max))
                return false;
        }
    }
    return true;
}

// --- Elements.

static const struct operation {
    const char *name;
    unsigned wide; // bit i: operand i may be wide
    bool wide_result;
} OPERATIONS[PROBE_OPERATIONS] = {
    [PROBE_MUL] = {"mul", 1, false},
    [PROBE_MUL4] = {"mul4", 2, false},
    [PROBE_MUL_SUB] = {"mul_sub", 1, false},
    [PROBE_MUL2] = {"mul2", 1 | 8, false},
    [PROBE_MUL_ADD_SQR8] = {"mul_add_sqr8", 2, false},
    [PROBE_SQR] = {"sqr", 0, false},
    [PROBE_SQR3] = {"sqr3", 0, false},
    [PROBE_SQR_SUB2] = {"sqr_sub2", 0, false},
    [PROBE_SQR_SUB3] = {"sqr_sub3", 0, false},
    [PROBE_SUM] = {"sum", 0, true},
    [PROBE_DIFF] = {"diff", 0, true},
    [PROBE_TIDY] = {"tidy", 1, false},
    [PROBE_NEGATE] = {"negate", 0, false},
    [PROBE_SELECT] = {"select", 0, false},
    [PROBE_SQRT] = {"sqrt", 0, false},
};

// x[0] becomes what the operation has to give, modulo p, for x[0..3].
static void compute(enum probe_operation operation, mpz_t x[4], bool in_mask)
{
    mpz_t *const r = &x[0];
    switch (operation) {
    case PROBE_MUL:
        mpz_mul(*r, x[0], x[1]);
        break;
    case PROBE_MUL4:
        mpz_mul(*r, x[0], x[1]);
        mpz_mul_ui(*r, *r, 4);
        break;
    case PROBE_MUL_SUB:
        mpz_mul(*r, x[0], x[1]);
        mpz_sub(*r, *r, x[2]);
        break;
    case PROBE_MUL2:
        mpz_mul(*r, x[0], x[1]);
        mpz_addmul(*r, x[2], x[3]);
        break;
    case PROBE_MUL_ADD_SQR8:
        mpz_mul(*r, x[0], x[1]);
        mpz_mul(x[2], x[2], x[2]);
        mpz_addmul_ui(*r, x[2], 8);
        break;
    case PROBE_SQR:
        mpz_mul(*r, x[0], x[0]);
        break;
    case PROBE_SQR3:
        mpz_mul(*r, x[0], x[0]);
        mpz_mul_ui(*r, *r, 3);
        break;
    case PROBE_SQR_SUB2:
        mpz_mul(*r, x[0], x[0]);
        mpz_sub(*r, *r, x[1]);
        mpz_sub(*r, *r, x[2]);
        break;
    case PROBE_SQR_SUB3:
        mpz_mul(*r, x[0], x[0]);
        mpz_sub(*r, *r, x[1]);
        mpz_submul_ui(*r, x[2], 2);
        break;
    case PROBE_SUM:
        mpz_add(*r, x[0], x[1]);
        break;
    case PROBE_DIFF:
        mpz_sub(*r, x[0], x[1]);
        break;
    case PROBE_NEGATE:
        if (in_mask)
            mpz_neg(*r, x[0]);
        break;
    case PROBE_SELECT:
        if (!in_mask)
            mpz_set(*r, x[1]);
        break;
    case PROBE_SQRT: {
        mpz_t exponent;
        mpz_init(exponent);
        mpz_add_ui(exponent, p, 1);
        mpz_fdiv_q_2exp(exponent, exponent, 2);
        mpz_powm(*r, x[0], exponent, p);
        mpz_clear(exponent);
        break;
    }
    case PROBE_TIDY:
    case PROBE_OPERATIONS:
        break;
    }
    mpz_mod(*r, *r, p);
}

static void check_operation(enum probe_operation operation, uint64_t *state)
{
    const struct operation *expected = &OPERATIONS[operation];
    struct probe_element in[4], out;
    u256 exported[PROBE_LANES_MAX];
    const uint32_t mask = (uint32_t)test_random(state);
    for (unsigned i = 0; i < 4; i++)
        in[i] = edge_element(expected->wide >> i & 1, state);
    probe->operate(operation, &out, in, mask);
    cr_assert(is_within(&out, expected->wide_result ? probe->wide_factor : 1), "%s %s: bounds", probe->name,
              expected->name);
    probe->export(exported, &out);
    mpz_t x[4], got;
    mpz_inits(x[0], x[1], x[2], x[3], got, NULL);
    for (size_t lane = 0; lane < probe->lanes; lane++) {
        for (int i = 0; i < 4; i++)
            lane_value(x[i], &in[i], lane);
        compute(operation, x, mask >> lane & 1);
        lane_value(got, &out, lane);
        mpz_mod(got, got, p);
        cr_assert(mpz_cmp(got, x[0]) == 0, "%s %s, lane %zu", probe->name, expected->name, lane);
        set_u256(got, &exported[lane]);
        cr_assert(mpz_cmp(got, x[0]) == 0, "%s %s, lane %zu, exported", probe->name, expected->name, lane);
    }
    mpz_clears(x[0], x[1], x[2], x[3], got, NULL);
}

static void check_operations(uint64_t *state)
{
    for (int operation = 0; operation < PROBE_OPERATIONS; operation++) {
        const int rounds = operation == PROBE_SQRT ? 100 : 3000;
        for (int i = 0; i < rounds; i++)
            check_operation((enum probe_operation)operation, state);
    }
}

Test(lanes_field, operations_are_those_of_big_integers)
{
    for_each_probe(check_operations, "field");
}

// All limbs at one end: where sums and carries are largest.
static void check_extremes(uint64_t *state)
{
    (void)state;
    for (unsigned pattern = 0; pattern < 16; pattern++) {
        for (int operation = 0; operation < PROBE_OPERATIONS; operation++) {
            const struct operation *expected = &OPERATIONS[operation];
            struct probe_element in[4], out;
            mpz_t x[4], got;
            mpz_inits(x[0], x[1], x[2], x[3], got, NULL);
            for (unsigned i = 0; i < 4; i++) {
                const int64_t factor = expected->wide >> i & 1 ? probe->wide_factor : 1;
                for (int limb = 0; limb < 5; limb++) {
                    const int64_t low = limb < 4 ? probe->carried_min : probe->top_min;
                    const int64_t high = limb < 4 ? probe->carried_max : probe->top_max;
                    for (size_t lane = 0; lane < probe->lanes; lane++)
                        in[i].limb[limb][lane] = factor * (pattern >> i & 1 ? high : low);
                }
                lane_value(x[i], &in[i], 0);
            }
            probe->operate((enum probe_operation)operation, &out, in, 1);
            cr_assert(is_within(&out, expected->wide_result ? probe->wide_factor : 1));
            compute((enum probe_operation)operation, x, true);
            lane_value(got, &out, 0);
            mpz_mod(got, got, p);
            cr_assert(mpz_cmp(got, x[0]) == 0, "%s %s, pattern %u", probe->name, expected->name, pattern);
            mpz_clears(x[0], x[1], x[2], x[3], got, NULL);
        }
    }
}

Test(lanes_field, limbs_may_all_be_at_their_bounds)
{
    for_each_probe(check_extremes, "extremes");
}

static u256 random_u256(uint64_t *state)
{
    u256 out;
    for (int i = 0; i < 4; i++) {
        const uint64_t word = test_random(state), kind = test_random(state) % 4;
        out.w[i] = kind == 0 ? 0 : kind == 1 ? UINT64_MAX : word;
    }
    return out;
}

static void check_import(uint64_t *state)
{
    // p - 2 .. p + 2, 2^256 - 2 .., 0 .., beside random ones.
    static const u256 P = {{0xfffffffefffffc2f, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    mpz_t expected, got;
    mpz_inits(expected, got, NULL);
    for (int round = 0; round < 2000; round++) {
        u256 in[PROBE_LANES_MAX], out[PROBE_LANES_MAX];
        struct probe_element element;
        for (size_t lane = 0; lane < probe->lanes; lane++) {
            const u256 near = u256_from_u64(test_random(state) % 3);
            in[lane] = random_u256(state);
            if (round % 8 == 0)
                u256_add(&in[lane], &P, &near);
            else if (round % 8 == 1)
                u256_sub(&in[lane], test_random(state) % 2 ? &P : &U256_ZERO, &near);
            else if (round % 8 == 2)
                in[lane] = near;
        }
        probe->import(&element, in);
        cr_assert(is_within(&element, 1));
        probe->export(out, &element);
        const uint32_t zero = probe->zero(&element);
        for (size_t lane = 0; lane < probe->lanes; lane++) {
            set_u256(expected, &in[lane]);
            set_u256(got, &out[lane]);
            mpz_mod(expected, expected, p);
            cr_assert(mpz_cmp(expected, got) == 0, "%s, lane %zu", probe->name, lane);
            cr_assert((zero >> lane & 1) == (mpz_sgn(expected) == 0));
        }
        cr_assert(zero >> probe->lanes == 0);
    }
    mpz_clears(expected, got, NULL);
}

Test(lanes_field, numbers_come_out_as_they_go_in_modulo_p)
{
    for_each_probe(check_import, "import");
}

// Equal modulo p in other limbs: a sum or difference that is zero, p, 2 p, ...
static void check_zero(uint64_t *state)
{
    for (int round = 0; round < 1000; round++) {
        struct probe_element in[4], other, sum;
        in[0] = edge_element(false, state);
        u256 value[PROBE_LANES_MAX];
        probe->export(value, &in[0]);
        probe->import(&other, value);
        cr_assert(probe->equal(&in[0], &other) == (1u << probe->lanes) - 1);
        in[1] = other;
        probe->operate(PROBE_DIFF, &sum, in, 0);
        cr_assert(probe->zero(&sum) == (1u << probe->lanes) - 1);
        const size_t lane = test_random(state) % probe->lanes;
        value[lane].w[0] ^= 1;
        probe->import(&other, value);
        cr_assert(probe->equal(&in[0], &other) == (((1u << probe->lanes) - 1) & ~(1u << lane)));
    }
}

Test(lanes_field, equality_is_modulo_p)
{
    for_each_probe(check_zero, "zero");
}

// --- Points.

struct big_point {
    mpz_t x, y;
};

static void init_point(struct big_point *a)
{
    mpz_inits(a->x, a->y, NULL);
}

static void clear_point(struct big_point *a)
{
    mpz_clears(a->x, a->y, NULL);
}

// Sums of different points that are not each other's negatives; doubles where they are the same object.
static void add_points(struct big_point *r, const struct big_point *a, const struct big_point *b)
{
    mpz_t slope, t;
    mpz_inits(slope, t, NULL);
    if (a == b) {
        mpz_mul(slope, a->x, a->x);
        mpz_mul_ui(slope, slope, 3);
        mpz_mul_ui(t, a->y, 2);
    } else {
        mpz_sub(slope, b->y, a->y);
        mpz_sub(t, b->x, a->x);
    }
    cr_assert(mpz_invert(t, t, p));
    mpz_mul(slope, slope, t);
    mpz_mul(t, slope, slope);
    mpz_sub(t, t, a->x);
    mpz_sub(t, t, b->x);
    mpz_mod(t, t, p);
    mpz_sub(r->y, a->x, t);
    mpz_mul(r->y, r->y, slope);
    mpz_sub(r->y, r->y, a == b ? b->y : a->y);
    mpz_mod(r->y, r->y, p);
    mpz_set(r->x, t);
    mpz_clears(slope, t, NULL);
}

// A curve point with a random x.
static void random_point(struct big_point *a, uint64_t *state)
{
    mpz_t square, exponent;
    mpz_inits(square, exponent, NULL);
    mpz_add_ui(exponent, p, 1);
    mpz_fdiv_q_2exp(exponent, exponent, 2);
    for (;;) {
        const u256 x = {{test_random(state), test_random(state), test_random(state), test_random(state)}};
        set_u256(a->x, &x);
        mpz_mod(a->x, a->x, p);
        mpz_powm_ui(square, a->x, 3, p);
        mpz_add_ui(square, square, 7);
        mpz_mod(square, square, p);
        mpz_powm(a->y, square, exponent, p);
        mpz_powm_ui(exponent, a->y, 2, p);
        if (mpz_cmp(exponent, square) == 0)
            break;
        mpz_add_ui(exponent, p, 1);
        mpz_fdiv_q_2exp(exponent, exponent, 2);
    }
    mpz_clears(square, exponent, NULL);
}

static u256 get_u256(const mpz_t a)
{
    u256 out = U256_ZERO;
    mpz_export(out.w, NULL, -1, 8, 0, 0, a);
    return out;
}

// Lane values of a in Jacobian coordinates with a random z.
static void put_jacobian(struct probe_point *out, size_t lane, const struct big_point *a, uint64_t *state)
{
    mpz_t z, t;
    mpz_inits(z, t, NULL);
    const u256 random = random_u256(state);
    set_u256(z, &random);
    mpz_mod(z, z, p);
    if (mpz_sgn(z) == 0)
        mpz_set_ui(z, 1);
    out->z[lane] = get_u256(z);
    mpz_powm_ui(t, z, 2, p);
    mpz_mul(t, t, a->x);
    mpz_mod(t, t, p);
    out->x[lane] = get_u256(t);
    mpz_powm_ui(t, z, 3, p);
    mpz_mul(t, t, a->y);
    mpz_mod(t, t, p);
    out->y[lane] = get_u256(t);
    mpz_clears(z, t, NULL);
}

static bool is_jacobian(const struct probe_point *in, size_t lane, const struct big_point *negated)
{
    mpz_t x, y, z;
    mpz_inits(x, y, z, NULL);
    set_u256(x, &in->x[lane]);
    set_u256(y, &in->y[lane]);
    set_u256(z, &in->z[lane]);
    bool same = mpz_invert(z, z, p) != 0;
    mpz_mul(x, x, z);
    mpz_mul(x, x, z);
    mpz_mod(x, x, p);
    mpz_powm_ui(z, z, 3, p);
    mpz_mul(y, y, z);
    mpz_neg(y, y);
    mpz_mod(y, y, p);
    same = same && mpz_cmp(x, negated->x) == 0 && mpz_cmp(y, negated->y) == 0;
    mpz_clears(x, y, z, NULL);
    return same;
}

static bool is_affine(const struct probe_point *in, size_t lane, const struct big_point *a)
{
    const u256 x = get_u256(a->x), y = get_u256(a->y);
    return u256_equal(&in->x[lane], &x) && u256_equal(&in->y[lane], &y);
}

static void check_points(uint64_t *state)
{
    struct big_point a[PROBE_LANES_MAX], b[PROBE_LANES_MAX], sum;
    init_point(&sum);
    for (size_t lane = 0; lane < probe->lanes; lane++) {
        init_point(&a[lane]);
        init_point(&b[lane]);
    }
    for (int round = 0; round < 60; round++) {
        struct probe_point left = {0}, right = {0}, jacobian = {0}, out;
        for (size_t lane = 0; lane < probe->lanes; lane++) {
            random_point(&a[lane], state);
            random_point(&b[lane], state);
            left.x[lane] = get_u256(a[lane].x);
            left.y[lane] = get_u256(a[lane].y);
            right.x[lane] = get_u256(b[lane].x);
            right.y[lane] = get_u256(b[lane].y);
            put_jacobian(&jacobian, lane, &a[lane], state);
        }
        probe->jacobian_double(&out, &jacobian);
        for (size_t lane = 0; lane < probe->lanes; lane++) {
            add_points(&sum, &a[lane], &a[lane]);
            cr_assert(is_jacobian(&out, lane, &sum), "%s: double", probe->name);
        }
        probe->jacobian_add(&out, &jacobian, &right);
        for (size_t lane = 0; lane < probe->lanes; lane++) {
            add_points(&sum, &a[lane], &b[lane]);
            cr_assert(is_jacobian(&out, lane, &sum), "%s: mixed sum", probe->name);
        }
        cr_assert(probe->sum(&out, &left, &right) == 0);
        for (size_t lane = 0; lane < probe->lanes; lane++) {
            add_points(&sum, &a[lane], &b[lane]);
            cr_assert(is_affine(&out, lane, &sum), "%s: affine sum", probe->name);
        }
        cr_assert(probe->sum(&out, &left, &left) == 0);
        for (size_t lane = 0; lane < probe->lanes; lane++) {
            add_points(&sum, &a[lane], &a[lane]);
            cr_assert(is_affine(&out, lane, &sum), "%s: affine double", probe->name);
        }
    }
    clear_point(&sum);
    for (size_t lane = 0; lane < probe->lanes; lane++) {
        clear_point(&a[lane]);
        clear_point(&b[lane]);
    }
}

Test(lanes_points, sums_and_doubles_are_those_of_big_integers)
{
    for_each_probe(check_points, "points");
}

// Where a sum is exceptional its lane shows it, and the other lanes' sums hold.
static void check_exceptional(uint64_t *state)
{
    struct big_point a, b, sum;
    init_point(&a);
    init_point(&b);
    init_point(&sum);
    random_point(&a, state);
    random_point(&b, state);
    add_points(&sum, &a, &b);
    for (size_t odd = 0; odd < probe->lanes; odd++) {
        for (int negated = 0; negated < 2; negated++) {
            struct probe_point left = {0}, right = {0}, jacobian = {0}, out;
            for (size_t lane = 0; lane < probe->lanes; lane++) {
                left.x[lane] = get_u256(a.x);
                left.y[lane] = get_u256(a.y);
                right.x[lane] = get_u256(b.x);
                right.y[lane] = get_u256(b.y);
                put_jacobian(&jacobian, lane, &a, state);
            }
            right.x[odd] = left.x[odd];
            right.y[odd] = left.y[odd];
            if (negated) {
                mpz_t y;
                mpz_init(y);
                mpz_sub(y, p, a.y);
                right.y[odd] = get_u256(y);
                mpz_clear(y);
            }
            cr_assert(probe->sum(&out, &left, &right) == 1u << odd, "%s", probe->name);
            for (size_t lane = 0; lane < probe->lanes; lane++)
                cr_assert(lane == odd || is_affine(&out, lane, &sum), "%s", probe->name);
            probe->jacobian_add(&out, &jacobian, &right);
            for (size_t lane = 0; lane < probe->lanes; lane++)
                cr_assert(lane == odd ? u256_is_zero(&out.z[lane]) : is_jacobian(&out, lane, &sum), "%s", probe->name);
            jacobian = out;
            probe->jacobian_double(&out, &jacobian);
            cr_assert(u256_is_zero(&out.z[odd]), "%s: z stays zero", probe->name);
            probe->jacobian_add(&out, &jacobian, &left);
            cr_assert(u256_is_zero(&out.z[odd]), "%s: z stays zero", probe->name);
        }
    }
    clear_point(&a);
    clear_point(&b);
    clear_point(&sum);
}

Test(lanes_points, a_lane_with_equal_x_is_told_from_the_others)
{
    for_each_probe(check_exceptional, "equal x");
}

static void check_memory(uint64_t *state)
{
    struct big_point a;
    init_point(&a);
    for (int round = 0; round < 20; round++) {
        struct probe_point in = {0}, out = {0};
        size_t permutation[PROBE_LANES_MAX];
        for (size_t lane = 0; lane < probe->lanes; lane++) {
            random_point(&a, state);
            in.x[lane] = get_u256(a.x);
            in.y[lane] = get_u256(a.y);
            permutation[lane] = (lane + (size_t)round) % probe->lanes;
        }
        cr_assert(probe->on_curve(&in) == (1u << probe->lanes) - 1);
        probe->through_memory(&out, &in, permutation);
        cr_assert(memcmp(&in, &out, sizeof in) == 0, "%s", probe->name);
        const size_t lane = test_random(state) % probe->lanes;
        in.y[lane].w[test_random(state) % 4] ^= UINT64_C(1) << test_random(state) % 64;
        cr_assert(probe->on_curve(&in) == (((1u << probe->lanes) - 1) & ~(1u << lane)), "%s", probe->name);
    }
    clear_point(&a);
}

Test(lanes_points, lanes_go_to_memory_and_back)
{
    for_each_probe(check_memory, "memory");
}

// --- The instructions.

Test(lanes_field, emulated_instructions_are_the_machine_s)
{
    const struct lanes_probe *probes[PROBES_MAX];
    const size_t count = lanes_probes(probes);
    const struct lanes_probe *const emulated = probes[0], *const real = probes[count - 1];
    if (real == emulated || !real->vector)
        cr_skip_test("this machine has no AVX-512 with IFMA");
    uint64_t state = test_seed("instructions");
    for (int round = 0; round < 20000; round++) {
        uint64_t in[3][8], expected[PROBE_VECTOR_RESULTS][8], got[PROBE_VECTOR_RESULTS][8];
        for (int i = 0; i < 3; i++) {
            for (int lane = 0; lane < 8; lane++) {
                const uint64_t kind = test_random(&state) % 4;
                in[i][lane] = kind == 0 ? 0 : kind == 1 ? UINT64_MAX : test_random(&state);
            }
        }
        emulated->vector(expected, in[0], in[1], in[2]);
        real->vector(got, in[0], in[1], in[2]);
        cr_assert(memcmp(expected, got, sizeof got) == 0);
    }
}
