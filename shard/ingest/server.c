#include "shard/ingest/server.h"

#include "base/log.h"
#include "shard/ingest/answers.h"
#include "shard/ingest/input.h"
#include "shard/ingest/standing.h"
#include "shard/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_BYTES 16384
// How long a client that was refused has to read the answer and close, while what it still sends is thrown away.
#define LINGER_NS 2000000000ull
#define END_NS 200000000ull
#define LOG_EVERY_NS 1000000000ull

// What a connection can wait for; it is in any of these queues at most once.
enum queue {
    QUEUE_READY,   // to have frames taken
    QUEUE_STARVED, // to be received from: the buffers had run out
    QUEUE_TALK,    // to have answers sent
    QUEUE_LINGER,  // for its client to close
    QUEUE_COUNT,
};

struct connection;

struct place {
    struct connection *next, *prev;
    bool in;
};

struct queue_ends {
    struct connection *first, *last;
};

struct connection {
    struct loop_op receive, send; // their container is found by offset
    struct ingest_server *server;
    int fd;
    uint32_t handle, generation;
    struct place places[QUEUE_COUNT];
    bool used, hello_done;
    bool receiving;  // a receive is armed
    bool cancelling; // and is being cancelled
    bool sending;
    bool input_over; // end of stream, or what follows is not read any more
    bool dead;       // nothing can be sent any more
    bool refused;    // its last answer is set
    uint64_t linger_until_ns;
    struct standing standing;
    struct answers *answers;
    struct input input;
    uint8_t *send_buf;
    size_t send_len, send_done;
};

struct ingest_server {
    struct shard *shard;
    struct loop *loop;
    struct loop_op accept;
    int listen_fd; // -1: this shard does not accept
    bool accept_armed, accept_failed, ending;
    unsigned next_peer;
    struct connection **connections; // by handle - 1
    uint32_t connection_cap, connection_count;
    struct queue_ends queues[QUEUE_COUNT];
    uint64_t next_log_ns;
};

static void arm_receive(struct connection *c);
static void receive_in_turn(struct connection *c);
static void close_if_over(struct connection *c);

// ---- queues

static void enter_queue(struct connection *c, enum queue q)
{
    struct place *p = &c->places[q];
    struct queue_ends *ends = &c->server->queues[q];
    if (p->in)
        return;
    *p = (struct place){.prev = ends->last, .in = true};
    if (ends->last)
        ends->last->places[q].next = c;
    else
        ends->first = c;
    ends->last = c;
}

static void leave_queue(struct connection *c, enum queue q)
{
    struct place *p = &c->places[q];
    struct queue_ends *ends = &c->server->queues[q];
    if (!p->in)
        return;
    *(p->prev ? &p->prev->places[q].next : &ends->first) = p->next;
    *(p->next ? &p->next->places[q].prev : &ends->last) = p->prev;
    *p = (struct place){0};
}

static struct connection *next_in(struct ingest_server *v, enum queue q)
{
    struct connection *c = v->queues[q].first;
    if (c)
        leave_queue(c, q);
    return c;
}

static struct connection *connection_of(struct ingest_server *v, struct tx_origin origin)
{
    if (origin.connection == 0 || origin.connection > v->connection_cap)
        return NULL;
    struct connection *c = v->connections[origin.connection - 1];
    return c && c->used && c->generation == origin.generation ? c : NULL;
}

// One line a second at most, however many clients misbehave.
static bool may_log(struct ingest_server *v)
{
    uint64_t now = clock_ns();
    if (now < v->next_log_ns)
        return false;
    v->next_log_ns = now + LOG_EVERY_NS;
    return true;
}

// ---- receiving

static void kill_connection(struct connection *c)
{
    c->dead = c->input_over = true;
    input_drop(&c->input);
    leave_queue(c, QUEUE_READY);
}

// A buffer that a completion brought.
static void take_buffer(struct connection *c, unsigned buffer, int len)
{
    struct shard *s = c->server->shard;
    loop_buffer_taken(c->server->loop);
    if (len <= 0 || c->input_over) {
        loop_buffer_return(c->server->loop, buffer);
        return;
    }
    input_add(&c->input, buffer, (uint32_t)len);
    atomic_fetch_add_explicit(&s->numbers.received_bytes, (uint64_t)len, memory_order_relaxed);
    enter_queue(c, QUEUE_READY);
}

