// modexp against a plainly written model, and its bounds.
#include "tests/shard/precompiles_fixture.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(modexp, .init = pc_setup, .fini = pc_teardown);

struct lengths {
    uint64_t base, exponent, modulus;
};

static void write_length(uint8_t out[32], uint64_t length)
{
    const u256 word = u256_from_u64(length);
    u256_to_be(out, &word);
}

static void write_head(uint8_t out[96], struct lengths lengths)
{
    write_length(out, lengths.base);
    write_length(out + 32, lengths.exponent);
    write_length(out + 64, lengths.modulus);
}

// The number at an offset of an input that zeros follow without end.
static void model_number(mpz_t out, struct bytes input, size_t offset, size_t length)
{
    mpz_set_ui(out, 0);
    for (size_t i = 0; i < length; i++) {
        mpz_mul_2exp(out, out, 8);
        if (offset + i < input.len)
            mpz_add_ui(out, out, input.ptr[offset + i]);
    }
}

// One bit of the exponent at a time, by division.
static void model_run(uint8_t *out, struct bytes input, struct lengths lengths)
{
    mpz_t base, exponent, modulus, result;
    mpz_inits(base, exponent, modulus, result, NULL);
    model_number(base, input, 96, lengths.base);
    model_number(exponent, input, 96 + lengths.base, lengths.exponent);
    model_number(modulus, input, 96 + lengths.base + lengths.exponent, lengths.modulus);
    if (mpz_sgn(modulus) != 0) {
        mpz_set_ui(result, 1);
        mpz_mod(result, result, modulus);
        for (size_t i = mpz_sizeinbase(exponent, 2); i-- > 0;) {
            mpz_mul(result, result, result);
            if (mpz_tstbit(exponent, i))
                mpz_mul(result, result, base);
            mpz_mod(result, result, modulus);
        }
    }
    for (size_t i = lengths.modulus; i-- > 0;) {
        out[i] = (uint8_t)mpz_fdiv_q_ui(result, result, 256);
    }
    mpz_clears(base, exponent, modulus, result, NULL);
}

// EIP-2565's text, on numbers of any size.
static void model_gas(mpz_t out, struct bytes input, struct lengths lengths)
{
    mpz_t head, count;
    mpz_inits(head, count, NULL);
    const uint64_t longer = lengths.base > lengths.modulus ? lengths.base : lengths.modulus;
    model_number(head, input, 96 + lengths.base, lengths.exponent < 32 ? lengths.exponent : 32);
    if (lengths.exponent > 32) {
        mpz_set_ui(count, lengths.exponent - 32);
        mpz_mul_ui(count, count, 8);
    }
    if (mpz_sgn(head) != 0)
        mpz_add_ui(count, count, mpz_sizeinbase(head, 2) - 1);
    if (mpz_sgn(count) == 0)
        mpz_set_ui(count, 1);
    mpz_set_ui(out, longer);
    mpz_cdiv_q_ui(out, out, 8);
    mpz_mul(out, out, out);
    mpz_mul(out, out, count);
    mpz_fdiv_q_ui(out, out, 3);
    if (mpz_cmp_ui(out, 200) < 0)
        mpz_set_ui(out, 200);
    if (mpz_sizeinbase(out, 2) > 64)
        mpz_set_ui(out, UINT64_MAX);
    mpz_clears(head, count, NULL);
}

static void check_against_model(struct bytes input, struct lengths lengths)
{
    uint8_t expected[512];
    struct bytes output;
    mpz_t gas;
    mpz_init(gas);
    model_run(expected, input, lengths);
    model_gas(gas, input, lengths);
    cr_assert_eq(precompile_run(pc_context, &output, PRECOMPILE_MODEXP, input), PRECOMPILE_OK);
    cr_assert(bytes_equal(output, bytes_of(expected, lengths.modulus)));
    cr_assert_eq(precompile_gas(PRECOMPILE_MODEXP, input), mpz_get_ui(gas));
    mpz_clear(gas);
}

static uint64_t random_length(uint64_t *random)
{
    const uint64_t longest[] = {2, 8, 9, 40, 150};
    return test_random(random) % longest[test_random(random) % 5];
}

Test(modexp, equals_the_model_for_random_numbers)
{
    uint64_t random = test_seed("equals_the_model_for_random_numbers");
    for (int i = 0; i < 3000; i++) {
        uint8_t input[1024];
        const struct lengths lengths = {random_length(&random), random_length(&random), random_length(&random)};
        const size_t whole = 96 + lengths.base + lengths.exponent + lengths.modulus;
        write_head(input, lengths);
        const uint64_t kind = test_random(&random) % 4;
        for (size_t j = 96; j < sizeof input; j++)
            input[j] = kind == 0 ? 0 : kind == 1 ? 0xff : (uint8_t)test_random(&random);
        if (test_random(&random) % 2)
            input[whole - 1] &= (uint8_t) ~(0xff >> test_random(&random) % 8); // even moduli, also zero ones
        // As it is, cut off somewhere, or with more behind it.
        const uint64_t cut = test_random(&random) % 4;
        const size_t len = cut == 0 ? 96 + test_random(&random) % (whole - 95) : cut == 1 ? whole + 20 : whole;
        check_against_model(bytes_of(input, len), lengths);
    }
}

