#include "engine/order/signing.h"

#include <assert.h>
#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_schnorrsig.h>
#include <stdlib.h>

#include "sigverify/sigverify.h"

struct secp {
    struct signing signing;
    secp256k1_context *context;
    secp256k1_keypair pair;
    struct sv_verifier *verifier;
};

static void secp_sign(const struct signing *s, wire_signature *out, const bytes32 *message)
{
    const struct secp *k = (const struct secp *)s;
    static const uint8_t no_randomness[32];
    const int good = secp256k1_schnorrsig_sign32(k->context, out->b, message->b, &k->pair, no_randomness);
    assert(good);
    (void)good;
}

static bool secp_verify(const struct signing *s, const bytes32 *const *keys, const wire_signature *const *sigs,
                        size_t n, const bytes32 *message)
{
    const struct secp *k = (const struct secp *)s;
    struct sv_schnorr items[WIRE_VALIDATORS_MAX];
    bool ok[WIRE_VALIDATORS_MAX];
    assert(n <= WIRE_VALIDATORS_MAX);
    if (n == 0)
        return true;
    for (size_t i = 0; i < n; i++) {
        items[i].key = *keys[i];
        items[i].message = *message;
        memcpy(items[i].r.b, sigs[i]->b, 32);
        memcpy(items[i].s.b, sigs[i]->b + 32, 32);
    }
    sv_verify_schnorr(k->verifier, ok, items, n);
    for (size_t i = 0; i < n; i++) {
        if (!ok[i])
            return false;
    }
    return true;
}

static void secp_free(struct signing *s)
{
    struct secp *k = (struct secp *)s;
    secp256k1_context_destroy(k->context);
    if (k->verifier)
        sv_free(k->verifier);
    explicit_bzero(&k->pair, sizeof k->pair);
    free(k);
}

static const struct signing_ops secp_ops = {secp_sign, secp_verify, secp_free};

static const struct signing_ops checker_ops = {NULL, secp_verify, secp_free};

struct signing *signing_checker(void)
{
    struct secp *k = calloc(1, sizeof *k);
    if (!k)
        abort();
    k->signing.ops = &checker_ops;
    k->context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    k->verifier = sv_create();
    if (!k->verifier)
        abort();
    return &k->signing;
}

struct signing *signing_secp(const bytes32 *secret, bytes32 *public_key)
{
    struct secp *k = (struct secp *)signing_checker();
    k->signing.ops = &secp_ops;
    secp256k1_xonly_pubkey x;
    if (!secp256k1_keypair_create(k->context, &k->pair, secret->b) ||
        !secp256k1_keypair_xonly_pub(k->context, &x, NULL, &k->pair)) {
        secp_free(&k->signing);
        return NULL;
    }
    if (public_key)
        secp256k1_xonly_pubkey_serialize(k->context, public_key->b, &x);
    return &k->signing;
}
