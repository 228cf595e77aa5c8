// Whole nodes that finalize together, one of which stops and comes back, under the thread sanitizer.
#include "tests/engine_support/whole_cluster.h"

#include <stdio.h>
#include <stdlib.h>

#define SEED 5
#define TRANSFERS 60

static struct whole_cluster cluster;
static bytes32 hashes[TRANSFERS];

static bool submit(struct transfers *t, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        uint8_t raw[TRANSFER_BYTES_MAX];
        const size_t len = transfers_next(t, raw);
        unsigned node = (unsigned)t->last_sender % cluster.count;
        if (!cluster.nodes[node])
            node = 0;
        if (!whole_cluster_submit(&cluster, node, bytes_of(raw, len), &hashes[i]))
            return false;
    }
    return true;
}

static bool included(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        for (unsigned node = 0; node < cluster.count; node++) {
            char *receipt = cluster.nodes[node] ? whole_cluster_receipt(&cluster, node, &hashes[i]) : strdup("");
            if (!receipt)
                return false;
            free(receipt);
        }
    }
    return true;
}

int main(void)
{
    const struct whole_cluster_options options = {
        .validators = 4, .seed = SEED, .epoch_blocks = 40, .settings = "shards = 2\ncheckpoint-interval = 200ms\n"};
    struct transfers t;
    if (!whole_cluster_start(&cluster, &options)) {
        fprintf(stderr, "tsan_cluster: %s\n", cluster.error);
        return 1;
    }
    transfers_init(&t, SEED, WHOLE_NODE_SENDERS);
    bool good = submit(&t, 0, 20) && included(0, 20);
    whole_cluster_stop_node(&cluster, 2);
    good = good && submit(&t, 20, 40) && included(20, 40);
    good = good && whole_cluster_start_node(&cluster, 2);
    good = good && submit(&t, 40, 60) && included(0, 60) && whole_cluster_agrees(&cluster);
    whole_cluster_end(&cluster);
    transfers_free(&t);
    return good ? 0 : 1;
}
