// ecrecover, the hashes, BLAKE2 and identity.
#include "tests/shard/precompiles_fixture.h"
#include "tests/support/vectors.h"

#include "base/cpu.h"
#include "shard/evm/precompiles/blake2f_rounds.h"
#include "sigverify/sigverify.h"

#include <criterion/criterion.h>

TestSuite(precompiles, .init = pc_setup, .fini = pc_teardown);

Test(precompiles, are_at_addresses_one_to_ten)
{
    address a = {0};
    cr_assert_eq(precompile_at(&a), PRECOMPILE_NONE);
    for (unsigned i = 1; i <= 255; i++) {
        a.b[19] = (uint8_t)i;
        cr_assert_eq(precompile_at(&a), i <= 10 ? i : PRECOMPILE_NONE);
    }
    a.b[19] = 1;
    for (unsigned i = 0; i < 19; i++) {
        a.b[i] = 1;
        cr_assert_eq(precompile_at(&a), PRECOMPILE_NONE);
        a.b[i] = 0;
    }
}

Test(precompiles, sha256_of_published_examples)
{
    pc_expect(PRECOMPILE_SHA256, bytes_of(NULL, 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    pc_expect(PRECOMPILE_SHA256, bytes_of("abc", 3),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    pc_expect(PRECOMPILE_SHA256, bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

// From the function's own page by Bosselaers.
Test(precompiles, ripemd160_of_published_examples)
{
    const char zeros[] = "000000000000000000000000";
    const struct {
        const char *text, *digest;
    } examples[] = {
        {"", "9c1185a5c5e9fc54612808977ee8f548b2258d31"},
        {"a", "0bdc9d2d256b3ee9daae347be6f4dc835a467ffe"},
        {"abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"},
        {"message digest", "5d0689ef49d2fae572b881b123a85ffa21595f36"},
        {"abcdefghijklmnopqrstuvwxyz", "f71c27109c692c1b56bbdceb5b9d2865b3708dbc"},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        char expected[65] = "";
        strcat(strcat(expected, zeros), examples[i].digest);
        pc_expect(PRECOMPILE_RIPEMD160, bytes_of(examples[i].text, strlen(examples[i].text)), expected);
    }
}

Test(precompiles, hashes_and_identity_pay_by_the_word)
{
    static const uint8_t input[65];
    const size_t lengths[] = {0, 1, 32, 33, 64, 65}, words[] = {0, 1, 1, 2, 2, 3};
    for (size_t i = 0; i < 6; i++) {
        const struct bytes in = bytes_of(input, lengths[i]);
        cr_assert_eq(precompile_gas(PRECOMPILE_SHA256, in), 60 + 12 * words[i]);
        cr_assert_eq(precompile_gas(PRECOMPILE_RIPEMD160, in), 600 + 120 * words[i]);
        cr_assert_eq(precompile_gas(PRECOMPILE_IDENTITY, in), 15 + 3 * words[i]);
    }
}

Test(precompiles, no_gas_is_enough_for_what_is_no_precompile)
{
    cr_assert_eq(precompile_gas(0, bytes_of(NULL, 0)), UINT64_MAX);
    cr_assert_eq(precompile_gas(11, bytes_of(NULL, 0)), UINT64_MAX);
}

Test(precompiles, identity_gives_its_input)
{
    pc_expect(PRECOMPILE_IDENTITY, bytes_of(NULL, 0), "");
    pc_expect(PRECOMPILE_IDENTITY, bytes_of("\x01\x02\x00\x03", 4), "01020003");
}

struct signature_call {
    uint8_t words[4][32];
};

static struct signature_call signed_call(address *signer, uint64_t *random)
{
    struct signature_call call = {0};
    bytes32 key, hash;
    for (size_t i = 0; i < 32; i++) {
        key.b[i] = (uint8_t)test_random(random);
        hash.b[i] = (uint8_t)test_random(random);
    }
    key.b[0] &= 0x7f;
    struct sv_signature signature;
    uint8_t pubkey[64];
    cr_assert(sv_sign(&signature, &hash, &key) && sv_public_key(pubkey, &key));
    *signer = sv_address(pubkey);
    memcpy(call.words[0], hash.b, 32);
    call.words[1][31] = (uint8_t)(27 + signature.v);
    memcpy(call.words[2], signature.r.b, 32);
    memcpy(call.words[3], signature.s.b, 32);
    return call;
}

static bool recovers(struct bytes input, const address *signer)
{
    static const uint8_t zeros[12];
    struct bytes output;
    pc_soil_output();
    cr_assert_eq(precompile_run(pc_context, &output, PRECOMPILE_ECRECOVER, input), PRECOMPILE_OK);
    cr_assert(output.len == 0 || (output.len == 32 && memcmp(output.ptr, zeros, 12) == 0));
    return output.len == 32 && memcmp(output.ptr + 12, signer->b, 20) == 0;
}

static bool gives_nothing(const struct signature_call *call, size_t len)
{
    struct bytes output = bytes_of("?", 1);
    cr_assert_eq(precompile_run(pc_context, &output, PRECOMPILE_ECRECOVER, bytes_of(call, len)), PRECOMPILE_OK);
    return output.len == 0;
}

// s -> n - s and the other v: the same signature with a high s.
static void turn_s(struct signature_call *call)
{
    static const u256 order = {{0xbfd25e8cd0364141, 0xbaaedce6af48a03b, 0xfffffffffffffffe, 0xffffffffffffffff}};
    u256 s = u256_from_be(call->words[3], 32);
    u256_sub(&s, &order, &s);
    u256_to_be(call->words[3], &s);
    call->words[1][31] ^= 27 ^ 28;
}

Test(precompiles, ecrecover_finds_the_signer_of_low_and_high_s)
{
    uint64_t random = test_seed("ecrecover_finds_the_signer_of_low_and_high_s");
    for (int i = 0; i < 50; i++) {
        address signer;
        struct signature_call call = signed_call(&signer, &random);
        cr_assert(recovers(bytes_of(&call, sizeof call), &signer));
        turn_s(&call);
        cr_assert(recovers(bytes_of(&call, sizeof call), &signer));
        call.words[1][31] ^= 27 ^ 28;
        cr_assert(!recovers(bytes_of(&call, sizeof call), &signer));
    }
}

Test(precompiles, ecrecover_ignores_what_follows_the_fourth_word)
{
    uint64_t random = test_seed("ecrecover_ignores_what_follows_the_fourth_word");
    struct {
        struct signature_call call;
        uint8_t more[7];
    } input = {.more = {1, 2, 3}};
    address signer;
    input.call = signed_call(&signer, &random);
    cr_assert(recovers(bytes_of(&input, sizeof input), &signer));
}

Test(precompiles, ecrecover_takes_missing_bytes_as_zeros)
{
    uint64_t random = test_seed("ecrecover_takes_missing_bytes_as_zeros");
    address signer;
    struct signature_call call = signed_call(&signer, &random);
    cr_assert(gives_nothing(&call, 0));
    cr_assert(gives_nothing(&call, 64));
    cr_assert(gives_nothing(&call, 96));
    // A shorter s is another number than the whole one, and for it there is another signer.
    cr_assert(!recovers(bytes_of(&call, 127), &signer) || call.words[3][31] == 0);
}

Test(precompiles, ecrecover_gives_nothing_for_what_is_no_signature)
{
    uint64_t random = test_seed("ecrecover_gives_nothing_for_what_is_no_signature");
    address signer;
    const struct signature_call good = signed_call(&signer, &random);
    struct signature_call call = good;
    for (unsigned v = 0; v < 256; v++) {
        call.words[1][31] = (uint8_t)v;
        cr_assert(v == 27 || v == 28 || gives_nothing(&call, sizeof call), "v %u", v);
    }
    for (int i = 0; i < 31; i++) {
        call = good;
        call.words[1][i] = 1;
        cr_assert(gives_nothing(&call, sizeof call), "v with byte %d set", i);
    }
    for (int word = 2; word < 4; word++) {
        call = good;
        memset(call.words[word], 0, 32);
        cr_assert(gives_nothing(&call, sizeof call));
        memset(call.words[word], 0xff, 32);
        cr_assert(gives_nothing(&call, sizeof call));
    }
}

Test(precompiles, blake2f_refuses_every_other_length)
{
    uint8_t input[300] = {0};
    for (size_t len = 0; len <= sizeof input; len++) {
        struct bytes output;
        const enum precompile_status expected = len == 213 ? PRECOMPILE_OK : PRECOMPILE_FAILED;
        cr_assert_eq(precompile_run(pc_context, &output, PRECOMPILE_BLAKE2F, bytes_of(input, len)), expected);
        cr_assert_eq(precompile_gas(PRECOMPILE_BLAKE2F, bytes_of(input, len)), 0);
    }
}

// BLAKE2b-512 itself, with any number of rounds, written out after RFC 7693's pseudo-code.
static void slow_blake2f(uint64_t h[8], const uint64_t m[16], const uint64_t t[2], bool final, unsigned rounds)
{
    static const uint8_t sigma[10][17] = {
        "0123456789abcdef", "ea489fd61c02b753", "b8c052fdae367194", "7931dcbe265a40f8", "905724afe1bc683d",
        "2c6a0b834d75fe19", "c51fed4a0763928b", "db7ec13950f4862a", "6fe9b308c2d714a5", "a2847615fb9e3cd0"};
    static const uint8_t columns[8][4] = {{0, 4, 8, 12},  {1, 5, 9, 13},  {2, 6, 10, 14}, {3, 7, 11, 15},
                                          {0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13},  {3, 4, 9, 14}};
    static const uint64_t iv[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                                   0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
    static const unsigned turns[2][2] = {{32, 24}, {16, 63}};
    uint64_t v[16];
    memcpy(v, h, 64);
    memcpy(v + 8, iv, 64);
    v[12] ^= t[0];
    v[13] ^= t[1];
    if (final)
        v[14] = ~v[14];
    for (unsigned i = 0; i < rounds; i++) {
        for (unsigned g = 0; g < 8; g++) {
            uint64_t *a = &v[columns[g][0]], *b = &v[columns[g][1]], *c = &v[columns[g][2]], *d = &v[columns[g][3]];
            for (unsigned half = 0; half < 2; half++) {
                const uint8_t digit = sigma[i % 10][2 * g + half];
                *a += *b + m[digit <= '9' ? digit - '0' : digit - 'a' + 10];
                *d ^= *a;
                *d = *d >> turns[half][0] | *d << (64 - turns[half][0]);
                *c += *d;
                *b ^= *c;
                *b = *b >> turns[half][1] | *b << (64 - turns[half][1]);
            }
        }
    }
    for (int i = 0; i < 8; i++)
        h[i] ^= v[i] ^ v[i + 8];
}

Test(precompiles, blake2f_equals_the_plain_function_for_any_rounds)
{
    uint64_t random = test_seed("blake2f_equals_the_plain_function_for_any_rounds");
    for (unsigned rounds = 0; rounds < 64; rounds++) {
        uint8_t input[213] = {0, 0, 0, (uint8_t)rounds};
        uint64_t h[8], m[16], t[2];
        for (size_t i = 4; i < 212; i++)
            input[i] = (uint8_t)test_random(&random);
        input[212] = rounds & 1;
        memcpy(h, input + 4, 64);
        memcpy(m, input + 68, 128);
        memcpy(t, input + 196, 16);
        slow_blake2f(h, m, t, input[212], rounds);
        struct bytes output;
        cr_assert_eq(precompile_run(pc_context, &output, PRECOMPILE_BLAKE2F, bytes_of(input, 213)), PRECOMPILE_OK);
        cr_assert(output.len == 64 && memcmp(output.ptr, h, 64) == 0, "%u rounds", rounds);
        cr_assert_eq(precompile_gas(PRECOMPILE_BLAKE2F, bytes_of(input, 213)), rounds);
    }
}

Test(precompiles, blake2f_is_the_same_four_columns_at_a_time)
{
    if (!cpu_has_avx2())
        cr_skip_test("no AVX2");
    uint64_t seed = test_seed("blake2f");
    for (uint32_t rounds = 0; rounds < 200; rounds++) {
        uint64_t m[16], one[16], four[16];
        for (unsigned i = 0; i < 16; i++) {
            m[i] = test_random(&seed);
            one[i] = four[i] = test_random(&seed);
        }
        blake2f_rounds_portable(one, m, rounds);
        blake2f_rounds_avx2(four, m, rounds);
        cr_assert_arr_eq(one, four, sizeof one, "%u rounds", rounds);
    }
}