Test(modexp, powers_of_zero_and_modulus_one)
{
    const struct {
        uint8_t numbers[3];
        const char *output;
    } cases[] = {
        {{0, 0, 0}, "00"}, {{0, 0, 1}, "00"}, {{0, 0, 2}, "01"}, {{5, 0, 1}, "00"},   {{5, 0, 7}, "01"},
        {{0, 5, 7}, "00"}, {{5, 5, 0}, "00"}, {{5, 5, 1}, "00"}, {{2, 8, 255}, "01"}, {{6, 3, 8}, "00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t input[99];
        write_head(input, (struct lengths){1, 1, 1});
        memcpy(input + 96, cases[i].numbers, 3);
        pc_expect(PRECOMPILE_MODEXP, bytes_of(input, sizeof input), cases[i].output);
    }
}

Test(modexp, an_empty_modulus_has_an_empty_output)
{
    uint8_t head[96];
    pc_expect(PRECOMPILE_MODEXP, bytes_of(NULL, 0), "");
    cr_assert_eq(precompile_gas(PRECOMPILE_MODEXP, bytes_of(NULL, 0)), 200);
    write_head(head, (struct lengths){5, 5, 0});
    pc_expect(PRECOMPILE_MODEXP, bytes_of(head, sizeof head), "");
    // Nothing is read or computed, whatever the exponent's length says.
    write_head(head, (struct lengths){0, 0, 0});
    memset(head + 32, 0xff, 32);
    pc_expect(PRECOMPILE_MODEXP, bytes_of(head, sizeof head), "");
    cr_assert_eq(precompile_gas(PRECOMPILE_MODEXP, bytes_of(head, sizeof head)), 200);
}

// Then the modulus, which is the last number, is not there at all and so zero.
Test(modexp, a_cut_off_base_or_exponent_gives_zeros)
{
    uint8_t input[98];
    const struct lengths lengths[] = {{1, 50000, 3}, {3, 1, 3}, {UINT64_MAX, 1, 3}, {1, UINT64_MAX, 3}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        write_head(input, lengths[i]);
        memcpy(input + 96, "\x03\x01", 2);
        pc_expect(PRECOMPILE_MODEXP, bytes_of(input, sizeof input), "000000");
    }
}

Test(modexp, an_exponent_of_many_bytes_is_read_whole)
{
    const struct lengths lengths = {1, 5000, 2};
    const size_t size = 96 + 1 + 5000 + 2;
    uint8_t *input = calloc(1, size);
    write_head(input, lengths);
    input[96] = 3;
    input[97] = 1;
    input[size - 3] = 1;
    input[size - 2] = 0xf1;
    input[size - 1] = 0x03;
    check_against_model(bytes_of(input, size), lengths);
    // Without its last byte the modulus is 0xf100.
    check_against_model(bytes_of(input, size - 1), lengths);
    free(input);
}

Test(modexp, lengths_beyond_all_gas_cannot_be_paid)
{
    uint8_t head[96];
    for (unsigned which = 0; which < 3; which++) {
        for (unsigned byte = 0; byte < 24; byte++) {
            write_head(head, (struct lengths){1, 1, 1});
            head[32 * which + byte] = 1;
            cr_assert_eq(precompile_gas(PRECOMPILE_MODEXP, bytes_of(head, 96)), UINT64_MAX, "length %u", which);
        }
        memset(head + 32 * which, 0xff, 32);
        cr_assert_eq(precompile_gas(PRECOMPILE_MODEXP, bytes_of(head, 96)), UINT64_MAX);
    }
}

// Only the head is there: of the exponent there are zeros.
Test(modexp, gas_equals_the_model_for_lengths_of_any_size)
{
    uint64_t random = test_seed("gas_equals_the_model_for_lengths_of_any_size");
    mpz_t expected;
    mpz_init(expected);
    for (int i = 0; i < 20000; i++) {
        uint64_t lengths[3];
        for (int k = 0; k < 3; k++)
            lengths[k] = test_random(&random) >> (1 + test_random(&random) % 63);
        if (test_random(&random) % 4 == 0) {
            // All factors powers of two: a product that is cut off is zero.
            lengths[0] = UINT64_C(1) << (test_random(&random) % 63);
            lengths[1] = 32 + (UINT64_C(1) << (test_random(&random) % 62));
            lengths[2] = lengths[0] / 2;
        }
        const struct lengths call = {lengths[0], lengths[1], lengths[2]};
        uint8_t head[96];
        write_head(head, call);
        model_gas(expected, bytes_of(head, 96), call);
        cr_assert_eq(precompile_gas(PRECOMPILE_MODEXP, bytes_of(head, 96)), mpz_get_ui(expected), "%lu %lu %lu",
                     lengths[0], lengths[1], lengths[2]);
    }
    mpz_clear(expected);
}

Test(modexp, takes_no_memory_for_lengths_it_does_not_compute)
{
    uint8_t head[96];
    struct bytes output = bytes_of("?", 1);
    const uint64_t most = PRECOMPILE_MODEXP_MAX_BYTES;
    const struct lengths lengths[] = {{0, 0, most + 1}, {1, 1, most + 1}, {1, 1, UINT64_MAX}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        write_head(head, lengths[i]);
        cr_assert_gt(precompile_gas(PRECOMPILE_MODEXP, bytes_of(head, 96)), UINT64_C(1000000000000));
        cr_assert_eq(precompile_run(pc_context, &output, PRECOMPILE_MODEXP, bytes_of(head, 96)),
                     PRECOMPILE_NOT_AVAILABLE);
        cr_assert_eq(output.len, 0);
    }
}

Test(modexp, computes_with_large_and_then_small_numbers)
{
    uint8_t head[96];
    struct bytes output;
    write_head(head, (struct lengths){0, 0, 100000});
    cr_assert_eq(precompile_run(pc_context, &output, PRECOMPILE_MODEXP, bytes_of(head, 96)), PRECOMPILE_OK);
    cr_assert_eq(output.len, 100000);
    uint8_t input[99];
    write_head(input, (struct lengths){1, 1, 1});
    memcpy(input + 96, "\x02\x03\x05", 3);
    pc_expect(PRECOMPILE_MODEXP, bytes_of(input, sizeof input), "03");
}
