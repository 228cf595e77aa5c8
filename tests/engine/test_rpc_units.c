// The small parts of JSON-RPC: writer, reader, parameters, guard.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/rpc/guard.h"
#include "engine/rpc/json_writer.h"
#include "engine/rpc/params.h"
#include "tests/support/vectors.h"

static struct json_writer w;

static void open_writer(void)
{
    jw_init(&w, 1 << 20);
}

static void close_writer(void)
{
    jw_release(&w);
}

TestSuite(rpc_writer, .init = open_writer, .fini = close_writer);

static void expect(const char *expected)
{
    char *text = strndup(w.len ? jw_text(&w) : "", w.len);
    cr_expect_str_eq(text, expected);
    free(text);
    jw_rewind(&w, 0);
}

Test(rpc_writer, quantities_have_no_leading_zeros)
{
    static const struct {
        uint64_t value;
        const char *text;
    } cases[] = {{0, "\"0x0\""},
                 {1, "\"0x1\""},
                 {16, "\"0x10\""},
                 {0x7a69, "\"0x7a69\""},
                 {UINT64_MAX, "\"0xffffffffffffffff\""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        jw_quantity(&w, cases[i].value);
        expect(cases[i].text);
    }
    u256 most = U256_MAX;
    jw_quantity256(&w, &most);
    expect("\"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"");
}

Test(rpc_writer, data_keeps_every_byte)
{
    uint8_t all[256];
    char expected[600] = "\"0x", *p = expected + 3;
    for (int i = 0; i < 256; i++) {
        all[i] = (uint8_t)i;
        p += sprintf(p, "%02x", i);
    }
    strcpy(p, "\"");
    jw_data(&w, all, sizeof all);
    expect(expected);
    jw_data(&w, NULL, 0);
    expect("\"0x\"");
}

Test(rpc_writer, strings_are_escaped)
{
    jw_string(&w, bytes_of("a\"b\\c\n\r\t\b\f\x01\x1f\x7f/\xc3\xa4", 16));
    expect("\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\\u001f\\u007f/\xc3\xa4\"");
}

Test(rpc_writer, doubles_are_short_and_read_back)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"}, {0.5, "0.5"}, {1, "1"}, {0.1, "0.1"}, {1.0 / 3, "0.3333333333333333"}, {3.15e-05, "3.15e-05"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        jw_double(&w, cases[i].value);
        expect(cases[i].text);
    }
}

Test(rpc_writer, nothing_is_written_past_the_limit)
{
    struct json_writer small;
    jw_init(&small, 10);
    jw_raw(&small, "12345678");
    jw_quantity(&small, 5);
    cr_expect(small.overflow);
    cr_expect_eq(small.len, 8);
    jw_raw(&small, "9");
    cr_expect_eq(small.len, 8);
    jw_rewind(&small, 2);
    jw_raw(&small, "ab");
    cr_expect_not(small.overflow);
    cr_expect_eq(memcmp(jw_text(&small), "12ab", 4), 0);
    jw_release(&small);
}

// What is written reads back as it was, whatever it was.
Test(rpc_writer, random_strings_survive)
{
    uint64_t seed = test_seed("random_strings_survive");
    for (int round = 0; round < 2000; round++) {
        uint8_t text[64];
        size_t len = test_random(&seed) % sizeof text;
        for (size_t i = 0; i < len; i++)
            text[i] = (uint8_t)(1 + test_random(&seed) % 127);
        jw_rewind(&w, 0);
        jw_string(&w, bytes_of(text, len));
        char error[JV_ERROR_MAX];
        struct jv *v = jv_parse(bytes_of(jw_text(&w), w.len), &(struct jv_limits){1, 1}, error);
        cr_assert_not_null(v, "%s", error);
        cr_expect(bytes_equal(jv_text(v), bytes_of(text, len)));
        jv_free(v);
    }
}

// The reader

static bool parses(const char *text, uint32_t depth, uint32_t values)
{
    char error[JV_ERROR_MAX];
    struct jv *v = jv_parse(bytes_of(text, strlen(text)), &(struct jv_limits){depth, values}, error);
    jv_free(v);
    return v != NULL;
}

