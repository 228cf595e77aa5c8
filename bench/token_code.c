#include "bench/token_code.h"

#include "base/hex.h"
#include "tools/load/contract_code.h"

#include <assert.h>

static void decode(struct code_bytes *out, const char *hex)
{
    const ptrdiff_t len = hex_decode(out->bytes, sizeof out->bytes, hex, strlen(hex));
    assert(len > 0);
    out->len = (size_t)len;
}

static void put_address(uint8_t word[32], const address *who)
{
    memset(word, 0, 12);
    memcpy(word + 12, who->b, sizeof who->b);
}

void token_runtime(struct code_bytes *out)
{
    decode(out, LOAD_TOKEN_RUNTIME);
}

void pair_init(struct code_bytes *out, const address *a, const address *b)
{
    decode(out, LOAD_PAIR_CODE);
    assert(out->len + 64 <= sizeof out->bytes);
    put_address(out->bytes + out->len, a);
    put_address(out->bytes + out->len + 32, b);
    out->len += 64;
}

void pair_mint(uint8_t out[PAIR_MINT_LEN], const address *to)
{
    static const uint8_t selector[4] = {0x6a, 0x62, 0x78, 0x42}; // mint(address)
    memcpy(out, selector, sizeof selector);
    put_address(out + sizeof selector, to);
}
