// The keys rlp(0), rlp(1), ... are known beforehand, so the trie's shape follows from the count alone. It is laid out
// root first, one level of hops after the other, each level a contiguous run of nodes whose children lie in the next
// run. Hashing then walks the levels from the last to the first, a batch of nodes at a time:
//
//     nodes:  [ root | children of the root | their children | ... ]     <- hashed from right to left
//
// No key is a prefix of another (an RLP string's first byte fixes its length), so branches never hold a value.
#include "chain/ordered_trie.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "base/rlp.h"

enum {
    MAX_LEVELS = 2 * 5 + 1, // a 32-bit index's key has at most 5 bytes
    BATCH_NODES = 128,
    BATCH_BYTES = 64 * 1024,
    PATH_MAX_BYTES = 6, // the compact form of a whole key
    NODE_OVERHEAD = 32, // at most: headers and path around a leaf's value, or around an extension's reference
    BRANCH_MAX = 3 + 16 * 33 + 1,
    VALUES_AHEAD = 8,      // of the node at hand, whose memory is asked for
    PREFETCHED_MAX = 1024, // of one value
};

// A run of keys that agree up to `depth`. One key: a leaf. Several that agree on `skip` more nibbles: an extension
// whose only child is the same run further down. Else a branch.
struct node {
    uint32_t first, count; // keys, by rank in key order
    uint32_t child;        // first child's place among the nodes; the others follow it
    uint16_t child_mask;   // branch: which nibbles have a child
    uint8_t depth;         // nibbles of the key above this node
    uint8_t skip;          // nibbles of an extension's path, else 0
    uint8_t ref_len;       // of the encoding of this node as its parent holds it
    uint8_t ref[33];
};

struct level {
    size_t begin, end;
};

struct build {
    const struct bytes *values;
    uint32_t count;
    uint32_t low_count; // how many of the indices 1..127 there are: they sort before index 0, whose key is 0x80
    struct node *nodes;
    struct level levels[MAX_LEVELS];
    size_t level_count;
    // The current batch: encodings, and those of them that are hashed.
    uint8_t *out;
    size_t out_cap;
    struct bytes messages[BATCH_NODES];
    struct node *owners[BATCH_NODES];
    bytes32 hashes[BATCH_NODES];
};

static uint32_t index_of_rank(const struct build *b, uint32_t rank)
{
    if (rank < b->low_count)
        return rank + 1;
    return rank == b->low_count ? 0 : rank;
}

// The nibbles of rlp(index), first nibble on top.
struct key {
    uint64_t nibbles;
    unsigned count;
};

static struct key key_of_rank(const struct build *b, uint32_t rank)
{
    const uint32_t index = index_of_rank(b, rank);
    if (index == 0)
        return (struct key){(uint64_t)0x80 << 56, 2};
    if (index < 0x80)
        return (struct key){(uint64_t)index << 56, 2};
    const unsigned len = (unsigned)(39 - __builtin_clz(index)) / 8;
    return (struct key){(uint64_t)(0x80 + len) << 56 | (uint64_t)index << (56 - 8 * len), 2 + 2 * len};
}

static unsigned nibble_of(struct key key, unsigned at)
{
    return key.nibbles >> (60 - 4 * at) & 15;
}

// Number of keys of the run from rank `first` to before `end` whose nibble at `depth` is that of the first.
static uint32_t run_of_nibble(const struct build *b, uint32_t first, uint32_t end, unsigned depth)
{
    const unsigned nibble = nibble_of(key_of_rank(b, first), depth);
    uint32_t low = first + 1, high = end;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (nibble_of(key_of_rank(b, middle), depth) == nibble)
            low = middle + 1;
        else
            high = middle;
    }
    return low - first;
}

// The keys are sorted: what the first and the last share, all share.
static unsigned shared_nibbles(const struct build *b, const struct node *n)
{
    const struct key first = key_of_rank(b, n->first), last = key_of_rank(b, n->first + n->count - 1);
    return (unsigned)__builtin_clzll(first.nibbles ^ last.nibbles) / 4 - n->depth;
}

