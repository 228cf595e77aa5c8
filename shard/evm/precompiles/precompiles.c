#include "shard/evm/precompiles/precompiles.h"

#include "shard/evm/precompiles/blake2f.h"
#include "shard/evm/precompiles/bn254.h"
#include "shard/evm/precompiles/hashes.h"
#include "shard/evm/precompiles/modexp.h"
#include "sigverify/sigverify.h"

#include <stdlib.h>

struct precompiles {
    struct sv_verifier *verifier;
    struct pc_hashes *hashes;
    struct pc_modexp *modexp;
    uint8_t output[64];
};

struct precompiles *precompiles_create(void)
{
    struct precompiles *ctx = calloc(1, sizeof *ctx);
    if (!ctx)
        return NULL;
    ctx->verifier = sv_create();
    ctx->hashes = pc_hashes_create();
    ctx->modexp = pc_modexp_create();
    if (!ctx->verifier || !ctx->hashes || !ctx->modexp) {
        precompiles_free(ctx);
        return NULL;
    }
    return ctx;
}

void precompiles_free(struct precompiles *ctx)
{
    if (!ctx)
        return;
    if (ctx->verifier)
        sv_free(ctx->verifier);
    pc_hashes_free(ctx->hashes);
    pc_modexp_free(ctx->modexp);
    free(ctx);
}

static uint64_t per_word(uint64_t fixed, uint64_t word, struct bytes input)
{
    return fixed + word * (input.len / 32 + (input.len % 32 != 0));
}

uint64_t precompile_gas(unsigned number, struct bytes input)
{
    switch (number) {
    case PRECOMPILE_ECRECOVER:
        return 3000;
    case PRECOMPILE_SHA256:
        return per_word(60, 12, input);
    case PRECOMPILE_RIPEMD160:
        return per_word(600, 120, input);
    case PRECOMPILE_IDENTITY:
        return per_word(15, 3, input);
    case PRECOMPILE_MODEXP:
        return pc_modexp_gas(input);
    case PRECOMPILE_BN_ADD:
        return 150;
    case PRECOMPILE_BN_MUL:
        return 6000;
    case PRECOMPILE_BN_PAIRING:
        return 45000 + 34000 * (uint64_t)(input.len / PC_BN_PAIR_BYTES);
    case PRECOMPILE_BLAKE2F:
        return input.len == PC_BLAKE2F_INPUT_BYTES ? pc_blake2f_rounds(input.ptr) : 0;
    case PRECOMPILE_POINT_EVALUATION:
        return 50000;
    default:
        return UINT64_MAX;
    }
}

// Input: hash, v (27 or 28), r, s; a word each. No answer, and yet success, when they are no signature.
static struct bytes ecrecover(struct precompiles *ctx, struct bytes input)
{
    static const uint8_t zeros[31];
    uint8_t words[4][32] = {0};
    if (input.len > 0)
        memcpy(words, input.ptr, input.len < sizeof words ? input.len : sizeof words);
    const uint8_t v = words[1][31];
    if (memcmp(words[1], zeros, sizeof zeros) != 0 || (v != 27 && v != 28))
        return (struct bytes){0};
    struct sv_item item = {.v = (uint8_t)(v - 27), .require_low_s = false};
    memcpy(item.hash.b, words[0], 32);
    memcpy(item.r.b, words[2], 32);
    memcpy(item.s.b, words[3], 32);
    struct sv_result result;
    sv_recover(ctx->verifier, &result, &item, 1);
    if (result.status != SV_OK)
        return (struct bytes){0};
    memset(ctx->output, 0, 12);
    memcpy(ctx->output + 12, result.signer.b, sizeof result.signer.b);
    return bytes_of(ctx->output, 32);
}

// The context's output, or nothing.
static enum precompile_status finish(struct precompiles *ctx, struct bytes *output, size_t len, bool ok)
{
    if (!ok)
        return PRECOMPILE_FAILED;
    *output = bytes_of(ctx->output, len);
    return PRECOMPILE_OK;
}

enum precompile_status precompile_run(struct precompiles *ctx, struct bytes *output, unsigned number,
                                      struct bytes input)
{
    *output = (struct bytes){0};
    switch (number) {
    case PRECOMPILE_ECRECOVER:
        *output = ecrecover(ctx, input);
        return PRECOMPILE_OK;
    case PRECOMPILE_SHA256:
        pc_sha256(ctx->hashes, ctx->output, input);
        return finish(ctx, output, 32, true);
    case PRECOMPILE_RIPEMD160:
        memset(ctx->output, 0, 12);
        pc_ripemd160(ctx->hashes, ctx->output + 12, input);
        return finish(ctx, output, 32, true);
    case PRECOMPILE_IDENTITY:
        *output = input;
        return PRECOMPILE_OK;
    case PRECOMPILE_MODEXP:
        return pc_modexp_run(ctx->modexp, output, input);
    case PRECOMPILE_BN_ADD:
        return finish(ctx, output, 64, pc_bn_add(ctx->output, input));
    case PRECOMPILE_BN_MUL:
        return finish(ctx, output, 64, pc_bn_mul(ctx->output, input));
    case PRECOMPILE_BN_PAIRING:
        return finish(ctx, output, 32, pc_bn_pairing(ctx->output, input));
    case PRECOMPILE_BLAKE2F:
        return finish(ctx, output, 64, pc_blake2f(ctx->output, input));
    default:
        return PRECOMPILE_NOT_AVAILABLE;
    }
}
