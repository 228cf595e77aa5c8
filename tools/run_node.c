#include "tools/run_node.h"

#include "base/log.h"
#include "engine/node.h"
#include "engine/rpc/pages.h"
#include "tools/commands.h"
#include "tools/options.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static struct node *running;

static void on_signal(int signal)
{
    (void)signal;
    node_stop(running);
}

// While a node is opened, which nobody sees and which may be cut short anywhere.
static void end_at_once(int signal)
{
    (void)signal;
    _exit(EXIT_OK);
}

static void handle_signals(void (*handler)(int))
{
    const struct sigaction action = {.sa_handler = handler};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

void run_node_block_signals(void)
{
    const sigset_t set = stop_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static void say_where(const struct node_config *config)
{
    const char *host = config->rpc_host;
    const unsigned port = node_rpc_port(running);
    printf("gantry is up: chain id %llu\n  JSON-RPC and WebSocket  http://%s:%u  ws://%s:%u\n",
           (unsigned long long)node_chain_id(running), host, port, host, port);
    if (page_find("/dashboard.js"))
        printf("  dashboard               http://%s:%u/\n", host, port);
    printf("  binary ingest           %s:%u\n  data folder             %s\n  metrics                 "
           "http://%s:%u/metrics\n",
           config->ingest_host, node_ingest_port(running), config->data, host, port);
    fflush(stdout);
}

int run_node(const char *name, const struct node_config *config, const char *genesis_json)
{
    char error[NODE_ERROR_MAX];
    enum log_level level;
    const sigset_t stopping = stop_signals();
    if (!log_parse_level(&level, config->log_level))
        return options_refuse(name, "log-level: \"%.32s\" is not error, warn, info or debug", config->log_level);
    log_set_level(level);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // a write beyond the file size limit fails as on a full disk
    enum node_end end = NODE_AGAIN;
    while (end == NODE_AGAIN) {
        handle_signals(end_at_once);
        running = node_open(config, genesis_json, error);
        if (!running)
            return options_fail(name, "%s", error);
        handle_signals(on_signal);
        sigprocmask(SIG_UNBLOCK, &stopping, NULL);
        const bool started = node_start(running, error);
        if (started) {
            say_where(config);
            end = node_wait(running);
        }
        // What is being ended can't be stopped a second time.
        handle_signals(started && end == NODE_AGAIN ? end_at_once : SIG_IGN);
        node_free(running);
        if (!started)
            return options_fail(name, "%s", error);
    }
    return end == NODE_STOPPED ? EXIT_OK : EXIT_FAILED;
}
