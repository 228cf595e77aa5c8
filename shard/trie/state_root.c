// Joining the partitions' nodes: two levels of branches over depth 2, each of which may vanish into a longer path.
#include "shard/trie/account_trie.h"

#include "base/keccak.h"
#include "shard/trie/trie_encode.h"

#define FANOUT 16

// A node anywhere above depth 2: what struct subroot says, with room for the whole path.
struct joined {
    enum subroot_kind kind;
    unsigned path_len;
    uint8_t path[64]; // one nibble a byte
    bytes32 branch_hash;
    struct bytes value;
};

static struct bytes encode(uint8_t *out, const struct joined *node)
{
    uint8_t packed[32] = {0};
    for (unsigned i = 0; i < node->path_len; i++)
        packed[i / 2] |= (uint8_t)(i % 2 ? node->path[i] : node->path[i] << 4);
    struct trie_path path = {packed, 0, node->path_len};
    if (node->kind == SUBROOT_LEAF)
        return trie_encode_leaf(out, path, node->value);
    return trie_encode_extension(out, path, (struct trie_ref){.ptr = node->branch_hash.b});
}

// The hash by which a parent (or the block header) knows the node. No node here is shorter than 32 bytes.
static bytes32 reference(const struct joined *node)
{
    if (node->kind == SUBROOT_BRANCH)
        return node->branch_hash;
    uint8_t buffer[TRIE_NODE_BYTES_MAX];
    struct bytes encoded = encode(buffer, node);
    return keccak256(encoded.ptr, encoded.len);
}

// The only child takes its parent's place, one nibble longer.
static struct joined lengthen(const struct joined *child, unsigned nibble)
{
    struct joined out = *child;
    if (child->kind == SUBROOT_BRANCH)
        out.kind = SUBROOT_EXTENSION;
    out.path[0] = (uint8_t)nibble;
    memcpy(out.path + 1, child->path, child->path_len);
    out.path_len = child->path_len + 1;
    return out;
}

static struct joined join(const struct joined children[FANOUT])
{
    uint16_t present = 0;
    bytes32 hashes[FANOUT];
    struct trie_ref refs[FANOUT];
    unsigned count = 0, last = 0;
    for (unsigned i = 0; i < FANOUT; i++) {
        if (children[i].kind != SUBROOT_EMPTY) {
            present |= (uint16_t)(1u << i);
            last = i;
            count++;
        }
    }
    if (count == 0)
        return (struct joined){.kind = SUBROOT_EMPTY};
    if (count == 1)
        return lengthen(&children[last], last);
    for (unsigned i = 0, n = 0; i < FANOUT; i++) {
        if (children[i].kind != SUBROOT_EMPTY) {
            hashes[n] = reference(&children[i]);
            refs[n] = (struct trie_ref){.ptr = hashes[n].b};
            n++;
        }
    }
    uint8_t buffer[TRIE_NODE_BYTES_MAX];
    struct bytes encoded = trie_encode_branch(buffer, present, refs);
    return (struct joined){.kind = SUBROOT_BRANCH, .branch_hash = keccak256(encoded.ptr, encoded.len)};
}

static struct joined from_subroot(const struct subroot *s)
{
    struct joined node = {.kind = s->kind, .path_len = s->path_len, .branch_hash = s->branch_hash};
    memcpy(node.path, s->path, s->path_len);
    node.value = bytes_of(s->value, s->value_len);
    return node;
}

bytes32 state_root_join(const struct subroot subroots[256])
{
    struct joined top[FANOUT];
    for (unsigned i = 0; i < FANOUT; i++) {
        struct joined below[FANOUT];
        for (unsigned j = 0; j < FANOUT; j++)
            below[j] = from_subroot(&subroots[i * FANOUT + j]);
        top[i] = join(below);
    }
    struct joined root = join(top);
    return root.kind == SUBROOT_EMPTY ? KECCAK256_EMPTY_RLP : reference(&root);
}
