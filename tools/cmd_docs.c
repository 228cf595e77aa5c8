// gantry docs: the pages of docs/ that are generated from the program's own tables.
#include "engine/node_config.h"
#include "engine/rpc/metrics.h"
#include "shard/timeline.h"
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

static void timeline(FILE *out)
{
    static const char *const kinds[] = {[TIMELINE_SPAN] = "span", [TIMELINE_WAIT] = "wait", [TIMELINE_MARK] = "mark"};
    fputs(
        "# The timeline's points\n\n"
        "What `gantry trace` shows, and the static probes of provider `gantry` at the same places. A span begins and\n"
        "ends inside of what began before it on its thread; a wait begins and ends among others, b telling which; a\n"
        "mark has no length. a and b are the probe's two arguments. [profiling.md](profiling.md) tells how to use "
        "both.\n"
        "This page is what `gantry docs timeline` prints.\n\n"
        "| point | kind | probes | a | b | meaning |\n|---|---|---|---|---|---|\n",
        out);
    for (unsigned i = 0; i < TIMELINE_POINT_COUNT; i++) {
        const struct timeline_point_info *p = &timeline_points[i];
        fprintf(out, "| %s | %s | ", p->name, kinds[p->kind]);
        if (p->kind == TIMELINE_MARK)
            fprintf(out, "`%s`", p->name);
        else
            fprintf(out, "`%s__begin`, `%s__end`", p->name, p->name);
        fprintf(out, " | %s | %s | %s |\n", p->a, p->b, p->meaning);
    }
}

static const struct page {
    const char *name;
    void (*print)(FILE *out);
} pages[] = {{"configuration", configuration}, {"metrics", metrics_markdown}, {"timeline", timeline}};

int cmd_docs(int argc, char **argv)
{
    const struct options_command command = {
        .name = "docs",
        .usage = "configuration|metrics|timeline",
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
    return options_refuse("docs", "which page: configuration, metrics or timeline");
}
