#include "sigverify/lanes/coefficients.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/random.h>

#define XXH_STATIC_LINKING_ONLY // the size of a hash in progress
#include <xxhash.h>

#include "base/keccak.h"

_Static_assert(COEFFICIENTS_HASH_SECRET >= XXH3_SECRET_SIZE_MIN, "the hash's secret is long enough");

enum { CHUNK = 32 }; // hashes made together

static struct coefficients_secret process_secret;
static bool has_secret;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill_secret(void)
{
    uint8_t *at = (uint8_t *)&process_secret;
    size_t left = sizeof process_secret;
    while (left > 0) {
        const ssize_t got = getrandom(at, left, 0);
        if (got <= 0)
            return;
        at += got;
        left -= (size_t)got;
    }
    has_secret = true;
}

const struct coefficients_secret *coefficients_process_secret(void)
{
    pthread_once(&once, fill_secret);
    return has_secret ? &process_secret : NULL;
}

uint64_t coefficients_next_batch(void)
{
    static _Atomic uint64_t batches;
    return atomic_fetch_add_explicit(&batches, 1, memory_order_relaxed);
}

// The secret and the batch's number make the seed unpredictable; the inputs' hash only has to tell batches apart.
static bytes32 derive_seed(const struct coefficients_secret *secret, uint64_t batch, const struct bytes *inputs,
                           size_t input_count)
{
    XXH3_state_t state;
    XXH3_128bits_reset_withSecret(&state, secret->hash_secret, sizeof secret->hash_secret);
    for (size_t i = 0; i < input_count; i++) {
        const uint64_t len = inputs[i].len;
        XXH3_128bits_update(&state, &len, sizeof len);
        XXH3_128bits_update(&state, inputs[i].ptr, inputs[i].len);
    }
    XXH128_canonical_t digest;
    XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(&state));
    uint8_t message[sizeof secret->key + 8 + sizeof digest];
    memcpy(message, secret->key, sizeof secret->key);
    store_le64(message + sizeof secret->key, batch);
    memcpy(message + sizeof secret->key + 8, &digest, sizeof digest);
    return keccak256(message, sizeof message);
}

// Two's complement, so that every value has one representation.
static struct scalar_half signed_number(const uint8_t bytes[16])
{
    struct scalar_half out = {load_le64(bytes), load_le64(bytes + 8), false};
    out.negative = out.hi >> 63 != 0;
    if (out.negative) {
        out.hi = ~out.hi + (out.lo == 0);
        out.lo = -out.lo;
    }
    return out;
}

void coefficients_derive(struct scalar_half *out, size_t n, const struct coefficients_secret *secret, uint64_t batch,
                         const struct bytes *inputs, size_t input_count)
{
    const bytes32 seed = derive_seed(secret, batch, inputs, input_count);
    uint8_t messages[CHUNK][sizeof seed + 8];
    struct bytes views[CHUNK];
    bytes32 hashes[CHUNK];
    for (size_t at = 0; at < n; at += 2 * CHUNK) {
        const size_t left = n - at < 2 * CHUNK ? n - at : 2 * CHUNK, blocks = (left + 1) / 2;
        for (size_t i = 0; i < blocks; i++) {
            memcpy(messages[i], seed.b, sizeof seed);
            store_le64(messages[i] + sizeof seed, at / 2 + i);
            views[i] = bytes_of(messages[i], sizeof messages[i]);
        }
        keccak256_batch(hashes, views, blocks);
        for (size_t i = 0; i < left; i++)
            out[at + i] = signed_number(hashes[i / 2].b + 16 * (i % 2));
    }
}
