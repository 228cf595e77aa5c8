// Points added and doubled one at a time: what ends a sum of many, and makes tables. Any thread. Public data: not
// constant-time.
// Source: the Explicit-Formulas Database, short Weierstrass curves with a = 0: dbl-2009-l, madd.
#ifndef GANTRY_SIGVERIFY_LANES_JACOBIAN_H
#define GANTRY_SIGVERIFY_LANES_JACOBIAN_H

#include "sigverify/lanes/field.h"

// (x / z^2, y / z^3); infinity where z is zero.
struct jacobian_point {
    u256 x, y, z;
};

// a + b for any a, infinity and plus or minus b included.
struct jacobian_point point_add_affine(const struct jacobian_point *a, const struct affine_point *b);

// The sum of 2^i points[i] over those i below count where present[i]. Any points of the curve.
struct jacobian_point double_and_add(const struct affine_point *points, const bool *present, size_t count);

#endif
