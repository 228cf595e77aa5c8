#include "tools/load/load_link.h"

#include "base/hex.h"
#include "tools/load/fifo.h"
#include "tools/load/net.h"
#include "tools/load/ws.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_BYTES (256u * 1024)
#define RECEIVE_BYTES (128u * 1024)
#define RPC_WINDOW 1024 // calls under way on one WebSocket
#define RPC_MESSAGE_MAX (1u << 20)
#define HELLO_TIMEOUT_MS 5000
// Longest encoding of one item: a JSON call holds the raw transaction in hex.
#define ITEM_BYTES_MAX 1024

struct load_link {
    int fd;
    bool is_rpc;
    size_t window;
    struct fifo queued;  // not encoded yet
    struct fifo waiting; // ingest: unanswered, in order
    size_t waiting_count;
    struct buffer in;
    size_t out_len, out_sent; // out[out_sent..out_len) is to go
    uint8_t out[OUT_BYTES];
};

static struct load_link *create(int fd, bool is_rpc, size_t window)
{
    struct load_link *l = malloc(sizeof *l);
    if (!l)
        abort();
    *l = (struct load_link){.fd = fd, .is_rpc = is_rpc, .window = window};
    return l;
}

static void never_wait(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

// An answer in the hello's place says why there is none.
static bool is_refusal(struct bytes in, char *error)
{
    uint8_t status;
    struct bytes text;
    if (ingest_answer_parse(in, &status, &text) == 0 || (status != INGEST_BAD_HELLO && status != INGEST_TOO_MANY))
        return false;
    snprintf(error, LOAD_ERROR_MAX, "%.*s", (int)text.len, (const char *)text.ptr);
    return true;
}

static bool greet(int fd, struct ingest_server_hello *hello, char *error)
{
    uint8_t mine[INGEST_CLIENT_HELLO_BYTES];
    struct buffer in = {0};
    ingest_client_hello(mine);
    bool ok = net_send_all(fd, mine, sizeof mine, error);
    while (ok && in.len < INGEST_SERVER_HELLO_BYTES && !is_refusal(bytes_of(in.ptr, in.len), error)) {
        const ssize_t got = net_receive(fd, &in, HELLO_TIMEOUT_MS, error);
        ok = got > 0;
        if (got == 0 || got == NET_TIMEOUT)
            snprintf(error, LOAD_ERROR_MAX, "no answer to the hello");
    }
    if (ok && is_refusal(bytes_of(in.ptr, in.len), error)) {
        ok = false;
    } else if (ok && !ingest_parse_server_hello(hello, in.ptr)) {
        snprintf(error, LOAD_ERROR_MAX, "not gantry's ingest port, or another version of it");
        ok = false;
    }
    buffer_free(&in);
    return ok;
}

struct load_link *load_link_ingest(const char *host, uint16_t port, uint64_t *chain_id, char error[LOAD_ERROR_MAX])
{
    struct ingest_server_hello hello;
    char reason[LOAD_ERROR_MAX];
    const int fd = tcp_connect(host, port, reason);
    if (fd < 0 || !greet(fd, &hello, reason)) {
        snprintf(error, LOAD_ERROR_MAX, "ingest port %.64s:%u: %.120s", host, port, reason);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    never_wait(fd);
    *chain_id = hello.chain_id;
    return create(fd, false, hello.window);
}

struct load_link *load_link_rpc(const struct rpc_url *ws, char error[LOAD_ERROR_MAX])
{
    struct rpc_socket *socket = rpc_socket_open(ws, error);
    if (!socket)
        return NULL;
    const int fd = fcntl(rpc_socket_fd(socket), F_DUPFD_CLOEXEC, 0);
    rpc_socket_close(socket);
    if (fd < 0) {
        snprintf(error, LOAD_ERROR_MAX, "%s", strerror(errno));
        return NULL;
    }
    never_wait(fd);
    return create(fd, true, RPC_WINDOW);
}

void load_link_close(struct load_link *l)
{
    if (!l)
        return;
    close(l->fd);
    fifo_free(&l->queued);
    fifo_free(&l->waiting);
    buffer_free(&l->in);
    free(l);
}

void load_link_push(struct load_link *l, uint32_t item)
{
    fifo_push(&l->queued, item);
}

bool load_link_busy(const struct load_link *l)
{
    return l->queued.count > 0 || l->waiting_count > 0 || l->out_sent < l->out_len;
}

size_t load_link_held(const struct load_link *l)
{
    return l->queued.count;
}

static size_t put_call(uint8_t *out, const struct load_set *set, uint32_t item)
{
    const struct bytes raw = load_set_raw(set, item);
    char head[128];
    const int head_len =
        snprintf(head, sizeof head,
                 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"eth_sendRawTransaction\",\"params\":[\"0x", item);
    const size_t payload = (size_t)head_len + 2 * raw.len + 3;
    uint8_t *p = out + ws_put_header(out, WS_TEXT, payload);
    memcpy(p, head, (size_t)head_len);
    hex_encode((char *)p + head_len, raw.ptr, raw.len);
    memcpy(p + head_len + 2 * raw.len, "\"]}", 3);
    return (size_t)(p - out) + payload;
}

static size_t put_frame(uint8_t *out, const struct load_set *set, uint32_t item)
{
    const struct bytes frame = load_set_frame(set, item);
    memcpy(out, frame.ptr, frame.len);
    return frame.len;
}

static void encode(struct load_link *l, const struct load_set *set, const struct load_link_events *events)
{
    if (l->out_sent == l->out_len)
        l->out_sent = l->out_len = 0;
    while (l->queued.count > 0 && l->waiting_count < l->window && OUT_BYTES - l->out_len >= ITEM_BYTES_MAX) {
        const uint32_t item = fifo_pop(&l->queued);
        uint8_t *out = l->out + l->out_len;
        l->out_len += l->is_rpc ? put_call(out, set, item) : put_frame(out, set, item);
        if (!l->is_rpc)
            fifo_push(&l->waiting, item);
        l->waiting_count++;
        events->sent(events->ctx, item);
    }
}

// True when everything encoded has gone.
static bool flush(struct load_link *l, char *error, bool *failed)
{
    while (l->out_sent < l->out_len) {
        const ssize_t sent = send(l->fd, l->out + l->out_sent, l->out_len - l->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            *failed = errno != EAGAIN && errno != EINTR;
            if (*failed)
                snprintf(error, LOAD_ERROR_MAX, "sending: %s", strerror(errno));
            return false;
        }
        l->out_sent += (size_t)sent;
    }
    return true;
}

// One answer of the ingest port off the front: its size, or 0; -1 when it is the connection's last.
static ptrdiff_t take_ingest(struct load_link *l, struct bytes in, const struct load_link_events *events, char *error)
{
    uint8_t status;
    struct bytes text;
    const size_t size = ingest_answer_parse(in, &status, &text);
    if (size == 0 || l->waiting_count == 0)
        return 0;
    if (status >= INGEST_BAD_FRAME) {
        snprintf(error, LOAD_ERROR_MAX, "the node ended the connection: %.*s", (int)text.len, (const char *)text.ptr);
        return -1;
    }
    l->waiting_count--;
    events->answered(events->ctx, fifo_pop(&l->waiting), status < TX_STATUS_COUNT ? status : TX_STATUS_COUNT);
    return (ptrdiff_t)size;
}

static struct bytes string_after(struct bytes text, const char *key)
{
    const char *p = memmem(text.ptr, text.len, key, strlen(key));
    if (!p)
        return bytes_of(NULL, 0);
    p += strlen(key);
    const char *end = (const char *)text.ptr + text.len, *quote = memchr(p, '"', (size_t)(end - p));
    return bytes_of(p, quote ? (size_t)(quote - p) : 0);
}

enum tx_status load_status_of_text(struct bytes text)
{
    for (unsigned s = 0; s < TX_STATUS_COUNT; s++) {
        const char *words = tx_status_text((enum tx_status)s);
        if (bytes_equal(text, bytes_of(words, strlen(words))))
            return (enum tx_status)s;
    }
    return TX_STATUS_COUNT;
}

static void take_call(struct load_link *l, struct bytes text, const struct load_set *set,
                      const struct load_link_events *events)
{
    const char *id = memmem(text.ptr, text.len, "\"id\":", 5);
    const unsigned long item = id ? strtoul(id + 5, NULL, 10) : UINT32_MAX;
    if (item >= set->count || l->waiting_count == 0)
        return;
    const bool failed = memmem(text.ptr, text.len, "\"error\"", 7) != NULL;
    l->waiting_count--;
    events->answered(events->ctx, (uint32_t)item,
                     failed ? load_status_of_text(string_after(text, "\"message\":\"")) : TX_OK);
}

static ptrdiff_t take_message(struct load_link *l, struct bytes in, const struct load_set *set,
                              const struct load_link_events *events, char *error)
{
    struct ws_frame frame;
    size_t wanted;
    const ptrdiff_t size = ws_parse(in, RPC_MESSAGE_MAX, &frame, &wanted);
    if (size > 0 && frame.opcode == WS_TEXT && frame.final)
        take_call(l, frame.payload, set, events);
    if (size < 0 || (size > 0 && (frame.opcode == WS_CLOSE || !frame.final))) {
        snprintf(error, LOAD_ERROR_MAX, "the node closed the WebSocket, or sent what this client does not read");
        return -1;
    }
    // A ping is answered when there is room: the answer is the frame itself, masked.
    if (size > 0 && frame.opcode == WS_PING && OUT_BYTES - l->out_len >= WS_HEADER_MAX + 125 &&
        frame.payload.len <= 125) {
        l->out_len += ws_put_header(l->out + l->out_len, WS_PONG, frame.payload.len);
        memcpy(l->out + l->out_len, frame.payload.ptr, frame.payload.len);
        l->out_len += frame.payload.len;
    }
    return size;
}

static bool take_answers(struct load_link *l, const struct load_set *set, const struct load_link_events *events,
                         char *error)
{
    size_t at = 0;
    for (ptrdiff_t size = 1; size > 0; at += (size_t)size) {
        const struct bytes in = bytes_of(l->in.ptr + at, l->in.len - at);
        size = l->is_rpc ? take_message(l, in, set, events, error) : take_ingest(l, in, events, error);
        if (size < 0)
            return false;
    }
    buffer_drop(&l->in, at);
    return true;
}

static bool receive(struct load_link *l, const struct load_set *set, const struct load_link_events *events, char *error)
{
    for (;;) {
        uint8_t *to = buffer_reserve(&l->in, RECEIVE_BYTES);
        const ssize_t got = recv(l->fd, to, RECEIVE_BYTES, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (got <= 0) {
            snprintf(error, LOAD_ERROR_MAX, "the node closed the connection%s%s", got < 0 ? ": " : "",
                     got < 0 ? strerror(errno) : "");
            return false;
        }
        l->in.len += (size_t)got;
        if (!take_answers(l, set, events, error))
            return false;
        if ((size_t)got < RECEIVE_BYTES)
            return true;
    }
}

bool load_link_pump(struct load_link *l, const struct load_set *set, const struct load_link_events *events,
                    char error[LOAD_ERROR_MAX])
{
    if ((l->waiting_count > 0 || l->is_rpc) && !receive(l, set, events, error))
        return false;
    bool failed = false;
    do {
        encode(l, set, events);
    } while (flush(l, error, &failed) && !failed && l->queued.count > 0 && l->waiting_count < l->window);
    return !failed;
}
