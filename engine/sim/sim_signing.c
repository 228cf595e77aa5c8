// Stand-in signatures: a keyed checksum that nobody in a simulation computes without the secret. The public key is the
// secret; Byzantine validators here only sign with their own.
#include "engine/sim/sim_private.h"

#include <stdlib.h>

struct stand_in {
    struct signing signing;
    bytes32 key;
};

static void put(wire_signature *out, const bytes32 *key, const bytes32 *message)
{
    uint8_t both[64];
    memcpy(both, key->b, 32);
    memcpy(both + 32, message->b, 32);
    for (unsigned i = 0; i < 4; i++) {
        const XXH128_hash_t h = XXH3_128bits_withSeed(both, sizeof both, i);
        store_le64(out->b + 16 * i, h.low64);
        store_le64(out->b + 16 * i + 8, h.high64);
    }
}

static void sign(const struct signing *s, wire_signature *out, const bytes32 *message)
{
    put(out, &((const struct stand_in *)s)->key, message);
}

static bool verify(const struct signing *s, const bytes32 *const *keys, const wire_signature *const *sigs, size_t n,
                   const bytes32 *message)
{
    (void)s;
    for (size_t i = 0; i < n; i++) {
        wire_signature expected;
        put(&expected, keys[i], message);
        if (memcmp(&expected, sigs[i], sizeof expected) != 0)
            return false;
    }
    return true;
}

static void release(struct signing *s)
{
    free(s);
}

static const struct signing_ops ops = {sign, verify, release};

bytes32 sim_public_key(uint64_t secret)
{
    bytes32 key = {{0}};
    for (unsigned i = 0; i < 4; i++)
        store_le64(key.b + 8 * i, sim_random(&secret));
    return key;
}

struct signing *sim_signing(uint64_t secret)
{
    struct stand_in *k = calloc(1, sizeof *k);
    if (!k)
        abort();
    k->signing.ops = &ops;
    k->key = sim_public_key(secret);
    return &k->signing;
}
