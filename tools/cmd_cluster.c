// gantry cluster: validators side by side on this machine.
#include "base/remove_tree.h"
#include "base/temporary_folder.h"
#include "tools/cluster/init.h"
#include "tools/cluster/processes.h"
#include "tools/commands.h"
#include "tools/options.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define GRACE_MS 20000
#define FOLDERS_MAX PROCESSES_MAX

// The same settings as init's, with other defaults and words.
static struct config_key *cluster_keys(void)
{
    struct config_key *keys = malloc(INIT_KEY_COUNT * sizeof *keys);
    if (!keys)
        abort();
    memcpy(keys, INIT_KEYS, INIT_KEY_COUNT * sizeof *keys);
    for (size_t i = 0; i < INIT_KEY_COUNT; i++) {
        if (strcmp(keys[i].name, "out") == 0) {
            keys[i].default_text = NULL;
            keys[i].help =
                "Folder that keeps the cluster: made by this command or gantry init, and used again the next "
                "time; without it the cluster is temporary.";
        } else if (strcmp(keys[i].name, "dev-accounts") == 0) {
            keys[i].default_text = "true";
        } else if (strcmp(keys[i].name, "shards") == 0) {
            keys[i].default_text = "1";
            keys[i].min = 1;
            keys[i].help = "Shard threads of each validator, of a cluster that is made now.";
        }
    }
    return keys;
}

static bool is_there(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static bool is_cluster(const char *out)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/validator-0/node.conf", out);
    return is_there(path);
}

// The folders of all nodes, validators first; how many.
static unsigned find_nodes(const struct init_settings *s, char folders[][PATH_MAX])
{
    unsigned count = 0, i;
    for (i = 0; count < FOLDERS_MAX; i++, count++) {
        init_folder(folders[count], PATH_MAX, s, i);
        if (!is_there(folders[count]))
            break;
    }
    for (i = 0; count < FOLDERS_MAX; i++, count++) {
        init_follower_folder(folders[count], PATH_MAX, s, i);
        if (!is_there(folders[count]))
            break;
    }
    return count;
}

static void print_where(const struct init_settings *s, char folders[][PATH_MAX], unsigned count)
{
    printf("%u nodes in %s; stop them with Ctrl-C\n", count, s->out);
    for (unsigned i = 0; i < count; i++)
        printf("  %s  (cd %s && gantry node --config node.conf) starts it again\n", strrchr(folders[i], '/') + 1,
               folders[i]);
    fflush(stdout);
}

static int run_here(const struct init_settings *s)
{
    static char folders[FOLDERS_MAX][PATH_MAX];
    struct process_spec specs[FOLDERS_MAX];
    char program[PATH_MAX], error[256];
    char *argv[] = {program, "node", "--config", "node.conf", NULL};
    const ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    if (len < 0)
        return options_fail("cluster", "cannot find this program's own path");
    program[len] = '\0';
    const unsigned count = find_nodes(s, folders);
    for (unsigned i = 0; i < count; i++)
        specs[i] = (struct process_spec){strrchr(folders[i], '/') + 1, folders[i], argv};
    print_where(s, folders, count);
    struct processes *p = processes_start(specs, count, stdout, error, sizeof error);
    if (!p)
        return options_fail("cluster", "%s", error);
    const unsigned unasked = processes_run(p, GRACE_MS);
    processes_free(p);
    return unasked > 0 ? options_fail("cluster", "%u of %u nodes ended by themselves", unasked, count) : EXIT_OK;
}

static int run(struct init_settings *s)
{
    char error[INIT_ERROR_MAX];
    const bool keep = s->out != NULL;
    if (!keep && !(s->out = temporary_folder("gantry-cluster")))
        return options_fail("cluster", "no temporary folder could be made: %s", strerror(errno));
    int code = EXIT_OK;
    if (!is_cluster(s->out) && !init_cluster(s, error))
        code = options_fail("cluster", "%s", error);
    if (code == EXIT_OK)
        code = run_here(s);
    if (!keep)
        remove_tree(s->out);
    return code;
}

int cmd_cluster(int argc, char **argv)
{
    struct config_key *keys = cluster_keys();
    const struct options_command command = {
        .name = "cluster",
        .usage = "[--validators N] [--shards M] [--out DIR] [options]",
        .about = "Runs a cluster of validators on this machine, one process each, until Ctrl-C. Their lines come out "
                 "with their\nnames before them. The options say what to make; a cluster that is in DIR is run as it "
                 "is.",
        .keys = keys,
        .key_count = INIT_KEY_COUNT,
    };
    struct init_settings settings = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code))
        code = settings.hosts ? options_refuse("cluster", "--hosts is for gantry init: here all run on this machine")
                              : run(&settings);
    config_free(keys, INIT_KEY_COUNT, &settings);
    free(keys);
    return code;
}
