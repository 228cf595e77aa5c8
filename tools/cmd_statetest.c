// gantry statetest: Ethereum's official state tests.
#include "tools/commands.h"
#include "tools/official/command.h"
#include "tools/official/files.h"
#include "tools/official/state_tests.h"
#include "tools/options.h"

#include <jansson.h>
#include <stdio.h>

struct statetest_settings {
    char *fork, *filter;
    uint64_t jobs;
    bool summary;
};

#define KEY(field) offsetof(struct statetest_settings, field)

static const struct config_key keys[] = {
    {"fork", CONFIG_STRING, KEY(fork), "Cancun", 0, 0, NULL,
     "Whose cases to run: Berlin, London, Paris, Shanghai or Cancun."},
    {"jobs", CONFIG_U64, KEY(jobs), "0", 0, OFFICIAL_JOBS_MAX, NULL, "Threads; 0: one a core."},
    {"filter", CONFIG_STRING, KEY(filter), NULL, 0, 0, NULL, "Only tests whose name contains this text."},
    {"summary", CONFIG_BOOL, KEY(summary), "false", 0, 0, NULL, "End with a line that counts what passed and failed."},
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

static const struct options_command command = {
    .name = "statetest",
    .usage = "[options] FILE...",
    .about = "Runs Ethereum's official state tests (GeneralStateTests) from JSON files, or all .json files below\n"
             "folders, and prints one JSON object a case: name, fork, pass and, where it failed, error with what was\n"
             "expected and what came. Exits with 1 when a case failed or there was none.",
    .keys = keys,
    .key_count = KEY_COUNT,
    .takes_arguments = true,
};

static void print_result(void *ctx, const struct state_test_result *result)
{
    json_t *object =
        json_pack("{s:s, s:s, s:b}", "name", result->name, "fork", (const char *)ctx, "pass", (int)result->pass);
    if (result->error)
        json_object_set_new(object, "error", json_string(result->error));
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

static void run(void *ctx, char **files, size_t count, uint64_t *passed, uint64_t *failed)
{
    const struct statetest_settings *settings = ctx;
    struct state_tests tests = {
        .rules = evm_rules_by_name(settings->fork),
        .filter = settings->filter,
        .jobs = official_jobs(settings->jobs),
        .report = print_result,
        .ctx = settings->fork,
    };
    state_tests_run(&tests, files, count);
    *passed = tests.passed;
    *failed = tests.failed;
}

static int find_and_run(struct statetest_settings *settings, char **paths, int path_count)
{
    if (!evm_rules_by_name(settings->fork))
        return options_refuse(command.name, "unknown fork \"%.64s\" (--help lists them)", settings->fork);
    const struct official_command tests = {command.name, settings->fork, settings->summary, run, settings};
    return official_command_run(&tests, paths, path_count);
}

int cmd_statetest(int argc, char **argv)
{
    struct statetest_settings settings = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code))
        code = find_and_run(&settings, rest, rest_count);
    config_free(keys, KEY_COUNT, &settings);
    return code;
}