// Appends n's children to the nodes at `end`; returns the new end.
static size_t lay_children(struct build *b, struct node *n, size_t end)
{
    if (n->count == 1)
        return end;
    n->child = (uint32_t)end;
    n->skip = (uint8_t)shared_nibbles(b, n);
    if (n->skip > 0) {
        b->nodes[end] = (struct node){.first = n->first, .count = n->count, .depth = (uint8_t)(n->depth + n->skip)};
        return end + 1;
    }
    const uint32_t stop = n->first + n->count;
    for (uint32_t at = n->first; at < stop;) {
        const uint32_t run = run_of_nibble(b, at, stop, n->depth);
        n->child_mask |= (uint16_t)(1u << nibble_of(key_of_rank(b, at), n->depth));
        b->nodes[end++] = (struct node){.first = at, .count = run, .depth = (uint8_t)(n->depth + 1)};
        at += run;
    }
    return end;
}

static void lay_out(struct build *b)
{
    b->nodes[0] = (struct node){.count = b->count};
    size_t begin = 0, end = 1;
    while (begin < end) {
        assert(b->level_count < MAX_LEVELS);
        b->levels[b->level_count++] = (struct level){begin, end};
        size_t next = end;
        for (size_t i = begin; i < end; i++)
            next = lay_children(b, &b->nodes[i], next);
        begin = end;
        end = next;
    }
}

// Compact ("hex prefix") form of a path (yellow paper, appendix C); returns its length.
static size_t compact_path(uint8_t *out, struct key key, unsigned from, unsigned to, bool is_leaf)
{
    const bool is_odd = (to - from) & 1;
    uint8_t *p = out;
    *p++ = (uint8_t)(is_leaf << 5 | is_odd << 4 | (is_odd ? nibble_of(key, from) : 0));
    for (unsigned at = from + is_odd; at < to; at += 2)
        *p++ = (uint8_t)(nibble_of(key, at) << 4 | nibble_of(key, at + 1));
    return (size_t)(p - out);
}

static uint8_t *put_ref(uint8_t *p, const struct node *n)
{
    memcpy(p, n->ref, n->ref_len);
    return p + n->ref_len;
}

static uint8_t *put_leaf(const struct build *b, uint8_t *p, const struct node *n)
{
    uint8_t path[PATH_MAX_BYTES];
    const struct key key = key_of_rank(b, n->first);
    const struct bytes compact = bytes_of(path, compact_path(path, key, n->depth, key.count, true));
    const struct bytes value = b->values[index_of_rank(b, n->first)];
    p = rlp_put_list(p, rlp_size_string(compact) + rlp_size_string(value));
    p = rlp_put_string(p, compact);
    return rlp_put_string(p, value);
}

static uint8_t *put_extension(const struct build *b, uint8_t *p, const struct node *n)
{
    uint8_t path[PATH_MAX_BYTES];
    const struct node *child = &b->nodes[n->child];
    const unsigned end = n->depth + n->skip;
    const struct bytes compact = bytes_of(path, compact_path(path, key_of_rank(b, n->first), n->depth, end, false));
    p = rlp_put_list(p, rlp_size_string(compact) + child->ref_len);
    p = rlp_put_string(p, compact);
    return put_ref(p, child);
}

static uint8_t *put_branch(const struct build *b, uint8_t *p, const struct node *n)
{
    const struct node *child = &b->nodes[n->child];
    size_t payload = 17;
    for (int i = 0; i < __builtin_popcount(n->child_mask); i++)
        payload += child[i].ref_len - 1u;
    p = rlp_put_list(p, payload);
    for (unsigned nibble = 0; nibble < 16; nibble++) {
        if (n->child_mask >> nibble & 1)
            p = put_ref(p, child++);
        else
            *p++ = 0x80;
    }
    *p++ = 0x80; // no value
    return p;
}

static uint8_t *put_node(const struct build *b, uint8_t *p, const struct node *n)
{
    if (n->count == 1)
        return put_leaf(b, p, n);
    return n->skip > 0 ? put_extension(b, p, n) : put_branch(b, p, n);
}

