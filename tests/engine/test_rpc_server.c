// The server over real sockets: HTTP.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/engine/rpc_client.h"
#include "tests/engine/rpc_fixture.h"

static struct rpc_fixture f;
static uint16_t port;

static void open_server(void)
{
    rpc_fixture_open_server(&f);
    port = rpc_port(f.rpc);
}

static void close_server(void)
{
    rpc_fixture_close(&f);
}

TestSuite(rpc_http, .init = open_server, .fini = close_server);

#define ASK "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\"}" // 47 bytes
#define ANSWER "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x7a69\"}"
#define LENGTH "Content-Length: 47\r\n"
#define JSON "Content-Type: application/json\r\n"
#define POST "POST / HTTP/1.1\r\n"
#define LOCAL "Host: localhost\r\n"
#define CLOSING "Connection: close\r\n"

static const struct {
    const char *what, *request;
    int status;
    const char *head; // a part of it
    const char *body;
} requests[] = {
    {"a call", POST LOCAL JSON LENGTH "\r\n" ASK, 200, "Content-Type: application/json\r\n", ANSWER},
    {"charset", POST LOCAL "content-type: Application/JSON; charset=utf-8\r\n" LENGTH "\r\n" ASK, 200, "", ANSWER},
    {"json-rpc type", POST LOCAL "Content-Type: application/json-rpc\r\n" LENGTH "\r\n" ASK, 200, "", ANSWER},
    {"no body", POST LOCAL JSON "Content-Length: 0\r\n\r\n", 200, "",
     "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: nothing there\"}}"},
    {"health", "GET /health HTTP/1.1\r\n" LOCAL "\r\n", 200, "Content-Type: application/json\r\n",
     "{\"healthy\":true,\"reason\":\"ok\",\"head\":3}\n"},
    {"unknown page", "GET /admin HTTP/1.1\r\n" LOCAL "\r\n", 404, CLOSING, "not found\n"},
    {"a page above the root", "GET /../etc/passwd HTTP/1.1\r\n" LOCAL "\r\n", 404, CLOSING, "not found\n"},
    {"posting to a page", "POST /metrics HTTP/1.1\r\n" LOCAL JSON LENGTH "\r\n" ASK, 404, CLOSING, "not found\n"},
    {"PUT", "PUT / HTTP/1.1\r\n" LOCAL JSON LENGTH "\r\n" ASK, 405, "Allow: GET, HEAD, OPTIONS, POST\r\n",
     "method not allowed\n"},
    {"DELETE", "DELETE / HTTP/1.1\r\n" LOCAL "\r\n", 405, CLOSING, "method not allowed\n"},
    {"PATCH", "PATCH / HTTP/1.1\r\n" LOCAL JSON LENGTH "\r\n" ASK, 405, CLOSING, "method not allowed\n"},
    {"no content type", POST LOCAL LENGTH "\r\n" ASK, 415, CLOSING,
     "invalid content type, only application/json is supported\n"},
    {"plain text, as any page may send", POST LOCAL "Content-Type: text/plain\r\n" LENGTH "\r\n" ASK, 415, CLOSING,
     "invalid content type, only application/json is supported\n"},
    {"a form", POST LOCAL "Content-Type: application/x-www-form-urlencoded\r\n" LENGTH "\r\n" ASK, 415, CLOSING,
     "invalid content type, only application/json is supported\n"},
    {"a longer type", POST LOCAL "Content-Type: application/jsonx\r\n" LENGTH "\r\n" ASK, 415, CLOSING,
     "invalid content type, only application/json is supported\n"},
    {"no length", POST LOCAL JSON "\r\n" ASK, 411, CLOSING, "length required\n"},
    {"chunks", POST LOCAL JSON "Transfer-Encoding: chunked\r\n\r\n2f\r\n" ASK "\r\n0\r\n\r\n", 411, CLOSING,
     "length required\n"},
    {"a length that is no number", POST LOCAL JSON "Content-Length: many\r\n\r\n" ASK, 400, CLOSING,
     "malformed content length\n"},
    {"a negative length", POST LOCAL JSON "Content-Length: -47\r\n\r\n" ASK, 400, CLOSING,
     "malformed content length\n"},
    {"a length above the limit", POST LOCAL JSON "Content-Length: 262145\r\n\r\n", 413, CLOSING,
     "content length too large (262145>262144)\n"},
    {"a length beyond numbers", POST LOCAL JSON "Content-Length: 99999999999999999999999\r\n\r\n", 413, CLOSING,
     "content length too large (99999999999999999999999>262144)\n"},
    {"a foreign name as host", POST "Host: evil.example\r\n" JSON LENGTH "\r\n" ASK, 403, CLOSING,
     "invalid host specified\n"},
    {"a foreign name with port", POST "Host: evil.example:8545\r\n" JSON LENGTH "\r\n" ASK, 403, CLOSING,
     "invalid host specified\n"},
    {"a name that ends like an allowed one", "GET /health HTTP/1.1\r\nHost: evil.node.example\r\n\r\n", 403, CLOSING,
     "invalid host specified\n"},
    {"an address that goes on", "GET /health HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 403, CLOSING,
     "invalid host specified\n"},
    {"a foreign host for metrics", "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, CLOSING,
     "invalid host specified\n"},
    {"an address as host", POST "Host: 10.1.2.3:8545\r\n" JSON LENGTH "\r\n" ASK, 200, "", ANSWER},
    {"an IPv6 address as host", POST "Host: [::1]:8545\r\n" JSON LENGTH "\r\n" ASK, 200, "", ANSWER},
    {"an allowed name, in capitals", POST "Host: NODE.example:1\r\n" JSON LENGTH "\r\n" ASK, 200, "", ANSWER},
    {"an allowed origin", POST LOCAL JSON "Origin: http://page.example\r\n" LENGTH "\r\n" ASK, 200,
     "Access-Control-Allow-Origin: http://page.example\r\nVary: Origin\r\n", ANSWER},
    {"preflight",
     "OPTIONS / HTTP/1.1\r\n" LOCAL "Origin: http://page.example\r\n"
     "Access-Control-Request-Method: POST\r\n\r\n",
     204,
     "Access-Control-Allow-Origin: http://page.example\r\nVary: Origin\r\nAccess-Control-Allow-Methods: POST, GET\r\n"
     "Access-Control-Allow-Headers: *\r\nAccess-Control-Max-Age: 600\r\n",
     ""},
    {"a refusal that an allowed page may read", "GET /x HTTP/1.1\r\n" LOCAL "Origin: http://page.example\r\n\r\n", 404,
     "Access-Control-Allow-Origin: http://page.example\r\n", "not found\n"},
    {"another upgrade",
     "GET / HTTP/1.1\r\n" LOCAL "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
     "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
     400, CLOSING, "only WebSocket upgrades are served\n"},
    {"a WebSocket from a page",
     "GET / HTTP/1.1\r\n" LOCAL "Origin: http://evil.example\r\nUpgrade: websocket\r\n"
     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
     403, CLOSING, "origin not allowed\n"},
    {"a WebSocket by a foreign name",
     "GET / HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\n"
     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
     403, CLOSING, "invalid host specified\n"},
    {"a WebSocket elsewhere",
     "GET /ws HTTP/1.1\r\n" LOCAL "Upgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
     404, CLOSING, "not found\n"},
};

