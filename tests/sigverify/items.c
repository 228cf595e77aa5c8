#include "tests/sigverify/items.h"

#include <assert.h>
#include <stdlib.h>

#include "tests/support/vectors.h"

bytes32 random_bytes32(uint64_t *state)
{
    bytes32 out;
    for (size_t i = 0; i < sizeof out.b; i += 8)
        store_le64(out.b + i, test_random(state));
    return out;
}

bytes32 bytes32_of_hex(const char *text)
{
    u256 value;
    bytes32 out;
    const bool ok = u256_parse(&value, text, strlen(text));
    assert(ok);
    (void)ok;
    u256_to_be(out.b, &value);
    return out;
}

u256 group_order(void)
{
    const bytes32 n = bytes32_of_hex("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    return u256_from_be(n.b, 32);
}

bytes32 negated(const bytes32 *a)
{
    const u256 n = group_order(), value = u256_from_be(a->b, 32);
    u256 difference;
    bytes32 out;
    u256_sub(&difference, &n, &value);
    u256_to_be(out.b, &difference);
    return out;
}

void random_item(struct sv_item *item, struct sv_witness *witness, uint64_t *state)
{
    const bytes32 key = random_bytes32(state);
    struct sv_signature signature;
    *item = (struct sv_item){.hash = random_bytes32(state), .require_low_s = true};
    *witness = (struct sv_witness){.has_ry = true};
    bool ok = sv_sign(&signature, &item->hash, &key) && sv_public_key(witness->pubkey, &key);
    item->r = signature.r;
    item->s = signature.s;
    item->v = signature.v;
    ok = ok && sv_lift_x(witness->ry, item->r.b, item->v & 1);
    assert(ok);
    (void)ok;
}
