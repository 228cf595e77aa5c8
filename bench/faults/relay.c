#include "bench/faults/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK_BYTES (64u << 10)
#define CONNECTIONS_MAX 4096u
#define LOOK_MS 20 // how soon a cut is noticed

struct connection {
    unsigned from, to;
    int fd[2];
    // What was read from fd[i] and is to go to the other: at to len.
    uint8_t data[2][CHUNK_BYTES];
    size_t at[2], len[2];
};

struct relay {
    unsigned nodes;
    uint16_t ports[RELAY_NODES_MAX];
    struct {
        int fd;
        uint16_t port;
    } listeners[RELAY_NODES_MAX][RELAY_NODES_MAX];
    struct connection *connections[CONNECTIONS_MAX];
    unsigned count;
    _Atomic uint32_t cut;
    _Atomic bool stopping;
    pthread_t thread;
    bool started;
};

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool is_cut(const struct relay *r, unsigned from, unsigned to)
{
    return ((r->cut >> from) & 1) != ((r->cut >> to) & 1);
}

// ---- connections

static void set_prompt(int fd)
{
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void take_connection(struct relay *r, unsigned from, unsigned to)
{
    const struct sockaddr_in at = loopback(r->ports[to]);
    const int in = accept4(r->listeners[from][to].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    const int out = in < 0 ? -1 : socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // On the loopback address this does not wait.
    if (out < 0 || r->count == CONNECTIONS_MAX || connect(out, (const struct sockaddr *)&at, sizeof at) != 0) {
        if (in >= 0)
            close(in);
        if (out >= 0)
            close(out);
        return;
    }
    struct connection *c = malloc(sizeof *c);
    if (!c)
        abort();
    c->from = from;
    c->to = to;
    c->fd[0] = in;
    c->fd[1] = out;
    memset(c->at, 0, sizeof c->at);
    memset(c->len, 0, sizeof c->len);
    set_prompt(in);
    set_prompt(out);
    r->connections[r->count++] = c;
}

static bool would_block(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

// Moves what can be moved from one side to the other; false when the connection is over.
static bool move(struct connection *c, unsigned side)
{
    if (c->len[side] == 0) {
        const ssize_t n = recv(c->fd[side], c->data[side], CHUNK_BYTES, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && !would_block(n)))
            return false;
        c->at[side] = 0;
        c->len[side] = n > 0 ? (size_t)n : 0;
    }
    if (c->len[side] == 0)
        return true;
    const ssize_t n = send(c->fd[!side], c->data[side] + c->at[side], c->len[side], MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return would_block(n);
    c->at[side] += (size_t)n;
    c->len[side] -= (size_t)n;
    return true;
}

static void end_connection(struct relay *r, unsigned i)
{
    close(r->connections[i]->fd[0]);
    close(r->connections[i]->fd[1]);
    free(r->connections[i]);
    r->connections[i] = r->connections[--r->count];
}

// ---- the thread

// What each connection waits for, two entries each: its side's data, or room on that side for the other's.
static size_t list_connections(const struct relay *r, struct pollfd *polled)
{
    size_t n = 0;
    for (unsigned i = 0; i < r->count; i++) {
        const struct connection *c = r->connections[i];
        for (unsigned side = 0; side < 2; side++) {
            const short events = (short)((c->len[side] == 0 ? POLLIN : 0) | (c->len[!side] > 0 ? POLLOUT : 0));
            polled[n++] = (struct pollfd){.fd = is_cut(r, c->from, c->to) ? -1 : c->fd[side], .events = events};
        }
    }
    return n;
}

static void serve_connections(struct relay *r, const struct pollfd *polled)
{
    for (unsigned i = r->count; i-- > 0;) {
        struct connection *c = r->connections[i];
        const bool ready = polled[2 * i].revents || polled[2 * i + 1].revents;
        if (ready && (!move(c, 0) || !move(c, 1)))
            end_connection(r, i);
    }
}

static void turn(struct relay *r, struct pollfd *polled)
{
    const unsigned served = r->count;
    size_t n = list_connections(r, polled);
    for (unsigned from = 0; from < r->nodes; from++) {
        for (unsigned to = 0; to < r->nodes; to++)
            polled[n++] = (struct pollfd){.fd = is_cut(r, from, to) ? -1 : r->listeners[from][to].fd, .events = POLLIN};
    }
    if (poll(polled, n, LOOK_MS) <= 0)
        return;
    serve_connections(r, polled);
    for (unsigned pair = 0; pair < r->nodes * r->nodes; pair++) {
        if (polled[2 * served + pair].revents)
            take_connection(r, pair / r->nodes, pair % r->nodes);
    }
}

static void *run(void *arg)
{
    struct relay *r = arg;
    struct pollfd *polled = malloc((2 * CONNECTIONS_MAX + RELAY_NODES_MAX * RELAY_NODES_MAX) * sizeof *polled);
    if (!polled)
        abort();
    while (!r->stopping)
        turn(r, polled);
    free(polled);
    return NULL;
}

// ---- life

static bool open_listener(struct relay *r, unsigned from, unsigned to)
{
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof at;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    r->listeners[from][to].fd = fd;
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return false;
    r->listeners[from][to].port = ntohs(at.sin_port);
    return true;
}

struct relay *relay_start(unsigned nodes, const uint16_t ports[])
{
    struct relay *r = calloc(1, sizeof *r);
    bool good = r != NULL && nodes <= RELAY_NODES_MAX;
    if (!good) {
        free(r);
        return NULL;
    }
    r->nodes = nodes;
    memcpy(r->ports, ports, nodes * sizeof *ports);
    for (unsigned from = 0; from < nodes; from++) {
        for (unsigned to = 0; to < nodes; to++)
            r->listeners[from][to].fd = -1;
    }
    for (unsigned from = 0; from < nodes; from++) {
        for (unsigned to = 0; good && to < nodes; to++)
            good = from == to || open_listener(r, from, to);
    }
    r->started = good && pthread_create(&r->thread, NULL, run, r) == 0;
    if (r->started)
        return r;
    relay_stop(r);
    return NULL;
}

void relay_stop(struct relay *r)
{
    if (!r)
        return;
    r->stopping = true;
    if (r->started)
        pthread_join(r->thread, NULL);
    while (r->count > 0)
        end_connection(r, r->count - 1);
    for (unsigned from = 0; from < r->nodes; from++) {
        for (unsigned to = 0; to < r->nodes; to++) {
            if (r->listeners[from][to].fd >= 0)
                close(r->listeners[from][to].fd);
        }
    }
    free(r);
}

uint16_t relay_port(const struct relay *r, unsigned from, unsigned to)
{
    return r->listeners[from][to].port;
}

void relay_cut(struct relay *r, uint32_t nodes)
{
    r->cut = nodes;
}
