// Joining the partitions' nodes: two levels of branches over depth 2, each of which may vanish into a longer path.
#include "shard/trie/account_trie.h"

#include "base/keccak.h"
#include "shard/trie/proof.h"
#include "shard/trie/trie_encode.h"

#include <stdlib.h>

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
    return trie_encode_extension(out, path, &node->branch_hash, false);
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

// The hash by which a parent (or the block header) knows the node. No node here is shorter than 32 bytes.
static bytes32 reference(const struct joined *node)
{
    if (node->kind == SUBROOT_BRANCH)
        return node->branch_hash;
    uint8_t buffer[TRIE_NODE_BYTES_MAX];
    struct bytes encoded = encode(buffer, node);
    return keccak256(encoded.ptr, encoded.len);
}

static struct bytes encode_branch(uint8_t *out, const struct joined children[FANOUT])
{
    uint16_t present = 0;
    bytes32 hashes[FANOUT];
    unsigned count = 0;
    for (unsigned i = 0; i < FANOUT; i++) {
        if (children[i].kind != SUBROOT_EMPTY) {
            present |= (uint16_t)(1u << i);
            hashes[count++] = reference(&children[i]);
        }
    }
    return trie_encode_branch(out, present, 0, hashes);
}

// Makes the parents of `count` groups of FANOUT nodes each; their branches are hashed together.
static void join(struct joined *parents, struct joined (*groups)[FANOUT], size_t count)
{
    uint8_t buffers[FANOUT][TRIE_NODE_BYTES_MAX];
    struct bytes messages[FANOUT] = {0};
    bytes32 hashes[FANOUT];
    struct joined *branches[FANOUT];
    size_t branch_count = 0;
    for (size_t g = 0; g < count; g++) {
        unsigned present = 0, last = 0;
        for (unsigned i = 0; i < FANOUT; i++) {
            if (groups[g][i].kind != SUBROOT_EMPTY) {
                present++;
                last = i;
            }
        }
        if (present == 0) {
            parents[g] = (struct joined){.kind = SUBROOT_EMPTY};
        } else if (present == 1) {
            parents[g] = lengthen(&groups[g][last], last);
        } else {
            parents[g] = (struct joined){.kind = SUBROOT_BRANCH};
            messages[branch_count] = encode_branch(buffers[branch_count], groups[g]);
            branches[branch_count++] = &parents[g];
        }
    }
    keccak256_batch(hashes, messages, branch_count);
    for (size_t i = 0; i < branch_count; i++)
        branches[i]->branch_hash = hashes[i];
}

static struct joined from_subroot(const struct subroot *s)
{
    struct joined node = {.kind = s->kind, .path_len = s->path_len, .branch_hash = s->branch_hash};
    memcpy(node.path, s->path, s->path_len);
    node.value = bytes_of(s->value, s->value_len);
    return node;
}

static bool any(const uint8_t flags[FANOUT])
{
    static const uint8_t none[FANOUT];
    return memcmp(flags, none, FANOUT) != 0;
}

struct state_root {
    bool filled;
    struct joined top[1][FANOUT]; // at depth 1
};

struct state_root *state_root_create(void)
{
    struct state_root *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    return r;
}

void state_root_free(struct state_root *r)
{
    free(r);
}

bytes32 state_root_update(struct state_root *r, const struct subroot subroots[256], const uint8_t changed[256])
{
    struct joined below[FANOUT][FANOUT], above[FANOUT], root;
    unsigned groups[FANOUT], count = 0;
    for (unsigned g = 0; g < FANOUT; g++) {
        const unsigned first = g * FANOUT;
        if (r->filled && !any(changed + first))
            continue;
        for (unsigned i = 0; i < FANOUT; i++)
            below[count][i] = from_subroot(&subroots[first + i]);
        groups[count++] = g;
    }
    join(above, below, count);
    for (unsigned i = 0; i < count; i++)
        r->top[0][groups[i]] = above[i];
    r->filled = true;
    join(&root, r->top, 1);
    return root.kind == SUBROOT_EMPTY ? KECCAK256_EMPTY_RLP : reference(&root);
}

bytes32 state_root_join(const struct subroot subroots[256])
{
    struct state_root all = {.filled = false};
    return state_root_update(&all, subroots, NULL);
}

static bool path_agrees(const struct joined *node, const bytes32 *key, unsigned depth)
{
    for (unsigned i = 0; i < node->path_len; i++) {
        if (node->path[i] != trie_nibble(key, depth + i))
            return false;
    }
    return true;
}

bool state_root_prove(struct proof *out, const struct subroot subroots[256], const bytes32 *key)
{
    struct joined below[FANOUT][FANOUT], top[1][FANOUT], node;
    for (unsigned i = 0; i < FANOUT * FANOUT; i++)
        below[i / FANOUT][i % FANOUT] = from_subroot(&subroots[i]);
    join(top[0], below, FANOUT);
    join(&node, top, 1);
    for (unsigned depth = 0; node.kind != SUBROOT_EMPTY;) {
        uint8_t buffer[TRIE_NODE_BYTES_MAX];
        if (node.kind != SUBROOT_BRANCH) {
            proof_add(out, encode(buffer, &node));
            if (node.kind == SUBROOT_LEAF || !path_agrees(&node, key, depth))
                return false;
            depth += node.path_len;
        }
        if (depth >= 2)
            return true; // the branch is the partition's
        const struct joined *children = depth == 0 ? top[0] : below[trie_nibble(key, 0)];
        proof_add(out, encode_branch(buffer, children));
        node = children[trie_nibble(key, depth)];
        depth++;
    }
    return false;
}
