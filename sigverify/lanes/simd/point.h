// Points of secp256k1 (y^2 = x^3 + 7), LANES at a time: affine in pairs of coordinates, or Jacobian (x / z^2, y / z^3).
// All coordinates are carried (field.h); infinity has no representation except a Jacobian z of 0.
// Source: D. J. Bernstein, T. Lange, Explicit-Formulas Database, dbl-2009-l and madd-2007-bl without their
// trade-offs of squares for products, which gain nothing here.
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_POINT_H
#define GANTRY_SIGVERIFY_LANES_SIMD_POINT_H

#include "sigverify/lanes/simd/field.h"

struct point {
    struct fe x, y;
};

struct jacobian {
    struct fe x, y, z;
};

// One lane of a struct point in memory, so that each lane can take another one: the limbs of x, those of y, and space
// up to whole vectors. Align arrays of it as the type is.
#define FLAT_LIMBS (LANES == 4 ? 12 : 16)

struct flat_point {
    lane_limb limb[FLAT_LIMBS];
} __attribute__((aligned(LANES * 8)));

#define point_load LANES_NAME(point_load)
#define point_store LANES_NAME(point_store)
#define jacobian_double_negated LANES_NAME(jacobian_double_negated)
#define jacobian_add_negated LANES_NAME(jacobian_add_negated)
#define points_on_curve LANES_NAME(points_on_curve)

// Lane i of r is *from[i].
void point_load(struct point *r, const struct flat_point *const from[LANES]);
// *to[i] is lane i of a.
void point_store(struct flat_point *const to[LANES], const struct point *a);

// r[i] = -2 a[i] for each of count points. z = 0 stays so.
void jacobian_double_negated(struct jacobian *r, const struct jacobian *a, size_t count);

// r[i] = -(a[i] + b[i]) for each of count points. Where a[i] = b[i] or -b[i], or a[i] is infinity, z becomes 0 and
// stays so: test it once, at the end of a chain.
void jacobian_add_negated(struct jacobian *r, const struct jacobian *a, const struct point *b, size_t count);

// The lanes where y^2 = x^3 + 7.
lane_mask points_on_curve(const struct point *a);

#endif
