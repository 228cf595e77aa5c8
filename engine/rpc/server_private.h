// A connection, shared by server.c, server_http.c and server_ws.c only.
#ifndef GANTRY_ENGINE_RPC_SERVER_PRIVATE_H
#define GANTRY_ENGINE_RPC_SERVER_PRIVATE_H

#include "engine/rpc/pages.h"
#include "engine/rpc/server.h"

#include <libwebsockets.h>

// Sent by one write: enough to keep a socket busy, small beside what others wait for.
#define WRITE_CHUNK_BYTES (64u * 1024)

// One text on its way out.
struct outgoing {
    struct json_writer text;
    struct outgoing *next;
};

struct conn {
    struct rpc_peer peer; // first: the core hands this back
    struct server *server;
    struct lws *wsi;
    bool websocket, doomed;
    // The request's text so far.
    uint8_t *in;
    size_t in_len, in_cap;
    // WebSocket: texts to send, oldest first; sent counts bytes of the first.
    struct outgoing *out_first, *out_last;
    size_t out_bytes, sent;
    bool paused; // the socket is not read
    // HTTP: the answer.
    struct json_writer body;
    unsigned status, early_input_count;
    const char *content_type;
    bool answering, head_sent, head_only, close_after, preflight;
    const struct page *page; // that is answered; NULL for none
    bool gzip;               // in its compressed form
    char origin[128];        // to allow, "" for none
};

struct server {
    struct rpc_core *core;
    struct rpc_options options;
    void (*on_wake)(void *ctx);
    void *ctx;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lws_protocols protocols[2];
    char *cors, *allowed_hosts;
    size_t in_bytes, out_bytes;
    struct server_stats stats;
    lws_sorted_usec_list_t overview_timer;
    bool overview_due; // the timer runs
};

// Tells who wants the overview of it, now and again until nobody does.
void server_watch(struct server *s);
// The text of /metrics, to be freed; NULL when memory is short.
char *server_metrics_text(struct server *s, size_t *len);

// Adds to the request's text; false when it would pass the limit of all requests.
bool conn_receive(struct conn *c, const void *bytes, size_t len);
void conn_drop_input(struct conn *c);
// A header's text; "" when it is absent or longer than fits.
void conn_header(struct conn *c, enum lws_token_indexes token, char *out, int cap);

// Callbacks' results: 0 go on, -1 close.
int http_request(struct conn *c, const char *path);
int http_body(struct conn *c, const void *bytes, size_t len);
int http_body_end(struct conn *c);
int http_writable(struct conn *c);
int http_upgrade(struct conn *c, const char *protocol);
void http_respond(struct rpc_peer *peer, struct json_writer *answer);

void ws_established(struct conn *c);
int ws_receive(struct conn *c, const void *bytes, size_t len);
int ws_writable(struct conn *c);
void ws_closed(struct conn *c);

#endif
