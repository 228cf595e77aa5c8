#include "shard/ingest/server.h"

#include "base/log.h"
#include "shard/ingest/answers.h"
#include "shard/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_BYTES 16384
// Provided buffers that one connection may hold while its frames wait: beyond it the others would starve.
#define CHUNKS_MAX LOOP_BUFFER_COUNT

struct chunk {
    uint16_t buffer;
    uint32_t offset, len;
};

struct connection {
    struct loop_op receive, send; // their container is found by offset
    struct ingest_server *server;
    int fd;
    uint32_t handle, generation;
    bool used, hello_done;
    bool receiving; // a multishot receive is armed
    bool starved;   // it ended for want of buffers
    bool sending;
    bool input_over; // end of stream, or what follows is not read any more
    bool dead;       // nothing can be sent any more
    bool ready;      // in the server's ready queue
    struct answers *answers;
    struct chunk chunks[CHUNKS_MAX];
    unsigned chunk_head, chunk_count;
    uint8_t *partial; // a frame that spans chunks
    size_t partial_len, partial_cap;
    uint8_t *send_buf;
    size_t send_len, send_done;
};

struct ingest_server {
    struct shard *shard;
    struct loop *loop;
    struct loop_op accept;
    int listen_fd;
    unsigned next_peer;
    struct connection **connections; // by handle - 1
    uint32_t connection_cap, connection_count;
    uint32_t *ready; // ring of handles with input to take
    uint32_t ready_head, ready_count;
};

static void arm_receive(struct connection *c);
static void close_if_over(struct connection *c);

static struct connection *connection_of(struct ingest_server *v, struct tx_origin origin)
{
    if (origin.connection == 0 || origin.connection > v->connection_cap)
        return NULL;
    struct connection *c = v->connections[origin.connection - 1];
    return c && c->used && c->generation == origin.generation ? c : NULL;
}

static void make_ready(struct connection *c)
{
    struct ingest_server *v = c->server;
    if (c->ready)
        return;
    c->ready = true;
    v->ready[(v->ready_head + v->ready_count++) % v->connection_cap] = c->handle;
}

static void drop_chunks(struct connection *c)
{
    for (; c->chunk_count > 0; c->chunk_count--) {
        loop_buffer_return(c->server->loop, c->chunks[c->chunk_head].buffer);
        c->chunk_head = (c->chunk_head + 1) % CHUNKS_MAX;
    }
    c->partial_len = 0;
}

static void rearm_starved(struct ingest_server *v)
{
    if (loop_buffers_out(v->loop) >= LOOP_BUFFER_COUNT)
        return;
    for (uint32_t i = 0; i < v->connection_cap; i++) {
        struct connection *c = v->connections[i];
        if (c && c->used && c->starved && !c->input_over) {
            c->starved = false;
            arm_receive(c);
        }
    }
}

static void receive_done(struct loop_op *op, int result, uint32_t flags)
{
    struct connection *c = (struct connection *)((char *)op - offsetof(struct connection, receive));
    struct shard *s = c->server->shard;
    enum stage before = stage_enter(&s->stages, STAGE_RECEIVE);
    if (!(flags & IORING_CQE_F_MORE))
        c->receiving = false;
    if (flags & IORING_CQE_F_BUFFER) {
        loop_buffer_taken(c->server->loop);
        unsigned buffer = flags >> IORING_CQE_BUFFER_SHIFT;
        if (result <= 0 || c->input_over) {
            loop_buffer_return(c->server->loop, buffer);
        } else {
            unsigned at = (c->chunk_head + c->chunk_count++) % CHUNKS_MAX;
            c->chunks[at] = (struct chunk){(uint16_t)buffer, 0, (uint32_t)result};
            atomic_fetch_add_explicit(&s->numbers.received_bytes, (uint64_t)result, memory_order_relaxed);
            make_ready(c);
        }
    }
    if (result == -ENOBUFS) {
        atomic_fetch_add_explicit(&s->numbers.receive_paused, 1, memory_order_relaxed);
        c->starved = true;
    } else if (result <= 0) {
        c->input_over = true;
        c->dead = c->dead || result < 0;
        make_ready(c);
    } else if (!c->receiving && !c->input_over) {
        arm_receive(c);
    }
    stage_enter(&s->stages, before);
    close_if_over(c);
}

static void arm_receive(struct connection *c)
{
    struct io_uring_sqe *sqe = loop_sqe(c->server->loop, &c->receive);
    io_uring_prep_recv_multishot(sqe, c->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    c->receiving = true;
}

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
}

static void send_done(struct loop_op *op, int result, uint32_t flags)
{
    struct connection *c = (struct connection *)((char *)op - offsetof(struct connection, send));
    (void)flags;
    c->sending = false;
    if (result <= 0) {
        c->dead = true;
        c->input_over = true;
        drop_chunks(c);
    } else {
        c->send_done += (size_t)result;
        if (c->send_done < c->send_len) {
            send_some(c);
            return;
        }
        c->send_len = 0;
        send_next(c);
        if (c->chunk_count > 0 || c->partial_len > 0)
            make_ready(c);
    }
    close_if_over(c);
}

