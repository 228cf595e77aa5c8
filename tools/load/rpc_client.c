#include "tools/load/rpc_client.h"

#include "tools/load/net.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

struct rpc_client {
    struct rpc_url url;
    unsigned timeout_ms;
    int fd; // -1: not connected
    bool chunked, closes;
    size_t content_length; // SIZE_MAX: until the connection closes
    struct buffer in, body;
};

struct rpc_client *rpc_client_create(const struct rpc_url *url, unsigned timeout_ms)
{
    struct rpc_client *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->url = *url;
    c->timeout_ms = timeout_ms;
    c->fd = -1;
    return c;
}

static void disconnect(struct rpc_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->in.len = 0;
}

void rpc_client_free(struct rpc_client *c)
{
    if (!c)
        return;
    disconnect(c);
    buffer_free(&c->in);
    buffer_free(&c->body);
    free(c);
}

struct request {
    const char *path;
    const char *body; // NULL: a GET
    size_t len;
};

static bool send_request(struct rpc_client *c, const struct request *request, char *error)
{
    if (c->fd < 0) {
        c->fd = tcp_connect(c->url.host, c->url.port, error);
        if (c->fd < 0)
            return false;
    }
    char head[512];
    int len = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: %s:%u\r\n", request->body ? "POST" : "GET",
                       request->path, c->url.host, c->url.port);
    if (request->body)
        len += snprintf(head + len, sizeof head - (size_t)len,
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n", request->len);
    len += snprintf(head + len, sizeof head - (size_t)len, "\r\n");
    return net_send_all(c->fd, head, (size_t)len, error) &&
           (!request->body || net_send_all(c->fd, request->body, request->len, error));
}

// Reads more into in; false at the end of the stream too.
static bool read_more(struct rpc_client *c, char *error)
{
    const ssize_t got = net_receive(c->fd, &c->in, (int)c->timeout_ms, error);
    if (got == 0)
        snprintf(error, RPC_ERROR_MAX, "the node closed the connection");
    else if (got == NET_TIMEOUT)
        snprintf(error, RPC_ERROR_MAX, "the node did not answer within %u ms", c->timeout_ms);
    return got > 0;
}

// The first line end at or after `from`; -1 when there is none yet.
static ptrdiff_t find_line_end(const struct buffer *b, size_t from)
{
    const uint8_t *end = from < b->len ? memmem(b->ptr + from, b->len - from, "\r\n", 2) : NULL;
    return end ? end - b->ptr : -1;
}

static bool read_line(struct rpc_client *c, char *line, size_t cap, char *error)
{
    ptrdiff_t end;
    while ((end = find_line_end(&c->in, 0)) < 0) {
        if (!read_more(c, error))
            return false;
    }
    snprintf(line, cap, "%.*s", (int)end, (const char *)c->in.ptr);
    buffer_drop(&c->in, (size_t)end + 2);
    return true;
}

static bool read_headers(struct rpc_client *c, char *error)
{
    char line[1024];
    int status = 0;
    if (!read_line(c, line, sizeof line, error))
        return false;
    if (sscanf(line, "HTTP/1.%*d %d", &status) != 1) {
        snprintf(error, RPC_ERROR_MAX, "not an HTTP server");
        return false;
    }
    char status_line[64];
    snprintf(status_line, sizeof status_line, "%.63s", line);
    c->chunked = c->closes = false;
    c->content_length = SIZE_MAX;
    while (read_line(c, line, sizeof line, error)) {
        if (line[0] == 0) {
            if (status == 200)
                return true;
            snprintf(error, RPC_ERROR_MAX, "the node answered %s", status_line);
            return false;
        }
        if (strncasecmp(line, "content-length:", 15) == 0)
            c->content_length = strtoull(line + 15, NULL, 10);
        else if (strncasecmp(line, "transfer-encoding:", 18) == 0 && strcasestr(line, "chunked"))
            c->chunked = true;
        else if (strncasecmp(line, "connection:", 11) == 0 && strcasestr(line, "close"))
            c->closes = true;
    }
    return false;
}

static bool move_to_body(struct rpc_client *c, size_t len, char *error)
{
    while (len > 0) {
        if (c->in.len == 0 && !read_more(c, error))
            return false;
        const size_t part = c->in.len < len ? c->in.len : len;
        if (c->body.len + part > RPC_RESPONSE_MAX) {
            snprintf(error, RPC_ERROR_MAX, "the answer is longer than %u bytes", RPC_RESPONSE_MAX);
            return false;
        }
        buffer_append(&c->body, c->in.ptr, part);
        buffer_drop(&c->in, part);
        len -= part;
    }
    return true;
}

static bool read_chunks(struct rpc_client *c, char *error)
{
    char line[64];
    for (;;) {
        if (!read_line(c, line, sizeof line, error))
            return false;
        const size_t len = strtoull(line, NULL, 16);
        if (len == 0)
            return read_line(c, line, sizeof line, error);
        if (!move_to_body(c, len, error) || !read_line(c, line, sizeof line, error))
            return false;
    }
}

static bool read_response(struct rpc_client *c, char *error)
{
    c->body.len = 0;
    if (!read_headers(c, error))
        return false;
    bool ok;
    if (c->chunked) {
        ok = read_chunks(c, error);
    } else if (c->content_length != SIZE_MAX) {
        ok = move_to_body(c, c->content_length, error);
    } else {
        while (move_to_body(c, c->in.len ? c->in.len : 1, error))
            ;
        ok = c->body.len > 0;
        c->closes = true;
    }
    if (!ok || c->closes)
        disconnect(c);
    return ok;
}

