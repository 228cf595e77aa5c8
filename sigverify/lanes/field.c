#include "sigverify/lanes/field.h"

#include "sigverify/lanes/modinv.h"

typedef unsigned __int128 uint128;

#define FOLD UINT64_C(0x1000003d1) // 2^256 - p

const u256 FIELD_PRIME = {{0xfffffffefffffc2f, UINT64_MAX, UINT64_MAX, UINT64_MAX}};

const struct affine_point POINT_GENERATOR = {
    {{0x59f2815b16f81798, 0x029bfcdb2dce28d9, 0x55a06295ce870b07, 0x79be667ef9dcbbac}},
    {{0x9c47d08ffb10d4b8, 0xfd17b448a6855419, 0x5da4fbfc0e1108a8, 0x483ada7726a3c465}}};

// a + carry 2^256, modulo p, for a carry below 2^34
static u256 fold_carry(const u256 *a, uint64_t carry)
{
    u256 out;
    uint128 t = (uint128)carry * FOLD;
    for (int i = 0; i < 4; i++) {
        t += a->w[i];
        out.w[i] = (uint64_t)t;
        t >>= 64;
    }
    // A second carry leaves a number below 2^68: no third.
    if (t != 0) {
        t = (uint128)out.w[0] + FOLD;
        out.w[0] = (uint64_t)t;
        out.w[1] += (uint64_t)(t >> 64);
    }
    return out;
}

u256 field_multiply(const u256 *a, const u256 *b)
{
    uint64_t product[8] = {0};
    for (int i = 0; i < 4; i++) {
        uint128 t = 0;
        for (int j = 0; j < 4; j++) {
            t += (uint128)a->w[i] * b->w[j] + product[i + j];
            product[i + j] = (uint64_t)t;
            t >>= 64;
        }
        product[i + 4] = (uint64_t)t;
    }
    u256 low;
    uint128 t = 0;
    for (int i = 0; i < 4; i++) {
        t += (uint128)product[i + 4] * FOLD + product[i];
        low.w[i] = (uint64_t)t;
        t >>= 64;
    }
    return fold_carry(&low, (uint64_t)t);
}

u256 field_add(const u256 *a, const u256 *b)
{
    u256 sum;
    const bool carry = u256_add(&sum, a, b);
    return carry ? fold_carry(&sum, 1) : sum;
}

u256 field_subtract(const u256 *a, const u256 *b)
{
    const u256 fold = u256_from_u64(FOLD);
    u256 out;
    // A borrow has added 2^256, which is FOLD modulo p; taking that off may borrow once more.
    bool borrow = u256_sub(&out, a, b);
    while (borrow)
        borrow = u256_sub(&out, &out, &fold);
    return out;
}

u256 field_canonical(const u256 *a)
{
    u256 out = *a;
    if (u256_cmp(a, &FIELD_PRIME) >= 0)
        u256_sub(&out, a, &FIELD_PRIME);
    return out;
}

bool field_is_zero(const u256 *a)
{
    return u256_is_zero(a) || u256_equal(a, &FIELD_PRIME);
}

bool field_equal(const u256 *a, const u256 *b)
{
    const u256 difference = field_subtract(a, b);
    return field_is_zero(&difference);
}

static u256 square(const u256 *a)
{
    return field_multiply(a, a);
}

static u256 twice(const u256 *a)
{
    return field_add(a, a);
}

struct affine_point point_double_affine(const struct affine_point *a)
{
    const u256 y2 = twice(&a->y), y2_canonical = field_canonical(&y2), inverse = modinv(&y2_canonical, &MODINV_FIELD);
    const u256 xx = square(&a->x), xx2 = twice(&xx), xx3 = field_add(&xx2, &xx);
    const u256 slope = field_multiply(&xx3, &inverse), slope_squared = square(&slope), x2 = twice(&a->x);
    struct affine_point out = {.x = field_subtract(&slope_squared, &x2)};
    const u256 rest = field_subtract(&a->x, &out.x), product = field_multiply(&slope, &rest);
    out.y = field_subtract(&product, &a->y);
    return out;
}
