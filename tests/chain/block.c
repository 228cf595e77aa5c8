#include "chain/block.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "base/rlp.h"
#include "chain/genesis.h"
#include "tests/chain/signed_tx.h"

enum { TX_COUNT = 6 };

struct sample {
    struct genesis genesis; // for its header
    uint8_t raw[TX_COUNT][SIGNED_MAX];
    struct bytes txs[TX_COUNT];
    size_t len;
    uint8_t *block; // malloc'ed
};

static struct sample *make_sample(size_t count)
{
    struct sample *s = calloc(1, sizeof *s);
    genesis_dev(&s->genesis);
    for (size_t i = 0; i < count; i++) {
        const struct tx_fields fields = sample_fields((enum tx_type)(i % 3));
        s->txs[i] = bytes_of(s->raw[i], sign_fields(s->raw[i], SIGNED_MAX, &fields));
    }
    s->len = block_size(&s->genesis.header, s->txs, count);
    s->block = malloc(s->len);
    const uint8_t *end = block_put(s->block, &s->genesis.header, s->txs, count);
    cr_assert(end == s->block + s->len, "size and writing agree");
    return s;
}

static void free_sample(struct sample *s)
{
    genesis_free(&s->genesis);
    free(s->block);
    free(s);
}

Test(block, header_and_transactions_come_back)
{
    for (size_t count = 0; count <= TX_COUNT; count++) {
        struct sample *s = make_sample(count);
        struct block_view view;
        struct bytes raw;
        cr_assert(block_decode(&view, bytes_of(s->block, s->len)));
        const bytes32 hash = header_hash(&s->genesis.header), got = header_hash(&view.header);
        const bytes32 of_rlp = keccak256(view.header_rlp.ptr, view.header_rlp.len);
        cr_expect(bytes32_equal(&hash, &got) && bytes32_equal(&hash, &of_rlp));
        for (size_t i = 0; i < count; i++) {
            cr_assert(block_next_tx(&view, &raw) == 1);
            cr_expect(bytes_equal(raw, s->txs[i]));
        }
        cr_expect(block_next_tx(&view, &raw) == 0);
        cr_expect(block_next_tx(&view, &raw) == 0, "and stays at the end");
        free_sample(s);
    }
}

Test(block, truncated_and_longer_blocks_are_refused)
{
    struct sample *s = make_sample(2);
    struct block_view view;
    for (size_t cut = 0; cut < s->len; cut++) {
        uint8_t *tight = malloc(cut ? cut : 1);
        memcpy(tight, s->block, cut);
        cr_expect(!block_decode(&view, bytes_of(tight, cut)), "first %zu bytes", cut);
        free(tight);
    }
    uint8_t *longer = calloc(1, s->len + 1);
    memcpy(longer, s->block, s->len);
    cr_expect(!block_decode(&view, bytes_of(longer, s->len + 1)));
    free(longer);
    free_sample(s);
}

// A block from its four (or other) parts, in memory that stays until the next.
static struct bytes join(const struct bytes *parts, size_t count)
{
    static uint8_t buf[4096];
    size_t payload = 0;
    for (size_t i = 0; i < count; i++)
        payload += parts[i].len;
    uint8_t *p = rlp_put_list(buf, payload);
    for (size_t i = 0; i < count; i++) {
        memcpy(p, parts[i].ptr, parts[i].len);
        p += parts[i].len;
    }
    return bytes_of(buf, (size_t)(p - buf));
}

static bool decodes(const struct bytes *parts, size_t count, struct block_view *view)
{
    return block_decode(view, join(parts, count));
}

static bool decode_foreign(const struct bytes *parts, size_t count, struct block_view *view)
{
    return block_decode_foreign(view, join(parts, count));
}

