// Work that may wait: its share of a loaded shard, and when it doesn't run at all.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "shard/internal.h"

struct pieces {
    uint64_t taken_ns, longest_ns;
    unsigned count, left;
};

// A piece takes as long as it takes; what it took is what counts.
static bool run_piece(void *ctx)
{
    struct pieces *p = ctx;
    const uint64_t start = clock_ns();
    while (clock_ns() - start < 50000)
        continue;
    const uint64_t took = clock_ns() - start;
    p->taken_ns += took;
    p->longest_ns = took > p->longest_ns ? took : p->longest_ns;
    p->count++;
    return --p->left > 0;
}

static struct shard *shard_with(struct pieces *p)
{
    struct shard *s = calloc(1, sizeof *s);
    stage_clock_start(&s->turn.stages, STAGE_LINK);
    shard_work_in_background(s, &(struct shard_background){.ctx = p, .run = run_piece});
    return s;
}

Test(background, a_loaded_shard_gives_a_tenth_of_its_time)
{
    struct pieces p = {.left = 100000};
    struct shard *s = shard_with(&p);
    const uint64_t start = clock_ns();
    while (p.count < 200)
        background_run(s, false);
    const uint64_t passed = clock_ns() - start;
    // What may be saved up is 2 ms; the last piece may go over what is left.
    cr_expect_leq(p.taken_ns, passed / 10 + 2000000 + p.longest_ns);
    free(s);
}

Test(background, an_idle_shard_gives_all)
{
    struct pieces p = {.left = 1000};
    struct shard *s = shard_with(&p);
    unsigned calls = 0;
    while (background_run(s, true))
        calls++;
    cr_expect_eq(calls, 999);
    cr_expect_eq(p.left, 0);
    cr_expect_not(background_waits(s), "there is nothing more");
    free(s);
}

Test(background, a_block_under_way_counts_as_load)
{
    struct pieces p = {.left = 100000};
    struct shard *s = shard_with(&p);
    s->block.open = true;
    unsigned refused = 0;
    while (p.count < 100)
        refused += background_run(s, true) && s->background.allowance_ns <= 0;
    cr_expect_gt(refused, 0);
    free(s);
}

Test(background, nothing_runs_while_another_thread_has_the_partitions)
{
    struct pieces p = {.left = 10};
    struct shard *s = shard_with(&p);
    s->block.standing = true;
    for (int i = 0; i < 100; i++)
        cr_expect_not(background_run(s, i % 2));
    cr_expect_eq(p.count, 0);
    s->block.standing = false;
    cr_expect(background_run(s, true));
    free(s);
}
