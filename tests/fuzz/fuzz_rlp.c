// Whatever the bytes are: reads stay inside them and split them exactly, and what is accepted is the one canonical
// encoding, that is, writing it again gives the same bytes.
#include "base/rlp.h"

#include <stdlib.h>

#define DEPTH_MAX 200

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Writes the item again, lists item by item; returns the end.
static uint8_t *rewrite(uint8_t *p, const struct rlp_item *item)
{
    if (!item->is_list) {
        CHECK(rlp_size_string(item->payload) == item->whole.len);
        return rlp_put_string(p, item->payload);
    }
    CHECK(rlp_size_list(item->payload.len) == item->whole.len);
    p = rlp_put_list(p, item->payload.len);
    struct bytes rest = item->payload;
    while (rest.len > 0) {
        struct rlp_item child;
        CHECK(rlp_read(&rest, &child) == RLP_OK);
        p = rewrite(p, &child);
    }
    return p;
}

// Each typed read agrees with the plain one about where the item ends, or leaves the view alone.
static void check_typed_reads(struct bytes in, enum rlp_status plain, const struct bytes *after)
{
    struct bytes views[5] = {in, in, in, in, in}, out;
    uint64_t narrow = 0;
    u256 wide = U256_ZERO;
    bytes32 fixed;
    enum rlp_status status[5] = {
        rlp_read_string(&views[0], &out), rlp_read_list(&views[1], &out),         rlp_read_u64(&views[2], &narrow),
        rlp_read_u256(&views[3], &wide),  rlp_read_fixed(&views[4], fixed.b, 32),
    };
    for (int i = 0; i < 5; i++) {
        CHECK(plain == RLP_OK || status[i] == plain);
        const struct bytes *expected = status[i] == RLP_OK ? after : &in;
        CHECK(views[i].ptr == expected->ptr && views[i].len == expected->len);
    }
    CHECK(plain != RLP_OK || (status[0] == RLP_OK) != (status[1] == RLP_OK));
    if (status[2] == RLP_OK) {
        uint8_t back[16];
        size_t len = (size_t)(rlp_put_u64(back, narrow) - back);
        CHECK(status[3] == RLP_OK && u256_fits_u64(&wide) && wide.w[0] == narrow);
        CHECK(len == in.len - after->len && memcmp(back, in.ptr, len) == 0);
    }
    if (status[3] == RLP_OK) {
        uint8_t back[40];
        size_t len = (size_t)(rlp_put_u256(back, &wide) - back);
        CHECK(len == rlp_size_u256(&wide) && len == in.len - after->len && memcmp(back, in.ptr, len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size), rest = in;
    struct rlp_item item = {0};
    enum rlp_status status = rlp_read(&rest, &item);
    check_typed_reads(in, status, &rest);
    if (status != RLP_OK)
        return 0;
    CHECK(item.whole.ptr == data && item.whole.len + rest.len == size);
    CHECK(item.payload.len <= item.whole.len);
    CHECK(item.payload.ptr + item.payload.len == item.whole.ptr + item.whole.len);

    if (rlp_validate(in, DEPTH_MAX) == RLP_OK) {
        uint8_t *out = malloc(size);
        CHECK(rest.len == 0 && rewrite(out, &item) == out + size && memcmp(out, data, size) == 0);
        free(out);
    }
    return 0;
}
