// What a load sends: plain transfers, ERC-20 transfers and swaps, by weight; over a number of tokens and of pairs,
// which the load's own deployer has made (load_contracts.h). Plain data and pure functions; any thread.
#ifndef GANTRY_TOOLS_LOAD_LOAD_MIX_H
#define GANTRY_TOOLS_LOAD_LOAD_MIX_H

#include "chain/tx.h"

enum load_kind { LOAD_TRANSFER, LOAD_ERC20, LOAD_SWAP, LOAD_KIND_COUNT };

#define LOAD_TOKENS_MAX 1024
#define LOAD_PAIRS_MAX (LOAD_TOKENS_MAX / 2)
#define LOAD_WEIGHT_MAX 1000000
#define LOAD_CALL_DATA_MAX 132 // the longest call

// No padding: it is hashed as bytes. Zero what isn't set.
struct load_mix {
    uint32_t weight[LOAD_KIND_COUNT];
    uint32_t token_count, pair_count; // what the kinds with a weight need; pair p trades tokens 2p and 2p + 1
    address tokens[LOAD_TOKENS_MAX], pairs[LOAD_PAIRS_MAX];
};
_Static_assert(sizeof(struct load_mix) == 20 + 20 * (LOAD_TOKENS_MAX + LOAD_PAIRS_MAX), "no padding");

#define LOAD_MIX_ERROR_MAX 128
// "transfer", "erc20", "swap", each once, with commas between them; "erc20=3" has a weight other than 1. tokens and
// pairs are the counts to use where they are needed. False with error.
MUST_CHECK bool load_mix_parse(struct load_mix *out, const char *text, uint32_t tokens, uint32_t pairs,
                               char error[LOAD_MIX_ERROR_MAX]);
bool load_mix_has_contracts(const struct load_mix *mix);
// Where the contracts are when this account, new before, makes the tokens and then the pairs.
void load_mix_place(struct load_mix *mix, const address *deployer);

// The highest gas limit, and the most data, of any of its transactions.
uint64_t load_mix_gas_max(const struct load_mix *mix);
size_t load_mix_data_max(const struct load_mix *mix);
// Fills in gas limit, value, target and data of one transaction. Everything that is drawn comes from `draws`: what kind
// it is, which contract, how much. sender and receiver are whom it concerns; data points to the buffer.
struct load_draws {
    uint64_t kind, contract, amount;
};
void load_mix_call(const struct load_mix *mix, const struct load_draws *draws, const address *sender,
                   const address *receiver, uint8_t data[LOAD_CALL_DATA_MAX], struct tx_fields *out);

#endif
