// A link's socket on a thread's loop (shard/loop.h): receives, sends, ends. Owner thread only.
//
// A connection is told of three times: when its link has opened and is held back (`opened`; nothing is in flight then,
// so it may be started here or taken to another thread), when messages come (the link's own functions), and when it is
// over and about to be freed (`closed`, exactly once, unless it was taken).
#ifndef GANTRY_ENGINE_NET_CONN_H
#define GANTRY_ENGINE_NET_CONN_H

#include "engine/net/link.h"
#include "shard/loop.h"

#include <sys/socket.h>

struct conn;

struct conn_ops {
    void (*opened)(void *ctx, struct conn *c); // must take or close it; never called for an adopted one
    void (*closed)(void *ctx, struct conn *c);
};

// Take over fd and link. A dialed one connects first.
struct conn *conn_accepted(struct loop *loop, int fd, struct link *link, const struct conn_ops *ops, void *ctx);
struct conn *conn_dial(struct loop *loop, const struct sockaddr_storage *to, struct link *link,
                       const struct conn_ops *ops, void *ctx);
// A connection whose link is open and held back, taken from another loop: lets its messages through.
struct conn *conn_adopt(struct loop *loop, int fd, struct link *link, const struct conn_ops *ops, void *ctx);

// Within `opened`: takes link and socket out and frees the rest.
int conn_take(struct conn *c, struct link **link);

struct link *conn_link(const struct conn *c);
// Sends what the link has to say: after link_send.
void conn_flush(struct conn *c);
// Ends it, for this reason unless it has failed already. `closed` comes from the loop, never from within this.
void conn_close(struct conn *c, enum link_status why);

#endif
