#include "chain/header.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/keccak.h"
#include "base/rlp.h"

static struct header sample(void)
{
    struct header h = {
        .ommers_hash = KECCAK256_EMPTY_LIST,
        .transactions_root = KECCAK256_EMPTY_RLP,
        .receipts_root = KECCAK256_EMPTY_RLP,
        .number = 5,
        .gas_limit = 30000000,
        .gas_used = 21000,
        .timestamp = 1700000000,
        .extra_data = bytes_of("gantry", 6),
        .base_fee = u256_from_u64(1000000000),
        .optional_count = 4,
        .withdrawals_root = KECCAK256_EMPTY_RLP,
    };
    memset(h.parent_hash.b, 0x11, 32);
    memset(h.mix_hash.b, 0x22, 32);
    memset(h.parent_beacon_block_root.b, 0x33, 32);
    return h;
}

static bool header_round_trips(const struct header *h)
{
    uint8_t buf[HEADER_ENCODED_MAX], again[HEADER_ENCODED_MAX];
    struct header decoded;
    const size_t len = header_encode(buf, h);
    if (!header_decode(&decoded, bytes_of(buf, len)))
        return false;
    const size_t again_len = header_encode(again, &decoded);
    return decoded.number == h->number && decoded.optional_count == h->optional_count &&
           bytes_equal(bytes_of(buf, len), bytes_of(again, again_len));
}

Test(header, every_fork_s_form_round_trips)
{
    struct header h = sample();
    cr_expect(header_round_trips(&h));
    h.optional_count = 1;
    cr_expect(header_round_trips(&h), "Shanghai");
    h.optional_count = 0;
    cr_expect(header_round_trips(&h), "London");
    h.no_base_fee = true;
    cr_expect(header_round_trips(&h), "Frontier");
}

Test(header, forms_between_forks_are_refused)
{
    for (unsigned count = 2; count <= 3; count++) {
        struct header h = sample();
        h.optional_count = count;
        cr_expect(!header_round_trips(&h), "%u optional fields", count);
    }
}

Test(header, nothing_shorter_longer_or_misshapen_is_taken)
{
    const struct header h = sample();
    uint8_t buf[HEADER_ENCODED_MAX + 64], changed[HEADER_ENCODED_MAX + 64];
    struct header decoded;
    const size_t len = header_encode(buf, &h);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *tight = malloc(cut ? cut : 1);
        memcpy(tight, buf, cut);
        cr_expect(!header_decode(&decoded, bytes_of(tight, cut)), "first %zu bytes", cut);
        free(tight);
    }
    buf[len] = 0x80;
    cr_expect(!header_decode(&decoded, bytes_of(buf, len + 1)), "trailing byte");
    // A 21st field inside the list.
    struct bytes in = bytes_of(buf, len), payload;
    cr_assert(rlp_read_list(&in, &payload) == RLP_OK);
    uint8_t *p = rlp_put_list(changed, payload.len + 1);
    memcpy(p, payload.ptr, payload.len);
    p[payload.len] = 0x80;
    cr_expect(!header_decode(&decoded, bytes_of(changed, (size_t)(p - changed) + payload.len + 1)), "21 fields");
    // 33 bytes of extra data.
    struct bytes rest = payload;
    struct rlp_item item;
    for (int i = 0; i < 12; i++)
        cr_assert(rlp_read(&rest, &item) == RLP_OK);
    const struct bytes before = bytes_of(payload.ptr, payload.len - rest.len);
    cr_assert(rlp_read(&rest, &item) == RLP_OK);
    const uint8_t extra[33] = {1};
    p = rlp_put_list(changed, before.len + 34 + rest.len);
    memcpy(p, before.ptr, before.len);
    p = rlp_put_string(p + before.len, bytes_of(extra, sizeof extra));
    memcpy(p, rest.ptr, rest.len);
    cr_expect(!header_decode(&decoded, bytes_of(changed, (size_t)(p - changed) + rest.len)), "long extra data");
}

