#include "engine/store/account_codec.h"

enum { FULL = 0x10, ROOT_AND_CODE_BYTES = 64 };

static size_t significant_bytes(uint64_t v)
{
    return v == 0 ? 0 : 8 - (size_t)__builtin_clzll(v) / 8;
}

static size_t balance_bytes(const u256 *b)
{
    for (int i = 3; i >= 0; i--) {
        if (b->w[i] != 0)
            return 8 * (size_t)i + significant_bytes(b->w[i]);
    }
    return 0;
}

size_t account_put(uint8_t out[ACCOUNT_ENCODED_MAX], const struct account *a)
{
    const size_t nonce_len = significant_bytes(a->nonce), balance_len = balance_bytes(&a->balance);
    out[0] = (uint8_t)nonce_len;
    out[1] = (uint8_t)balance_len;
    // Whole words are written, the next field covers what was too much.
    store_le64(out + 2, a->nonce);
    memcpy(out + 2 + nonce_len, a->balance.w, sizeof a->balance.w);
    return 2 + nonce_len + balance_len;
}

enum account_form account_get(struct account *out, struct bytes in)
{
    if (in.len < 2)
        return ACCOUNT_MALFORMED;
    const bool full = (in.ptr[0] & FULL) != 0;
    const size_t nonce_len = in.ptr[0] & ~FULL, balance_len = in.ptr[1];
    if (nonce_len > 8 || balance_len > 32 || in.len != 2 + nonce_len + balance_len + (full ? ROOT_AND_CODE_BYTES : 0))
        return ACCOUNT_MALFORMED;
    *out = (struct account){0};
    memcpy(&out->nonce, in.ptr + 2, nonce_len);
    memcpy(out->balance.w, in.ptr + 2 + nonce_len, balance_len);
    if (significant_bytes(out->nonce) != nonce_len || balance_bytes(&out->balance) != balance_len)
        return ACCOUNT_MALFORMED;
    return full ? ACCOUNT_HAS_CODE : ACCOUNT_OK;
}
