// gantry import: blocks from a file, checked in full, become a stored chain; or are only checked.
#include "base/clock.h"
#include "base/hex.h"
#include "base/whole_file.h"
#include "engine/block_file.h"
#include "engine/genesis_state.h"
#include "engine/import.h"
#include "engine/store/blog.h"
#include "engine/store/data_folder.h"
#include "engine/store/disk_uring.h"
#include "tools/commands.h"
#include "tools/options.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct import_settings {
    char *data, *genesis;
    bool json;
};

static const struct config_key keys[] = {
    {.name = "data",
     .type = CONFIG_STRING,
     .offset = offsetof(struct import_settings, data),
     .help = "Data folder that the blocks go to; no node may be running on it. Without it they are only checked."},
    {.name = "genesis",
     .type = CONFIG_STRING,
     .offset = offsetof(struct import_settings, genesis),
     .help = "The chain's genesis.json; not needed for a data folder that has a chain."},
    {.name = "json",
     .type = CONFIG_BOOL,
     .offset = offsetof(struct import_settings, json),
     .default_text = "false",
     .help = "Print what was done as JSON."},
};

static const struct options_command command = {
    .name = "import",
    .usage = "[--data DIR] [--genesis FILE] [options] FILE...",
    .about =
        "Reads blocks as concatenated RLP (what gantry export and other clients write; - is standard input), checks\n"
        "each in full after the one before it (header, signatures, execution, receipts, state root) and stores it.\n"
        "Blocks that the chain has already, the genesis among them, are passed over. Stops at the first that is\n"
        "wrong and says what is wrong with it; those before it stay.",
    .keys = keys,
    .key_count = sizeof keys / sizeof keys[0],
    .takes_arguments = true,
};

struct import {
    const struct import_settings *settings;
    struct importer *chain;
    // Where blocks are stored; NULL when they are only checked.
    struct data_folder *folder;
    struct disk *disk;
    struct blog *log;
    uint64_t blocks, known, transactions, gas;
    uint64_t start_ns;
    char error[STORE_ERROR_MAX];
};

// ---- genesis and folder

// The chain at its genesis.
static bool begin_chain(struct import *x, const char *json, size_t len, const char *name)
{
    char reason[GENESIS_ERROR_MAX];
    struct genesis genesis;
    if (!genesis_parse(&genesis, json, len, reason))
        return store_fail(x->error, "%.100s: %.150s", name, reason);
    x->chain = importer_create(&genesis, x->settings->data != NULL);
    genesis_free(&genesis);
    return x->chain || store_fail(x->error, "libcrypto offers no RIPEMD-160");
}

// A folder that has a chain, which a genesis that is named must be of.
static bool open_known_folder(struct import *x, const char *json, size_t len)
{
    const char *dir = x->settings->data;
    size_t kept_len = 0;
    char *kept = json ? NULL : genesis_kept_text(dir, &kept_len);
    x->folder = data_folder_open_existing(dir, x->error);
    bool ok = x->folder != NULL;
    if (ok && !json && !kept)
        ok = store_fail(x->error, "%.200s/genesis.json is missing: name the chain's genesis with --genesis", dir);
    ok = ok && (json ? begin_chain(x, json, len, x->settings->genesis)
                     : begin_chain(x, kept, kept_len, "the folder's genesis.json"));
    free(kept);
    if (!ok)
        return false;
    const bytes32 has = data_folder_genesis_hash(x->folder), given = importer_head_hash(x->chain);
    return bytes32_equal(&has, &given) || store_fail(x->error, "%.200s belongs to a chain with another genesis", dir);
}

static bool open_new_folder(struct import *x, const char *json, size_t len)
{
    const char *dir = x->settings->data;
    if (!json)
        return store_fail(x->error, "%.200s holds no chain yet: name its genesis.json with --genesis", dir);
    if (!begin_chain(x, json, len, x->settings->genesis))
        return false;
    x->folder = data_folder_open(dir, importer_head(x->chain), x->error);
    return x->folder && genesis_keep_text(json, len, dir, x->error);
}