static size_t node_size_max(const struct build *b, const struct node *n)
{
    return n->count == 1 ? b->values[index_of_rank(b, n->first)].len + NODE_OVERHEAD : BRANCH_MAX;
}

// Values lie all over memory.
static void prefetch_value(const struct build *b, const struct node *n)
{
    if (n->count > 1)
        return;
    const struct bytes value = b->values[index_of_rank(b, n->first)];
    for (size_t at = 0; at < value.len && at < PREFETCHED_MAX; at += 64)
        __builtin_prefetch(value.ptr + at);
}

// Encodes nodes from `begin` on, as many as one batch takes, and hashes those of 32 bytes and more, which is how their
// parents refer to them; shorter ones stay as they are. Returns where the next batch begins.
static size_t reference_batch(struct build *b, size_t begin, size_t end)
{
    size_t count = 0, i = begin;
    uint8_t *p = b->out;
    for (; i < end && count < BATCH_NODES; i++) {
        struct node *n = &b->nodes[i];
        if (i + VALUES_AHEAD < end)
            prefetch_value(b, &b->nodes[i + VALUES_AHEAD]);
        if ((size_t)(p - b->out) + node_size_max(b, n) > b->out_cap)
            break;
        uint8_t *encoded = p;
        p = put_node(b, p, n);
        const size_t len = (size_t)(p - encoded);
        if (len < 32 && i > 0) {
            memcpy(n->ref, encoded, len);
            n->ref_len = (uint8_t)len;
        } else {
            b->messages[count] = bytes_of(encoded, len);
            b->owners[count++] = n;
        }
    }
    keccak256_batch(b->hashes, b->messages, count);
    for (size_t j = 0; j < count; j++) {
        b->owners[j]->ref_len = 33;
        b->owners[j]->ref[0] = 0x80 + 32;
        memcpy(b->owners[j]->ref + 1, b->hashes[j].b, 32);
    }
    return i;
}

// Makes room for the nodes and for one batch of encodings.
static void reserve(struct ordered_trie_scratch *scratch, struct build *b)
{
    // Branches have at least two children, extensions lie above branches: fewer than two inner nodes a leaf.
    const size_t node_bytes = 3 * (size_t)b->count * sizeof(struct node);
    size_t longest = 0;
    for (uint32_t i = 0; i < b->count; i++)
        longest = b->values[i].len > longest ? b->values[i].len : longest;
    b->out_cap = BATCH_BYTES + longest + NODE_OVERHEAD;
    if (scratch->cap < node_bytes + b->out_cap) {
        free(scratch->mem);
        scratch->cap = node_bytes + b->out_cap;
        scratch->mem = malloc(scratch->cap);
        if (!scratch->mem) {
            fprintf(stderr, "out of memory: %zu bytes for a trie of %u values\n", scratch->cap, b->count);
            abort();
        }
    }
    b->nodes = (struct node *)scratch->mem;
    b->out = scratch->mem + node_bytes;
}

bytes32 ordered_trie_root(struct ordered_trie_scratch *scratch, const struct bytes *values, size_t count)
{
    if (count == 0)
        return KECCAK256_EMPTY_RLP;
    assert(count <= UINT32_MAX / 4);
    struct build b = {.values = values, .count = (uint32_t)count};
    b.low_count = (uint32_t)(count < 128 ? count - 1 : 127);
    reserve(scratch, &b);
    lay_out(&b);
    for (size_t level = b.level_count; level-- > 0;) {
        for (size_t at = b.levels[level].begin; at < b.levels[level].end;)
            at = reference_batch(&b, at, b.levels[level].end);
    }
    bytes32 root;
    memcpy(root.b, b.nodes[0].ref + 1, sizeof root.b);
    return root;
}

void ordered_trie_scratch_free(struct ordered_trie_scratch *scratch)
{
    free(scratch->mem);
    *scratch = (struct ordered_trie_scratch){0};
}
