#include <criterion/criterion.h>

#include "engine/order/signing.h"

static bytes32 secret_of(uint8_t k)
{
    bytes32 s = {{0}};
    s.b[31] = k;
    return s;
}

static bool check(const struct signing *s, const bytes32 *key, const wire_signature *sig, const bytes32 *message)
{
    return s->ops->verify(s, &key, &sig, 1, message);
}

Test(signing, bip340_test_vector_0_is_reproduced)
{
    // BIP-340, test-vectors.csv, index 0: secret 3, auxiliary randomness and message zero.
    static const uint8_t expected[8] = {0xE9, 0x07, 0x83, 0x1F, 0x80, 0x84, 0x8D, 0x10};
    const bytes32 secret = secret_of(3), message = {{0}};
    bytes32 key;
    wire_signature sig;
    struct signing *s = signing_secp(&secret, &key);
    s->ops->sign(s, &sig, &message);
    cr_assert_eq(key.b[0], 0xF9);
    cr_assert(memcmp(sig.b, expected, sizeof expected) == 0);
    cr_assert(check(s, &key, &sig, &message));
    s->ops->free(s);
}

Test(signing, another_message_key_or_signature_does_not_verify)
{
    const bytes32 a = secret_of(3), b = secret_of(4);
    bytes32 key_a, key_b, message = {{1}}, other = {{2}};
    wire_signature sig, wrong;
    struct signing *s = signing_secp(&a, &key_a), *t = signing_secp(&b, &key_b);
    s->ops->sign(s, &sig, &message);
    cr_assert(check(t, &key_a, &sig, &message));
    cr_assert(!check(t, &key_b, &sig, &message));
    cr_assert(!check(t, &key_a, &sig, &other));
    for (unsigned i = 0; i < 64; i++) {
        wrong = sig;
        wrong.b[i] ^= 1;
        cr_assert(!check(t, &key_a, &wrong, &message));
    }
    const bytes32 *keys[] = {&key_a, &key_b};
    t->ops->sign(t, &wrong, &message);
    const wire_signature *both[] = {&sig, &wrong}, *swapped[] = {&wrong, &sig};
    cr_assert(s->ops->verify(s, keys, both, 2, &message));
    cr_assert(!s->ops->verify(s, keys, swapped, 2, &message));
    s->ops->free(s);
    t->ops->free(t);
}

Test(signing, a_secret_outside_the_group_is_refused)
{
    const bytes32 zero = {{0}};
    bytes32 high;
    memset(&high, 0xff, sizeof high);
    cr_assert_null(signing_secp(&zero, NULL));
    cr_assert_null(signing_secp(&high, NULL));
}
