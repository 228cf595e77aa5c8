#include "sigverify/lanes/jacobian.h"

typedef unsigned __int128 uint128;

#define M52 ((UINT64_C(1) << 52) - 1)
#define M48 ((UINT64_C(1) << 48) - 1)
#define FOLD_256 UINT64_C(0x1000003d1) // 2^256 mod p
#define FOLD_260 (FOLD_256 << 4)

// A field element in five limbs, radix 2^52, so that sums need no carries at once.
//
//   carried  limbs 0..3 < 2^52, limb 4 <= 2^49; each number has one form then
//   loose    limbs 0..3 < 2^56, limb 4 < 2^53
struct limbs {
    uint64_t l[5];
};

struct running {
    struct limbs x, y, z; // x and y carried, z loose
    bool infinite;
};

static struct limbs from_u256(const u256 *a)
{
    return (struct limbs){{a->w[0] & M52, (a->w[0] >> 52 | a->w[1] << 12) & M52, (a->w[1] >> 40 | a->w[2] << 24) & M52,
                           (a->w[2] >> 28 | a->w[3] << 36) & M52, a->w[3] >> 16}};
}

// Limbs below 2^62, the last one below 2^58, to carried.
static inline __attribute__((always_inline)) struct limbs carried(struct limbs a)
{
    a.l[0] += (a.l[4] >> 48) * FOLD_256;
    a.l[4] &= M48;
    for (int i = 0; i < 4; i++) {
        a.l[i + 1] += a.l[i] >> 52;
        a.l[i] &= M52;
    }
    return a;
}

static u256 to_u256(const struct limbs *loose)
{
    // Once more folds the bit that the first time may have carried into 2^256.
    const struct limbs a = carried(carried(*loose));
    const uint64_t *l = a.l;
    const u256 out = {{l[0] | l[1] << 52, l[1] >> 12 | l[2] << 40, l[2] >> 24 | l[3] << 28, l[3] >> 36 | l[4] << 16}};
    return field_canonical(&out);
}

// Carried; a and b loose. Columns are below 2^115. Those from 2^260 up are folded as they appear, so that two
// accumulators do.
static inline __attribute__((always_inline)) struct limbs product(const struct limbs *x, const struct limbs *y)
{
    const uint64_t *a = x->l, *b = y->l;
    struct limbs out;
    uint128 high = (uint128)a[4] * b[4];
    uint128 c = (uint128)a[0] * b[3] + (uint128)a[1] * b[2] + (uint128)a[2] * b[1] + (uint128)a[3] * b[0];
    c += (uint128)((uint64_t)high & M52) * FOLD_260;
    high >>= 52;
    const uint64_t third = (uint64_t)c & M52;
    c >>= 52;
    c += (uint128)a[0] * b[4] + (uint128)a[1] * b[3] + (uint128)a[2] * b[2] + (uint128)a[3] * b[1] +
         (uint128)a[4] * b[0];
    c += (uint128)(uint64_t)high * FOLD_260;
    const uint64_t fourth = (uint64_t)c & M48, top = (uint64_t)c >> 48 & 15;
    c >>= 52; // column 5 now
    c += (uint128)a[1] * b[4] + (uint128)a[2] * b[3] + (uint128)a[3] * b[2] + (uint128)a[4] * b[1];
    uint128 low = (uint128)a[0] * b[0];
    low += (uint128)(((uint64_t)c & M52) << 4 | top) * FOLD_256;
    c >>= 52;
    out.l[0] = (uint64_t)low & M52;
    low >>= 52;
    low += (uint128)a[0] * b[1] + (uint128)a[1] * b[0];
    c += (uint128)a[2] * b[4] + (uint128)a[3] * b[3] + (uint128)a[4] * b[2];
    low += (uint128)((uint64_t)c & M52) * FOLD_260;
    c >>= 52;
    out.l[1] = (uint64_t)low & M52;
    low >>= 52;
    low += (uint128)a[0] * b[2] + (uint128)a[1] * b[1] + (uint128)a[2] * b[0];
    c += (uint128)a[3] * b[4] + (uint128)a[4] * b[3];
    low += (uint128)((uint64_t)c & M52) * FOLD_260;
    c >>= 52; // below 2^60
    out.l[2] = (uint64_t)low & M52;
    low >>= 52;
    low += (uint128)(uint64_t)c * FOLD_260 + third;
    out.l[3] = (uint64_t)low & M52;
    out.l[4] = (uint64_t)(low >> 52) + fourth;
    return out;
}

