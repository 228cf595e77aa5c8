// The server over real sockets: WebSocket.
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

TestSuite(rpc_websocket, .init = open_server, .fini = close_server);

#define ASK "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\"}"
#define ANSWER "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x7a69\"}"

static int ws_open(void)
{
    int fd = client_ws_open(port);
    cr_assert_geq(fd, 0);
    return fd;
}

static void expect_message(int fd, int opcode, const char *expected)
{
    int got = -1;
    char *text = client_ws_read(fd, &got, NULL);
    cr_assert_not_null(text, "closed instead of %s", expected);
    cr_expect_eq(got, opcode, "opcode %d", got);
    cr_expect_str_eq(text, expected);
    free(text);
}

static void expect_serving(void)
{
    int fd = ws_open();
    client_ws_text(fd, ASK);
    expect_message(fd, WS_TEXT, ANSWER);
    close(fd);
}

Test(rpc_websocket, messages_are_answered_one_by_one)
{
    int fd = ws_open();
    for (int i = 0; i < 100; i++) {
        client_ws_text(fd, ASK);
        expect_message(fd, WS_TEXT, ANSWER);
    }
    close(fd);
}

Test(rpc_websocket, many_messages_may_be_under_way)
{
    int fd = ws_open();
    for (int i = 0; i < 500; i++)
        client_ws_text(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"txpool_status\"}");
    for (int i = 0; i < 500; i++)
        expect_message(fd, WS_TEXT,
                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"pending\":\"0x1\",\"queued\":\"0x11\"}}");
    close(fd);
}

Test(rpc_websocket, binary_messages_are_taken_as_text)
{
    int fd = ws_open();
    client_ws_frame(fd, WS_BINARY, true, true, ASK, sizeof ASK - 1);
    expect_message(fd, WS_TEXT, ANSWER);
    close(fd);
}

Test(rpc_websocket, fragments_are_joined_and_pings_answered_between)
{
    int fd = ws_open();
    client_ws_frame(fd, WS_TEXT, false, true, ASK, 10);
    client_ws_frame(fd, WS_PING, true, true, "hello", 5);
    expect_message(fd, WS_PONG, "hello");
    for (size_t i = 10; i < sizeof ASK - 2; i++)
        client_ws_frame(fd, WS_CONTINUATION, false, true, &ASK[i], 1);
    client_ws_frame(fd, WS_CONTINUATION, true, true, &ASK[sizeof ASK - 2], 1);
    expect_message(fd, WS_TEXT, ANSWER);
    close(fd);
}

Test(rpc_websocket, wrong_texts_get_errors_and_the_connection_stays)
{
    int fd = ws_open();
    client_ws_text(fd, "nonsense");
    expect_message(fd, WS_TEXT,
                   "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":"
                   "\"parse error: invalid token near 'nonsense' at byte 8\"}}");
    client_ws_text(fd, "");
    expect_message(
        fd, WS_TEXT,
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: nothing there\"}}");
    client_ws_frame(fd, WS_TEXT, true, true, "\"\xff\xfe\"", 4);
    expect_message(fd, WS_TEXT,
                   "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":"
                   "\"parse error: unable to decode byte 0xff near '\\\"' at byte 1\"}}");
    client_ws_text(fd, ASK);
    expect_message(fd, WS_TEXT, ANSWER);
    close(fd);
}

Test(rpc_websocket, a_message_above_the_limit_closes_with_1009)
{
    size_t len = f.options.body_bytes_max + 1;
    char *text = calloc(1, len);
    memset(text, ' ', len);
    int fd = ws_open();
    client_ws_frame(fd, WS_TEXT, true, true, text, len);
    expect_message(fd, WS_CLOSE, "1009");
    close(fd);
    fd = ws_open();
    client_ws_frame(fd, WS_TEXT, false, true, text, len / 2);
    client_ws_frame(fd, WS_CONTINUATION, false, true, text, len / 2 + 1);
    expect_message(fd, WS_CLOSE, "1009");
    close(fd);
    free(text);
    expect_serving();
}

