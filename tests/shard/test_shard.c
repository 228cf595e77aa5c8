// The shard's end, without its thread: what still waits then is dropped, not lost.
#include "shard/shard.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct counted_call {
    struct shard_call call;
    unsigned *run, *dropped;
};

static void count_run(struct shard *s, struct shard_call *call)
{
    (void)s;
    ++*((struct counted_call *)call)->run;
    free(call);
}

static void count_drop(struct shard_call *call)
{
    ++*((struct counted_call *)call)->dropped;
    free(call);
}

static struct shard *make_shard(struct inbox *coordinator, struct codes *codes, unsigned index, unsigned count)
{
    char error[256];
    struct shard_options options = {.index = index,
                                    .count = count,
                                    .cpu = -1,
                                    .chain_id = 1,
                                    .block_gas_limit = 30000000,
                                    .pool = {.tx_max = 100, .bytes_max = 1 << 20, .drop_record_max = 100},
                                    .receive_bytes_max = 1 << 20,
                                    .coordinator = coordinator,
                                    .codes = codes,
                                    .connection_max = 4};
    struct shard *s = shard_create(&options, error, sizeof error);
    cr_assert_not_null(s, "%s", error);
    return s;
}

Test(shard, calls_that_wait_at_its_end_are_each_dropped_once)
{
    struct inbox coordinator;
    cr_assert(inbox_init(&coordinator, 64));
    struct codes *codes = codes_create(evm_rules_of(EVM_CANCUN));
    struct shard *shards[2] = {make_shard(&coordinator, codes, 0, 2), make_shard(&coordinator, codes, 1, 2)};
    shard_connect(shards, 2);
    unsigned run = 0, dropped = 0, posted = 0;
    for (unsigned i = 0; i < 100000; i++) {
        struct counted_call *c = malloc(sizeof *c);
        *c = (struct counted_call){{count_run, count_drop, NULL}, &run, &dropped};
        if (!shard_run(shards[i % 2], &c->call)) {
            free(c);
            break;
        }
        posted++;
    }
    cr_expect_gt(posted, 1000);
    cr_expect_lt(posted, 100000); // an inbox is bounded
    shards_free(shards, 2);
    cr_expect_eq(run, 0);
    cr_expect_eq(dropped, posted);
    codes_free(codes);
    inbox_free(&coordinator);
}