Test(block, withdrawals_come_one_by_one)
{
    struct genesis g;
    uint8_t header[HEADER_ENCODED_MAX], list[128], fields[64];
    genesis_dev(&g);
    const struct bytes h = bytes_of(header, header_encode(header, &g.header)), none = bytes_of("\xc0", 1);
    const address to = {{[19] = 9}};
    uint8_t *p = rlp_put_u64(rlp_put_u64(fields, 7), 300);
    p = rlp_put_u64(rlp_put_string(p, bytes_of(to.b, sizeof to.b)), 1000000);
    const size_t len = (size_t)(p - fields);
    p = rlp_put_list(list, 2 * rlp_size_list(len));
    for (int i = 0; i < 2; i++) {
        p = rlp_put_list(p, len);
        memcpy(p, fields, len);
        p += len;
    }
    struct block_view view;
    struct withdrawal w;
    const struct bytes whole = bytes_of(list, (size_t)(p - list));
    cr_assert(decode_foreign((struct bytes[]){h, none, none, whole}, 4, &view) && view.has_withdrawals);
    cr_assert_eq(block_next_withdrawal(&view, &w), 1);
    cr_expect(w.index == 7 && w.validator == 300 && address_equal(&w.to, &to) && w.amount_gwei == 1000000);
    cr_expect_eq(w.rlp.len, rlp_size_list(len));
    cr_assert_eq(block_next_withdrawal(&view, &w), 1);
    cr_expect_eq(block_next_withdrawal(&view, &w), 0);
    cr_expect_eq(block_next_withdrawal(&view, &w), 0, "and stays at the end");
    view.withdrawals = bytes_of("\xc1\x07", 2);
    cr_expect_eq(block_next_withdrawal(&view, &w), -1, "too few fields");
    view.withdrawals = bytes_of("\x07", 1);
    cr_expect_eq(block_next_withdrawal(&view, &w), -1, "no list");
    genesis_free(&g);
}

Test(block, ommers_withdrawals_and_missing_lists_are_refused)
{
    struct genesis g;
    uint8_t header[HEADER_ENCODED_MAX];
    genesis_dev(&g);
    const struct bytes h = bytes_of(header, header_encode(header, &g.header));
    const struct bytes none = bytes_of("\xc0", 1), one = bytes_of("\xc1\xc0", 2), text = bytes_of("\x80", 1);
    struct block_view view;
    cr_expect(decodes((struct bytes[]){h, none, none, none}, 4, &view));
    cr_expect(!decodes((struct bytes[]){h, none, one, none}, 4, &view), "an ommer");
    cr_expect(!decodes((struct bytes[]){h, none, none, one}, 4, &view), "a withdrawal");
    cr_expect(!decodes((struct bytes[]){h, none, none}, 3, &view), "no withdrawals list");
    cr_expect(!decodes((struct bytes[]){h, none, none, none, none}, 5, &view), "a fifth part");
    cr_expect(!decodes((struct bytes[]){h, text, none, none}, 4, &view), "a string for the transactions");
    cr_expect(!decodes((struct bytes[]){none, none, none, none}, 4, &view), "an empty header");
    cr_expect(decode_foreign((struct bytes[]){h, none, one, none}, 4, &view) && view.ommers_rlp.len == 2, "an ommer");
    cr_expect(decode_foreign((struct bytes[]){h, none, none}, 3, &view) && !view.has_withdrawals,
              "no withdrawals list");
    cr_expect(!decode_foreign((struct bytes[]){h, none, text, none}, 4, &view), "a string for the ommers");
    cr_expect(!decode_foreign((struct bytes[]){h, none, none, text}, 4, &view), "a string for the withdrawals");
    cr_expect(!decode_foreign((struct bytes[]){h, none, none, none, none}, 5, &view), "a fifth part");
    genesis_free(&g);
}

Test(block, transactions_of_a_wrong_shape_are_refused)
{
    struct bytes raw;
    struct block_view view = {.txs = bytes_of("\x80", 1)};
    cr_expect(block_next_tx(&view, &raw) == -1, "an empty string");
    view.txs = bytes_of("\x82\xc1\x01", 3);
    cr_expect(block_next_tx(&view, &raw) == -1, "a legacy transaction inside a string");
    view.txs = bytes_of("\x82\x02", 2);
    cr_expect(block_next_tx(&view, &raw) == -1, "truncated");
    view.txs = bytes_of("\x82\x02\xc0", 3);
    cr_expect(block_next_tx(&view, &raw) == 1 && bytes_equal(raw, bytes_of("\x02\xc0", 2)));
}
