#include "engine/admin/sample_source.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

const char *sample_source_text(enum sample_source_kind kind)
{
    static const char *const texts[] = {
        [SAMPLE_PERF_CYCLES] = "processor cycles (perf_event_open)",
        [SAMPLE_PERF_CLOCK] = "high-resolution CPU clock (perf_event_open; no hardware counters here)",
        [SAMPLE_CPU_TIMER] = "CPU timers (perf_event_open is refused here), as fine as the kernel's tick",
    };
    return texts[kind];
}

// CLOCK_THREAD_CPUTIME_ID of another thread, as clock_getcpuclockid(3) makes it of a process.
clockid_t sample_source_clock(int thread_id)
{
    return (clockid_t)(~(unsigned)thread_id << 3 | 6u);
}

static int open_event(struct perf_event_attr *attr, int thread_id)
{
    return (int)syscall(SYS_perf_event_open, attr, thread_id, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

// Its overflows become signals to the thread itself.
static bool open_perf(struct sample_source *s, uint32_t type, uint64_t config, int thread_id, unsigned hertz)
{
    struct perf_event_attr attr = {
        .size = sizeof attr, .type = type, .config = config, .disabled = 1, .freq = 1, .sample_freq = hertz};
    const struct f_owner_ex owner = {F_OWNER_TID, thread_id};
    s->fd = open_event(&attr, thread_id);
    if (s->fd < 0)
        return false;
    if (fcntl(s->fd, F_SETSIG, SAMPLE_SIGNAL) == 0 && fcntl(s->fd, F_SETOWN_EX, &owner) == 0 &&
        fcntl(s->fd, F_SETFL, O_ASYNC) == 0)
        return true;
    close(s->fd);
    return false;
}

static bool open_timer(struct sample_source *s, int thread_id)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SAMPLE_SIGNAL, .sigev_value.sival_ptr = s};
    event.sigev_notify_thread_id = thread_id;
    return timer_create(sample_source_clock(thread_id), &event, &s->timer) == 0;
}

static void open_counters(struct sample_source *s, int thread_id)
{
    static const uint64_t configs[ADMIN_COUNTERS] = {
        [ADMIN_CYCLES] = PERF_COUNT_HW_CPU_CYCLES,
        [ADMIN_INSTRUCTIONS] = PERF_COUNT_HW_INSTRUCTIONS,
        [ADMIN_CACHE_MISSES] = PERF_COUNT_HW_CACHE_MISSES,
        [ADMIN_BRANCH_MISSES] = PERF_COUNT_HW_BRANCH_MISSES,
    };
    for (unsigned i = 0; i < ADMIN_COUNTERS; i++) {
        struct perf_event_attr attr = {.size = sizeof attr, .type = PERF_TYPE_HARDWARE, .config = configs[i]};
        s->counter_fds[i] = open_event(&attr, thread_id);
        attr.exclude_kernel = 1; // what an ordinary user may count
        if (s->counter_fds[i] < 0)
            s->counter_fds[i] = open_event(&attr, thread_id);
    }
}

bool sample_source_open(struct sample_source *s, enum sample_source_kind kind, int thread_id, unsigned hertz)
{
    *s = (struct sample_source){.kind = kind, .hertz = hertz, .fd = -1};
    switch (kind) {
    case SAMPLE_PERF_CYCLES:
        s->open = open_perf(s, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, thread_id, hertz);
        break;
    case SAMPLE_PERF_CLOCK:
        s->open = open_perf(s, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, thread_id, hertz);
        break;
    default:
        s->open = open_timer(s, thread_id);
    }
    if (s->open)
        open_counters(s, thread_id);
    return s->open;
}

void sample_source_start(struct sample_source *s)
{
    if (!s->open)
        return;
    if (s->fd >= 0) {
        ioctl(s->fd, PERF_EVENT_IOC_ENABLE, 0);
        return;
    }
    const struct timespec every = {.tv_sec = s->hertz == 1, .tv_nsec = s->hertz == 1 ? 0 : 1000000000 / s->hertz};
    timer_settime(s->timer, 0, &(struct itimerspec){every, every}, NULL);
}

void sample_source_stop(struct sample_source *s)
{
    if (!s->open)
        return;
    if (s->fd >= 0)
        ioctl(s->fd, PERF_EVENT_IOC_DISABLE, 0);
    else
        timer_settime(s->timer, 0, &(struct itimerspec){0}, NULL);
}

void sample_source_close(struct sample_source *s)
{
    if (!s->open)
        return;
    if (s->fd >= 0)
        close(s->fd);
    else
        timer_delete(s->timer);
    for (unsigned i = 0; i < ADMIN_COUNTERS; i++) {
        if (s->counter_fds[i] >= 0)
            close(s->counter_fds[i]);
    }
    s->open = false;
}

bool sample_source_sent(const struct sample_source *s, const siginfo_t *info)
{
    if (!s->open)
        return false;
    return s->fd >= 0 ? info->si_code != SI_TIMER && info->si_fd == s->fd
                      : info->si_code == SI_TIMER && info->si_value.sival_ptr == s;
}

uint64_t sample_source_counters(const struct sample_source *s, uint64_t out[ADMIN_COUNTERS])
{
    uint64_t has = 0;
    for (unsigned i = 0; i < ADMIN_COUNTERS; i++) {
        out[i] = 0;
        if (s->open && s->counter_fds[i] >= 0 && read(s->counter_fds[i], &out[i], sizeof out[i]) == sizeof out[i])
            has |= 1u << i;
    }
    return has;
}