// The figures of EIP-1559's rule, worked by hand; the last ones are the rule at its edges.
Test(header, next_base_fee_follows_eip_1559)
{
    const struct fee_rules rules = {.elasticity = 2, .denominator = 8};
    static const struct {
        uint64_t base_fee, gas_limit, gas_used, next;
    } cases[] = {
        {1000000000, 20000000, 10000000, 1000000000}, // exactly the target
        {1000000000, 20000000, 9000000, 987500000},   // below it
        {1000000000, 20000000, 11000000, 1012500000}, // above it
        {1000000000, 20000000, 0, 875000000},
        {1000000000, 20000000, 20000000, 1125000000},
        {7, 20000000, 20000000, 8}, // rises by at least one
        {0, 20000000, 20000000, 1},
        {7, 20000000, 0, 7}, // too small to fall
        {8, 20000000, 0, 7},
        {0, 20000000, 0, 0},
        {1000000000, 20000001, 10000000, 1000000000}, // an odd limit's target is rounded down
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const u256 base_fee = u256_from_u64(cases[i].base_fee), expected = u256_from_u64(cases[i].next);
        const u256 next = header_next_base_fee(&rules, cases[i].gas_limit, cases[i].gas_used, &base_fee);
        cr_expect(u256_equal(&next, &expected), "case %zu: %lu", i, next.w[0]);
    }
}

Test(header, next_base_fee_follows_the_chain_s_own_parameters)
{
    const struct fee_rules rules = {.elasticity = 4, .denominator = 50};
    const u256 base_fee = u256_from_u64(1000000);
    const u256 full = header_next_base_fee(&rules, 4000, 4000, &base_fee), full_expected = u256_from_u64(1060000);
    const u256 empty = header_next_base_fee(&rules, 4000, 0, &base_fee), empty_expected = u256_from_u64(980000);
    cr_expect(u256_equal(&full, &full_expected) && u256_equal(&empty, &empty_expected));
}

Test(header, next_base_fee_is_exact_far_beyond_64_bits)
{
    const struct fee_rules rules = {.elasticity = 2, .denominator = 8};
    const u256 base_fee = {{0, 8, 0, 0}}, expected = {{0, 9, 0, 0}};
    const u256 next = header_next_base_fee(&rules, 2000000000000, 2000000000000, &base_fee);
    cr_expect(u256_equal(&next, &expected));
}

// go-ethereum, core/types/bloom9_test.go: the hash of the bloom of 100 words "xxxxxxxxxx data N yyyyyyyyyyyyyy" for N
// below 100.
Test(header, bloom_agrees_with_geth)
{
    uint8_t expected[32];
    cr_assert(hex_decode(expected, 32, "c8d3ca65cdb4874300a9e39475508f23ed6da09fdbc487f89a2dcf50b09eb263", 64) == 32);
    bloom b = {{0}};
    for (int i = 0; i < 100; i++) {
        char word[64];
        const int len = snprintf(word, sizeof word, "xxxxxxxxxx data %d yyyyyyyyyyyyyy", i);
        bloom_add(&b, bytes_of(word, (size_t)len));
    }
    const bytes32 hash = keccak256(b.b, sizeof b.b);
    cr_expect_arr_eq(hash.b, expected, 32);
}

Test(header, blooms_are_joined_by_or)
{
    bloom a = {{0}}, b = {{0}}, both = {{0}};
    bloom_add(&a, bytes_of("a", 1));
    bloom_add(&b, bytes_of("b", 1));
    bloom_add(&both, bytes_of("a", 1));
    bloom_add(&both, bytes_of("b", 1));
    bloom_or(&a, &b);
    cr_expect_arr_eq(a.b, both.b, sizeof a.b);
}

static size_t encode_receipt(uint8_t *buf, const struct receipt *r)
{
    const size_t len = (size_t)(receipt_put(buf, r) - buf);
    cr_expect(len == receipt_size(r));
    return len;
}

Test(header, receipts_are_encoded_as_eip_2718_says)
{
    static uint8_t buf[2048];
    struct receipt r = {.tx_type = 2, .success = true, .cumulative_gas = 21000};
    size_t len = encode_receipt(buf, &r);
    // 0x02 || [1, 21000, 256 zero bytes, []]
    cr_expect_arr_eq(buf, "\x02\xf9\x01\x08\x01\x82\x52\x08\xb9\x01\x00", 11);
    cr_expect(len == 4 + 4 + 3 + 256 + 1 && buf[len - 1] == 0xc0);

    r = (struct receipt){.success = false, .cumulative_gas = 0, .logs = bytes_of("\xc1\xc0", 2)};
    len = encode_receipt(buf, &r);
    cr_expect_arr_eq(buf, "\xf9\x01\x07\x80\x80\xb9\x01\x00", 8);
    cr_expect(len == 3 + 2 + 3 + 256 + 2 && memcmp(buf + len - 2, "\xc1\xc0", 2) == 0);
}