static bool answered(const struct connection *c)
{
    return c->dead || (answers_outstanding(c->answers) == 0 && c->send_len == 0);
}

// Ends a connection when nothing is left to read or answer and the kernel holds none of its memory.
static void close_if_over(struct connection *c)
{
    if (!c->used || !c->input_over || c->sending || c->ready || !answered(c))
        return;
    if (c->receiving) {
        shutdown(c->fd, SHUT_RDWR); // completes the armed receive
        return;
    }
    struct ingest_server *v = c->server;
    drop_chunks(c);
    close(c->fd);
    answers_free(c->answers);
    free(c->partial);
    free(c->send_buf);
    c->used = false;
    c->generation++;
    v->connection_count--;
    atomic_fetch_sub_explicit(&v->shard->numbers.connections, 1, memory_order_relaxed);
}

// The front of the connection's input as one view: the partial frame if there is one, else the first chunk.
static struct bytes front(const struct connection *c)
{
    if (c->partial_len > 0)
        return bytes_of(c->partial, c->partial_len);
    if (c->chunk_count == 0)
        return bytes_of(NULL, 0);
    const struct chunk *k = &c->chunks[c->chunk_head];
    return bytes_of(loop_buffer(c->server->loop, k->buffer) + k->offset, k->len);
}

static void consume(struct connection *c, size_t len)
{
    if (c->partial_len > 0) {
        c->partial_len = 0; // always consumed whole
        return;
    }
    struct chunk *k = &c->chunks[c->chunk_head];
    k->offset += (uint32_t)len;
    k->len -= (uint32_t)len;
    if (k->len > 0)
        return;
    loop_buffer_return(c->server->loop, k->buffer);
    c->chunk_head = (c->chunk_head + 1) % CHUNKS_MAX;
    c->chunk_count--;
}

// Moves bytes from the chunks to the partial frame until it holds `want`. False when there are not enough yet.
static bool gather_partial(struct connection *c, size_t want)
{
    if (c->partial_cap < want) {
        uint8_t *grown = realloc(c->partial, want);
        if (!grown)
            abort();
        c->partial = grown;
        c->partial_cap = want;
    }
    while (c->partial_len < want && c->chunk_count > 0) {
        struct chunk *k = &c->chunks[c->chunk_head];
        size_t n = want - c->partial_len < k->len ? want - c->partial_len : k->len;
        memcpy(c->partial + c->partial_len, loop_buffer(c->server->loop, k->buffer) + k->offset, n);
        size_t held = c->partial_len + n;
        c->partial_len = 0;
        consume(c, n);
        c->partial_len = held;
    }
    return c->partial_len >= want;
}

static void refuse_connection(struct connection *c, uint8_t status, const char *why)
{
    answers_set(c->answers, answers_open(c->answers), status, why);
    c->input_over = true;
    drop_chunks(c);
}

static bool take_hello(struct connection *c)
{
    if (!gather_partial(c, INGEST_CLIENT_HELLO_BYTES))
        return false;
    bool good = ingest_check_client_hello(c->partial);
    c->partial_len = 0;
    ingest_server_hello(c->send_buf, c->server->shard->options.chain_id);
    c->send_len = INGEST_SERVER_HELLO_BYTES;
    c->hello_done = true;
    if (!good)
        refuse_connection(c, INGEST_BAD_HELLO, "not the hello of this protocol version");
    return good;
}

static void take_frame(struct connection *c, const struct ingest_frame *frame)
{
    struct shard *s = c->server->shard;
    uint64_t sequence = answers_open(c->answers);
    struct tx_origin origin = {c->handle, c->generation, sequence};
    enum tx_status status = receive_raw(s, frame->raw, frame->has_witness ? &frame->witness : NULL, origin);
    if (status != TX_OK)
        answers_set(c->answers, sequence, status, NULL);
    atomic_fetch_add_explicit(&s->numbers.frames, 1, memory_order_relaxed);
}

// Takes frames of one connection while there is room. Returns true when it stopped for want of room.
static bool take_from(struct connection *c)
{
    struct shard *s = c->server->shard;
    if (!c->hello_done && !take_hello(c))
        return false;
    for (;;) {
        struct bytes in = front(c);
        if (in.len == 0)
            return false;
        if (!receive_has_room(s) || !answers_may_open(c->answers))
            return true;
        struct ingest_frame frame;
        size_t size = 0;
        const char *error = NULL;
        switch (ingest_parse(in, &frame, &size, &error)) {
        case INGEST_FRAME:
            take_frame(c, &frame);
            consume(c, size);
            break;
        case INGEST_NEED_MORE:
            if (!gather_partial(c, size ? size : sizeof(uint32_t)))
                return false;
            break;
        case INGEST_INVALID:
            refuse_connection(c, INGEST_BAD_FRAME, error);
            return false;
        }
    }
}

