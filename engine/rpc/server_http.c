// HTTP: what is a request for JSON-RPC, what for a page, and what is refused.
#include "engine/rpc/server_private.h"

#include "engine/rpc/guard.h"

#include <errno.h>
#include <stdlib.h>

#define STALLED_SECONDS 30
// How often input is offered to a connection whose answer the node still owes (a loop's turn each: some 20 ms).
#define EARLY_INPUT_MAX 10000

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_OPTIONS, METHOD_OTHER };

static enum method method_of(struct conn *c)
{
    static const enum lws_token_indexes tokens[] = {[METHOD_GET] = WSI_TOKEN_GET_URI,
                                                    [METHOD_HEAD] = WSI_TOKEN_HEAD_URI,
                                                    [METHOD_POST] = WSI_TOKEN_POST_URI,
                                                    [METHOD_OPTIONS] = WSI_TOKEN_OPTIONS_URI};
    for (int i = METHOD_GET; i < METHOD_OTHER; i++) {
        if (lws_hdr_total_length(c->wsi, tokens[i]) > 0)
            return (enum method)i;
    }
    return METHOD_OTHER;
}

// The answer's text is in c->body.
static int start_answer(struct conn *c, unsigned status, const char *content_type)
{
    c->status = status;
    c->content_type = content_type;
    c->answering = true;
    c->head_sent = false;
    c->sent = 0;
    c->server->out_bytes += c->body.len;
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_CONTENT, STALLED_SECONDS);
    lws_callback_on_writable(c->wsi);
    return 0;
}

static int answer_text(struct conn *c, unsigned status, const char *text)
{
    jw_init(&c->body, SIZE_MAX);
    jw_raw(&c->body, text);
    return start_answer(c, status, "text/plain; charset=utf-8");
}

static int refuse(struct conn *c, unsigned status, const char *text)
{
    for (size_t i = 0; i < SERVER_STATUS_COUNT; i++)
        c->server->stats.refused_by_status[i] += SERVER_STATUSES[i] == status;
    // What may follow of the request's body must not be taken for another request.
    c->close_after = true;
    return answer_text(c, status, text);
}

static int answer_health(struct conn *c)
{
    jw_init(&c->body, SIZE_MAX);
    bool healthy = core_health(c->server->core, &c->body);
    return start_answer(c, healthy ? 200 : 503, "application/json");
}

static int answer_metrics(struct conn *c)
{
    size_t len = 0;
    char *text = server_metrics_text(c->server, &len);
    if (!text)
        return refuse(c, 503, "out of memory\n");
    jw_init(&c->body, SIZE_MAX);
    jw_bytes(&c->body, text, len);
    free(text);
    return start_answer(c, 200, "text/plain; version=0.0.4; charset=utf-8");
}

static bool accepts_gzip(struct conn *c)
{
    char text[128];
    conn_header(c, WSI_TOKEN_HTTP_ACCEPT_ENCODING, text, sizeof text);
    return page_accepts_gzip(text);
}

static int answer_file(struct conn *c, const struct page *page)
{
    char known[PAGE_TAG_MAX + 1];
    if (c->server->out_bytes > RPC_OUTPUT_BYTES_MAX)
        return refuse(c, 503, "too many answers are waiting to be read\n");
    jw_init(&c->body, SIZE_MAX);
    c->page = page;
    conn_header(c, WSI_TOKEN_HTTP_IF_NONE_MATCH, known, sizeof known);
    if (strcmp(known, page->tag) == 0)
        return start_answer(c, 304, NULL);
    c->gzip = page->zipped.len > 0 && accepts_gzip(c);
    const struct bytes content = c->gzip ? page->zipped : page->plain;
    jw_bytes(&c->body, content.ptr, content.len);
    return start_answer(c, 200, page->content_type);
}

static int answer_page(struct conn *c, const char *path)
{
    if (strcmp(path, "/health") == 0)
        return answer_health(c);
    if (strcmp(path, "/metrics") == 0)
        return answer_metrics(c);
    const struct page *page = page_find(path);
    return page ? answer_file(c, page) : refuse(c, 404, "not found\n");
}

static int answer_preflight(struct conn *c)
{
    jw_init(&c->body, SIZE_MAX);
    c->preflight = true;
    return start_answer(c, 204, NULL);
}

