// BIP-340: its own vectors, and batches on every backend against libsecp256k1's verification.
#include <criterion/criterion.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_schnorrsig.h>
#include <stdlib.h>

#include "base/hex.h"
#include "sigverify/lanes/challenge.h"
#include "sigverify/lanes/combination.h"
#include "sigverify/lanes/scalar.h"
#include "tests/sigverify/backends.h"
#include "tests/sigverify/items.h"
#include "tests/support/vectors.h"

enum { MAX = 600 };

static secp256k1_context *library;
static struct combination *checked;
static const char *backend;
static bool slow;

static struct sv_schnorr signatures[MAX];
static bool got[MAX];

static void for_each_backend(void (*test)(uint64_t *state), const char *what)
{
    struct points_backend backends[POINTS_BACKENDS_MAX];
    const size_t count = points_backends(backends);
    uint64_t state = test_seed(what);
    library = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    for (size_t i = 0; i < count; i++) {
        backend = backends[i].name;
        slow = backends[i].slow;
        checked = combination_create(backends[i].points, (struct combination_recovery){SV_PORTABLE.recover, library});
        cr_assert(checked);
        combination_set_smallest(checked, 0);
        test(&state);
        combination_free(checked);
    }
    secp256k1_context_destroy(library);
}

static void sign(struct sv_schnorr *out, const bytes32 *secret, const bytes32 *message)
{
    secp256k1_keypair pair;
    secp256k1_xonly_pubkey key;
    uint8_t signature[64];
    bool ok = secp256k1_keypair_create(library, &pair, secret->b);
    ok = ok && secp256k1_keypair_xonly_pub(library, &key, NULL, &pair);
    ok = ok && secp256k1_schnorrsig_sign32(library, signature, message->b, &pair, NULL);
    cr_assert(ok);
    secp256k1_xonly_pubkey_serialize(library, out->key.b, &key);
    out->message = *message;
    memcpy(out->r.b, signature, 32);
    memcpy(out->s.b, signature + 32, 32);
}

static void make_valid(size_t n, uint64_t *state)
{
    for (size_t i = 0; i < n; i++) {
        const bytes32 secret = random_bytes32(state), message = random_bytes32(state);
        sign(&signatures[i], &secret, &message);
    }
}

static void expect_as_library(size_t n, const char *what)
{
    memset(got, 0xee, n);
    combination_verify_schnorr(checked, got, signatures, n);
    for (size_t i = 0; i < n; i++)
        cr_assert(got[i] == sv_check_schnorr(&signatures[i]), "%s, %s: item %zu of %zu", backend, what, i, n);
}

static void expect_sum_holds(size_t n, const char *what)
{
    const uint64_t failures = combination_failures(checked);
    memset(got, 0, n);
    combination_verify_schnorr(checked, got, signatures, n);
    for (size_t i = 0; i < n; i++)
        cr_assert(got[i], "%s, %s: item %zu of %zu", backend, what, i, n);
    cr_assert(combination_failures(checked) == failures, "%s, %s: the sum of %zu valid ones failed", backend, what, n);
}

static void try_sizes(uint64_t *state)
{
    make_valid(MAX, state);
    for (size_t n = 0; n <= MAX; n += slow ? 1 + n / 2 : n < 200 ? 1 : 67)
        expect_sum_holds(n, "valid");
}

Test(schnorr, valid_batches_of_every_size_hold_at_once)
{
    for_each_backend(try_sizes, "sizes");
}

// Keys whose y is remembered are loaded with it; then a point may be named with its y as a key and without as an R.
static void try_known_keys(uint64_t *state)
{
    const size_t n = slow ? 40 : MAX; // the latter are more than are remembered
    make_valid(n, state);
    for (int time = 0; time < 3; time++)
        expect_sum_holds(n, "keys again");
    for (size_t i = 0; i < 20; i++)
        signatures[i].r = signatures[20 + i].key;
    expect_as_library(40, "a known key as another's R");
}

Test(schnorr, keys_are_remembered_without_changing_an_answer)
{
    for_each_backend(try_known_keys, "known keys");
}

