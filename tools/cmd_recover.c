// gantry recover: lets a validator that lost its ordering log go on, without voting until that is safe.
#include "engine/genesis_state.h"
#include "engine/node_config.h"
#include "engine/store/data_folder.h"
#include "engine/vote_folder.h"
#include "tools/commands.h"
#include "tools/options.h"

#include <stdio.h>
#include <stdlib.h>

// The folder is gone altogether: a new one of the configured genesis.
static struct data_folder *make_folder(const struct node_config *c, char error[STORE_ERROR_MAX])
{
    struct genesis genesis;
    char reason[GENESIS_ERROR_MAX];
    if (!genesis_load(&genesis, c->genesis, reason)) {
        store_fail(error, "%s", reason);
        return NULL;
    }
    struct state_batch records = {0};
    genesis.header.state_root = genesis_records(&records, &genesis);
    state_batch_free(&records);
    struct data_folder *folder = data_folder_open(c->data, &genesis.header, error);
    genesis_free(&genesis);
    return folder;
}

static struct data_folder *open_folder(const struct node_config *c, char error[STORE_ERROR_MAX])
{
    struct header header;
    bytes32 hash;
    uint8_t identity[FILE_HEADER_BYTES + HEADER_ENCODED_MAX];
    const bool none = data_folder_find(c->data, &header, &hash, identity, error) == DATA_FOLDER_NONE;
    return none && c->genesis ? make_folder(c, error) : data_folder_open_existing(c->data, error);
}

// A validator alone has nobody to ask how far the chain has gone.
static bool has_others(const struct node_config *c, char error[STORE_ERROR_MAX])
{
    struct genesis genesis;
    char reason[GENESIS_ERROR_MAX] = "it is missing";
    size_t len = 0;
    char *kept = genesis_kept_text(c->data, &len);
    const bool good =
        kept ? genesis_parse(&genesis, kept, len, reason) : c->genesis && genesis_load(&genesis, c->genesis, reason);
    free(kept);
    if (!good)
        return store_fail(error, "the genesis of %.200s: %.200s", c->data, reason);
    const unsigned validators = genesis.cluster.validator_count;
    genesis_free(&genesis);
    return validators > 1 ||
           store_fail(error, "the chain of %.200s has one validator: without its log there is nobody to ask", c->data);
}

static int recover(const struct node_config *c)
{
    char error[STORE_ERROR_MAX], aside[PATH_MAX], guard_dir[PATH_MAX];
    if (!c->validator_key)
        return options_refuse("recover", "--validator-key is needed: only who votes has something to recover");
    if (!vote_folder_guard_dir(guard_dir, c->guard, c->validator_key))
        return options_refuse("recover", "the path of the validator key is too long");
    struct data_folder *folder = open_folder(c, error);
    if (!folder)
        return options_fail("recover", "%s", error);
    const bytes32 genesis_hash = data_folder_genesis_hash(folder);
    const bool good = has_others(c, error) && vote_folder_mark(c->data, guard_dir, &genesis_hash, aside, error);
    data_folder_close(folder);
    if (!good)
        return options_fail("recover", "%s", error);
    if (aside[0] != '\0')
        printf("what was left of the log is kept as %s\n", aside);
    printf(
        "the next start of this node follows the chain; it votes again two epochs after it has heard from a quorum\n");
    return EXIT_OK;
}

int cmd_recover(int argc, char **argv)
{
    const struct options_command command = {
        .name = "recover",
        .usage = "--config FILE",
        .about =
            "For a validator whose ordering log (DATA/ordering) or sign guard is lost, damaged or older than what\n"
            "its key has signed, and that refuses to start for it. Sets what is left aside and marks the data\n"
            "folder: the node then follows the chain without voting, acking or producing until an epoch in which\n"
            "its key cannot have voted. The options are those of `gantry node`; data, genesis, validator-key and\n"
            "guard are used. The node must not be running.",
        .keys = NODE_CONFIG_KEYS,
        .key_count = NODE_CONFIG_KEY_COUNT,
        .file_key = "config",
    };
    struct node_config config = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &config, argc, argv, &rest, &rest_count, &code))
        code = recover(&config);
    config_free(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &config);
    return code;
}
