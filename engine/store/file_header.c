#include "engine/store/file_header.h"

#include <stdio.h>
#include <xxhash.h>

#include "base/hex.h"

// magic 8 | version u32 | number u32 | genesis hash 32 | words 8 x u64 | XXH3-128 of all before
enum { AT_VERSION = 8, AT_NUMBER = 12, AT_GENESIS = 16, AT_WORDS = 48, AT_CHECKSUM = 112 };
_Static_assert(AT_CHECKSUM + CHECKSUM_BYTES == FILE_HEADER_BYTES, "header layout");

void checksum_put(uint8_t out[CHECKSUM_BYTES], const void *data, size_t len, uint64_t seed)
{
    const XXH128_hash_t sum = XXH3_128bits_withSeed(data, len, seed);
    store_le64(out, sum.low64);
    store_le64(out + 8, sum.high64);
}

bool checksum_matches(const uint8_t sum[CHECKSUM_BYTES], const void *data, size_t len, uint64_t seed)
{
    uint8_t expected[CHECKSUM_BYTES];
    checksum_put(expected, data, len, seed);
    return memcmp(expected, sum, sizeof expected) == 0;
}

void file_header_put(uint8_t out[FILE_HEADER_BYTES], const struct file_kind *kind, const struct file_header *h)
{
    memcpy(out, kind->magic, 8);
    store_le32(out + AT_VERSION, kind->version);
    store_le32(out + AT_NUMBER, h->number);
    memcpy(out + AT_GENESIS, h->genesis_hash.b, sizeof h->genesis_hash.b);
    for (int i = 0; i < FILE_HEADER_WORDS; i++)
        store_le64(out + AT_WORDS + 8 * i, h->words[i]);
    checksum_put(out + AT_CHECKSUM, out, AT_CHECKSUM, 0);
}

static bool foreign(const bytes32 *theirs, const bytes32 *ours, const char *name, char error[STORE_ERROR_MAX])
{
    char a[65] = {0}, b[65] = {0};
    hex_encode(a, theirs->b, sizeof theirs->b);
    hex_encode(b, ours->b, sizeof ours->b);
    snprintf(
        error, STORE_ERROR_MAX,
        "%s belongs to another chain: its genesis is 0x%s, this node's is 0x%s; use another data folder or genesis",
        name, a, b);
    return false;
}

bool file_header_get(struct file_header *out, struct bytes in, const struct file_kind *kind,
                     const bytes32 *genesis_hash, const char *name, char error[STORE_ERROR_MAX])
{
    if (in.len < FILE_HEADER_BYTES || memcmp(in.ptr, kind->magic, 8) != 0) {
        return store_fail(error, "%s is not a gantry %s (%s)", name, kind->noun,
                          in.len < FILE_HEADER_BYTES ? "shorter than its header" : "other magic bytes at offset 0");
    }
    // Before the checksum, which a newer version may place elsewhere.
    const uint32_t version = load_le32(in.ptr + AT_VERSION);
    if (version > kind->version) {
        return store_fail(
            error,
            "%s has format version %u, this program knows up to %u: start it with the newer gantry that wrote it", name,
            version, kind->version);
    }
    if (version == 0 || !checksum_matches(in.ptr + AT_CHECKSUM, in.ptr, AT_CHECKSUM, 0)) {
        return store_fail(
            error, "%s is damaged at offset 0: the header's checksum does not match; restore this file from a copy",
            name);
    }
    out->number = load_le32(in.ptr + AT_NUMBER);
    memcpy(out->genesis_hash.b, in.ptr + AT_GENESIS, sizeof out->genesis_hash.b);
    for (int i = 0; i < FILE_HEADER_WORDS; i++)
        out->words[i] = load_le64(in.ptr + AT_WORDS + 8 * i);
    if (genesis_hash != NULL && !bytes32_equal(&out->genesis_hash, genesis_hash))
        return foreign(&out->genesis_hash, genesis_hash, name, error);
    return true;
}
