// Whatever the bytes are: a block or header that is taken is the one encoding of what was read.
#include "chain/block.h"

#include <stdlib.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

enum { TXS_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_header(struct bytes in)
{
    struct header header;
    uint8_t buf[HEADER_ENCODED_MAX];
    if (!header_decode(&header, in))
        return;
    CHECK(header.extra_data.len == 0 ||
          (header.extra_data.ptr >= in.ptr && header.extra_data.ptr + header.extra_data.len <= in.ptr + in.len));
    const size_t len = header_encode(buf, &header);
    CHECK(len <= sizeof buf && bytes_equal(bytes_of(buf, len), in));
}

static void check_block(struct bytes in)
{
    struct block_view view;
    static struct bytes txs[TXS_MAX];
    size_t count = 0;
    int got = 0;
    if (!block_decode(&view, in))
        return;
    check_header(view.header_rlp);
    while (count < TXS_MAX && (got = block_next_tx(&view, &txs[count])) == 1)
        count++;
    if (got != 0)
        return;
    const size_t len = block_size(&view.header, txs, count);
    uint8_t *buf = malloc(len);
    CHECK(buf && block_put(buf, &view.header, txs, count) == buf + len);
    CHECK(bytes_equal(bytes_of(buf, len), in));
    free(buf);
}

// A block from elsewhere: what is taken off its lists lies inside it, and none of it is lost.
static void check_foreign(struct bytes in)
{
    struct block_view view, plain;
    struct withdrawal w;
    struct bytes raw;
    int got;
    if (!block_decode_foreign(&view, in)) {
        CHECK(!block_decode(&plain, in));
        return;
    }
    CHECK(view.has_withdrawals || view.withdrawals.len == 0);
    size_t left = view.withdrawals.len;
    while ((got = block_next_withdrawal(&view, &w)) == 1) {
        CHECK(w.rlp.ptr >= in.ptr && w.rlp.ptr + w.rlp.len <= in.ptr + in.len);
        CHECK(view.withdrawals.len + w.rlp.len == left);
        left = view.withdrawals.len;
    }
    CHECK(got == -1 || left == 0);
    while (block_next_tx(&view, &raw) == 1)
        CHECK(raw.ptr > in.ptr && raw.ptr + raw.len <= in.ptr + in.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_foreign(bytes_of(data, size));
    check_header(bytes_of(data, size));
    check_block(bytes_of(data, size));
    return 0;
}
