#include "tools/load/load_mix.h"

#include "shard/evm/evm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    AMOUNT_MAX = 1000000, // wei, or a token's smallest units
    SELECTOR = 4,
    WORD = 32,
};

static const struct {
    const char *name;
    uint64_t gas_limit; // a little more than the dearest case takes
    size_t data_len;
} kinds[LOAD_KIND_COUNT] = {
    [LOAD_TRANSFER] = {"transfer", 21000, 0},
    [LOAD_ERC20] = {"erc20", 60000, SELECTOR + 2 * WORD},
    [LOAD_SWAP] = {"swap", 150000, SELECTOR + 4 * WORD},
};

static const uint8_t TRANSFER[SELECTOR] = {0xa9, 0x05, 0x9c, 0xbb};   // transfer(address,uint256)
static const uint8_t SWAP_EXACT[SELECTOR] = {0x31, 0x3e, 0x46, 0xfe}; // swapExact(bool,uint256,uint256,address)

__attribute__((format(printf, 2, 3))) static bool refuse(char *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, LOAD_MIX_ERROR_MAX, format, args);
    va_end(args);
    return false;
}

// One "name" or "name=weight" of this length.
static bool parse_part(struct load_mix *out, const char *part, size_t len, char *error)
{
    const char *equals = memchr(part, '=', len);
    const size_t name_len = equals ? (size_t)(equals - part) : len;
    unsigned kind = 0;
    while (kind < LOAD_KIND_COUNT &&
           (strlen(kinds[kind].name) != name_len || memcmp(kinds[kind].name, part, name_len) != 0))
        kind++;
    if (kind == LOAD_KIND_COUNT)
        return refuse(error, "\"%.*s\" is not transfer, erc20 or swap", (int)(name_len > 40 ? 40 : name_len), part);
    if (out->weight[kind] > 0)
        return refuse(error, "%s is there twice", kinds[kind].name);
    char *end = NULL;
    const unsigned long weight = equals && equals[1] >= '0' && equals[1] <= '9' ? strtoul(equals + 1, &end, 10) : 1;
    if ((equals && end != part + len) || weight < 1 || weight > LOAD_WEIGHT_MAX)
        return refuse(error, "the weight of %s must be 1 to %d", kinds[kind].name, LOAD_WEIGHT_MAX);
    out->weight[kind] = (uint32_t)weight;
    return true;
}

bool load_mix_parse(struct load_mix *out, const char *text, uint32_t tokens, uint32_t pairs,
                    char error[LOAD_MIX_ERROR_MAX])
{
    *out = (struct load_mix){0};
    for (const char *part = text;; part++) {
        const size_t len = strcspn(part, ",");
        if (!parse_part(out, part, len, error))
            return false;
        part += len;
        if (*part == 0)
            break;
    }
    if (!load_mix_has_contracts(out))
        return true;
    out->token_count = tokens;
    out->pair_count = out->weight[LOAD_SWAP] > 0 ? pairs : 0;
    if (tokens < 1 || tokens > LOAD_TOKENS_MAX)
        return refuse(error, "between 1 and %d tokens can be used", LOAD_TOKENS_MAX);
    if (out->weight[LOAD_SWAP] > 0 && (pairs < 1 || 2 * pairs > tokens))
        return refuse(error, "pairs must be at least one, and at most half as many as tokens");
    return true;
}

bool load_mix_has_contracts(const struct load_mix *mix)
{
    return mix->weight[LOAD_ERC20] > 0 || mix->weight[LOAD_SWAP] > 0;
}

void load_mix_place(struct load_mix *mix, const address *deployer)
{
    for (uint32_t i = 0; i < mix->token_count; i++)
        mix->tokens[i] = evm_create_address(deployer, i);
    for (uint32_t i = 0; i < mix->pair_count; i++)
        mix->pairs[i] = evm_create_address(deployer, mix->token_count + i);
}

uint64_t load_mix_gas_max(const struct load_mix *mix)
{
    uint64_t most = 0;
    for (unsigned k = 0; k < LOAD_KIND_COUNT; k++) {
        if (mix->weight[k] > 0 && kinds[k].gas_limit > most)
            most = kinds[k].gas_limit;
    }
    return most;
}

size_t load_mix_data_max(const struct load_mix *mix)
{
    size_t most = 0;
    for (unsigned k = 0; k < LOAD_KIND_COUNT; k++) {
        if (mix->weight[k] > 0 && kinds[k].data_len > most)
            most = kinds[k].data_len;
    }
    return most;
}

// Uniform below n from a draw of 64 bits.
static uint64_t below(uint64_t draw, uint64_t n)
{
    return (uint64_t)((unsigned __int128)draw * n >> 64);
}

static enum load_kind draw_kind(const struct load_mix *mix, uint64_t draw)
{
    uint64_t total = 0;
    for (unsigned k = 0; k < LOAD_KIND_COUNT; k++)
        total += mix->weight[k];
    uint64_t at = below(draw, total);
    unsigned kind = 0;
    for (; at >= mix->weight[kind]; kind++)
        at -= mix->weight[kind];
    return (enum load_kind)kind;
}

static void put_word(uint8_t *data, unsigned index, uint64_t value)
{
    const u256 word = u256_from_u64(value);
    u256_to_be(data + SELECTOR + WORD * index, &word);
}

static void put_address(uint8_t *data, unsigned index, const address *who)
{
    uint8_t *word = data + SELECTOR + WORD * index;
    memset(word, 0, WORD - sizeof who->b);
    memcpy(word + WORD - sizeof who->b, who->b, sizeof who->b);
}

void load_mix_call(const struct load_mix *mix, const struct load_draws *draws, const address *sender,
                   const address *receiver, uint8_t data[LOAD_CALL_DATA_MAX], struct tx_fields *out)
{
    const enum load_kind kind = draw_kind(mix, draws->kind);
    const uint64_t amount = 1 + below(draws->amount, AMOUNT_MAX);
    out->gas_limit = kinds[kind].gas_limit;
    out->value = U256_ZERO;
    switch (kind) {
    case LOAD_ERC20:
        out->to = mix->tokens[below(draws->contract, mix->token_count)];
        memcpy(data, TRANSFER, SELECTOR);
        put_address(data, 0, receiver);
        put_word(data, 1, amount);
        break;
    case LOAD_SWAP:
        out->to = mix->pairs[below(draws->contract, mix->pair_count)];
        memcpy(data, SWAP_EXACT, SELECTOR);
        put_word(data, 0, draws->amount & 1);
        put_word(data, 1, 1000 + amount); // enough to get something for
        put_word(data, 2, 0);
        put_address(data, 3, sender);
        break;
    default:
        out->to = *receiver;
        out->value = u256_from_u64(amount);
    }
    out->data = bytes_of(data, kinds[kind].data_len);
}