Test(rpc_reader, depth_counts_containers_not_characters_in_strings)
{
    cr_expect(parses("[[1]]", 2, 100));
    cr_expect_not(parses("[[1]]", 1, 100));
    cr_expect(parses("[\"[[[[[[\"]", 1, 100));
    cr_expect(parses("[\"\\\"[[[[[[\"]", 1, 100));
    cr_expect(parses("[\"\\\\\",[1]]", 2, 100));
    cr_expect_not(parses("[\"\\\\\",[[1]]]", 2, 100));
    cr_expect(parses("{\"a\":{\"b\":[]}}", 3, 100));
    cr_expect_not(parses("{\"a\":{\"b\":[]}}", 2, 100));
    cr_expect(parses("[[],[],[]]", 2, 100));
}

Test(rpc_reader, values_are_counted)
{
    cr_expect(parses("[1,2,3]", 1, 4));
    cr_expect_not(parses("[1,2,3]", 1, 3));
}

// Parameters

static const struct jv *value(const char *json)
{
    static struct jv *last;
    char error[JV_ERROR_MAX];
    jv_free(last);
    last = jv_parse(bytes_of(json, strlen(json)), &(struct jv_limits){8, 1000}, error);
    cr_assert_not_null(last, "%s", error);
    return last;
}

Test(rpc_params, block_references)
{
    char error[PARAM_ERROR_MAX];
    struct block_ref ref;
    cr_assert(param_block(value("\"finalized\""), &ref, error));
    cr_expect_eq(ref.kind, BLOCK_REF_LATEST);
    cr_assert(param_block(value("\"pending\""), &ref, error));
    cr_expect_eq(ref.kind, BLOCK_REF_PENDING);
    cr_assert(param_block(value("\"earliest\""), &ref, error));
    cr_expect_eq(ref.kind, BLOCK_REF_NUMBER);
    cr_expect_eq(ref.number, 0);
    cr_assert(param_block(value("{\"blockNumber\":\"0x7fffffffffffffff\"}"), &ref, error));
    cr_expect_eq(ref.number, INT64_MAX);
    cr_assert(
        param_block(value("\"0x00000000000000000000000000000000000000000000000000000000000000fF\""), &ref, error));
    cr_expect_eq(ref.kind, BLOCK_REF_HASH);
    cr_expect_eq(ref.hash.b[31], 0xff);
}

Test(rpc_params, storage_slots_are_padded_on_the_left)
{
    char error[PARAM_ERROR_MAX];
    bytes32 slot;
    cr_assert(param_slot(value("\"0x123\""), &slot, error));
    cr_expect_eq(slot.b[31], 0x23);
    cr_expect_eq(slot.b[30], 0x01);
    cr_assert(param_slot(value("\"0x\""), &slot, error));
    cr_expect(bytes32_is_zero(&slot));
}

Test(rpc_params, counts_are_decimal_or_hexadecimal)
{
    char error[PARAM_ERROR_MAX];
    uint64_t count;
    cr_assert(param_count(value("10"), &count, error));
    cr_expect_eq(count, 10);
    cr_assert(param_count(value("\"10\""), &count, error));
    cr_expect_eq(count, 10);
    cr_assert(param_count(value("\"0x10\""), &count, error));
    cr_expect_eq(count, 16);
    cr_expect_not(param_count(value("-1"), &count, error));
    cr_expect_not(param_count(value("1.5"), &count, error));
}

// The guard

Test(rpc_guard, hosts)
{
    static const struct {
        const char *host, *allowed;
        bool ok;
    } cases[] = {
        {"", "", true},
        {"localhost", "", true},
        {"LOCALHOST:8545", "", true},
        {"127.0.0.1", "", true},
        {"127.0.0.1:8545", "", true},
        {"192.168.1.1:1", "", true},
        {"[::1]:8545", "", true},
        {"::1", "", true},
        {"example.com", "", false},
        {"localhost.example.com", "", false},
        {"127.0.0.1.example.com", "", false},
        {"[::1", "", false},
        {"a.b", "x.y, a.b", true},
        {"a.b:80", "x.y,a.b", true},
        {"b", "x.y,a.b", false},
        {"a", "ab", false},
        {"anything", "*", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(guard_host(cases[i].host, cases[i].allowed), cases[i].ok, "%s", cases[i].host);
}

Test(rpc_guard, origins)
{
    cr_expect_not(guard_origin("http://a", NULL));
    cr_expect_not(guard_origin("http://a", ""));
    cr_expect(guard_origin("http://a", "http://a"));
    cr_expect(guard_origin("http://b", "http://a,http://b"));
    cr_expect_not(guard_origin("http://b:80", "http://a,http://b"));
    cr_expect(guard_origin("null", "*"));
    cr_expect_not(guard_origin("null", "http://a"));
}
