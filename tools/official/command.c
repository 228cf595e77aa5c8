#include "tools/official/command.h"

#include "tools/commands.h"
#include "tools/official/files.h"
#include "tools/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

unsigned official_jobs(uint64_t option)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return option ? (unsigned)option : (unsigned)(cores > 0 ? cores : 1);
}

static int run(const struct official_command *command, char **files, size_t count)
{
    uint64_t passed = 0, failed = 0;
    command->run(command->ctx, files, count, &passed, &failed);
    if (command->summary)
        printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, failed);
    if (passed + failed == 0)
        return options_fail(command->name, "no test of %s in %zu files", command->fork, count);
    return failed == 0 ? EXIT_OK : EXIT_FAILED;
}

int official_command_run(const struct official_command *command, char **paths, int path_count)
{
    if (path_count == 0)
        return options_refuse(command->name, "name a file or folder of tests");
    const char *missing;
    size_t count;
    char **files = official_files_find(paths, (size_t)path_count, &count, &missing);
    if (!files)
        return missing ? options_fail(command->name, "%s can't be read", missing)
                       : options_fail(command->name, "there is no .json file");
    const int code = run(command, files, count);
    official_files_free(files, count);
    return code;
}
