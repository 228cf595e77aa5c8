#include <secp256k1.h>
#include <secp256k1_schnorrsig.h>

#include "base/u256.h"
#include "sigverify/kernels.h"

// The group order n and floor(n / 2) (SEC 2, 2.4.1).
static const u256 ORDER = {{0xbfd25e8cd0364141, 0xbaaedce6af48a03b, 0xfffffffffffffffe, 0xffffffffffffffff}};
static const u256 HALF = {{0xdfe92f46681b20a0, 0x5d576e7357a4501d, 0xffffffffffffffff, 0x7fffffffffffffff}};

enum sv_status sv_check_range(const struct sv_item *item)
{
    const u256 r = u256_from_be(item->r.b, 32), s = u256_from_be(item->s.b, 32);
    if (item->v > 3 || u256_is_zero(&r) || u256_is_zero(&s) || u256_cmp(&r, &ORDER) >= 0 || u256_cmp(&s, &ORDER) >= 0)
        return SV_BAD_RANGE;
    return item->require_low_s && u256_cmp(&s, &HALF) > 0 ? SV_HIGH_S : SV_OK;
}

// R's x; false when it is not below 2^256.
static bool x_of_r(u256 *x, const bytes32 *r, uint8_t v)
{
    *x = u256_from_be(r->b, 32);
    return !(v & 2) || !u256_add(x, x, &ORDER);
}

bool sv_find_ry(uint8_t ry[32], const bytes32 *r, uint8_t v)
{
    u256 x;
    uint8_t point[65] = {(uint8_t)(0x02 | (v & 1))};
    size_t len = sizeof point;
    secp256k1_pubkey parsed;
    if (v > 3 || !x_of_r(&x, r, v))
        return false;
    u256_to_be(point + 1, &x);
    if (!secp256k1_ec_pubkey_parse(secp256k1_context_static, &parsed, point, 33))
        return false;
    secp256k1_ec_pubkey_serialize(secp256k1_context_static, point, &len, &parsed, SECP256K1_EC_UNCOMPRESSED);
    memcpy(ry, point + 33, 32);
    return true;
}

// A point's x leaves two candidates for y, of different parity: on the curve and of v's parity means equal.
bool sv_is_ry(const struct sv_item *item, const uint8_t ry[32])
{
    u256 x;
    if (!x_of_r(&x, &item->r, item->v))
        return false;
    if ((ry[31] & 1) != (item->v & 1))
        return false;
    uint8_t point[65] = {0x04};
    u256_to_be(point + 1, &x);
    memcpy(point + 33, ry, 32);
    secp256k1_pubkey parsed; // parsing refuses coordinates that are not below p or not on the curve
    return secp256k1_ec_pubkey_parse(secp256k1_context_static, &parsed, point, sizeof point);
}

bool sv_check_schnorr(const struct sv_schnorr *in)
{
    uint8_t signature[64];
    secp256k1_xonly_pubkey key;
    memcpy(signature, in->r.b, 32);
    memcpy(signature + 32, in->s.b, 32);
    return secp256k1_xonly_pubkey_parse(secp256k1_context_static, &key, in->key.b) &&
           secp256k1_schnorrsig_verify(secp256k1_context_static, signature, in->message.b, 32, &key);
}
