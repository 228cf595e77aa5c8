// Listening TCP sockets.
#ifndef GANTRY_ENGINE_NET_LISTEN_H
#define GANTRY_ENGINE_NET_LISTEN_H

#include "base/bytes.h"

// Binds and listens on a numeric address or a local name. *port may be 0 (any free one) and is set to the port in use.
// Returns the descriptor, or -1 with a message. receive_bytes sets SO_RCVBUF for accepted connections (0: the
// system's).
MUST_CHECK int net_listen(const char *host, unsigned *port, int receive_bytes, char *error, size_t error_cap);

#endif
