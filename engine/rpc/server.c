#include "engine/rpc/server_private.h"

#include "base/log.h"
#include "engine/rpc/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define IDLE_SECONDS 120   // an HTTP connection without a request
#define STALLED_SECONDS 30 // a request or answer that makes no progress
#define PING_SECONDS 60    // a silent WebSocket is asked whether it lives
#define DEAD_SECONDS 90    // and closed when it said nothing for this long
#define HEADER_BYTES 8192
#define SOCKET_BUFFER_BYTES 16384

const unsigned SERVER_STATUSES[SERVER_STATUS_COUNT] = {400, 403, 404, 405, 411, 413, 415, 503};

bool conn_receive(struct conn *c, const void *bytes, size_t len)
{
    struct server *s = c->server;
    if (len > c->in_cap - c->in_len) {
        size_t cap = c->in_cap ? 2 * c->in_cap : 4096;
        while (cap - c->in_len < len)
            cap *= 2;
        if (s->in_bytes + (cap - c->in_cap) > RPC_INPUT_BYTES_MAX)
            return false;
        uint8_t *in = realloc(c->in, cap);
        if (!in)
            return false;
        s->in_bytes += cap - c->in_cap;
        c->in = in;
        c->in_cap = cap;
    }
    if (len > 0)
        memcpy(c->in + c->in_len, bytes, len);
    c->in_len += len;
    return true;
}

void conn_drop_input(struct conn *c)
{
    free(c->in);
    c->server->in_bytes -= c->in_cap;
    c->in = NULL;
    c->in_len = c->in_cap = 0;
}

void conn_header(struct conn *c, enum lws_token_indexes token, char *out, int cap)
{
    if (lws_hdr_total_length(c->wsi, token) <= 0 || lws_hdr_copy(c->wsi, out, cap, token) < 0)
        out[0] = 0;
}

static struct server *server_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

static void conn_create(struct lws *wsi)
{
    struct server *s = server_of(wsi);
    struct conn *c = calloc(1, sizeof *c);
    if (!c)
        return;
    c->server = s;
    c->wsi = wsi;
    c->peer.respond = http_respond;
    s->stats.http_connections++;
    lws_set_opaque_user_data(wsi, c);
}

static void conn_free(struct conn *c)
{
    struct server *s = c->server;
    core_peer_closed(s->core, &c->peer);
    if (c->websocket) {
        ws_closed(c);
        s->stats.websocket_connections--;
    } else {
        s->stats.http_connections--;
    }
    s->out_bytes -= c->body.len;
    jw_release(&c->body);
    conn_drop_input(c);
    lws_set_opaque_user_data(c->wsi, NULL);
    free(c);
}

static unsigned connection_count(const struct server *s)
{
    return s->stats.http_connections + s->stats.websocket_connections;
}

static int accept_connection(struct lws *wsi)
{
    struct server *s = server_of(wsi);
    if (connection_count(s) < s->options.connection_max)
        return 0;
    s->stats.refused_connections++;
    return 1;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)user;
    // These come for the server as a whole.
    if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED) {
        struct server *s = server_of(wsi);
        s->on_wake(s->ctx);
        return 0;
    }
    if (reason == LWS_CALLBACK_FILTER_NETWORK_CONNECTION)
        return accept_connection(wsi);
    if (reason == LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED) {
        conn_create(wsi);
        return lws_get_opaque_user_data(wsi) ? 0 : -1;
    }
    struct conn *c = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    if (!c)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return http_request(c, in);
    case LWS_CALLBACK_HTTP_BODY:
        return http_body(c, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return http_body_end(c);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return http_writable(c);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return http_upgrade(c, in);
    case LWS_CALLBACK_ESTABLISHED:
        ws_established(c);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return ws_receive(c, in, len);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return ws_writable(c);
    case LWS_CALLBACK_WSI_DESTROY:
        conn_free(c);
        return 0;
    default:
        return 0;
    }
}

static void log_library(enum log_level level, const char *line)
{
    char text[256], quoted[300];
    snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n"), line);
    log_event(level, "rpc", "libwebsockets", "text=%s", log_text(quoted, sizeof quoted, text));
}

static void log_at_start(int level, const char *line)
{
    log_library(level == LLL_ERR ? LOG_WARN : LOG_DEBUG, line);
}

// What clients do wrong is told to them, and must not fill the log.
static void log_while_running(int level, const char *line)
{
    (void)level;
    log_library(LOG_DEBUG, line);
}

static int fill_address(struct sockaddr_storage *out, socklen_t *len, const char *host, uint16_t port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *len = sizeof *v4;
        return 0;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return -EINVAL;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    *len = sizeof *v6;
    return 0;
}

// The library does not say why it could not bind; a socket of our own tells.
static int probe_bind(const char *host, uint16_t port)
{
    struct sockaddr_storage addr;
    socklen_t len;
    int status = fill_address(&addr, &len, host, port), on = 1;
    if (status != 0)
        return status;
    int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&addr, len) != 0 || listen(fd, 1) != 0)
        status = -errno;
    close(fd);
    return status;
}

