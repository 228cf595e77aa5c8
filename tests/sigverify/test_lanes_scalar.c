// Arithmetic modulo the group order and inverses, against GMP on random and edge values.
#include <criterion/criterion.h>
#include <gmp.h>

#include "sigverify/lanes/modinv.h"
#include "sigverify/lanes/scalar.h"
#include "tests/sigverify/items.h"
#include "tests/sigverify/lanes/probe.h"
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

// --- Arrays (scalars.h): each backend's, against what the functions above give, which are held to big integers.

enum { ARRAY = 600 }; // more than one chunk of shared inversions

static const struct scalar_kernels *kernels;
static const char *backend;
static u256 left[ARRAY], right[ARRAY], results[ARRAY];

static void for_each_kernels(void (*test)(uint64_t *state), const char *what)
{
    const struct lanes_probe *probes[PROBES_MAX];
    const size_t count = lanes_probes(probes);
    uint64_t state = test_seed(what);
    for (size_t i = 0; i < count; i++) {
        kernels = probes[i]->recover->scalars;
        backend = probes[i]->name;
        test(&state);
    }
}

// Edge values in every lane, beside random ones.
static void fill(u256 *out, size_t n, bool zeros, uint64_t *state)
{
    for (size_t i = 0; i < n; i++) {
        do
            out[i] = sample(test_random(state) % (2 * EDGES), &SCALAR_ORDER, state);
        while (!zeros && u256_is_zero(&out[i]));
    }
}

static size_t some_length(size_t round, uint64_t *state)
{
    return round < 70 ? round : test_random(state) % (ARRAY + 1);
}

static void compare_products(uint64_t *state)
{
    for (size_t round = 0; round < 300; round++) {
        const size_t n = some_length(round, state);
        fill(left, n, true, state);
        fill(right, n, true, state);
        // Any 256 bits may be multiplied.
        for (size_t i = 0; i < n; i += 1 + test_random(state) % 16)
            right[i] = test_random(state) % 2 ? U256_MAX : (u256){{test_random(state), 0, UINT64_MAX, UINT64_MAX}};
        kernels->multiply(results, left, right, n);
        for (size_t i = 0; i < n; i++) {
            const u256 expected = scalar_multiply(&left[i], &right[i]);
            cr_assert(u256_equal(&results[i], &expected), "%s: %zu of %zu", backend, i, n);
        }
    }
}

Test(lanes_scalar, arrays_are_multiplied)
{
    for_each_kernels(compare_products, "products of arrays");
}

static void compare_edge_products(uint64_t *state)
{
    for (size_t a = 0; a < EDGES; a++) {
        const u256 first = sample(a, &SCALAR_ORDER, state);
        for (size_t b = 0; b < EDGES; b++) {
            left[b] = first;
            right[b] = sample(b, &SCALAR_ORDER, state);
        }
        kernels->multiply(results, left, right, EDGES);
        for (size_t b = 0; b < EDGES; b++) {
            const u256 expected = scalar_multiply(&left[b], &right[b]);
            cr_assert(u256_equal(&results[b], &expected), "%s: %zu by %zu", backend, a, b);
        }
    }
}

Test(lanes_scalar, every_pair_of_edges_is_multiplied)
{
    for_each_kernels(compare_edge_products, "products of edges");
}

static void compare_inverses(uint64_t *state)
{
    for (size_t round = 0; round < 100; round++) {
        const size_t n = some_length(round, state);
        fill(left, n, false, state);
        kernels->invert(results, left, n);
        for (size_t i = 0; i < n; i++) {
            const u256 expected = modinv(&left[i], &MODINV_ORDER);
            cr_assert(u256_equal(&results[i], &expected), "%s: %zu of %zu", backend, i, n);
        }
    }
}

Test(lanes_scalar, arrays_are_inverted)
{
    for_each_kernels(compare_inverses, "inverses of arrays");
}

static void compare_splits(uint64_t *state)
{
    static struct scalar_half halves[ARRAY][2];
    static struct half_digits half_digits[ARRAY];
    static struct comb_digits comb_digits[ARRAY];
    for (size_t round = 0; round < 300; round++) {
        const size_t n = some_length(round, state);
        fill(left, n, false, state);
        // The seams of the split's rounding.
        for (size_t i = 0; i < n; i += 1 + test_random(state) % 8) {
            const u256 few = u256_from_u64(1 + test_random(state) % 5);
            left[i] = scalar_multiply(&SCALAR_LAMBDA, &few);
        }
        kernels->split(halves, left, n);
        kernels->half_digits(half_digits, left, n);
        kernels->comb_digits_of_negatives(comb_digits, left, n);
        for (size_t i = 0; i < n; i++) {
            struct scalar_half half[2];
            struct half_digits expected_halves;
            struct comb_digits expected_comb;
            scalar_split(half, &left[i]);
            for (int j = 0; j < 2; j++)
                cr_assert(halves[i][j].lo == half[j].lo && halves[i][j].hi == half[j].hi &&
                              halves[i][j].negative == half[j].negative,
                          "%s: half %d of %zu of %zu", backend, j, i, n);
            half_digits_of(&expected_halves, &left[i]);
            comb_digits_of_negative(&expected_comb, &left[i]);
            cr_assert(memcmp(&half_digits[i], &expected_halves, sizeof expected_halves) == 0, "%s: digits of %zu",
                      backend, i);
            cr_assert(memcmp(&comb_digits[i], &expected_comb, sizeof expected_comb) == 0, "%s: comb digits of %zu",
                      backend, i);
        }
    }
}

Test(lanes_scalar, arrays_are_split_and_recoded)
{
    for_each_kernels(compare_splits, "splits of arrays");
}
