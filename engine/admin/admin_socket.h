// The socket itself: names in a folder whose path may be longer than a socket's address takes.
#ifndef GANTRY_ENGINE_ADMIN_ADMIN_SOCKET_H
#define GANTRY_ENGINE_ADMIN_ADMIN_SOCKET_H

#include "base/bytes.h"

// A listening socket of mode 0600, in place of what an ended process left there; -1 with errno.
int admin_socket_listen(const char *folder);
void admin_socket_remove(const char *folder);
// A connected one; -1 with errno.
int admin_socket_connect(const char *folder);

// All of it; false when the peer has gone or takes nothing for longer than its timeout.
MUST_CHECK bool admin_socket_send(int fd, const void *bytes, size_t len);

#endif