// Brings the chain to the last block that the folder's log has.
static bool catch_up(struct import *x)
{
    struct record record;
    struct block_verdict verdict;
    if (blog_last(x->log) > 0 && blog_first(x->log) != 1)
        return store_fail(x->error,
                          "blocks below %" PRIu64 " were removed by retention: their state can't be made again",
                          blog_first(x->log));
    for (uint64_t height = 1; height <= blog_last(x->log); height++) {
        size_t len;
        uint8_t *bytes = blog_read(x->log, height, &len, x->error);
        if (!bytes)
            return false;
        bool ok = record_decode(&record, bytes_of(bytes, len)) ||
                  store_fail(x->error, "block %" PRIu64 " of the log is malformed", height);
        if (ok && importer_take(x->chain, record.block_rlp, &verdict) != IMPORT_TAKEN)
            ok = store_fail(x->error, "block %" PRIu64 " of the log: %.200s", height, verdict.text);
        free(bytes);
        if (!ok)
            return false;
    }
    return true;
}

static bool open_folder(struct import *x, const char *json, size_t len)
{
    uint8_t identity[FILE_HEADER_BYTES + HEADER_ENCODED_MAX];
    struct header header;
    bytes32 hash;
    const enum data_folder_found found = data_folder_find(x->settings->data, &header, &hash, identity, x->error);
    if (found == DATA_FOLDER_BAD)
        return false;
    if (found == DATA_FOLDER_KNOWN ? !open_known_folder(x, json, len) : !open_new_folder(x, json, len))
        return false;
    const struct blog_options options = {.genesis_hash = data_folder_genesis_hash(x->folder)};
    x->disk = disk_uring_open(data_folder_log_dir(x->folder), x->error);
    x->log = x->disk ? blog_open(x->disk, &options, x->error) : NULL;
    return x->log && catch_up(x);
}

static bool open_chain(struct import *x)
{
    const struct import_settings *s = x->settings;
    size_t len = 0;
    char *json = s->genesis ? whole_file(s->genesis, GENESIS_FILE_MAX, &len) : NULL;
    if (s->genesis && !json)
        return store_fail(x->error, "%.200s: %s", s->genesis, strerror(errno));
    const bool ok = s->data ? open_folder(x, json, len) : begin_chain(x, json, len, s->genesis);
    free(json);
    return ok;
}

static void close_chain(struct import *x)
{
    if (x->log)
        blog_close(x->log);
    if (x->disk)
        disk_uring_close(x->disk);
    if (x->folder)
        data_folder_close(x->folder);
    importer_free(x->chain);
}

// ---- blocks

static bool log_failed(struct import *x)
{
    const char *why = blog_failed(x->log);
    return why && !store_fail(x->error, "%.250s", why);
}

// Waits until all that was appended is durable.
static bool settle(struct import *x)
{
    while (x->log && !log_failed(x) && blog_durable(x->log) < blog_last(x->log)) {
        blog_flush(x->log);
        blog_step(x->log, true);
    }
    return !x->log || !log_failed(x);
}

static bool store(struct import *x)
{
    size_t len;
    if (!x->log)
        return true;
    uint8_t *record = importer_record(x->chain, &len);
    int answer = blog_append(x->log, importer_head(x->chain)->number, bytes_of(record, len));
    if (answer == -EAGAIN && settle(x))
        answer = blog_append(x->log, importer_head(x->chain)->number, bytes_of(record, len));
    free(record);
    blog_flush(x->log);
    blog_step(x->log, false);
    return !log_failed(x) && (answer == 0 || store_fail(x->error, "cannot store a block: %s", strerror(-answer)));
}

static void show_progress(const struct import *x)
{
    if (isatty(STDERR_FILENO) && x->blocks % 64 == 0)
        fprintf(stderr, "\rblock %" PRIu64 ", %" PRIu64 " transactions", importer_head(x->chain)->number,
                x->transactions);
}

