#include "tests/support/vectors.h"

#include "base/clock.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// From the shared data's own README, for those who have only the source.
static const char *public_source(const char *pack)
{
    static const char *const sources[][2] = {
        {"gst-public", "github.com/ethereum/tests GeneralStateTests, execution-spec-tests v5.4.0"},
        {"bct-public", "github.com/ethereum/tests BlockchainTests, execution-spec-tests v5.4.0"},
        {"mainnet-public", "Ethereum mainnet blocks, from github.com/risechain/pevm's data"},
        {"misc-public", "github.com/ethereum/tests, C2SP/wycheproof, ethers-io/ethers.js and others"},
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        if (strcmp(pack, sources[i][0]) == 0)
            return sources[i][1];
    }
    return "unknown pack";
}

__attribute__((format(printf, 1, 2))) static char *format_path(const char *format, ...)
{
    va_list args;
    char *path = NULL;
    va_start(args, format);
    int len = vasprintf(&path, format, args);
    va_end(args);
    if (len < 0)
        abort();
    return path;
}

// PROJECT_FOLDER is defined by the build for this file alone.
char *project_path(const char *file)
{
    return format_path("%s/%s", PROJECT_FOLDER, file);
}

static char *vectors_folder(void)
{
    const char *chosen = getenv("GANTRY_VECTORS");
    return chosen && *chosen ? strdup(chosen) : project_path("../shared/vectors");
}

// Beside the running test's executable, which lies in the build folder.
static char *cache_folder(void)
{
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (len < 0)
        abort();
    exe[len] = 0;
    return format_path("%s/vectors", dirname(exe));
}

static bool run(char *const argv[])
{
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[0], argv);
        _exit(127);
    }
    int status;
    while (pid > 0 && waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return false;
    }
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void remove_folder(char *path)
{
    if (!run((char *[]){"rm", "-rf", path, NULL}))
        fprintf(stderr, "vectors: can't remove %s\n", path);
}

// Unpacks into a folder of this process's own and renames it, so that tests that run at the same time never see half
// of a pack; who comes second throws its copy away.
static void unpack(char *archive, const char *target)
{
    char *own = format_path("%s.%d", target, (int)getpid());
    bool ok = mkdir(own, 0777) == 0 && run((char *[]){"tar", "xJf", archive, "-C", own, NULL});
    if (!ok || rename(own, target) != 0) {
        remove_folder(own);
        if (!ok || access(target, F_OK) != 0) {
            fprintf(stderr, "vectors: can't unpack %s to %s\n", archive, target);
            abort();
        }
    }
    free(own);
}

char *vectors_path(const char *pack, const char *file)
{
    char *folder = vectors_folder();
    char *archive = format_path("%s/%s.tar.xz", folder, pack);
    char *path = NULL;
    struct stat info;
    if (stat(archive, &info) != 0) {
        fprintf(stderr, "SKIPPED: no %s in %s (set GANTRY_VECTORS); public source: %s\n", pack, folder,
                public_source(pack));
    } else {
        char *cache = cache_folder();
        // Named by the archive's size and time, so that a new pack is unpacked anew.
        char *target = format_path("%s/%s-%lld-%lld", cache, pack, (long long)info.st_size, (long long)info.st_mtime);
        mkdir(cache, 0777);
        if (access(target, F_OK) != 0)
            unpack(archive, target);
        path = format_path("%s/%s", target, file);
        free(target);
        free(cache);
    }
    free(archive);
    free(folder);
    return path;
}

char *vectors_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "re");
    struct stat info;
    if (!file || fstat(fileno(file), &info) != 0) {
        fprintf(stderr, "vectors: can't read %s: %s\n", path, strerror(errno));
        abort();
    }
    size_t size = (size_t)info.st_size;
    char *text = malloc(size + 1);
    if (!text || fread(text, 1, size, file) != size) {
        fprintf(stderr, "vectors: can't read all of %s\n", path);
        abort();
    }
    fclose(file);
    text[size] = 0;
    if (len)
        *len = size;
    return text;
}

uint64_t test_seed(const char *test_name)
{
    const char *chosen = getenv("GANTRY_SEED");
    uint64_t seed = chosen && *chosen ? strtoull(chosen, NULL, 0) : clock_ns() ^ clock_wall_ms() << 20;
    fprintf(stderr, "%s: GANTRY_SEED=%llu\n", test_name, (unsigned long long)seed);
    return seed;
}

// Sebastiano Vigna's splitmix64 (public domain).
uint64_t test_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}
