// secp256k1's field one at a time, for what a batch does only once: shared inversions, and pairs of points that the
// lanes' addition can't add. Values are any u256, taken modulo p; public data: not constant-time. Any thread.
// Source: SEC 2 v2, 2.4.1.
#ifndef GANTRY_SIGVERIFY_LANES_FIELD_H
#define GANTRY_SIGVERIFY_LANES_FIELD_H

#include "base/u256.h"

extern const u256 FIELD_PRIME;

u256 field_multiply(const u256 *a, const u256 *b);
u256 field_add(const u256 *a, const u256 *b);
u256 field_subtract(const u256 *a, const u256 *b);
// The value below p.
u256 field_canonical(const u256 *a);
bool field_is_zero(const u256 *a);
bool field_equal(const u256 *a, const u256 *b);

struct affine_point {
    u256 x, y;
};

extern const struct affine_point POINT_GENERATOR;

// a + a, for a point of the curve: its y is not zero, as the order of its group is odd.
struct affine_point point_double_affine(const struct affine_point *a);

#endif
