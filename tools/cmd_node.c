// gantry node: one validator from a configuration.
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/run_node.h"

int cmd_node(int argc, char **argv)
{
    const struct options_command command = {
        .name = "node",
        .usage = "[--config FILE] [options]",
        .about = "Runs a validator. Every option may also stand in the configuration file.",
        .keys = NODE_CONFIG_KEYS,
        .key_count = NODE_CONFIG_KEY_COUNT,
        .file_key = "config",
    };
    struct node_config config = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &config, argc, argv, &rest, &rest_count, &code))
        code = run_node("node", &config, NULL);
    config_free(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &config);
    return code;
}
