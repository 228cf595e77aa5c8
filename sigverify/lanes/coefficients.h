// The random numbers of a batch check. Whoever could foresee them could forge a batch whose errors cancel, so each
// batch's are derived from a secret of the process, the batch's number in the process and all that is checked:
// foreseeing them takes the secret, and the inputs keep a copied process (a fork, a restored snapshot) from using the
// same numbers for two different batches. Any thread.
#ifndef GANTRY_SIGVERIFY_LANES_COEFFICIENTS_H
#define GANTRY_SIGVERIFY_LANES_COEFFICIENTS_H

#include "base/bytes.h"
#include "sigverify/lanes/scalar.h"

#define COEFFICIENTS_HASH_SECRET 192

struct coefficients_secret {
    uint8_t key[32];
    uint8_t hash_key[16]; // of hash tables over inputs
    uint8_t hash_secret[COEFFICIENTS_HASH_SECRET];
};

// From the operating system, once for the process. NULL when it gives no randomness.
const struct coefficients_secret *coefficients_process_secret(void);

// A number that this process has not had before.
uint64_t coefficients_next_batch(void);

// n numbers, uniform over all signed ones of 128 bits: magnitudes up to 2^127, each value once (so zero no more often).
// A forged batch passes with probability 2^-128.
void coefficients_derive(struct scalar_half *out, size_t n, const struct coefficients_secret *secret, uint64_t batch,
                         const struct bytes *inputs, size_t input_count);

#endif
