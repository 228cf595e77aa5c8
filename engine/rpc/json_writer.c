#include "engine/rpc/json_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_BYTES 512

static const char digits[] = "0123456789abcdef";

void jw_init(struct json_writer *w, size_t limit)
{
    *w = (struct json_writer){.limit = limit};
}

void jw_release(struct json_writer *w)
{
    free(w->mem);
    w->mem = NULL;
    w->len = w->cap = 0;
}

void jw_rewind(struct json_writer *w, size_t len)
{
    w->len = len;
    w->overflow = false;
}

char *jw_room(struct json_writer *w, size_t n)
{
    if (n > w->limit - w->len || w->overflow) {
        w->overflow = true;
        return NULL;
    }
    if (n > w->cap - w->len) {
        size_t cap = w->cap ? w->cap : FIRST_BYTES;
        while (cap - w->len < n)
            cap *= 2;
        char *mem = realloc(w->mem, JSON_HEADROOM + cap);
        if (!mem) {
            w->overflow = true;
            return NULL;
        }
        w->mem = mem;
        w->cap = cap;
    }
    return w->mem + JSON_HEADROOM + w->len;
}

void jw_bytes(struct json_writer *w, const void *text, size_t len)
{
    char *p = len > 0 ? jw_room(w, len) : NULL;
    if (!p)
        return;
    memcpy(p, text, len);
    w->len += len;
}

void jw_printf(struct json_writer *w, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len > 0)
        jw_bytes(w, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

// Writes c escaped, 6 bytes at most.
static size_t escape(char *out, uint8_t c)
{
    static const char short_forms[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    for (const char *p = short_forms; *p; p += 2) {
        if ((uint8_t)*p == c) {
            out[0] = '\\';
            out[1] = p[1];
            return 2;
        }
    }
    if (c >= ' ' && c != 0x7f) {
        out[0] = (char)c;
        return 1;
    }
    memcpy(out, "\\u00", 4);
    out[4] = digits[c >> 4];
    out[5] = digits[c & 15];
    return 6;
}

void jw_string(struct json_writer *w, struct bytes text)
{
    jw_bytes(w, "\"", 1);
    for (size_t i = 0; i < text.len; i++) {
        char *p = jw_room(w, 6);
        if (!p)
            return;
        w->len += escape(p, text.ptr[i]);
    }
    jw_bytes(w, "\"", 1);
}

// A digit by arithmetic: unlike a table, the compiler turns this into vector code. Answers are mostly such text.
static inline char digit_of(uint8_t nibble)
{
    return (char)(nibble + '0' + (nibble > 9 ? 'a' - '9' - 1 : 0));
}

void jw_data(struct json_writer *w, const void *bytes, size_t len)
{
    const uint8_t *restrict in = bytes;
    char *restrict p = jw_room(w, 2 * len + 4);
    if (!p)
        return;
    memcpy(p, "\"0x", 3);
    p += 3;
    for (size_t i = 0; i < len; i++) {
        p[2 * i] = digit_of(in[i] >> 4);
        p[2 * i + 1] = digit_of(in[i] & 15);
    }
    p[2 * len] = '"';
    w->len += 2 * len + 4;
}

void jw_quantity(struct json_writer *w, uint64_t v)
{
    unsigned count = v ? (67 - (unsigned)__builtin_clzll(v)) / 4 : 1;
    char *p = jw_room(w, count + 4);
    if (!p)
        return;
    memcpy(p, "\"0x", 3);
    p += 3;
    for (unsigned i = count; i-- > 0;)
        *p++ = digits[v >> 4 * i & 15];
    *p = '"';
    w->len += count + 4;
}

void jw_quantity256(struct json_writer *w, const u256 *v)
{
    unsigned bits = u256_bits(v);
    unsigned count = bits ? (bits + 3) / 4 : 1;
    char *p = jw_room(w, count + 4);
    if (!p)
        return;
    memcpy(p, "\"0x", 3);
    p += 3;
    for (unsigned i = count; i-- > 0;)
        *p++ = digits[v->w[i / 16] >> 4 * (i % 16) & 15];
    *p = '"';
    w->len += count + 4;
}

void jw_double(struct json_writer *w, double v)
{
    char text[32];
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, v);
        if (strtod(text, NULL) == v)
            break;
    }
    jw_raw(w, text);
}
