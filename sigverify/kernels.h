// What an implementation of sigverify.h provides. Only sigverify/, its tests and the benchmark's
// comparison include this.
#ifndef GANTRY_SIGVERIFY_KERNELS_H
#define GANTRY_SIGVERIFY_KERNELS_H

#include "sigverify/sigverify.h"

struct sv_kernels {
    const char *name; // for reports; GANTRY_LANES bounds what is usable
    // Whether this processor and operating system run it, and GANTRY_LANES allows it (base/cpu.h).
    bool (*usable)(void);
    // Scratch memory and whatever else one verifier needs; NULL when memory is short.
    void *(*create)(void);
    void (*destroy)(void *state);
    // n is at most SV_BATCH_MAX; out is zeroed. They set status and, where it is SV_OK, pubkey, and R's y if they
    // have it; and slow where it holds. The caller derives the addresses.
    void (*recover)(void *state, struct sv_result *out, const struct sv_item *in, size_t n);
    void (*verify_witness)(void *state, struct sv_result *out, const struct sv_item *in,
                           const struct sv_witness *witness, size_t n);
    // Sets all of ok.
    void (*verify_schnorr)(void *state, bool *ok, const struct sv_schnorr *in, size_t n);
    unsigned lanes; // items that one instruction works on
};

extern const struct sv_kernels SV_PORTABLE;

// The checks on r, s and v that every implementation makes first: SV_OK, SV_BAD_RANGE or SV_HIGH_S.
enum sv_status sv_check_range(const struct sv_item *item);

// Whether ry is the y of the point R that r and v name. r and v have passed sv_check_range.
bool sv_is_ry(const struct sv_item *item, const uint8_t ry[32]);

// A result that agrees with the witness knows R's y from it.
static inline void sv_keep_ry(struct sv_result *result, const struct sv_witness *witness)
{
    result->has_ry = witness->has_ry;
    if (witness->has_ry)
        memcpy(result->ry, witness->ry, sizeof result->ry);
}

// BIP-340's verification of one, by libsecp256k1.
bool sv_check_schnorr(const struct sv_schnorr *in);

#endif
