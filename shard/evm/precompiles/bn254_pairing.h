// The optimal ate pairing of alt_bn128 (EIP-197), as a product over pairs with one final exponentiation. Any thread.
// Source: Vercauteren, "Optimal Pairings"; Costello, Lange, Naehrig, "Faster Pairing Computations on Curves with
// High-Degree Twists" (lines); Fuentes-Castaneda, Knapp, Rodriguez-Henriquez, "Faster Hashing to G2" (final
// exponentiation).
#ifndef GANTRY_SHARD_EVM_PRECOMPILES_BN254_PAIRING_H
#define GANTRY_SHARD_EVM_PRECOMPILES_BN254_PAIRING_H

#include "shard/evm/precompiles/bn254_fp12.h"
#include "shard/evm/precompiles/bn254_g1.h"
#include "shard/evm/precompiles/bn254_g2.h"

struct bn_pair {
    struct bn_g1 p;
    struct bn_g2 q; // in the group
};

// Pairs that share the squarings of one loop; of more the caller multiplies the results of several loops.
#define BN_MILLER_MAX 16

// The product of the Miller loops of n pairs, n at most BN_MILLER_MAX. A pair with an infinity contributes one.
void bn_miller_loop(fp12 *out, const struct bn_pair *pairs, size_t n);

// Raises a Miller loop's result to a multiple of (p^12 - 1) / r, prime to r: the pairing, where it is one or not.
void bn_final_exponentiation(fp12 *out, const fp12 *a);

#endif