// A receive has ended with this result.
static void receive_ended(struct connection *c, int result)
{
    c->receiving = c->cancelling = false;
    if (result == -ENOBUFS) {
        atomic_fetch_add_explicit(&c->server->shard->numbers.receive_paused, 1, memory_order_relaxed);
        enter_queue(c, QUEUE_STARVED);
    } else if (result > 0) {
        if (answers_may_open(c->answers) || c->input_over)
            receive_in_turn(c);
    } else if (result == 0) {
        c->input_over = true;
        enter_queue(c, QUEUE_READY);
    } else if (result != -ECANCELED) {
        kill_connection(c);
    } else if (c->refused && !c->dead) {
        arm_receive(c); // to see the end of the stream
    } else if (answers_may_open(c->answers)) {
        enter_queue(c, QUEUE_READY); // the pause was over before it came into force
    }
}

static void receive_done(struct loop_op *op, int result, uint32_t flags)
{
    struct connection *c = (struct connection *)((char *)op - offsetof(struct connection, receive));
    struct shard *s = c->server->shard;
    enum stage before = stage_enter(&s->turn.stages, STAGE_RECEIVE);
    if (flags & IORING_CQE_F_BUFFER)
        take_buffer(c, flags >> IORING_CQE_BUFFER_SHIFT, result);
    if (!(flags & IORING_CQE_F_MORE))
        receive_ended(c, result);
    stage_enter(&s->turn.stages, before);
    close_if_over(c);
}

