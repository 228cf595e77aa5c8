// A thread's time slices: asked for, and nothing else of its scheduling changes.
#include "base/time_slice.h"

#include <criterion/criterion.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sched_attr attributes(void)
{
    struct sched_attr attr = {.size = sizeof attr};
    cr_assert_eq(syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0), 0);
    return attr;
}

Test(time_slice, is_what_was_asked_for_and_policy_and_nice_stay)
{
    const struct sched_attr before = attributes();
    time_slice_set(200000);
    const struct sched_attr after = attributes();
    cr_assert_eq(after.sched_policy, before.sched_policy);
    cr_assert_eq(after.sched_nice, before.sched_nice);
    if (before.sched_runtime == 0)
        cr_skip("this kernel has no slices of one's own");
    cr_assert_eq(after.sched_runtime, 200000);
}
