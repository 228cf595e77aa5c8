#include "engine/net/gate.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/net/rate.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

// After accept failed for want of descriptors or memory.
#define ACCEPT_RETRY_NS 100000000ull
#define NO_PEER UINT32_MAX
// A peer's connections: control, then the bulk groups.
#define LINES (1 + WIRE_STRIPES)

// A connection that is not yet open.
struct attempt {
    struct gate *gate;
    struct attempt *next, **at;
    struct conn *conn;
    unsigned peer; // NO_PEER until its key is known
    unsigned line; // dialed ones
    bool dialed, stranger;
};

// One wanted connection of a peer that we dial.
struct dial {
    bool under_way, open;
    unsigned failures;
    uint64_t due_ns, opened_ns;
};

struct peer {
    struct gate_peer set;
    uint16_t shards; // 0 until known
    uint64_t banned_until_ns;
    struct dial dials[LINES];
};

struct gate {
    struct gate_options options;
    uint8_t prologue[LINK_PROLOGUE_BYTES];
    struct attempt *attempts;
    unsigned accepted_pending, strangers;
    struct rate stranger_rate, peer_rate;
    uint64_t all_strangers_until_ns;
    uint64_t jitter, step_ns; // next step
    bool stopping;

    struct loop_op accept_op;
    bool accepting;
    uint64_t accept_ns; // again not before
    struct sockaddr_storage accept_address;
    socklen_t accept_len;

    struct gate_numbers numbers;
    struct peer peers[];
};

