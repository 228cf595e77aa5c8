// The open connections of one thread: one a peer and group. A shard has its stripe groups' bulk connections here, the
// coordinator its control connections (group 0). Connections come from the gate (gate.h), on this thread or another.
//
// Owner thread only, on its loop.
#ifndef GANTRY_ENGINE_NET_LINKS_H
#define GANTRY_ENGINE_NET_LINKS_H

#include "engine/net/conn.h"

struct links;

struct links_ops {
    void (*opened)(void *ctx, unsigned peer, unsigned group); // may be NULL
    // A message valid during the call. It may be a long one's own memory: links_keep takes that over.
    void (*message)(void *ctx, unsigned peer, unsigned group, struct bytes message);
    // It is gone; why is a word of the reason, text says more. Sending is refused from here on.
    void (*closed)(void *ctx, unsigned peer, unsigned group, enum link_status why, const char *text);
};

struct links *links_create(struct loop *loop, unsigned peers, unsigned groups, const struct links_ops *ops, void *ctx);
// Ends all. Then run the loop until idle, and only then free.
void links_stop(struct links *s);
bool links_idle(const struct links *s);
void links_free(struct links *s);

// Takes over an open link that is held back, and its socket. One that is there already is closed as replaced.
void links_add(struct links *s, unsigned peer, unsigned group, int fd, struct link *link);

bool links_is_open(const struct links *s, unsigned peer, unsigned group);
// As link_send, and starts sending. LINK_CLOSED where there is no connection.
enum link_sent links_send(struct links *s, unsigned peer, unsigned group, struct payload *message, unsigned slot);
void links_close(struct links *s, unsigned peer, unsigned group, enum link_status why);
MUST_CHECK uint8_t *links_keep(struct links *s, unsigned peer, unsigned group);

// Of the present connection; zero where there is none.
struct link_counters links_counters(const struct links *s, unsigned peer, unsigned group);

#endif
