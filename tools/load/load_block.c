// The two things that a load generator wants of a block's JSON, without building a tree of it: blocks come ten times a
// second with thousands of hashes each, on the cores that the node under test runs on.
#include "base/hex.h"
#include "tools/load/load_watch.h"

#include <stdio.h>

#define HASH_TEXT 66 // 0x and 64 digits

static const char *find(const char *text, size_t len, const char *what)
{
    return memmem(text, len, what, strlen(what));
}

static const char *skip_spaces(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

bool load_block_hashes(const char *text, size_t len, void (*found)(void *ctx, const bytes32 *hash), void *ctx)
{
    const char *end = text + len, *p = find(text, len, "\"transactions\"");
    if (!p)
        return false;
    p = skip_spaces(p + strlen("\"transactions\""), end);
    if (p >= end || *p != ':')
        return false;
    p = skip_spaces(p + 1, end);
    if (p >= end || *p != '[')
        return false;
    for (p = skip_spaces(p + 1, end); p < end && *p == '"';) {
        bytes32 hash;
        if (end - p < HASH_TEXT + 2 || p[HASH_TEXT + 1] != '"' || hex_decode(hash.b, 32, p + 1, HASH_TEXT) != 32)
            return false;
        found(ctx, &hash);
        p = skip_spaces(p + HASH_TEXT + 2, end);
        if (p < end && *p == ',')
            p = skip_spaces(p + 1, end);
    }
    return p < end && *p == ']';
}

bool load_block_quantity(const char *text, size_t len, const char *name, uint64_t *out)
{
    char key[64];
    const int key_len = snprintf(key, sizeof key, "\"%s\"", name);
    const char *end = text + len, *p = find(text, len, key);
    if (!p)
        return false;
    p = skip_spaces(p + key_len, end);
    if (p < end && *p == ':')
        p = skip_spaces(p + 1, end);
    if (end - p < 4 || memcmp(p, "\"0x", 3) != 0)
        return false;
    uint64_t value = 0;
    const char *first = p + 3;
    for (p = first; p < end && p - first <= 16; p++) {
        const char c = *p;
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            break;
        value = value << 4 | (uint64_t)digit;
    }
    *out = value;
    return p > first && p - first <= 16 && p < end && *p == '"';
}
