#include "sigverify/lanes/scalars.h"

static void multiply(u256 *out, const u256 *a, const u256 *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = scalar_multiply(&a[i], &b[i]);
}

static void split(struct scalar_half (*out)[2], const u256 *k, size_t n)
{
    for (size_t i = 0; i < n; i++)
        scalar_split(out[i], &k[i]);
}

static void half_digits(struct half_digits *out, const u256 *k, size_t n)
{
    for (size_t i = 0; i < n; i++)
        half_digits_of(&out[i], &k[i]);
}

static void comb_digits_of_negatives(struct comb_digits *out, const u256 *k, size_t n)
{
    for (size_t i = 0; i < n; i++)
        comb_digits_of_negative(&out[i], &k[i]);
}

const struct scalar_kernels SCALARS_ONE_BY_ONE = {scalar_invert_batch, multiply, split, half_digits,
                                                  comb_digits_of_negatives};
