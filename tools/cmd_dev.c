// gantry dev: a one-validator chain in a second, with the accounts that Ethereum dev nodes prefund.
#include "base/hex.h"
#include "base/remove_tree.h"
#include "base/temporary_folder.h"
#include "chain/genesis.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/run_node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_accounts(void)
{
    printf("accounts, 10000 ether each (these keys are public: never use them elsewhere):\n");
    for (int i = 0; i < DEV_ACCOUNT_COUNT; i++) {
        char addr[41] = {0}, key[65] = {0};
        hex_encode(addr, DEV_ACCOUNTS[i].addr.b, 20);
        hex_encode(key, DEV_ACCOUNTS[i].secret_key.b, 32);
        printf("  0x%s  key 0x%s\n", addr, key);
    }
}

static int run(struct node_config *config)
{
    const bool keep = config->data != NULL;
    if (!keep) {
        run_node_block_signals(); // whoever stops it, the folder goes
        config->data = temporary_folder("gantry-dev");
        if (!config->data)
            return options_fail("dev", "no temporary folder could be made: %s", strerror(errno));
    }
    char *genesis = genesis_dev_text();
    print_accounts();
    int code = run_node("dev", config, genesis);
    free(genesis);
    if (!keep)
        remove_tree(config->data);
    return code;
}

int cmd_dev(int argc, char **argv)
{
    struct config_key *keys = malloc(NODE_CONFIG_KEY_COUNT * sizeof *keys);
    if (!keys)
        abort();
    memcpy(keys, NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT * sizeof *keys);
    for (size_t i = 0; i < NODE_CONFIG_KEY_COUNT; i++) {
        if (strcmp(keys[i].name, "data") == 0) {
            keys[i].default_text = NULL;
            keys[i].help = "Folder that keeps the chain; without it the chain is temporary.";
        } else if (strcmp(keys[i].name, "genesis") == 0) {
            keys[i].help = "geth-style genesis.json of another chain than the one with these accounts.";
        } else if (strcmp(keys[i].name, "rpc-developer") == 0) {
            keys[i].default_text = "true";
        }
    }
    const struct options_command command = {
        .name = "dev",
        .usage = "[--data DIR] [options]",
        .about = "Starts a one-validator chain with ten funded accounts, as Ethereum dev nodes do.",
        .keys = keys,
        .key_count = NODE_CONFIG_KEY_COUNT,
        .file_key = "config",
    };
    struct node_config config = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &config, argc, argv, &rest, &rest_count, &code))
        code = run(&config);
    config_free(keys, NODE_CONFIG_KEY_COUNT, &config);
    free(keys);
    return code;
}
