// gantry profile: where a running node's time goes.
#include "tools/commands.h"
#include "tools/observe/profile_report.h"
#include "tools/options.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct profile_settings {
    char *data, *html;
    uint64_t seconds, hertz, functions;
    bool json;
};

#define KEY(field) offsetof(struct profile_settings, field)

static const struct config_key keys[] = {
    {"data", CONFIG_STRING, KEY(data), "gantry-data", 0, 0, NULL, "The running node's data folder."},
    {"seconds", CONFIG_U64, KEY(seconds), "10", 1, ADMIN_SECONDS_MAX, "s",
     "How long to sample; Ctrl-C ends it earlier."},
    {"hertz", CONFIG_U64, KEY(hertz), "997", 1, ADMIN_HERTZ_MAX, "/s", "Samples of a second that a thread runs."},
    {"functions", CONFIG_U64, KEY(functions), "25", 1, 200, NULL, "Functions in the printed table."},
    {"html", CONFIG_STRING, KEY(html), NULL, 0, 0, NULL,
     "File for a page with an interactive flame graph, with all that it needs inside."},
    {"json", CONFIG_BOOL, KEY(json), "false", 0, 0, NULL, "Print the tables as JSON."},
};

static const struct options_command command = {
    .name = "profile",
    .usage = "[options]",
    .about =
        "Samples the threads of a running node: time on a processor, by shard, stage and function, in nanoseconds\n"
        "a transaction, beside the node's own stage counters and its threads' CPU time.",
    .keys = keys,
    .key_count = sizeof keys / sizeof keys[0],
};

static bool take(void *ctx, const struct admin_frame *frame, const uint8_t *payload, char error[OBSERVE_ERROR_MAX])
{
    return profile_take(ctx, frame, payload, error);
}

static bool report_on(const struct profile *p, const struct profile_settings *s, FILE *page)
{
    json_t *report = profile_json(p);
    if (s->json) {
        json_dumpf(report, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
        printf("\n");
    } else {
        profile_print(stdout, report, s->functions);
    }
    const bool written = !page || (profile_write_html(page, p, report) && !ferror(page));
    json_decref(report);
    return written;
}

// page: NULL for none.
static int sample(const struct profile_settings *s, FILE *page)
{
    char request[ADMIN_REQUEST_MAX], error[OBSERVE_ERROR_MAX];
    struct profile *p = malloc(sizeof *p);
    if (!p)
        abort();
    profile_init(p);
    snprintf(request, sizeof request, "profile %llu %llu", (unsigned long long)s->seconds,
             (unsigned long long)s->hertz);
    int code = EXIT_OK;
    if (!admin_ask_until_signal(s->data, request, take, p, error))
        code = options_fail(command.name, "%s", error);
    else if (!report_on(p, s, page))
        code = options_fail(command.name, "%s: %s", s->html, strerror(errno));
    profile_free(p);
    free(p);
    return code;
}

// The page's file is opened before there is something to lose.
static int run(const struct profile_settings *s)
{
    FILE *page = s->html ? fopen(s->html, "we") : NULL;
    if (s->html && !page)
        return options_fail(command.name, "%s: %s", s->html, strerror(errno));
    int code = sample(s, page);
    if (page && fclose(page) != 0 && code == EXIT_OK)
        code = options_fail(command.name, "%s: %s", s->html, strerror(errno));
    if (page && code != EXIT_OK)
        unlink(s->html);
    return code;
}

int cmd_profile(int argc, char **argv)
{
    struct profile_settings settings = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code))
        code = run(&settings);
    config_free(keys, command.key_count, &settings);
    return code;
}
