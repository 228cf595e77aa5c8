#include "tests/tools/fake_node.h"

#include "base/clock.h"
#include "tools/load/net.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct event {
    uint64_t at_ns;
    uint32_t item;
};

// Delays are the same for all, so each queue is in order of time.
struct queue {
    struct event *events;
    size_t head, count, cap;
};

struct fake_node_private {
    pthread_t thread;
    int listener, fd;
    _Atomic bool stopping;
    struct buffer in;
    struct queue answers, inclusions;
    uint32_t *attempts;  // by item
    uint32_t *in_flight; // by sender
};

static void queue_push(struct queue *q, uint64_t at_ns, uint32_t item)
{
    if (q->count == q->cap) {
        q->cap = q->cap ? 2 * q->cap : 1024;
        q->events = realloc(q->events, q->cap * sizeof *q->events);
        assert(q->events);
    }
    q->events[q->count++] = (struct event){at_ns, item};
}

static bool queue_due(struct queue *q, uint64_t now, uint32_t *item)
{
    if (q->head == q->count || q->events[q->head].at_ns > now)
        return false;
    *item = q->events[q->head++].item;
    return true;
}

static uint32_t item_of(const struct fake_node *n, struct bytes raw)
{
    const struct load_set *set = n->track->set;
    for (uint32_t i = 0; i < set->count; i++) {
        if (bytes_equal(load_set_raw(set, i), raw))
            return i;
    }
    assert(!"a frame that is not of the set");
    return 0;
}

static void take_frames(struct fake_node *n, uint64_t now)
{
    struct fake_node_private *p = n->private;
    size_t at = 0;
    for (;;) {
        struct ingest_frame frame;
        size_t consumed;
        const char *error;
        const enum ingest_parse parsed =
            ingest_parse(bytes_of(p->in.ptr + at, p->in.len - at), &frame, &consumed, &error);
        assert(parsed != INGEST_INVALID);
        if (parsed != INGEST_FRAME)
            break;
        const uint32_t item = item_of(n, frame.raw), sender = n->track->set->sender[item];
        n->frames++;
        p->in_flight[sender]++;
        if (p->in_flight[sender] > n->in_flight_sender_max)
            n->in_flight_sender_max = p->in_flight[sender];
        queue_push(&p->answers, now + n->answer_after_ns, item);
        const size_t unanswered = p->answers.count - p->answers.head;
        if (unanswered > n->unanswered_max)
            n->unanswered_max = unanswered;
        at += consumed;
    }
    buffer_drop(&p->in, at);
}

static void give_answers(struct fake_node *n, uint64_t now)
{
    struct fake_node_private *p = n->private;
    uint32_t item;
    while (queue_due(&p->answers, now, &item)) {
        const uint8_t status = n->status ? n->status(n->ctx, item, p->attempts[item]) : TX_OK;
        uint8_t answer[INGEST_ANSWER_MAX];
        char error[NET_ERROR_MAX];
        p->attempts[item]++;
        if (status == TX_OK)
            queue_push(&p->inclusions, now + n->include_after_ns, item);
        else
            p->in_flight[n->track->set->sender[item]]--;
        const char *text = status < TX_STATUS_COUNT ? tx_status_text((enum tx_status)status) : INGEST_TOO_COSTLY_TEXT;
        const size_t len = ingest_answer_put(answer, status, text);
        if (!net_send_all(p->fd, answer, len, error))
            atomic_store(&p->stopping, true);
    }
}

static void include(struct fake_node *n, uint64_t now)
{
    struct fake_node_private *p = n->private;
    uint32_t item;
    while (queue_due(&p->inclusions, now, &item)) {
        p->in_flight[n->track->set->sender[item]]--;
        const uint32_t found = load_track_found(n->track, &n->track->set->hash[item], now);
        assert(found == item);
        while (spsc_push(n->track->included, &item, 1) == 0)
            usleep(100);
    }
}

static bool greet(struct fake_node *n)
{
    struct fake_node_private *p = n->private;
    char error[NET_ERROR_MAX];
    uint8_t hello[INGEST_SERVER_HELLO_BYTES];
    p->fd = accept(p->listener, NULL, NULL);
    while (p->fd >= 0 && p->in.len < INGEST_CLIENT_HELLO_BYTES) {
        if (net_receive(p->fd, &p->in, -1, error) <= 0)
            return false;
    }
    if (p->fd < 0 || !ingest_check_client_hello(p->in.ptr))
        return false;
    buffer_drop(&p->in, INGEST_CLIENT_HELLO_BYTES);
    ingest_server_hello(hello, 31337);
    return net_send_all(p->fd, hello, sizeof hello, error);
}

static void *serve(void *arg)
{
    struct fake_node *n = arg;
    struct fake_node_private *p = n->private;
    char error[NET_ERROR_MAX];
    if (!greet(n))
        return NULL;
    const uint64_t read_from = clock_ns() + n->read_after_ns;
    while (!atomic_load(&p->stopping)) {
        if (clock_ns() < read_from) {
            usleep(1000);
            continue;
        }
        const ssize_t got = net_receive(p->fd, &p->in, 1, error);
        if (got == 0 || got == -1)
            break;
        const uint64_t now = clock_ns();
        take_frames(n, now);
        give_answers(n, now);
        include(n, now);
    }
    return NULL;
}

void fake_node_start(struct fake_node *n)
{
    struct fake_node_private *p = n->private = calloc(1, sizeof *p);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    p->attempts = calloc(n->track->set->count, sizeof *p->attempts);
    p->in_flight = calloc(1 << 16, sizeof *p->in_flight);
    p->fd = -1;
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = bind(p->listener, (struct sockaddr *)&at, sizeof at);
    failed |= listen(p->listener, 1);
    failed |= getsockname(p->listener, (struct sockaddr *)&at, &len);
    n->port = ntohs(at.sin_port);
    failed |= pthread_create(&p->thread, NULL, serve, n);
    assert(!failed);
}

void fake_node_stop(struct fake_node *n)
{
    struct fake_node_private *p = n->private;
    atomic_store(&p->stopping, true);
    shutdown(p->listener, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    if (p->fd >= 0)
        close(p->fd);
    close(p->listener);
    buffer_free(&p->in);
    free(p->answers.events);
    free(p->inclusions.events);
    free(p->attempts);
    free(p->in_flight);
    free(p);
}
