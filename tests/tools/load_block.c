#include "tools/load/load_watch.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define A "0x00000000000000000000000000000000000000000000000000000000000000aa"
#define B "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff01"

static bytes32 seen[8];
static size_t seen_count;

static void found(void *ctx, const bytes32 *hash)
{
    (void)ctx;
    if (seen_count < 8)
        seen[seen_count++] = *hash;
}

// Reads a copy that ends where the text ends, so that the sanitizer sees a read past it.
static bool hashes(const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    seen_count = 0;
    const bool ok = load_block_hashes(copy, len, found, NULL);
    free(copy);
    return ok;
}

static const char BLOCK[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"gasUsed\":\"0xa410\",\"transactions\":[\"" A
                            "\",\"" B "\"],\"uncles\":[],\"baseFeePerGas\":\"0x7\"}}";

Test(load_block, hashes_are_found_in_order)
{
    cr_assert(hashes(BLOCK, strlen(BLOCK)));
    cr_assert_eq(seen_count, 2);
    cr_assert_eq(seen[0].b[31], 0xaa);
    cr_assert_eq(seen[1].b[0], 0xff);
    cr_assert_eq(seen[1].b[31], 0x01);
}

Test(load_block, spaces_and_an_empty_list_are_fine)
{
    const char *empty = "{\"transactions\" : [ ] }", *spaced = "{\"transactions\": [ \"" A "\" , \"" B "\" ]}";
    cr_assert(hashes(empty, strlen(empty)));
    cr_assert_eq(seen_count, 0);
    cr_assert(hashes(spaced, strlen(spaced)));
    cr_assert_eq(seen_count, 2);
}

Test(load_block, a_list_cut_anywhere_is_refused)
{
    const char *end = strstr(BLOCK, "],\"uncles");
    for (const char *p = BLOCK; p <= end; p++)
        cr_assert_not(hashes(BLOCK, (size_t)(p - BLOCK)), "at %td", p - BLOCK);
}

Test(load_block, what_is_no_hash_is_refused)
{
    const char *bad[] = {"{\"transactions\":[\"0x12\"]}",    "{\"transactions\":[{}]}",
                         "{\"transactions\":null}",          "{\"transactions\":[\"" A "0\"]}",
                         "{\"error\":{\"message\":\"no\"}}", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(hashes(bad[i], strlen(bad[i])), "%s", bad[i]);
}

Test(load_block, quantities_are_read_by_name)
{
    uint64_t v = 0;
    cr_assert(load_block_quantity(BLOCK, strlen(BLOCK), "gasUsed", &v));
    cr_assert_eq(v, 42000);
    cr_assert(load_block_quantity(BLOCK, strlen(BLOCK), "baseFeePerGas", &v));
    cr_assert_eq(v, 7);
    cr_assert_not(load_block_quantity(BLOCK, strlen(BLOCK), "gasLimit", &v));
    cr_assert_not(load_block_quantity(BLOCK, strlen(BLOCK), "jsonrpc", &v));
    const char *wide = "{\"n\":\"0x10000000000000000\"}", *open = "{\"n\":\"0x12";
    cr_assert_not(load_block_quantity(wide, strlen(wide), "n", &v));
    cr_assert_not(load_block_quantity(open, strlen(open), "n", &v));
}