static void count(_Atomic uint64_t *n)
{
    atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

static void step_by(struct gate *g, uint64_t at_ns)
{
    if (at_ns < g->step_ns)
        g->step_ns = at_ns;
}

// ---- dialing again

static uint64_t retry_delay(struct gate *g, unsigned failures)
{
    uint64_t delay = GATE_RETRY_MAX_NS;
    if (failures < 8 && GATE_RETRY_MIN_NS << failures < delay)
        delay = GATE_RETRY_MIN_NS << failures;
    g->jitter = g->jitter * 6364136223846793005u + 1442695040888963407u;
    return delay - delay / 4 + (g->jitter >> 33) % (delay / 2);
}

static void dial_failed(struct gate *g, struct dial *d)
{
    d->under_way = false;
    d->due_ns = clock_ns() + retry_delay(g, d->failures++);
    step_by(g, d->due_ns);
}

void gate_closed(struct gate *g, unsigned peer, enum wire_channel channel, unsigned group)
{
    struct dial *d = &g->peers[peer].dials[channel == WIRE_CONTROL ? 0 : 1 + group];
    if (!d->open)
        return;
    d->open = false;
    if (clock_ns() - d->opened_ns >= GATE_STEADY_NS)
        d->failures = 0;
    dial_failed(g, d);
}

void gate_ban(struct gate *g, unsigned peer, uint64_t until_ns)
{
    g->peers[peer].banned_until_ns = until_ns;
    links_close(g->options.control, peer, 0, LINK_MISBEHAVED);
    for (struct attempt *a = g->attempts; a; a = a->next)
        if (a->peer == peer)
            conn_close(a->conn, LINK_MISBEHAVED);
}

unsigned gate_groups(const struct gate *g, unsigned peer)
{
    unsigned groups = g->options.bulk ? WIRE_STRIPES : 0;
    if (g->options.shards < groups)
        groups = g->options.shards;
    return g->peers[peer].shards < groups ? g->peers[peer].shards : groups;
}

// ---- attempts

static void forget(struct attempt *a)
{
    struct gate *g = a->gate;
    *a->at = a->next;
    if (a->next)
        a->next->at = a->at;
    g->accepted_pending -= !a->dialed;
    g->strangers -= a->stranger;
    free(a);
}

static bool admit(void *ctx, struct link *l, const uint8_t key[NOISE_KEY_BYTES])
{
    struct attempt *a = ctx;
    (void)l;
    for (unsigned i = 0; i < a->gate->options.peer_count; i++)
        if (memcmp(a->gate->peers[i].set.key, key, NOISE_KEY_BYTES) == 0)
            a->peer = i;
    return a->peer != NO_PEER && a->gate->peers[a->peer].banned_until_ns <= clock_ns();
}

static bool greeted(void *ctx, struct link *l, const struct wire_hello *theirs, struct wire_hello *ours)
{
    struct attempt *a = ctx;
    struct gate *g = a->gate;
    (void)l;
    ours->shards = g->options.shards;
    g->peers[a->peer].shards = theirs->shards;
    return theirs->channel == WIRE_CONTROL || theirs->group < gate_groups(g, a->peer);
}

static const struct link_ops LINK_OPS = {.admit = admit, .greeted = greeted};

static void opened(void *ctx, struct conn *c)
{
    struct attempt *a = ctx;
    struct gate *g = a->gate;
    struct link *link;
    const unsigned peer = a->peer;
    const struct wire_hello kind = *link_hello(conn_link(c));
    if (a->dialed) {
        struct dial *d = &g->peers[peer].dials[a->line];
        d->under_way = false;
        d->open = true;
        d->opened_ns = clock_ns();
    }
    const int fd = conn_take(c, &link);
    forget(a);
    count(&g->numbers.opened);
    g->step_ns = 0; // its bulk connections are due
    if (kind.channel == WIRE_CONTROL)
        links_add(g->options.control, peer, 0, fd, link);
    else
        g->options.bulk(g->options.ctx, peer, kind.group, (struct gate_bulk){fd, link});
}

static void closed(void *ctx, struct conn *c)
{
    struct attempt *a = ctx;
    struct gate *g = a->gate;
    const struct link *link = conn_link(c);
    count(&g->numbers.failed[link_status(link)]);
    if (a->dialed)
        dial_failed(g, &g->peers[a->peer].dials[a->line]);
    log_debug("net", "a connection did not open", "peer=%d reason=\"%s\"", a->peer == NO_PEER ? -1 : (int)a->peer,
              link_failure(link));
    forget(a);
}

static const struct conn_ops CONN_OPS = {opened, closed};

static struct attempt *attempt(struct gate *g, unsigned peer)
{
    struct attempt *a = calloc(1, sizeof *a);
    if (!a)
        abort();
    *a = (struct attempt){.gate = g, .next = g->attempts, .at = &g->attempts, .peer = peer};
    if (a->next)
        a->next->at = &a->next;
    g->attempts = a;
    return a;
}

static bool randomize(void *out, size_t len)
{
    return getrandom(out, len, 0) == (ssize_t)len;
}

// NULL when no randomness is to be had.
static struct link *make_link(struct attempt *a, const uint8_t *remote, struct wire_hello hello)
{
    struct gate *g = a->gate;
    struct link_options o = {.ops = &LINK_OPS,
                             .ctx = a,
                             .prologue = bytes_of(g->prologue, sizeof g->prologue),
                             .secret = g->options.secret,
                             .remote = remote,
                             .hello = hello,
                             .now_ns = clock_ns()};
    struct link *link = randomize(&o.ephemeral, sizeof o.ephemeral) ? link_create(&o) : NULL;
    step_by(g, o.now_ns + LINK_OPEN_NS);
    OPENSSL_cleanse(&o, sizeof o);
    return link;
}

// ---- dialing

static void dial(struct gate *g, unsigned peer, unsigned line)
{
    struct dial *d = &g->peers[peer].dials[line];
    struct attempt *a = attempt(g, peer);
    a->dialed = true;
    a->line = line;
    d->under_way = true;
    count(&g->numbers.dialed);
    const struct wire_hello hello = {.channel = line == 0 ? WIRE_CONTROL : WIRE_BULK,
                                     .group = (uint8_t)(line == 0 ? 0 : line - 1),
                                     .shards = g->options.shards};
    struct link *link = make_link(a, g->peers[peer].set.key, hello);
    if (!link) {
        dial_failed(g, d);
        forget(a);
        return;
    }
    a->conn = conn_dial(g->options.loop, &g->peers[peer].set.at, link, &CONN_OPS, a);
}

static void dial_due(struct gate *g, uint64_t now_ns)
{
    for (unsigned p = 0; p < g->options.peer_count; p++) {
        const unsigned lines = g->peers[p].dials[0].open ? 1 + gate_groups(g, p) : 1;
        for (unsigned i = 0; g->peers[p].set.dial && i < lines; i++) {
            const struct dial *d = &g->peers[p].dials[i];
            const uint64_t banned = g->peers[p].banned_until_ns, due = d->due_ns > banned ? d->due_ns : banned;
            if (d->under_way || d->open)
                continue;
            if (due <= now_ns)
                dial(g, p, i);
            else
                step_by(g, due);
        }
    }
}

// ---- listening

static bool is_peer_s(const struct gate *g, const struct sockaddr_storage *from)
{
    for (unsigned i = 0; i < g->options.peer_count; i++)
        if (g->peers[i].set.at.ss_family != 0 && address_is_same(&g->peers[i].set.at, from))
            return true;
    return false;
}

static bool is_within_rate(struct gate *g, bool stranger)
{
    const uint64_t now_ns = clock_ns();
    if (!stranger)
        return rate_allows(&g->peer_rate, &g->accept_address, now_ns);
    return rate_allows(&g->stranger_rate, &g->accept_address, now_ns) &&
           rate_take(&g->all_strangers_until_ns, GATE_ALL_INTERVAL_NS, GATE_ALL_BURST, now_ns);
}

static void accepted(struct gate *g, int fd)
{
    const bool stranger = !is_peer_s(g, &g->accept_address);
    count(&g->numbers.accepted);
    if (g->accepted_pending >= GATE_PENDING_MAX || (stranger && g->strangers >= GATE_STRANGERS_MAX)) {
        count(&g->numbers.refused_pending);
        close(fd);
        return;
    }
    if (!is_within_rate(g, stranger)) {
        count(&g->numbers.refused_rate);
        close(fd);
        return;
    }
    struct attempt *a = attempt(g, NO_PEER);
    g->accepted_pending++;
    a->stranger = stranger;
    g->strangers += stranger;
    struct link *link = make_link(a, NULL, (struct wire_hello){.shards = g->options.shards});
    if (!link) {
        close(fd);
        forget(a);
        return;
    }
    a->conn = conn_accepted(g->options.loop, fd, link, &CONN_OPS, a);
}

static void listen_on(struct gate *g)
{
    g->accepting = true;
    g->accept_len = sizeof g->accept_address;
    io_uring_prep_accept(loop_sqe(g->options.loop, &g->accept_op), g->options.listen_fd,
                         (struct sockaddr *)&g->accept_address, &g->accept_len, SOCK_CLOEXEC);
}

static void accept_done(struct loop_op *op, int result, uint32_t flags)
{
    struct gate *g = (struct gate *)((char *)op - offsetof(struct gate, accept_op));
    (void)flags;
    g->accepting = false;
    if (g->stopping) {
        if (result >= 0)
            close(result);
        return;
    }
    if (result >= 0)
        accepted(g, result);
    else if (result != -ECONNABORTED && result != -EINTR)
        g->accept_ns = clock_ns() + ACCEPT_RETRY_NS;
    if (g->accept_ns == 0)
        listen_on(g);
    else
        step_by(g, g->accept_ns);
}

// ---- life

struct gate *gate_create(const struct gate_options *o, char *error, size_t error_cap)
{
    uint8_t key[NOISE_KEY_BYTES];
    uint64_t random[2];
    if (!noise_public_key(key, &o->secret)) {
        snprintf(error, error_cap, "the channel key is not a secp256k1 key");
        return NULL;
    }
    if (!randomize(random, sizeof random)) {
        snprintf(error, error_cap, "the system gives no random bytes: %s", strerror(errno));
        return NULL;
    }
    struct gate *g = calloc(1, sizeof *g + o->peer_count * sizeof *g->peers);
    if (!g)
        abort();
    g->options = *o;
    g->options.peers = NULL;
    for (unsigned i = 0; i < o->peer_count; i++)
        g->peers[i].set = o->peers[i];
    link_prologue(g->prologue, &o->genesis_hash);
    rate_init(&g->stranger_rate, GATE_INTERVAL_NS, GATE_BURST, random[0]);
    rate_init(&g->peer_rate, GATE_PEER_INTERVAL_NS, GATE_PEER_BURST, random[0]);
    g->jitter = random[1];
    g->accept_op.done = accept_done;
    if (o->listen_fd >= 0)
        listen_on(g);
    return g;
}

uint64_t gate_step(struct gate *g, uint64_t now_ns)
{
    if (now_ns < g->step_ns || g->stopping)
        return g->stopping ? UINT64_MAX : g->step_ns;
    g->step_ns = UINT64_MAX;
    for (struct attempt *a = g->attempts; a; a = a->next) {
        if (link_check_time(conn_link(a->conn), now_ns) != LINK_OK)
            conn_close(a->conn, LINK_TOO_LATE);
        else
            step_by(g, now_ns + LINK_OPEN_NS / 10);
    }
    if (g->accept_ns > now_ns) {
        step_by(g, g->accept_ns);
    } else if (g->accept_ns > 0 && !g->accepting) {
        g->accept_ns = 0;
        listen_on(g);
    }
    dial_due(g, now_ns);
    return g->step_ns;
}

void gate_stop(struct gate *g)
{
    g->stopping = true;
    if (g->accepting)
        io_uring_prep_cancel(loop_sqe(g->options.loop, NULL), &g->accept_op, 0);
    for (struct attempt *a = g->attempts; a; a = a->next)
        conn_close(a->conn, LINK_DISMISSED);
}

bool gate_idle(const struct gate *g)
{
    return !g->accepting && !g->attempts;
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    if (!gate_idle(g))
        abort();
    OPENSSL_cleanse(&g->options.secret, sizeof g->options.secret);
    free(g);
}

const struct gate_numbers *gate_numbers(const struct gate *g)
{
    return &g->numbers;
}
