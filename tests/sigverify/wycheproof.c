// Project Wycheproof's ECDSA vectors for secp256k1. A signature has no v there, so all four are tried: one of them
// gives the claimed key exactly when the signature is valid.
#include <criterion/criterion.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/hex.h"
#include "sigverify/sigverify.h"
#include "tests/support/vectors.h"

enum { TEXT_MAX = 8192 };

static size_t hex_of(uint8_t *out, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    const ptrdiff_t len = hex_decode(out, TEXT_MAX, json_string_value(value), json_string_length(value));
    cr_assert(len >= 0, "%s", key);
    return (size_t)len;
}

// The leftmost 256 bits of the message's hash (SEC 1, 4.1.3).
static bytes32 hash_message(const char *algorithm, const uint8_t *message, size_t len)
{
    bytes32 out;
    uint8_t digest[EVP_MAX_MD_SIZE];
    const EVP_MD *md = EVP_get_digestbyname(algorithm);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    cr_assert(md && ctx && EVP_DigestInit_ex(ctx, md, NULL) && EVP_DigestUpdate(ctx, message, len));
    if (EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF)
        cr_assert(EVP_DigestFinalXOF(ctx, digest, 32));
    else
        cr_assert(EVP_DigestFinal_ex(ctx, digest, NULL));
    EVP_MD_CTX_free(ctx);
    memcpy(out.b, digest, sizeof out.b);
    return out;
}

// Strict DER INTEGER of at most 256 bits, not negative.
static bool read_integer(struct bytes *in, bytes32 *out)
{
    if (in->len < 3 || in->ptr[0] != 0x02 || in->ptr[1] == 0 || in->ptr[1] > 33 || in->len < 2u + in->ptr[1])
        return false;
    const uint8_t *digits = in->ptr + 2;
    size_t len = in->ptr[1];
    *in = bytes_of(digits + len, in->len - 2 - len);
    if (digits[0] & 0x80 || (len > 1 && digits[0] == 0 && !(digits[1] & 0x80)))
        return false;
    if (digits[0] == 0) {
        digits++;
        len--;
    }
    if (len > 32)
        return false;
    memset(out->b, 0, 32);
    if (len > 0)
        memcpy(out->b + 32 - len, digits, len);
    return true;
}

static bool read_signature(struct sv_item *item, struct bytes in, bool is_p1363)
{
    if (is_p1363) {
        if (in.len != 64)
            return false;
        memcpy(item->r.b, in.ptr, 32);
        memcpy(item->s.b, in.ptr + 32, 32);
        return true;
    }
    if (in.len < 2 || in.ptr[0] != 0x30 || in.ptr[1] != in.len - 2)
        return false;
    in = bytes_of(in.ptr + 2, in.len - 2);
    return read_integer(&in, &item->r) && read_integer(&in, &item->s) && in.len == 0;
}

struct run {
    const char *algorithm;
    bool is_p1363, low_s;
    struct sv_verifier *verifier;
    size_t valid, invalid, unparsed;
};

static void check(struct run *run, const json_t *test, const struct sv_witness *witness)
{
    uint8_t message[TEXT_MAX], signature[TEXT_MAX];
    const size_t message_len = hex_of(message, test, "msg"), signature_len = hex_of(signature, test, "sig");
    const bool is_valid = strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
    const int id = (int)json_integer_value(json_object_get(test, "tcId"));
    struct sv_item items[4] = {{.require_low_s = run->low_s}};
    struct sv_witness witnesses[4];
    struct sv_result recovered[4], verified[4];
    if (!read_signature(&items[0], bytes_of(signature, signature_len), run->is_p1363)) {
        cr_expect(!is_valid, "test %d: a valid signature that does not parse", id);
        run->unparsed++;
        return;
    }
    items[0].hash = hash_message(run->algorithm, message, message_len);
    for (uint8_t v = 0; v < 4; v++) {
        items[v] = items[0];
        items[v].v = v;
        witnesses[v] = *witness;
    }
    sv_recover(run->verifier, recovered, items, 4);
    sv_verify_witness(run->verifier, verified, items, witnesses, 4);
    size_t agreeing = 0;
    for (size_t v = 0; v < 4; v++) {
        const bool same = recovered[v].status == SV_OK && memcmp(recovered[v].pubkey, witness->pubkey, 64) == 0;
        cr_expect(same == (verified[v].status == SV_OK), "test %d, v %zu", id, v);
        agreeing += same;
    }
    cr_expect((agreeing > 0) == is_valid, "test %d: %s", id, json_string_value(json_object_get(test, "comment")));
    run->valid += is_valid;
    run->invalid += !is_valid;
}

static void run_file(const char *name, const char *algorithm, bool is_p1363, bool low_s)
{
    char file[128];
    snprintf(file, sizeof file, "wycheproof/testvectors_v1/ecdsa_secp256k1_%s_test.json", name);
    char *path = vectors_path("misc-public", file);
    if (!path)
        cr_skip_test("no vectors");
    size_t len, i, j;
    char *text = vectors_read(path, &len);
    json_t *root = json_loadb(text, len, 0, NULL), *group, *test;
    cr_assert(root);
    struct run run = {algorithm, is_p1363, low_s, sv_create(), 0, 0, 0};
    json_array_foreach(json_object_get(root, "testGroups"), i, group)
    {
        uint8_t key[TEXT_MAX];
        struct sv_witness witness = {0};
        cr_assert(hex_of(key, json_object_get(group, "publicKey"), "uncompressed") == 65 && key[0] == 4);
        memcpy(witness.pubkey, key + 1, 64);
        json_array_foreach(json_object_get(group, "tests"), j, test) check(&run, test, &witness);
    }
    const size_t count = (size_t)json_integer_value(json_object_get(root, "numberOfTests"));
    fprintf(stderr, "wycheproof %s: %zu valid, %zu invalid, %zu not two integers of 256 bits\n", name, run.valid,
            run.invalid, run.unparsed);
    cr_expect(count > 200 && run.valid + run.invalid + run.unparsed == count);
    sv_free(run.verifier);
    json_decref(root);
    free(text);
    free(path);
}

Test(wycheproof, sha256)
{
    run_file("sha256", "SHA256", false, false);
}

Test(wycheproof, sha256_p1363)
{
    run_file("sha256_p1363", "SHA256", true, false);
}

Test(wycheproof, sha256_with_low_s_only)
{
    run_file("sha256_bitcoin", "SHA256", false, true);
}

Test(wycheproof, sha3_256)
{
    run_file("sha3_256", "SHA3-256", false, false);
}

Test(wycheproof, sha512)
{
    run_file("sha512", "SHA512", false, false);
}

Test(wycheproof, shake128)
{
    run_file("shake128", "SHAKE128", false, false);
}
