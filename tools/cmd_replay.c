// gantry replay: re-executes a stored chain and compares every block.
#include "chain/genesis.h"
#include "engine/genesis_state.h"
#include "engine/replay.h"
#include "engine/store/checkpoint.h"
#include "engine/store/data_folder.h"
#include "engine/store/disk_uring.h"
#include "tools/commands.h"
#include "tools/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct replay_settings {
    char *data;
    uint64_t threads, to;
    bool serial;
};

static const struct config_key keys[] = {
    {"data", CONFIG_STRING, offsetof(struct replay_settings, data), NULL, 0, 0, NULL, "Data folder of the chain."},
    {"threads", CONFIG_U64, offsetof(struct replay_settings, threads), "0", 0, 256, NULL,
     "Threads, each a shard; 0: one a core."},
    {"to", CONFIG_U64, offsetof(struct replay_settings, to), "0", 0, 0, NULL, "Last block; 0: all."},
    {"serial", CONFIG_BOOL, offsetof(struct replay_settings, serial), "false", 0, 0, NULL,
     "Only the serial way, not also the sharded one."},
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

static void progress(void *ctx, uint64_t height, uint64_t transactions)
{
    (void)ctx;
    if (isatty(STDERR_FILENO) && height % 64 == 0)
        fprintf(stderr, "\rblock %" PRIu64 ", %" PRIu64 " transactions", height, transactions);
}

static bool run(const struct genesis *genesis, struct blog *blog, const struct replay_settings *settings, bool parallel,
                char error[STORE_ERROR_MAX])
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct replay_options options = {
        .threads = settings->threads ? (unsigned)settings->threads : (unsigned)(cores > 0 ? cores : 1),
        .parallel = parallel,
        .to = settings->to,
        .progress = progress,
    };
    struct replay_report report;
    if (settings->to > blog_last(blog))
        return store_fail(error, "the log ends at block %" PRIu64 ", before --to %" PRIu64, blog_last(blog),
                          settings->to);
    if (!replay_chain(&report, genesis, blog, &options, error))
        return false;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r");
    double seconds = (double)report.execute_ns / 1e9, trie = (double)report.trie_ns / 1e9;
    printf("%-8s %u threads: %" PRIu64 " blocks, %" PRIu64
           " transactions agree; execution %.3f s (%.0f tx/s), tries %.3f s\n",
           parallel ? "sharded" : "serial", options.threads, report.blocks, report.transactions, seconds,
           seconds > 0 ? (double)report.transactions / seconds : 0, trie);
    return true;
}

// The chain's log. NULL with a message, also when it ends before the checkpoint: then blocks were lost. A checkpoint
// that can't be read says nothing of that.
static struct blog *open_log(const struct data_folder *folder, struct disk *disk, char error[STORE_ERROR_MAX])
{
    struct blog_options options = {.genesis_hash = data_folder_genesis_hash(folder)};
    bytes32 hash;
    bool complete = false;
    struct checkpoint *checkpoint = checkpoint_open(data_folder_state_dir(folder), &options.genesis_hash,
                                                    &options.verify_from, &hash, &complete, error);
    if (checkpoint)
        checkpoint_close(checkpoint);
    if (!checkpoint || !complete)
        options.verify_from = 0;
    return blog_open(disk, &options, error);
}

static int replay(const struct replay_settings *settings)
{
    char error[STORE_ERROR_MAX], reason[GENESIS_ERROR_MAX];
    struct data_folder *folder = data_folder_open_existing(settings->data, error);
    if (!folder)
        return options_fail("replay", "%s", error);
    int code = EXIT_FAILED;
    struct genesis genesis;
    struct disk *disk = NULL;
    struct blog *blog = NULL;
    size_t len = 0;
    char *json = genesis_kept_text(settings->data, &len);
    bool parsed = json && genesis_parse(&genesis, json, len, reason);
    free(json);
    if (!parsed) {
        options_fail("replay", "%s/genesis.json is missing or was changed", settings->data);
    } else {
        disk = disk_uring_open(data_folder_log_dir(folder), error);
        blog = disk ? open_log(folder, disk, error) : NULL;
        bool good = blog && run(&genesis, blog, settings, false, error) &&
                    (settings->serial || run(&genesis, blog, settings, true, error));
        code = good ? EXIT_OK : options_fail("replay", "%s", error);
        genesis_free(&genesis);
    }
    if (blog)
        blog_close(blog);
    if (disk)
        disk_uring_close(disk);
    data_folder_close(folder);
    return code;
}

int cmd_replay(int argc, char **argv)
{
    const struct options_command command = {
        .name = "replay",
        .usage = "--data DIR [options]",
        .about =
            "Re-executes a stored chain from its genesis, serially and over shards, and compares gas, statuses and "
            "state root of every block.",
        .keys = keys,
        .key_count = KEY_COUNT,
    };
    struct replay_settings settings = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code))
        code = settings.data ? replay(&settings) : options_refuse("replay", "--data is needed");
    config_free(keys, KEY_COUNT, &settings);
    return code;
}
