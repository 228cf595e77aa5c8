#include "engine/snap/snap_line.h"

#include "base/clock.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define MS 1000000ull
// How often a wait looks at the time.
#define LOOK_MS 100

enum { CONTROL, BULK, CONNECTIONS };

struct snap_line {
    struct snap_line_options options;
    struct {
        int fd;
        struct link *link;
    } connections[CONNECTIONS];
    const struct wire_get_snap *asked; // NULL: nothing
    struct wire_message *out;
    uint8_t *answer; // malloc'ed, what out points into
    bool answered, malformed;
};

static bool is_answer(const struct snap_line *l, const struct wire_message *m)
{
    if (m->type == WIRE_SNAP_LIST)
        return l->asked->kind == WIRE_SNAP_OFFER;
    return m->type == WIRE_SNAP_CHUNK && memcmp(&m->snap_chunk.get, l->asked, sizeof *l->asked) == 0;
}

static void take(void *ctx, struct link *link, struct bytes message)
{
    struct snap_line *l = ctx;
    struct wire_prefix prefix;
    (void)link;
    if (!l->asked || l->answered || wire_peek(&prefix, message) != WIRE_OK ||
        (prefix.type != WIRE_SNAP_LIST && prefix.type != WIRE_SNAP_CHUNK))
        return;
    free(l->answer);
    l->answer = malloc(message.len);
    if (!l->answer)
        abort();
    memcpy(l->answer, message.ptr, message.len);
    l->malformed |= wire_decode(l->out, bytes_of(l->answer, message.len), l->options.set) != WIRE_OK;
    l->answered = !l->malformed && is_answer(l, l->out);
}

static bool greeted(void *ctx, struct link *link, const struct wire_hello *theirs, struct wire_hello *ours)
{
    (void)ctx, (void)link, (void)theirs, (void)ours;
    return true;
}

static const struct link_ops OPS = {.greeted = greeted, .message = take};

// ---- sockets

// Sends what there is to send, without blocking.
static void flush(struct snap_line *l, unsigned c)
{
    struct link *link = l->connections[c].link;
    for (struct bytes out = link_output(link); out.len > 0; out = link_output(link)) {
        const ssize_t n = send(l->connections[c].fd, out.ptr, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            link_fail(link, LINK_BROKEN);
        if (n <= 0)
            return;
        link_sent(link, (size_t)n);
    }
}

static void receive(struct snap_line *l, unsigned c)
{
    static _Thread_local uint8_t buffer[64 << 10];
    struct link *link = l->connections[c].link;
    const ssize_t n = recv(l->connections[c].fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n > 0)
        (void)link_receive(link, buffer, (size_t)n);
    else if (n == 0)
        (void)link_end(link);
    else if (errno != EAGAIN && errno != EINTR)
        link_fail(link, LINK_BROKEN);
    if (link_is_held(link))
        (void)link_resume(link);
}

// Lets the first `count` connections work for a while, or until something came.
static void work(struct snap_line *l, unsigned count)
{
    struct pollfd fds[CONNECTIONS];
    for (unsigned c = 0; c < count; c++) {
        flush(l, c);
        const short out = link_output(l->connections[c].link).len > 0 ? POLLOUT : 0;
        fds[c] = (struct pollfd){l->connections[c].fd, (short)(POLLIN | out), 0};
    }
    if (poll(fds, count, LOOK_MS) <= 0)
        return;
    for (unsigned c = 0; c < count; c++) {
        if (fds[c].revents & (POLLIN | POLLERR | POLLHUP))
            receive(l, c);
    }
}

static bool is_well(const struct snap_line *l, unsigned count, char error[STORE_ERROR_MAX])
{
    for (unsigned c = 0; c < count; c++) {
        if (link_status(l->connections[c].link) != LINK_OK)
            return store_fail(error, "%s", link_status_text(link_status(l->connections[c].link)));
    }
    return true;
}

static bool connect_to(struct snap_line *l, unsigned c, char error[STORE_ERROR_MAX])
{
    const struct snap_line_options *o = &l->options;
    uint8_t prologue[LINK_PROLOGUE_BYTES];
    const uint64_t until = clock_ns() + SNAP_LINE_MS * MS;
    link_prologue(prologue, &o->genesis_hash);
    struct link_options link = {.ops = &OPS,
                                .ctx = l,
                                .prologue = bytes_of(prologue, sizeof prologue),
                                .secret = o->secret,
                                .remote = o->key,
                                .hello = {.channel = c == CONTROL ? WIRE_CONTROL : WIRE_BULK, .shards = 1},
                                .now_ns = clock_ns()};
    if (getrandom(&link.ephemeral, sizeof link.ephemeral, 0) == sizeof link.ephemeral)
        l->connections[c].link = link_create(&link);
    OPENSSL_cleanse(&link, sizeof link);
    if (!l->connections[c].link)
        return store_fail(error, "the system gives no random bytes");
    const int fd = socket(o->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    l->connections[c].fd = fd;
    if (fd < 0 || (connect(fd, (const struct sockaddr *)&o->at, sizeof o->at) != 0 && errno != EINPROGRESS))
        return store_fail(error, "%s", strerror(errno));
    struct pollfd opening = {fd, POLLOUT, 0};
    while (poll(&opening, 1, LOOK_MS) == 0) {
        if (clock_ns() > until)
            return store_fail(error, "it can't be reached");
    }
    while (!link_is_open(l->connections[c].link)) {
        work(l, c + 1);
        if (!is_well(l, c + 1, error))
            return false;
        if (clock_ns() > until)
            return store_fail(error, "the handshake took too long");
    }
    return true;
}

struct snap_line *snap_line_open(const struct snap_line_options *options, char error[STORE_ERROR_MAX])
{
    struct snap_line *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->options = *options;
    for (unsigned c = 0; c < CONNECTIONS; c++)
        l->connections[c].fd = -1;
    if (connect_to(l, CONTROL, error) && connect_to(l, BULK, error))
        return l;
    snap_line_close(l);
    return NULL;
}

void snap_line_close(struct snap_line *l)
{
    if (!l)
        return;
    for (unsigned c = 0; c < CONNECTIONS; c++) {
        if (l->connections[c].link)
            link_free(l->connections[c].link);
        if (l->connections[c].fd >= 0)
            close(l->connections[c].fd);
    }
    OPENSSL_cleanse(&l->options.secret, sizeof l->options.secret);
    free(l->answer);
    free(l);
}

bool snap_line_ask(struct snap_line *l, const struct wire_get_snap *get, struct wire_message *out, bool *malformed,
                   char error[STORE_ERROR_MAX])
{
    struct wire_message m;
    const uint64_t until = clock_ns() + SNAP_LINE_MS * MS;
    m.type = WIRE_GET_SNAP;
    m.epoch = 0;
    m.get_snap = *get;
    struct payload *p = payload_new(wire_size(&m));
    wire_encode(p->data, &m);
    l->asked = get;
    l->out = out;
    l->answered = l->malformed = false;
    link_send(l->connections[CONTROL].link, p, 0);
    payload_release(p);
    bool well = true;
    while (well && !l->answered && !l->malformed) {
        work(l, CONNECTIONS);
        well = is_well(l, CONNECTIONS, error);
        if (well && !l->answered && clock_ns() > until)
            well = store_fail(error, "no answer in time");
    }
    *malformed = l->malformed;
    l->asked = NULL;
    if (l->malformed)
        return store_fail(error, "its answer is malformed");
    return l->answered;
}
