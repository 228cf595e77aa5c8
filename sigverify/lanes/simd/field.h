// The field modulo p = 2^256 - 2^32 - 977, LANES elements at a time (lane i of a struct fe is one element). Nothing
// here is constant-time: public data only.
//
// Elements have five limbs, radix 2^52; what a limb is, and its exact bounds, the backend says (field_fma.h,
// field_ifma.h). Callers need two classes:
//
//   carried  what every function here gives, unless its comment says wide
//   wide     a sum or difference of two carried elements (fe_sum, fe_diff): may stand where a comment allows it, in a
//            product beside a carried one; never squared, never added up further; fe_tidy makes it carried again
//
// Outputs may be the same object as inputs. Values need not be below p: compare with fe_equal, export with fe_to_u256.
//
// A debug build asserts the classes of what goes in and comes out.
//
// The AVX2 backend computes with doubles rounded downwards: all fe_ functions run between field_enter and field_leave.
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_FIELD_H
#define GANTRY_SIGVERIFY_LANES_SIMD_FIELD_H

#include <stddef.h>

#include "base/u256.h"
#include "sigverify/lanes/simd/backend.h"
#if defined LANES_AVX2
#include "sigverify/lanes/simd/vec256.h"
typedef double lane_limb;
#else
#include "sigverify/lanes/simd/vec512.h"
typedef uint64_t lane_limb;
#endif

#define FE_LIMBS 5

struct fe {
    vec limb[FE_LIMBS];
};

// Puts the thread in the state that the arithmetic needs; hand the result to field_leave. They do not nest with other
// floating-point work in between.
#if defined LANES_AVX2
INLINE unsigned field_enter(void)
{
    const unsigned saved = _mm_getcsr();
    _mm_setcsr((saved & ~0x6000u) | 0x2000u);
    return saved;
}

INLINE void field_leave(unsigned saved)
{
    _mm_setcsr(saved);
}
#else
INLINE unsigned field_enter(void)
{
    return 0;
}

INLINE void field_leave(unsigned saved)
{
    (void)saved;
}
#endif

#if defined LANES_AVX2
#include "sigverify/lanes/simd/field_fma.h"
#else
#include "sigverify/lanes/simd/field_ifma.h"
#endif

// The backend's inline functions, besides:
//   void fe_sum(struct fe *r, const struct fe *a, const struct fe *b)        wide: a + b; both carried
//   void fe_diff(struct fe *r, const struct fe *a, const struct fe *b)       wide: a - b; both carried
//   void fe_negate_lanes(struct fe *r, const struct fe *a, lane_mask mask)   -a in the mask's lanes, else a; a carried
//   void fe_select(struct fe *r, lane_mask mask, const struct fe *a, const struct fe *b)   a in the mask's lanes, else
//   b void fe_set_one(struct fe *r)

#define fe_mul LANES_NAME(fe_mul)
#define fe_mul4 LANES_NAME(fe_mul4)
#define fe_mul_sub LANES_NAME(fe_mul_sub)
#define fe_mul2 LANES_NAME(fe_mul2)
#define fe_mul_add_sqr8 LANES_NAME(fe_mul_add_sqr8)
#define fe_sqr LANES_NAME(fe_sqr)
#define fe_sqr3 LANES_NAME(fe_sqr3)
#define fe_sqr_sub2 LANES_NAME(fe_sqr_sub2)
#define fe_sqr_sub3 LANES_NAME(fe_sqr_sub3)
#define fe_sqr_times LANES_NAME(fe_sqr_times)
#define fe_tidy LANES_NAME(fe_tidy)
#define fe_sqrt LANES_NAME(fe_sqrt)
#define fe_from_u256 LANES_NAME(fe_from_u256)
#define fe_to_u256 LANES_NAME(fe_to_u256)
#define fe_is_zero LANES_NAME(fe_is_zero)
#define fe_equal LANES_NAME(fe_equal)

// One of each pair of factors may be wide; whatever is squared, added or subtracted is carried.
void fe_mul(struct fe *r, const struct fe *a, const struct fe *b);                                          // a b
void fe_mul4(struct fe *r, const struct fe *a, const struct fe *b);                                         // 4 a b
void fe_mul_sub(struct fe *r, const struct fe *a, const struct fe *b, const struct fe *c);                  // a b - c
void fe_mul2(struct fe *r, const struct fe *a, const struct fe *b, const struct fe *c, const struct fe *d); // a b + c d
void fe_mul_add_sqr8(struct fe *r, const struct fe *a, const struct fe *b, const struct fe *c); // a b + 8 c^2
void fe_sqr(struct fe *r, const struct fe *a);                                                  // a^2
void fe_sqr3(struct fe *r, const struct fe *a);                                                 // 3 a^2
void fe_sqr_sub2(struct fe *r, const struct fe *a, const struct fe *b, const struct fe *c);     // a^2 - b - c
// a^2 - b - 2 c
void fe_sqr_sub3(struct fe *r, const struct fe *a, const struct fe *b, const struct fe *c);

// a^(2^n) for each of count elements; the chains run interleaved.
void fe_sqr_times(struct fe *r, const struct fe *a, size_t count, unsigned n);

// A wide element, carried.
void fe_tidy(struct fe *r, const struct fe *a);

// For each of count carried elements: a square root where there is one; callers compare its square with a.
void fe_sqrt(struct fe *r, const struct fe *a, size_t count);

// Lane i is in[i], any number below 2^256.
void fe_from_u256(struct fe *r, const u256 in[LANES]);

// out[i] is lane i of a (carried or wide), below p.
void fe_to_u256(u256 out[LANES], const struct fe *a);

// The lanes where a is zero modulo p (a carried or wide); where a and b, both carried, are equal.
lane_mask fe_is_zero(const struct fe *a);
lane_mask fe_equal(const struct fe *a, const struct fe *b);

#endif
