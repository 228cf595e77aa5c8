// gantry blocktest: Ethereum's official blockchain tests.
#include "tools/commands.h"
#include "tools/official/block_tests.h"
#include "tools/official/command.h"
#include "tools/official/files.h"
#include "tools/options.h"

#include <jansson.h>
#include <stdio.h>

struct blocktest_settings {
    char *fork, *filter;
    uint64_t jobs;
    bool summary;
};

#define KEY(field) offsetof(struct blocktest_settings, field)

static const struct config_key keys[] = {
    {"fork", CONFIG_STRING, KEY(fork), "Cancun", 0, 0, NULL,
     "Whose tests to run, and those of chains that change to it: Paris, Shanghai or Cancun."},
    {"jobs", CONFIG_U64, KEY(jobs), "0", 0, OFFICIAL_JOBS_MAX, NULL, "Threads; 0: one a core."},
    {"filter", CONFIG_STRING, KEY(filter), NULL, 0, 0, NULL, "Only tests whose name contains this text."},
    {"summary", CONFIG_BOOL, KEY(summary), "false", 0, 0, NULL, "End with a line that counts what passed and failed."},
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

static const struct options_command command = {
    .name = "blocktest",
    .usage = "[options] FILE...",
    .about =
        "Runs Ethereum's official blockchain tests (BlockchainTests) from JSON files, or all .json files below\n"
        "folders: each block is decoded, checked and executed as an import would, and must be accepted or refused\n"
        "as the test says. Prints one JSON object a test: name, fork, pass, where it failed error with what was\n"
        "expected and what came, and for each refused block what the test expected and what was found. Exits\n"
        "with 1 when a test failed or there was none.",
    .keys = keys,
    .key_count = KEY_COUNT,
    .takes_arguments = true,
};

static json_t *refusals_of(const struct block_test_result *result)
{
    json_t *list = json_array();
    for (size_t i = 0; i < result->refusal_count; i++) {
        const struct block_refusal *r = &result->refusals[i];
        json_array_append_new(list, json_pack("{s:s, s:s}", "expected", r->expected, "got", r->got.text));
    }
    return list;
}

static void print_result(void *ctx, const struct block_test_result *result)
{
    (void)ctx;
    json_t *object =
        json_pack("{s:s, s:s, s:b}", "name", result->name, "fork", result->network, "pass", (int)result->pass);
    if (result->error)
        json_object_set_new(object, "error", json_string(result->error));
    if (result->refusal_count > 0)
        json_object_set_new(object, "refused", refusals_of(result));
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

static void run(void *ctx, char **files, size_t count, uint64_t *passed, uint64_t *failed)
{
    const struct blocktest_settings *settings = ctx;
    struct block_tests tests = {
        .fork = settings->fork,
        .filter = settings->filter,
        .jobs = official_jobs(settings->jobs),
        .report = print_result,
    };
    block_tests_run(&tests, files, count);
    *passed = tests.passed;
    *failed = tests.failed;
}

static int find_and_run(struct blocktest_settings *settings, char **paths, int path_count)
{
    struct chain_rules rules;
    if (strchr(settings->fork, 'T') || !block_tests_network(&rules, settings->fork))
        return options_refuse(command.name, "unknown fork \"%.64s\" (--help lists them)", settings->fork);
    const struct official_command tests = {command.name, settings->fork, settings->summary, run, settings};
    return official_command_run(&tests, paths, path_count);
}

int cmd_blocktest(int argc, char **argv)
{
    struct blocktest_settings settings = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code))
        code = find_and_run(&settings, rest, rest_count);
    config_free(keys, KEY_COUNT, &settings);
    return code;
}
