#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "tests/engine/store_fixture.h"
#include "tests/support/vectors.h"

// The smallest record with everything in it, for reading back field by field.
struct sample {
    struct header header;
    uint8_t raw0[3], raw1[5], log[1 + 4];
    struct bytes raw[2];
    bytes32 hashes[2];
    address senders[2];
    struct receipt receipts[2];
    struct exec_counts counts;
    bytes32 dropped[1];
    uint8_t reasons[1];
    struct record_input in;
};

static void make_sample(struct sample *s)
{
    *s = (struct sample){
        .raw0 = {0x02, 0xc1, 0x01},
        .raw1 = {0xc4, 1, 2, 3, 4},
        .log = {0xc4, 0xc3, 0x01, 0xc0, 0x02},
        .hashes = {{{1}}, {{2}}},
        .senders = {{{3}}, {{4}}},
        .dropped = {{{5}}},
        .reasons = {TX_NONCE_TOO_LOW},
    };
    fixture_genesis(&s->header, 1700000000);
    s->header.number = 7;
    s->raw[0] = bytes_of(s->raw0, sizeof s->raw0);
    s->raw[1] = bytes_of(s->raw1, sizeof s->raw1);
    s->receipts[0] = (struct receipt){.tx_type = 2, .success = true, .cumulative_gas = 21000};
    s->receipts[1] = (struct receipt){.cumulative_gas = 50000, .logs = bytes_of(s->log, sizeof s->log)};
    s->counts.of[0][EXEC_SENDERS] = 1;
    s->counts.of[EXEC_ROUNDS_MAX][EXEC_GLOBAL] = 1;
    s->in = (struct record_input){
        .header = &s->header,
        .time_ms = 1700000000123,
        .tx_count = 2,
        .raw_txs = s->raw,
        .tx_hashes = s->hashes,
        .senders = s->senders,
        .receipts = s->receipts,
        .counts = &s->counts,
        .dropped_count = 1,
        .dropped_hashes = s->dropped,
        .dropped_reasons = s->reasons,
    };
}

Test(record, holds_what_it_was_given)
{
    struct sample s;
    struct record r;
    struct record_tx tx;
    uint8_t buf[4096];
    make_sample(&s);
    const size_t size = record_size(&s.in);
    cr_assert_eq(record_put(buf, &s.in), buf + size);
    cr_assert(record_decode(&r, bytes_of(buf, size)));
    const bytes32 hash = header_hash(&s.header);
    cr_expect(bytes32_equal(&r.block_hash, &hash));
    cr_expect_eq(r.header.number, 7);
    cr_expect_eq(r.time_ms, 1700000000123);
    cr_expect_eq(r.tx_count, 2);
    cr_expect_eq(memcmp(&r.counts, &s.counts, sizeof r.counts), 0);
    record_tx_at(&r, 0, &tx);
    cr_expect(bytes_equal(tx.raw, s.raw[0]));
    cr_expect(tx.success && tx.gas_used == 21000 && tx.cumulative_gas == 21000 && tx.logs.len == 0);
    cr_expect(bytes32_equal(&tx.hash, &s.hashes[0]) && address_equal(&tx.sender, &s.senders[0]));
    record_tx_at(&r, 1, &tx);
    cr_expect(bytes_equal(tx.raw, s.raw[1]));
    cr_expect(!tx.success && tx.gas_used == 29000 && tx.cumulative_gas == 50000);
    cr_expect(bytes_equal(tx.logs, s.receipts[1].logs));
    cr_expect(bytes32_equal(&tx.hash, &s.hashes[1]) && address_equal(&tx.sender, &s.senders[1]));
    bytes32 dropped;
    enum tx_status reason;
    cr_assert_eq(r.dropped_count, 1);
    record_dropped_at(&r, 0, &dropped, &reason);
    cr_expect(bytes32_equal(&dropped, &s.dropped[0]) && reason == TX_NONCE_TOO_LOW);
}

Test(record, holds_the_block_as_others_export_it)
{
    struct sample s;
    struct record r;
    uint8_t buf[4096], block[4096];
    make_sample(&s);
    cr_assert(record_decode(&r, bytes_of(buf, (size_t)(record_put(buf, &s.in) - buf))));
    const size_t len = (size_t)(block_put(block, &s.header, s.raw, 2) - block);
    cr_expect(bytes_equal(r.block_rlp, bytes_of(block, len)));
}

Test(record, every_truncation_and_extension_is_refused)
{
    struct fixture_chain chain = {.seed = test_seed("record_truncation")};
    for (uint32_t txs = 0; txs < 6; txs++) {
        size_t len;
        struct record r;
        uint8_t *bytes = fixture_record(&chain, txs, &len, NULL);
        for (size_t cut = 0; cut < len; cut++) {
            // An allocation of its own, so that the sanitizer sees every read past the end.
            uint8_t *part = malloc(cut + 1);
            memcpy(part, bytes, cut);
            cr_assert_not(record_decode(&r, bytes_of(part, cut)), "%u transactions, cut to %zu of %zu", txs, cut, len);
            free(part);
        }
        uint8_t *longer = calloc(1, len + 1);
        memcpy(longer, bytes, len);
        cr_assert_not(record_decode(&r, bytes_of(longer, len + 1)));
        free(longer);
        free(bytes);
    }
}

