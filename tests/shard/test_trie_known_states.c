// States whose roots others have published, through the partitions' tries: the official genesis tests without code, and
// a state with contracts that geth dumped.
#include "tests/support/vectors.h"

#include "base/hex.h"
#include "base/keccak.h"
#include "base/rlp.h"
#include "shard/partition.h"
#include "shard/trie/account_trie.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

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

// The partitions' states and tries, to be filled and hashed once.
struct loaded {
    struct arena *arena;
    struct state *states[PARTITION_COUNT];
    struct account_trie *tries[PARTITION_COUNT];
};

static struct loaded *loaded_new(void)
{
    struct loaded *l = calloc(1, sizeof *l);
    l->arena = arena_create();
    for (int p = 0; p < PARTITION_COUNT; p++) {
        l->states[p] = state_create(l->arena);
        l->tries[p] = account_trie_create(l->arena, l->states[p]);
        state_load_begin(l->states[p], 0);
    }
    return l;
}

static bytes32 loaded_root(struct loaded *l)
{
    static struct subroot subroots[PARTITION_COUNT];
    for (int p = 0; p < PARTITION_COUNT; p++)
        state_load_end(l->states[p]);
    account_trie_rebuild(l->tries, PARTITION_COUNT);
    for (int p = 0; p < PARTITION_COUNT; p++)
        account_trie_subroot(l->tries[p], &subroots[p]);
    return state_root_join(subroots);
}

static void loaded_free(struct loaded *l)
{
    arena_destroy(l->arena);
    free(l);
}

static u256 word_of_hex(const char *text)
{
    uint8_t raw[32];
    ptrdiff_t len = hex_decode(raw, sizeof raw, text, strlen(text));
    cr_assert_gt(len, 0, "%s", text);
    return u256_from_be(raw, (size_t)len);
}

// storage: slots and values in hexadecimal, or NULL. Returns the account's key.
static bytes32 load_account(struct loaded *l, const char *who, const struct account *a, const bytes32 *code_hash,
                            const json_t *storage)
{
    const bytes32 key = hash_of_hex(who);
    struct state *s = l->states[partition_of_key(&key)];
    const uint32_t id = state_load_contract(s, &key, a, code_hash);
    const char *slot;
    json_t *value;
    json_object_foreach((json_t *)storage, slot, value)
    {
        const u256 number = word_of_hex(slot), held = word_of_hex(json_string_value(value));
        state_load_slot(s, id, &number, &held);
    }
    return key;
}

static bytes32 root_by_partitions(const json_t *alloc)
{
    struct loaded *l = loaded_new();
    const char *who;
    json_t *account;
    json_object_foreach((json_t *)alloc, who, account)
    {
        const struct account a = {.balance = amount_field(account, "wei")};
        load_account(l, who, &a, &KECCAK256_EMPTY, NULL);
    }
    const bytes32 root = loaded_root(l);
    loaded_free(l);
    return root;
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

Test(trie_known_states, a_state_dumped_by_geth_has_its_root_and_its_storage_roots)
{
    json_t *dump = load_file("geth/cmd/devp2p/internal/ethtest/testdata/headstate.json");
    struct loaded *l = loaded_new();
    size_t storages = 0;
    const char *who;
    json_t *account;
    json_object_foreach(json_object_get(dump, "accounts"), who, account)
    {
        bytes32 code_hash;
        cr_assert_eq(bytes_field(account, "codeHash", code_hash.b, 32), 32);
        const struct account a = {(uint64_t)json_integer_value(json_object_get(account, "nonce")),
                                  amount_field(account, "balance")};
        load_account(l, who, &a, &code_hash, json_object_get(account, "storage"));
    }
    const bytes32 root = loaded_root(l);
    json_object_foreach(json_object_get(dump, "accounts"), who, account)
    {
        bytes32 given;
        const bytes32 key = hash_of_hex(who);
        const struct state *s = l->states[partition_of_key(&key)];
        const bytes32 got = state_storage_root(s, state_find(s, &key));
        cr_assert_eq(bytes_field(account, "root", given.b, 32), 32);
        cr_expect(bytes32_equal(&got, &given), "storage of %s", who);
        storages += !bytes32_equal(&got, &KECCAK256_EMPTY_RLP);
    }
    bytes32 given;
    char with_prefix[67] = "0x";
    strncat(with_prefix, json_string_value(json_object_get(dump, "root")), 64);
    cr_assert_eq(hex_decode(given.b, 32, with_prefix, 66), 32);
    cr_expect(bytes32_equal(&root, &given));
    cr_expect_geq(storages, 10);
    loaded_free(l);
    json_decref(dump);
}