// Connections that were just closed may still count against the limit for a moment.
static void expect_serving(void)
{
    char *body = NULL;
    for (int tries = 0; tries < 100; tries++) {
        int fd = client_connect(port);
        free(body);
        body = client_post(fd, ASK);
        close(fd);
        if (*body)
            break;
        usleep(20000);
    }
    cr_expect_str_eq(body, ANSWER);
    free(body);
}

Test(rpc_http, each_request_gets_its_exact_answer)
{
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct http_answer a = client_http(port, requests[i].request);
        cr_expect_eq(a.status, requests[i].status, "%s: status %d", requests[i].what, a.status);
        cr_expect_not_null(strstr(a.head, requests[i].head), "%s: %s", requests[i].what, a.head);
        cr_expect_str_eq(a.body, requests[i].body, "%s: %s", requests[i].what, a.body);
        free(a.body);
    }
    expect_serving();
}

Test(rpc_http, a_foreign_origin_gets_no_leave_to_read)
{
    struct http_answer a = client_http(port, POST LOCAL JSON "Origin: http://evil.example\r\n" LENGTH "\r\n" ASK);
    cr_expect_eq(a.status, 200);
    cr_expect_null(strstr(a.head, "Access-Control"));
    free(a.body);
    a = client_http(port, "OPTIONS / HTTP/1.1\r\n" LOCAL "Origin: http://evil.example\r\n\r\n");
    cr_expect_eq(a.status, 204);
    cr_expect_null(strstr(a.head, "Access-Control"));
    free(a.body);
}

