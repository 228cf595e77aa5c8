// Real mainnet blocks are executed again: their gas, bloom and receipts root are exactly the headers'.
#include "base/hex.h"
#include "base/rlp.h"
#include "shard/evm/world.h"
#include "shard/serial/block_run.h"
#include "tests/support/vectors.h"
#include "tools/official/official_json.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Ethereum mainnet from Berlin on.
static struct chain_rules mainnet(void)
{
    return (struct chain_rules){.chain_id = 1,
                                .fees = {2, 8},
                                .fork_count = 5,
                                .forks = {{0, 0, evm_rules_of(EVM_BERLIN)},
                                          {12965000, 0, evm_rules_of(EVM_LONDON)},
                                          {15537394, 0, evm_rules_of(EVM_PARIS)},
                                          {0, 1681338455, evm_rules_of(EVM_SHANGHAI)},
                                          {0, 1710338135, evm_rules_of(EVM_CANCUN)}}};
}

enum {
    BERLIN_FROM = 12244000,
    // Its transaction 142 calls the point evaluation precompile, which this build doesn't compute.
    NEEDS_POINT_EVALUATION = 19932703,
};

// NULL when there is none.
static char *read_pack_file(const char *name)
{
    char file[128];
    snprintf(file, sizeof file, "mainnet-blocks/%s", name);
    char *path = vectors_path("mainnet-public", file);
    char *text = path && access(path, R_OK) == 0 ? vectors_read(path, NULL) : NULL;
    free(path);
    return text;
}

// ---- tables of lines "KEY VALUE"

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

// bytecodes.txt: its lines, which are in rising order of their hashes.
struct codes {
    char *text;
    const char **lines;
    size_t count;
};

static void load_codes(struct codes *codes)
{
    *codes = (struct codes){.text = read_pack_file("bytecodes.txt")};
    for (const char *line = codes->text; *line; line = next_line(line)) {
        if (codes->count % 1024 == 0)
            codes->lines = realloc(codes->lines, (codes->count + 1024) * sizeof *codes->lines);
        codes->lines[codes->count++] = line;
    }
}

static int by_hash(const void *key, const void *line)
{
    return memcmp(key, *(const char *const *)line, 64);
}

// malloc'ed.
static struct bytes code_of(const struct codes *codes, const char *hash)
{
    const char *const *line = bsearch(hash, codes->lines, codes->count, sizeof *codes->lines, by_hash);
    cr_assert_not_null(line, "%s", hash);
    const char *digits = *line + 65;
    const size_t len = strcspn(digits, "\n");
    uint8_t *code = malloc(len / 2 + 1);
    return bytes_of(code, (size_t)hex_decode(code, len / 2 + 1, digits, len));
}

static void set_block_hashes(struct evm_world *world, uint64_t number)
{
    char *text = read_pack_file("block_hashes.txt");
    for (const char *line = next_line(text); *line; line = next_line(line)) {
        char *end;
        bytes32 hash;
        const uint64_t n = strtoull(line, &end, 10);
        cr_assert(hex_decode(hash.b, 32, end + 1, 64) == 32);
        if (n < number && n + 256 >= number)
            evm_world_set_block_hash(world, n, &hash);
    }
    free(text);
}

// ---- the state before a block

static void put_account(struct evm_world *world, const struct codes *codes, const char *who_text, const json_t *account)
{
    address who;
    u256 balance;
    struct bytes code = {0};
    const char *hash = json_string_value(json_object_get(account, "code_hash"));
    cr_assert(hex_decode(who.b, 20, who_text, strlen(who_text)) == 20);
    cr_assert(official_u256(&balance, account, "balance", &U256_ZERO));
    if (hash)
        code = code_of(codes, hash + 2);
    evm_world_put_account(world, &who, (uint64_t)json_integer_value(json_object_get(account, "nonce")), &balance, code);
    free((void *)code.ptr);
    const char *key_text;
    json_t *text;
    json_object_foreach(json_object_get(account, "storage"), key_text, text)
    {
        u256 key, value;
        cr_assert(u256_parse(&key, key_text, strlen(key_text)));
        cr_assert(u256_parse(&value, json_string_value(text), json_string_length(text)));
        evm_world_put_slot(world, &who, &key, &value);
    }
}

static json_t *block_json(uint64_t number, const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "blocks/%" PRIu64 "/%s", number, name);
    char *text = read_pack_file(file);
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return json;
}

static void fill_world(struct evm_world *world, const struct codes *codes, const json_t *pre)
{
    const char *who;
    json_t *account;
    json_object_foreach((json_t *)pre, who, account)
    {
        put_account(world, codes, who, account);
    }
}

// ---- a block's RLP, put together from the pack's parts

struct builder {
    uint8_t *mem;
    size_t len, capacity;
};

static void add(struct builder *b, struct bytes bytes)
{
    if (b->len + bytes.len > b->capacity)
        b->mem = realloc(b->mem, b->capacity = 2 * (b->len + bytes.len));
    memcpy(b->mem + b->len, bytes.ptr, bytes.len);
    b->len += bytes.len;
}

static void add_list(struct builder *b, const struct builder *payload)
{
    uint8_t head[9];
    const uint8_t *end = rlp_put_list(head, payload->len);
    add(b, bytes_of(head, (size_t)(end - head)));
    if (payload->len > 0)
        add(b, bytes_of(payload->mem, payload->len));
}

