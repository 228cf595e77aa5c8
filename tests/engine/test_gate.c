// Whole ends over loopback sockets, all on this thread: peers, strangers, and peers that misbehave.
#include "engine/net/gate.h"

#include "base/clock.h"
#include "engine/net/listen.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define NODES 3
#define GROUPS 4

struct node {
    bool running;
    unsigned index;
    struct arena *arena;
    struct loop *loop;
    struct links *control, *bulk;
    struct gate *gate;
    int wake_fd, listen_fd;
    unsigned port;
    unsigned opened, closed, messages, bulk_messages;
    enum link_status last_closed;
    char last_text[80];
    size_t last_len;
    uint64_t skip_ns; // how far this node's clock is ahead
};

static struct node nodes[NODES];
static const bytes32 GENESIS = {{42}};

static bytes32 secret_of(unsigned i)
{
    return (bytes32){{(uint8_t)(i + 1), 9}};
}

// ---- what the ends are told

static void control_opened(void *ctx, unsigned peer, unsigned group)
{
    (void)peer;
    (void)group;
    ((struct node *)ctx)->opened++;
}

static void control_message(void *ctx, unsigned peer, unsigned group, struct bytes m)
{
    struct node *n = ctx;
    (void)peer;
    (void)group;
    n->messages++;
    n->last_len = m.len;
}

static void note_closed(struct node *n, enum link_status why, const char *text)
{
    n->closed++;
    n->last_closed = why;
    snprintf(n->last_text, sizeof n->last_text, "%s", text);
}

static void control_closed(void *ctx, unsigned peer, unsigned group, enum link_status why, const char *text)
{
    struct node *n = ctx;
    note_closed(n, why, text);
    if (n->gate)
        gate_closed(n->gate, peer, WIRE_CONTROL, group);
}

static void bulk_message(void *ctx, unsigned peer, unsigned group, struct bytes m)
{
    struct node *n = ctx;
    n->bulk_messages++;
    n->last_len = m.len;
    uint8_t *kept = links_keep(n->bulk, peer, group);
    cr_assert((kept != NULL) == (m.len > FRAME_PLAIN_MAX));
    free(kept);
}

static void bulk_closed(void *ctx, unsigned peer, unsigned group, enum link_status why, const char *text)
{
    struct node *n = ctx;
    (void)why;
    (void)text;
    if (n->gate)
        gate_closed(n->gate, peer, WIRE_BULK, group);
}

static const struct links_ops CONTROL_OPS = {control_opened, control_message, control_closed};
static const struct links_ops BULK_OPS = {NULL, bulk_message, bulk_closed};

static void take_bulk(void *ctx, unsigned peer, unsigned group, struct gate_bulk b)
{
    links_add(((struct node *)ctx)->bulk, peer, group, b.fd, b.link);
}

// ---- nodes: of nodes 0 and 1 the lower dials; node 2 dials both

static struct sockaddr_storage loopback(const char *host, unsigned port)
{
    struct sockaddr_storage s = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&s;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    cr_assert_eq(inet_pton(AF_INET, host, &in->sin_addr), 1);
    return s;
}

static void start(unsigned i, uint16_t shards, unsigned known, const bytes32 *genesis)
{
    struct node *n = &nodes[i];
    char error[200];
    struct gate_peer peers[NODES] = {0};
    const unsigned port = n->port;
    *n = (struct node){.running = true, .index = i, .port = port};
    n->arena = arena_create();
    n->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    n->loop = loop_create(n->arena, n->wake_fd, error, sizeof error);
    if (!n->loop)
        cr_skip_test("%s", error);
    cr_assert(loop_enter_owner(n->loop));
    n->listen_fd = net_listen("127.0.0.1", &n->port, 0, error, sizeof error);
    cr_assert(n->listen_fd >= 0, "%s", error);
    for (unsigned p = 0; p < known; p++) {
        const bytes32 secret = secret_of(p);
        cr_assert(noise_public_key(peers[p].key, &secret));
        peers[p].dial = (i < p || i == 2) && nodes[p].running;
        peers[p].at = loopback("127.0.0.1", nodes[p].port);
    }
    n->control = links_create(n->loop, NODES, 1, &CONTROL_OPS, n);
    n->bulk = links_create(n->loop, NODES, GROUPS, &BULK_OPS, n);
    const struct gate_options o = {.loop = n->loop,
                                   .listen_fd = n->listen_fd,
                                   .secret = secret_of(i),
                                   .genesis_hash = *genesis,
                                   .shards = shards,
                                   .peers = peers,
                                   .peer_count = known,
                                   .control = n->control,
                                   .bulk = take_bulk,
                                   .ctx = n};
    n->gate = gate_create(&o, error, sizeof error);
    cr_assert(n->gate, "%s", error);
}

