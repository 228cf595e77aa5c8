#include "base/temporary_folder.h"

#include <stdio.h>
#include <stdlib.h>

char *temporary_folder(const char *name)
{
    const char *under = getenv("TMPDIR");
    char *path;
    if (asprintf(&path, "%s/%s-XXXXXX", under && *under ? under : "/tmp", name) < 0)
        abort();
    if (mkdtemp(path))
        return path;
    free(path);
    return NULL;
}
