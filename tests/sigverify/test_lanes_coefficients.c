// The random numbers of a batch check: a forged batch is accepted with the probability that they leave.
#include <criterion/criterion.h>

#include "sigverify/lanes/coefficients.h"
#include "sigverify/sigverify.h"
#include "tests/sigverify/items.h"
#include "tests/support/vectors.h"

enum { COUNT = 5 };

struct setting {
    struct coefficients_secret secret;
    uint64_t batch;
    uint8_t first[131], second[97];
};

static void derive(struct scalar_half out[COUNT], const struct setting *s)
{
    const struct bytes inputs[] = {bytes_of(s->first, sizeof s->first), bytes_of(s->second, sizeof s->second)};
    coefficients_derive(out, COUNT, &s->secret, s->batch, inputs, 2);
}

static bool equal(const struct scalar_half *a, const struct scalar_half *b)
{
    return a->lo == b->lo && a->hi == b->hi && a->negative == b->negative;
}

static void expect_all_change(const struct setting *a, const struct setting *b, const char *what, size_t bit)
{
    struct scalar_half before[COUNT], after[COUNT];
    derive(before, a);
    derive(after, b);
    for (int i = 0; i < COUNT; i++)
        cr_assert(!equal(&before[i], &after[i]), "%s, bit %zu, number %d", what, bit, i);
}

static struct setting random_setting(uint64_t *state)
{
    struct setting s = {.batch = test_random(state)};
    uint8_t *const parts[] = {(uint8_t *)&s.secret, s.first, s.second};
    const size_t sizes[] = {sizeof s.secret, sizeof s.first, sizeof s.second};
    for (size_t part = 0; part < 3; part++) {
        for (size_t i = 0; i < sizes[part]; i++)
            parts[part][i] = (uint8_t)test_random(state);
    }
    return s;
}

Test(lanes_coefficients, every_bit_of_inputs_number_and_key_changes_them_all)
{
    uint64_t state = test_seed("coefficients");
    const struct setting s = random_setting(&state);
    for (size_t bit = 0; bit < 8 * sizeof s.first; bit++) {
        struct setting changed = s;
        changed.first[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_all_change(&s, &changed, "first input", bit);
    }
    for (size_t bit = 0; bit < 8 * sizeof s.second; bit++) {
        struct setting changed = s;
        changed.second[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_all_change(&s, &changed, "second input", bit);
    }
    for (size_t bit = 0; bit < 64; bit++) {
        struct setting changed = s;
        changed.batch ^= UINT64_C(1) << bit;
        expect_all_change(&s, &changed, "the batch's number", bit);
    }
    for (size_t bit = 0; bit < 8 * sizeof s.secret.key; bit++) {
        struct setting changed = s;
        changed.secret.key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_all_change(&s, &changed, "the key", bit);
    }
}

// A batch as the checks pass it: items and witnesses at every place of it count.
Test(lanes_coefficients, every_bit_of_a_long_batch_changes_them)
{
    uint64_t state = test_seed("long batches");
    static struct sv_item items[40];
    const struct coefficients_secret *secret = coefficients_process_secret();
    cr_assert(secret);
    uint8_t *const bytes = (uint8_t *)items;
    for (size_t i = 0; i < sizeof items; i++)
        bytes[i] = (uint8_t)test_random(&state);
    const struct bytes input = bytes_of(items, sizeof items);
    struct scalar_half before[3], after[3];
    coefficients_derive(before, 3, secret, 7, &input, 1);
    for (size_t bit = 0; bit < 8 * sizeof items; bit += 1 + test_random(&state) % 5) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        coefficients_derive(after, 3, secret, 7, &input, 1);
        for (int i = 0; i < 3; i++)
            cr_assert(!equal(&before[i], &after[i]), "bit %zu", bit);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    coefficients_derive(after, 3, secret, 7, &input, 1);
    cr_assert(equal(&before[0], &after[0]), "the same inputs give the same numbers");
}

Test(lanes_coefficients, where_inputs_end_counts)
{
    uint64_t state = test_seed("ends");
    const struct setting s = random_setting(&state);
    const struct bytes one[] = {bytes_of(s.first, 20), bytes_of(s.first + 20, 30)};
    const struct bytes other[] = {bytes_of(s.first, 21), bytes_of(s.first + 21, 29)};
    struct scalar_half a, b;
    coefficients_derive(&a, 1, &s.secret, 1, one, 2);
    coefficients_derive(&b, 1, &s.secret, 1, other, 2);
    cr_expect(!equal(&a, &b));
}

Test(lanes_coefficients, all_are_different_and_all_bits_are_used)
{
    uint64_t state = test_seed("many coefficients");
    const struct setting s = random_setting(&state);
    const struct bytes input = bytes_of(s.first, sizeof s.first);
    static struct scalar_half out[4096], shorter[4096];
    coefficients_derive(out, 4096, &s.secret, 0, &input, 1);
    size_t negative = 0, set[127] = {0};
    for (size_t i = 0; i < 4096; i++) {
        cr_assert(out[i].hi >> 63 == 0 || (out[i].negative && out[i].hi << 1 == 0 && out[i].lo == 0));
        negative += out[i].negative;
        for (size_t bit = 0; bit < 127; bit++)
            set[bit] += (bit < 64 ? out[i].lo >> bit : out[i].hi >> (bit - 64)) & 1;
        for (size_t j = i + 1; j < 4096 && j < i + 70; j++)
            cr_assert(!equal(&out[i], &out[j]), "%zu and %zu", i, j);
    }
    // Ten standard deviations of 4096 tosses are 320.
    cr_expect(negative > 2048 - 320 && negative < 2048 + 320, "%zu negative", negative);
    for (size_t bit = 0; bit < 127; bit++)
        cr_expect(set[bit] > 2048 - 320 && set[bit] < 2048 + 320, "bit %zu: %zu", bit, set[bit]);
    for (size_t n = 0; n < 200; n++) {
        coefficients_derive(shorter, n, &s.secret, 0, &input, 1);
        for (size_t i = 0; i < n; i++)
            cr_assert(equal(&shorter[i], &out[i]), "%zu of %zu", i, n);
    }
}

Test(lanes_coefficients, batches_are_numbered_once_and_the_secret_is_not_nothing)
{
    const struct coefficients_secret *secret = coefficients_process_secret();
    static const struct coefficients_secret nothing;
    cr_assert(secret && memcmp(secret, &nothing, sizeof nothing) != 0);
    cr_expect(secret == coefficients_process_secret());
    const uint64_t first = coefficients_next_batch();
    cr_expect(coefficients_next_batch() != first);
}