static bool open_library(struct server *s, const char *host)
{
    static const lws_retry_bo_t idle = {.secs_since_valid_ping = PING_SECONDS, .secs_since_valid_hangup = DEAD_SECONDS};
    struct lws_context_creation_info info = {
        .port = s->options.port,
        .iface = host,
        .protocols = s->protocols,
        .server_string = "gantry",
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                   (strchr(host, ':') ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6),
        .user = s,
        .fd_limit_per_thread = s->options.connection_max + 16,
        .max_http_header_data2 = HEADER_BYTES,
        .pt_serv_buf_size = SOCKET_BUFFER_BYTES,
        .keepalive_timeout = IDLE_SECONDS,
        .timeout_secs = STALLED_SECONDS,
        .retry_and_idle_policy = &idle,
        .vhost_name = "rpc",
        .gid = -1,
        .uid = -1,
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, log_at_start);
    s->context = lws_create_context(&info);
    if (!s->context)
        return false;
    s->vhost = lws_create_vhost(s->context, &info);
    lws_set_log_level(LLL_ERR | LLL_WARN, log_while_running);
    return s->vhost != NULL;
}

struct server *server_create(struct rpc_core *core, const struct rpc_options *options, void (*on_wake)(void *ctx),
                             void *ctx, char error[STORE_ERROR_MAX])
{
    const char *host = options->host && *options->host ? options->host : "127.0.0.1";
    int status = probe_bind(host, options->port);
    if (status != 0) {
        snprintf(error, STORE_ERROR_MAX, "can't listen for JSON-RPC on %s port %u: %s", host, options->port,
                 status == -EINVAL ? "not a numeric address" : strerror(-status));
        return NULL;
    }
    struct server *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(error, STORE_ERROR_MAX, "out of memory");
        return NULL;
    }
    s->core = core;
    s->options = *options;
    s->on_wake = on_wake;
    s->ctx = ctx;
    s->cors = strdup(options->cors ? options->cors : "");
    s->allowed_hosts = strdup(options->allowed_hosts ? options->allowed_hosts : "");
    s->protocols[0] = (struct lws_protocols){
        .name = "gantry", .callback = on_event, .rx_buffer_size = SOCKET_BUFFER_BYTES, .user = s};
    if (!open_library(s, host)) {
        snprintf(error, STORE_ERROR_MAX, "can't listen for JSON-RPC on %s port %u", host, options->port);
        server_free(s);
        return NULL;
    }
    return s;
}

void server_free(struct server *s)
{
    if (s->context)
        lws_context_destroy(s->context);
    free(s->cors);
    free(s->allowed_hosts);
    free(s);
}

uint16_t server_port(const struct server *s)
{
    return (uint16_t)lws_get_vhost_listen_port(s->vhost);
}

void server_service(struct server *s)
{
    lws_service(s->context, 0);
}

void server_wake(struct server *s)
{
    lws_cancel_service(s->context);
}

bool server_idle(const struct server *s)
{
    return s->out_bytes == 0;
}

static void on_overview_timer(lws_sorted_usec_list_t *timer)
{
    struct server *s = lws_container_of(timer, struct server, overview_timer);
    s->overview_due = false;
    server_watch(s);
}

void server_watch(struct server *s)
{
    if (s->overview_due || !core_wants_overview(s->core))
        return;
    size_t len = 0;
    char *text = server_metrics_text(s, &len);
    if (text)
        core_overview(s->core, bytes_of(text, len));
    free(text);
    s->overview_due = true;
    lws_sul_schedule(s->context, 0, &s->overview_timer, on_overview_timer, OVERVIEW_PERIOD_MS * LWS_US_PER_MS);
}

static void write_metrics(const struct server *s, FILE *out)
{
    metric_begin(out, METRIC_RPC_CONNECTIONS);
    metric_gauge(out, METRIC_RPC_CONNECTIONS, (const char *[]){"http"}, s->stats.http_connections);
    metric_gauge(out, METRIC_RPC_CONNECTIONS, (const char *[]){"websocket"}, s->stats.websocket_connections);
    metric_counter(out, METRIC_RPC_CONNECTIONS_REFUSED, NULL, s->stats.refused_connections);
    metric_counter(out, METRIC_RPC_SLOW_DROPPED, NULL, s->stats.slow_dropped);
    metric_begin(out, METRIC_RPC_HTTP_REFUSED);
    for (size_t i = 0; i < SERVER_STATUS_COUNT; i++) {
        char status[16];
        snprintf(status, sizeof status, "%u", SERVER_STATUSES[i]);
        metric_counter(out, METRIC_RPC_HTTP_REFUSED, (const char *[]){status}, s->stats.refused_by_status[i]);
    }
}

char *server_metrics_text(struct server *s, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (!out)
        return NULL;
    write_metrics(s, out);
    core_metrics(s->core, out);
    fclose(out);
    return text;
}
