// What makes tokens and pairs of gantry load, as bytes. Pure.
#ifndef GANTRY_BENCH_TOKEN_CODE_H
#define GANTRY_BENCH_TOKEN_CODE_H

#include "base/bytes.h"

#define PAIR_CODE_MAX 16384
#define PAIR_MINT_LEN 36

struct code_bytes {
    size_t len;
    uint8_t bytes[PAIR_CODE_MAX];
};
// The token as it is once deployed.
void token_runtime(struct code_bytes *out);
// The init code of the pair of two tokens.
void pair_init(struct code_bytes *out, const address *a, const address *b);
// The call that gives the first shares.
void pair_mint(uint8_t out[PAIR_MINT_LEN], const address *to);

#endif
