// Against a plain recursive Merkle-Patricia trie that knows nothing of index keys.
#include "chain/ordered_trie.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "base/rlp.h"
#include "tests/support/vectors.h"

struct entry {
    uint8_t nibbles[16];
    size_t nibble_count;
    struct bytes value;
};

static size_t put_path(uint8_t *out, const uint8_t *nibbles, size_t count, bool is_leaf)
{
    uint8_t compact[16];
    size_t len = 0, at = 0;
    compact[len++] = (uint8_t)((is_leaf ? 0x20 : 0) | (count % 2 ? 0x10 | nibbles[at++] : 0));
    for (; at < count; at += 2)
        compact[len++] = (uint8_t)(nibbles[at] * 16 + nibbles[at + 1]);
    return (size_t)(rlp_put_string(out, bytes_of(compact, len)) - out);
}

static struct bytes wrap(const uint8_t *payload, size_t len)
{
    uint8_t *out = malloc(len + 16), *p = rlp_put_list(out, len);
    memcpy(p, payload, len);
    return bytes_of(out, (size_t)(p - out) + len);
}

static struct bytes encode_node(const struct entry *entries, size_t count, size_t depth);

// How a parent writes a child: the child itself when it is short, else its hash.
static uint8_t *put_child(uint8_t *p, const struct entry *entries, size_t count, size_t depth)
{
    if (count == 0)
        return rlp_put_string(p, bytes_of(NULL, 0));
    const struct bytes node = encode_node(entries, count, depth);
    if (node.len < 32) {
        memcpy(p, node.ptr, node.len);
        p += node.len;
    } else {
        const bytes32 hash = keccak256(node.ptr, node.len);
        p = rlp_put_string(p, bytes_of(hash.b, 32));
    }
    free((void *)node.ptr);
    return p;
}

// Entries that share their first `depth` nibbles, sorted; the encoding is malloc'ed.
static struct bytes encode_node(const struct entry *entries, size_t count, size_t depth)
{
    if (count == 1) {
        uint8_t *buf = malloc(entries->value.len + 64);
        size_t len = put_path(buf, entries->nibbles + depth, entries->nibble_count - depth, true);
        len += (size_t)(rlp_put_string(buf + len, entries->value) - (buf + len));
        const struct bytes out = wrap(buf, len);
        free(buf);
        return out;
    }
    uint8_t buf[16 * 33 + 1];
    size_t shared = depth;
    while (entries[0].nibbles[shared] == entries[count - 1].nibbles[shared])
        shared++;
    if (shared > depth) {
        const size_t len = put_path(buf, entries->nibbles + depth, shared - depth, false);
        return wrap(buf, (size_t)(put_child(buf + len, entries, count, shared) - buf));
    }
    uint8_t *p = buf;
    size_t at = 0;
    for (uint8_t nibble = 0; nibble < 16; nibble++) {
        size_t end = at;
        while (end < count && entries[end].nibbles[depth] == nibble)
            end++;
        p = put_child(p, entries + at, end - at, depth + 1);
        at = end;
    }
    *p++ = 0x80;
    return wrap(buf, (size_t)(p - buf));
}

static int by_key(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    return memcmp(left->nibbles, right->nibbles, sizeof left->nibbles);
}

static bytes32 reference_root(const struct bytes *values, size_t count)
{
    if (count == 0)
        return KECCAK256_EMPTY_RLP;
    struct entry *entries = calloc(count, sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        uint8_t key[9];
        const size_t len = (size_t)(rlp_put_u64(key, i) - key);
        for (size_t j = 0; j < 2 * len; j++)
            entries[i].nibbles[j] = j % 2 ? key[j / 2] & 15 : key[j / 2] >> 4;
        entries[i].nibble_count = 2 * len;
        entries[i].value = values[i];
    }
    qsort(entries, count, sizeof *entries, by_key);
    const struct bytes root = encode_node(entries, count, 0);
    const bytes32 hash = keccak256(root.ptr, root.len);
    free((void *)root.ptr);
    free(entries);
    return hash;
}

enum { COUNT_MAX = 70000, VALUE_MAX = 400 };

// Values of min..max bytes that share one pool of random bytes.
static struct bytes *random_values(uint64_t *state, size_t count, size_t min, size_t max)
{
    static uint8_t pool[1 << 16];
    for (size_t i = 0; i < sizeof pool; i++)
        pool[i] = (uint8_t)test_random(state);
    struct bytes *values = malloc((count + 1) * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] =
            bytes_of(pool + test_random(state) % (sizeof pool - VALUE_MAX), min + test_random(state) % (max - min + 1));
    return values;
}

static void expect_same(struct ordered_trie_scratch *scratch, const struct bytes *values, size_t count)
{
    const bytes32 root = ordered_trie_root(scratch, values, count), expected = reference_root(values, count);
    cr_assert(bytes32_equal(&root, &expected), "%zu values", count);
}

Test(ordered_trie, no_values_give_the_empty_root)
{
    struct ordered_trie_scratch scratch = {0};
    const bytes32 root = ordered_trie_root(&scratch, NULL, 0);
    cr_expect(bytes32_equal(&root, &KECCAK256_EMPTY_RLP));
    ordered_trie_scratch_free(&scratch);
}

Test(ordered_trie, every_small_count_agrees_with_a_plain_trie)
{
    uint64_t state = test_seed("ordered_trie small");
    struct ordered_trie_scratch scratch = {0};
    struct bytes *values = random_values(&state, 700, 1, VALUE_MAX);
    for (size_t count = 0; count <= 700; count++)
        expect_same(&scratch, values, count);
    free(values);
    ordered_trie_scratch_free(&scratch);
}

Test(ordered_trie, short_values_are_embedded_in_their_parents)
{
    uint64_t state = test_seed("ordered_trie embedded");
    struct ordered_trie_scratch scratch = {0};
    for (size_t max = 1; max <= 34; max++) {
        struct bytes *values = random_values(&state, 600, 1, max);
        for (size_t count = 1; count <= 600; count += 1 + test_random(&state) % 40)
            expect_same(&scratch, values, count);
        free(values);
    }
    ordered_trie_scratch_free(&scratch);
}

Test(ordered_trie, counts_around_the_lengths_of_keys_agree)
{
    uint64_t state = test_seed("ordered_trie large");
    static const size_t counts[] = {4095, 4096, 4097, 65535, 65536, 65537, 65552, 65553, 65792, 65793, COUNT_MAX};
    struct ordered_trie_scratch scratch = {0};
    struct bytes *values = random_values(&state, COUNT_MAX, 1, 150);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        expect_same(&scratch, values, counts[i]);
    for (int i = 0; i < 10; i++)
        expect_same(&scratch, values, test_random(&state) % COUNT_MAX);
    free(values);
    ordered_trie_scratch_free(&scratch);
}

Test(ordered_trie, values_of_any_length_agree)
{
    struct ordered_trie_scratch scratch = {0};
    uint8_t *long_value = calloc(1, 300000);
    struct bytes values[300];
    for (size_t i = 0; i < 300; i++)
        values[i] = bytes_of(long_value, i % 7 == 3 ? 300000 - i : i % 50 + 1);
    expect_same(&scratch, values, 300);
    free(long_value);
    ordered_trie_scratch_free(&scratch);
}
