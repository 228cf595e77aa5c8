// The batch is held to the one-message function at every length and mix of lengths.
#include "base/keccak.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define LENGTH_MAX 2000
#define BATCH_MAX 64

static uint8_t *random_bytes(uint64_t *seed, size_t len)
{
    uint8_t *p = malloc(len);
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)test_random(seed);
    return p;
}

// Messages are copied to blocks of their exact size, so that the sanitizer sees any reading past an end.
static void check_batch(const uint8_t *source, const size_t *lengths, size_t n)
{
    struct bytes in[BATCH_MAX] = {0};
    bytes32 out[BATCH_MAX + 1];
    memset(&out[n], 0xa5, sizeof out[n]);
    for (size_t i = 0; i < n; i++) {
        uint8_t *copy = malloc(lengths[i] ? lengths[i] : 1);
        memcpy(copy, source + i, lengths[i]);
        in[i] = bytes_of(copy, lengths[i]);
    }
    keccak256_batch(out, in, n);
    for (size_t i = 0; i < n; i++) {
        bytes32 expected = keccak256(in[i].ptr, in[i].len);
        cr_assert(bytes32_equal(&out[i], &expected), "message %zu of %zu, length %zu", i, n, lengths[i]);
        free((void *)in[i].ptr);
    }
    for (size_t i = 0; i < 32; i++)
        cr_assert_eq(out[n].b[i], 0xa5, "nothing is written past the results");
}

Test(keccak_batch, equal_lengths_of_0_to_300_in_batches_of_0_to_9)
{
    uint64_t seed = test_seed("keccak batch, equal");
    uint8_t *source = random_bytes(&seed, LENGTH_MAX + BATCH_MAX);
    for (size_t len = 0; len <= 300; len++) {
        for (size_t n = 0; n <= 9; n++) {
            size_t lengths[9];
            for (size_t i = 0; i < 9; i++)
                lengths[i] = len;
            check_batch(source, lengths, n);
        }
    }
    free(source);
}

Test(keccak_batch, mixed_lengths)
{
    uint64_t seed = test_seed("keccak batch, mixed");
    uint8_t *source = random_bytes(&seed, LENGTH_MAX + BATCH_MAX);
    for (int round = 0; round < 3000; round++) {
        size_t n = test_random(&seed) % (BATCH_MAX + 1), lengths[BATCH_MAX];
        size_t bound = round % 3 == 0 ? 137 : round % 3 == 1 ? 600 : LENGTH_MAX;
        for (size_t i = 0; i < n; i++)
            lengths[i] = test_random(&seed) % (bound + 1);
        check_batch(source, lengths, n);
    }
    free(source);
}

Test(keccak_batch, one_long_message_among_short_ones)
{
    uint64_t seed = test_seed("keccak batch, one long");
    uint8_t *source = random_bytes(&seed, LENGTH_MAX + BATCH_MAX);
    for (size_t place = 0; place < 12; place++) {
        size_t lengths[12];
        for (size_t i = 0; i < 12; i++)
            lengths[i] = i == place ? LENGTH_MAX : i * 13;
        check_batch(source, lengths, 12);
    }
    free(source);
}

Test(keccak_batch, every_length_beside_every_other)
{
    uint64_t seed = test_seed("keccak batch, pairs");
    uint8_t *source = random_bytes(&seed, LENGTH_MAX + BATCH_MAX);
    for (size_t a = 0; a <= 300; a++) {
        for (size_t b = a % 7; b <= 300; b += 7) {
            size_t lengths[5] = {a, b, a, b, 300 - a};
            check_batch(source, lengths, 5);
        }
    }
    free(source);
}
