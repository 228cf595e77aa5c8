#include "base/hex.h"

#include <criterion/criterion.h>

Test(hex, encodes_lower_case_without_prefix_or_end)
{
    char out[7] = "------";
    hex_encode(out, "\x00\xab\xff", 3);
    cr_assert_arr_eq(out, "00abff", 7);
    hex_encode(out, NULL, 0);
    cr_assert_eq(out[0], '0');
}

Test(hex, every_byte_round_trips)
{
    uint8_t in[256], out[256];
    char text[512];
    for (int i = 0; i < 256; i++)
        in[i] = (uint8_t)i;
    hex_encode(text, in, 256);
    cr_assert_eq(hex_decode(out, 256, text, 512), 256);
    cr_assert_arr_eq(in, out, 256);
}

Test(hex, decodes_both_cases_with_or_without_prefix)
{
    uint8_t out[4];
    cr_assert_eq(hex_decode(out, 4, "0xDeadBEEF", 10), 4);
    cr_assert_arr_eq(out, "\xde\xad\xbe\xef", 4);
    cr_assert_eq(hex_decode(out, 4, "0102", 4), 2);
    cr_assert_arr_eq(out, "\x01\x02", 2);
    cr_assert_eq(hex_decode(out, 4, "0x", 2), 0);
    cr_assert_eq(hex_decode(out, 0, "", 0), 0);
}

Test(hex, refuses_what_is_not_exactly_digits_that_fit)
{
    uint8_t out[5] = {1, 2, 3, 4, 5};
    cr_assert_eq(hex_decode(out, 4, "0x1", 3), -1);
    cr_assert_eq(hex_decode(out, 4, "0x0102030405", 12), -1);
    cr_assert_eq(out[4], 5, "nothing is written past the capacity");
    cr_assert_eq(hex_decode(out, 4, "0x0x01", 6), -1);
    cr_assert_eq(hex_decode(out, 4, "0X01", 4), -1);
    for (int c = 0; c < 256; c++) {
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        char text[4] = {(char)c, '1', '1', (char)c};
        cr_assert_eq(hex_decode(out, 4, text, 2), digit ? 1 : -1);
        cr_assert_eq(hex_decode(out, 4, text + 2, 2), digit ? 1 : -1);
    }
}
