#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "chain/genesis.h"

#define DEV_CHAIN_ID 31337
#define DEV_BALANCE "10000000000000000000000" // 10,000 ether in wei

// EIP-4788: its address and code are that of the transaction that deploys it on chains that began without it.
const char GENESIS_BEACON_ROOTS[] =
    "\"0x000f3df6d732807ef1319fb7b8bb8522d0beac02\": {\"balance\": \"0x0\", \"nonce\": \"0x1\", \"code\": "
    "\"0x3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff81069081541460"
    "3c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500\"}";

char *genesis_dev_text(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    if (!f)
        abort();
    fprintf(f, "{\"config\": {\"chainId\": %d}, \"alloc\": {", DEV_CHAIN_ID);
    for (int i = 0; i < DEV_ACCOUNT_COUNT; i++) {
        char hex[41] = {0};
        hex_encode(hex, DEV_ACCOUNTS[i].addr.b, 20);
        fprintf(f, "\"0x%s\": {\"balance\": \"%s\"}, ", hex, DEV_BALANCE);
    }
    fprintf(f, "%s}}\n", GENESIS_BEACON_ROOTS);
    fclose(f);
    return text;
}

void genesis_dev(struct genesis *out)
{
    char error[GENESIS_ERROR_MAX];
    char *text = genesis_dev_text();
    if (!genesis_parse(out, text, strlen(text), error))
        abort();
    free(text);
}
