#include "base/hex.h"
#include "bench/node_process.h"
#include "chain/genesis.h"
#include "tools/load/load_set.h"

#include <errno.h>
#include <stdio.h>

#define CHAIN_ID 31337
#define BALANCE "1000000000000000000000" // 1000 ether in wei

static void write_account(FILE *file, const address *addr, bool first)
{
    char hex[41] = {0};
    hex_encode(hex, addr->b, sizeof addr->b);
    fprintf(file, "%s\"%s\":{\"balance\":\"" BALANCE "\"}", first ? "" : ",\n", hex);
}

bool node_write_genesis(const char *path, const struct load_senders *senders, uint32_t accounts)
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
    fprintf(file, ",\n%s\n}}\n", GENESIS_BEACON_ROOTS);
    const bool ok = !ferror(file);
    if (fclose(file) == 0 && ok)
        return true;
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return false;
}
