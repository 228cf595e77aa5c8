#include "engine/calls/revert.h"

#include "base/u256.h"

#include <stdio.h>

// Contract ABI specification, "Encoding of errors"; Solidity, "Panic via assert and error via require".
static const uint8_t ERROR_SELECTOR[4] = {0x08, 0xc3, 0x79, 0xa0}, PANIC_SELECTOR[4] = {0x4e, 0x48, 0x7b, 0x71};

static const struct {
    uint64_t code;
    const char *text;
} panics[] = {
    {0x00, "generic panic"},
    {0x01, "assert(false)"},
    {0x11, "arithmetic underflow or overflow"},
    {0x12, "division or modulo by zero"},
    {0x21, "enum overflow"},
    {0x22, "invalid encoded storage byte array accessed"},
    {0x31, "out-of-bounds array access; popping on an empty array"},
    {0x32, "out-of-bounds access of an array or bytesN"},
    {0x41, "out of memory"},
    {0x51, "uninitialized function"},
};

// The word at an offset as a number of 64 bits; false when there is none or it is larger.
static bool word_at(struct bytes data, uint64_t offset, uint64_t *out)
{
    if (offset > data.len || data.len - offset < 32)
        return false;
    const u256 word = u256_from_be(data.ptr + offset, 32);
    *out = word.w[0];
    return u256_fits_u64(&word);
}

static bool error_text(char *out, size_t cap, struct bytes arguments)
{
    uint64_t offset, len;
    if (!word_at(arguments, 0, &offset) || !word_at(arguments, offset, &len) || len > arguments.len - offset - 32)
        return false;
    const uint8_t *text = arguments.ptr + offset + 32;
    size_t n = len < cap - 1 ? len : cap - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = text[i] >= 0x20 && text[i] < 0x7f ? (char)text[i] : '?';
    out[n] = 0;
    return true;
}

static bool panic_text(char *out, size_t cap, struct bytes arguments)
{
    if (arguments.len < 32)
        return false;
    const u256 code = u256_from_be(arguments.ptr, 32);
    for (size_t i = 0; i < sizeof panics / sizeof *panics; i++) {
        if (u256_fits_u64(&code) && code.w[0] == panics[i].code) {
            snprintf(out, cap, "%s", panics[i].text);
            return true;
        }
    }
    snprintf(out, cap, "unknown panic code: 0x%llx", (unsigned long long)code.w[0]);
    return true;
}

bool revert_reason(char *out, size_t cap, struct bytes data)
{
    if (data.len < 4)
        return false;
    const struct bytes arguments = bytes_of(data.ptr + 4, data.len - 4);
    if (memcmp(data.ptr, ERROR_SELECTOR, 4) == 0)
        return error_text(out, cap, arguments);
    return memcmp(data.ptr, PANIC_SELECTOR, 4) == 0 && panic_text(out, cap, arguments);
}
