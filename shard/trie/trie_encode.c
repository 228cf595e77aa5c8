#include "shard/trie/trie_encode.h"

#include "base/rlp.h"

#define EMPTY_STRING 0x80
#define HASH_STRING 0xa0 // header of a string of 32 bytes
#define HEADER_MAX 3     // of a list of fewer than 65,536 bytes
#define PATH_BYTES_MAX 33

// Puts the list's header right before its payload, which lies from out + HEADER_MAX to end.
static struct bytes close_list(uint8_t *out, const uint8_t *end)
{
    size_t payload_len = (size_t)(end - out) - HEADER_MAX;
    uint8_t *start = out + HEADER_MAX - (rlp_size_list(payload_len) - payload_len);
    rlp_put_list(start, payload_len);
    return bytes_of(start, (size_t)(end - start));
}

static unsigned nibble_at(const uint8_t *nibbles, unsigned i)
{
    return i % 2 ? nibbles[i / 2] & 15 : nibbles[i / 2] >> 4;
}

// Hex-prefix encoding, as an RLP string.
static uint8_t *put_path(uint8_t *p, struct trie_path path, bool leaf)
{
    uint8_t hp[PATH_BYTES_MAX];
    unsigned len = path.to - path.from;
    unsigned at = path.from;
    hp[0] = leaf ? 0x20 : 0;
    if (len % 2)
        hp[0] |= (uint8_t)(0x10 | nibble_at(path.nibbles, at++));
    // An even number of nibbles is left.
    if (at % 2 == 0) {
        memcpy(hp + 1, path.nibbles + at / 2, len / 2);
    } else {
        for (unsigned i = 1; i <= len / 2; i++, at += 2)
            hp[i] = (uint8_t)(path.nibbles[at / 2] << 4 | path.nibbles[at / 2 + 1] >> 4);
    }
    return rlp_put_string(p, bytes_of(hp, 1 + len / 2));
}

static uint8_t *put_ref(uint8_t *p, const bytes32 *ref, bool embedded)
{
    if (embedded) {
        memcpy(p, ref->b, trie_embedded_len(ref));
        return p + trie_embedded_len(ref);
    }
    *p++ = HASH_STRING;
    memcpy(p, ref->b, sizeof ref->b);
    return p + sizeof ref->b;
}

struct bytes trie_encode_leaf(uint8_t *out, struct trie_path path, struct bytes value)
{
    uint8_t *p = put_path(out + HEADER_MAX, path, true);
    return close_list(out, rlp_put_string(p, value));
}

struct bytes trie_encode_extension(uint8_t *out, struct trie_path path, const bytes32 *ref, bool embedded)
{
    uint8_t *p = put_path(out + HEADER_MAX, path, false);
    return close_list(out, put_ref(p, ref, embedded));
}

struct bytes trie_encode_branch(uint8_t *out, uint16_t children, uint16_t embedded, const bytes32 *refs)
{
    uint8_t *p = out + HEADER_MAX;
    for (unsigned nibble = 0; nibble < 16; nibble++) {
        if (children >> nibble & 1)
            p = put_ref(p, refs++, embedded >> nibble & 1);
        else
            *p++ = EMPTY_STRING;
    }
    *p++ = EMPTY_STRING; // keys of one length end in leaves, never in a branch
    return close_list(out, p);
}
