// A small blocking JSON-RPC client over plain HTTP (kept alive) and WebSocket, for commands that talk to a node.
// A client belongs to one thread. Errors are one line of text.
#ifndef GANTRY_TOOLS_LOAD_RPC_CLIENT_H
#define GANTRY_TOOLS_LOAD_RPC_CLIENT_H

#include "base/bytes.h"

#include <jansson.h>

#define RPC_ERROR_MAX 256
#define RPC_RESPONSE_MAX (256u << 20)

struct rpc_url {
    char host[128];
    uint16_t port;
    char path[128]; // starts with /
};

// "http://host:port/path" or "ws://..."; scheme, port (8545) and path (/) may be left out.
MUST_CHECK bool rpc_url_parse(struct rpc_url *out, const char *text, char error[RPC_ERROR_MAX]);
// A connected blocking socket without Nagle's delay, or -1.
MUST_CHECK int tcp_connect(const char *host, uint16_t port, char error[RPC_ERROR_MAX]);

struct rpc_client;

// Connects at the first use. timeout_ms bounds each wait for the node.
struct rpc_client *rpc_client_create(const struct rpc_url *url, unsigned timeout_ms);
void rpc_client_free(struct rpc_client *c);

// Posts a JSON text; the answer's text (with a NUL after it) is the client's, valid until its next call. A connection
// that the node has closed meanwhile is opened anew once. NULL with error.
MUST_CHECK const char *rpc_post(struct rpc_client *c, const char *body, size_t len, size_t *out_len,
                                char error[RPC_ERROR_MAX]);
// The body of a GET, as above.
MUST_CHECK const char *rpc_get(struct rpc_client *c, const char *path, size_t *out_len, char error[RPC_ERROR_MAX]);
// One call; params is the text of a JSON array. A new reference to the result; NULL with error (the node's message).
__attribute__((warn_unused_result)) json_t *rpc_call(struct rpc_client *c, const char *method, const char *params,
                                                     char error[RPC_ERROR_MAX]);
// A call whose result is a quantity of at most 64 bits ("0x1b4").
MUST_CHECK bool rpc_call_u64(struct rpc_client *c, const char *method, const char *params, uint64_t *out,
                             char error[RPC_ERROR_MAX]);
MUST_CHECK bool rpc_parse_quantity(const json_t *value, uint64_t *out);

// A batch of calls of one method: each(ctx, i, buf, cap) writes the params of call i; answered(ctx, i, result, message)
// is called once each, in order of i, with result or else the error's message. False with error when the batch as a
// whole failed.
#define RPC_BATCH_MAX 100
#define RPC_PARAMS_MAX 1024
struct rpc_batch {
    const char *method;
    void *ctx;
    void (*params)(void *ctx, size_t i, char out[RPC_PARAMS_MAX]);
    void (*answered)(void *ctx, size_t i, const json_t *result, const char *message);
};
// Any count; sent RPC_BATCH_MAX at a time.
MUST_CHECK bool rpc_call_batch(struct rpc_client *c, const struct rpc_batch *batch, size_t count,
                               char error[RPC_ERROR_MAX]);

// A WebSocket.
struct rpc_socket;
// NULL with error when the node can't be reached or refuses the upgrade.
struct rpc_socket *rpc_socket_open(const struct rpc_url *url, char error[RPC_ERROR_MAX]);
void rpc_socket_close(struct rpc_socket *s);
int rpc_socket_fd(const struct rpc_socket *s);
MUST_CHECK bool rpc_socket_send(struct rpc_socket *s, const char *text, size_t len, char error[RPC_ERROR_MAX]);
// Waits for the next whole text message, at most timeout_ms (-1: for ever). NULL with *error empty on a timeout; NULL
// with error when the connection is gone. The text (with a NUL after it) is valid until the next call.
MUST_CHECK const char *rpc_socket_receive(struct rpc_socket *s, int timeout_ms, size_t *len, char error[RPC_ERROR_MAX]);

#endif
