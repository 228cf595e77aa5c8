// gantry tx: the way that one transaction took through a node.
#include "base/clock.h"
#include "base/hex.h"
#include "tools/commands.h"
#include "tools/load/rpc_client.h"
#include "tools/options.h"
#include "tools/path/path_text.h"

#include <stdlib.h>
#include <time.h>

#define ANSWER_MS 10000
#define POLL_NS 50000000

struct tx_settings {
    char *url;
    bool follow, json;
    uint64_t timeout_ms;
};

static const struct config_key keys[] = {
    {"url", CONFIG_STRING, offsetof(struct tx_settings, url), "http://127.0.0.1:8545", 0, 0, NULL,
     "A node's JSON-RPC address."},
    {"follow", CONFIG_BOOL, offsetof(struct tx_settings, follow), "false", 0, 0, NULL,
     "Wait for the transaction, and show each step as it is taken, until it is in a block or has left."},
    {"timeout", CONFIG_MS, offsetof(struct tx_settings, timeout_ms), "5m", 1, 86400000, "ms",
     "How long --follow goes on."},
    {"json", CONFIG_BOOL, offsetof(struct tx_settings, json), "false", 0, 0, NULL,
     "Print the node's last answer as JSON (gantry_traceTransactionPath)."},
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

static const struct options_command command = {
    .name = "tx",
    .usage = "[options] HASH",
    .about = "Shows the steps of a transaction on a node, and the time between them: received, verified, pooled, put\n"
             "into a car, acked, ordered, executed, durable. A node keeps the paths of its last transactions\n"
             "(transaction-paths). Exit code 1: the node knows nothing of it.",
    .keys = keys,
    .key_count = KEY_COUNT,
    .takes_arguments = true,
};

static bool is_unknown(const json_t *path)
{
    const char *status = json_string_value(json_object_get(path, "status"));
    return !status || strcmp(status, "unknown") == 0;
}

static json_t *ask(struct rpc_client *client, const char *hash, char error[RPC_ERROR_MAX])
{
    char params[80];
    snprintf(params, sizeof params, "[\"%s\"]", hash);
    return rpc_call(client, "gantry_traceTransactionPath", params, error);
}

// Asks until there is nothing more to come, or too long; shows steps meanwhile. Later steps of a transaction that was
// looked at while it waited come behind the earlier ones.
static json_t *follow(struct rpc_client *client, const struct tx_settings *s, const char *hash,
                      char error[RPC_ERROR_MAX])
{
    const uint64_t end_ns = clock_ns() + s->timeout_ms * 1000000;
    size_t shown = 0;
    for (;;) {
        json_t *path = ask(client, hash, error);
        if (path && !s->json)
            shown = path_print_steps(stdout, path, shown);
        fflush(stdout);
        if (!path || path_is_over(path) || clock_ns() >= end_ns)
            return path;
        json_decref(path);
        nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
    }
}

static int show(struct rpc_client *client, const struct tx_settings *s, const char *hash)
{
    char error[RPC_ERROR_MAX];
    json_t *path = s->follow ? follow(client, s, hash, error) : ask(client, hash, error);
    if (!path)
        return options_fail(command.name, "%s", error);
    if (s->json) {
        json_dumpf(path, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        if (!s->follow)
            path_print_steps(stdout, path, 0);
        path_print_status(stdout, path);
    }
    const int code = is_unknown(path) ? EXIT_FAILED : EXIT_OK;
    json_decref(path);
    return code;
}

static int run(const struct tx_settings *s, char **rest, int count)
{
    bytes32 hash;
    struct rpc_url url;
    char error[RPC_ERROR_MAX];
    if (count != 1)
        return options_refuse(command.name, "which transaction: one hash");
    if (strlen(rest[0]) != 66 || hex_decode(hash.b, sizeof hash.b, rest[0], 66) != 32)
        return options_refuse(command.name, "\"%.80s\" is no hash (0x and 64 hexadecimal digits)", rest[0]);
    if (!rpc_url_parse(&url, s->url, error))
        return options_refuse(command.name, "%s", error);
    struct rpc_client *client = rpc_client_create(&url, ANSWER_MS);
    const int code = show(client, s, rest[0]);
    rpc_client_free(client);
    return code;
}

int cmd_tx(int argc, char **argv)
{
    struct tx_settings settings = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code))
        code = run(&settings, rest, rest_count);
    config_free(keys, KEY_COUNT, &settings);
    return code;
}
