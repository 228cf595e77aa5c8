// Sockets and growing buffers for the commands that talk to a node. A buffer and a socket belong to one thread.
#ifndef GANTRY_TOOLS_LOAD_NET_H
#define GANTRY_TOOLS_LOAD_NET_H

#include "base/bytes.h"

#include <stdio.h>
#include <sys/types.h>

#define NET_ERROR_MAX 256
#define NET_TIMEOUT (-2)

// Zeroed: empty. Memory running out ends the process.
struct buffer {
    uint8_t *ptr;
    size_t len, cap;
};

// Makes room for len more bytes; returns where they go (len is not changed).
uint8_t *buffer_reserve(struct buffer *b, size_t len);
void buffer_append(struct buffer *b, const void *data, size_t len);
void buffer_drop(struct buffer *b, size_t len); // off the front
void buffer_free(struct buffer *b);

MUST_CHECK bool net_send_all(int fd, const void *data, size_t len, char error[NET_ERROR_MAX]);
// Appends what has come, waiting for the first byte at most timeout_ms (-1: for ever). Bytes read, 0 at the end of the
// stream, NET_TIMEOUT, or -1 with error.
MUST_CHECK ssize_t net_receive(int fd, struct buffer *into, int timeout_ms, char error[NET_ERROR_MAX]);

#endif
