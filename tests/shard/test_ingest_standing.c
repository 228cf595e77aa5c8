#include "shard/ingest/standing.h"

#include <criterion/criterion.h>

static void add(struct standing *s, unsigned count, bool costly)
{
    for (unsigned i = 0; i < count; i++)
        standing_add(s, costly);
}

Test(ingest_standing, early_mistakes_are_forgiven)
{
    struct standing s = {0};
    for (unsigned i = 0; i < STANDING_FORGIVEN; i++) {
        add(&s, 1, true);
        cr_assert_not(standing_is_too_costly(&s, 1));
        cr_assert_not(standing_is_too_costly(&s, 0));
    }
    add(&s, 1, true);
    cr_assert(standing_is_too_costly(&s, 1));
    cr_assert(standing_is_too_costly(&s, 0));
}

Test(ingest_standing, then_the_share_decides)
{
    struct standing s = {0};
    add(&s, 9900, false);
    add(&s, 100, true);
    cr_assert_not(standing_is_too_costly(&s, 1), "exactly one percent is allowed");
    add(&s, 1, true);
    cr_assert(standing_is_too_costly(&s, 1));
    cr_assert_not(standing_is_too_costly(&s, 2));
    add(&s, 100, false);
    cr_assert_not(standing_is_too_costly(&s, 1));
}

Test(ingest_standing, a_hundred_percent_allows_everything)
{
    struct standing s = {0};
    add(&s, 100000, true);
    cr_assert_not(standing_is_too_costly(&s, 100));
    cr_assert(standing_is_too_costly(&s, 99));
}

Test(ingest_standing, a_mistake_raises_doubts_that_pass)
{
    struct standing s = {0};
    cr_assert_not(standing_is_doubtful(&s));
    add(&s, 5, false);
    cr_assert_not(standing_is_doubtful(&s));
    add(&s, 1, true);
    for (unsigned i = 0; i < STANDING_DOUBT_ITEMS; i++) {
        cr_assert(standing_is_doubtful(&s), "after %u", i);
        add(&s, 1, false);
    }
    cr_assert_not(standing_is_doubtful(&s));
}