static struct limbs multiply(const struct limbs *a, const struct limbs *b)
{
    return product(a, b);
}

static struct limbs square(const struct limbs *a)
{
    return product(a, a);
}

// k a for carried a and k up to 8: loose.
static inline struct limbs times(const struct limbs *a, uint64_t k)
{
    return (struct limbs){{a->l[0] * k, a->l[1] * k, a->l[2] * k, a->l[3] * k, a->l[4] * k}};
}

static inline struct limbs sum(const struct limbs *a, const struct limbs *b)
{
    return (struct limbs){
        {a->l[0] + b->l[0], a->l[1] + b->l[1], a->l[2] + b->l[2], a->l[3] + b->l[3], a->l[4] + b->l[4]}};
}

// a - b, carried; both loose. 64 p makes every limb positive.
static inline struct limbs difference(const struct limbs *a, const struct limbs *b)
{
    const struct limbs out = {{a->l[0] + 64 * (M52 + 1 - FOLD_256) - b->l[0], a->l[1] + 64 * M52 - b->l[1],
                               a->l[2] + 64 * M52 - b->l[2], a->l[3] + 64 * M52 - b->l[3],
                               a->l[4] + 64 * M48 - b->l[4]}};
    return carried(out);
}

// Of a carried number: 0 or p.
static bool is_zero(const struct limbs *a)
{
    const uint64_t *l = a->l;
    return (l[0] | l[1] | l[2] | l[3] | l[4]) == 0 ||
           (l[0] == M52 + 1 - FOLD_256 && (l[1] & l[2] & l[3]) == M52 && l[4] == M48);
}

static void double_once(struct running *a)
{
    const struct limbs xx = square(&a->x), yy = square(&a->y), yyyy = square(&yy), x_yy = multiply(&a->x, &yy);
    const struct limbs slope = times(&xx, 3), d = times(&x_yy, 4), d2 = times(&x_yy, 8), yyyy8 = times(&yyyy, 8);
    const struct limbs squared = square(&slope), yz = multiply(&a->y, &a->z);
    a->x = difference(&squared, &d2);
    const struct limbs rest = difference(&d, &a->x), y = multiply(&slope, &rest);
    a->y = difference(&y, &yyyy8);
    a->z = times(&yz, 2);
}

static void add(struct running *a, const struct affine_point *point)
{
    const struct limbs x = from_u256(&point->x), y = from_u256(&point->y);
    if (a->infinite) {
        *a = (struct running){x, y, {{1}}, false};
        return;
    }
    const struct limbs zz = square(&a->z), zzz = multiply(&zz, &a->z), u = multiply(&x, &zz), s = multiply(&y, &zzz);
    const struct limbs h = difference(&u, &a->x), r = difference(&s, &a->y);
    if (is_zero(&h)) {
        if (is_zero(&r))
            double_once(a);
        else
            a->infinite = true;
        return;
    }
    const struct limbs hh = square(&h), hhh = multiply(&hh, &h), v = multiply(&a->x, &hh), v2 = times(&v, 2);
    const struct limbs taken = sum(&hhh, &v2), rr = square(&r), low = multiply(&a->y, &hhh);
    a->x = difference(&rr, &taken);
    const struct limbs rest = difference(&v, &a->x), slope = multiply(&r, &rest);
    a->y = difference(&slope, &low);
    a->z = multiply(&a->z, &h);
}

static struct jacobian_point result(const struct running *a)
{
    if (a->infinite)
        return (struct jacobian_point){.z = U256_ZERO};
    return (struct jacobian_point){to_u256(&a->x), to_u256(&a->y), to_u256(&a->z)};
}

struct jacobian_point point_add_affine(const struct jacobian_point *a, const struct affine_point *b)
{
    struct running sum = {from_u256(&a->x), from_u256(&a->y), from_u256(&a->z), field_is_zero(&a->z)};
    add(&sum, b);
    return result(&sum);
}

struct jacobian_point double_and_add(const struct affine_point *points, const bool *present, size_t count)
{
    struct running a = {.infinite = true};
    for (size_t i = count; i-- > 0;) {
        if (!a.infinite)
            double_once(&a);
        if (present[i])
            add(&a, &points[i]);
    }
    return result(&a);
}
