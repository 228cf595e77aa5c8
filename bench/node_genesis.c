#include "base/hex.h"
#include "bench/node_process.h"
#include "bench/token_storage.h"
#include "chain/genesis.h"
#include "tools/load/contract_code.h"
#include "tools/load/load_set.h"

#include <errno.h>
#include <stdio.h>

#define CHAIN_ID 31337
#define BALANCE "1000000000000000000000" // 1000 ether in wei
#define TOKENS_EACH ((uint64_t)1 << 36)  // more than a sender ever sends

static void write_account(FILE *file, const address *addr, bool first)
{
    char hex[41] = {0};
    hex_encode(hex, addr->b, sizeof addr->b);
    fprintf(file, "%s\"%s\":{\"balance\":\"" BALANCE "\"}", first ? "" : ",\n", hex);
}

static void write_slot(FILE *file, const bytes32 *slot, uint64_t value, bool first)
{
    char hex[65] = {0};
    hex_encode(hex, slot->b, sizeof slot->b);
    fprintf(file, "%s\"0x%s\":\"0x%016llx\"", first ? "" : ",\n", hex, (unsigned long long)value);
}

static void write_token(FILE *file, const address *token, const struct load_senders *senders)
{
    char hex[41] = {0};
    bytes32 supply;
    const u256 slot = u256_from_u64(LOAD_TOKEN_SUPPLY_SLOT);
    u256_to_be(supply.b, &slot);
    hex_encode(hex, token->b, sizeof token->b);
    fprintf(file, ",\n\"%s\":{\"balance\":\"0\",\"nonce\":\"1\",\"code\":\"0x%s\",\"storage\":{\n", hex,
            LOAD_TOKEN_RUNTIME);
    write_slot(file, &supply, TOKENS_EACH * senders->count, true);
    for (uint32_t i = 0; i < senders->count; i++) {
        const bytes32 balance = token_balance_slot(&senders->addr[i]);
        write_slot(file, &balance, TOKENS_EACH, false);
    }
    fprintf(file, "}}");
}

bool node_write_genesis(const char *path, const struct load_senders *senders, uint32_t accounts,
                        const struct load_mix *mix)
{
    FILE *file = fopen(path, "we");
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    fprintf(file, "{\"config\":{\"chainId\":%d},\"alloc\":{\n", CHAIN_ID);
    for (uint32_t i = 0; i < accounts; i++) {
        const address addr = i < senders->count ? senders->addr[i] : bench_receiver(senders->seed, i);
        write_account(file, &addr, i == 0);
    }
    for (uint32_t i = 0; mix && i < mix->token_count; i++)
        write_token(file, &mix->tokens[i], senders);
    fprintf(file, ",\n%s\n}}\n", GENESIS_BEACON_ROOTS);
    const bool ok = !ferror(file);
    if (fclose(file) == 0 && ok)
        return true;
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return false;
}
