#include "tests/shard/precompiles_fixture.h"

#include "tests/support/vectors.h"

#include "base/hex.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct precompiles *pc_context;

void pc_setup(void)
{
    pc_context = precompiles_create();
    cr_assert(pc_context);
}

void pc_teardown(void)
{
    precompiles_free(pc_context);
}

struct bytes pc_bytes(const char *text)
{
    const size_t cap = strlen(text) / 2 + 1;
    uint8_t *out = malloc(cap);
    const ptrdiff_t len = hex_decode(out, cap, text, strlen(text));
    cr_assert_geq(len, 0, "%s", text);
    return bytes_of(out, (size_t)len);
}

void pc_soil_output(void)
{
    // Any compression without a round: every byte is that of the constants.
    static const uint8_t input[213] = {0};
    struct bytes output;
    cr_assert_eq(precompile_run(pc_context, &output, PRECOMPILE_BLAKE2F, bytes_of(input, 213)), PRECOMPILE_OK);
}

void pc_expect(unsigned number, struct bytes input, const char *output)
{
    struct bytes got;
    const struct bytes expected = pc_bytes(output);
    pc_soil_output();
    cr_assert_eq(precompile_run(pc_context, &got, number, input), PRECOMPILE_OK);
    char *text = calloc(1, 2 * got.len + 1);
    hex_encode(text, got.ptr, got.len);
    cr_assert(bytes_equal(got, expected), "precompile %u: expected %s, got %s", number, output, text);
    free(text);
    free((void *)expected.ptr);
}

void pc_expect_failure(unsigned number, struct bytes input)
{
    struct bytes got = bytes_of("?", 1);
    cr_assert_eq(precompile_run(pc_context, &got, number, input), PRECOMPILE_FAILED, "precompile %u", number);
    cr_assert_eq(got.len, 0);
}

void pc_word(uint8_t out[32], const mpz_t number)
{
    mpz_t low;
    mpz_init(low);
    mpz_fdiv_r_2exp(low, number, 256);
    memset(out, 0, 32);
    const size_t used = mpz_sgn(low) == 0 ? 0 : (mpz_sizeinbase(low, 2) + 7) / 8;
    mpz_export(out + 32 - used, NULL, 1, 1, 1, 0, low);
    mpz_clear(low);
}

void pc_read_word(mpz_t out, const uint8_t in[32])
{
    mpz_import(out, 32, 1, 1, 1, 0, in);
}

void bn_test_primes(mpz_t p, mpz_t r)
{
    mpz_t u, term;
    mpz_inits(p, r, term, NULL);
    mpz_init_set_str(u, "4965661367192848881", 10);
    const unsigned coefficients[2][5] = {{1, 6, 24, 36, 36}, {1, 6, 18, 36, 36}};
    for (unsigned i = 0; i < 5; i++) {
        mpz_pow_ui(term, u, i);
        mpz_addmul_ui(p, term, coefficients[0][i]);
        mpz_addmul_ui(r, term, coefficients[1][i]);
    }
    mpz_clears(u, term, NULL);
}

u256 bn_random_u256(uint64_t *random)
{
    u256 out;
    for (int i = 0; i < 4; i++)
        out.w[i] = test_random(random);
    switch (test_random(random) % 8) {
    case 0:
        return u256_from_u64(test_random(random) % 4);
    case 1: { // just below p
        const u256 p = FP_P, few = u256_from_u64(1 + test_random(random) % 4);
        u256_sub(&out, &p, &few);
        return out;
    }
    case 2: // sparse: ones and zeros in long runs
        for (int i = 0; i < 4; i++)
            out.w[i] = test_random(random) % 2 ? UINT64_MAX : 0;
        return out;
    default:
        return out;
    }
}

fp bn_random_fp(uint64_t *random)
{
    uint8_t be[32];
    u256 number = bn_random_u256(random);
    const u256 p = FP_P;
    u256_divmod(NULL, &number, &number, &p);
    u256_to_be(be, &number);
    fp out;
    cr_assert(fp_from_be(&out, be));
    return out;
}