// A POST: checks what can be known before its body comes.
static int begin_post(struct conn *c, const char *path)
{
    char text[128];
    if (strcmp(path, "/") != 0)
        return refuse(c, 404, "not found\n");
    conn_header(c, WSI_TOKEN_HTTP_CONTENT_TYPE, text, sizeof text);
    if (!guard_content_type(text))
        return refuse(c, 415, "invalid content type, only application/json is supported\n");
    if (lws_hdr_total_length(c->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0)
        return refuse(c, 411, "length required\n");
    conn_header(c, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof text);
    if (!text[0] || strspn(text, "0123456789") != strlen(text))
        return refuse(c, 400, "malformed content length\n");
    errno = 0;
    unsigned long long length = strtoull(text, NULL, 10);
    if (errno != 0 || length > c->server->options.body_bytes_max) {
        char message[192];
        snprintf(message, sizeof message, "content length too large (%s>%llu)\n", text,
                 (unsigned long long)c->server->options.body_bytes_max);
        return refuse(c, 413, message);
    }
    if (c->server->out_bytes > RPC_OUTPUT_BYTES_MAX)
        return refuse(c, 503, "too many answers are waiting to be read\n");
    conn_header(c, WSI_TOKEN_HTTP_EXPECT, text, sizeof text);
    if (strcasecmp(text, "100-continue") == 0) {
        unsigned char go_on[LWS_PRE + 32] = {0};
        int len = snprintf((char *)go_on + LWS_PRE, 32, "HTTP/1.1 100 Continue\r\n\r\n");
        if (lws_write(c->wsi, go_on + LWS_PRE, (size_t)len, LWS_WRITE_HTTP_HEADERS) < 0)
            return -1;
    }
    return 0;
}

// A new request on the connection: forget the last one.
static void reset(struct conn *c)
{
    conn_drop_input(c);
    c->answering = c->head_sent = c->head_only = c->close_after = c->preflight = c->gzip = false;
    c->page = NULL;
    c->status = c->early_input_count = 0;
    c->origin[0] = 0;
}

static void read_origin(struct conn *c)
{
    conn_header(c, WSI_TOKEN_ORIGIN, c->origin, sizeof c->origin);
    if (!guard_origin(c->origin, c->server->cors))
        c->origin[0] = 0;
}

// More input before the answer is out. The library (4.1) does not manage that: it would offer the same input again and
// again, and a request that it takes from there sends it into an endless loop. So the answer gets what chance there is,
// and the connection ends.
static int early_input(struct conn *c)
{
    c->close_after = true;
    if (!c->answering)
        return ++c->early_input_count > EARLY_INPUT_MAX ? -1 : 0;
    http_writable(c);
    return -1;
}

int http_request(struct conn *c, const char *path)
{
    char host[256];
    if (c->answering || c->peer.exchange_count > 0) {
        early_input(c);
        return -1;
    }
    reset(c);
    conn_header(c, WSI_TOKEN_HOST, host, sizeof host);
    bool long_host = !host[0] && lws_hdr_total_length(c->wsi, WSI_TOKEN_HOST) > 0;
    if (long_host || !guard_host(host, c->server->allowed_hosts))
        return refuse(c, 403, "invalid host specified\n");
    read_origin(c);
    switch (method_of(c)) {
    case METHOD_POST:
        return begin_post(c, path);
    case METHOD_OPTIONS:
        return answer_preflight(c);
    case METHOD_HEAD:
        c->head_only = true;
        return answer_page(c, path);
    case METHOD_GET:
        return answer_page(c, path);
    case METHOD_OTHER:
        break;
    }
    return refuse(c, 405, "method not allowed\n");
}

int http_body(struct conn *c, const void *bytes, size_t len)
{
    if (c->answering) // refused already
        return 0;
    if (c->in_len + len > c->server->options.body_bytes_max)
        return refuse(c, 413, "content length too large\n");
    if (!conn_receive(c, bytes, len))
        return refuse(c, 503, "too many requests are being received\n");
    return 0;
}

int http_body_end(struct conn *c)
{
    if (c->answering || c->peer.exchange_count > 0)
        return early_input(c);
    struct bytes text = bytes_of(c->in, c->in_len);
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
    core_handle(c->server->core, &c->peer, text);
    conn_drop_input(c);
    return 0;
}

void http_respond(struct rpc_peer *peer, struct json_writer *answer)
{
    struct conn *c = (struct conn *)peer;
    c->body = *answer;
    start_answer(c, 200, "application/json");
}

static const char *reason_phrase(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } phrases[] = {{200, "OK"},
                   {204, "No Content"},
                   {304, "Not Modified"},
                   {400, "Bad Request"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {411, "Length Required"},
                   {413, "Content Too Large"},
                   {415, "Unsupported Media Type"},
                   {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        if (phrases[i].status == status)
            return phrases[i].text;
    }
    return "Error";
}

#define HEAD_MAX 1024
#define SMALL_BODY_BYTES 8192

static size_t write_head(struct conn *c, char head[HEAD_MAX])
{
    size_t len = (size_t)snprintf(head, HEAD_MAX, "HTTP/1.1 %u %s\r\n", c->status, reason_phrase(c->status));
    if (c->content_type)
        len += (size_t)snprintf(head + len, HEAD_MAX - len, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                                c->content_type, c->body.len);
    if (c->origin[0])
        len += (size_t)snprintf(head + len, HEAD_MAX - len, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n",
                                strcmp(c->server->cors, "*") == 0 ? "*" : c->origin);
    if (c->page)
        len += (size_t)snprintf(head + len, HEAD_MAX - len, PAGE_HEADERS "ETag: %s\r\n%s", c->page->tag,
                                c->gzip ? "Content-Encoding: gzip\r\n" : "");
    if (c->origin[0] && c->preflight)
        len += (size_t)snprintf(head + len, HEAD_MAX - len,
                                "Access-Control-Allow-Methods: POST, GET\r\nAccess-Control-Allow-Headers: *\r\n"
                                "Access-Control-Max-Age: 600\r\n");
    if (c->status == 405)
        len += (size_t)snprintf(head + len, HEAD_MAX - len, "Allow: GET, HEAD, OPTIONS, POST\r\n");
    if (c->close_after)
        len += (size_t)snprintf(head + len, HEAD_MAX - len, "Connection: close\r\n");
    len += (size_t)snprintf(head + len, HEAD_MAX - len, "\r\n");
    return len;
}

static int finish(struct conn *c)
{
    c->server->out_bytes -= c->body.len;
    jw_release(&c->body);
    c->answering = false;
    if (c->close_after)
        return -1;
    return lws_http_transaction_completed(c->wsi) ? -1 : 0;
}

// The head and the first part of the body go out in one write.
static int send_head(struct conn *c, size_t body_len)
{
    unsigned char buf[LWS_PRE + HEAD_MAX + SMALL_BODY_BYTES];
    size_t len = write_head(c, (char *)buf + LWS_PRE);
    size_t part = body_len < SMALL_BODY_BYTES ? body_len : SMALL_BODY_BYTES;
    if (part > 0)
        memcpy(buf + LWS_PRE + len, jw_text(&c->body), part);
    if (lws_write(c->wsi, buf + LWS_PRE, len + part, LWS_WRITE_HTTP_HEADERS) < 0)
        return -1;
    c->head_sent = true;
    c->sent = part;
    return 0;
}

int http_writable(struct conn *c)
{
    if (!c->answering)
        return 0;
    size_t body_len = c->head_only ? 0 : c->body.len;
    if (!c->head_sent && send_head(c, body_len) < 0)
        return -1;
    while (c->sent < body_len) {
        if (lws_send_pipe_choked(c->wsi)) {
            lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_CONTENT, STALLED_SECONDS);
            lws_callback_on_writable(c->wsi);
            return 0;
        }
        size_t part = body_len - c->sent < WRITE_CHUNK_BYTES ? body_len - c->sent : WRITE_CHUNK_BYTES;
        if (lws_write(c->wsi, (unsigned char *)jw_text(&c->body) + c->sent, part, LWS_WRITE_HTTP) < 0)
            return -1;
        c->sent += part;
    }
    return finish(c);
}

// WebSocket handshakes: a browser names the page's origin, which must be allowed or this server; other clients send
// none.
int http_upgrade(struct conn *c, const char *protocol)
{
    char host[256], origin[256], path[8];
    conn_header(c, WSI_TOKEN_HOST, host, sizeof host);
    conn_header(c, WSI_TOKEN_ORIGIN, origin, sizeof origin);
    conn_header(c, WSI_TOKEN_GET_URI, path, sizeof path);
    bool has_origin = lws_hdr_total_length(c->wsi, WSI_TOKEN_ORIGIN) > 0;
    bool has_host = lws_hdr_total_length(c->wsi, WSI_TOKEN_HOST) > 0;
    if ((has_host && !host[0]) || !guard_host(host, c->server->allowed_hosts))
        refuse(c, 403, "invalid host specified\n");
    else if (has_origin && !guard_origin(origin, c->server->cors) && !guard_same_origin(origin, host))
        refuse(c, 403, "origin not allowed\n");
    else if (strcmp(path, "/") != 0)
        refuse(c, 404, "not found\n");
    else if (strcasecmp(protocol, "websocket") != 0)
        refuse(c, 400, "only WebSocket upgrades are served\n");
    else
        return 0;
    http_writable(c); // the library takes no answer later
    return -1;
}
