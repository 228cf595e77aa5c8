#include "tools/load/ws.h"

#include <criterion/criterion.h>
#include <stdlib.h>

// A server's frame: the client's header without mask bit and mask.
static size_t server_frame(uint8_t *out, enum ws_opcode opcode, size_t payload_len)
{
    size_t head = ws_put_header(out, opcode, payload_len) - 4;
    out[1] &= 0x7f;
    memset(out + head, 'x', payload_len);
    return head + payload_len;
}

Test(ws, frames_of_every_length_form_come_back)
{
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 100000};
    uint8_t *buf = malloc(100100);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const size_t size = server_frame(buf, WS_TEXT, lengths[i]);
        struct ws_frame frame;
        size_t wanted;
        cr_assert_eq(ws_parse(bytes_of(buf, size), 1 << 20, &frame, &wanted), (ptrdiff_t)size);
        cr_assert_eq(frame.opcode, WS_TEXT);
        cr_assert(frame.final);
        cr_assert_eq(frame.payload.len, lengths[i]);
        for (size_t cut = 0; cut < size && cut < 300; cut++)
            cr_assert_eq(ws_parse(bytes_of(buf, cut), 1 << 20, &frame, &wanted), 0);
        cr_assert_eq(ws_parse(bytes_of(buf, size - (size > 0)), 1 << 20, &frame, &wanted), 0);
    }
    free(buf);
}

Test(ws, client_frames_are_masked_with_zero)
{
    uint8_t head[WS_HEADER_MAX];
    cr_assert_eq(ws_put_header(head, WS_TEXT, 5), 6);
    cr_assert_arr_eq(head, "\x81\x85\0\0\0\0", 6);
    cr_assert_eq(ws_put_header(head, WS_PONG, 300), 8);
    cr_assert_arr_eq(head, "\x8a\xfe\x01\x2c\0\0\0\0", 8);
}

Test(ws, what_a_server_must_not_send_is_refused)
{
    struct ws_frame frame;
    size_t wanted;
    cr_assert_eq(ws_parse(bytes_of("\x81\x81\0\0\0\0x", 7), 100, &frame, &wanted), -1); // masked
    cr_assert_eq(ws_parse(bytes_of("\xc1\x01x", 3), 100, &frame, &wanted), -1);         // reserved bit
    cr_assert_eq(ws_parse(bytes_of("\x81\x65", 2), 100, &frame, &wanted), -1);          // longer than allowed
    cr_assert_eq(ws_parse(bytes_of("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10), 1000, &frame, &wanted), -1);
}
