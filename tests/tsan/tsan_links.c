// Two nodes of two threads each: a coordinator with gate and control connections, a shard with the bulk connections
// that the gate hands over. Messages go both ways on all of them while connections are cut and made anew.
#include "base/clock.h"
#include "engine/net/gate.h"
#include "engine/net/listen.h"
#include "shard/inbox.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GROUPS 4
#define MESSAGES 300
#define CUTS 5
#define TURN_NS 200000

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { TAKE_BULK = 1, BULK_GONE, CUT };

struct actor {
    pthread_t thread;
    struct arena *arena;
    struct inbox inbox;
    struct loop *loop;
    struct links *links; // control, or bulk
    atomic_bool stop;
    atomic_uint received, opened;
};

struct node {
    unsigned index, port;
    int listen_fd;
    struct actor coordinator, shard;
    struct gate *gate;
};

static struct node nodes[2];

static bytes32 secret_of(unsigned i)
{
    return (bytes32){{(uint8_t)(i + 1), 9}};
}

static void post(struct actor *to, uint16_t kind, uint64_t a, uint32_t n, void *p)
{
    const struct message m = {.kind = kind, .a = a, .n = n, .p = p};
    while (!inbox_post(&to->inbox, &m))
        usleep(100);
}

// ---- the coordinator

static void control_opened(void *ctx, unsigned peer, unsigned group)
{
    (void)peer;
    (void)group;
    atomic_fetch_add(&((struct node *)ctx)->coordinator.opened, 1);
}

static void control_message(void *ctx, unsigned peer, unsigned group, struct bytes m)
{
    (void)peer;
    (void)group;
    CHECK(m.len == 118);
    atomic_fetch_add(&((struct node *)ctx)->coordinator.received, 1);
}

static void control_closed(void *ctx, unsigned peer, unsigned group, enum link_status why, const char *text)
{
    struct node *n = ctx;
    (void)why;
    (void)text;
    if (n->gate)
        gate_closed(n->gate, peer, WIRE_CONTROL, group);
}

static const struct links_ops CONTROL_OPS = {control_opened, control_message, control_closed};

static void hand_over(void *ctx, unsigned peer, unsigned group, struct gate_bulk bulk)
{
    struct gate_bulk *b = malloc(sizeof *b);
    *b = bulk;
    post(&((struct node *)ctx)->shard, TAKE_BULK, peer, group, b);
}

static struct payload *a_message(uint8_t type, size_t len)
{
    struct payload *p = payload_new(len);
    memset(p->data, 0, len);
    p->data[0] = WIRE_VERSION;
    p->data[2] = type;
    return p;
}

static void send_to(struct links *links, unsigned peer, unsigned group, uint8_t type, size_t len)
{
    struct payload *p = a_message(type, len);
    links_send(links, peer, group, p, 0);
    payload_release(p);
}

static size_t turn(struct actor *a, struct message *out, size_t max)
{
    const size_t n = inbox_take(&a->inbox, out, max);
    if (n == 0 && inbox_prepare_sleep(&a->inbox)) {
        loop_run(a->loop, TURN_NS);
        inbox_awake(&a->inbox);
    } else {
        loop_run(a->loop, 0);
    }
    return n;
}

static void make_gate(struct node *n)
{
    char error[200];
    struct gate_peer peers[2] = {0};
    for (unsigned i = 0; i < 2; i++) {
        const bytes32 secret = secret_of(i);
        CHECK(noise_public_key(peers[i].key, &secret));
        CHECK(net_resolve(&peers[i].at, "127.0.0.1", nodes[i].port, error, sizeof error));
    }
    peers[1].dial = n->index == 0;
    const struct gate_options o = {.loop = n->coordinator.loop,
                                   .listen_fd = n->listen_fd,
                                   .secret = secret_of(n->index),
                                   .shards = GROUPS,
                                   .peers = peers,
                                   .peer_count = 2,
                                   .control = n->coordinator.links,
                                   .bulk = hand_over,
                                   .ctx = n};
    n->gate = gate_create(&o, error, sizeof error);
    CHECK(n->gate);
}

static void *coordinate(void *arg)
{
    struct node *n = arg;
    struct actor *a = &n->coordinator;
    struct message m[16];
    arena_adopt(a->arena);
    CHECK(loop_enter_owner(a->loop));
    a->links = links_create(a->loop, 2, 1, &CONTROL_OPS, n);
    make_gate(n);
    while (!atomic_load(&a->stop)) {
        gate_step(n->gate, clock_ns());
        const size_t got = turn(a, m, 16);
        for (size_t i = 0; i < got; i++) {
            if (m[i].kind == BULK_GONE)
                gate_closed(n->gate, (unsigned)m[i].a, WIRE_BULK, m[i].n);
            else
                links_close(a->links, n->index ^ 1, 0, LINK_DISMISSED);
        }
        send_to(a->links, n->index ^ 1, 0, WIRE_VOTE, 118);
    }
    gate_stop(n->gate);
    links_stop(a->links);
    while (!gate_idle(n->gate) || !links_idle(a->links))
        loop_run(a->loop, TURN_NS);
    gate_free(n->gate);
    links_free(a->links);
    return NULL;
}

