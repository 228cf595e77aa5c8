#include "base/time_slice.h"

#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

void time_slice_set(uint64_t ns)
{
    struct sched_attr attr = {.size = sizeof attr};
    if (syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) != 0)
        return;
    attr.sched_runtime = ns;
    // An older kernel ignores it for ordinary threads; refused, the thread is as prompt as any other.
    (void)!syscall(SYS_sched_setattr, 0, &attr, 0);
}