enum flaw { WRONG_MESSAGE, WRONG_KEY, WRONG_R, WRONG_S, LARGE_KEY, LARGE_R, ORDER_S, ZERO_S, NEGATED_S, FLAWS };

static void corrupt(struct sv_schnorr *item, enum flaw flaw, uint64_t *state)
{
    const size_t at = test_random(state) % 32;
    const uint8_t flip = (uint8_t)(1u << test_random(state) % 8);
    const u256 n = group_order();
    switch (flaw) {
    case WRONG_MESSAGE:
        item->message.b[at] ^= flip;
        break;
    case WRONG_KEY:
        item->key.b[at] ^= flip;
        break;
    case WRONG_R:
        item->r.b[at] ^= flip;
        break;
    case WRONG_S:
        item->s.b[at] ^= flip;
        break;
    case LARGE_KEY:
        memset(item->key.b, 0xff, 32);
        break;
    case LARGE_R:
        memset(item->r.b, 0xff, 32);
        break;
    case ORDER_S:
        u256_to_be(item->s.b, &n);
        break;
    case ZERO_S:
        item->s = (bytes32){{0}};
        break;
    case NEGATED_S:
        item->s = negated(&item->s);
        break;
    case FLAWS:
        break;
    }
}

static void try_single_flaws(uint64_t *state)
{
    static struct sv_schnorr kept[17];
    make_valid(17, state);
    memcpy(kept, signatures, sizeof kept);
    for (int flaw = 0; flaw < FLAWS; flaw++) {
        for (size_t bad = 0; bad < 17; bad += slow ? 5 : 1) {
            memcpy(signatures, kept, sizeof kept);
            corrupt(&signatures[bad], (enum flaw)flaw, state);
            expect_as_library(17, "one bad item");
            for (size_t i = 0; i < 17; i++)
                cr_assert(got[i] == (i != bad), "%s: flaw %d of item %zu", backend, flaw, bad);
        }
    }
}

Test(schnorr, exactly_the_one_bad_item_is_refused_wherever_and_whatever_it_is)
{
    for_each_backend(try_single_flaws, "single flaws");
}

static void try_corruption(uint64_t *state)
{
    for (int round = 0; round < (slow ? 3 : 60); round++) {
        const size_t n = 1 + test_random(state) % 120;
        make_valid(n, state);
        for (size_t i = 0; i < n; i++) {
            if (test_random(state) % 5 == 0)
                corrupt(&signatures[i], (enum flaw)(test_random(state) % FLAWS), state);
        }
        combination_set_smallest(checked, round % 2 ? 0 : 30);
        expect_as_library(n, "corrupted");
    }
}

Test(schnorr, corrupted_batches_are_answered_as_by_the_library)
{
    for_each_backend(try_corruption, "corrupted batches");
}

// One voter, many votes; one vote, many times.
static void try_repeated(uint64_t *state)
{
    const bytes32 secret = random_bytes32(state);
    for (size_t n = 1; n < 80; n += 1 + n / 2) {
        for (size_t i = 0; i < n; i++) {
            const bytes32 message = random_bytes32(state);
            sign(&signatures[i], &secret, &message);
        }
        expect_sum_holds(n, "one key");
        signatures[n / 2].message.b[0] ^= 1;
        expect_as_library(n, "one key, one bad");
        for (size_t i = 1; i < n; i++)
            signatures[i] = signatures[0];
        expect_as_library(n, "one signature");
    }
}

Test(schnorr, equal_keys_and_signatures_are_merged_right)
{
    for_each_backend(try_repeated, "repeated");
}

// A batch of one signature more than the vectors' one, so that both ways of deciding are taken.
static void expect_vector(const struct sv_schnorr *vector, bool expected, const char *comment)
{
    for (size_t smallest = 0; smallest < 100; smallest += 99) {
        signatures[2] = *vector;
        combination_set_smallest(checked, smallest);
        combination_verify_schnorr(checked, got, signatures, 3);
        cr_expect(got[0] && got[1], "%s: the valid ones beside", backend);
        cr_expect(got[2] == expected, "%s: %s", backend, comment);
        combination_verify_schnorr(checked, got, vector, 1);
        cr_expect(got[0] == expected, "%s, alone: %s", backend, comment);
    }
    cr_expect(sv_check_schnorr(vector) == expected, "the library: %s", comment);
}

