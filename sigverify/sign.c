// Signing for generators and tests, on libsecp256k1.
#include <assert.h>
#include <pthread.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include "sigverify/sigverify.h"

// Signing only reads the context, so that all threads share one.
static secp256k1_context *shared_context;
static pthread_once_t shared_once = PTHREAD_ONCE_INIT;

static void create_shared(void)
{
    shared_context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    assert(shared_context);
}

static const secp256k1_context *context(void)
{
    pthread_once(&shared_once, create_shared);
    return shared_context;
}

bool sv_sign(struct sv_signature *out, const bytes32 *hash, const bytes32 *secret_key)
{
    const secp256k1_context *ctx = context();
    secp256k1_ecdsa_recoverable_signature signature;
    if (!secp256k1_ecdsa_sign_recoverable(ctx, &signature, hash->b, secret_key->b, NULL, NULL))
        return false;
    uint8_t compact[64];
    int recovery_id = 0;
    secp256k1_ecdsa_recoverable_signature_serialize_compact(ctx, compact, &recovery_id, &signature);
    memcpy(out->r.b, compact, 32);
    memcpy(out->s.b, compact + 32, 32);
    out->v = (uint8_t)recovery_id;
    return true;
}

bool sv_public_key(uint8_t pubkey[64], const bytes32 *secret_key)
{
    const secp256k1_context *ctx = context();
    secp256k1_pubkey key;
    if (!secp256k1_ec_pubkey_create(ctx, &key, secret_key->b))
        return false;
    uint8_t serialized[65];
    size_t len = sizeof serialized;
    secp256k1_ec_pubkey_serialize(ctx, serialized, &len, &key, SECP256K1_EC_UNCOMPRESSED);
    memcpy(pubkey, serialized + 1, 64);
    return true;
}

bool sv_lift_x(uint8_t y[32], const uint8_t x[32], unsigned parity)
{
    uint8_t compressed[33] = {(uint8_t)(2 + parity)}, full[65];
    size_t len = sizeof full;
    secp256k1_pubkey point;
    memcpy(compressed + 1, x, 32);
    if (!secp256k1_ec_pubkey_parse(secp256k1_context_static, &point, compressed, sizeof compressed))
        return false;
    secp256k1_ec_pubkey_serialize(secp256k1_context_static, full, &len, &point, SECP256K1_EC_UNCOMPRESSED);
    memcpy(y, full + 33, 32);
    return true;
}
