// gantry top: what one node or a cluster is doing, at a glance, in a terminal.
#include "base/clock.h"
#include "tools/commands.h"
#include "tools/load/rpc_client.h"
#include "tools/options.h"
#include "tools/top/screen.h"

#include <signal.h>
#include <stdlib.h>

#define NODES_MAX 128
#define ANSWER_MS 1000

struct top_settings {
    uint64_t interval_ms;
};

static const struct config_key keys[] = {
    {"interval", CONFIG_MS, offsetof(struct top_settings, interval_ms), "1s", 100, 60000, "ms",
     "Time between two readings."},
};

static const struct options_command command = {
    .name = "top",
    .usage = "[options] [URL...]",
    .about = "Shows rates, latencies, pools, lanes and each thread's time by stage, from the nodes' /metrics.\n"
             "URL is a node's JSON-RPC address (default http://127.0.0.1:8545); several make a cluster.",
    .keys = keys,
    .key_count = sizeof keys / sizeof keys[0],
    .takes_arguments = true,
};

struct watched {
    struct rpc_client *client;
    char *text; // the last reading, NULL when there is none
    uint64_t at_ns;
    char trouble[RPC_ERROR_MAX];
};

struct top {
    struct watched watched[NODES_MAX];
    struct top_node nodes[NODES_MAX];
    struct top_view view;
};

static volatile sig_atomic_t ended;

static void end(int signal_number)
{
    (void)signal_number;
    ended = 1;
}

static void read_node(struct watched *w, struct top_node *n)
{
    size_t len;
    const char *text = rpc_get(w->client, "/metrics", &len, w->trouble);
    const uint64_t now = clock_ns();
    n->trouble = NULL;
    if (!text || !strstr(text, "gantry_info")) {
        if (text)
            snprintf(w->trouble, sizeof w->trouble, "this is no gantry node");
        n->trouble = w->trouble;
        free(w->text);
        w->text = NULL;
        return;
    }
    char *copy = strndup(text, len);
    if (!copy)
        abort();
    // The first reading has nothing before it: it shows levels and no rates.
    const double seconds = w->text ? (double)(now - w->at_ns) / 1e9 : 0;
    top_figures(&n->figures, w->text ? w->text : copy, copy, seconds);
    free(w->text);
    w->text = copy;
    w->at_ns = now;
}

static void read_all(struct top *t)
{
    for (size_t i = 0; i < t->view.count; i++)
        read_node(&t->watched[i], &t->nodes[i]);
}

static void take_key(struct top *t, enum top_key key)
{
    switch (key) {
    case TOP_KEY_QUIT:
        ended = 1;
        break;
    case TOP_KEY_UP:
        t->view.selected = (t->view.selected + t->view.count - 1) % t->view.count;
        break;
    case TOP_KEY_DOWN:
        t->view.selected = (t->view.selected + 1) % t->view.count;
        break;
    case TOP_KEY_PAUSE:
        t->view.paused = !t->view.paused;
        break;
    case TOP_KEY_NONE:
    case TOP_KEY_REDRAW:
        break;
    }
}

static void watch(struct top *t, uint64_t interval_ms)
{
    uint64_t due = clock_ns();
    while (!ended) {
        if (clock_ns() >= due && !t->view.paused) {
            read_all(t);
            due = clock_ns() + interval_ms * 1000000;
        }
        screen_draw(&t->view);
        const uint64_t now = clock_ns(), wait = t->view.paused || due <= now ? interval_ms : (due - now) / 1000000 + 1;
        take_key(t, screen_wait((unsigned)wait));
    }
}

static int run(struct top *t, const struct top_settings *settings)
{
    signal(SIGTERM, end);
    signal(SIGHUP, end);
    signal(SIGINT, end);
    signal(SIGPIPE, SIG_IGN);
    if (!screen_open())
        return options_fail(command.name, "needs a terminal (TERM tells which); /metrics has the same figures");
    watch(t, settings->interval_ms);
    screen_close();
    return EXIT_OK;
}

static int prepare(struct top *t, char **urls, int count)
{
    static char *standard[] = {"http://127.0.0.1:8545"};
    if (count > NODES_MAX)
        return options_refuse(command.name, "%d nodes at most", NODES_MAX);
    if (count == 0) {
        urls = standard;
        count = 1;
    }
    for (int i = 0; i < count; i++) {
        struct rpc_url url;
        char error[RPC_ERROR_MAX];
        if (!rpc_url_parse(&url, urls[i], error))
            return options_refuse(command.name, "%s", error);
        t->watched[i].client = rpc_client_create(&url, ANSWER_MS);
        t->nodes[i] = (struct top_node){.name = urls[i], .trouble = "not read yet"};
        t->view.count++;
    }
    t->view.nodes = t->nodes;
    return EXIT_OK;
}

int cmd_top(int argc, char **argv)
{
    struct top_settings settings = {0};
    struct top *t = calloc(1, sizeof *t);
    char **rest;
    int rest_count, code;
    if (!t)
        abort();
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code) &&
        (code = prepare(t, rest, rest_count)) == EXIT_OK)
        code = run(t, &settings);
    for (size_t i = 0; i < t->view.count; i++) {
        rpc_client_free(t->watched[i].client);
        free(t->watched[i].text);
    }
    free(t);
    config_free(keys, command.key_count, &settings);
    return code;
}
