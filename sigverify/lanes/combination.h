// Checks whole batches of signatures by one random linear combination. A signature with witness Q says
//
//     (z / s) G + (r / s) Q - R = 0          and one of BIP-340:     s G - e P - R = 0
//
// so the sum of all, each times a random number of 128 bits (coefficients.h), is infinity: surely if all hold, and
// otherwise with probability 2^-128. The batch's different points become terms (terms.h), summed by msm.h.
//
// The time an input takes is bounded whatever the submitter chose: a batch that fails is recovered item by item, and
// points that are related to each other (the same R, R = Q, ...) are merged or added one by one.
//
// One thread a struct combination. Public data: not constant-time.
// Source: BIP-340, "Batch Verification"; Naccache, M'Raihi, Vaudenay, Raphaeli, "Can D.S.A. be improved?" (1994).
#ifndef GANTRY_SIGVERIFY_LANES_COMBINATION_H
#define GANTRY_SIGVERIFY_LANES_COMBINATION_H

#include "sigverify/kernels.h"
#include "sigverify/lanes/points.h"

struct combination;

// The recovery that decides about single items: sv_kernels.recover with its state.
struct combination_recovery {
    void (*recover)(void *state, struct sv_result *out, const struct sv_item *in, size_t n);
    void *state;
};

// NULL when memory or randomness is short.
struct combination *combination_create(const struct point_kernels *kernels, struct combination_recovery recovery);
void combination_free(struct combination *c);

// Batches below this are recovered item by item at once: dearer by the item, but without what a sum costs at least.
void combination_set_smallest(struct combination *c, size_t items);

// As sv_kernels' functions of these names; n is at most SV_BATCH_MAX.
void combination_verify_witness(struct combination *c, struct sv_result *out, const struct sv_item *in,
                                const struct sv_witness *witness, size_t n);
void combination_verify_schnorr(struct combination *c, bool *ok, const struct sv_schnorr *in, size_t n);

// Batches whose sum was not infinity, so far.
uint64_t combination_failures(const struct combination *c);

#endif
