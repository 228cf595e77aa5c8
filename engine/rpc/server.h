// The sockets: HTTP/1.1 and WebSocket on one port through libwebsockets. Owned by the rpc thread, which calls
// server_service in a loop; only server_wake may be called by others.
//
// Bounds: connections; bytes of a request and of all requests being received; bytes of all answers waiting to be read;
// exchanges of one connection (its socket is not read while too many are open). A WebSocket client that reads too
// slowly for what it subscribed to is disconnected, and the log says so.
#ifndef GANTRY_ENGINE_RPC_SERVER_H
#define GANTRY_ENGINE_RPC_SERVER_H

#include "engine/rpc/core.h"

struct server;

// HTTP statuses that requests are refused with.
#define SERVER_STATUS_COUNT 8
extern const unsigned SERVER_STATUSES[SERVER_STATUS_COUNT];

struct server_stats {
    unsigned http_connections, websocket_connections;
    uint64_t refused_connections, slow_dropped;
    uint64_t refused_by_status[SERVER_STATUS_COUNT];
};
// Binds and listens. on_wake(ctx) runs on the service thread after server_wake. NULL with a message.
struct server *server_create(struct rpc_core *core, const struct rpc_options *options, void (*on_wake)(void *ctx),
                             void *ctx, char error[STORE_ERROR_MAX]);
// Closes all connections.
void server_free(struct server *s);
uint16_t server_port(const struct server *s);

// Waits for events and handles them. Returns when something happened.
void server_service(struct server *s);
// Makes server_service return soon. Any thread, while the server exists.
void server_wake(struct server *s);
// Nothing is left to be written.
bool server_idle(const struct server *s);

#endif