static void add_hex(struct builder *b, const char *digits)
{
    const size_t len = strcspn(digits, " \n");
    uint8_t *raw = malloc(len / 2 + 1);
    const ptrdiff_t got = hex_decode(raw, len / 2 + 1, digits, len);
    cr_assert(got > 0);
    if (raw[0] < 0x80) { // a typed transaction travels as a string
        const struct bytes s = bytes_of(raw, (size_t)got);
        uint8_t *encoded = malloc(rlp_size_string(s));
        rlp_put_string(encoded, s);
        add(b, bytes_of(encoded, rlp_size_string(s)));
        free(encoded);
    } else {
        add(b, bytes_of(raw, (size_t)got));
    }
    free(raw);
}

static void add_txs(struct builder *b, const char *txs, uint64_t number)
{
    struct builder list = {0};
    for (const char *line = next_line(txs); *line; line = next_line(line)) {
        if (strtoull(line, NULL, 10) != number)
            continue;
        for (int word = 0; word < 5; word++) // block, index, type, hash, sender
            line = strchr(line, ' ') + 1;
        add_hex(&list, line);
    }
    add_list(b, &list);
    free(list.mem);
}

static void add_withdrawals(struct builder *b, const json_t *withdrawals)
{
    struct builder list = {0};
    size_t i;
    const json_t *w;
    json_array_foreach(withdrawals, i, w)
    {
        uint64_t index, validator, amount;
        address to;
        uint8_t buf[64], *p = buf;
        cr_assert(official_u64(&index, w, "index", 0) && official_u64(&validator, w, "validatorIndex", 0) &&
                  official_u64(&amount, w, "amount", 0) &&
                  official_fixed(to.b, sizeof to.b, json_object_get(w, "address")));
        p = rlp_put_u64(rlp_put_u64(p, index), validator);
        p = rlp_put_u64(rlp_put_string(p, bytes_of(to.b, sizeof to.b)), amount);
        const struct builder fields = {buf, (size_t)(p - buf), sizeof buf};
        add_list(&list, &fields);
    }
    add_list(b, &list);
    free(list.mem);
}

// header_line: of headers.txt. malloc'ed.
static struct bytes block_rlp(const char *header_line, const char *txs, uint64_t number, const json_t *block)
{
    struct builder parts = {0}, whole = {0};
    const struct builder none = {0};
    const json_t *withdrawals = json_object_get(block, "withdrawals");
    for (int word = 0; word < 4; word++) // number, hash, transactions root, count
        header_line = strchr(header_line, ' ') + 1;
    add_hex(&parts, header_line);
    add_txs(&parts, txs, number);
    add_list(&parts, &none); // none of these blocks has ommers
    if (json_is_array(withdrawals))
        add_withdrawals(&parts, withdrawals);
    add_list(&whole, &parts);
    free(parts.mem);
    return bytes_of(whole.mem, whole.len);
}

// ---- the blocks

static void set_rules(void *world, const struct evm_rules *rules)
{
    evm_world_set_rules(world, rules);
}

static void run_block(const struct codes *codes, const struct chain_rules *rules, uint64_t number, struct bytes rlp,
                      const json_t *pre)
{
    struct arena *arena = arena_create();
    struct evm_world *world = evm_world_create(arena, evm_rules_of(EVM_BERLIN));
    const struct block_state state = {evm_world_host(world), world, NULL, set_rules};
    struct block_runner *runner = block_runner_create(arena, &state);
    struct block_body *body = block_body_create();
    struct block_results results;
    struct block_verdict verdict = {0};
    fill_world(world, codes, pre);
    set_block_hashes(world, number);
    const bool good = block_body_read(body, rlp, rules->chain_id, &verdict) && block_body_check(body, &verdict) &&
                      block_execute(runner, rules, body, &results, &verdict) &&
                      block_check_results(&body->view.header, &results, &verdict);
    cr_expect(good != (number == NEEDS_POINT_EVALUATION), "block %" PRIu64 ": %s", number, verdict.text);
    if (good)
        fprintf(stderr, "mainnet: block %" PRIu64 ", %s: %zu transactions, %" PRIu64 " gas\n", number,
                chain_rules_at(rules, number, body->view.header.timestamp)->name, body->tx_count, results.gas_used);
    block_body_free(body);
    block_runner_free(runner);
    evm_world_free(world);
    arena_destroy(arena);
}

Test(mainnet_blocks, execute_to_their_headers_gas_and_receipts)
{
    char *headers = read_pack_file("headers.txt");
    if (!headers)
        cr_skip_test("no vectors");
    char *txs = read_pack_file("txs.txt");
    struct codes codes;
    const struct chain_rules rules = mainnet();
    size_t count = 0;
    load_codes(&codes);
    for (const char *line = next_line(headers); *line; line = next_line(line)) {
        const uint64_t number = strtoull(line, NULL, 10);
        json_t *pre = number >= BERLIN_FROM ? block_json(number, "pre_state.json") : NULL;
        if (!pre)
            continue;
        json_t *block = block_json(number, "block.json");
        const struct bytes rlp = block_rlp(line, txs, number, block);
        run_block(&codes, &rules, number, rlp, pre);
        count++;
        free((void *)rlp.ptr);
        json_decref(pre);
        json_decref(block);
    }
    cr_expect_eq(count, 17);
    free(codes.lines);
    free(codes.text);
    free(txs);
    free(headers);
}
