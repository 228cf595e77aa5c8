// What the tests of the precompiles share: numbers as words, calls, and slow, plainly written models.
#ifndef GANTRY_TESTS_SHARD_PRECOMPILES_FIXTURE_H
#define GANTRY_TESTS_SHARD_PRECOMPILES_FIXTURE_H

#include "shard/evm/precompiles/bn254_pairing.h"
#include "shard/evm/precompiles/precompiles.h"

#include <gmp.h>

#define PC_INPUT_MAX 65536

// The context that a test's calls run in: created by pc_setup, released by pc_teardown.
extern struct precompiles *pc_context;
void pc_setup(void);
void pc_teardown(void);

// Fills the context's output with what no other call leaves there.
void pc_soil_output(void);

// Runs a precompile and asserts that it succeeds and gives these bytes, in hexadecimal, or that it fails.
void pc_expect(unsigned number, struct bytes input, const char *output);
void pc_expect_failure(unsigned number, struct bytes input);

// Bytes of hexadecimal text, with or without 0x; the caller frees ptr.
struct bytes pc_bytes(const char *text);

// A big-endian word. Reading takes the number mod 2^256.
void pc_word(uint8_t out[32], const mpz_t number);
void pc_read_word(mpz_t out, const uint8_t in[32]);

// p and r of alt_bn128, from the polynomials in u. The caller clears them.
void bn_test_primes(mpz_t p, mpz_t r);

// Random values, full-range or near the ends.
u256 bn_random_u256(uint64_t *random);
fp bn_random_fp(uint64_t *random);
fp2 bn_random_fp2(uint64_t *random);
fp12 bn_random_fp12(uint64_t *random);

bool fp12_equal(const fp12 *a, const fp12 *b);
void fp12_power(fp12 *out, const fp12 *a, const mpz_t exponent);

struct bn_g1 bn_g1_generator(void);
struct bn_g2 bn_g2_generator(void);
struct bn_g1 bn_random_g1(uint64_t *random);
// A point of the curve over Fp2: hardly ever one of the group.
struct bn_g2 bn_random_curve_point(uint64_t *random);

bool bn_g1_equal(const struct bn_g1 *a, const struct bn_g1 *b);
bool bn_g2_equal(const struct bn_g2 *a, const struct bn_g2 *b);

// Affine, one bit at a time.
void bn_g1_slow_mul(struct bn_g1 *out, const struct bn_g1 *a, const mpz_t factor);
void bn_g2_slow_add(struct bn_g2 *out, const struct bn_g2 *a, const struct bn_g2 *b);
void bn_g2_slow_mul(struct bn_g2 *out, const struct bn_g2 *a, const mpz_t factor);

// As the calls take it: imaginary parts first.
void bn_write_pair(uint8_t out[192], const struct bn_g1 *p, const struct bn_g2 *q);

#endif
