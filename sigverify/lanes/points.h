// What a backend's lanes do with affine points: many independent operations at a time, on points that lie in one array,
// the pool, in the backend's own form. Everything above (msm.h, combination.h) is the same for every backend.
//
// One thread a state. Public data: not constant-time.
#ifndef GANTRY_SIGVERIFY_LANES_POINTS_H
#define GANTRY_SIGVERIFY_LANES_POINTS_H

#include "sigverify/lanes/field.h"
#include "sigverify/lanes/scalars.h"

// Points in the backend's form, point_kernels.point_bytes each, aligned to 64 bytes.
typedef void point_pool;

// A point of the pool, or its negative: index * 2 + negated.
typedef uint32_t point_ref;
#define POINT_NONE UINT32_MAX // infinity

struct point_pair {
    point_ref a, b; // not POINT_NONE
};

// A point as signatures name it.
enum point_form {
    POINT_GIVEN, // both coordinates
    POINT_EVEN,  // x alone; y is the even root
    POINT_ODD,
};

struct point_source {
    uint8_t x[32], y[32]; // big-endian; y is zero unless form is POINT_GIVEN
    uint8_t form;         // enum point_form
};

struct point_kernels {
    size_t point_bytes;
    const struct scalar_kernels *scalars;
    // Scratch memory; NULL when memory is short.
    void *(*create)(void);
    void (*destroy)(void *state);
    // pool[at + i] = in[i] where ok[i]: its coordinates are below p and it is on the curve. Elsewhere anything.
    void (*load)(void *state, point_pool *pool, uint32_t at, const struct point_source *in, size_t n, bool *ok);
    // pool[out + i] = lambda pool[in[i]]
    void (*endomorphism)(void *state, point_pool *pool, uint32_t out, const uint32_t *in, size_t n);
    // pool[out + i] = a + b of pairs[i], where their x differ; the other i are put into equal, ascending, and their
    // number returned.
    size_t (*add_pairs)(void *state, point_pool *pool, uint32_t out, const struct point_pair *pairs, size_t n,
                        uint32_t *equal);
    // To and from plain coordinates; those that come out are below p.
    void (*put)(point_pool *pool, uint32_t at, const struct affine_point *in);
    void (*get)(struct affine_point *out, const point_pool *pool, const point_ref *in, size_t n);
};

#endif
