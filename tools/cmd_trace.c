// gantry trace: a timeline of a running node's shards and coordinator, for public viewers.
#include "tools/commands.h"
#include "tools/observe/trace_json.h"
#include "tools/options.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct trace_settings {
    char *data, *out;
    uint64_t seconds;
};

#define KEY(field) offsetof(struct trace_settings, field)

static const struct config_key keys[] = {
    {"data", CONFIG_STRING, KEY(data), "gantry-data", 0, 0, NULL, "The running node's data folder."},
    {"seconds", CONFIG_U64, KEY(seconds), "5", 1, ADMIN_SECONDS_MAX, "s",
     "How long to record; Ctrl-C ends it earlier."},
    {"out", CONFIG_STRING, KEY(out), "gantry-trace.json", 0, 0, NULL, "File to write."},
};

static const struct options_command command = {
    .name = "trace",
    .usage = "[options]",
    .about = "Records a timeline of every shard and the coordinator of a running node: batches, passes, barriers,\n"
             "fsyncs, views, votes. The file is in Chrome's trace-event format: open it in https://ui.perfetto.dev.",
    .keys = keys,
    .key_count = sizeof keys / sizeof keys[0],
};

static bool take(void *ctx, const struct admin_frame *frame, const uint8_t *payload, char error[OBSERVE_ERROR_MAX])
{
    return trace_json_take(ctx, frame, payload, error);
}

static int record(const struct trace_settings *s)
{
    char request[ADMIN_REQUEST_MAX], error[OBSERVE_ERROR_MAX];
    FILE *out = fopen(s->out, "w");
    if (!out)
        return options_fail(command.name, "%s: %s", s->out, strerror(errno));
    struct trace_json *t = trace_json_create(out);
    snprintf(request, sizeof request, "trace %llu", (unsigned long long)s->seconds);
    const bool good = admin_ask_until_signal(s->data, request, take, t, error);
    const struct trace_totals totals = trace_json_totals(t);
    trace_json_free(t);
    bool written = !ferror(out);
    written = fclose(out) == 0 && written;
    if (!good || !written) {
        const int why = errno;
        unlink(s->out);
        return good ? options_fail(command.name, "%s: %s", s->out, strerror(why))
                    : options_fail(command.name, "%s", error);
    }
    printf("%s: %llu events of %zu threads", s->out, (unsigned long long)totals.events, totals.threads);
    printf(totals.lost ? ", %llu lost (more came than the rings hold)\n" : "\n", (unsigned long long)totals.lost);
    return EXIT_OK;
}

int cmd_trace(int argc, char **argv)
{
    struct trace_settings settings = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code))
        code = record(&settings);
    config_free(keys, command.key_count, &settings);
    return code;
}
