#include "engine/net/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned port_of(int fd)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        return 0;
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                         : ((struct sockaddr_in *)&a)->sin_port);
}

static int bind_one(const struct addrinfo *a, int receive_bytes)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0)
        return -1;
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (receive_bytes > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 512) == 0)
        return fd;
    int kept = errno;
    close(fd);
    errno = kept;
    return -1;
}

bool net_resolve(struct sockaddr_storage *out, const char *host, unsigned port, char *error, size_t error_cap)
{
    char service[16];
    snprintf(service, sizeof service, "%u", port);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found;
    const int r = getaddrinfo(host, service, &hints, &found);
    if (r != 0) {
        snprintf(error, error_cap, "can't find %s: %s", host, gai_strerror(r));
        return false;
    }
    memset(out, 0, sizeof *out);
    memcpy(out, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

int net_listen(const char *host, unsigned *port, int receive_bytes, char *error, size_t error_cap)
{
    char service[16];
    snprintf(service, sizeof service, "%u", *port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;
    int r = getaddrinfo(host, service, &hints, &found);
    if (r != 0) {
        snprintf(error, error_cap, "can't listen on %s: %s", host, gai_strerror(r));
        return -1;
    }
    int fd = bind_one(found, receive_bytes);
    if (fd < 0)
        snprintf(error, error_cap, "can't listen on %s port %u: %s", host, *port, strerror(errno));
    else
        *port = port_of(fd);
    freeaddrinfo(found);
    return fd;
}