// While others wait for buffers it takes one; else as many as come.
static void arm_receive(struct connection *c)
{
    if (c->receiving)
        return;
    leave_queue(c, QUEUE_STARVED);
    struct io_uring_sqe *sqe = loop_sqe(c->server->loop, &c->receive);
    if (c->server->queues[QUEUE_STARVED].first)
        io_uring_prep_recv(sqe, c->fd, NULL, LOOP_BUFFER_BYTES, 0);
    else
        io_uring_prep_recv_multishot(sqe, c->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    c->receiving = true;
}

// Behind those that wait for buffers, if any do.
static void receive_in_turn(struct connection *c)
{
    if (c->server->queues[QUEUE_STARVED].first)
        enter_queue(c, QUEUE_STARVED);
    else
        arm_receive(c);
}

// The window is full: nothing more is received until what is here has been taken, and no buffer is kept.
static void pause_receiving(struct connection *c)
{
    input_hold_all(&c->input);
    leave_queue(c, QUEUE_STARVED);
    if (!c->receiving || c->cancelling)
        return;
    struct io_uring_sqe *sqe = loop_sqe(c->server->loop, NULL);
    io_uring_prep_cancel(sqe, &c->receive, 0);
    c->cancelling = true;
}

// Connections that found no buffer, as many as there are buffers now, the longest waiting first.
static void receive_from_starved(struct ingest_server *v)
{
    struct connection *c;
    for (unsigned out = loop_buffers_out(v->loop); out < LOOP_BUFFER_COUNT && (c = next_in(v, QUEUE_STARVED)); out++)
        arm_receive(c);
}

// ---- sending

static void send_some(struct connection *c)
{
    struct io_uring_sqe *sqe = loop_sqe(c->server->loop, &c->send);
    io_uring_prep_send(sqe, c->fd, c->send_buf + c->send_done, c->send_len - c->send_done, MSG_NOSIGNAL);
    c->sending = true;
}

static void send_next(struct connection *c)
{
    if (c->sending || c->dead)
        return;
    c->send_done = 0;
    c->send_len += answers_drain(c->answers, c->send_buf + c->send_len, SEND_BYTES - c->send_len);
    if (c->send_len > 0)
        send_some(c);
    // A full window had stopped the taking; draining has opened it.
    if (!input_is_empty(&c->input) && answers_may_open(c->answers))
        enter_queue(c, QUEUE_READY);
}

static void send_done(struct loop_op *op, int result, uint32_t flags)
{
    struct connection *c = (struct connection *)((char *)op - offsetof(struct connection, send));
    (void)flags;
    c->sending = false;
    if (result <= 0) {
        kill_connection(c);
    } else {
        c->send_done += (size_t)result;
        if (c->send_done < c->send_len) {
            send_some(c);
            return;
        }
        c->send_len = 0;
        send_next(c);
    }
    close_if_over(c);
}

// ---- the end of a connection

static void free_connection(struct connection *c)
{
    struct ingest_server *v = c->server;
    for (enum queue q = 0; q < QUEUE_COUNT; q++)
        leave_queue(c, q);
    input_drop(&c->input);
    close(c->fd);
    answers_free(c->answers);
    free(c->send_buf);
    c->used = false;
    c->generation++;
    v->connection_count--;
    atomic_fetch_sub_explicit(&v->shard->numbers.connections, 1, memory_order_relaxed);
}

// Closing while input is unread makes the kernel reset the connection, which can take the last answer away from the
// client. So only our side ends now, and what still comes is thrown away for a while.
static void linger(struct connection *c)
{
    if (c->linger_until_ns)
        return;
    shutdown(c->fd, SHUT_WR);
    c->linger_until_ns = clock_ns() + LINGER_NS;
    enter_queue(c, QUEUE_LINGER);
}

// Ends a connection when nothing is left to read or answer and the kernel holds none of its memory.
static void close_if_over(struct connection *c)
{
    bool answered = answers_outstanding(c->answers) == 0 && c->send_len == 0;
    if (!c->used || !c->input_over || c->sending || (!c->dead && (c->places[QUEUE_READY].in || !answered)))
        return;
    if (!c->receiving)
        free_connection(c);
    else if (c->dead)
        shutdown(c->fd, SHUT_RDWR); // completes the armed receive
    else
        linger(c);
}

// ---- taking frames

static void refuse_connection(struct connection *c, uint8_t status, const char *why, _Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
    answers_end(c->answers, status, why);
    enter_queue(c, QUEUE_TALK);
    c->refused = c->input_over = true;
    input_drop(&c->input);
    arm_receive(c); // to see the end of the stream
}

static void refuse_costly(struct connection *c)
{
    struct ingest_server *v = c->server;
    refuse_connection(c, INGEST_TOO_COSTLY, INGEST_TOO_COSTLY_TEXT, &v->shard->numbers.too_costly);
    if (may_log(v))
        log_warn("ingest", "connection ended", "reason=\"too costly\" verified=%" PRIu64 " costly=%" PRIu64,
                 c->standing.verified, c->standing.costly);
}

static bool take_hello(struct connection *c)
{
    if (!input_gather(&c->input, INGEST_CLIENT_HELLO_BYTES))
        return false;
    if (!ingest_check_client_hello(input_front(&c->input).ptr)) {
        refuse_connection(c, INGEST_BAD_HELLO, INGEST_BAD_HELLO_TEXT, &c->server->shard->numbers.bad_hellos);
        return false;
    }
    input_consume(&c->input, INGEST_CLIENT_HELLO_BYTES);
    ingest_server_hello(c->send_buf, c->server->shard->options.chain_id);
    c->send_len = INGEST_SERVER_HELLO_BYTES;
    c->hello_done = true;
    enter_queue(c, QUEUE_TALK);
    return true;
}

static void take_frame(struct connection *c, const struct ingest_frame *frame)
{
    struct shard *s = c->server->shard;
    uint64_t sequence = answers_open(c->answers);
    struct tx_origin origin = {c->handle, c->generation, sequence};
    const enum verify_kind witness = standing_is_doubtful(&c->standing) ? VERIFY_DOUBTFUL : VERIFY_WITNESS;
    const enum tx_status status = frame->has_witness ? receive_raw(s, frame->raw, witness, &frame->witness, origin)
                                                     : receive_raw(s, frame->raw, VERIFY_RECOVER, NULL, origin);
    if (status != TX_OK) {
        answers_set(c->answers, sequence, status, NULL);
        enter_queue(c, QUEUE_TALK);
    }
    add_number(&s->numbers.frames, 1);
}

// Takes frames of one connection while there is room. False: there are more.
static bool take_all(struct connection *c)
{
    for (;;) {
        struct bytes in = input_front(&c->input);
        if (in.len == 0)
            return true;
        if (!receive_has_room(c->server->shard) || !answers_may_open(c->answers))
            return false;
        struct ingest_frame frame;
        size_t size = 0;
        const char *error = NULL;
        switch (ingest_parse(in, &frame, &size, &error)) {
        case INGEST_FRAME:
            take_frame(c, &frame);
            input_consume(&c->input, size);
            break;
        case INGEST_NEED_MORE:
            // What was added may show that the frame is malformed before all of it is there.
            if (!input_gather(&c->input, size ? size : sizeof(uint32_t)) && input_front(&c->input).len == in.len)
                return true;
            break;
        case INGEST_INVALID:
            refuse_connection(c, INGEST_BAD_FRAME, error, &c->server->shard->numbers.bad_frames);
            return true;
        }
    }
}

static void take_from(struct connection *c)
{
    if (!c->hello_done && !take_hello(c))
        return;
    if (take_all(c)) {
        if (!c->input_over && !c->receiving)
            receive_in_turn(c); // after a pause
    } else if (answers_may_open(c->answers)) {
        enter_queue(c, QUEUE_READY);
    } else {
        pause_receiving(c);
    }
}

void ingest_take_frames(struct ingest_server *v)
{
    struct timeline *timeline = &v->shard->turn.timeline;
    enum stage before = stage_enter(&v->shard->turn.stages, STAGE_DECODE);
    struct connection *c;
    const bool work = v->queues[QUEUE_READY].first;
    if (work)
        timeline_begin(timeline, frames, 0, 0);
    while (receive_has_room(v->shard) && (c = next_in(v, QUEUE_READY))) {
        take_from(c);
        close_if_over(c);
    }
    receive_from_starved(v);
    if (work)
        timeline_end(timeline, frames, 0, 0);
    stage_enter(&v->shard->turn.stages, before);
}

bool ingest_has_work(const struct ingest_server *v)
{
    // Without memory there is nothing to do until answers come by message.
    return v->queues[QUEUE_READY].first && receive_has_memory(v->shard);
}

void ingest_send_answers(struct ingest_server *v)
{
    struct connection *c;
    while ((c = next_in(v, QUEUE_TALK))) {
        send_next(c);
        close_if_over(c);
    }
}

void ingest_answer(struct ingest_server *v, struct tx_origin origin, enum tx_status status)
{
    struct connection *c = connection_of(v, origin);
    if (!c)
        return;
    answers_set(c->answers, origin.sequence, (uint8_t)status, NULL);
    enter_queue(c, QUEUE_TALK);
}

void ingest_verified(struct ingest_server *v, struct tx_origin origin, bool costly)
{
    struct connection *c = connection_of(v, origin);
    if (!c)
        return;
    standing_add(&c->standing, costly);
    if (!c->refused && !c->dead && standing_is_too_costly(&c->standing, v->shard->options.costly_percent))
        refuse_costly(c);
}

// ---- accepting

static struct connection *free_slot(struct ingest_server *v)
{
    for (uint32_t i = 0; i < v->connection_cap && v->connection_count < v->connection_cap; i++) {
        struct connection *c = v->connections[i];
        if (c && c->used)
            continue;
        if (!c) {
            c = calloc(1, sizeof *c);
            if (!c)
                abort();
            c->handle = i + 1;
            v->connections[i] = c;
        }
        return c;
    }
    return NULL;
}

// The answer fits the empty socket buffer.
static void refuse_accepted(struct ingest_server *v, int fd)
{
    uint8_t answer[INGEST_ANSWER_MAX];
    size_t len = v->ending ? ingest_answer_put(answer, TX_STOPPING, tx_status_text(TX_STOPPING))
                           : ingest_answer_put(answer, INGEST_TOO_MANY, INGEST_TOO_MANY_TEXT);
    ssize_t ignored = send(fd, answer, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
    shutdown(fd, SHUT_WR);
    close(fd);
    if (v->ending)
        return;
    atomic_fetch_add_explicit(&v->shard->numbers.too_many, 1, memory_order_relaxed);
    if (may_log(v))
        log_warn("ingest", "connections refused", "reason=\"too many\" limit=%u", v->connection_cap);
}

void ingest_adopt(struct ingest_server *v, int fd)
{
    struct connection *c = v->ending ? NULL : free_slot(v);
    if (!c) {
        refuse_accepted(v, fd);
        return;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    *c = (struct connection){.receive.done = receive_done,
                             .send.done = send_done,
                             .server = v,
                             .fd = fd,
                             .handle = c->handle,
                             .generation = c->generation,
                             .used = true,
                             .answers = answers_create(v->shard->arena),
                             .send_buf = malloc(SEND_BYTES)};
    if (!c->send_buf)
        abort();
    input_init(&c->input, v->loop);
    v->connection_count++;
    atomic_fetch_add_explicit(&v->shard->numbers.connections, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&v->shard->numbers.connections_total, 1, memory_order_relaxed);
    arm_receive(c);
}

static void hand_round(struct ingest_server *v, int fd)
{
    struct shard *s = v->shard;
    unsigned to = v->next_peer++ % s->options.count;
    struct message m = {.kind = MSG_CONNECTION, .from = (uint16_t)s->options.index, .a = (uint64_t)fd};
    if (to == s->options.index || !inbox_post_below(&s->peers[to]->inbox, &m, INBOX_THREE_QUARTERS))
        ingest_adopt(v, fd);
}

static void arm_accept(struct ingest_server *v)
{
    struct io_uring_sqe *sqe = loop_sqe(v->loop, &v->accept);
    io_uring_prep_multishot_accept(sqe, v->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    v->accept_armed = true;
    v->accept_failed = false;
}

// After a failure (no descriptors left, say) the next try waits for the tick: trying at once would spin.
static void accept_done(struct loop_op *op, int result, uint32_t flags)
{
    struct ingest_server *v = (struct ingest_server *)((char *)op - offsetof(struct ingest_server, accept));
    if (!(flags & IORING_CQE_F_MORE))
        v->accept_armed = false;
    if (result >= 0 && v->ending)
        close(result);
    else if (result >= 0)
        hand_round(v, result);
    else if (result != -ECANCELED && may_log(v))
        log_warn("ingest", "accept failed", "error=\"%s\"", strerror(-result));
    if (v->accept_armed || v->ending)
        return;
    if (result < 0)
        v->accept_failed = true;
    else
        arm_accept(v);
}

void ingest_listen(struct ingest_server *v, int listen_fd)
{
    v->listen_fd = listen_fd;
    if (!v->ending)
        arm_accept(v);
}

bool ingest_wants_tick(const struct ingest_server *v)
{
    return v->accept_failed || v->queues[QUEUE_LINGER].first;
}

void ingest_tick(struct ingest_server *v, uint64_t now_ns)
{
    if (v->accept_failed && !v->ending)
        arm_accept(v);
    struct connection *c;
    while ((c = v->queues[QUEUE_LINGER].first) && c->linger_until_ns <= now_ns) {
        leave_queue(c, QUEUE_LINGER);
        kill_connection(c);
        close_if_over(c);
    }
}

// ---- the server's end

void ingest_stop_accepting(struct ingest_server *v)
{
    if (v->ending)
        return;
    v->ending = true;
    v->accept_failed = false;
    if (!v->accept_armed)
        return;
    struct io_uring_sqe *sqe = loop_sqe(v->loop, NULL);
    io_uring_prep_cancel(sqe, &v->accept, 0);
}

// Calls end for each connection; it may free it.
static void each_connection(struct ingest_server *v, void (*end)(struct connection *c))
{
    for (uint32_t i = 0; i < v->connection_cap && v->connection_count > 0; i++) {
        if (v->connections[i] && v->connections[i]->used)
            end(v->connections[i]);
    }
}

// Nothing more is read; answers that are there may still be sent.
static void end_input(struct connection *c)
{
    c->input_over = true;
    input_drop(&c->input);
    leave_queue(c, QUEUE_READY);
    leave_queue(c, QUEUE_STARVED);
    send_next(c);
    close_if_over(c);
}

static void end_now(struct connection *c)
{
    kill_connection(c);
    shutdown(c->fd, SHUT_RDWR);
    close_if_over(c);
}

static bool all_sent(const struct ingest_server *v)
{
    for (uint32_t i = 0; i < v->connection_cap; i++) {
        if (v->connections[i] && v->connections[i]->used && v->connections[i]->sending)
            return false;
    }
    return true;
}

void ingest_end(struct ingest_server *v)
{
    uint64_t until = clock_ns() + END_NS;
    ingest_stop_accepting(v);
    each_connection(v, end_input);
    while (!all_sent(v) && clock_ns() < until)
        loop_run(v->loop, 10000000);
    each_connection(v, end_now);
    until = clock_ns() + END_NS;
    while ((v->connection_count > 0 || v->accept_armed) && clock_ns() < until)
        loop_run(v->loop, 10000000);
}

struct ingest_server *ingest_create(struct shard *s)
{
    struct ingest_server *v = calloc(1, sizeof *v);
    if (!v)
        abort();
    v->shard = s;
    v->loop = s->loop;
    v->listen_fd = -1;
    v->accept.done = accept_done;
    v->connection_cap = s->options.connection_max;
    v->connections = calloc(v->connection_cap, sizeof(struct connection *));
    if (!v->connections)
        abort();
    return v;
}

void ingest_free(struct ingest_server *v)
{
    each_connection(v, free_connection); // of a shard whose thread never ran
    for (uint32_t i = 0; i < v->connection_cap; i++)
        free(v->connections[i]);
    free(v->connections);
    free(v);
}
