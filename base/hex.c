#include "base/hex.h"

void hex_encode(char *out, const void *in, size_t len)
{
    static const char digits[16] = "0123456789abcdef";
    const uint8_t *bytes = in;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}

// 0..15, or -1 for a character that is no digit.
static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

ptrdiff_t hex_decode(uint8_t *out, size_t cap, const char *text, size_t text_len)
{
    if (text_len >= 2 && text[0] == '0' && text[1] == 'x') {
        text += 2;
        text_len -= 2;
    }
    if (text_len % 2 != 0 || text_len / 2 > cap)
        return -1;
    for (size_t i = 0; i < text_len / 2; i++) {
        int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return (ptrdiff_t)(text_len / 2);
}
