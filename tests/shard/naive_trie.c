#include "tests/shard/naive_trie.h"

#include "base/keccak.h"

#include <stdlib.h>

struct text {
    uint8_t b[1024];
    size_t len;
};

static void append(struct text *t, const void *ptr, size_t len)
{
    if (len > 0)
        memcpy(t->b + t->len, ptr, len);
    t->len += len;
}

static void append_header(struct text *t, uint8_t base, size_t len)
{
    uint8_t h[3];
    if (len < 56) {
        h[0] = (uint8_t)(base + len);
        append(t, h, 1);
    } else if (len < 256) {
        h[0] = (uint8_t)(base + 56);
        h[1] = (uint8_t)len;
        append(t, h, 2);
    } else {
        h[0] = (uint8_t)(base + 57);
        h[1] = (uint8_t)(len >> 8);
        h[2] = (uint8_t)len;
        append(t, h, 3);
    }
}

static void append_string(struct text *t, const uint8_t *ptr, size_t len)
{
    if (len != 1 || ptr[0] >= 0x80)
        append_header(t, 0x80, len);
    append(t, ptr, len);
}

static struct text as_list(const struct text *payload)
{
    struct text out = {.len = 0};
    append_header(&out, 0xc0, payload->len);
    append(&out, payload->b, payload->len);
    return out;
}

static int nibble(const struct naive_item *item, size_t i)
{
    return i % 2 ? item->key.ptr[i / 2] & 15 : item->key.ptr[i / 2] >> 4;
}

static void append_path(struct text *t, const struct naive_item *item, size_t from, size_t to, bool leaf)
{
    uint8_t digits[130];
    size_t n = 0;
    int flag = leaf ? 2 : 0;
    if ((to - from) % 2)
        digits[n++] = (uint8_t)(flag + 1);
    else
        digits[n++] = (uint8_t)flag, digits[n++] = 0;
    for (size_t i = from; i < to; i++)
        digits[n++] = (uint8_t)nibble(item, i);
    uint8_t packed[65];
    for (size_t i = 0; i < n / 2; i++)
        packed[i] = (uint8_t)(digits[2 * i] * 16 + digits[2 * i + 1]);
    append_string(t, packed, n / 2);
}

static struct text node(struct naive_item *items, size_t count, size_t depth);

static void append_child(struct text *t, struct naive_item *items, size_t count, size_t depth)
{
    struct text child = node(items, count, depth);
    if (child.len < 32) {
        append(t, child.b, child.len);
    } else {
        bytes32 hash = keccak256(child.b, child.len);
        append_string(t, hash.b, 32);
    }
}

static struct text branch(struct naive_item *items, size_t count, size_t depth)
{
    struct text payload = {.len = 0};
    struct bytes value = {NULL, 0};
    if (items[0].key.len * 2 == depth) {
        value = items[0].value;
        items++, count--;
    }
    for (int n = 0; n < 16; n++) {
        size_t same = 0;
        while (same < count && nibble(&items[same], depth) == n)
            same++;
        if (same == 0)
            append_string(&payload, NULL, 0);
        else
            append_child(&payload, items, same, depth + 1);
        items += same, count -= same;
    }
    append_string(&payload, value.ptr, value.len);
    return as_list(&payload);
}

static struct text node(struct naive_item *items, size_t count, size_t depth)
{
    struct text payload = {.len = 0};
    if (count == 1) {
        append_path(&payload, &items[0], depth, items[0].key.len * 2, true);
        append_string(&payload, items[0].value.ptr, items[0].value.len);
        return as_list(&payload);
    }
    size_t common = depth;
    const struct naive_item *first = &items[0], *last = &items[count - 1];
    while (common < first->key.len * 2 && common < last->key.len * 2 && nibble(first, common) == nibble(last, common))
        common++;
    if (common == depth)
        return branch(items, count, depth);
    append_path(&payload, first, depth, common, false);
    append_child(&payload, items, count, common);
    return as_list(&payload);
}

static int by_key(const void *a_ptr, const void *b_ptr)
{
    const struct naive_item *a = a_ptr, *b = b_ptr;
    size_t shorter = a->key.len < b->key.len ? a->key.len : b->key.len;
    int order = memcmp(a->key.ptr, b->key.ptr, shorter);
    return order ? order : (a->key.len > b->key.len) - (a->key.len < b->key.len);
}

bytes32 naive_trie_root(struct naive_item *items, size_t count)
{
    if (count == 0)
        return keccak256("\x80", 1);
    qsort(items, count, sizeof *items, by_key);
    struct text root = node(items, count, 0);
    return keccak256(root.b, root.len);
}
