#include "engine/cars/car_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_count(const char *path, unsigned shards)
{
    char text[16];
    const int len = snprintf(text, sizeof text, "%u\n", shards);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    const bool good = fd >= 0 && write(fd, text, (size_t)len) == len && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

// 0: nothing readable is there, as after a crash at the first start.
static unsigned read_count(const char *path)
{
    unsigned long count = 0;
    char text[16] = "", *end;
    FILE *f = fopen(path, "r");
    if (f && fgets(text, sizeof text, f)) {
        count = strtoul(text, &end, 10);
        count = *end == '\n' && count <= UINT_MAX ? count : 0;
    }
    if (f)
        fclose(f);
    return (unsigned)count;
}

bool car_folder_open(const char *dir, unsigned shards, char error[STORE_ERROR_MAX])
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/shards", dir) >= sizeof path)
        return store_fail(error, "the path of the data folder is too long");
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return store_fail(error, "%.300s could not be made: %s", dir, strerror(errno));
    const unsigned count = read_count(path);
    if (count == 0 && !write_count(path, shards))
        return store_fail(error, "%.300s could not be written: %s", path, strerror(errno));
    if (count == 0 || count == shards)
        return true;
    return store_fail(error,
                      "the cars in %.200s were stored by %u shards, and this node would have %u: start it with "
                      "shards = %u",
                      dir, count, shards, count);
}
