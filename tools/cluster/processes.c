#include "tools/cluster/processes.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

struct process {
    char name[64];
    pid_t pid;  // 0: has ended
    int output; // read end of what it writes, -1: closed
    char line[LINE_MAX_BYTES];
    size_t len;
};

struct processes {
    struct process all[PROCESSES_MAX];
    unsigned count, unasked;
    bool stopping;
    uint64_t kill_ns;
    int signals; // signalfd
    sigset_t before;
    FILE *out;
};

// In the child: never returns.
static _Noreturn void become(const struct process_spec *spec, int output, pid_t parent, const sigset_t *before)
{
    // A group of its own, so that Ctrl-C reaches it through this program alone, in order.
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        _exit(127);
    const int nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
        _exit(127);
    sigprocmask(SIG_SETMASK, before, NULL);
    if (chdir(spec->folder) == 0)
        execv(spec->argv[0], spec->argv);
    dprintf(2, "cannot run %s in %s: %s\n", spec->argv[0], spec->folder, strerror(errno));
    _exit(127);
}

static bool start_one(struct processes *p, struct process *one, const struct process_spec *spec)
{
    int ends[2];
    snprintf(one->name, sizeof one->name, "%s", spec->name);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    const pid_t parent = getpid();
    fflush(p->out);
    one->pid = fork();
    if (one->pid == 0)
        become(spec, ends[1], parent, &p->before);
    close(ends[1]);
    if (one->pid < 0) {
        one->pid = 0;
        close(ends[0]);
        return false;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    one->output = ends[0];
    return true;
}

struct processes *processes_start(const struct process_spec *specs, unsigned count, FILE *out, char *error,
                                  size_t error_cap)
{
    struct processes *p = calloc(1, sizeof *p);
    sigset_t set;
    if (!p || count > PROCESSES_MAX)
        abort();
    p->out = out;
    for (unsigned i = 0; i < PROCESSES_MAX; i++)
        p->all[i].output = -1;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &p->before);
    p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    bool good = p->signals >= 0;
    for (; good && p->count < count; p->count++)
        good = start_one(p, &p->all[p->count], &specs[p->count]);
    if (good)
        return p;
    snprintf(error, error_cap, "cannot start the processes: %s", strerror(errno));
    processes_free(p);
    return NULL;
}

static void put_line(struct processes *p, struct process *one)
{
    fprintf(p->out, "%s | %.*s\n", one->name, (int)one->len, one->line);
    one->len = 0;
}

static void read_output(struct processes *p, struct process *one)
{
    char bytes[16384];
    ssize_t n;
    while ((n = read(one->output, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (bytes[i] == '\n' || one->len == sizeof one->line)
                put_line(p, one);
            if (bytes[i] != '\n')
                one->line[one->len++] = bytes[i];
        }
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        if (one->len > 0)
            put_line(p, one);
        close(one->output);
        one->output = -1;
    }
    fflush(p->out);
}

static void signal_all(struct processes *p, int signal)
{
    for (unsigned i = 0; i < p->count; i++) {
        if (p->all[i].pid > 0)
            kill(p->all[i].pid, signal);
    }
}

static void report_end(struct processes *p, struct process *one, int status)
{
    const bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (p->stopping && clean)
        return;
    if (!p->stopping)
        p->unasked++;
    if (WIFSIGNALED(status))
        fprintf(p->out, "%s ended: killed by signal %d\n", one->name, WTERMSIG(status));
    else
        fprintf(p->out, "%s ended: exit code %d\n", one->name, WEXITSTATUS(status));
    fflush(p->out);
}

static void reap(struct processes *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        struct process *one = &p->all[i];
        int status;
        if (one->pid == 0 || waitpid(one->pid, &status, WNOHANG) != one->pid)
            continue;
        one->pid = 0;
        if (one->output >= 0)
            read_output(p, one);
        report_end(p, one, status);
    }
}

static void take_signals(struct processes *p, uint64_t grace_ms)
{
    struct signalfd_siginfo info;
    while (read(p->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        signal_all(p, p->stopping ? SIGKILL : SIGTERM);
        if (!p->stopping)
            p->kill_ns = clock_ns() + grace_ms * 1000000;
        p->stopping = true;
    }
}

static bool is_over(const struct processes *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        if (p->all[i].pid > 0)
            return false;
    }
    return true;
}

// How long to sleep at most, in ms; -1: until something happens.
static int patience(struct processes *p)
{
    if (!p->stopping || p->kill_ns == UINT64_MAX)
        return -1;
    const uint64_t now = clock_ns();
    if (now < p->kill_ns)
        return (int)((p->kill_ns - now) / 1000000) + 1;
    signal_all(p, SIGKILL);
    p->kill_ns = UINT64_MAX;
    return -1;
}

unsigned processes_run(struct processes *p, uint64_t grace_ms)
{
    while (!is_over(p)) {
        struct pollfd fds[PROCESSES_MAX + 1] = {{.fd = p->signals, .events = POLLIN}};
        for (unsigned i = 0; i < p->count; i++)
            fds[1 + i] = (struct pollfd){.fd = p->all[i].output, .events = POLLIN};
        if (poll(fds, p->count + 1, patience(p)) < 0 && errno != EINTR)
            break;
        take_signals(p, grace_ms);
        for (unsigned i = 0; i < p->count; i++) {
            if (p->all[i].output >= 0 && fds[1 + i].revents)
                read_output(p, &p->all[i]);
        }
        reap(p);
    }
    return p->unasked;
}

void processes_free(struct processes *p)
{
    signal_all(p, SIGKILL);
    for (unsigned i = 0; i < p->count; i++) {
        if (p->all[i].pid > 0)
            waitpid(p->all[i].pid, NULL, 0);
        if (p->all[i].output >= 0)
            close(p->all[i].output);
    }
    if (p->signals >= 0)
        close(p->signals);
    sigprocmask(SIG_SETMASK, &p->before, NULL);
    free(p);
}

pid_t processes_pid(const struct processes *p, unsigned i)
{
    return p->all[i].pid;
}
