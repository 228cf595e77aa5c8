// gantry load: an open-loop generator of signed transactions against any node.
#include "base/hex.h"
#include "chain/genesis.h"
#include "tools/commands.h"
#include "tools/load/load.h"
#include "tools/options.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>

struct load_settings {
    char *rpc, *ws, *ingest, *mix, *from, *witness, *cache, *json;
    bool rpc_only, no_cache;
    uint64_t rate, senders, accounts, tokens, pairs, seed, connections, per_sender, in_flight;
    uint64_t duration_ms, warm_ms, drain_ms, max_fee_wei, max_tip_wei;
};

#define KEY(field) offsetof(struct load_settings, field)

static const struct config_key keys[] = {
    {"rpc", CONFIG_STRING, KEY(rpc), "http://127.0.0.1:8545", 0, 0, NULL, "The node's JSON-RPC over HTTP."},
    {"ws", CONFIG_STRING, KEY(ws), "", 0, 0, NULL, "Its WebSocket, where that is not the same host, port and path."},
    {"ingest", CONFIG_STRING, KEY(ingest), "127.0.0.1:8550", 0, 0, NULL, "Its binary ingest port, HOST:PORT."},
    {"rpc-only", CONFIG_BOOL, KEY(rpc_only), "false", 0, 0, NULL,
     "Send with eth_sendRawTransaction over WebSocket instead of the ingest port (any Ethereum node)."},
    {"rate", CONFIG_U64, KEY(rate), "1000", 1, 10000000, "/s", "Transactions offered a second."},
    {"duration", CONFIG_MS, KEY(duration_ms), "10s", 1, 86400000, "ms", "How long they are offered."},
    {"warm-up", CONFIG_MS, KEY(warm_ms), "0", 0, 86400000, "ms",
     "Part of the duration that is left out of the figures."},
    {"drain", CONFIG_MS, KEY(drain_ms), "30s", 0, 86400000, "ms", "How long what is under way then is waited for."},
    {"senders", CONFIG_U64, KEY(senders), "1000", 1, 10000000, NULL,
     "Accounts that send, drawn uniformly; their keys derive from the seed."},
    {"accounts", CONFIG_U64, KEY(accounts), "10000", 1, 1000000000, NULL,
     "Accounts that receive, drawn uniformly; the senders are the first of them."},
    {"mix", CONFIG_STRING, KEY(mix), "transfer", 0, 0, NULL,
     "What is sent: transfer, erc20 and swap, with commas between them; erc20=3 has a weight other than 1."},
    {"tokens", CONFIG_U64, KEY(tokens), "16", 1, LOAD_TOKENS_MAX, NULL,
     "ERC-20 contracts, drawn uniformly; deployed first, and every sender given some of each."},
    {"pairs", CONFIG_U64, KEY(pairs), "4", 1, LOAD_PAIRS_MAX, NULL,
     "Pairs of tokens that swaps go to, drawn uniformly; no token is in two."},
    {"seed", CONFIG_U64, KEY(seed), "1", 0, 0, NULL, "Of senders, receivers and draws: the same seed sends the same."},
    {"connections", CONFIG_U64, KEY(connections), "2", 1, 256, NULL, "Connections; a sender keeps to one."},
    {"from", CONFIG_STRING, KEY(from), "", 0, 0, NULL,
     "Secret key (32 bytes of hex) that funds the senders first, or \"dev\" for gantry dev's first account."},
    {"witness", CONFIG_STRING, KEY(witness), "none", 0, 0, NULL,
     "What goes with each transaction on the ingest port: none, key, or key+ry."},
    {"in-flight-per-sender", CONFIG_U64, KEY(per_sender), "0", 0, 65535, NULL,
     "Transactions of one sender under way at most; 0: no bound."},
    {"in-flight", CONFIG_U64, KEY(in_flight), "0", 0, 100000000, NULL, "Of all together at most; 0: no bound."},
    {"max-fee", CONFIG_U64, KEY(max_fee_wei), "100G", 1, 0, "wei", "Fee cap of each transaction, a unit of gas."},
    {"max-tip", CONFIG_U64, KEY(max_tip_wei), "1G", 0, 0, "wei", "Tip cap of each transaction, a unit of gas."},
    {"cache", CONFIG_STRING, KEY(cache), "", 0, 0, NULL,
     "Folder where signed sets are kept; empty: gantry in $XDG_CACHE_HOME or ~/.cache."},
    {"no-cache", CONFIG_BOOL, KEY(no_cache), "false", 0, 0, NULL, "Keep no signed sets."},
    {"json", CONFIG_STRING, KEY(json), "", 0, 0, NULL,
     "File that the figures are written to as JSON; -: standard output."},
};

static const struct options_command command = {
    .name = "load",
    .usage = "[options]",
    .about = "Offers transactions to a node at a given rate, whatever it answers, and reports what became of them.\n"
             "Latency counts from when a transaction was due to the moment its durable receipt was visible.\n"
             "Exit code 1 when an accepted transaction is neither included nor reported as having left.",
    .keys = keys,
    .key_count = sizeof keys / sizeof keys[0],
};

struct parsed {
    struct load_options options;
    struct load_mix mix;
    bytes32 from;
    char ingest_host[128], cache[4096];
};

static bool parse_witness(enum load_witness *out, const char *text)
{
    static const char *const names[] = {"none", "key", "key+ry"};
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum load_witness)i;
            return true;
        }
    }
    options_refuse(command.name, "--witness: \"%.40s\" is not none, key or key+ry", text);
    return false;
}