// index: the block's place in the file, from 1.
static bool take_block(struct import *x, const char *name, uint64_t index, struct bytes rlp)
{
    struct block_verdict verdict;
    struct block_view view;
    char which[32] = "";
    switch (importer_take(x->chain, rlp, &verdict)) {
    case IMPORT_KNOWN:
        x->known++;
        return true;
    case IMPORT_TAKEN:
        x->blocks++;
        x->transactions += importer_tx_count(x->chain);
        x->gas += importer_head(x->chain)->gas_used;
        show_progress(x);
        return store(x);
    default:
        if (block_decode_foreign(&view, rlp))
            snprintf(which, sizeof which, " (number %" PRIu64 ")", view.header.number);
        return store_fail(x->error, "%.100s: block %" PRIu64 "%s: %.200s", name, index, which, verdict.text);
    }
}

static bool take_blocks(struct import *x, const char *name, FILE *file)
{
    struct block_file blocks = {.file = file};
    enum block_file_answer answer;
    struct bytes rlp;
    uint64_t index = 1;
    bool ok = true;
    while (ok && (answer = block_file_next(&blocks, &rlp)) == BLOCK_FILE_BLOCK)
        ok = take_block(x, name, index++, rlp);
    free(blocks.mem);
    if (!ok || answer == BLOCK_FILE_END)
        return ok;
    return store_fail(x->error, "%.100s: block %" PRIu64 ": %s", name, index,
                      answer == BLOCK_FILE_TORN  ? "the file ends in its middle"
                      : answer == BLOCK_FILE_BAD ? "no RLP list, or one that is too long"
                                                 : strerror(errno));
}

static bool take_file(struct import *x, const char *name)
{
    const bool is_stdin = strcmp(name, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(name, "rbe");
    if (!file)
        return store_fail(x->error, "%.200s: %s", name, strerror(errno));
    const bool ok = take_blocks(x, name, file);
    if (!is_stdin)
        fclose(file);
    return ok;
}

// ---- the whole

static void print_report(const struct import *x)
{
    char hash[65] = {0}, root[65] = {0};
    const struct header *head = importer_head(x->chain);
    const bytes32 head_hash = importer_head_hash(x->chain);
    const double seconds = (double)(clock_ns() - x->start_ns) / 1e9;
    hex_encode(hash, head_hash.b, 32);
    hex_encode(root, head->state_root.b, 32);
    if (!x->settings->json) {
        printf("%s %" PRIu64 " blocks, %" PRIu64 " transactions, %" PRIu64 " gas in %.3f s",
               x->log ? "imported" : "checked", x->blocks, x->transactions, x->gas, seconds);
        if (x->known > 0)
            printf(" (%" PRIu64 " were there)", x->known);
        printf("\nhead %" PRIu64 " 0x%s\nstate root 0x%s\n", head->number, hash, root);
        return;
    }
    json_t *report =
        json_pack("{s:b, s:I, s:I, s:I, s:I, s:f, s:I, s:o, s:o}", "stored", x->log != NULL, "blocks",
                  (json_int_t)x->blocks, "known", (json_int_t)x->known, "transactions", (json_int_t)x->transactions,
                  "gas", (json_int_t)x->gas, "seconds", seconds, "head", (json_int_t)head->number, "hash",
                  json_sprintf("0x%s", hash), "state_root", json_sprintf("0x%s", root));
    json_dumpf(report, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(report);
}

static int import_files(const struct import_settings *settings, char **files, int count)
{
    struct import x = {.settings = settings, .start_ns = clock_ns()};
    bool ok = open_chain(&x);
    const bool opened = ok;
    x.start_ns = clock_ns();
    for (int i = 0; ok && i < count; i++)
        ok = take_file(&x, files[i]);
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r");
    // What was taken before a wrong block stays; a log that fails is the error to report.
    ok = (!opened || settle(&x)) && ok;
    if (opened)
        print_report(&x);
    if (!ok)
        options_fail(command.name, "%s", x.error);
    close_chain(&x);
    return ok ? EXIT_OK : EXIT_FAILED;
}

int cmd_import(int argc, char **argv)
{
    struct import_settings settings = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code)) {
        if (rest_count == 0)
            code = options_refuse(command.name, "name a file of blocks, or - for standard input");
        else if (!settings.data && !settings.genesis)
            code = options_refuse(command.name, "--data or --genesis is needed");
        else
            code = import_files(&settings, rest, rest_count);
    }
    config_free(keys, command.key_count, &settings);
    return code;
}
