// WebSocket: texts in, texts out, each a message.
#include "engine/rpc/server_private.h"

#include "base/log.h"

#include <stdlib.h>

// Above these a connection is not read: it has to take its answers first.
#define PAUSE_EXCHANGES 128
#define PAUSE_BYTES (4u << 20)
// What may wait for a slow subscriber, beyond the largest answer.
#define SLOW_BYTES (16u << 20)

static void update_pause(struct conn *c)
{
    bool full = c->peer.exchange_count >= PAUSE_EXCHANGES || c->out_bytes > PAUSE_BYTES ||
                (c->server->out_bytes > RPC_OUTPUT_BYTES_MAX && c->out_bytes > 0);
    if (full == c->paused)
        return;
    c->paused = full;
    lws_rx_flow_control(c->wsi, full ? 0 : 1);
}

static void drop_slow(struct conn *c)
{
    char peer[64] = "";
    c->doomed = true;
    c->server->stats.slow_dropped++;
    lws_get_peer_simple(c->wsi, peer, sizeof peer);
    log_warn("rpc", "closing a WebSocket client that reads too slowly", "peer=%s waiting_bytes=%zu", peer,
             c->out_bytes);
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
}

static void queue(struct rpc_peer *peer, struct json_writer *text)
{
    struct conn *c = (struct conn *)peer;
    struct outgoing *o = text->len > 0 && !c->doomed ? malloc(sizeof *o) : NULL;
    if (!o) {
        jw_release(text);
        return;
    }
    *o = (struct outgoing){.text = *text};
    if (c->out_last)
        c->out_last->next = o;
    else
        c->out_first = o;
    c->out_last = o;
    c->out_bytes += text->len;
    c->server->out_bytes += text->len;
    if (c->out_bytes > SLOW_BYTES + c->server->options.response_bytes_max)
        drop_slow(c);
    else
        lws_callback_on_writable(c->wsi);
    update_pause(c);
}

static void pop(struct conn *c)
{
    struct outgoing *o = c->out_first;
    c->out_first = o->next;
    if (!c->out_first)
        c->out_last = NULL;
    c->out_bytes -= o->text.len;
    c->server->out_bytes -= o->text.len;
    c->sent = 0;
    jw_release(&o->text);
    free(o);
}

static bool unread(const struct rpc_peer *peer)
{
    return ((const struct conn *)peer)->out_first != NULL;
}

void ws_established(struct conn *c)
{
    struct server_stats *stats = &c->server->stats;
    stats->http_connections--;
    stats->websocket_connections++;
    c->websocket = true;
    c->sent = 0; // the connection may have served plain requests before its upgrade
    c->peer.respond = queue;
    c->peer.notify = queue;
    c->peer.unread = unread;
    c->peer.can_subscribe = true;
}

void ws_closed(struct conn *c)
{
    while (c->out_first)
        pop(c);
}

static int close_with(struct conn *c, enum lws_close_status code, const char *reason)
{
    lws_close_reason(c->wsi, code, (unsigned char *)reason, strlen(reason));
    return -1;
}

// Text and binary messages are taken alike, as geth does; whether it is UTF-8 the JSON parser tells.
int ws_receive(struct conn *c, const void *bytes, size_t len)
{
    if (c->doomed)
        return -1;
    if (lws_is_first_fragment(c->wsi))
        conn_drop_input(c);
    if (c->in_len + len > c->server->options.body_bytes_max)
        return close_with(c, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "message too large");
    if (!conn_receive(c, bytes, len))
        return close_with(c, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION, "too many requests are being received");
    if (!lws_is_final_fragment(c->wsi))
        return 0;
    core_handle(c->server->core, &c->peer, bytes_of(c->in, c->in_len));
    conn_drop_input(c);
    server_watch(c->server);
    update_pause(c);
    return 0;
}

int ws_writable(struct conn *c)
{
    if (c->doomed)
        return -1;
    while (c->out_first) {
        struct json_writer *text = &c->out_first->text;
        size_t left = text->len - c->sent;
        size_t part = left < WRITE_CHUNK_BYTES ? left : WRITE_CHUNK_BYTES;
        int flags = lws_write_ws_flags(LWS_WRITE_TEXT, c->sent == 0, part == left);
        // The frame's header goes in front of the part: into the headroom, or over what was sent already.
        if (lws_write(c->wsi, (unsigned char *)jw_text(text) + c->sent, part, (enum lws_write_protocol)flags) < 0)
            return -1;
        c->sent += part;
        if (part == left)
            pop(c);
        if (c->out_first && lws_send_pipe_choked(c->wsi)) {
            lws_callback_on_writable(c->wsi);
            break;
        }
    }
    update_pause(c);
    return 0;
}