Test(rpc_websocket, a_message_of_the_largest_size_is_taken)
{
    size_t len = f.options.body_bytes_max;
    char *text = malloc(len);
    memset(text, ' ', len);
    memcpy(text + len - (sizeof ASK - 1), ASK, sizeof ASK - 1);
    int fd = ws_open();
    client_ws_frame(fd, WS_TEXT, true, true, text, len);
    expect_message(fd, WS_TEXT, ANSWER);
    close(fd);
    free(text);
}

Test(rpc_websocket, broken_frames_end_the_connection_only)
{
    static const struct {
        const char *what;
        uint8_t bytes[8];
        size_t len;
    } frames[] = {
        {"a reserved bit", {0xf1, 0x80, 1, 2, 3, 4}, 6},
        {"a reserved opcode", {0x83, 0x80, 1, 2, 3, 4}, 6},
        {"a continuation of nothing", {0x80, 0x80, 1, 2, 3, 4}, 6},
        {"a fragmented ping", {0x09, 0x80, 1, 2, 3, 4}, 6},
        {"a close of one byte", {0x88, 0x81, 1, 2, 3, 4, 5}, 7},
    };
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        int fd = ws_open(), opcode = WS_CLOSE;
        client_send(fd, frames[i].bytes, frames[i].len);
        char *text = client_ws_read(fd, &opcode, NULL);
        cr_expect_eq(opcode, WS_CLOSE, "%s: %s", frames[i].what, text);
        free(text);
        close(fd);
    }
    expect_serving();
}

Test(rpc_websocket, a_message_may_come_with_the_handshake)
{
    static const char handshake[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                                    "\x81\x82\x01\x02\x03\x04\x5a\x5f"; // a masked "[]"
    int fd = client_connect(port);
    client_send_text(fd, handshake);
    struct http_answer a = client_read_http(fd);
    cr_expect_eq(a.status, 101);
    free(a.body);
    expect_message(fd, WS_TEXT,
                   "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"empty batch\"}}");
    close(fd);
    expect_serving();
}

Test(rpc_websocket, a_close_is_answered_with_a_close)
{
    int fd = ws_open();
    client_ws_frame(fd, WS_CLOSE, true, true, "\x03\xe8", 2);
    expect_message(fd, WS_CLOSE, "1000");
    cr_expect(client_closed(fd, 5000));
    close(fd);
}

Test(rpc_websocket, a_large_answer_comes_whole)
{
    rpc_fixture_add_block(&f, 2000);
    int fd = ws_open(), opcode;
    size_t len;
    client_ws_text(fd,
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getBlockByNumber\",\"params\":[\"latest\",true]}");
    client_ws_text(fd, ASK);
    char *text = client_ws_read(fd, &opcode, &len);
    cr_assert_not_null(text);
    cr_expect_gt(len, 1000000);
    cr_expect_eq(strlen(text), len);
    cr_expect_str_eq(text + len - 2, "}}");
    free(text);
    expect_message(fd, WS_TEXT, ANSWER);
    close(fd);
}

// Subscribes and returns the connection.
static int subscribe(const char *what)
{
    int fd = ws_open();
    char text[256];
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_subscribe\",\"params\":[%s]}", what);
    client_ws_text(fd, text);
    char *answer = client_ws_read(fd, NULL, NULL);
    cr_assert_not_null(answer);
    cr_assert_not_null(strstr(answer, "\"result\":\"0x"), "%s", answer);
    free(answer);
    return fd;
}

Test(rpc_websocket, subscribers_hear_of_each_block_in_order)
{
    int fd = subscribe("\"newHeads\"");
    for (int i = 0; i < 20; i++)
        rpc_fixture_add_block(&f, 1);
    for (unsigned i = 4; i < 24; i++) {
        char part[64];
        char *text = client_ws_read(fd, NULL, NULL);
        cr_assert_not_null(text);
        snprintf(part, sizeof part, "\"result\":{\"number\":\"0x%x\",", i);
        cr_expect_not_null(strstr(text, part), "%s", text);
        free(text);
    }
    close(fd);
}

