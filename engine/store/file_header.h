// The first bytes of every file that the store writes: magic, format version, genesis hash and a few numbers, under a
// checksum. A foreign or newer file is refused by name. Pure functions; any thread.
#ifndef GANTRY_ENGINE_STORE_FILE_HEADER_H
#define GANTRY_ENGINE_STORE_FILE_HEADER_H

#include "base/bytes.h"
#include "engine/store/store_error.h"

#define FILE_HEADER_BYTES 128
#define FILE_HEADER_WORDS 8

// What kind of file: its magic, its newest known version and what people call it.
struct file_kind {
    char magic[9]; // eight characters
    uint32_t version;
    const char *noun;
};

struct file_header {
    uint32_t number; // of the segment, where the kind has one
    bytes32 genesis_hash;
    uint64_t words[FILE_HEADER_WORDS]; // the kind says what they mean
};

void file_header_put(uint8_t out[FILE_HEADER_BYTES], const struct file_kind *kind, const struct file_header *h);

// False with a message that starts with the file's name: too short, another magic, a newer version, a checksum that
// does not match, another chain's genesis. genesis_hash NULL: any.
MUST_CHECK bool file_header_get(struct file_header *out, struct bytes in, const struct file_kind *kind,
                                const bytes32 *genesis_hash, const char *name, char error[STORE_ERROR_MAX]);

// XXH3-128 in 16 little-endian bytes; the checksum of everything the store writes.
#define CHECKSUM_BYTES 16
void checksum_put(uint8_t out[CHECKSUM_BYTES], const void *data, size_t len, uint64_t seed);
MUST_CHECK bool checksum_matches(const uint8_t sum[CHECKSUM_BYTES], const void *data, size_t len, uint64_t seed);

#endif
