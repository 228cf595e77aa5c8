// gantry init: keys, genesis and configurations of a new cluster.
#include "tools/cluster/init.h"
#include "tools/commands.h"
#include "tools/options.h"

#include <stdio.h>

int cmd_init(int argc, char **argv)
{
    const struct options_command command = {
        .name = "init",
        .usage = "--validators N [--hosts A,B,...] [--out DIR] [options]",
        .about = "Makes the files of a new cluster: for each validator a folder with its keys, the genesis and a "
                 "configuration,\nand a README that says what to start where. Nothing that exists is overwritten.",
        .keys = INIT_KEYS,
        .key_count = INIT_KEY_COUNT,
    };
    struct init_settings settings = {0};
    char **rest, error[INIT_ERROR_MAX];
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code)) {
        code = init_cluster(&settings, error) ? EXIT_OK : options_fail("init", "%s", error);
        if (code == EXIT_OK)
            printf("%s holds a cluster of %llu: its README.md says what to start where\n", settings.out,
                   (unsigned long long)settings.validators);
    }
    config_free(INIT_KEYS, INIT_KEY_COUNT, &settings);
    return code;
}
