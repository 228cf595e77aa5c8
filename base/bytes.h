// Byte views and the two fixed-size byte strings that everything else is made of.
// Any thread; nothing here allocates or owns memory.
#ifndef GANTRY_BASE_BYTES_H
#define GANTRY_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// A read-only view. The owner of the memory outlives the view; ptr may be NULL when len is 0.
struct bytes {
    const uint8_t *ptr;
    size_t len;
};

// 32 bytes, big-endian where they stand for a number: hashes, keys, roots.
typedef struct {
    uint8_t b[32];
} bytes32;

// 20 bytes: an account's address.
typedef struct {
    uint8_t b[20];
} address;

static inline struct bytes bytes_of(const void *ptr, size_t len)
{
    return (struct bytes){(const uint8_t *)ptr, len};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool bytes32_equal(const bytes32 *a, const bytes32 *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static inline bool bytes32_is_zero(const bytes32 *a)
{
    static const bytes32 zero;
    return bytes32_equal(a, &zero);
}

static inline bool address_equal(const address *a, const address *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static inline void store_le32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline void store_le64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline uint32_t load_le32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t load_le64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "gantry runs on little-endian machines"
#endif

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
