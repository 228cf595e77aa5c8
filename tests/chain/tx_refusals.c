// Every refusal by its own name: one hand-made transaction for each status of decoding and of the static checks.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rlp.h"
#include "tests/chain/signed_tx.h"

// A transaction as a list of encoded fields, so that a test can put anything into any of them.
struct fields {
    uint8_t type; // 0: legacy
    size_t count;
    struct bytes encoded[14]; // malloc'ed
};

static struct bytes copy(const void *ptr, size_t len)
{
    uint8_t *out = malloc(len + 1);
    memcpy(out, ptr, len);
    return bytes_of(out, len);
}

static struct fields take_apart(const uint8_t *raw, size_t len)
{
    struct fields f = {.type = raw[0] < 0x80 ? raw[0] : 0};
    struct bytes in = bytes_of(raw + (f.type != 0), len - (f.type != 0)), payload;
    struct rlp_item item;
    cr_assert(rlp_read_list(&in, &payload) == RLP_OK);
    while (payload.len > 0) {
        cr_assert(rlp_read(&payload, &item) == RLP_OK);
        f.encoded[f.count++] = copy(item.whole.ptr, item.whole.len);
    }
    return f;
}

static struct fields sample(enum tx_type type)
{
    uint8_t raw[SIGNED_MAX];
    const struct tx_fields fields = sample_fields(type);
    return take_apart(raw, sign_fields(raw, sizeof raw, &fields));
}

static void set(struct fields *f, size_t at, const void *encoded, size_t len)
{
    free((void *)f->encoded[at].ptr);
    f->encoded[at] = copy(encoded, len);
}

static void set_string(struct fields *f, size_t at, const void *content, size_t len)
{
    uint8_t *buf = malloc(len + 16);
    uint8_t *end = rlp_put_string(buf, bytes_of(content, len));
    set(f, at, buf, (size_t)(end - buf));
    free(buf);
}

static void set_number(struct fields *f, size_t at, u256 value)
{
    uint8_t buf[40];
    set(f, at, buf, (size_t)(rlp_put_u256(buf, &value) - buf));
}

static size_t put_together(uint8_t **out, const struct fields *f)
{
    size_t payload = 0;
    for (size_t i = 0; i < f->count; i++)
        payload += f->encoded[i].len;
    uint8_t *p = *out = malloc(payload + 16);
    if (f->type != 0)
        *p++ = f->type;
    p = rlp_put_list(p, payload);
    for (size_t i = 0; i < f->count; i++) {
        memcpy(p, f->encoded[i].ptr, f->encoded[i].len);
        p += f->encoded[i].len;
    }
    return (size_t)(p - *out);
}

static void expect_raw(const void *raw, size_t len, enum tx_status expected, const char *what)
{
    struct tx tx;
    // A copy of exactly this length, so that the address sanitizer sees reads past the end.
    const struct bytes exact = copy(raw, len);
    uint8_t *tight = malloc(len ? len : 1);
    memcpy(tight, exact.ptr, len);
    const enum tx_status status = tx_decode(&tx, bytes_of(tight, len), 1);
    cr_expect(status == expected, "%s: %d (%s), expected %d (%s)", what, status, tx_status_text(status), expected,
              tx_status_text(expected));
    free(tight);
    free((void *)exact.ptr);
}

static void expect(struct fields f, enum tx_status expected, const char *what)
{
    uint8_t *raw;
    const size_t len = put_together(&raw, &f);
    expect_raw(raw, len, expected, what);
    free(raw);
    for (size_t i = 0; i < f.count; i++)
        free((void *)f.encoded[i].ptr);
}

static const enum tx_type TYPES[] = {TX_LEGACY, TX_ACCESS_LIST, TX_DYNAMIC_FEE};

// Where the fields lie in each type's list.
struct places {
    size_t nonce, max_fee, gas_limit, to, value, data, v, r, s;
};
static const struct places PLACES[] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 3, 4, 5, 6, 8, 9, 10}, {1, 3, 4, 5, 6, 7, 9, 10, 11}};

#define EACH_TYPE(name)                                                                                                \
    for (const enum tx_type *type = TYPES; type < TYPES + 3; type++)                                                   \
        for (const struct places *name = &PLACES[*type]; name; name = NULL)