static void turn(struct node *n)
{
    if (n->gate)
        gate_step(n->gate, clock_ns() + n->skip_ns);
    loop_run(n->loop, 0);
}

static void turn_all(void)
{
    for (unsigned i = 0; i < NODES; i++)
        if (nodes[i].running)
            turn(&nodes[i]);
    usleep(100);
}

#define UNTIL(condition)                                                                                               \
    do {                                                                                                               \
        for (unsigned turns = 0; !(condition); turns++) {                                                              \
            cr_assert_lt(turns, 100000, "%s never came", #condition);                                                  \
            turn_all();                                                                                                \
        }                                                                                                              \
    } while (0)

static void stop(unsigned i)
{
    struct node *n = &nodes[i];
    gate_stop(n->gate);
    links_stop(n->control);
    links_stop(n->bulk);
    while (!gate_idle(n->gate) || !links_idle(n->control) || !links_idle(n->bulk))
        turn(n);
    gate_free(n->gate);
    links_free(n->control);
    links_free(n->bulk);
    loop_free(n->loop);
    arena_destroy(n->arena);
    close(n->listen_fd);
    close(n->wake_fd);
    n->running = false;
    n->gate = NULL;
}

static void setup(void)
{
    memset(nodes, 0, sizeof nodes);
}

static void teardown(void)
{
    for (unsigned i = 0; i < NODES; i++)
        if (nodes[i].running)
            stop(i);
}

TestSuite(gate, .init = setup, .fini = teardown);

static void start_two(void)
{
    start(1, 2, 2, &GENESIS);
    start(0, 3, 2, &GENESIS);
    UNTIL(nodes[0].opened == 1 && nodes[1].opened == 1);
}

static struct payload *a_message(uint8_t type, size_t len)
{
    struct payload *p = payload_new(len);
    memset(p->data, 0, len);
    p->data[0] = WIRE_VERSION;
    p->data[2] = type;
    return p;
}

static enum link_sent send_control(unsigned from, unsigned to, uint8_t type, size_t len)
{
    struct payload *p = a_message(type, len);
    const enum link_sent sent = links_send(nodes[from].control, to, 0, p, 0);
    payload_release(p);
    return sent;
}

static enum link_sent send_bulk(unsigned from, unsigned to, unsigned group, size_t len)
{
    struct payload *p = a_message(WIRE_CAR_STRIPE, len);
    const enum link_sent sent = links_send(nodes[from].bulk, to, group, p, 0);
    payload_release(p);
    return sent;
}

static uint64_t failed(unsigned i, enum link_status why)
{
    return atomic_load(&gate_numbers(nodes[i].gate)->failed[why]);
}

// ---- peers

Test(gate, peers_have_a_control_connection_and_as_many_bulk_ones_as_both_have_shards)
{
    start_two();
    UNTIL(links_is_open(nodes[0].bulk, 1, 1) && links_is_open(nodes[1].bulk, 0, 1));
    cr_assert_eq(gate_groups(nodes[0].gate, 1), 2);
    cr_assert_eq(gate_groups(nodes[1].gate, 0), 2);
    for (unsigned turns = 0; turns < 100; turns++)
        turn_all();
    cr_assert(!links_is_open(nodes[0].bulk, 1, 2));
    cr_assert_eq(atomic_load(&gate_numbers(nodes[0].gate)->opened), 3);
    cr_assert_eq(atomic_load(&gate_numbers(nodes[1].gate)->opened), 3);
}

Test(gate, messages_go_both_ways_on_both_kinds)
{
    start_two();
    UNTIL(links_is_open(nodes[0].bulk, 1, 1) && links_is_open(nodes[1].bulk, 0, 1));
    for (unsigned i = 0; i < 1000; i++)
        for (unsigned from = 0; from < 2; from++)
            cr_assert_eq(send_control(from, from ^ 1, WIRE_VOTE, 118), LINK_QUEUED);
    const size_t len = wire_limit_of(WIRE_CAR_STRIPE)->bytes_max;
    for (unsigned i = 0; i < 40; i++)
        for (unsigned from = 0; from < 2; from++)
            cr_assert_eq(send_bulk(from, from ^ 1, i % 2, len), LINK_QUEUED);
    for (unsigned i = 0; i < 2; i++)
        UNTIL(nodes[i].messages == 1000 && nodes[i].bulk_messages == 40);
    const struct link_counters c = links_counters(nodes[0].control, 1, 0);
    cr_assert_eq(c.messages_out, 1001);
    cr_assert_eq(c.queued_bytes, 0);
}

Test(gate, a_peer_that_comes_back_is_connected_again)
{
    start_two();
    UNTIL(links_is_open(nodes[0].bulk, 1, 1));
    stop(1);
    UNTIL(nodes[0].closed == 1 && failed(0, LINK_UNREACHABLE) > 0);
    cr_assert_eq(nodes[0].last_closed, LINK_ENDED);
    cr_assert_eq(send_control(0, 1, WIRE_VOTE, 118), LINK_CLOSED);
    start(1, 4, 2, &GENESIS);
    UNTIL(nodes[0].opened == 2 && links_is_open(nodes[0].bulk, 1, 2));
    cr_assert_eq(send_control(0, 1, WIRE_VOTE, 118), LINK_QUEUED);
    UNTIL(nodes[1].messages == 1);
}

Test(gate, a_peer_s_newer_connection_replaces_the_older_one)
{
    start_two();
    // The same validator once more, as after a crash that left its old connection behind.
    struct node kept = nodes[0];
    nodes[0] = (struct node){0};
    start(0, 3, 2, &GENESIS);
    UNTIL(nodes[1].opened == 2);
    cr_assert_eq(nodes[1].closed, 1);
    cr_assert_eq(nodes[1].last_closed, LINK_REPLACED);
    cr_assert(links_is_open(nodes[1].control, 0, 0));
    stop(0);
    nodes[0] = kept;
    UNTIL(nodes[0].closed == 1);
    cr_assert_eq(nodes[0].last_closed, LINK_ENDED);
}

Test(gate, a_message_for_the_other_kind_of_connection_ends_it_and_it_is_made_anew)
{
    start_two();
    send_control(0, 1, WIRE_CAR_STRIPE, 300);
    UNTIL(nodes[1].closed == 1);
    cr_assert_eq(nodes[1].last_closed, LINK_BAD_FRAME);
    cr_assert_str_eq(nodes[1].last_text, frame_status_text(FRAME_BAD_CHANNEL));
    cr_assert_eq(nodes[1].messages, 0);
    UNTIL(nodes[0].opened == 2 && nodes[1].opened == 2);
}

Test(gate, a_peer_that_reads_nothing_loses_bulk_then_its_control_connection)
{
    start_two();
    UNTIL(links_is_open(nodes[0].bulk, 1, 1));
    nodes[1].running = false;
    const size_t len = wire_limit_of(WIRE_CAR_STRIPE)->bytes_max;
    unsigned taken = 0;
    enum link_sent sent;
    for (; (sent = send_bulk(0, 1, 0, len)) == LINK_QUEUED; taken++)
        turn(&nodes[0]);
    cr_assert_eq(sent, LINK_DROPPED);
    cr_assert(links_is_open(nodes[0].bulk, 1, 0));
    cr_assert_leq(links_counters(nodes[0].bulk, 1, 0).queued_bytes, LINK_BULK_QUEUE_BYTES);
    while (send_control(0, 1, WIRE_CERTS, 65000) == LINK_QUEUED)
        turn(&nodes[0]);
    UNTIL(nodes[0].closed == 1);
    cr_assert_eq(nodes[0].last_closed, LINK_OVERFLOW);
    cr_assert(links_is_open(nodes[0].bulk, 1, 0));
    nodes[1].running = true;
    UNTIL(nodes[0].opened == 2 && nodes[1].bulk_messages == taken);
}

static bool agree(void *ctx, struct link *l, const struct wire_hello *theirs, struct wire_hello *ours)
{
    (void)ctx;
    (void)l;
    (void)theirs;
    (void)ours;
    return true;
}

static int became; // of the connection dialed last: 1 opened, 2 closed

static void dialed_opened(void *ctx, struct conn *c)
{
    (void)ctx;
    became |= 1;
    conn_close(c, LINK_DISMISSED);
}

static void dialed_closed(void *ctx, struct conn *c)
{
    (void)ctx;
    (void)c;
    became |= 2;
}

// What became of a connection for this purpose, dialed in node 0's name: 2 refused, 3 opened (and closed again).
static int dial_as_node_0(uint8_t channel, uint8_t group)
{
    static const struct link_ops ops = {.greeted = agree};
    static const struct conn_ops conn_ops = {dialed_opened, dialed_closed};
    uint8_t prologue[LINK_PROLOGUE_BYTES], key[NOISE_KEY_BYTES];
    const bytes32 secret = secret_of(1);
    became = 0;
    link_prologue(prologue, &GENESIS);
    cr_assert(noise_public_key(key, &secret));
    const struct link_options o = {.ops = &ops,
                                   .prologue = bytes_of(prologue, sizeof prologue),
                                   .secret = secret_of(0),
                                   .ephemeral = {{4, group}},
                                   .remote = key,
                                   .hello = {.channel = channel, .group = group, .shards = 16},
                                   .now_ns = clock_ns()};
    const struct sockaddr_storage at = loopback("127.0.0.1", nodes[1].port);
    conn_dial(nodes[2].loop, &at, link_create(&o), &conn_ops, NULL);
    UNTIL(became & 2);
    return became;
}

Test(gate, bulk_connections_are_for_groups_that_both_ends_have)
{
    start(1, 2, 2, &GENESIS);
    start(2, 1, 0, &GENESIS); // only its loop is wanted
    cr_assert_eq(dial_as_node_0(WIRE_CONTROL, 0), 3);
    cr_assert_eq(dial_as_node_0(WIRE_BULK, 1), 3);
    cr_assert_eq(dial_as_node_0(WIRE_BULK, 2), 2);
    cr_assert_eq(failed(1, LINK_BAD_HELLO), 1);
}

Test(gate, a_banned_peer_is_neither_let_in_nor_dialed_until_then)
{
    start_two();
    UNTIL(links_is_open(nodes[0].bulk, 1, 1));
    gate_ban(nodes[1].gate, 0, UINT64_MAX);
    UNTIL(nodes[1].closed == 1 && failed(1, LINK_NOT_ALLOWED) >= 2);
    cr_assert_eq(nodes[1].last_closed, LINK_MISBEHAVED);
    cr_assert_eq(nodes[1].opened, 1);
    gate_ban(nodes[1].gate, 0, 0);
    UNTIL(nodes[0].opened == 2 && nodes[1].opened == 2);
    // The dialer's ban.
    const uint64_t dialed = atomic_load(&gate_numbers(nodes[0].gate)->dialed);
    gate_ban(nodes[0].gate, 1, UINT64_MAX);
    const uint64_t from = clock_ns();
    UNTIL(nodes[0].closed == 2 && clock_ns() > from + 3 * GATE_RETRY_MIN_NS);
    cr_assert_eq(atomic_load(&gate_numbers(nodes[0].gate)->dialed), dialed);
}

// ---- strangers

Test(gate, who_is_not_on_the_list_does_not_get_past_the_handshake)
{
    // Node 1 knows node 0 alone; node 2 knows node 1 and dials it.
    start(1, 2, 1, &GENESIS);
    start(2, 2, 2, &GENESIS);
    UNTIL(failed(1, LINK_NOT_ALLOWED) >= 2);
    cr_assert_eq(nodes[1].opened, 0);
    cr_assert_eq(nodes[2].opened, 0);
    cr_assert_geq(failed(2, LINK_ENDED), 1);
}

Test(gate, another_chain_s_validator_is_refused)
{
    const bytes32 other = {{43}};
    start(1, 2, 2, &GENESIS);
    start(0, 2, 2, &other);
    UNTIL(failed(1, LINK_BAD_HANDSHAKE) >= 1 && failed(0, LINK_BAD_HANDSHAKE) >= 1);
    cr_assert_eq(nodes[1].opened, 0);
}

static int stranger(const char *from, unsigned port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_storage own = loopback(from, 0), to = loopback("127.0.0.1", port);
    cr_assert_eq(bind(fd, (struct sockaddr *)&own, sizeof(struct sockaddr_in)), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(struct sockaddr_in)), 0);
    return fd;
}

