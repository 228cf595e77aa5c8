// gantry docs: the pages of docs/ that are generated from the program's own tables.
#include "engine/node_config.h"
#include "engine/rpc/metrics.h"
#include "tools/commands.h"
#include "tools/options.h"

#include <stdio.h>
#include <string.h>

static void configuration(FILE *out)
{
    fputs(
        "# Configuration\n\n"
        "Every key may stand in the file that `gantry node --config FILE` reads, one `key = value` a line (`#` starts "
        "a\n"
        "comment, values with spaces are quoted), and may be given as a flag, `--key value`; flags win. `gantry dev`\n"
        "takes the same flags. An unknown key, a key given twice or a value that does not parse is refused with file,\n"
        "line and name. This page is what `gantry docs configuration` prints.\n\n",
        out);
    config_markdown(out, NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT);
}

static const struct page {
    const char *name;
    void (*print)(FILE *out);
} pages[] = {{"configuration", configuration}, {"metrics", metrics_markdown}};

int cmd_docs(int argc, char **argv)
{
    const struct options_command command = {
        .name = "docs",
        .usage = "configuration|metrics",
        .about = "Prints a page of docs/ that is generated from the program's own tables.",
        .takes_arguments = true,
    };
    char **rest;
    int rest_count, code;
    int nothing = 0;
    if (!options_parse(&command, &nothing, argc, argv, &rest, &rest_count, &code))
        return code;
    for (size_t i = 0; rest_count == 1 && i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(rest[0], pages[i].name) == 0) {
            pages[i].print(stdout);
            return EXIT_OK;
        }
    }
    return options_refuse("docs", "which page: configuration or metrics");
}
