// A short run of shards, coordinator, log and checkpoints under the thread sanitizer.
#include "tests/engine_support/rig.h"
#include "tests/engine_support/transfers.h"

#include <stdio.h>

#define TRANSFERS 1500

int main(void)
{
    struct rig_options options = {.shards = 3,
                                  .gas_limit = 2000000000,
                                  .senders = 50,
                                  .balance = {{0, 1000, 0, 0}},
                                  .seed = 7,
                                  .free_running = true};
    struct rig *r = rig_start(&options);
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    for (unsigned i = 0; i < TRANSFERS; i++) {
        uint8_t raw[TRANSFER_BYTES_MAX];
        size_t len = transfers_next(&t, raw);
        rig_submit_async(r, i, bytes_of(raw, len));
    }
    uint64_t accepted, refused;
    rig_settled(r, &accepted, &refused);
    bool good = accepted == TRANSFERS && rig_wait_included(r, accepted);
    transfers_free(&t);
    rig_stop(r);
    if (!good)
        fprintf(stderr, "tsan_node: %llu of %d accepted, or not all included\n", (unsigned long long)accepted,
                TRANSFERS);
    return good ? 0 : 1;
}
