// A client of the tests' own, byte by byte, so that it can be as wrong as a test wants.
#ifndef GANTRY_TESTS_ENGINE_RPC_CLIENT_H
#define GANTRY_TESTS_ENGINE_RPC_CLIENT_H

#include "base/bytes.h"

// A connection to the port on 127.0.0.1; reads give up after 5 s.
int client_connect(uint16_t port);
void client_send(int fd, const void *bytes, size_t len);
void client_send_text(int fd, const char *text);
// What comes until the server closes, NUL-terminated, at most cap - 1 bytes of it; returns how many.
size_t client_read_to_end(int fd, char *text, size_t cap);
// Does the server close within the time, whatever it still sends?
bool client_closed(int fd, int timeout_ms);

// One HTTP answer. body is malloc'ed, status 0 when the server closed without one.
struct http_answer {
    int status;
    char head[2048];
    char *body;
    size_t body_len;
};
struct http_answer client_read_http(int fd);
// Head and body of one request on a new connection.
struct http_answer client_http(uint16_t port, const char *request);
// A POST of JSON on an open connection; the answer's body, malloc'ed.
char *client_post(int fd, const char *json);

// WebSocket. client_ws_open returns the connection after a successful handshake.
enum { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };
int client_ws_open(uint16_t port);
// One frame, masked as a client must unless `masked` is off.
void client_ws_frame(int fd, int opcode, bool final, bool masked, const void *payload, size_t len);
void client_ws_text(int fd, const char *text);
// The next message (fragments joined), malloc'ed with a NUL; *opcode its kind. NULL when the connection ended. A close
// message's text is its code in decimal.
char *client_ws_read(int fd, int *opcode, size_t *len);

#endif