fp2 bn_random_fp2(uint64_t *random)
{
    const fp c0 = bn_random_fp(random), c1 = bn_random_fp(random);
    return (fp2){c0, c1};
}

fp12 bn_random_fp12(uint64_t *random)
{
    fp12 out;
    fp2 *const parts[6] = {&out.c0.c0, &out.c0.c1, &out.c0.c2, &out.c1.c0, &out.c1.c1, &out.c1.c2};
    for (int i = 0; i < 6; i++)
        *parts[i] = bn_random_fp2(random);
    return out;
}

bool fp12_equal(const fp12 *a, const fp12 *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

void fp12_power(fp12 *out, const fp12 *a, const mpz_t exponent)
{
    const fp12 base = *a;
    fp12_one(out);
    for (size_t i = mpz_sizeinbase(exponent, 2); i-- > 0;) {
        fp12_mul(out, out, out);
        if (mpz_tstbit(exponent, i))
            fp12_mul(out, out, &base);
    }
}

struct bn_g1 bn_g1_generator(void)
{
    struct bn_g1 g = {FP_ONE, FP_ONE};
    fp_double(&g.y, &g.y);
    return g;
}

// From EIP-197.
struct bn_g2 bn_g2_generator(void)
{
    const struct bytes in = pc_bytes("198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"
                                     "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed"
                                     "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b"
                                     "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa");
    struct bn_g2 g;
    cr_assert(in.len == 128 && bn_g2_read(&g, in.ptr));
    free((void *)in.ptr);
    return g;
}

struct bn_g1 bn_random_g1(uint64_t *random)
{
    const u256 factor = bn_random_u256(random);
    struct bn_g1 out = bn_g1_generator();
    bn_g1_mul(&out, &out, &factor);
    return out;
}

static void fp_power(fp *out, const fp *a, const mpz_t exponent)
{
    const fp base = *a;
    *out = FP_ONE;
    for (size_t i = mpz_sizeinbase(exponent, 2); i-- > 0;) {
        fp_sqr(out, out);
        if (mpz_tstbit(exponent, i))
            fp_mul(out, out, &base);
    }
}

// p is 3 mod 4.
static bool fp_root(fp *out, const fp *a, const mpz_t p)
{
    mpz_t exponent;
    mpz_init(exponent);
    mpz_add_ui(exponent, p, 1);
    mpz_fdiv_q_2exp(exponent, exponent, 2);
    const fp square = *a;
    fp again;
    fp_power(out, &square, exponent);
    mpz_clear(exponent);
    fp_sqr(&again, out);
    return fp_equal(&again, &square);
}

// (x0 + x1 i)^2 = a0 + a1 i where x0^2 = (a0 + sqrt(a0^2 + a1^2)) / 2 and x1 = a1 / (2 x0).
static bool fp2_root(fp2 *out, const fp2 *a, const mpz_t p)
{
    fp norm, t, two_inverse;
    fp_double(&t, &FP_ONE);
    fp_inverse(&two_inverse, &t);
    fp_sqr(&norm, &a->c0);
    fp_sqr(&t, &a->c1);
    fp_add(&norm, &norm, &t);
    if (!fp_root(&norm, &norm, p))
        return false;
    fp_add(&t, &a->c0, &norm);
    fp_mul(&t, &t, &two_inverse);
    if (!fp_root(&out->c0, &t, p)) {
        fp_sub(&t, &a->c0, &norm);
        fp_mul(&t, &t, &two_inverse);
        if (!fp_root(&out->c0, &t, p))
            return false;
    }
    if (fp_is_zero(&out->c0))
        return false;
    fp_double(&t, &out->c0);
    fp_inverse(&t, &t);
    fp_mul(&out->c1, &a->c1, &t);
    fp2 square;
    fp2_mul(&square, out, out);
    return fp2_equal(&square, a);
}

struct bn_g2 bn_random_curve_point(uint64_t *random)
{
    mpz_t p, r;
    bn_test_primes(p, r);
    fp2 b = {FP_ONE, FP_ZERO}, three = b, y2;
    fp2_mul_xi(&b, &b);
    fp2_inverse(&b, &b);
    fp2_double(&three, &three);
    fp_add(&three.c0, &three.c0, &FP_ONE);
    fp2_mul(&b, &b, &three);
    struct bn_g2 out;
    do {
        out.x = bn_random_fp2(random);
        fp2_mul(&y2, &out.x, &out.x);
        fp2_mul(&y2, &y2, &out.x);
        fp2_add(&y2, &y2, &b);
    } while (!fp2_root(&out.y, &y2, p));
    mpz_clears(p, r, NULL);
    return out;
}

bool bn_g1_equal(const struct bn_g1 *a, const struct bn_g1 *b)
{
    return fp_equal(&a->x, &b->x) && fp_equal(&a->y, &b->y);
}

bool bn_g2_equal(const struct bn_g2 *a, const struct bn_g2 *b)
{
    return fp2_equal(&a->x, &b->x) && fp2_equal(&a->y, &b->y);
}

void bn_g1_slow_mul(struct bn_g1 *out, const struct bn_g1 *a, const mpz_t factor)
{
    const struct bn_g1 base = *a;
    *out = (struct bn_g1){FP_ZERO, FP_ZERO};
    for (size_t i = mpz_sizeinbase(factor, 2); i-- > 0;) {
        bn_g1_add(out, out, out);
        if (mpz_tstbit(factor, i))
            bn_g1_add(out, out, &base);
    }
}

void bn_g2_slow_add(struct bn_g2 *out, const struct bn_g2 *a, const struct bn_g2 *b)
{
    if (bn_g2_is_infinity(a) || bn_g2_is_infinity(b)) {
        *out = bn_g2_is_infinity(a) ? *b : *a;
        return;
    }
    fp2 numerator, denominator, slope;
    fp2_sub(&numerator, &b->y, &a->y);
    fp2_sub(&denominator, &b->x, &a->x);
    if (fp2_is_zero(&denominator)) {
        if (!fp2_is_zero(&numerator) || fp2_is_zero(&a->y)) {
            *out = (struct bn_g2){.x.c0 = FP_ZERO};
            return;
        }
        fp2_mul(&slope, &a->x, &a->x);
        fp2_double(&numerator, &slope);
        fp2_add(&numerator, &numerator, &slope);
        fp2_double(&denominator, &a->y);
    }
    fp2_inverse(&denominator, &denominator);
    fp2_mul(&slope, &numerator, &denominator);
    struct bn_g2 sum;
    fp2_mul(&sum.x, &slope, &slope);
    fp2_sub(&sum.x, &sum.x, &a->x);
    fp2_sub(&sum.x, &sum.x, &b->x);
    fp2_sub(&sum.y, &a->x, &sum.x);
    fp2_mul(&sum.y, &sum.y, &slope);
    fp2_sub(&sum.y, &sum.y, &a->y);
    *out = sum;
}

void bn_g2_slow_mul(struct bn_g2 *out, const struct bn_g2 *a, const mpz_t factor)
{
    const struct bn_g2 base = *a;
    *out = (struct bn_g2){.x.c0 = FP_ZERO};
    for (size_t i = mpz_sizeinbase(factor, 2); i-- > 0;) {
        bn_g2_slow_add(out, out, out);
        if (mpz_tstbit(factor, i))
            bn_g2_slow_add(out, out, &base);
    }
}

void bn_write_pair(uint8_t out[192], const struct bn_g1 *p, const struct bn_g2 *q)
{
    bn_g1_write(out, p);
    fp_to_be(out + 64, &q->x.c1);
    fp_to_be(out + 96, &q->x.c0);
    fp_to_be(out + 128, &q->y.c1);
    fp_to_be(out + 160, &q->y.c0);
}