static bool parse_from(struct parsed *p, const char *text)
{
    uint8_t pubkey[64];
    if (text[0] == 0)
        return true;
    p->options.from = &p->from;
    if (strcmp(text, "dev") == 0) {
        p->from = DEV_ACCOUNTS[0].secret_key;
        return true;
    }
    if (hex_decode(p->from.b, sizeof p->from.b, text, strlen(text)) == 32 && sv_public_key(pubkey, &p->from))
        return true;
    options_refuse(command.name, "--from: neither \"dev\" nor a secret key of 32 bytes of hex");
    return false;
}

static bool parse_places(struct parsed *p, const struct load_settings *s)
{
    char error[RPC_ERROR_MAX];
    struct rpc_url ingest;
    const char *what = "rpc";
    bool ok = rpc_url_parse(&p->options.rpc, s->rpc, error);
    if (ok) {
        what = "ws";
        ok = rpc_url_parse(&p->options.ws, s->ws[0] ? s->ws : s->rpc, error);
    }
    if (ok) {
        what = "ingest";
        ok = strstr(s->ingest, "://") == NULL && strchr(s->ingest, ':') && rpc_url_parse(&ingest, s->ingest, error);
        if (!ok)
            snprintf(error, sizeof error, "\"%.100s\" is not of the form HOST:PORT", s->ingest);
    }
    if (!ok) {
        options_refuse(command.name, "--%s: %s", what, error);
        return false;
    }
    snprintf(p->ingest_host, sizeof p->ingest_host, "%s", ingest.host);
    p->options.ingest_host = p->ingest_host;
    p->options.ingest_port = ingest.port;
    return true;
}

static bool parse_cache(struct parsed *p, const struct load_settings *s)
{
    if (s->no_cache)
        return true;
    if (s->cache[0])
        snprintf(p->cache, sizeof p->cache, "%s", s->cache);
    else if (!load_cache_default(p->cache, sizeof p->cache))
        return true; // no home: nothing is kept
    p->options.cache_dir = p->cache;
    return true;
}

static bool parse(struct parsed *p, const struct load_settings *s)
{
    const double count = ceil((double)s->rate * (double)s->duration_ms / 1e3);
    char reason[LOAD_MIX_ERROR_MAX];
    if (!load_mix_parse(&p->mix, s->mix, (uint32_t)s->tokens, (uint32_t)s->pairs, reason)) {
        options_refuse(command.name, "--mix: %s", reason);
        return false;
    }
    if (s->accounts < s->senders) {
        options_refuse(command.name, "--accounts: fewer than the senders, who are among them");
        return false;
    }
    if (s->warm_ms >= s->duration_ms) {
        options_refuse(command.name, "--warm-up: must be shorter than the duration");
        return false;
    }
    if (s->max_tip_wei > s->max_fee_wei) {
        options_refuse(command.name, "--max-tip: above --max-fee");
        return false;
    }
    if (count < 1 || count > LOAD_SET_COUNT_MAX) {
        options_refuse(command.name, "--rate times --duration is %.0f: between 1 and %u can be signed ahead", count,
                       LOAD_SET_COUNT_MAX);
        return false;
    }
    struct load_options *o = &p->options;
    o->rpc_only = s->rpc_only;
    o->connections = (uint32_t)s->connections;
    o->seed = s->seed;
    o->senders = (uint32_t)s->senders;
    o->accounts = (uint32_t)s->accounts;
    o->max_fee_wei = s->max_fee_wei;
    o->max_tip_wei = s->max_tip_wei;
    o->count = (uint32_t)count;
    o->mix = load_mix_has_contracts(&p->mix) ? &p->mix : NULL;
    return parse_witness(&o->witness, s->witness) && parse_from(p, s->from) && parse_places(p, s) && parse_cache(p, s);
}

static bool write_json(const struct load_result *result, const char *path)
{
    json_t *json = load_result_json(result);
    FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    bool ok = out && json && json_dumpf(json, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;
    if (out && out != stdout)
        ok = fclose(out) == 0 && ok;
    json_decref(json);
    return ok;
}

static void on_signal(int signal)
{
    (void)signal;
    load_run_interrupt();
}

static int run(const struct load_settings *s, const struct load_options *options)
{
    char error[LOAD_ERROR_MAX];
    struct load *load = load_open(options, error);
    if (!load)
        return options_fail(command.name, "%s", error);
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    const struct load_phase phase = {.rate = (double)s->rate,
                                     .warm_ns = s->warm_ms * 1000000,
                                     .duration_ns = s->duration_ms * 1000000,
                                     .per_sender = (uint32_t)s->per_sender,
                                     .in_flight_max = (uint32_t)s->in_flight,
                                     .drain_ns = s->drain_ms * 1000000};
    fprintf(stderr, "chain %llu: offering %llu transactions a second for %.1f s over %u connections (%s)\n",
            (unsigned long long)load_chain_id(load), (unsigned long long)s->rate, (double)s->duration_ms / 1e3,
            options->connections, options->rpc_only ? "JSON-RPC" : "ingest port");
    static struct load_result result;
    int code = EXIT_OK;
    if (!load_run(load, &phase, &result, error))
        code = options_fail(command.name, "%s", error);
    const bool json_only = strcmp(s->json, "-") == 0;
    if (!json_only)
        load_result_print(stdout, &result);
    if (s->json[0] && !write_json(&result, s->json))
        code = options_fail(command.name, "can't write %s", s->json);
    if (result.unaccounted > 0)
        code = options_fail(command.name, "%llu accepted transactions are neither included nor reported as having left",
                            (unsigned long long)result.unaccounted);
    load_close(load);
    return code;
}

int cmd_load(int argc, char **argv)
{
    struct load_settings settings = {0};
    struct parsed parsed = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code))
        code = parse(&parsed, &settings) ? run(&settings, &parsed.options) : EXIT_USAGE;
    config_free(keys, command.key_count, &settings);
    return code;
}
