// The dashboard's files over HTTP, in whichever way the build has them.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/rpc/guard.h"
#include "engine/rpc/pages.h"
#include "tests/engine/rpc_client.h"
#include "tests/engine/rpc_fixture.h"

static const char *const paths[] = {"/", "/dashboard.js", "/dashboard.css", "/icon.svg"};
#define PATH_COUNT (sizeof paths / sizeof *paths)

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

TestSuite(rpc_pages, .init = open_server, .fini = close_server);

static struct http_answer ask(const char *method, const char *path, const char *headers)
{
    char request[1024];
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method, path, headers);
    return client_http(port, request);
}

static void expect_content(const struct http_answer *a, struct bytes content, const char *what)
{
    cr_expect_eq(a->status, 200, "%s: status %d", what, a->status);
    cr_expect(bytes_equal(bytes_of(a->body, a->body_len), content), "%s: %zu bytes instead of %zu", what, a->body_len,
              content.len);
}

Test(rpc_pages, each_is_sent_whole_with_its_type_and_what_keeps_others_out)
{
    cr_assert_not_null(page_find("/"));
    for (size_t i = 0; i < PATH_COUNT; i++) {
        const struct page *page = page_find(paths[i]);
        if (!page) // a build without the dashboard has one page only
            continue;
        struct http_answer a = ask("GET", paths[i], "");
        expect_content(&a, page->plain, paths[i]);
        char type[128];
        snprintf(type, sizeof type, "Content-Type: %s\r\n", page->content_type);
        const char *const wanted[] = {type,
                                      "Content-Security-Policy: default-src 'none'; script-src 'self';",
                                      "frame-ancestors 'none'\r\n",
                                      "X-Content-Type-Options: nosniff\r\n",
                                      "Cache-Control: no-cache\r\n",
                                      "Vary: Accept-Encoding\r\n"};
        for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++)
            cr_expect_not_null(strstr(a.head, wanted[k]), "%s without %s: %s", paths[i], wanted[k], a.head);
        cr_expect_null(strstr(a.head, "Content-Encoding"));
        free(a.body);
    }
}

Test(rpc_pages, whoever_takes_gzip_gets_it)
{
    for (size_t i = 0; i < PATH_COUNT; i++) {
        const struct page *page = page_find(paths[i]);
        if (!page || !page->zipped.len)
            continue;
        struct http_answer a = ask("GET", paths[i], "Accept-Encoding: gzip, deflate, br\r\n");
        expect_content(&a, page->zipped, paths[i]);
        cr_expect_not_null(strstr(a.head, "Content-Encoding: gzip\r\n"), "%s", a.head);
        cr_expect_eq((uint8_t)a.body[0], 0x1f);
        cr_expect_eq((uint8_t)a.body[1], 0x8b);
        free(a.body);
    }
}

Test(rpc_pages, a_copy_that_is_the_newest_is_not_sent_again)
{
    char header[128];
    snprintf(header, sizeof header, "If-None-Match: %s\r\n", page_find("/")->tag);
    struct http_answer a = ask("GET", "/", header);
    cr_expect_eq(a.status, 304);
    cr_expect_eq(a.body_len, 0);
    free(a.body);
    a = ask("GET", "/", "If-None-Match: \"another\"\r\n");
    expect_content(&a, page_find("/")->plain, "another copy");
    free(a.body);
}

Test(rpc_pages, head_names_the_length_and_sends_nothing)
{
    char length[64];
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", page_find("/")->plain.len);
    int fd = client_connect(port);
    client_send_text(fd, "HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    char text[4096];
    client_read_to_end(fd, text, sizeof text);
    close(fd);
    cr_expect_not_null(strstr(text, length), "%s", text);
    cr_expect_str_eq(strstr(text, "\r\n\r\n"), "\r\n\r\n");
}

Test(rpc_pages, other_names_and_other_hosts_get_nothing)
{
    static const char *const unknown[] = {"/index.html", "/dashboard.js.gz", "/dashboard", "/icon.svg/"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        struct http_answer a = ask("GET", unknown[i], "");
        cr_expect_eq(a.status, 404, "%s: status %d", unknown[i], a.status);
        free(a.body);
    }
    struct http_answer a = client_http(port, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    cr_expect_eq(a.status, 403);
    free(a.body);
}

// The status of a WebSocket handshake by a page of this origin; 101 when it is accepted.
static int handshake(const char *origin)
{
    char request[512];
    snprintf(request, sizeof request,
             "GET / HTTP/1.1\r\nHost: localhost:%u\r\nOrigin: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
             port, origin);
    struct http_answer a = client_http(port, request);
    free(a.body);
    return a.status;
}

Test(rpc_pages, the_page_of_this_server_may_open_a_websocket_and_no_other)
{
    char origin[64];
    snprintf(origin, sizeof origin, "http://localhost:%u", port);
    cr_expect_eq(handshake(origin), 101);
    snprintf(origin, sizeof origin, "http://localhost:%u", port + 1);
    cr_expect_eq(handshake(origin), 403);
    cr_expect_eq(handshake("http://localhost"), 403);
    cr_expect_eq(handshake("null"), 403);
}

Test(rpc_pages_parts, gzip_is_taken_where_it_is_named_and_not_ruled_out)
{
    static const struct {
        const char *header;
        bool taken;
    } cases[] = {{"gzip", true},
                 {"deflate, gzip;q=1.0", true},
                 {"GZIP", true},
                 {"*", true},
                 {"br , gzip", true},
                 {"", false},
                 {"br", false},
                 {"gzip;q=0", false},
                 {"gzip; q=0.0", false},
                 {"xgzip", false},
                 {"gzipx", false},
                 {"identity;q=1", false},
                 {"deflate;q=0.5", false},
                 {",,", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(page_accepts_gzip(cases[i].header), cases[i].taken, "%s", cases[i].header);
}

Test(rpc_pages_parts, an_origin_is_this_server_when_scheme_host_and_port_agree)
{
    cr_expect(guard_same_origin("http://127.0.0.1:8545", "127.0.0.1:8545"));
    cr_expect(guard_same_origin("https://node.example", "Node.example"));
    cr_expect(guard_same_origin("http://[::1]:8545", "[::1]:8545"));
    cr_expect_not(guard_same_origin("http://127.0.0.1:8546", "127.0.0.1:8545"));
    cr_expect_not(guard_same_origin("http://127.0.0.1", "127.0.0.1:8545"));
    cr_expect_not(guard_same_origin("file://127.0.0.1:8545", "127.0.0.1:8545"));
    cr_expect_not(guard_same_origin("http://", ""));
    cr_expect_not(guard_same_origin("null", "null"));
}
