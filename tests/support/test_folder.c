#include "tests/support/test_folder.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/temporary_folder.h"

void test_folder(char out[TEST_FOLDER_MAX], const char *name)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "gantry-%s", name);
    char *path = temporary_folder(prefix);
    if (!path || snprintf(out, TEST_FOLDER_MAX, "%s", path) >= TEST_FOLDER_MAX) {
        fprintf(stderr, "no folder for %s\n", name);
        abort();
    }
    free(path);
}