// One line of the file: index, secret key, public key, aux_rand, message, signature, result, comment.
static bool parse_line(char *line, struct sv_schnorr *out, bool *expected, const char **comment)
{
    char *fields[8] = {0};
    for (size_t i = 0; i < 8; i++)
        fields[i] = strsep(&line, ",");
    if (!fields[7] || strlen(fields[4]) != 64 || strlen(fields[2]) != 64 || strlen(fields[5]) != 128)
        return false; // messages of other lengths are not ours
    uint8_t signature[64];
    bool ok = hex_decode(out->key.b, 32, fields[2], 64) == 32 && hex_decode(out->message.b, 32, fields[4], 64) == 32;
    ok = ok && hex_decode(signature, 64, fields[5], 128) == 64;
    memcpy(out->r.b, signature, 32);
    memcpy(out->s.b, signature + 32, 32);
    *expected = strcmp(fields[6], "TRUE") == 0;
    *comment = fields[7];
    return ok;
}

static char *vectors;

static void try_vectors(uint64_t *state)
{
    size_t len, count = 0;
    char *text = vectors_read(vectors, &len), *rest = text, *line;
    make_valid(2, state);
    while ((line = strsep(&rest, "\n"))) {
        struct sv_schnorr item;
        bool expected;
        const char *comment;
        if (!parse_line(line, &item, &expected, &comment))
            continue;
        expect_vector(&item, expected, comment);
        count++;
    }
    cr_expect(count >= 15, "%zu vectors", count);
    free(text);
}

Test(schnorr, answers_are_those_of_the_bips_vectors)
{
    vectors = vectors_path("misc-public", "bips/bip-0340/test-vectors.csv");
    if (!vectors)
        cr_skip_test("the vectors are absent");
    for_each_backend(try_vectors, "vectors");
    free(vectors);
}

Test(schnorr, challenges_are_the_librarys_tagged_hashes)
{
    uint64_t state = test_seed("challenges");
    library = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    for (int i = 0; i < 1000; i++) {
        const bytes32 r = random_bytes32(&state), key = random_bytes32(&state), message = random_bytes32(&state);
        const bytes32 challenge = schnorr_challenge(&r, &key, &message);
        uint8_t bytes[96], expected[32];
        memcpy(bytes, r.b, 32);
        memcpy(bytes + 32, key.b, 32);
        memcpy(bytes + 64, message.b, 32);
        const int ok = secp256k1_tagged_sha256(library, expected, (const uint8_t *)"BIP0340/challenge", 17, bytes, 96);
        cr_assert(ok && memcmp(challenge.b, expected, 32) == 0);
    }
    secp256k1_context_destroy(library);
}

Test(schnorr, verifiers_cut_batches_of_any_size)
{
    uint64_t state = test_seed("verifiers");
    static struct sv_schnorr many[2 * SV_BATCH_MAX + 5];
    static bool ok[2 * SV_BATCH_MAX + 5];
    library = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    make_valid(40, &state);
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++)
        many[i] = signatures[i % 40];
    struct sv_verifier *verifier = sv_create();
    static const size_t SIZES[] = {0, 1, 7, 67, SV_BATCH_MAX, 2 * SV_BATCH_MAX + 5};
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        const size_t n = SIZES[i], bad = n / 2;
        if (n > 0)
            many[bad].message.b[5] ^= 1;
        sv_verify_schnorr(verifier, ok, many, n);
        for (size_t j = 0; j < n; j++)
            cr_assert(ok[j] == (j != bad), "%zu of %zu", j, n);
        if (n > 0)
            many[bad].message.b[5] ^= 1;
    }
    sv_free(verifier);
    secp256k1_context_destroy(library);
}
