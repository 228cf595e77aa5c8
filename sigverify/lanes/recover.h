// Recovers public keys in a backend's lanes: Q = (1 / r) (s R - z G) for whole batches. Items that fall into one of the
// cases that the lanes' formulas leave out (a sum of equal points, infinity, z = 0, v above 1) are handed to the
// portable implementation; they exist by construction only, at most one in 2^100 by chance.
//
// One thread a struct recovery. Public data: not constant-time.
#ifndef GANTRY_SIGVERIFY_LANES_RECOVER_H
#define GANTRY_SIGVERIFY_LANES_RECOVER_H

#include "sigverify/kernels.h"
#include "sigverify/lanes/scalars.h"

enum recover_outcome {
    RECOVER_KEY,      // x and y are the key, below p; r_y is R's
    RECOVER_NO_POINT, // no point has this x
    RECOVER_LEFT_OUT, // an exceptional case
};

// u1 G + u2 R, with u1 and u2 not zero.
struct recover_task {
    u256 x;   // R's, below p
    bool odd; // R's y
    const struct comb_digits *u1;
    const struct half_digits *u2;
    u256 key_x, key_y;
    u256 r_y; // R's; below p
    enum recover_outcome outcome;
};

// What a backend provides (simd/recover.h).
struct recover_kernels {
    const char *name;
    const struct scalar_kernels *scalars;
    // From so many signatures on it is faster than the portable implementation.
    size_t smallest;
    // Scratch memory, about a megabyte; NULL when memory is short.
    void *(*create)(void);
    void (*destroy)(void *state);
    // Any n.
    void (*run)(void *state, struct recover_task *tasks, size_t n);
};

struct recovery;

// NULL when memory is short.
struct recovery *recovery_create(const struct recover_kernels *kernels);
void recovery_free(struct recovery *r);

// As sv_kernels.recover; state is a struct recovery. n is at most SV_BATCH_MAX.
void recovery_run(void *state, struct sv_result *out, const struct sv_item *in, size_t n);

// Batches with fewer items for the lanes than this go to the portable implementation; for tests.
void recovery_set_smallest(struct recovery *r, size_t items);

#endif
