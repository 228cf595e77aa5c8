// States whose roots others have published: the official genesis tests without code through the partitions' tries, and
// a state that geth dumped, with contracts, whose account and storage tries go through the trie core.
#include "tests/shard/trie_fixture.h"
#include "tests/support/vectors.h"

#include "base/hex.h"
#include "base/keccak.h"
#include "base/rlp.h"
#include "shard/partition.h"
#include "shard/trie/account_trie.h"

#include <criterion/criterion.h>
#include <jansson.h>

static json_t *load_file(const char *file)
{
    char *path = vectors_path("misc-public", file);
    if (!path)
        cr_skip_test("no vectors");
    size_t len;
    char *text = vectors_read(path, &len);
    json_error_t error;
    json_t *json = json_loadb(text, len, 0, &error);
    cr_assert_not_null(json, "%s: %s", path, error.text);
    free(text);
    free(path);
    return json;
}

// Hexadecimal text of a string field; "" when it isn't there. Returns the number of bytes.
static size_t bytes_field(const json_t *object, const char *name, uint8_t *out, size_t cap)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (!text)
        return 0;
    ptrdiff_t len = hex_decode(out, cap, text, strlen(text));
    cr_assert_geq(len, 0, "%s: %s", name, text);
    return (size_t)len;
}

static bytes32 hash_of_hex(const char *text)
{
    uint8_t raw[64];
    ptrdiff_t len = hex_decode(raw, sizeof raw, text, strlen(text));
    cr_assert_geq(len, 0, "%s", text);
    return keccak256(raw, (size_t)len);
}

static u256 amount_field(const json_t *object, const char *name)
{
    u256 out = U256_ZERO;
    const char *text = json_string_value(json_object_get(object, name));
    if (text)
        cr_assert(u256_parse(&out, text, strlen(text)));
    return out;
}

static bytes32 root_by_partitions(const json_t *alloc)
{
    static struct subroot subroots[PARTITION_COUNT];
    struct arena *arena = arena_create();
    struct state *states[PARTITION_COUNT];
    struct account_trie *tries[PARTITION_COUNT];
    for (int p = 0; p < PARTITION_COUNT; p++) {
        states[p] = state_create(arena);
        tries[p] = account_trie_create(arena, states[p]);
        state_load_begin(states[p], 0);
    }
    const char *who;
    json_t *account;
    json_object_foreach((json_t *)alloc, who, account)
    {
        bytes32 key = hash_of_hex(who);
        struct account a = {.balance = amount_field(account, "wei")};
        state_load(states[partition_of_key(&key)], &key, &a);
    }
    for (int p = 0; p < PARTITION_COUNT; p++)
        state_load_end(states[p]);
    account_trie_rebuild(tries, PARTITION_COUNT);
    for (int p = 0; p < PARTITION_COUNT; p++)
        account_trie_subroot(tries[p], &subroots[p]);
    arena_destroy(arena);
    return state_root_join(subroots);
}

Test(trie_known_states, official_genesis_allocations_have_the_state_root_of_their_header)
{
    json_t *tests = load_file("ethereum-tests/GenesisTests/basic_genesis_tests.json");
    const char *names[] = {"test2", "test3"}; // test1 has code
    for (int i = 0; i < 2; i++) {
        const json_t *test = json_object_get(tests, names[i]);
        uint8_t block[1024];
        struct bytes in = bytes_of(block, bytes_field(test, "result", block, sizeof block)), list, header, field;
        cr_assert_eq(rlp_read_list(&in, &list), RLP_OK);
        cr_assert_eq(rlp_read_list(&list, &header), RLP_OK);
        for (int f = 0; f < 4; f++) // parent, ommers, coinbase, state root
            cr_assert_eq(rlp_read_string(&header, &field), RLP_OK);
        bytes32 root = root_by_partitions(json_object_get(test, "alloc"));
        cr_expect(bytes_equal(bytes_of(root.b, 32), field), "%s", names[i]);
    }
    json_decref(tests);
}

// A storage trie: keccak of the slot -> RLP of the value without leading zeros.
static bytes32 storage_root(const json_t *storage)
{
    struct trie_fixture *f = trie_fixture_new(0);
    const char *slot;
    json_t *value;
    json_object_foreach((json_t *)storage, slot, value)
    {
        uint8_t raw[32], encoded[33];
        const char *text = json_string_value(value);
        ptrdiff_t len = hex_decode(raw, sizeof raw, text, strlen(text));
        cr_assert_gt(len, 0, "%s", text);
        size_t encoded_len = (size_t)(rlp_put_string(encoded, bytes_of(raw, (size_t)len)) - encoded);
        bytes32 key = hash_of_hex(slot);
        trie_fixture_put(f, trie_fixture_leaf(f, &key), bytes_of(encoded, encoded_len));
    }
    bytes32 root = trie_fixture_root(f);
    trie_fixture_free(f);
    return root;
}

static size_t encode_any_account(uint8_t *out, const json_t *account)
{
    uint8_t root[32], code_hash[32];
    cr_assert_eq(bytes_field(account, "root", root, 32), 32);
    cr_assert_eq(bytes_field(account, "codeHash", code_hash, 32), 32);
    uint64_t nonce = (uint64_t)json_integer_value(json_object_get(account, "nonce"));
    u256 balance = amount_field(account, "balance");
    uint8_t *p = rlp_put_list(out, rlp_size_u64(nonce) + rlp_size_u256(&balance) + 66);
    p = rlp_put_u64(p, nonce);
    p = rlp_put_u256(p, &balance);
    p = rlp_put_string(p, bytes_of(root, 32));
    p = rlp_put_string(p, bytes_of(code_hash, 32));
    return (size_t)(p - out);
}

Test(trie_known_states, a_state_dumped_by_geth_has_its_root_and_its_storage_roots)
{
    json_t *dump = load_file("geth/cmd/devp2p/internal/ethtest/testdata/headstate.json");
    struct trie_fixture *f = trie_fixture_new(0);
    size_t storages = 0;
    const char *who;
    json_t *account;
    json_object_foreach(json_object_get(dump, "accounts"), who, account)
    {
        uint8_t encoded[TRIE_VALUE_MAX];
        bytes32 key = hash_of_hex(who), given;
        trie_fixture_put(f, trie_fixture_leaf(f, &key), bytes_of(encoded, encode_any_account(encoded, account)));
        const json_t *storage = json_object_get(account, "storage");
        if (storage) {
            bytes32 root = storage_root(storage);
            bytes_field(account, "root", given.b, 32);
            cr_expect(bytes32_equal(&root, &given), "storage of %s", who);
            storages++;
        }
    }
    bytes32 root = trie_fixture_root(f), given;
    char with_prefix[67] = "0x";
    strncat(with_prefix, json_string_value(json_object_get(dump, "root")), 64);
    cr_assert_eq(hex_decode(given.b, 32, with_prefix, 66), 32);
    cr_expect(bytes32_equal(&root, &given));
    cr_expect_geq(storages, 10);
    trie_fixture_free(f);
    json_decref(dump);
}
