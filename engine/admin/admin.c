#include "engine/admin/admin.h"

#include "base/log.h"
#include "base/version.h"
#include "engine/admin/admin_request.h"
#include "engine/admin/admin_socket.h"
#include "engine/admin/sampler.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define REQUEST_MS 2000         // a client has to say what it wants
#define TAKE_MS 5000            // and to take what it is sent
#define DRAIN_MS 20             // buffers are emptied so often
#define ACCOUNT_NS 300000000ull // a thread in one turn for longer is taken as it is
#define ACCOUNT_TRIES 5
#define ACCOUNT_SLACK_NS 500000u
#define DRAIN_WORDS 16384u
#define DRAIN_EVENTS 8192u

struct admin {
    struct admin_options options;
    char *data;
    int listen_fd, stop_fd;
    pthread_t thread;
    uint64_t words[DRAIN_WORDS];
    struct timeline_event events[DRAIN_EVENTS];
};

// One client's request under way.
struct session {
    struct admin *admin;
    int fd;
    bool gone; // it takes no more
    uint64_t until_ns;
};

// ---- sending

static void send_frame(struct session *s, enum admin_frame_kind kind, unsigned thread, const void *bytes, size_t len)
{
    const struct admin_frame head = {kind, thread, (uint32_t)len, 0};
    s->gone = s->gone || !admin_socket_send(s->fd, &head, sizeof head) || !admin_socket_send(s->fd, bytes, len);
}

