// Stripe bodies: keys, witnesses, transactions.
#include "engine/net/wire/codec.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const uint8_t KEYS[3][64] = {{1}, {2}, {3}};
static const uint8_t RY[4][32] = {{10}, {11}, {12}, {13}};
static uint8_t raw[4][5] = {"aaaa", "bbbb", "cccc", "dddd"};

static void make_txs(struct wire_stripe_tx txs[4])
{
    static const uint16_t key[4] = {0, 1, 0, 2};
    for (unsigned i = 0; i < 4; i++)
        txs[i] = (struct wire_stripe_tx){key[i], RY[i], bytes_of(raw[i], i + 1)};
}

static enum wire_status open_made(struct wire_stripe *s, const struct wire_stripe_tx *txs, uint16_t keys, uint32_t n)
{
    static uint8_t body[4096];
    wire_stripe_put(body, KEYS, keys, txs, n);
    return wire_stripe_open(s, bytes_of(body, wire_stripe_size(keys, txs, n)));
}

Test(wire_stripe, holds_what_it_was_made_of)
{
    struct wire_stripe s;
    struct wire_stripe_tx txs[4], tx;
    make_txs(txs);
    cr_assert_eq(open_made(&s, txs, 3, 4), WIRE_OK);
    cr_assert(s.key_count == 3 && s.tx_count == 4 && memcmp(s.keys, KEYS, sizeof KEYS) == 0);
    struct bytes rest = s.txs;
    for (unsigned i = 0; i < 4; i++) {
        cr_assert(wire_stripe_next(&rest, &tx));
        cr_assert(tx.key == txs[i].key && memcmp(tx.ry, RY[i], 32) == 0 && bytes_equal(tx.raw, txs[i].raw));
    }
    cr_assert(!wire_stripe_next(&rest, &tx));
}

Test(wire_stripe, keys_come_in_the_order_of_their_first_use)
{
    struct wire_stripe s;
    struct wire_stripe_tx txs[4];
    make_txs(txs);
    txs[1].key = 2;
    txs[3].key = 1;
    cr_assert_eq(open_made(&s, txs, 3, 4), WIRE_NOT_CANONICAL);
    make_txs(txs);
    cr_assert_eq(open_made(&s, txs, 3, 3), WIRE_NOT_CANONICAL, "an unused key");
    cr_assert_eq(open_made(&s, txs, 2, 4), WIRE_BAD_VALUE, "a key that is not there");
}

Test(wire_stripe, an_empty_stripe_or_transaction_is_refused)
{
    struct wire_stripe s;
    struct wire_stripe_tx txs[4];
    make_txs(txs);
    cr_assert_eq(open_made(&s, txs, 0, 0), WIRE_BAD_VALUE);
    txs[2].raw.len = 0;
    cr_assert_eq(open_made(&s, txs, 3, 4), WIRE_BAD_VALUE);
}

Test(wire_stripe, sizes_are_bounded)
{
    struct wire_stripe s;
    uint8_t *big = calloc(1, WIRE_STRIPE_BYTES_MAX * 2), *body = calloc(1, WIRE_STRIPE_BYTES_MAX * 2);
    struct wire_stripe_tx tx = {0, RY[0], bytes_of(big, WIRE_TX_BYTES_MAX)};
    wire_stripe_put(body, KEYS, 1, &tx, 1);
    cr_assert_eq(wire_stripe_open(&s, bytes_of(body, wire_stripe_size(1, &tx, 1))), WIRE_OK);
    tx.raw.len++;
    wire_stripe_put(body, KEYS, 1, &tx, 1);
    cr_assert_eq(wire_stripe_open(&s, bytes_of(body, wire_stripe_size(1, &tx, 1))), WIRE_BAD_VALUE);
    cr_assert_eq(wire_stripe_open(&s, bytes_of(body, WIRE_STRIPE_BYTES_MAX + 1)), WIRE_TOO_LONG);
    free(big);
    free(body);
}

Test(wire_stripe, a_count_beyond_the_bytes_is_refused)
{
    uint8_t body[2 + 64 + 4] = {1, 0};
    struct wire_stripe s;
    memset(body + 66, 0xff, 4);
    cr_assert_eq(wire_stripe_open(&s, bytes_of(body, sizeof body)), WIRE_SHORT);
}

Test(wire_stripe, a_reference_names_one_body)
{
    uint8_t body[100] = {1};
    const struct wire_stripe_ref ref = {wire_stripe_digest(bytes_of(body, 99)), 99, 1, 21000};
    cr_assert(wire_stripe_matches(&ref, bytes_of(body, 99)));
    cr_assert(!wire_stripe_matches(&ref, bytes_of(body, 98)));
    cr_assert(!wire_stripe_matches(&ref, bytes_of(body, 100)));
    body[98] = 1;
    cr_assert(!wire_stripe_matches(&ref, bytes_of(body, 99)));
}
