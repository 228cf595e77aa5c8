// Arithmetic modulo the group order and inverses, against GMP on random and edge values.
#include <criterion/criterion.h>
#include <gmp.h>

#include "sigverify/lanes/modinv.h"
#include "sigverify/lanes/scalar.h"
#include "tests/sigverify/items.h"
#include "tests/support/vectors.h"

enum { EDGES = 36, RANDOM = 20000 };

static void to_mpz(mpz_t out, const u256 *a)
{
    mpz_import(out, 4, -1, 8, 0, 0, a->w);
}

static u256 of_mpz(const mpz_t a)
{
    u256 out = U256_ZERO;
    cr_assert(mpz_sizeinbase(a, 2) <= 256 && mpz_sgn(a) >= 0);
    mpz_export(out.w, NULL, -1, 8, 0, 0, a);
    return out;
}

// Values where carries and folds happen, then random ones; all below the modulus.
static u256 sample(size_t i, const u256 *modulus, uint64_t *state)
{
    u256 out;
    if (i < EDGES) {
        const u256 small = u256_from_u64(i / 6);
        const u256 bases[6] = {U256_ZERO,
                               *modulus,
                               {{0, 0, 1, 0}},
                               {{0, 0, 0, 1}},
                               {{0, 0, 0, UINT64_C(1) << 63}},
                               {{UINT64_MAX, UINT64_MAX, 0, 0}}};
        if (i % 6 == 1 || i % 6 == 5)
            u256_sub(&out, &bases[i % 6], &small);
        else
            u256_add(&out, &bases[i % 6], &small);
    } else {
        out = U256_ZERO;
        const size_t words = 1 + test_random(state) % 8;
        for (size_t word = 0; word < 4 && word < words; word++) {
            const uint64_t value = test_random(state), kind = test_random(state) % 8;
            out.w[word] = kind == 0 ? 0 : kind == 1 ? UINT64_MAX : value;
        }
    }
    if (u256_cmp(&out, modulus) >= 0)
        u256_sub(&out, &out, modulus);
    if (i >= EDGES && test_random(state) % 4 == 0 && !u256_is_zero(&out))
        u256_sub(&out, modulus, &out);
    return out;
}

Test(lanes_scalar, products_and_sums_are_those_of_big_integers)
{
    uint64_t state = test_seed("scalars");
    mpz_t n, x, y, z;
    mpz_inits(n, x, y, z, NULL);
    to_mpz(n, &SCALAR_ORDER);
    for (size_t i = 0; i < EDGES * EDGES + RANDOM; i++) {
        const bool edge = i < (size_t)EDGES * EDGES;
        const u256 a = sample(edge ? i / EDGES : test_random(&state) % (2 * EDGES), &SCALAR_ORDER, &state);
        const u256 b = sample(edge ? i % EDGES : EDGES, &SCALAR_ORDER, &state);
        to_mpz(x, &a);
        to_mpz(y, &b);
        mpz_mul(z, x, y);
        mpz_mod(z, z, n);
        const u256 product = scalar_multiply(&a, &b), expected_product = of_mpz(z);
        cr_assert(u256_equal(&product, &expected_product), "product %zu", i);
        mpz_add(z, x, y);
        mpz_mod(z, z, n);
        const u256 sum = scalar_add(&a, &b), expected_sum = of_mpz(z);
        cr_assert(u256_equal(&sum, &expected_sum), "sum %zu", i);
        mpz_neg(z, x);
        mpz_mod(z, z, n);
        const u256 negated_a = scalar_negate(&a), expected_negated = of_mpz(z);
        cr_assert(u256_equal(&negated_a, &expected_negated), "negated %zu", i);
    }
    mpz_clears(n, x, y, z, NULL);
}