bool ingest_take_frames(struct ingest_server *v)
{
    enum stage before = stage_enter(&v->shard->stages, STAGE_DECODE);
    for (uint32_t turns = v->ready_count; turns > 0 && receive_has_room(v->shard); turns--) {
        struct connection *c = v->connections[v->ready[v->ready_head] - 1];
        v->ready_head = (v->ready_head + 1) % v->connection_cap;
        v->ready_count--;
        c->ready = false;
        if (c->dead)
            drop_chunks(c);
        else if (take_from(c) && answers_may_open(c->answers))
            make_ready(c);
        close_if_over(c);
    }
    // Without memory there is nothing to do until a release comes by message.
    bool more = v->ready_count > 0 && receive_has_memory(v->shard);
    rearm_starved(v);
    stage_enter(&v->shard->stages, before);
    return more;
}

void ingest_send_answers(struct ingest_server *v)
{
    for (uint32_t i = 0; i < v->connection_cap; i++) {
        struct connection *c = v->connections[i];
        if (!c || !c->used)
            continue;
        send_next(c);
        // A full window had stopped the reading; draining has opened it.
        if ((c->chunk_count > 0 || c->partial_len > 0) && answers_may_open(c->answers))
            make_ready(c);
        close_if_over(c);
    }
}

void ingest_answer(struct ingest_server *v, struct tx_origin origin, enum tx_status status)
{
    struct connection *c = connection_of(v, origin);
    if (c)
        answers_set(c->answers, origin.sequence, (uint8_t)status, NULL);
}

static struct connection *free_slot(struct ingest_server *v)
{
    for (uint32_t i = 0; i < v->connection_cap; i++) {
        struct connection *c = v->connections[i];
        if (c && c->used)
            continue;
        if (!c) {
            c = calloc(1, sizeof *c);
            if (!c)
                abort();
            c->server = v;
            c->handle = i + 1;
            c->receive.done = receive_done;
            c->send.done = send_done;
            v->connections[i] = c;
        }
        return c;
    }
    return NULL;
}

void ingest_adopt(struct ingest_server *v, int fd)
{
    struct connection *c = free_slot(v);
    if (!c) {
        log_warn("ingest", "connection refused", "reason=\"too many\" limit=%u", v->connection_cap);
        close(fd);
        return;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->fd = fd;
    c->used = true;
    c->hello_done = c->receiving = c->starved = c->sending = c->input_over = c->dead = c->ready = false;
    c->answers = answers_create(v->shard->arena);
    c->chunk_head = c->chunk_count = 0;
    c->partial = NULL;
    c->partial_len = c->partial_cap = 0;
    c->send_buf = malloc(SEND_BYTES);
    if (!c->send_buf)
        abort();
    c->send_len = c->send_done = 0;
    v->connection_count++;
    atomic_fetch_add_explicit(&v->shard->numbers.connections, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&v->shard->numbers.connections_total, 1, memory_order_relaxed);
    arm_receive(c);
}

static void accept_done(struct loop_op *op, int result, uint32_t flags)
{
    struct ingest_server *v = (struct ingest_server *)((char *)op - offsetof(struct ingest_server, accept));
    struct shard *s = v->shard;
    if (result >= 0) {
        unsigned to = v->next_peer++ % s->options.count;
        struct message m = {.kind = MSG_CONNECTION, .from = (uint16_t)s->options.index, .a = (uint64_t)result};
        if (to == s->options.index || !inbox_post(&s->peers[to]->inbox, &m))
            ingest_adopt(v, result);
    } else if (result != -ECANCELED) {
        log_warn("ingest", "accept failed", "error=\"%s\"", strerror(-result));
    }
    if (!(flags & IORING_CQE_F_MORE) && result != -ECANCELED && !atomic_load(&s->stopping))
        ingest_listen(v, v->listen_fd);
}

void ingest_listen(struct ingest_server *v, int listen_fd)
{
    v->listen_fd = listen_fd;
    struct io_uring_sqe *sqe = loop_sqe(v->loop, &v->accept);
    io_uring_prep_multishot_accept(sqe, listen_fd, NULL, NULL, SOCK_CLOEXEC);
}

struct ingest_server *ingest_create(struct shard *s)
{
    struct ingest_server *v = calloc(1, sizeof *v);
    if (!v)
        abort();
    v->shard = s;
    v->loop = s->loop;
    v->accept.done = accept_done;
    v->connection_cap = s->options.connection_max;
    v->connections = calloc(v->connection_cap, sizeof(struct connection *));
    v->ready = calloc(v->connection_cap, sizeof *v->ready);
    if (!v->connections || !v->ready)
        abort();
    return v;
}

void ingest_free(struct ingest_server *v)
{
    for (uint32_t i = 0; i < v->connection_cap; i++) {
        struct connection *c = v->connections[i];
        if (c && c->used) {
            close(c->fd);
            answers_free(c->answers);
            free(c->partial);
            free(c->send_buf);
        }
        free(c);
    }
    free(v->connections);
    free(v->ready);
    free(v);
}
