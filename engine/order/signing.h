// How the state machines sign and check: BIP-340 over 32 bytes in production (signing_secp.c), a stand-in in the
// simulator. Deterministic.
#ifndef GANTRY_ENGINE_ORDER_SIGNING_H
#define GANTRY_ENGINE_ORDER_SIGNING_H

#include "engine/net/wire/message.h"

struct signing;

struct signing_ops {
    void (*sign)(const struct signing *s, wire_signature *out, const bytes32 *message);
    // All n signatures, sigs[i] by keys[i], are over the same message.
    bool (*verify)(const struct signing *s, const bytes32 *const *keys, const wire_signature *const *sigs, size_t n,
                   const bytes32 *message);
    void (*free)(struct signing *s);
};

struct signing {
    const struct signing_ops *ops;
};

// Signs with libsecp256k1, auxiliary randomness zero; checks whole batches with sigverify/. NULL when the secret is no
// valid key; *public_key may be NULL.
struct signing *signing_secp(const bytes32 *secret, bytes32 *public_key);
// The same without a key: only checks.
struct signing *signing_checker(void);

#endif
