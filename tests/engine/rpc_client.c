#include "tests/engine/rpc_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

int client_connect(uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval limit = {.tv_sec = 5};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0)
        abort();
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

// What the server refuses to read is the test's business to notice.
void client_send(int fd, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        p += n;
        len -= (size_t)n;
    }
}

void client_send_text(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

static bool read_all(int fd, void *out, size_t len)
{
    uint8_t *p = out;
    while (len > 0) {
        ssize_t n = recv(fd, p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

size_t client_read_to_end(int fd, char *text, size_t cap)
{
    size_t len = 0;
    while (len < cap - 1 && read_all(fd, text + len, 1))
        len++;
    text[len] = 0;
    return len;
}

bool client_closed(int fd, int timeout_ms)
{
    char drop[65536];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int ready;
    while ((ready = poll(&p, 1, timeout_ms)) != 0) {
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t n = recv(fd, drop, sizeof drop, 0);
        if (n == 0 || (n < 0 && errno != EINTR))
            return true;
    }
    return false;
}

static size_t content_length(const char *head)
{
    static const char name[] = "content-length:";
    for (const char *line = head; line; line = strstr(line, "\r\n")) {
        line += line[0] == '\r' ? 2 : 0;
        if (strncasecmp(line, name, sizeof name - 1) == 0)
            return strtoul(line + sizeof name - 1, NULL, 10);
    }
    return 0;
}

struct http_answer client_read_http(int fd)
{
    struct http_answer a = {0};
    size_t len = 0;
    while (len < sizeof a.head - 1 && (len < 4 || memcmp(a.head + len - 4, "\r\n\r\n", 4) != 0)) {
        if (!read_all(fd, a.head + len, 1)) {
            a.body = strdup("");
            return a;
        }
        len++;
    }
    a.status = atoi(a.head + strcspn(a.head, " "));
    a.body_len = content_length(a.head);
    a.body = calloc(1, a.body_len + 1);
    if (!read_all(fd, a.body, a.body_len))
        a.status = 0;
    return a;
}

struct http_answer client_http(uint16_t port, const char *request)
{
    int fd = client_connect(port);
    client_send_text(fd, request);
    struct http_answer a = client_read_http(fd);
    close(fd);
    return a;
}

char *client_post(int fd, const char *json)
{
    char *text;
    if (asprintf(
            &text,
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
            strlen(json), json) < 0)
        abort();
    client_send_text(fd, text);
    free(text);
    return client_read_http(fd).body;
}

int client_ws_open(uint16_t port)
{
    int fd = client_connect(port);
    client_send_text(fd, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    struct http_answer a = client_read_http(fd);
    free(a.body);
    // RFC 6455, section 1.3, gives the answer to this key.
    if (a.status != 101 || !strcasestr(a.head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) {
        fprintf(stderr, "no WebSocket: status %d, %s\n", a.status, a.head);
        close(fd);
        return -1;
    }
    return fd;
}

void client_ws_frame(int fd, int opcode, bool final, bool masked, const void *payload, size_t len)
{
    uint8_t *frame = malloc(len + 14), *p = frame;
    static const uint8_t mask[4] = {1, 2, 3, 4};
    *p++ = (uint8_t)(opcode | (final ? 0x80 : 0));
    uint8_t bit = masked ? 0x80 : 0;
    if (len < 126) {
        *p++ = (uint8_t)(bit | len);
    } else if (len < 65536) {
        *p++ = bit | 126;
        *p++ = (uint8_t)(len >> 8);
        *p++ = (uint8_t)len;
    } else {
        *p++ = bit | 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            *p++ = (uint8_t)((uint64_t)len >> shift);
    }
    if (masked) {
        memcpy(p, mask, 4);
        p += 4;
    }
    for (size_t i = 0; i < len; i++)
        *p++ = ((const uint8_t *)payload)[i] ^ (masked ? mask[i % 4] : 0);
    client_send(fd, frame, (size_t)(p - frame));
    free(frame);
}

void client_ws_text(int fd, const char *text)
{
    client_ws_frame(fd, WS_TEXT, true, true, text, strlen(text));
}

// One frame's payload appended to *out; false at the end of the connection.
static bool read_frame(int fd, char **out, size_t *len, int *opcode, bool *final)
{
    uint8_t head[2], extra[8];
    if (!read_all(fd, head, 2))
        return false;
    size_t size = head[1] & 0x7f;
    unsigned extra_len = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (!read_all(fd, extra, extra_len))
        return false;
    for (unsigned i = 0; i < extra_len; i++)
        size = i == 0 ? extra[0] : size << 8 | extra[i];
    *opcode = head[0] & 15;
    *final = head[0] >> 7;
    *out = realloc(*out, *len + size + 1);
    if (!read_all(fd, *out + *len, size))
        return false;
    *len += size;
    (*out)[*len] = 0;
    return true;
}

char *client_ws_read(int fd, int *opcode, size_t *len)
{
    char *out = NULL;
    size_t total = 0;
    bool final = false;
    int first = -1, kind;
    while (!final) {
        if (!read_frame(fd, &out, &total, &kind, &final)) {
            free(out);
            return NULL;
        }
        first = first < 0 ? kind : first;
    }
    if (first == WS_CLOSE && total >= 2) {
        unsigned code = (unsigned)(uint8_t)out[0] << 8 | (uint8_t)out[1];
        free(out);
        if (asprintf(&out, "%u", code) < 0)
            abort();
        total = strlen(out);
    }
    if (opcode)
        *opcode = first;
    if (len)
        *len = total;
    return out;
}
