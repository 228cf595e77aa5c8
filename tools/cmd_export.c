// gantry export: the stored blocks as concatenated RLP, the format that other Ethereum clients import.
#include "engine/store/blog.h"
#include "engine/store/data_folder.h"
#include "engine/store/disk_uring.h"
#include "tools/commands.h"
#include "tools/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct export_settings {
    char *data, *out;
    uint64_t from, to;
};

static const struct config_key keys[] = {
    {.name = "data",
     .type = CONFIG_STRING,
     .offset = offsetof(struct export_settings, data),
     .help = "Data folder of the chain; no node may be running on it."},
    {.name = "out",
     .type = CONFIG_STRING,
     .offset = offsetof(struct export_settings, out),
     .help = "File to write; - for standard output."},
    {.name = "from",
     .type = CONFIG_U64,
     .offset = offsetof(struct export_settings, from),
     .default_text = "1",
     .help = "First block; 0 writes the genesis block too."},
    {.name = "to",
     .type = CONFIG_U64,
     .offset = offsetof(struct export_settings, to),
     .default_text = "0",
     .help = "Last block; 0: all."},
};

static const struct options_command command = {
    .name = "export",
    .usage = "--data DIR --out FILE [options]",
    .about = "Writes the blocks of a stored chain as concatenated RLP, as other Ethereum clients import them.",
    .keys = keys,
    .key_count = sizeof keys / sizeof keys[0],
};

static bool put(FILE *out, struct bytes block, char error[STORE_ERROR_MAX])
{
    return fwrite(block.ptr, 1, block.len, out) == block.len || store_fail(error, "cannot write: %s", strerror(errno));
}

static bool put_genesis(FILE *out, const struct header *genesis, char error[STORE_ERROR_MAX])
{
    uint8_t buf[HEADER_ENCODED_MAX + 32];
    return put(out, bytes_of(buf, (size_t)(block_put(buf, genesis, NULL, 0) - buf)), error);
}

static bool put_block(FILE *out, struct blog *blog, uint64_t height, char error[STORE_ERROR_MAX])
{
    size_t len;
    struct record r;
    uint8_t *bytes = blog_read(blog, height, &len, error);
    if (bytes == NULL)
        return false;
    const bool ok = record_decode(&r, bytes_of(bytes, len))
                        ? put(out, r.block_rlp, error)
                        : store_fail(error, "block %" PRIu64 " of the log is malformed", height);
    free(bytes);
    return ok;
}

static bool check_range(const struct blog *blog, uint64_t from, uint64_t to, char error[STORE_ERROR_MAX])
{
    if (to > blog_last(blog))
        return store_fail(error, "--to %" PRIu64 " is above the last block, %" PRIu64, to, blog_last(blog));
    if (from > to && from > 1)
        return store_fail(error, "--from %" PRIu64 " is above the last block to write, %" PRIu64, from, to);
    if (from < blog_first(blog) && to > 0 && blog_first(blog) > 1)
        return store_fail(error, "blocks below %" PRIu64 " were removed by retention; use --from %" PRIu64,
                          blog_first(blog), blog_first(blog));
    return true;
}

static bool put_blocks(FILE *out, struct blog *blog, const struct header *genesis, const struct export_settings *s,
                       char error[STORE_ERROR_MAX])
{
    const uint64_t to = s->to != 0 ? s->to : blog_last(blog);
    if (!check_range(blog, s->from, to, error) || (s->from == 0 && !put_genesis(out, genesis, error)))
        return false;
    for (uint64_t height = s->from > 0 ? s->from : 1; height <= to; height++) {
        if (!put_block(out, blog, height, error))
            return false;
        if (height % 1024 == 0 && isatty(STDERR_FILENO))
            fprintf(stderr, "\rblock %" PRIu64 " of %" PRIu64, height, to);
    }
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r");
    return fflush(out) == 0 || store_fail(error, "cannot write: %s", strerror(errno));
}

static bool export_to(FILE *out, struct data_folder *folder, const struct export_settings *s,
                      char error[STORE_ERROR_MAX])
{
    const struct blog_options options = {.genesis_hash = data_folder_genesis_hash(folder)};
    struct disk *disk = disk_uring_open(data_folder_log_dir(folder), error);
    if (disk == NULL)
        return false;
    struct blog *blog = blog_open(disk, &options, error);
    const bool ok = blog != NULL && put_blocks(out, blog, data_folder_genesis(folder), s, error);
    if (blog != NULL)
        blog_close(blog);
    disk_uring_close(disk);
    return ok;
}

// What could not be finished is removed, so that nobody takes it for the chain.
static int export_chain(const struct export_settings *s)
{
    char error[STORE_ERROR_MAX];
    const bool to_stdout = strcmp(s->out, "-") == 0;
    struct data_folder *folder = data_folder_open_existing(s->data, error);
    if (folder == NULL)
        return options_fail(command.name, "%s", error);
    FILE *out = to_stdout ? stdout : fopen(s->out, "wb");
    bool ok = out != NULL || store_fail(error, "cannot create %s: %s", s->out, strerror(errno));
    ok = ok && export_to(out, folder, s, error);
    if (out != NULL && !to_stdout) {
        if (fclose(out) != 0 && ok)
            ok = store_fail(error, "cannot write %s: %s", s->out, strerror(errno));
        if (!ok)
            remove(s->out);
    }
    data_folder_close(folder);
    return ok ? EXIT_OK : options_fail(command.name, "%s", error);
}

int cmd_export(int argc, char **argv)
{
    struct export_settings settings = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code)) {
        if (settings.data == NULL || settings.out == NULL)
            code = options_refuse(command.name, "--%s is needed", settings.data == NULL ? "data" : "out");
        else
            code = export_chain(&settings);
    }
    config_free(keys, command.key_count, &settings);
    return code;
}