// ---- the shard

static void bulk_message(void *ctx, unsigned peer, unsigned group, struct bytes m)
{
    struct node *n = ctx;
    CHECK(m.len == 100000);
    free(links_keep(n->shard.links, peer, group));
    atomic_fetch_add(&n->shard.received, 1);
}

static void bulk_closed(void *ctx, unsigned peer, unsigned group, enum link_status why, const char *text)
{
    struct node *n = ctx;
    (void)why;
    (void)text;
    if (!atomic_load(&n->shard.stop))
        post(&n->coordinator, BULK_GONE, peer, group, NULL);
}

static const struct links_ops BULK_OPS = {NULL, bulk_message, bulk_closed};

static void take(struct actor *a, const struct message *m)
{
    if (m->kind == TAKE_BULK) {
        const struct gate_bulk *b = m->p;
        links_add(a->links, (unsigned)m->a, m->n, b->fd, b->link);
        free(m->p);
        atomic_fetch_add(&a->opened, 1);
    }
}

static void *share(void *arg)
{
    struct node *n = arg;
    struct actor *a = &n->shard;
    struct message m[16];
    unsigned turns = 0;
    arena_adopt(a->arena);
    CHECK(loop_enter_owner(a->loop));
    a->links = links_create(a->loop, 2, GROUPS, &BULK_OPS, n);
    while (!atomic_load(&a->stop)) {
        const size_t got = turn(a, m, 16);
        for (size_t i = 0; i < got; i++)
            take(a, &m[i]);
        send_to(a->links, n->index ^ 1, turns++ % GROUPS, WIRE_CAR_STRIPE, 100000);
    }
    links_stop(a->links);
    for (size_t got; (got = inbox_take(&a->inbox, m, 16)) > 0;)
        for (size_t i = 0; i < got; i++)
            take(a, &m[i]);
    while (!links_idle(a->links))
        loop_run(a->loop, TURN_NS);
    links_free(a->links);
    return NULL;
}

// ---- both

static void start(struct actor *a, struct node *n, void *(*run)(void *))
{
    char error[200];
    a->arena = arena_create();
    CHECK(inbox_init(&a->inbox, 1024));
    a->loop = loop_create(a->arena, a->inbox.event_fd, error, sizeof error);
    if (!a->loop) {
        fprintf(stderr, "skipped: %s\n", error);
        exit(0);
    }
    CHECK(pthread_create(&a->thread, NULL, run, n) == 0);
}

static void stop(struct actor *a)
{
    atomic_store(&a->stop, true);
    inbox_wake(&a->inbox);
    pthread_join(a->thread, NULL);
}

static void discard(struct actor *a)
{
    loop_free(a->loop);
    inbox_free(&a->inbox);
    arena_destroy(a->arena);
}

static void until(atomic_uint *count, unsigned wanted)
{
    while (atomic_load(count) < wanted)
        usleep(1000);
}

int main(void)
{
    char error[200];
    for (unsigned i = 0; i < 2; i++) {
        nodes[i].index = i;
        nodes[i].listen_fd = net_listen("127.0.0.1", &nodes[i].port, 0, error, sizeof error);
        CHECK(nodes[i].listen_fd >= 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        start(&nodes[i].shard, &nodes[i], share);
        start(&nodes[i].coordinator, &nodes[i], coordinate);
    }
    for (unsigned cut = 0; cut <= CUTS; cut++) {
        for (unsigned i = 0; i < 2; i++) {
            until(&nodes[i].coordinator.opened, cut + 1);
            until(&nodes[i].shard.opened, GROUPS);
            until(&nodes[i].coordinator.received, (cut + 1) * MESSAGES / (CUTS + 1));
            until(&nodes[i].shard.received, (cut + 1) * MESSAGES / (CUTS + 1));
        }
        if (cut < CUTS)
            post(&nodes[cut % 2].coordinator, CUT, 0, 0, NULL);
    }
    for (unsigned i = 0; i < 2; i++)
        stop(&nodes[i].coordinator);
    for (unsigned i = 0; i < 2; i++)
        stop(&nodes[i].shard);
    for (unsigned i = 0; i < 2; i++) {
        discard(&nodes[i].coordinator);
        discard(&nodes[i].shard);
        close(nodes[i].listen_fd);
    }
    puts("links: well");
    return 0;
}
