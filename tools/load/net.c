#include "tools/load/net.h"

#include "tools/load/rpc_client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BYTES 65536
#define DEFAULT_PORT 8545

uint8_t *buffer_reserve(struct buffer *b, size_t len)
{
    if (b->cap - b->len < len) {
        size_t cap = b->cap ? b->cap : 4096;
        while (cap - b->len < len)
            cap *= 2;
        b->ptr = realloc(b->ptr, cap);
        if (!b->ptr)
            abort();
        b->cap = cap;
    }
    return b->ptr + b->len;
}

void buffer_append(struct buffer *b, const void *data, size_t len)
{
    if (len == 0)
        return;
    memcpy(buffer_reserve(b, len), data, len);
    b->len += len;
}

void buffer_drop(struct buffer *b, size_t len)
{
    b->len -= len;
    if (b->len > 0)
        memmove(b->ptr, b->ptr + len, b->len);
}

void buffer_free(struct buffer *b)
{
    free(b->ptr);
    *b = (struct buffer){0};
}

static void describe(char *error, const char *what)
{
    snprintf(error, NET_ERROR_MAX, "%s: %s", what, strerror(errno));
}

bool net_send_all(int fd, const void *data, size_t len, char error[NET_ERROR_MAX])
{
    const uint8_t *p = data;
    while (len > 0) {
        const ssize_t sent = send(fd, p, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            describe(error, "sending");
            return false;
        }
        p += sent;
        len -= (size_t)sent;
    }
    return true;
}

ssize_t net_receive(int fd, struct buffer *into, int timeout_ms, char error[NET_ERROR_MAX])
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    const int ready = poll(&wait, 1, timeout_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return NET_TIMEOUT;
    uint8_t *to = buffer_reserve(into, RECEIVE_BYTES);
    const ssize_t got = ready < 0 ? -1 : recv(fd, to, RECEIVE_BYTES, 0);
    if (got < 0)
        describe(error, "receiving");
    else
        into->len += (size_t)got;
    return got;
}

bool rpc_url_parse(struct rpc_url *out, const char *text, char error[RPC_ERROR_MAX])
{
    const char *p = strstr(text, "://"), *host = p ? p + 3 : text;
    if (p && strncmp(text, "http:", 5) != 0 && strncmp(text, "ws:", 3) != 0) {
        snprintf(error, RPC_ERROR_MAX, "%.100s: only http:// and ws:// are spoken here", text);
        return false;
    }
    const size_t authority = strcspn(host, "/");
    const char *colon = memchr(host, ':', authority);
    const size_t host_len = colon ? (size_t)(colon - host) : authority;
    unsigned long port = DEFAULT_PORT;
    char *end = NULL;
    if (colon)
        port = strtoul(colon + 1, &end, 10);
    if (host_len == 0 || host_len >= sizeof out->host || strlen(host + authority) >= sizeof out->path || port == 0 ||
        port > UINT16_MAX || (colon && end != host + authority)) {
        snprintf(error, RPC_ERROR_MAX, "%.100s: not of the form http://HOST:PORT", text);
        return false;
    }
    snprintf(out->host, sizeof out->host, "%.*s", (int)host_len, host);
    snprintf(out->path, sizeof out->path, "%s", host[authority] ? host + authority : "/");
    out->port = (uint16_t)port;
    return true;
}

int tcp_connect(const char *host, uint16_t port, char error[RPC_ERROR_MAX])
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    const int failed = getaddrinfo(host, service, &hints, &list);
    if (failed) {
        snprintf(error, RPC_ERROR_MAX, "%.100s: %s", host, gai_strerror(failed));
        return -1;
    }
    int fd = -1;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            snprintf(error, RPC_ERROR_MAX, "%.100s:%u: %s", host, port, strerror(errno));
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    const int on = 1;
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}
