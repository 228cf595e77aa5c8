// The different points of a batch: those that are named by the same bytes become one term. So a sender with many
// transactions costs one point, and equal points do not meet in the sums. One thread.
#ifndef GANTRY_SIGVERIFY_LANES_TERMS_H
#define GANTRY_SIGVERIFY_LANES_TERMS_H

#include "sigverify/lanes/points.h"

struct terms {
    struct point_source *sources; // of each term
    uint32_t count, max;
    uint32_t *slots; // a hash table of terms + 1; 0: free
    uint32_t slot_bits;
    uint64_t key[2]; // of the hash, secret: nobody can choose points that collide
};

// Room for max terms. false when memory is short.
MUST_CHECK bool terms_init(struct terms *t, uint32_t max, const uint64_t key[2]);
void terms_free(struct terms *t);

void terms_clear(struct terms *t);

// The term of this source; a new one if there is none. At most max different ones between two calls of terms_clear.
uint32_t terms_find(struct terms *t, const struct point_source *source);

#endif
