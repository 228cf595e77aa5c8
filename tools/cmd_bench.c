#include "bench/bench.h"
#include "bench/report/runs.h"
#include "tools/commands.h"
#include "tools/load/load_mix.h"
#include "tools/options.h"

#include <errno.h>
#include <stdlib.h>

static const struct benchmark {
    const char *name;
    int (*run)(struct bench_report *report, const struct bench_options *options);
} benchmarks[] = {
    {"sigverify", bench_sigverify}, {"hash", bench_hash},       {"merkle", bench_merkle},
    {"mempool", bench_mempool},     {"evm", bench_evm},         {"node", bench_node},
    {"cluster", bench_cluster},     {"scaling", bench_scaling}, {"observability", bench_observability},
};
#define BENCHMARK_COUNT (sizeof benchmarks / sizeof benchmarks[0])

struct bench_settings {
    bool quick, witness;
    uint64_t seed, accounts, seconds, senders, rate, shards, block_time_ms, check, repeat, validators, tokens,
        fault_load;
    char *mix, *data, *json, *html, *kill, *pause, *partition;
};

#define KEY(field) offsetof(struct bench_settings, field)

static const struct config_key keys[] = {
    {"quick", CONFIG_BOOL, KEY(quick), "false", 0, 0, NULL, "A shorter run with rougher figures."},
    {"seed", CONFIG_U64, KEY(seed), "1", 0, 0, NULL, "Of the made-up inputs."},
    {"accounts", CONFIG_U64, KEY(accounts), "0", 0, 1000000000, NULL,
     "merkle, node, cluster: how many accounts; 0: its default."},
    {"senders", CONFIG_U64, KEY(senders), "0", 0, 10000000, NULL, "node, cluster: how many of them send; 0: a fifth."},
    {"seconds", CONFIG_U64, KEY(seconds), "0", 0, 86400, "s",
     "node, cluster: length of the main run; 0: 35, or at most 3 with --quick. observability: of each window."},
    {"rate", CONFIG_U64, KEY(rate), "0", 0, 10000000, "/s",
     "node, cluster: offered rate; 0: about what all cores could verify. observability: 0: 10000."},
    {"shards", CONFIG_U64, KEY(shards), "0", 0, 256, NULL,
     "node: shard threads; 0: one a core. cluster: of each validator; 0: one."},
    {"block-time", CONFIG_MS, KEY(block_time_ms), "100ms", 0, 3600000, "ms", "node: of its busy phases."},
    {"validators", CONFIG_U64, KEY(validators), "0", 0, 32, NULL, "cluster: how many; 0: four."},
    {"kill", CONFIG_STRING, KEY(kill), NULL, 0, 0, NULL,
     "cluster: WHO@AT+FOR, comma-separated: in a phase of its own at full load, kill validator WHO (1 on; several "
     "joined "
     "by dots) at AT seconds and start it again FOR seconds later. The report says what that cost."},
    {"pause", CONFIG_STRING, KEY(pause), NULL, 0, 0, NULL, "cluster: the same, but stopped and continued."},
    {"partition", CONFIG_STRING, KEY(partition), NULL, 0, 0, NULL,
     "cluster: the same, but cut off from the others; connections go through a relay in this process then."},
    {"fault-load", CONFIG_U64, KEY(fault_load), "100", 1, 1000, "%",
     "cluster: what is offered in that phase, of the rate that was reached before."},
    {"check", CONFIG_U64, KEY(check), "0", 0, 1000000000, NULL,
     "sigverify: compares the answers for this many signatures with the library's, instead of measuring."},
    {"witness", CONFIG_BOOL, KEY(witness), "false", 0, 0, NULL,
     "node, cluster: send each transaction with its sender's public key and R's y; the result is cpu_per_tx_witness "
     "then."},
    {"mix", CONFIG_STRING, KEY(mix), "transfer", 0, 0, NULL,
     "node: what is sent: transfer and erc20, with commas and weights as gantry load has them."},
    {"tokens", CONFIG_U64, KEY(tokens), "16", 1, LOAD_TOKENS_MAX, NULL,
     "node: ERC-20 contracts, in the genesis; every sender has some of each."},
    {"data", CONFIG_STRING, KEY(data), NULL, 0, 0, NULL,
     "Folder; node: keeps the chain there, merkle: its checkpoint while it runs, else under /var/tmp; evm: contracts."},
    {"repeat", CONFIG_U64, KEY(repeat), "1", 1, BENCH_REPETITIONS_MAX, NULL,
     "How often the whole benchmark runs; the results are medians, and the files hold every repetition."},
    {"html", CONFIG_STRING, KEY(html), NULL, 0, 0, NULL,
     "File for a page of the results, with all that it needs inside."},
    {"json", CONFIG_STRING, KEY(json), NULL, 0, 0, NULL, "File that the results are written to as JSON."},
};

static const struct options_command command = {
    .name = "bench",
    .usage = "WHAT [options]",
    .about =
        "Measures one part, or a whole node, beside a reference measured in the same run. WHAT is one of:\n"
        "  sigverify  recovering and checking signatures\n"
        "  hash       Keccak-256\n"
        "  merkle     state and tries: updates, memory, rebuilding\n"
        "  mempool    inserting into a pool; its intake under contention\n"
        "  evm        executing tokens and pairs; with --data, the folder of ipsilon's benchmarks/main, its contracts\n"
        "  node       a whole validator under load, over its sockets\n"
        "  cluster    validators that finalize together on this machine, under load\n"
        "  scaling    whole validators with 1, 2, 4 ... shards and several block times, batches of several sizes\n"
        "  observability    a node's CPU time without, with a trace, and with a profile\n"
        "  show A.json              a report that --json wrote, again; --html makes its page\n"
        "  compare A.json B.json    two of them, result by result\n"
        "A ratio above 1 means better than the reference.",
    .keys = keys,
    .key_count = sizeof keys / sizeof keys[0],
    .takes_arguments = true,
};

