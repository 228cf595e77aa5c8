// The blocking WebSocket of rpc_client.h.
#include "base/clock.h"
#include "tools/load/net.h"
#include "tools/load/rpc_client.h"
#include "tools/load/ws.h"

#include <stdlib.h>
#include <unistd.h>

#define UPGRADE_TIMEOUT_MS 5000

struct rpc_socket {
    int fd;
    struct buffer in;      // as received
    struct buffer message; // fragments put together
    bool fragments;        // message is unfinished
};

static bool upgrade(struct rpc_socket *s, const struct rpc_url *url, char *error)
{
    char request[1024];
    const size_t len = ws_request(request, sizeof request, url->host, url->port, url->path);
    if (len == 0 || !net_send_all(s->fd, request, len, error))
        return false;
    uint8_t *end;
    while (!(end = s->in.len ? memmem(s->in.ptr, s->in.len, "\r\n\r\n", 4) : NULL)) {
        const ssize_t got = net_receive(s->fd, &s->in, UPGRADE_TIMEOUT_MS, error);
        if (got == 0 || got == NET_TIMEOUT)
            snprintf(error, RPC_ERROR_MAX, "%.100s:%u: no answer to the WebSocket upgrade", url->host, url->port);
        if (got <= 0)
            return false;
    }
    if (s->in.len < 12 || memcmp(s->in.ptr, "HTTP/1.1 101", 12) != 0) {
        snprintf(error, RPC_ERROR_MAX, "%.100s:%u: no WebSocket there", url->host, url->port);
        return false;
    }
    buffer_drop(&s->in, (size_t)(end - s->in.ptr) + 4);
    return true;
}

struct rpc_socket *rpc_socket_open(const struct rpc_url *url, char error[RPC_ERROR_MAX])
{
    struct rpc_socket *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->fd = tcp_connect(url->host, url->port, error);
    if (s->fd >= 0 && upgrade(s, url, error))
        return s;
    rpc_socket_close(s);
    return NULL;
}

void rpc_socket_close(struct rpc_socket *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    buffer_free(&s->in);
    buffer_free(&s->message);
    free(s);
}

int rpc_socket_fd(const struct rpc_socket *s)
{
    return s->fd;
}

static bool send_frame(struct rpc_socket *s, enum ws_opcode opcode, const void *payload, size_t len, char *error)
{
    uint8_t head[WS_HEADER_MAX];
    const size_t head_len = ws_put_header(head, opcode, len);
    return net_send_all(s->fd, head, head_len, error) && net_send_all(s->fd, payload, len, error);
}

bool rpc_socket_send(struct rpc_socket *s, const char *text, size_t len, char error[RPC_ERROR_MAX])
{
    return send_frame(s, WS_TEXT, text, len, error);
}

// What a frame means: 1 a message is whole (in s->message), 0 go on, -1 the connection is over.
static int take_frame(struct rpc_socket *s, const struct ws_frame *frame, char *error)
{
    switch (frame->opcode) {
    case WS_PING:
        return send_frame(s, WS_PONG, frame->payload.ptr, frame->payload.len, error) ? 0 : -1;
    case WS_PONG:
        return 0;
    case WS_TEXT:
    case WS_CONTINUATION:
        if (!s->fragments)
            s->message.len = 0;
        buffer_append(&s->message, frame->payload.ptr, frame->payload.len);
        s->fragments = !frame->final;
        return frame->final;
    case WS_BINARY:
    case WS_CLOSE:
        break;
    }
    snprintf(error, RPC_ERROR_MAX, "the node closed the WebSocket");
    return -1;
}

const char *rpc_socket_receive(struct rpc_socket *s, int timeout_ms, size_t *len, char error[RPC_ERROR_MAX])
{
    const uint64_t deadline = clock_ns() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms) * 1000000;
    for (;;) {
        struct ws_frame frame;
        size_t wanted;
        const ptrdiff_t size = ws_parse(bytes_of(s->in.ptr, s->in.len), RPC_RESPONSE_MAX, &frame, &wanted);
        if (size < 0) {
            snprintf(error, RPC_ERROR_MAX, "the node sent a bad WebSocket frame");
            return NULL;
        }
        if (size > 0) {
            const int state = take_frame(s, &frame, error);
            buffer_drop(&s->in, (size_t)size);
            if (state < 0)
                return NULL;
            if (state > 0) {
                *len = s->message.len;
                buffer_append(&s->message, "", 1);
                s->message.len--;
                return (const char *)s->message.ptr;
            }
            continue;
        }
        const uint64_t now = clock_ns();
        const int left = timeout_ms < 0 ? -1 : now >= deadline ? 0 : (int)((deadline - now) / 1000000 + 1);
        const ssize_t got = net_receive(s->fd, &s->in, left, error);
        if (got == NET_TIMEOUT) {
            error[0] = 0;
            return NULL;
        }
        if (got == 0)
            snprintf(error, RPC_ERROR_MAX, "the node closed the WebSocket");
        if (got <= 0)
            return NULL;
    }
}
