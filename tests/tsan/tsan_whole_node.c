// A whole node under traffic over its sockets, stopped in the middle of it, under the thread sanitizer.
#include "base/remove_tree.h"
#include "tests/engine_support/whole_node.h"
#include "tests/support/test_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECONDS 4

static bool run(const char *folder, const char *settings)
{
    struct whole_node w;
    if (!whole_node_start(&w, 11, folder, settings, NULL)) {
        fprintf(stderr, "tsan_whole_node: %s\n", w.error);
        return false;
    }
    struct traffic *traffic = traffic_start(&w);
    sleep(SECONDS);
    int status = whole_node_stop(&w);
    struct traffic_counts c = traffic_stop(traffic);
    fprintf(stderr, "tsan_whole_node: %llu accepted, %llu refused, %llu calls\n", (unsigned long long)c.accepted,
            (unsigned long long)c.refused, (unsigned long long)c.calls);
    return status == 0 && c.accepted > 0 && c.calls > c.failed_calls;
}

int main(void)
{
    char first[TEST_FOLDER_MAX], second[TEST_FOLDER_MAX];
    test_folder(first, "tsan");
    test_folder(second, "tsan");
    bool good = run(first, "shards = 3\ncheckpoint-interval = 100ms\nsegment-bytes = 1M\nretain-blocks = 4\n") &&
                run(second, "shards = 1\nblock-time = 0\n");
    remove_tree(first);
    remove_tree(second);
    return good ? 0 : 1;
}