Test(lanes_scalar, bytes_are_reduced)
{
    uint8_t bytes[32];
    u256_to_be(bytes, &SCALAR_ORDER);
    u256 value = scalar_from_be(bytes);
    cr_expect(u256_is_zero(&value));
    bytes[31]--;
    value = scalar_from_be(bytes);
    const u256 one = u256_from_u64(1), minus_one = scalar_negate(&one);
    cr_expect(u256_equal(&value, &minus_one));
    memset(bytes, 0xff, 32);
    value = scalar_from_be(bytes);
    const u256 expected = {{0x402da1732fc9bebe, 0x4551231950b75fc4, 1, 0}};
    cr_expect(u256_equal(&value, &expected));
}

static void expect_inverses(const struct modinv_modulus *modulus, const char *p_hex, uint64_t *state)
{
    const bytes32 bytes = bytes32_of_hex(p_hex);
    const u256 p = u256_from_be(bytes.b, 32);
    mpz_t m, x;
    mpz_inits(m, x, NULL);
    to_mpz(m, &p);
    for (size_t i = 0; i < EDGES + RANDOM; i++) {
        const u256 a = sample(i, &p, state), inverse = modinv(&a, modulus);
        to_mpz(x, &a);
        if (!mpz_invert(x, x, m))
            mpz_set_ui(x, 0);
        const u256 expected = of_mpz(x);
        cr_assert(u256_equal(&inverse, &expected), "value %zu modulo %s", i, p_hex);
    }
    mpz_clears(m, x, NULL);
}

Test(lanes_scalar, inverses_are_those_of_big_integers)
{
    uint64_t state = test_seed("inverses");
    expect_inverses(&MODINV_ORDER, "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", &state);
    expect_inverses(&MODINV_FIELD, "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f", &state);
}

Test(lanes_scalar, a_batch_of_inverses_is_each_ones)
{
    uint64_t state = test_seed("batches of inverses");
    u256 in[70], out[70];
    for (size_t n = 0; n <= 70; n++) {
        for (size_t i = 0; i < n; i++) {
            do
                in[i] = sample(test_random(&state) % (2 * EDGES), &SCALAR_ORDER, &state);
            while (u256_is_zero(&in[i]));
        }
        scalar_invert_batch(out, in, n);
        for (size_t i = 0; i < n; i++) {
            const u256 one = scalar_multiply(&in[i], &out[i]);
            cr_assert(u256_fits_u64(&one) && one.w[0] == 1, "%zu of %zu", i, n);
        }
    }
}

static void expect_split(const u256 *k, size_t what)
{
    struct scalar_half half[2];
    scalar_split(half, k);
    const u256 first = scalar_of_half(&half[0]), second = scalar_of_half(&half[1]);
    const u256 shifted = scalar_multiply(&second, &SCALAR_LAMBDA), sum = scalar_add(&first, &shifted);
    cr_assert(u256_equal(&sum, k), "split %zu", what);
    for (int i = 0; i < 2; i++)
        cr_assert(half[i].hi >> 56 < SCALAR_HALF_TOP, "half %d of split %zu", i, what);
}

Test(lanes_scalar, a_split_adds_up_and_its_halves_are_short)
{
    uint64_t state = test_seed("splits");
    for (size_t i = 0; i < EDGES + 100000; i++) {
        const u256 k = sample(i, &SCALAR_ORDER, &state);
        expect_split(&k, i);
    }
}

// Where the rounding of the split changes: multiples of n / 2^j plus or minus little, and lambda's neighbours.
Test(lanes_scalar, a_split_holds_at_its_seams)
{
    u256 k = SCALAR_LAMBDA;
    for (size_t i = 0; i < 5000; i++) {
        expect_split(&k, i);
        const u256 minus = scalar_negate(&k);
        expect_split(&minus, i);
        k = i % 2 ? scalar_add(&k, &k) : scalar_multiply(&k, &SCALAR_LAMBDA);
        const u256 near = scalar_add(&k, &(u256){{i % 5, 0, 0, 0}});
        expect_split(&near, i);
    }
}
