// Real blocks of Ethereum mainnet, from Frontier to Cancun: transactions, senders, transaction tries, headers.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "chain/header.h"
#include "chain/ordered_trie.h"
#include "tests/chain/json_hex.h"
#include "tests/chain/signed_tx.h"
#include "tests/support/vectors.h"

enum { BLOCK_TXS_MAX = 2048 };

// Takes the next of the words of a line off *text.
static struct bytes word(char **text)
{
    char *start = *text + strspn(*text, " ");
    const size_t len = strcspn(start, " \n");
    *text = start + len;
    return bytes_of(start, len);
}

static uint64_t number(char **text)
{
    const struct bytes digits = word(text);
    return strtoull((const char *)digits.ptr, NULL, 10);
}

static struct bytes hex_word(char **text)
{
    const struct bytes digits = word(text);
    return hex_bytes((const char *)digits.ptr, digits.len);
}

static char *next_line(char *text)
{
    char *end = strchr(text, '\n');
    return end ? end + 1 : text + strlen(text);
}

// One block's lines of txs.txt.
struct block_txs {
    uint64_t number;
    size_t count;
    struct bytes raw[BLOCK_TXS_MAX], hash[BLOCK_TXS_MAX], sender[BLOCK_TXS_MAX];
};

static char *read_block(struct block_txs *out, char *line)
{
    out->count = 0;
    while (*line) {
        char *p = line;
        const uint64_t block = number(&p), index = number(&p);
        if (out->count > 0 && block != out->number)
            break;
        cr_assert(index == out->count && index < BLOCK_TXS_MAX, "block %lu: index %lu", block, index);
        out->number = block;
        (void)number(&p);
        out->hash[index] = hex_word(&p);
        out->sender[index] = hex_word(&p);
        out->raw[index] = hex_word(&p);
        out->count++;
        line = next_line(line);
    }
    return line;
}

static void free_block(struct block_txs *block)
{
    for (size_t i = 0; i < block->count; i++) {
        free((void *)block->raw[i].ptr);
        free((void *)block->hash[i].ptr);
        free((void *)block->sender[i].ptr);
    }
}

struct tally {
    size_t checked, blobs, before_homestead;
};

// Blocks from before Homestead may hold a high s, which nobody takes any more.
static void check_senders(struct tally *tally, const struct block_txs *block, struct sv_verifier *verifier)
{
    static struct sv_item items[BLOCK_TXS_MAX];
    static struct sv_result results[BLOCK_TXS_MAX];
    static size_t owners[BLOCK_TXS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < block->count; i++) {
        struct tx tx;
        const bytes32 hash = keccak256(block->raw[i].ptr, block->raw[i].len);
        cr_expect(bytes_equal(block->hash[i], bytes_of(hash.b, 32)), "block %lu, %zu: hash", block->number, i);
        const enum tx_status status = tx_decode(&tx, block->raw[i], 1);
        tally->blobs += status == TX_BLOB_UNSUPPORTED;
        tally->before_homestead += status == TX_HIGH_S && block->number < 1150000;
        if (status == TX_BLOB_UNSUPPORTED || (status == TX_HIGH_S && block->number < 1150000))
            continue;
        cr_assert(status == TX_OK, "block %lu, %zu: %s", block->number, i, tx_status_text(status));
        const bytes32 again = tx_hash(&tx);
        cr_expect(bytes32_equal(&hash, &again));
        items[count] = item_of(&tx);
        owners[count++] = i;
    }
    sv_recover(verifier, results, items, count);
    for (size_t j = 0; j < count; j++) {
        cr_expect(results[j].status == SV_OK &&
                      bytes_equal(block->sender[owners[j]], bytes_of(results[j].signer.b, 20)),
                  "block %lu, %zu: sender", block->number, owners[j]);
    }
    tally->checked += count;
}

Test(mainnet, hashes_and_senders_of_all_transactions)
{
    char *path = vectors_path("mainnet-public", "mainnet-blocks/txs.txt");
    if (!path)
        cr_skip_test("no vectors");
    static struct block_txs block;
    char *text = vectors_read(path, NULL);
    struct sv_verifier *verifier = sv_create();
    struct tally tally = {0};
    for (char *line = next_line(text); *line;) {
        line = read_block(&block, line);
        check_senders(&tally, &block, verifier);
        free_block(&block);
    }
    fprintf(stderr, "mainnet: %zu senders agree, %zu blob transactions refused by name, %zu with a high s\n",
            tally.checked, tally.blobs, tally.before_homestead);
    cr_expect(tally.checked + tally.blobs + tally.before_homestead == 17525);
    cr_expect(tally.checked >= 17500);
    sv_free(verifier);
    free(text);
    free(path);
}

// headers.txt has the transactions' root of each block of txs.txt, in the same order.
Test(mainnet, headers_round_trip_and_commit_to_their_transactions)
{
    char *headers_path = vectors_path("mainnet-public", "mainnet-blocks/headers.txt");
    char *txs_path = vectors_path("mainnet-public", "mainnet-blocks/txs.txt");
    if (!headers_path)
        cr_skip_test("no vectors");
    static struct block_txs block;
    char *headers = vectors_read(headers_path, NULL), *txs = vectors_read(txs_path, NULL);
    char *tx_line = next_line(txs);
    struct ordered_trie_scratch scratch = {0};
    size_t checked = 0, cancun = 0, before_london = 0;
    for (char *line = next_line(headers); *line; line = next_line(line)) {
        char *p = line;
        const uint64_t expected_number = number(&p);
        const struct bytes hash = hex_word(&p), root = hex_word(&p);
        const uint64_t tx_count = number(&p);
        const struct bytes encoded = hex_word(&p);
        struct header header;
        cr_assert(header_decode(&header, encoded), "block %lu", expected_number);
        uint8_t again[HEADER_ENCODED_MAX];
        const size_t len = header_encode(again, &header);
        cr_expect(bytes_equal(bytes_of(again, len), encoded), "block %lu", expected_number);
        const bytes32 got = header_hash(&header);
        cr_expect(bytes_equal(bytes_of(got.b, 32), hash), "block %lu: hash", expected_number);
        cr_expect(header.number == expected_number);
        cr_expect(bytes_equal(bytes_of(header.transactions_root.b, 32), root));
        cancun += header.optional_count == 4;
        before_london += header.no_base_fee;

        tx_line = read_block(&block, tx_line);
        cr_assert(block.number == expected_number && block.count == tx_count);
        const bytes32 computed = ordered_trie_root(&scratch, block.raw, block.count);
        cr_expect(bytes_equal(bytes_of(computed.b, 32), root), "block %lu: transactions root", expected_number);
        checked++;
        free_block(&block);
        free((void *)hash.ptr);
        free((void *)root.ptr);
        free((void *)encoded.ptr);
    }
    fprintf(stderr, "mainnet: %zu headers agree (%zu from before London, %zu of Cancun)\n", checked, before_london,
            cancun);
    cr_expect(checked == 58 && cancun > 0 && before_london > 0);
    ordered_trie_scratch_free(&scratch);
    free(headers);
    free(txs);
    free(headers_path);
    free(txs_path);
}
