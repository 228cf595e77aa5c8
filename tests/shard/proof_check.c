#include "tests/shard/proof_check.h"

#include "base/keccak.h"

struct item {
    struct bytes whole, payload;
    bool is_list;
};

static bool item_at(struct item *out, struct bytes in)
{
    if (in.len == 0)
        return false;
    const uint8_t first = in.ptr[0];
    size_t header = 1, len = 0;
    out->is_list = first >= 0xc0;
    const unsigned base = out->is_list ? 0xc0 : 0x80;
    if (first < 0x80) {
        header = 0;
        len = 1;
    } else if (first - base <= 55) {
        len = first - base;
    } else {
        const size_t len_len = first - base - 55;
        header += len_len;
        for (size_t i = 1; i <= len_len && i < in.len; i++)
            len = len << 8 | in.ptr[i];
    }
    if (header > in.len || len > in.len - header)
        return false;
    out->payload = bytes_of(in.ptr + header, len);
    out->whole = bytes_of(in.ptr, header + len);
    return true;
}

// The items of a list; at most 17. 0 when it is none.
static size_t items_of(struct item items[17], struct bytes node)
{
    struct item list;
    size_t n = 0;
    if (!item_at(&list, node) || !list.is_list || list.whole.len != node.len)
        return 0;
    for (struct bytes left = list.payload; left.len > 0; n++) {
        if (n == 17 || !item_at(&items[n], left))
            return 0;
        left = bytes_of(left.ptr + items[n].whole.len, left.len - items[n].whole.len);
    }
    return n;
}

static unsigned nibble(const uint8_t *bytes, size_t i)
{
    return i % 2 ? bytes[i / 2] & 15 : bytes[i / 2] >> 4;
}

// How many of the key's nibbles from `at` on the path takes, or -1 when it goes elsewhere.
static int path_takes(struct bytes path, const bytes32 *key, size_t at)
{
    const size_t odd = path.ptr[0] >> 4 & 1, count = 2 * (path.len - 1) + odd;
    for (size_t i = 0; i < count; i++) {
        if (at + i >= 64 || nibble(path.ptr, (odd ? 1 : 2) + i) != nibble(key->b, at + i))
            return -1;
    }
    return (int)count;
}

struct walk {
    const bytes32 *key;
    const struct bytes *nodes;
    size_t count, used, at;
};

static enum proof_says follow(struct walk *w, struct bytes node, struct bytes *value);

// A child: nothing, a hash of the next node, or a node in itself.
static enum proof_says follow_child(struct walk *w, const struct item *child, struct bytes *value)
{
    if (child->is_list)
        return follow(w, child->whole, value);
    if (child->payload.len == 0)
        return w->used == w->count ? PROOF_OF_ABSENCE : PROOF_IS_WRONG;
    if (child->payload.len != 32 || w->used == w->count)
        return PROOF_IS_WRONG;
    const struct bytes next = w->nodes[w->used++];
    const bytes32 hash = keccak256(next.ptr, next.len);
    return memcmp(hash.b, child->payload.ptr, 32) == 0 ? follow(w, next, value) : PROOF_IS_WRONG;
}

static enum proof_says follow(struct walk *w, struct bytes node, struct bytes *value)
{
    struct item items[17];
    const size_t n = items_of(items, node);
    if (n == 17)
        return w->at < 64 ? follow_child(w, &items[nibble(w->key->b, w->at++)], value) : PROOF_IS_WRONG;
    if (n != 2 || items[0].payload.len == 0)
        return PROOF_IS_WRONG;
    const int taken = path_takes(items[0].payload, w->key, w->at);
    if (taken < 0)
        return w->used == w->count ? PROOF_OF_ABSENCE : PROOF_IS_WRONG;
    w->at += (size_t)taken;
    if (!(items[0].payload.ptr[0] & 0x20))
        return follow_child(w, &items[1], value);
    *value = items[1].payload;
    return w->at == 64 && w->used == w->count ? PROOF_OF_VALUE : PROOF_IS_WRONG;
}

enum proof_says proof_check(const bytes32 *root, const bytes32 *key, const struct bytes *nodes, size_t count,
                            struct bytes *value)
{
    if (count == 0)
        return bytes32_equal(root, &KECCAK256_EMPTY_RLP) ? PROOF_OF_ABSENCE : PROOF_IS_WRONG;
    struct walk w = {.key = key, .nodes = nodes, .count = count, .used = 1};
    const bytes32 hash = keccak256(nodes[0].ptr, nodes[0].len);
    return bytes32_equal(&hash, root) ? follow(&w, nodes[0], value) : PROOF_IS_WRONG;
}
