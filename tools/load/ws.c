#include "tools/load/ws.h"

#include <stdio.h>

#define FINAL_BIT 0x80
#define MASK_BIT 0x80

static void store_be(uint8_t *p, uint64_t v, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(v >> 8 * (len - 1 - i));
}

static uint64_t load_be(const uint8_t *p, size_t len)
{
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++)
        v = v << 8 | p[i];
    return v;
}

size_t ws_put_header(uint8_t out[WS_HEADER_MAX], enum ws_opcode opcode, size_t payload_len)
{
    size_t at = 2;
    out[0] = (uint8_t)(FINAL_BIT | opcode);
    if (payload_len < 126) {
        out[1] = (uint8_t)(MASK_BIT | payload_len);
    } else if (payload_len <= UINT16_MAX) {
        out[1] = MASK_BIT | 126;
        store_be(out + at, payload_len, 2);
        at += 2;
    } else {
        out[1] = MASK_BIT | 127;
        store_be(out + at, payload_len, 8);
        at += 8;
    }
    memset(out + at, 0, 4);
    return at + 4;
}

ptrdiff_t ws_parse(struct bytes in, size_t max_payload, struct ws_frame *out, size_t *wanted)
{
    *wanted = 0;
    if (in.len < 2)
        return 0;
    if ((in.ptr[0] & 0x70) != 0 || (in.ptr[1] & MASK_BIT) != 0)
        return -1;
    uint64_t len = in.ptr[1];
    size_t head = 2;
    if (len >= 126) {
        const size_t extra = len == 126 ? 2 : 8;
        if (in.len < head + extra)
            return 0;
        len = load_be(in.ptr + head, extra);
        head += extra;
    }
    if (len > max_payload)
        return -1;
    *wanted = head + (size_t)len;
    if (in.len < *wanted)
        return 0;
    out->opcode = (enum ws_opcode)(in.ptr[0] & 0x0f);
    out->final = (in.ptr[0] & FINAL_BIT) != 0;
    out->payload = bytes_of(in.ptr + head, (size_t)len);
    return (ptrdiff_t)*wanted;
}

size_t ws_request(char *out, size_t cap, const char *host, uint16_t port, const char *path)
{
    // The key only proves to caches that the answer is fresh; it is no secret.
    const int len = snprintf(out, cap,
                             "GET %s HTTP/1.1\r\nHost: %s:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Key: Z2FudHJ5IGxvYWQgMTIzNA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                             path, host, port);
    return len < 0 || (size_t)len >= cap ? 0 : (size_t)len;
}
