#include "engine/order/signing.h"

#include <assert.h>
#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_schnorrsig.h>
#include <stdlib.h>

struct secp {
    struct signing signing;
    secp256k1_context *context;
    secp256k1_keypair pair;
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
    for (size_t i = 0; i < n; i++) {
        secp256k1_xonly_pubkey key;
        if (!secp256k1_xonly_pubkey_parse(k->context, &key, keys[i]->b) ||
            !secp256k1_schnorrsig_verify(k->context, sigs[i]->b, message->b, sizeof message->b, &key))
            return false;
    }
    return true;
}

static void secp_free(struct signing *s)
{
    struct secp *k = (struct secp *)s;
    secp256k1_context_destroy(k->context);
    explicit_bzero(&k->pair, sizeof k->pair);
    free(k);
}

static const struct signing_ops secp_ops = {secp_sign, secp_verify, secp_free};

struct signing *signing_secp(const bytes32 *secret, bytes32 *public_key)
{
    struct secp *k = calloc(1, sizeof *k);
    if (!k)
        abort();
    k->signing.ops = &secp_ops;
    k->context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
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