// Whether the node has closed it; whatever it said before is read and forgotten.
static bool is_closed(int fd)
{
    uint8_t buf[256];
    ssize_t n;
    while ((n = recv(fd, buf, sizeof buf, MSG_DONTWAIT)) > 0)
        ;
    return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

Test(gate, garbage_is_closed_at_its_first_act)
{
    start(1, 2, 2, &GENESIS);
    uint8_t junk[5000];
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = (uint8_t)(i * 31);
    for (unsigned i = 0; i < 10; i++) {
        const int fd = stranger("127.0.0.2", nodes[1].port);
        junk[0] = (uint8_t)(i % 2);
        cr_assert_eq(send(fd, junk, 50 + i * 500, MSG_NOSIGNAL), 50 + (int)i * 500);
        UNTIL(is_closed(fd));
        close(fd);
    }
    cr_assert_eq(failed(1, LINK_BAD_HANDSHAKE), 10);
}

Test(gate, half_a_handshake_is_closed_when_its_time_is_over)
{
    start(1, 2, 2, &GENESIS);
    const int silent = stranger("127.0.0.2", nodes[1].port), half = stranger("127.0.0.2", nodes[1].port);
    cr_assert_eq(send(half, "\0\2abc", 5, MSG_NOSIGNAL), 5);
    UNTIL(atomic_load(&gate_numbers(nodes[1].gate)->accepted) == 2);
    for (unsigned i = 0; i < 100; i++)
        turn_all();
    cr_assert(!is_closed(silent) && !is_closed(half));
    nodes[1].skip_ns = LINK_OPEN_NS;
    UNTIL(is_closed(silent) && is_closed(half));
    cr_assert_eq(failed(1, LINK_TOO_LATE), 2);
    close(silent);
    close(half);
}

Test(gate, one_address_gets_its_share_of_handshakes_only)
{
    int fds[GATE_BURST + 10];
    start(1, 2, 2, &GENESIS);
    for (unsigned i = 0; i < GATE_BURST + 10; i++)
        fds[i] = stranger("127.0.0.2", nodes[1].port);
    UNTIL(atomic_load(&gate_numbers(nodes[1].gate)->accepted) == GATE_BURST + 10);
    const uint64_t refused = atomic_load(&gate_numbers(nodes[1].gate)->refused_rate);
    cr_assert(refused >= 1 && refused <= 10, "%lu", refused);
    // Another address is not affected.
    const int other = stranger("127.0.0.3", nodes[1].port);
    UNTIL(atomic_load(&gate_numbers(nodes[1].gate)->accepted) == GATE_BURST + 11);
    cr_assert_eq(atomic_load(&gate_numbers(nodes[1].gate)->refused_rate), refused);
    close(other);
    for (unsigned i = 0; i < GATE_BURST + 10; i++)
        close(fds[i]);
}

Test(gate, a_flood_of_strangers_does_not_keep_peers_out)
{
    int fds[2 * GATE_STRANGERS_MAX];
    start(1, 2, 2, &GENESIS);
    for (unsigned i = 0; i < 2 * GATE_STRANGERS_MAX; i++) {
        char from[32];
        snprintf(from, sizeof from, "127.0.%u.2", 1 + i / 8);
        fds[i] = stranger(from, nodes[1].port);
    }
    UNTIL(atomic_load(&gate_numbers(nodes[1].gate)->accepted) == 2 * GATE_STRANGERS_MAX);
    cr_assert_eq(atomic_load(&gate_numbers(nodes[1].gate)->refused_pending), GATE_STRANGERS_MAX);
    start(0, 3, 2, &GENESIS);
    UNTIL(nodes[0].opened == 1 && links_is_open(nodes[0].bulk, 1, 1));
    for (unsigned i = 0; i < 2 * GATE_STRANGERS_MAX; i++)
        close(fds[i]);
    UNTIL(failed(1, LINK_BAD_HANDSHAKE) == GATE_STRANGERS_MAX);
}

Test(gate, a_stop_leaves_nothing_open_whatever_is_under_way)
{
    start_two();
    for (unsigned i = 0; i < 50; i++)
        send_bulk(0, 1, 0, 200000);
    const int half = stranger("127.0.0.2", nodes[1].port);
    turn_all();
    stop(1);
    UNTIL(is_closed(half));
    close(half);
}
