// The client's side of WebSocket framing (RFC 6455), as far as JSON-RPC over loopback needs it: text frames out with
// the mask 0 (so payloads go out as they are), any frames in. Pure functions; any thread.
#ifndef GANTRY_TOOLS_LOAD_WS_H
#define GANTRY_TOOLS_LOAD_WS_H

#include "base/bytes.h"

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

// The longest header of a masked frame.
#define WS_HEADER_MAX 14

struct ws_frame {
    enum ws_opcode opcode;
    bool final;
    struct bytes payload; // points into the input
};

// Writes the header of a frame with this payload length; returns its size. The payload follows unchanged.
size_t ws_put_header(uint8_t out[WS_HEADER_MAX], enum ws_opcode opcode, size_t payload_len);

// Takes one frame off the front: its whole size; 0 when more is needed (then *wanted is the whole size if it is known,
// else 0); -1 when a server must not send it (masked, reserved bits, longer than max_payload).
MUST_CHECK ptrdiff_t ws_parse(struct bytes in, size_t max_payload, struct ws_frame *out, size_t *wanted);

// Writes the upgrade request; returns its length, 0 when cap is too small.
MUST_CHECK size_t ws_request(char *out, size_t cap, const char *host, uint16_t port, const char *path);

#endif