static const char *perform(struct rpc_client *c, const struct request *request, size_t *out_len, char *error)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        // Only a connection from an earlier call may have been closed meanwhile.
        const bool reused = c->fd >= 0;
        c->in.len = 0;
        if (send_request(c, request, error) && read_response(c, error)) {
            buffer_append(&c->body, "", 1);
            *out_len = c->body.len - 1;
            return (const char *)c->body.ptr;
        }
        disconnect(c);
        if (!reused)
            break;
    }
    return NULL;
}

const char *rpc_post(struct rpc_client *c, const char *body, size_t len, size_t *out_len, char error[RPC_ERROR_MAX])
{
    const struct request request = {c->url.path, body, len};
    return perform(c, &request, out_len, error);
}

const char *rpc_get(struct rpc_client *c, const char *path, size_t *out_len, char error[RPC_ERROR_MAX])
{
    const struct request request = {path, NULL, 0};
    return perform(c, &request, out_len, error);
}

static const char *message_of(const json_t *answer)
{
    const char *text = json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
    return text ? text : "an answer without result or error";
}

json_t *rpc_call(struct rpc_client *c, const char *method, const char *params, char error[RPC_ERROR_MAX])
{
    char *body = NULL;
    const int len = asprintf(&body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", method, params);
    if (len < 0)
        abort();
    size_t answer_len;
    char reason[RPC_ERROR_MAX];
    const char *text = rpc_post(c, body, (size_t)len, &answer_len, reason);
    free(body);
    if (!text) {
        snprintf(error, RPC_ERROR_MAX, "%s: %.180s", method, reason);
        return NULL;
    }
    json_t *answer = json_loadb(text, answer_len, 0, NULL), *result = json_object_get(answer, "result");
    if (result)
        json_incref(result);
    else
        snprintf(error, RPC_ERROR_MAX, "%s: %.180s", method, answer ? message_of(answer) : "the answer is not JSON");
    json_decref(answer);
    return result;
}

bool rpc_parse_quantity(const json_t *value, uint64_t *out)
{
    const char *text = json_string_value(value);
    if (!text || strncmp(text, "0x", 2) != 0 || text[2] == 0 || strlen(text) > 18)
        return false;
    char *end;
    *out = strtoull(text, &end, 16);
    return *end == 0;
}

bool rpc_call_u64(struct rpc_client *c, const char *method, const char *params, uint64_t *out,
                  char error[RPC_ERROR_MAX])
{
    json_t *result = rpc_call(c, method, params, error);
    if (!result)
        return false;
    const bool ok = rpc_parse_quantity(result, out);
    if (!ok)
        snprintf(error, RPC_ERROR_MAX, "%s: the answer is not a quantity", method);
    json_decref(result);
    return ok;
}

// Hands out the answers of one batch by id, which may come in any order.
static bool hand_out(const struct rpc_batch *batch, size_t first, size_t count, const json_t *answers, char *error)
{
    const json_t *by_id[RPC_BATCH_MAX] = {NULL};
    for (size_t i = 0; i < json_array_size(answers); i++) {
        const json_t *answer = json_array_get(answers, i);
        const json_int_t id = json_integer_value(json_object_get(answer, "id"));
        if (id >= 1 && (size_t)id <= count)
            by_id[id - 1] = answer;
    }
    for (size_t i = 0; i < count; i++) {
        if (!by_id[i]) {
            snprintf(error, RPC_ERROR_MAX, "%s: an answer of a batch is missing", batch->method);
            return false;
        }
        const json_t *result = json_object_get(by_id[i], "result");
        batch->answered(batch->ctx, first + i, result, result ? NULL : message_of(by_id[i]));
    }
    return true;
}

static bool call_part(struct rpc_client *c, const struct rpc_batch *batch, size_t first, size_t count, char *error)
{
    struct buffer body = {0};
    for (size_t i = 0; i < count; i++) {
        char params[RPC_PARAMS_MAX], head[128];
        batch->params(batch->ctx, first + i, params);
        const int len = snprintf(head, sizeof head,
                                 "%c{\"jsonrpc\":\"2.0\",\"id\":%zu,\"method\":\"%s\",\"params\":", i ? ',' : '[',
                                 i + 1, batch->method);
        buffer_append(&body, head, (size_t)len);
        buffer_append(&body, params, strlen(params));
        buffer_append(&body, i + 1 < count ? "}" : "}]", i + 1 < count ? 1 : 2);
    }
    size_t answer_len;
    const char *text = rpc_post(c, (const char *)body.ptr, body.len, &answer_len, error);
    buffer_free(&body);
    if (!text)
        return false;
    json_t *answers = json_loadb(text, answer_len, 0, NULL);
    bool ok = json_is_array(answers);
    if (ok)
        ok = hand_out(batch, first, count, answers, error);
    else
        snprintf(error, RPC_ERROR_MAX, "%s: %.150s", batch->method,
                 answers ? message_of(answers) : "the answer is not JSON");
    json_decref(answers);
    return ok;
}

bool rpc_call_batch(struct rpc_client *c, const struct rpc_batch *batch, size_t count, char error[RPC_ERROR_MAX])
{
    for (size_t at = 0; at < count; at += RPC_BATCH_MAX) {
        const size_t part = count - at < RPC_BATCH_MAX ? count - at : RPC_BATCH_MAX;
        if (!call_part(c, batch, at, part, error))
            return false;
    }
    return true;
}
