#include "engine/store/account_codec.h"

#include "base/keccak.h"

enum { FULL = 0x10 };
_Static_assert(sizeof(struct account_contract) == 64, "storage root and code hash as they are on disk");

static size_t significant_bytes(uint64_t v)
{
    return v == 0 ? 0 : 8 - (size_t)__builtin_clzll(v) / 8;
}

static size_t number_bytes(const u256 *b)
{
    for (int i = 3; i >= 0; i--) {
        if (b->w[i] != 0)
            return 8 * (size_t)i + significant_bytes(b->w[i]);
    }
    return 0;
}

static bool is_contract(const struct account_contract *c)
{
    return !bytes32_equal(&c->storage_root, &KECCAK256_EMPTY_RLP) || !bytes32_equal(&c->code_hash, &KECCAK256_EMPTY);
}

size_t account_put(uint8_t out[ACCOUNT_ENCODED_MAX], const struct account *a, const struct account_contract *contract)
{
    const size_t nonce_len = significant_bytes(a->nonce), balance_len = number_bytes(&a->balance);
    const bool full = is_contract(contract);
    out[0] = (uint8_t)(nonce_len | (full ? FULL : 0));
    out[1] = (uint8_t)balance_len;
    // Whole words are written, the next field covers what was too much.
    store_le64(out + 2, a->nonce);
    memcpy(out + 2 + nonce_len, a->balance.w, sizeof a->balance.w);
    const size_t len = 2 + nonce_len + balance_len;
    if (full)
        memcpy(out + len, contract, sizeof *contract);
    return len + (full ? sizeof *contract : 0);
}

bool account_get(struct account *out, struct account_contract *contract, struct bytes in)
{
    if (in.len < 2)
        return false;
    const bool full = (in.ptr[0] & FULL) != 0;
    const size_t nonce_len = in.ptr[0] & ~FULL, balance_len = in.ptr[1], len = 2 + nonce_len + balance_len;
    if (nonce_len > 8 || balance_len > 32 || in.len != len + (full ? sizeof *contract : 0))
        return false;
    *out = (struct account){0};
    *contract = account_no_contract();
    memcpy(&out->nonce, in.ptr + 2, nonce_len);
    memcpy(out->balance.w, in.ptr + 2 + nonce_len, balance_len);
    if (full)
        memcpy(contract, in.ptr + len, sizeof *contract);
    return significant_bytes(out->nonce) == nonce_len && number_bytes(&out->balance) == balance_len &&
           is_contract(contract) == full;
}

size_t slot_put(uint8_t out[SLOT_ENCODED_MAX], const u256 *value)
{
    memcpy(out, value->w, sizeof value->w);
    return number_bytes(value);
}

bool slot_get(u256 *out, struct bytes in)
{
    *out = U256_ZERO;
    if (in.len == 0 || in.len > sizeof out->w)
        return false;
    memcpy(out->w, in.ptr, in.len);
    return number_bytes(out) == in.len;
}
