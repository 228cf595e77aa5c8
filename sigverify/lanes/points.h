// What a backend's lanes do with affine points: many independent operations at a time, on points that lie in one array,
// the pool, in the backend's own packed form. Everything above (msm.h, batch.h) is the same for every backend.
//
// One thread a state. Public data: not constant-time.
#ifndef GANTRY_SIGVERIFY_LANES_POINTS_H
#define GANTRY_SIGVERIFY_LANES_POINTS_H

#include "sigverify/lanes/field.h"

// Both coordinates in limbs, reduced only as far as the backend needs: five of 64 bits each, or ten of 32.
struct packed_point {
    uint64_t w[10];
};

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

// Operations may write up to this many slots of the pool (or entries of ok) behind the last that they are asked for.
#define POINT_LANES_MAX 8

struct point_kernels {
    // Scratch memory; NULL when memory is short.
    void *(*create)(void);
    void (*destroy)(void *state);
    // pool[at + i] = in[i] where ok[i]: its coordinates are below p and it is on the curve. Elsewhere any point.
    void (*load)(void *state, struct packed_point *pool, uint32_t at, const struct point_source *in, size_t n,
                 bool *ok);
    // pool[out + i] = lambda pool[in[i]]
    void (*endomorphism)(void *state, struct packed_point *pool, uint32_t out, const uint32_t *in, size_t n);
    // pool[out + i] = a + b of pairs[i], where their x differ; the other i are put into equal, ascending, and their
    // number returned. pairs has room for POINT_LANES_MAX more.
    size_t (*add_pairs)(void *state, struct packed_point *pool, uint32_t out, struct point_pair *pairs, size_t n,
                        uint32_t *equal);
    // One point, from and to plain coordinates; those that come out are below p.
    void (*put)(struct packed_point *slot, const struct affine_point *in);
    struct affine_point (*get)(const struct packed_point *slot);
};

#endif
