// Recursive Length Prefix (Ethereum yellow paper, appendix B), strict: only the one canonical encoding of a value is
// read.
//
// Reading walks a view: each rlp_read_* takes the next item off the front of *in and leaves the rest. A caller that
// wants "exactly this list" checks that the rest is empty (rlp_done). Nothing is copied: views point into the input.
// A read that fails leaves *in and its result as they were.
//
// Writing is in two steps, because a list's header holds its payload's length: sum rlp_size_*, then rlp_put_*.
// Each put returns the position after what it wrote; the caller has made room for the summed size.
//
// Any thread; no allocation.
#ifndef GANTRY_BASE_RLP_H
#define GANTRY_BASE_RLP_H

#include "base/bytes.h"
#include "base/u256.h"

enum rlp_status {
    RLP_OK = 0,
    RLP_TRUNCATED,     // a header or payload goes past the end of the input
    RLP_NON_CANONICAL, // a long form where a short one exists, a length with leading zeros
    RLP_NOT_STRING,    // a list where a string is wanted
    RLP_NOT_LIST,      // a string where a list is wanted
    RLP_LEADING_ZERO,  // an integer with leading zero bytes
    RLP_TOO_LARGE,     // an integer longer than its type
    RLP_BAD_LENGTH,    // a fixed string of another length
    RLP_TRAILING,      // bytes after the end
    RLP_TOO_DEEP,      // more lists inside each other than allowed (rlp_validate)
};

struct rlp_item {
    bool is_list;
    struct bytes payload; // the string, or the encodings of the list's items
    struct bytes whole;   // header and payload
};

MUST_CHECK enum rlp_status rlp_read(struct bytes *in, struct rlp_item *out);
MUST_CHECK enum rlp_status rlp_read_string(struct bytes *in, struct bytes *out);
MUST_CHECK enum rlp_status rlp_read_list(struct bytes *in, struct bytes *payload);
MUST_CHECK enum rlp_status rlp_read_u64(struct bytes *in, uint64_t *out);
MUST_CHECK enum rlp_status rlp_read_u256(struct bytes *in, u256 *out);
// A string of exactly len bytes, copied to out.
MUST_CHECK enum rlp_status rlp_read_fixed(struct bytes *in, void *out, size_t len);
// RLP_TRAILING unless in is empty.
MUST_CHECK enum rlp_status rlp_done(struct bytes in);
// Checks that the input is exactly one well-formed item, nested lists included, at most max_depth lists inside
// each other (a list of strings is 1 deep). Recurses at most max_depth deep itself.
MUST_CHECK enum rlp_status rlp_validate(struct bytes in, unsigned max_depth);

size_t rlp_size_string(struct bytes s);
size_t rlp_size_u64(uint64_t v);
size_t rlp_size_u256(const u256 *v);
// Size of a list whose payload has this many bytes, header included.
size_t rlp_size_list(size_t payload_len);

uint8_t *rlp_put_string(uint8_t *p, struct bytes s);
uint8_t *rlp_put_u64(uint8_t *p, uint64_t v);
uint8_t *rlp_put_u256(uint8_t *p, const u256 *v);
// Writes the header only; the payload follows.
uint8_t *rlp_put_list(uint8_t *p, size_t payload_len);

#endif
