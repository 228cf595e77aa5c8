#include "shard/internal.h"

// The share of a loaded shard's time, and what it may save up.
enum { LOADED_SHARE = 10, ALLOWANCE_MAX_NS = 2000000 };

void shard_work_in_background(struct shard *s, const struct shard_background *work)
{
    s->background.work = *work;
    s->background.wanted = true;
}

bool background_waits(const struct shard *s)
{
    return s->background.wanted && !s->block.standing;
}

static void count_time(struct background *b, uint64_t now)
{
    const uint64_t passed = now - b->counted_ns;
    b->counted_ns = now;
    b->allowance_ns += (int64_t)(passed / LOADED_SHARE);
    if (passed > (uint64_t)ALLOWANCE_MAX_NS * LOADED_SHARE || b->allowance_ns > ALLOWANCE_MAX_NS)
        b->allowance_ns = ALLOWANCE_MAX_NS;
}

bool background_run(struct shard *s, bool idle)
{
    struct background *b = &s->background;
    if (!background_waits(s))
        return false;
    const uint64_t start = clock_ns();
    count_time(b, start);
    // A block under way is waited for, also where this shard has done its part.
    if ((idle && !s->block.open) || b->allowance_ns > 0) {
        const enum stage before = stage_enter(&s->turn.stages, STAGE_REPLY);
        timeline_begin(&s->turn.timeline, background, 0, 0);
        b->wanted = b->work.run(b->work.ctx);
        timeline_end(&s->turn.timeline, background, 0, 0);
        stage_enter(&s->turn.stages, before);
        b->allowance_ns -= (int64_t)(clock_ns() - start);
    }
    return b->wanted;
}