static u256 group_order(void)
{
    u256 n;
    cr_assert(u256_parse(&n, "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 66));
    return n;
}

static u256 plus(u256 a, uint64_t b)
{
    const u256 addend = u256_from_u64(b);
    u256_add(&a, &a, &addend);
    return a;
}

static u256 minus(u256 a, const u256 *b)
{
    u256_sub(&a, &a, b);
    return a;
}

Test(tx_refusals, the_samples_themselves_are_taken)
{
    EACH_TYPE(at)
    {
        expect(sample(*type), TX_OK, "sample");
    }
}

Test(tx_refusals, what_is_no_transaction_is_malformed)
{
    expect_raw("", 0, TX_MALFORMED, "nothing");
    expect_raw("\xc0", 1, TX_MALFORMED, "an empty list");
    expect_raw("\x80", 1, TX_MALFORMED, "an empty string");
    expect_raw("\xb8", 1, TX_MALFORMED, "half a string header");
    expect_raw("\x02", 1, TX_MALFORMED, "a type and nothing else");
    expect_raw("\x02\x83yes", 5, TX_MALFORMED, "a string where the list belongs");
    expect_raw("\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9, TX_MALFORMED, "a list of 2^64-1 bytes");
    EACH_TYPE(at)
    {
        struct fields f = sample(*type);
        free((void *)f.encoded[--f.count].ptr);
        expect(f, TX_MALFORMED, "a field too few");
        f = sample(*type);
        f.encoded[f.count++] = copy("\x01", 1);
        expect(f, TX_MALFORMED, "a field too many");
        for (size_t i = 0; i <= at->s; i++) {
            const bool is_list = i == at->data + 1 && *type != TX_LEGACY;
            f = sample(*type);
            set(&f, i, is_list ? "\x80" : "\xc0", 1);
            expect(f, TX_MALFORMED, "a list for a string, or a string for a list");
        }
    }
}

Test(tx_refusals, a_target_has_20_bytes_or_none)
{
    const uint8_t bytes[32] = {1};
    EACH_TYPE(at)
    {
        for (size_t len = 0; len <= 32; len++) {
            struct fields f = sample(*type);
            set_string(&f, at->to, bytes, len);
            expect(f, len == 0 || len == 20 ? TX_OK : TX_MALFORMED, "target length");
        }
    }
}

Test(tx_refusals, trailing_bytes_are_named)
{
    EACH_TYPE(at)
    {
        struct fields f = sample(*type);
        uint8_t *raw;
        const size_t len = put_together(&raw, &f);
        raw[len] = 0;
        expect_raw(raw, len + 1, TX_TRAILING_BYTES, "a zero byte after the end");
        free(raw);
        expect(f, TX_OK, "the same without it");
    }
}

Test(tx_refusals, non_canonical_numbers_are_named)
{
    EACH_TYPE(at)
    {
        const size_t numbers[] = {at->nonce, at->max_fee, at->gas_limit, at->value, at->v, at->r, at->s};
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            struct fields f = sample(*type);
            set(&f, numbers[i], "\x82\x00\x01", 3);
            expect(f, TX_NON_CANONICAL, "leading zero");
            f = sample(*type);
            set(&f, numbers[i], "\x00", 1);
            expect(f, TX_NON_CANONICAL, "zero as a zero byte");
            f = sample(*type);
            set(&f, numbers[i], "\x81\x05", 2);
            expect(f, TX_NON_CANONICAL, "a small number with a header");
            f = sample(*type);
            set(&f, numbers[i], "\xb8\x01\x81", 3);
            expect(f, TX_NON_CANONICAL, "a long header for a short string");
        }
    }
}

Test(tx_refusals, overflowing_numbers_are_named)
{
    uint8_t ones[33];
    memset(ones, 0xff, sizeof ones);
    EACH_TYPE(at)
    {
        const size_t narrow[] = {at->nonce, at->gas_limit};
        const size_t wide[] = {at->max_fee, at->value, at->v, at->r, at->s};
        for (size_t i = 0; i < 2; i++) {
            struct fields f = sample(*type);
            set_string(&f, narrow[i], ones, 9);
            expect(f, TX_FIELD_OVERFLOW, "72 bits");
            f = sample(*type);
            set_string(&f, narrow[i], ones, 8);
            expect(f, TX_OK, "64 bits");
        }
        for (size_t i = 0; i < 5; i++) {
            struct fields f = sample(*type);
            set_string(&f, wide[i], ones, 33);
            expect(f, TX_FIELD_OVERFLOW, "264 bits");
        }
    }
}

Test(tx_refusals, types_are_refused_by_name)
{
    struct fields f = sample(TX_DYNAMIC_FEE);
    uint8_t *raw;
    const size_t len = put_together(&raw, &f);
    for (int type = 0; type < 0x80; type++) {
        raw[0] = (uint8_t)type;
        const enum tx_status expected = type == TX_DYNAMIC_FEE   ? TX_OK
                                        : type == TX_ACCESS_LIST ? TX_MALFORMED // its list is another
                                        : type == TX_BLOB        ? TX_BLOB_UNSUPPORTED
                                        : type == TX_SET_CODE    ? TX_SET_CODE_UNSUPPORTED
                                                                 : TX_TYPE_UNSUPPORTED;
        struct tx tx;
        const enum tx_status status = tx_decode(&tx, bytes_of(raw, len), 1);
        // A dynamic-fee list read as an access-list one has a number where the target belongs.
        cr_expect(status == expected, "type %d: %s", type, tx_status_text(status));
    }
    free(raw);
    expect(f, TX_OK, "the sample");
}

Test(tx_refusals, the_longest_transaction_has_128_kib)
{
    uint8_t *data = calloc(1, TX_RAW_MAX);
    for (size_t delta = 0; delta < 2; delta++) {
        struct fields f = sample(TX_DYNAMIC_FEE);
        uint8_t *raw;
        set_string(&f, 7, data, 1000);
        const size_t small = put_together(&raw, &f);
        free(raw);
        // From 1000 bytes on, both the data's and the list's headers grow by one byte up to this size.
        set_string(&f, 7, data, 1000 + TX_RAW_MAX - small - 2 + delta);
        expect(f, delta == 0 ? TX_OK : TX_TOO_LARGE, "at the limit");
    }
    free(data);
}

Test(tx_refusals, v_outside_its_range_is_named)
{
    for (uint64_t v = 0; v < 300; v++) {
        struct fields f = sample(TX_LEGACY);
        set_number(&f, 6, u256_from_u64(v));
        const bool is_old = v == 27 || v == 28, is_ours = v == 37 || v == 38;
        expect(f, is_old || is_ours ? TX_OK : v < 35 ? TX_BAD_V : TX_WRONG_CHAIN_ID, "legacy v");
        for (enum tx_type type = TX_ACCESS_LIST; type <= TX_DYNAMIC_FEE; type++) {
            f = sample(type);
            set_number(&f, PLACES[type].v, u256_from_u64(v));
            expect(f, v <= 1 ? TX_OK : TX_BAD_V, "y parity");
        }
    }
}

Test(tx_refusals, numbers_that_wrap_to_a_valid_v_or_chain_id_do_not_pass)
{
    const u256 bit_64 = {{0, 1, 0, 0}}, bit_128 = {{0, 0, 1, 0}};
    struct fields f = sample(TX_LEGACY);
    set_number(&f, 6, plus(bit_64, 37));
    expect(f, TX_WRONG_CHAIN_ID, "v = 2^64 + 37");
    f = sample(TX_LEGACY);
    set_number(&f, 6, plus(bit_64, 27));
    expect(f, TX_WRONG_CHAIN_ID, "v = 2^64 + 27");
    f = sample(TX_DYNAMIC_FEE);
    set_number(&f, 9, plus(bit_128, 1));
    expect(f, TX_BAD_V, "y parity = 2^128 + 1");
    f = sample(TX_DYNAMIC_FEE);
    set_number(&f, 0, plus(bit_64, 1));
    expect(f, TX_WRONG_CHAIN_ID, "chain id = 2^64 + 1");
}

static void expect_of_any_chain(struct fields f, enum tx_status expected, const char *what)
{
    uint8_t *raw;
    const size_t len = put_together(&raw, &f);
    struct tx tx;
    const enum tx_status status = tx_decode(&tx, bytes_of(raw, len), 0);
    cr_expect(status == expected, "%s: %s", what, tx_status_text(status));
    free(raw);
    for (size_t i = 0; i < f.count; i++)
        free((void *)f.encoded[i].ptr);
}

Test(tx_refusals, chain_ids_that_64_bits_can_not_hold_are_of_no_chain)
{
    const u256 bit_64 = {{0, 1, 0, 0}};
    struct fields f = sample(TX_LEGACY);
    set_number(&f, 6, plus(bit_64, 37));
    expect_of_any_chain(f, TX_WRONG_CHAIN_ID, "v = 2^64 + 37");
    f = sample(TX_LEGACY);
    set_number(&f, 6, u256_from_u64(UINT64_MAX - 1));
    expect_of_any_chain(f, TX_OK, "v = 2^64 - 2");
    f = sample(TX_ACCESS_LIST);
    set_number(&f, 0, plus(bit_64, 1));
    expect_of_any_chain(f, TX_WRONG_CHAIN_ID, "chain id = 2^64 + 1");
    f = sample(TX_ACCESS_LIST);
    set_number(&f, 0, u256_from_u64(UINT64_MAX - 1));
    expect_of_any_chain(f, TX_OK, "chain id = 2^64 - 2");
}

Test(tx_refusals, r_and_s_out_of_range_are_named)
{
    const u256 n = group_order(), one = u256_from_u64(1);
    u256 half = n;
    for (int i = 0; i < 4; i++)
        half.w[i] = n.w[i] >> 1 | (i < 3 ? n.w[i + 1] << 63 : 0);
    EACH_TYPE(at)
    {
        const struct {
            size_t place;
            u256 value;
            enum tx_status expected;
        } cases[] = {
            {at->r, U256_ZERO, TX_BAD_R},
            {at->r, n, TX_BAD_R},
            {at->r, plus(n, 1), TX_BAD_R},
            {at->r, U256_MAX, TX_BAD_R},
            {at->r, one, TX_OK},
            {at->r, minus(n, &one), TX_OK},
            {at->s, U256_ZERO, TX_BAD_S},
            {at->s, n, TX_BAD_S},
            {at->s, plus(n, 1), TX_BAD_S},
            {at->s, U256_MAX, TX_BAD_S},
            {at->s, one, TX_OK},
            {at->s, half, TX_OK},
            {at->s, plus(half, 1), TX_HIGH_S},
            {at->s, minus(n, &one), TX_HIGH_S},
        };
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct fields f = sample(*type);
            set_number(&f, cases[i].place, cases[i].value);
            expect(f, cases[i].expected, "r or s at an edge of its range");
        }
    }
}

Test(tx_refusals, another_chain_id_is_named)
{
    for (enum tx_type type = TX_LEGACY; type <= TX_DYNAMIC_FEE; type++) {
        uint8_t raw[SIGNED_MAX];
        struct tx_fields fields = sample_fields(type);
        struct tx tx;
        fields.chain_id = 2;
        const size_t len = sign_fields(raw, sizeof raw, &fields);
        cr_expect(tx_decode(&tx, bytes_of(raw, len), 1) == TX_WRONG_CHAIN_ID);
        cr_expect(tx_decode(&tx, bytes_of(raw, len), 2) == TX_OK);
        cr_expect(tx_decode(&tx, bytes_of(raw, len), 0) == TX_OK, "0 takes any chain id");
        cr_expect(tx.chain_id == 2 && tx.has_chain_id);
    }
}

Test(tx_refusals, access_lists_are_read_strictly)
{
    static const struct {
        const char *list;
        size_t len;
        enum tx_status expected;
    } cases[] = {
        {"\xc0", 1, TX_OK},
        {"\xc1\xc0", 2, TX_MALFORMED}, // an entry without fields
        {"\xd7\xd6\x94"
         "AAAAAAAAAAAAAAAAAAAA"
         "\xc0",
         24, TX_OK}, // no keys
        {"\xd6\xd5\x94"
         "AAAAAAAAAAAAAAAAAAAA",
         23, TX_MALFORMED}, // no key list
        {"\xd7\xd6\x94"
         "AAAAAAAAAAAAAAAAAAAA"
         "\x80",
         24, TX_MALFORMED}, // a string for the key list
        {"\xd8\xd7\x94"
         "AAAAAAAAAAAAAAAAAAAA"
         "\xc0\x01",
         25, TX_MALFORMED}, // a third field
        {"\xd6\xd5\x93"
         "AAAAAAAAAAAAAAAAAAA"
         "\xc0",
         23, TX_MALFORMED}, // 19 bytes of address
        {"\xd8\xd7\x95"
         "AAAAAAAAAAAAAAAAAAAAA"
         "\xc0",
         25, TX_MALFORMED}, // 21 bytes
        {"\xd8\xd7\x94"
         "AAAAAAAAAAAAAAAAAAAA"
         "\xc1\x01",
         25, TX_MALFORMED}, // a key of one byte
        {"\xd6\x94"
         "AAAAAAAAAAAAAAAAAAAA"
         "\xc0",
         23, TX_MALFORMED}, // fields without their entry
        {"\xf8\x39\xf7\x94"
         "AAAAAAAAAAAAAAAAAAAA"
         "\xe1\xa0"
         "KKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKK",
         58, TX_MALFORMED}, // a list's length past its parent's end
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (enum tx_type type = TX_ACCESS_LIST; type <= TX_DYNAMIC_FEE; type++) {
            struct fields f = sample(type);
            set(&f, PLACES[type].data + 1, cases[i].list, cases[i].len);
            char what[32];
            snprintf(what, sizeof what, "access list %zu", i);
            expect(f, cases[i].expected, what);
        }
    }
}

Test(tx_refusals, no_prefix_of_a_transaction_is_one)
{
    EACH_TYPE(at)
    {
        struct fields f = sample(*type);
        uint8_t *raw;
        set_string(&f, at->data, "some data that needs a header of two bytes: more than fifty-five", 64);
        const size_t len = put_together(&raw, &f);
        for (size_t cut = 0; cut < len; cut++) {
            uint8_t *tight = malloc(cut ? cut : 1);
            struct tx tx;
            memcpy(tight, raw, cut);
            cr_expect(tx_decode(&tx, bytes_of(tight, cut), 1) == TX_MALFORMED, "first %zu of %zu bytes", cut, len);
            free(tight);
        }
        free(raw);
        expect(f, TX_OK, "the whole");
    }
}

Test(tx_refusals, every_status_has_words_of_its_own)
{
    for (int i = 0; i < TX_STATUS_COUNT; i++) {
        const char *text = tx_status_text((enum tx_status)i);
        cr_expect(text && strcmp(text, "unknown status") != 0, "status %d", i);
        for (int j = 0; j < i; j++)
            cr_expect(strcmp(text, tx_status_text((enum tx_status)j)) != 0, "statuses %d and %d", i, j);
    }
    cr_expect_str_eq(tx_status_text(TX_STATUS_COUNT), "unknown status");
}

Test(tx_refusals, clients_find_the_words_that_they_look_for)
{
    // As geth has them (core/error.go, core/txpool/errors.go, core/types/transaction.go).
    static const struct {
        enum tx_status status;
        const char *words;
    } cases[] = {
        {TX_NONCE_TOO_LOW, "nonce too low"},
        {TX_NONCE_TOO_HIGH, "nonce too high"},
        {TX_ALREADY_KNOWN, "already known"},
        {TX_REPLACEMENT_UNDERPRICED, "replacement transaction underpriced"},
        {TX_UNDERPRICED, "transaction underpriced"},
        {TX_INSUFFICIENT_FUNDS, "insufficient funds for gas * price + value"},
        {TX_COST_OVERFLOW, "insufficient funds for gas * price + value"},
        {TX_INTRINSIC_GAS, "intrinsic gas too low"},
        {TX_POOL_FULL, "txpool is full"},
        {TX_GAS_LIMIT_EXCEEDED, "exceeds block gas limit"},
        {TX_TIP_ABOVE_FEE_CAP, "max priority fee per gas higher than max fee per gas"},
        {TX_FEE_CAP_BELOW_BASE_FEE, "max fee per gas less than block base fee"},
        {TX_SENDER_HAS_CODE, "sender not an eoa"},
        {TX_NONCE_MAX, "nonce has max value"},
        {TX_INIT_CODE_TOO_LARGE, "max initcode size exceeded"},
        {TX_TOO_LARGE, "oversized data"},
        {TX_TYPE_UNSUPPORTED, "transaction type not supported"},
        {TX_BLOB_UNSUPPORTED, "transaction type not supported"},
        {TX_SET_CODE_UNSUPPORTED, "transaction type not supported"},
        {TX_WRONG_CHAIN_ID, "invalid chain id for signer"},
        {TX_BAD_SIGNATURE, "invalid sender"},
        {TX_HIGH_S, "invalid transaction v, r, s values"},
        {TX_NOT_SUPPORTED, "not supported"},
        {TX_SENDER_LIMIT, "account limit exceeded"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect(strncmp(tx_status_text(cases[i].status), cases[i].words, strlen(cases[i].words)) == 0, "%s",
                  cases[i].words);
}