static struct bench_options options_of(const struct bench_settings *s)
{
    return (struct bench_options){.quick = s->quick,
                                  .seed = s->seed,
                                  .accounts = s->accounts,
                                  .data_path = s->data,
                                  .seconds = s->seconds,
                                  .senders = s->senders,
                                  .rate = s->rate,
                                  .shards = s->shards,
                                  .block_time_ms = s->block_time_ms,
                                  .check = s->check,
                                  .validators = s->validators,
                                  .witness = s->witness,
                                  .faults = {s->kill, s->pause, s->partition},
                                  .fault_load = s->fault_load,
                                  .mix = s->mix,
                                  .tokens = s->tokens};
}

// What was asked for, so that a report tells how to get another like it.
static json_t *settings_json(const struct bench_settings *s)
{
    return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s, s:I, s:s*, s:s*, s:s*, s:I}", "quick",
                     s->quick, "seed", (json_int_t)s->seed, "accounts", (json_int_t)s->accounts, "seconds",
                     (json_int_t)s->seconds, "senders", (json_int_t)s->senders, "rate", (json_int_t)s->rate, "shards",
                     (json_int_t)s->shards, "block_time_ms", (json_int_t)s->block_time_ms, "validators",
                     (json_int_t)s->validators, "witness", s->witness, "mix", s->mix, "tokens", (json_int_t)s->tokens,
                     "kill", s->kill, "pause", s->pause, "partition", s->partition, "fault_load",
                     (json_int_t)s->fault_load);
}

static bool report_on(const struct bench_report *reports, size_t n, const struct bench_settings *s)
{
    json_t *runs = bench_runs_json(reports, n, settings_json(s));
    bench_runs_print(stdout, runs);
    const bool ok = (!s->json || bench_runs_write(runs, s->json)) && (!s->html || bench_runs_write_html(runs, s->html));
    json_decref(runs);
    return ok;
}

// False after a message. Better now than after minutes of measuring.
static bool can_write(const char *path)
{
    FILE *file = path ? fopen(path, "ae") : NULL;
    if (path && !file)
        options_fail(command.name, "%s: %s", path, strerror(errno));
    return !path || (file && fclose(file) == 0);
}

static int run(const struct benchmark *b, const struct bench_settings *s)
{
    if (!can_write(s->json) || !can_write(s->html))
        return EXIT_FAILED;
    const struct bench_options options = options_of(s);
    struct bench_report *reports = calloc(s->repeat, sizeof *reports);
    size_t n = 0;
    int status = 0;
    for (uint64_t i = 0; reports && status == 0 && i < s->repeat; i++) {
        reports[n].bench = b->name;
        status = b->run(&reports[n], &options);
        // One that failed part of the way is shown when there is nothing better.
        n += reports[n].count > 0 && (status == 0 || n == 0);
    }
    const bool reported = n == 0 || report_on(reports, n, s);
    free(reports);
    return status == BENCH_REFUSED ? EXIT_USAGE : status == 0 && reported ? EXIT_OK : EXIT_FAILED;
}

static int compare(const char *a_path, const char *b_path)
{
    char error[BENCH_ERROR_MAX];
    json_t *a = bench_runs_read(a_path, error);
    json_t *b = a ? bench_runs_read(b_path, error) : NULL;
    if (a && b)
        bench_runs_compare(stdout, a, b);
    const int code = a && b ? EXIT_OK : options_fail(command.name, "%s", error);
    json_decref(a);
    json_decref(b);
    return code;
}

static int show(const char *path, const char *html)
{
    char error[BENCH_ERROR_MAX];
    json_t *runs = bench_runs_read(path, error);
    if (!runs)
        return options_fail(command.name, "%s", error);
    bench_runs_print(stdout, runs);
    const bool ok = !html || bench_runs_write_html(runs, html);
    json_decref(runs);
    return ok ? EXIT_OK : EXIT_FAILED;
}

static int find_and_run(const struct bench_settings *settings, char **rest, int rest_count)
{
    if (rest_count > 0 && strcmp(rest[0], "compare") == 0)
        return rest_count == 3
                   ? compare(rest[1], rest[2])
                   : options_refuse(command.name, "compare takes two reports: gantry bench compare A.json B.json");
    if (rest_count > 0 && strcmp(rest[0], "show") == 0)
        return rest_count == 2 ? show(rest[1], settings->html)
                               : options_refuse(command.name, "show takes one report: gantry bench show A.json");
    if (rest_count != 1)
        return options_refuse(command.name, "name one benchmark (gantry bench --help lists them)");
    for (size_t i = 0; i < BENCHMARK_COUNT; i++) {
        if (strcmp(benchmarks[i].name, rest[0]) == 0)
            return run(&benchmarks[i], settings);
    }
    return options_refuse(command.name, "unknown benchmark \"%.64s\" (gantry bench --help lists them)", rest[0]);
}

int cmd_bench(int argc, char **argv)
{
    struct bench_settings settings = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code))
        code = find_and_run(&settings, rest, rest_count);
    config_free(keys, command.key_count, &settings);
    return code;
}
