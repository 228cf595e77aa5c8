// The implementation on libsecp256k1: one signature after the other. Every other one is held to its answers.
#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include <assert.h>

#include "sigverify/kernels.h"

static bool usable(void)
{
    return true;
}

static void *create(void)
{
    return secp256k1_context_create(SECP256K1_CONTEXT_NONE);
}

static void destroy(void *state)
{
    secp256k1_context_destroy(state);
}

static enum sv_status recover_one(const secp256k1_context *ctx, uint8_t pubkey[64], const struct sv_item *item)
{
    const enum sv_status range = sv_check_range(item);
    if (range != SV_OK)
        return range;
    uint8_t compact[64];
    memcpy(compact, item->r.b, 32);
    memcpy(compact + 32, item->s.b, 32);
    secp256k1_ecdsa_recoverable_signature signature;
    secp256k1_pubkey key;
    if (!secp256k1_ecdsa_recoverable_signature_parse_compact(ctx, &signature, compact, item->v) ||
        !secp256k1_ecdsa_recover(ctx, &key, &signature, item->hash.b))
        return SV_NO_POINT;
    uint8_t serialized[65];
    size_t len = sizeof serialized;
    const int ok = secp256k1_ec_pubkey_serialize(ctx, serialized, &len, &key, SECP256K1_EC_UNCOMPRESSED);
    assert(ok && len == sizeof serialized);
    (void)ok;
    memcpy(pubkey, serialized + 1, 64);
    return SV_OK;
}

static void recover(void *state, struct sv_result *out, const struct sv_item *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i].status = recover_one(state, out[i].pubkey, &in[i]);
}

// The library's plain verification compares only R's x, so it would take a signature whose v is flipped. Recovering
// and comparing is exact, and one recovery costs little more.
static void verify_witness(void *state, struct sv_result *out, const struct sv_item *in,
                           const struct sv_witness *witness, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct sv_result *result = &out[i];
        result->status = recover_one(state, result->pubkey, &in[i]);
        if (result->status != SV_OK)
            continue;
        if (memcmp(result->pubkey, witness[i].pubkey, 64) != 0 ||
            (witness[i].has_ry && !sv_is_ry(&in[i], witness[i].ry)))
            *result = (struct sv_result){.status = SV_WRONG_WITNESS};
        else
            sv_keep_ry(result, &witness[i]);
    }
}

static void verify_schnorr(void *state, bool *ok, const struct sv_schnorr *in, size_t n)
{
    (void)state;
    for (size_t i = 0; i < n; i++)
        ok[i] = sv_check_schnorr(&in[i]);
}

const struct sv_kernels SV_PORTABLE = {"portable", usable, create, destroy, recover, verify_witness, verify_schnorr, 1};
