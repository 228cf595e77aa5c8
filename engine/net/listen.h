// Listening TCP sockets, and addresses to connect to.
#ifndef GANTRY_ENGINE_NET_LISTEN_H
#define GANTRY_ENGINE_NET_LISTEN_H

#include "base/bytes.h"

#include <sys/socket.h>

// Binds and listens on a numeric address or a local name. *port may be 0 (any free one) and is set to the port in use.
// Returns the descriptor, or -1 with a message. receive_bytes sets SO_RCVBUF for accepted connections (0: the
// system's).
MUST_CHECK int net_listen(const char *host, unsigned *port, int receive_bytes, char *error, size_t error_cap);

// The first address of a host, numeric or a name (which may take the resolver's time). false with a message.
MUST_CHECK bool net_resolve(struct sockaddr_storage *out, const char *host, unsigned port, char *error,
                            size_t error_cap);

#endif
