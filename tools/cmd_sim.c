// gantry sim: runs simulated clusters from seeds and tells whether an invariant broke.
#include "bench/report/runs.h"
#include "engine/sim/sim.h"
#include "tools/commands.h"
#include "tools/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct sim_settings {
    uint64_t seed, validators, minutes, seconds, rate, mutations, behaviours;
    char *seeds, *json;
    bool trace;
};

static const struct config_key keys[] = {
    {"seed", CONFIG_U64, offsetof(struct sim_settings, seed), "1", 0, 0, NULL, "Seed of the run."},
    {"seeds", CONFIG_STRING, offsetof(struct sim_settings, seeds), NULL, 0, 0, NULL,
     "A range A-B of seeds, each a run, instead of one seed."},
    {"validators", CONFIG_U64, offsetof(struct sim_settings, validators), "4", 1, 13, NULL,
     "Validators in the cluster."},
    {"minutes", CONFIG_U64, offsetof(struct sim_settings, minutes), "1", 1, 600, NULL, "Simulated minutes of a run."},
    {"seconds", CONFIG_U64, offsetof(struct sim_settings, seconds), "0", 0, 36000, NULL,
     "Simulated seconds of a run, instead of minutes; at least 10 make sense."},
    {"rate", CONFIG_U64, offsetof(struct sim_settings, rate), "200", 0, 10000, NULL,
     "Transactions a second that each validator puts into cars."},
    {"behaviours", CONFIG_U64, offsetof(struct sim_settings, behaviours), "0", 0, (1u << 24) - 1, NULL,
     "What the Byzantine validators do, as bits (docs/consensus.md lists them); 0: drawn from the seed."},
    {"mutations", CONFIG_U64, offsetof(struct sim_settings, mutations), "0", 0, 255, NULL,
     "Rules to take away, as bits (docs/consensus.md lists them): the simulator should find a violation."},
    {"json", CONFIG_STRING, offsetof(struct sim_settings, json), NULL, 0, 0, NULL, "Write a report to this file."},
    {"trace", CONFIG_BOOL, offsetof(struct sim_settings, trace), "false", 0, 0, NULL,
     "Tell what happens, on standard error."},
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_run(uint64_t seed, const struct sim_result *r)
{
    if (!r->good) {
        printf("seed %" PRIu64 ": at %.3f s: %s\n", seed, (double)r->at_ms / 1e3, r->violation);
        return;
    }
    printf("seed %" PRIu64 ": good; height %" PRIu64 ", epoch %" PRIu64 ", %" PRIu64 " cars, %" PRIu64
           " messages, %" PRIu64 " crashes, %u Byzantine, %u lost a disk, %" PRIu64 " proofs of misbehaviour\naudit ",
           seed, r->height, r->epochs, r->cars, r->messages, r->crashes, r->byzantine, r->lost, r->evidence);
    for (unsigned i = 0; i < 16; i++)
        printf("%02x", r->audit.b[i]);
    printf("\n");
}

static json_t *settings_json(const struct sim_settings *s, uint64_t from, uint64_t to)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "from", (json_int_t)from, "to", (json_int_t)to, "validators",
                     (json_int_t)s->validators, "rate", (json_int_t)s->rate, "mutations", (json_int_t)s->mutations,
                     "behaviours", (json_int_t)s->behaviours);
}

static int run_seeds(const struct sim_settings *settings, uint64_t from, uint64_t to)
{
    const bool many = to > from;
    const double start = cpu_seconds();
    double simulated = 0;
    uint64_t violations = 0;
    for (uint64_t seed = from;; seed++) {
        const struct sim_options options = {
            .seed = seed,
            .validators = (unsigned)settings->validators,
            .duration_ms = settings->seconds > 0 ? settings->seconds * 1000 : settings->minutes * 60000,
            .tx_rate = (unsigned)settings->rate,
            .mutations = (unsigned)settings->mutations,
            .behaviours = (unsigned)settings->behaviours,
            .trace = settings->trace,
        };
        struct sim_result result;
        sim_run(&options, &result);
        simulated += (double)result.simulated_ns / 1e9;
        violations += !result.good;
        if (!many || !result.good)
            print_run(seed, &result);
        fflush(stdout);
        if (seed == to)
            break;
    }
    const double took = cpu_seconds() - start, speed = took > 0 ? simulated / took : 0;
    printf("%" PRIu64 " runs of %" PRIu64 " validators: %" PRIu64 " violations; %.0f simulated seconds, %.1f times the "
           "processor time used\n",
           to - from + 1, settings->validators, violations, simulated, speed);
    struct bench_report report = {.bench = "sim"};
    bench_report_add(&report, "seeds", (double)(to - from + 1), "runs", NULL, 0, 0);
    bench_report_add(&report, "violations", (double)violations, "runs", NULL, 0, 0);
    bench_report_add(&report, "speed", speed, "x", "real time", 1, speed);
    json_t *runs = bench_runs_json(&report, 1, settings_json(settings, from, to));
    const bool written = !settings->json || bench_runs_write(runs, settings->json);
    json_decref(runs);
    if (!written)
        return EXIT_FAILED;
    return violations > 0 ? EXIT_FAILED : EXIT_OK;
}

static bool parse_range(const char *text, uint64_t *from, uint64_t *to)
{
    char *end;
    *from = strtoull(text, &end, 10);
    if (end == text || *end != '-')
        return false;
    const char *second = end + 1;
    *to = strtoull(second, &end, 10);
    return end != second && *end == '\0' && *to >= *from;
}

int cmd_sim(int argc, char **argv)
{
    const struct options_command command = {
        .name = "sim",
        .usage = "[options]",
        .about = "Runs a cluster of validators in simulation, with faults and Byzantine validators drawn from a seed, "
                 "and checks the consensus invariants at every step. A seed replays exactly.",
        .keys = keys,
        .key_count = KEY_COUNT,
    };
    struct sim_settings settings = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code)) {
        uint64_t from = settings.seed, to = from;
        if (settings.seeds && !parse_range(settings.seeds, &from, &to))
            code = options_refuse("sim", "--seeds takes a range A-B, not \"%.40s\"", settings.seeds);
        else
            code = run_seeds(&settings, from, to);
    }
    config_free(keys, KEY_COUNT, &settings);
    return code;
}