Test(rpc_http, what_is_no_http_is_closed_and_harms_nobody)
{
    static const char *const garbage[] = {
        "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03 a TLS hello",
        "\r\n\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "BREW / HTTP/1.1\r\n\r\n",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\"}\n\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        int fd = client_connect(port);
        client_send_text(fd, garbage[i]);
        shutdown(fd, SHUT_WR);
        cr_expect(client_closed(fd, 5000), "%zu is still open", i);
        close(fd);
    }
    expect_serving();
}

Test(rpc_http, endless_headers_are_cut_off)
{
    int fd = client_connect(port);
    client_send_text(fd, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 4000; i++)
        client_send_text(fd, "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
    client_send_text(fd, "Host: ");
    for (int i = 0; i < 4000; i++)
        client_send_text(fd, "aaaaaaaaaaaaaaaaaaaa");
    client_send_text(fd, "\r\n\r\n");
    cr_expect(client_closed(fd, 5000));
    close(fd);
    expect_serving();
}

Test(rpc_http, a_connection_serves_one_request_after_another)
{
    int fd = client_connect(port);
    for (int i = 0; i < 100; i++) {
        char *body = client_post(fd, i % 2 ? ASK : "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"txpool_status\"}");
        cr_assert_str_eq(body,
                         i % 2 ? ANSWER
                               : "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"pending\":\"0x1\",\"queued\":\"0x11\"}}");
        free(body);
    }
    close(fd);
}

// HTTP pipelining, which no client of today uses: the first answer comes, then the end.
Test(rpc_http, a_request_before_the_answer_ends_the_connection)
{
    static const char *const second[] = {
        POST LOCAL JSON LENGTH "\r\n" ASK,
        "GET /health HTTP/1.1\r\n" LOCAL "\r\n",
        "\r\n",
        "nonsense",
    };
    for (size_t i = 0; i < sizeof second / sizeof *second; i++) {
        int fd = client_connect(port);
        char text[1024];
        snprintf(text, sizeof text, "%s%s", POST LOCAL JSON LENGTH "\r\n" ASK, second[i]);
        client_send_text(fd, text);
        struct http_answer a = client_read_http(fd);
        cr_expect_str_eq(a.body, ANSWER);
        free(a.body);
        cr_expect(client_closed(fd, 5000));
        close(fd);
    }
    expect_serving();
}

Test(rpc_http, requests_piled_up_do_not_occupy_the_server)
{
    for (int i = 0; i < 50; i++) {
        int fd = client_connect(port);
        for (int k = 0; k < 20; k++)
            client_send_text(fd, k % 3 ? POST LOCAL JSON "Content-Length: 49\r\n\r\n"
                                                         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"txpool_status\"}"
                                       : "GET /metrics HTTP/1.1\r\n" LOCAL "\r\n");
        cr_expect(client_closed(fd, 5000));
        close(fd);
    }
    expect_serving();
}

Test(rpc_http, a_request_may_come_byte_by_byte)
{
    static const char request[] = POST LOCAL JSON LENGTH "\r\n" ASK;
    int fd = client_connect(port);
    for (size_t i = 0; i < sizeof request - 1; i++)
        client_send(fd, &request[i], 1);
    struct http_answer a = client_read_http(fd);
    cr_expect_str_eq(a.body, ANSWER);
    free(a.body);
    close(fd);
}

Test(rpc_http, a_client_that_asks_leave_to_send_gets_it)
{
    int fd = client_connect(port);
    client_send_text(fd, POST LOCAL JSON LENGTH "Expect: 100-continue\r\n\r\n");
    struct http_answer a = client_read_http(fd);
    cr_expect_eq(a.status, 100);
    free(a.body);
    client_send_text(fd, ASK);
    a = client_read_http(fd);
    cr_expect_str_eq(a.body, ANSWER);
    free(a.body);
    close(fd);
}

Test(rpc_http, notifications_alone_get_an_empty_answer)
{
    int fd = client_connect(port);
    char *body = client_post(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"eth_chainId\"}");
    cr_expect_str_eq(body, "");
    free(body);
    body = client_post(fd, ASK);
    cr_expect_str_eq(body, ANSWER);
    free(body);
    close(fd);
}

Test(rpc_http, subscriptions_need_a_websocket)
{
    int fd = client_connect(port);
    char *body =
        client_post(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_subscribe\",\"params\":[\"newHeads\"]}");
    cr_expect_str_eq(body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":"
                           "\"notifications not supported\"}}");
    free(body);
    close(fd);
}

Test(rpc_http, a_large_answer_arrives_whole_at_a_slow_reader)
{
    rpc_fixture_add_block(&f, 2000);
    int fd = client_connect(port), small = 65536;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    client_send_text(fd, POST LOCAL JSON
                     "Content-Length: 81\r\n\r\n"
                     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getBlockByNumber\",\"params\":[\"latest\",true]}");
    usleep(100000);
    struct http_answer a = client_read_http(fd);
    cr_assert_eq(a.status, 200);
    cr_expect_gt(a.body_len, 1000000);
    cr_expect_str_eq(a.body + a.body_len - 2, "}}");
    free(a.body);
    close(fd);
}

Test(rpc_http, connections_beyond_the_limit_are_refused_and_later_ones_served)
{
    int fds[80];
    for (unsigned i = 0; i < f.options.connection_max; i++) {
        fds[i] = client_connect(port);
        char *body = client_post(fds[i], ASK);
        cr_assert_str_eq(body, ANSWER);
        free(body);
    }
    int extra = client_connect(port);
    cr_expect(client_closed(extra, 5000));
    close(extra);
    char *body = client_post(fds[3], ASK);
    cr_expect_str_eq(body, ANSWER);
    free(body);
    for (unsigned i = 0; i < f.options.connection_max; i++)
        close(fds[i]);
    usleep(100000);
    expect_serving();
}

Test(rpc_http, clients_that_leave_in_the_middle_are_forgotten)
{
    for (int i = 0; i < 200; i++) {
        int fd = client_connect(port);
        client_send_text(fd, i % 3 == 0   ? POST LOCAL JSON LENGTH "\r\n{\"json"
                             : i % 3 == 1 ? POST LOCAL
                                          : POST LOCAL JSON
                                 "Content-Length: 49\r\n\r\n"
                                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"txpool_status\"}");
        close(fd);
    }
    expect_serving();
}

Test(rpc_http, health_tells_what_is_wrong)
{
    f.full = true;
    struct http_answer a = client_http(port, "GET /health HTTP/1.1\r\n" LOCAL "\r\n");
    cr_expect_eq(a.status, 503);
    cr_expect_str_eq(a.body, "{\"healthy\":false,\"reason\":\"the inbox is full\",\"head\":3}\n");
    free(a.body);
}

Test(rpc_http, head_has_the_length_but_no_body)
{
    int fd = client_connect(port);
    client_send_text(fd, "HEAD /health HTTP/1.1\r\n" LOCAL "Connection: close\r\n\r\n");
    char head[512];
    const size_t n = client_read_to_end(fd, head, sizeof head);
    cr_assert_gt(n, 4);
    cr_expect_not_null(strstr(head, "Content-Length: 40\r\n"), "%s", head);
    cr_expect_str_eq(head + n - 4, "\r\n\r\n");
    close(fd);
}

Test(rpc_http, metrics_count_what_was_asked)
{
    expect_serving();
    struct http_answer a = client_http(port, "GET /metrics HTTP/1.1\r\n" LOCAL "\r\n");
    cr_expect_eq(a.status, 200);
    cr_expect_not_null(strstr(a.head, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    cr_expect_not_null(strstr(a.body, "\ngantry_rpc_requests_total{method=\"eth_chainId\"} 1\n"), "%s", a.body);
    cr_expect_not_null(strstr(a.body, "\ngantry_rpc_latency_seconds_count 1\n"));
    free(a.body);
}

Test(rpc_http, the_port_in_use_is_named)
{
    char error[STORE_ERROR_MAX], expected[128];
    struct rpc_fixture other;
    rpc_fixture_open(&other);
    other.options.port = port;
    struct rpc *second = rpc_start(&other.options, &other.backend, other.reader, &other.genesis, error);
    other.reader = NULL;
    cr_assert_null(second);
    snprintf(expected, sizeof expected, "can't listen for JSON-RPC on 127.0.0.1 port %u: Address already in use", port);
    cr_expect_str_eq(error, expected);
    rpc_fixture_close(&other);
}