Test(rpc_websocket, subscribers_hear_of_the_logs_that_they_asked_for)
{
    // A list of two logs without topics and data: of the addresses 0x11.. and 0x22.. .
    uint8_t logs[49] = {0xf0, 0xd7, 0x94, [3 ... 22] = 0x11, 0xc0, 0x80, 0xd7, 0x94, [27 ... 46] = 0x22, 0xc0, 0x80};
    const struct bytes of_tx = bytes_of(logs, sizeof logs);
    int fd = subscribe("\"logs\",{\"address\":\"0x2222222222222222222222222222222222222222\"}");
    rpc_fixture_add_block(&f, 1);
    rpc_fixture_add_logs(&f, &of_tx, 1);
    char *text = client_ws_read(fd, NULL, NULL);
    cr_assert_not_null(text);
    cr_expect_not_null(strstr(text,
                              "\"result\":{\"address\":\"0x2222222222222222222222222222222222222222\",\"topics\":[],"
                              "\"data\":\"0x\",\"blockNumber\":\"0x5\","),
                       "%s", text);
    cr_expect_not_null(strstr(text, "\"logIndex\":\"0x1\""), "%s", text);
    free(text);
    close(fd);
}

Test(rpc_websocket, subscribers_hear_of_pending_transactions)
{
    cr_expect_not(rpc_wants_pending(f.rpc));
    int fd = subscribe("\"newPendingTransactions\"");
    cr_expect(rpc_wants_pending(f.rpc));
    rpc_post_pending(f.rpc, &f.dropped_hash, 1);
    char *text = client_ws_read(fd, NULL, NULL);
    cr_assert_not_null(text);
    cr_expect_not_null(strstr(text, "\"result\":\"0xdddd"), "%s", text);
    free(text);
    close(fd);
    for (int i = 0; i < 100 && rpc_wants_pending(f.rpc); i++)
        usleep(10000);
    cr_expect_not(rpc_wants_pending(f.rpc));
}

static uint64_t metric(const char *name)
{
    struct http_answer a = client_http(port, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    char line[128];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *p = strstr(a.body, line);
    uint64_t value = p ? strtoull(p + strlen(line), NULL, 10) : UINT64_MAX;
    free(a.body);
    return value;
}

Test(rpc_websocket, a_subscriber_that_does_not_read_is_dropped_and_others_are_served)
{
    int slow = subscribe("\"newPendingTransactions\""), good = subscribe("\"newHeads\"");
    bytes32 hashes[256] = {{{1}}};
    for (int i = 0; i < 3000 && metric("gantry_rpc_slow_dropped_total") == 0; i++) {
        for (int k = 0; k < 8; k++)
            rpc_post_pending(f.rpc, hashes, 256);
        usleep(1000);
    }
    cr_expect_eq(metric("gantry_rpc_slow_dropped_total"), 1);
    cr_expect_eq(metric("gantry_rpc_subscriptions{kind=\"newPendingTransactions\"}"), 0);
    rpc_fixture_add_block(&f, 0);
    char *text = client_ws_read(good, NULL, NULL);
    cr_expect_not_null(text);
    free(text);
    close(slow);
    close(good);
}

Test(rpc_websocket, a_client_that_floods_without_reading_is_not_read)
{
    // Each answer is some 700 KB: far more than a socket holds. The server must stop reading, not collect answers.
    rpc_fixture_add_block(&f, 1000);
    int fd = ws_open();
    for (int i = 0; i < 100; i++)
        client_ws_text(
            fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getBlockByNumber\",\"params\":[\"latest\",true]}");
    usleep(200000);
    cr_expect_eq(metric("gantry_rpc_slow_dropped_total"), 0);
    cr_expect_lt(metric("gantry_rpc_requests_total{method=\"eth_getBlockByNumber\"}"), 40);
    for (int i = 0; i < 100; i++) {
        char *text = client_ws_read(fd, NULL, NULL);
        cr_assert_not_null(text, "closed after %d answers", i);
        free(text);
    }
    close(fd);
}

Test(rpc_websocket, the_stop_closes_connections_with_subscribers)
{
    int heads = subscribe("\"newHeads\""), idle = client_connect(port);
    rpc_fixture_close(&f);
    cr_expect(client_closed(heads, 5000));
    cr_expect(client_closed(idle, 5000));
    close(heads);
    close(idle);
    open_server(); // for the suite's end
}
