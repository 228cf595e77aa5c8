#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include "tests/sigverify/items.h"
#include "tests/support/vectors.h"

Test(sign, is_deterministic_with_low_s)
{
    uint64_t state = test_seed("sign");
    for (int i = 0; i < 200; i++) {
        const bytes32 key = random_bytes32(&state), hash = random_bytes32(&state);
        struct sv_signature first, second;
        cr_assert(sv_sign(&first, &hash, &key) && sv_sign(&second, &hash, &key));
        cr_expect(bytes32_equal(&first.r, &second.r) && bytes32_equal(&first.s, &second.s) && first.v == second.v);
        const bytes32 other = negated(&first.s);
        cr_expect(memcmp(first.s.b, other.b, 32) <= 0, "low s");
    }
}

Test(sign, invalid_keys_are_refused)
{
    const u256 n = group_order();
    const bytes32 zero = {{0}}, hash = {{1}};
    bytes32 order;
    struct sv_signature signature;
    uint8_t pubkey[64];
    u256_to_be(order.b, &n);
    cr_expect(!sv_sign(&signature, &hash, &zero) && !sv_public_key(pubkey, &zero));
    cr_expect(!sv_sign(&signature, &hash, &order) && !sv_public_key(pubkey, &order));
}

static void *sign_many(void *seed)
{
    uint64_t state = (uintptr_t)seed;
    struct sv_verifier *verifier = sv_create();
    uintptr_t bad = 0;
    for (int i = 0; i < 100; i++) {
        struct sv_item item;
        struct sv_witness witness;
        struct sv_result result;
        random_item(&item, &witness, &state);
        sv_verify_witness(verifier, &result, &item, &witness, 1);
        bad += result.status != SV_OK;
    }
    sv_free(verifier);
    return (void *)bad;
}

Test(sign, threads_sign_and_verify_at_the_same_time)
{
    const uint64_t seed = test_seed("threads");
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        cr_assert(pthread_create(&threads[i], NULL, sign_many, (void *)(uintptr_t)(seed + i)) == 0);
    for (size_t i = 0; i < 4; i++) {
        void *bad;
        pthread_join(threads[i], &bad);
        cr_expect(bad == NULL);
    }
}