static void send_text(struct session *s, enum admin_frame_kind kind, unsigned thread, const char *text)
{
    send_frame(s, kind, thread, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void send_facts(struct session *s, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    send_text(s, ADMIN_FACTS, 0, text);
}

// What both kinds of answer begin with; a clock reading ties cycles to time.
static void send_identity(struct session *s)
{
    send_facts(s, "version %s\npid %d\ncycles_per_ns %.9f\nstart_cycles %llu\n", gantry_version(), (int)getpid(),
               clock_cycles_per_ns(), (unsigned long long)clock_cycles());
}

static uint64_t process_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// ---- while a request is served

static void refuse_newcomer(struct admin *a)
{
    const int fd = accept4(a->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct session other = {.admin = a, .fd = fd};
    send_text(&other, ADMIN_ERROR, 0, "busy: another profile or trace of this node is under way");
    close(fd);
}

// Waits for the next time to empty buffers, and tells the client that it has come: an idle node says nothing else.
// False when the request's time is over, its client has left, or the node ends.
static bool next_drain(struct session *s)
{
    struct admin *a = s->admin;
    struct pollfd fds[] = {{.fd = a->stop_fd, .events = POLLIN},
                           {.fd = a->listen_fd, .events = POLLIN},
                           {.fd = s->fd, .events = POLLIN | POLLRDHUP}};
    const uint64_t now = clock_ns();
    if (s->gone || now >= s->until_ns)
        return false;
    const uint64_t left = (s->until_ns - now) / 1000000 + 1;
    if (poll(fds, 3, left < DRAIN_MS ? (int)left : DRAIN_MS) > 0 && (fds[1].revents & POLLIN))
        refuse_newcomer(a);
    if ((fds[0].revents & POLLIN) || fds[2].revents != 0)
        return false;
    send_frame(s, ADMIN_BEAT, 0, NULL, 0);
    return true;
}

// ---- profile

static const struct turn *turn_of(const struct admin *a, const char *name)
{
    for (unsigned i = 0; i < a->options.turn_count; i++) {
        if (strcmp(a->options.turns[i]->thread, name) == 0)
            return a->options.turns[i];
    }
    return NULL;
}

// So that the counters are those of now: until the thread has made an account, or sleeps (it has made one before).
static void await_account(const struct turn *t, uint64_t until_ns)
{
    const uint64_t before = atomic_load_explicit(&t->stages.accounts, memory_order_relaxed);
    while (atomic_load_explicit(&t->stages.accounts, memory_order_acquire) == before &&
           atomic_load_explicit(&t->since, memory_order_relaxed) != 0 && clock_ns() < until_ns)
        usleep(500);
}

static void send_samples(struct session *s, struct sampler *sampler, size_t i)
{
    struct admin *a = s->admin;
    size_t n;
    while (!s->gone && (n = sampler_take(sampler, i, a->words, DRAIN_WORDS)) > 0)
        send_frame(s, ADMIN_SAMPLES, (unsigned)i, a->words, n * sizeof a->words[0]);
}

// Reads a thread's counters, CPU time and samples at one time: again where the thread ran on for long meanwhile. What
// was sampled before the first account is no part of the profile.
static bool read_account(struct session *s, struct sampler *sampler, size_t i, bool first, uint64_t until_ns,
                         struct admin_account *out)
{
    const struct sampler_thread thread = sampler_thread(sampler, i);
    const struct turn *turn = turn_of(s->admin, thread.name);
    uint64_t *words = s->admin->words;
    struct admin_account after = {0};
    bool there = true;
    for (unsigned tries = 0; there && tries < ACCOUNT_TRIES; tries++) {
        *out = (struct admin_account){0};
        if (turn)
            await_account(turn, until_ns);
        for (unsigned st = 0; turn && st < STAGE_COUNT; st++)
            out->stages[st] = atomic_load_explicit(&turn->stages.cycles[st], memory_order_relaxed);
        there = sampler_read(sampler, i, out);
        const size_t n = sampler_take(sampler, i, words, DRAIN_WORDS);
        there = there && sampler_read(sampler, i, &after);
        if (!first && n > 0)
            send_frame(s, ADMIN_SAMPLES, (unsigned)i, words, n * sizeof words[0]);
        if (after.cpu_ns - out->cpu_ns < ACCOUNT_SLACK_NS)
            break;
    }
    return there;
}

static void send_accounts(struct session *s, struct sampler *sampler, bool first)
{
    const uint64_t until_ns = clock_ns() + ACCOUNT_NS;
    struct admin_account account;
    for (size_t i = 0; i < sampler_count(sampler); i++) {
        if (read_account(s, sampler, i, first, until_ns, &account))
            send_frame(s, ADMIN_ACCOUNT, (unsigned)i, &account, sizeof account);
    }
    send_facts(s, "transactions %llu\nprocess_cpu_ns %llu\ntime_ns %llu\n",
               (unsigned long long)s->admin->options.transactions(s->admin->options.ctx),
               (unsigned long long)process_cpu_ns(), (unsigned long long)clock_ns());
}

static void profile(struct session *s, unsigned hertz)
{
    char error[SAMPLER_ERROR_MAX];
    struct sampler *sampler = sampler_start(hertz, error);
    if (!sampler) {
        send_text(s, ADMIN_ERROR, 0, error);
        return;
    }
    send_facts(s, "source %s\n", sampler_source(sampler));
    for (size_t i = 0; i < sampler_count(sampler); i++) {
        const struct sampler_thread thread = sampler_thread(sampler, i);
        send_text(s, ADMIN_THREAD, (unsigned)i, thread.name);
    }
    send_accounts(s, sampler, true);
    while (next_drain(s)) {
        for (size_t i = 0; i < sampler_count(sampler); i++)
            send_samples(s, sampler, i);
    }
    send_accounts(s, sampler, false);
    sampler_stop(sampler);
    for (size_t i = 0; i < sampler_count(sampler); i++) {
        const uint64_t lost = sampler_lost(sampler, i);
        send_frame(s, ADMIN_LOST, (unsigned)i, &lost, sizeof lost);
    }
    sampler_free(sampler);
    send_frame(s, ADMIN_END, 0, NULL, 0);
}

// ---- trace

static void send_events(struct session *s)
{
    struct admin *a = s->admin;
    for (unsigned i = 0; i < a->options.turn_count; i++) {
        size_t n;
        while (!s->gone && (n = timeline_take(&a->options.turns[i]->timeline, a->events, DRAIN_EVENTS)) > 0)
            send_frame(s, ADMIN_EVENTS, i, a->events, n * sizeof a->events[0]);
    }
}

static void trace(struct session *s)
{
    const struct admin_options *o = &s->admin->options;
    for (unsigned i = 0; i < o->turn_count; i++)
        send_text(s, ADMIN_THREAD, i, o->turns[i]->thread);
    for (unsigned i = 0; i < o->turn_count; i++)
        timeline_start(&o->turns[i]->timeline);
    while (next_drain(s))
        send_events(s);
    for (unsigned i = 0; i < o->turn_count; i++)
        timeline_stop(&o->turns[i]->timeline);
    send_events(s);
    for (unsigned i = 0; i < o->turn_count; i++) {
        const uint64_t lost = timeline_lost(&o->turns[i]->timeline);
        send_frame(s, ADMIN_LOST, i, &lost, sizeof lost);
    }
    send_frame(s, ADMIN_END, 0, NULL, 0);
}

// ---- the thread

static void set_timeouts(int fd)
{
    const struct timeval receive = {REQUEST_MS / 1000, 0}, send = {TAKE_MS / 1000, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof receive);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send, sizeof send);
}

// The line that the client sends first, without its line feed.
static bool read_request(int fd, char line[ADMIN_REQUEST_MAX], size_t *len)
{
    for (size_t n = 0; n < ADMIN_REQUEST_MAX; n++) {
        if (recv(fd, line + n, 1, 0) != 1)
            return false;
        if (line[n] == '\n') {
            *len = n;
            return true;
        }
    }
    return false;
}

static void serve(struct admin *a, int fd)
{
    char line[ADMIN_REQUEST_MAX];
    size_t len;
    const char *why = "a request is one line of at most 64 bytes, sent within two seconds";
    struct admin_request request;
    struct session s = {.admin = a, .fd = fd};
    set_timeouts(fd);
    if (!read_request(fd, line, &len) || !admin_request_parse(&request, bytes_of(line, len), &why)) {
        send_text(&s, ADMIN_ERROR, 0, why);
        return;
    }
    log_info("admin", request.what == ADMIN_PROFILE ? "profile" : "trace", "seconds=%u", request.seconds);
    send_identity(&s);
    s.until_ns = clock_ns() + request.seconds * 1000000000ull;
    if (request.what == ADMIN_PROFILE)
        profile(&s, request.hertz);
    else
        trace(&s);
}

static void *admin_main(void *arg)
{
    struct admin *a = arg;
    pthread_setname_np(pthread_self(), "admin");
    struct pollfd fds[] = {{.fd = a->stop_fd, .events = POLLIN}, {.fd = a->listen_fd, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            break;
        if (fds[0].revents)
            break;
        const int fd = fds[1].revents ? accept4(a->listen_fd, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (fd >= 0) {
            serve(a, fd);
            close(fd);
        }
    }
    return NULL;
}

static struct admin *refuse(struct admin *a, char error[ADMIN_MESSAGE_MAX], const char *what)
{
    snprintf(error, ADMIN_MESSAGE_MAX, "%s: %s", what, strerror(errno));
    if (a->listen_fd >= 0)
        close(a->listen_fd);
    if (a->stop_fd >= 0)
        close(a->stop_fd);
    free(a->data);
    free(a);
    return NULL;
}

struct admin *admin_start(const struct admin_options *options, char error[ADMIN_MESSAGE_MAX])
{
    struct admin *a = calloc(1, sizeof *a);
    if (!a || !(a->data = strdup(options->data)))
        abort();
    a->options = *options;
    a->stop_fd = -1;
    a->listen_fd = admin_socket_listen(a->data);
    if (a->listen_fd < 0)
        return refuse(a, error, "the admin socket could not be made in the data folder");
    a->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (a->stop_fd < 0)
        return refuse(a, error, "the admin socket's eventfd could not be made");
    const int r = pthread_create(&a->thread, NULL, admin_main, a);
    if (r == 0)
        return a;
    errno = r;
    return refuse(a, error, "the admin thread could not be started");
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    const uint64_t one = 1;
    while (write(a->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
    pthread_join(a->thread, NULL);
    admin_socket_remove(a->data);
    close(a->listen_fd);
    close(a->stop_fd);
    free(a->data);
    free(a);
}

int admin_connect(const char *data, unsigned silence_ms, char error[ADMIN_MESSAGE_MAX])
{
    const int fd = admin_socket_connect(data);
    const struct timeval silence = {silence_ms / 1000, (long)(silence_ms % 1000) * 1000};
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
        return fd;
    }
    if (errno == EACCES || errno == EPERM)
        snprintf(error, ADMIN_MESSAGE_MAX, "%.150s: no permission: run this as the user that the node runs as", data);
    else if (errno == ECONNREFUSED || errno == ENOENT)
        snprintf(error, ADMIN_MESSAGE_MAX, "no node is running with the data folder %.150s", data);
    else
        snprintf(error, ADMIN_MESSAGE_MAX, "%.150s/" ADMIN_SOCKET_NAME ": %s", data, strerror(errno));
    return -1;
}