static uint32_t checksum(struct bytes b)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < b.len; i++)
        sum = sum * 31 + b.ptr[i];
    return sum;
}

// Corruption that still decodes must at least be safe to read; the log's checksum is what finds it.
Test(record, corrupted_records_are_refused_or_safe_to_read)
{
    struct fixture_chain chain = {.seed = test_seed("record_corruption")};
    unsigned refused = 0;
    uint32_t sum = 0;
    for (int round = 0; round < 20000; round++) {
        static uint8_t *bytes;
        static size_t len;
        struct record r;
        if (round % 100 == 0) {
            free(bytes);
            bytes = fixture_record(&chain, (uint32_t)(test_random(&chain.seed) % 5), &len, NULL);
        }
        uint8_t *copy = malloc(len);
        memcpy(copy, bytes, len);
        for (uint64_t flips = 1 + test_random(&chain.seed) % 3; flips > 0; flips--)
            copy[test_random(&chain.seed) % len] = (uint8_t)test_random(&chain.seed);
        if (!record_decode(&r, bytes_of(copy, len))) {
            refused++;
        } else {
            for (uint32_t i = 0; i < r.tx_count; i++) {
                struct record_tx tx;
                record_tx_at(&r, i, &tx);
                sum += checksum(tx.raw) + checksum(tx.logs);
            }
        }
        free(copy);
    }
    cr_expect_gt(refused, 1000, "sum of what was read: %u", sum);
}

// Offsets of the head's and the first table entry's fields (docs/storage.md).
static void refuse_with(const uint8_t *good, size_t len, size_t at, uint32_t value, const char *what)
{
    struct record r;
    uint8_t buf[4096];
    memcpy(buf, good, len);
    store_le32(buf + at, value);
    cr_expect_not(record_decode(&r, bytes_of(buf, len)), "%s", what);
}

Test(record, each_field_that_the_layout_depends_on_is_checked)
{
    struct sample s;
    struct record r;
    uint8_t buf[4096];
    make_sample(&s);
    const size_t len = (size_t)(record_put(buf, &s.in) - buf);
    cr_assert(record_decode(&r, bytes_of(buf, len)));
    const size_t table = (size_t)(r.table - buf), dropped = (size_t)(r.dropped - buf);
    refuse_with(buf, len, 0, 2, "another format");
    refuse_with(buf, len, 4, 1, "fewer transactions");
    refuse_with(buf, len, 4, UINT32_MAX, "more transactions than fit");
    refuse_with(buf, len, 8, UINT32_MAX, "more dropped ones than fit");
    refuse_with(buf, len, 12, UINT32_MAX, "a block longer than the record");
    refuse_with(buf, len, 16, UINT32_MAX, "logs longer than the record");
    refuse_with(buf, len, 20, 1, "a reserved field");
    refuse_with(buf, len, table, load_le32(buf + table) + 1, "an offset into the middle of a transaction");
    refuse_with(buf, len, table, UINT32_MAX, "an offset outside");
    refuse_with(buf, len, table + 4, 2, "another length");
    refuse_with(buf, len, table + 8, 50001, "cumulative gas that falls");
    refuse_with(buf, len, table + 16, 6, "logs outside their section");
    refuse_with(buf, len, table + 76 + 16, 4, "logs that leave a rest");
    refuse_with(buf, len, table + 20, 2, "a status that is neither");
    refuse_with(buf, len, dropped + 29, (uint32_t)TX_STATUS_COUNT << 24, "an unknown reason");
    refuse_with(buf, len, dropped + 29, 0, "a drop without reason");
}

// A record that is consistent in itself, but whose block has one transaction more than its table.
Test(record, a_block_with_more_transactions_than_the_table_is_refused)
{
    struct sample s;
    struct record r;
    uint8_t buf[4096], cut[4096];
    make_sample(&s);
    s.receipts[1].logs.len = 0;
    const size_t len = (size_t)(record_put(buf, &s.in) - buf);
    cr_assert(record_decode(&r, bytes_of(buf, len)));
    const size_t first_entry = (size_t)(r.table - buf), entry = 76, rest = len - first_entry - 2 * entry;
    memcpy(cut, buf, first_entry + entry);
    memcpy(cut + first_entry + entry, buf + first_entry + 2 * entry, rest);
    store_le32(cut + 4, 1);
    cr_expect_not(record_decode(&r, bytes_of(cut, len - entry)));
}
