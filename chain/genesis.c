#include "chain/genesis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/keccak.h"
#include "base/whole_file.h"
#include "chain/genesis_json.h"

enum {
    DEFAULT_GAS_LIMIT = 2000000000,
    DEFAULT_BASE_FEE = 1000000000,
    DEFAULT_ELASTICITY = 2,
    DEFAULT_DENOMINATOR = 8,
    GAS_LIMIT_MIN = 21000,
    BASE_FEE_MAX_BITS = 128,
};

// v of a legacy signature is twice the chain id + 36 at most and has 64 bits.
static const uint64_t CHAIN_ID_MAX = (UINT64_MAX - 37) / 2;

static bool read_extra_data(struct genesis *g, const json_t *root, char *error)
{
    const json_t *value = json_object_get(root, "extraData");
    ptrdiff_t len = 0;
    if (value && !json_is_null(value)) {
        if (!json_is_string(value))
            return refuse(error, "extraData: not a string");
        len = hex_decode(g->extra_data, sizeof g->extra_data, json_string_value(value), json_string_length(value));
        if (len < 0)
            return refuse(error, "extraData: not hexadecimal, or longer than %zu bytes", sizeof g->extra_data);
    }
    g->header.extra_data = bytes_of(g->extra_data, (size_t)len);
    return true;
}

// What a chain that starts here can't have: history, proof of work, blobs.
static bool check_zeros(const json_t *root, char *error)
{
    static const char *const keys[] = {
        "difficulty", "number", "gasUsed", "parentHash", "excessBlobGas", "blobGasUsed", "parentBeaconBlockRoot"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        u256 value = U256_ZERO;
        if (!read_number(&value, root, keys[i], "", error))
            return false;
        if (!u256_is_zero(&value))
            return refuse(error, "%s: must be zero or absent", keys[i]);
    }
    return true;
}

static bool read_header(struct genesis *g, const json_t *root, char *error)
{
    struct header *h = &g->header;
    uint64_t nonce = 0;
    if (!check_zeros(root, error) || !read_extra_data(g, root, error) ||
        !read_u64(&nonce, root, "nonce", "", 0, UINT64_MAX, error) ||
        !read_u64(&h->timestamp, root, "timestamp", "", 0, INT64_MAX, error) ||
        !read_u64(&h->gas_limit, root, "gasLimit", "", GAS_LIMIT_MIN, INT64_MAX, error) ||
        !read_bytes(h->mix_hash.b, sizeof h->mix_hash.b, root, "mixHash", error) ||
        !read_bytes(h->coinbase.b, sizeof h->coinbase.b, root, "coinbase", error) ||
        !read_number(&h->base_fee, root, "baseFeePerGas", "", error))
        return false;
    if (u256_is_zero(&h->base_fee))
        return refuse(error, "baseFeePerGas: must not be zero");
    if (u256_bits(&h->base_fee) > BASE_FEE_MAX_BITS)
        return refuse(error, "baseFeePerGas: more than %d bits", BASE_FEE_MAX_BITS);
    for (int i = 0; i < 8; i++)
        h->nonce[i] = (uint8_t)(nonce >> (56 - 8 * i));
    return true;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t text_len = strlen(text), end_len = strlen(end);
    return text_len >= end_len && strcmp(text + text_len - end_len, end) == 0;
}

// The rules are Cancun's from the first block on. A schedule that says otherwise would make other clients disagree.
static bool check_forks(const json_t *config, char *error)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)config, key, value)
    {
        const bool is_time = ends_with(key, "Time");
        if ((!is_time && !ends_with(key, "Block")) || json_is_null(value))
            continue;
        if (is_time && strcmp(key, "shanghaiTime") != 0 && strcmp(key, "cancunTime") != 0)
            return refuse(error, "config.%.64s: this chain knows no fork after Cancun", key);
        u256 when = U256_ZERO;
        if (!read_number(&when, config, key, "config.", error))
            return false;
        if (!u256_is_zero(&when))
            return refuse(error, "config.%.64s: must be 0: this chain follows Cancun from its first block", key);
    }
    return true;
}

static bool read_gantry(struct genesis *g, const json_t *gantry, char *error)
{
    const char *key;
    json_t *value;
    if (!gantry)
        return true;
    if (!json_is_object(gantry))
        return refuse(error, "config.gantry: not an object");
    json_object_foreach((json_t *)gantry, key, value)
    {
        if (strcmp(key, "subsecond") == 0) {
            if (!json_is_boolean(value))
                return refuse(error, "config.gantry.subsecond: not true or false");
            g->subsecond = json_is_true(value);
        } else if (strcmp(key, "elasticity") != 0 && strcmp(key, "denominator") != 0 && !is_cluster_key(key)) {
            return refuse(error, "config.gantry.%.64s: unknown key", key);
        }
    }
    struct fee_rules *rules = &g->fee_rules;
    return read_u64(&rules->elasticity, gantry, "elasticity", "config.gantry.", 1, GAS_LIMIT_MIN, error) &&
           read_u64(&rules->denominator, gantry, "denominator", "config.gantry.", 1, INT64_MAX, error);
}

static bool read_config(struct genesis *g, const json_t *root, char *error)
{
    const json_t *config = json_object_get(root, "config");
    if (!json_is_object(config))
        return refuse(error, "config: missing or not an object");
    if (!json_object_get(config, "chainId"))
        return refuse(error, "config.chainId: missing");
    return read_u64(&g->chain_id, config, "chainId", "config.", 1, CHAIN_ID_MAX, error) && check_forks(config, error) &&
           read_gantry(g, json_object_get(config, "gantry"), error);
}

static bool read_code(struct genesis_account *out, const json_t *account, const char *place, char *error)
{
    const json_t *value = json_object_get(account, "code");
    if (!value || json_is_null(value))
        return true;
    const size_t len = json_string_length(value);
    if (!json_is_string(value))
        return refuse(error, "%scode: not a string", place);
    out->code = malloc(len / 2 + 1);
    if (!out->code)
        return refuse(error, "%scode: out of memory", place);
    const ptrdiff_t code_len = hex_decode(out->code, len / 2 + 1, json_string_value(value), len);
    if (code_len < 0)
        return refuse(error, "%scode: not hexadecimal bytes", place);
    out->code_len = (size_t)code_len;
    if (out->code_len == 0) {
        free(out->code);
        out->code = NULL;
    }
    return true;
}

// At most 32 hexadecimal bytes, with leading zeros or without.
static bool read_word(bytes32 *out, const char *text, size_t len)
{
    uint8_t bytes[32];
    const ptrdiff_t n = text ? hex_decode(bytes, sizeof bytes, text, len) : -1;
    *out = (bytes32){0};
    if (n < 0)
        return false;
    memcpy(out->b + sizeof out->b - n, bytes, (size_t)n);
    return true;
}

static int by_slot(const void *a, const void *b)
{
    const struct genesis_slot *left = a, *right = b;
    return memcmp(left->slot.b, right->slot.b, sizeof left->slot.b);
}

static bool read_storage(struct genesis_account *out, const json_t *account, const char *place, char *error)
{
    json_t *storage = json_object_get(account, "storage"), *value;
    const char *name;
    if (!storage || json_is_null(storage) || (json_is_object(storage) && json_object_size(storage) == 0))
        return true;
    if (!json_is_object(storage))
        return refuse(error, "%sstorage: not an object", place);
    out->storage = calloc(json_object_size(storage), sizeof out->storage[0]);
    if (!out->storage)
        return refuse(error, "%sstorage: out of memory", place);
    json_object_foreach(storage, name, value)
    {
        struct genesis_slot *slot = &out->storage[out->storage_count];
        bytes32 number;
        if (!read_word(&slot->slot, name, strlen(name)))
            return refuse(error, "%sstorage.%.70s: not a slot of at most 32 hexadecimal bytes", place, name);
        if (!read_word(&number, json_string_value(value), json_string_length(value)))
            return refuse(error, "%sstorage.%.70s: not a value of at most 32 hexadecimal bytes", place, name);
        slot->value = u256_from_be(number.b, sizeof number.b);
        out->storage_count += !u256_is_zero(&slot->value);
    }
    qsort(out->storage, out->storage_count, sizeof out->storage[0], by_slot);
    for (size_t i = 1; i < out->storage_count; i++) {
        if (bytes32_equal(&out->storage[i - 1].slot, &out->storage[i].slot))
            return refuse(error, "%sstorage: a slot is there twice", place);
    }
    return true;
}

static bool read_account(struct genesis_account *out, const char *name, const json_t *account, char *error)
{
    char place[80];
    snprintf(place, sizeof place, "alloc.%.64s.", name);
    if (hex_decode(out->addr.b, sizeof out->addr.b, name, strlen(name)) != sizeof out->addr.b)
        return refuse(error, "alloc.%.64s: not an address of 20 hexadecimal bytes", name);
    if (!json_is_object(account))
        return refuse(error, "alloc.%.64s: not an object", name);
    if (!json_object_get(account, "balance"))
        return refuse(error, "%sbalance: missing", place);
    if (!read_number(&out->balance, account, "balance", place, error) ||
        !read_u64(&out->nonce, account, "nonce", place, 0, UINT64_MAX - 1, error) ||
        !read_code(out, account, place, error) || !read_storage(out, account, place, error))
        return false;
    if (u256_is_zero(&out->balance) && out->nonce == 0 && !out->code)
        return refuse(error, "alloc.%.64s: an empty account", name);
    return true;
}

static int by_address(const void *a, const void *b)
{
    const struct genesis_account *left = a, *right = b;
    return memcmp(left->addr.b, right->addr.b, sizeof left->addr.b);
}

static bool read_accounts(struct genesis *g, const json_t *root, char *error)
{
    const json_t *alloc = json_object_get(root, "alloc");
    const char *name;
    json_t *account;
    if (!alloc)
        return true;
    if (!json_is_object(alloc))
        return refuse(error, "alloc: not an object");
    g->accounts = calloc(json_object_size(alloc) + 1, sizeof g->accounts[0]);
    if (!g->accounts)
        return refuse(error, "alloc: out of memory");
    json_object_foreach((json_t *)alloc, name, account)
    {
        // Counted first, so that genesis_free finds what it holds.
        if (!read_account(&g->accounts[g->account_count++], name, account, error))
            return false;
    }
    // Whatever moves later, no balance can overflow then.
    u256 total = U256_ZERO;
    for (size_t i = 0; i < g->account_count; i++) {
        if (u256_add(&total, &total, &g->accounts[i].balance))
            return refuse(error, "alloc: the balances together exceed 256 bits");
    }
    qsort(g->accounts, g->account_count, sizeof g->accounts[0], by_address);
    for (size_t i = 1; i < g->account_count; i++) {
        if (!address_equal(&g->accounts[i - 1].addr, &g->accounts[i].addr))
            continue;
        char text[41] = {0};
        hex_encode(text, g->accounts[i].addr.b, sizeof g->accounts[i].addr.b);
        return refuse(error, "alloc.0x%s: the account is there twice", text);
    }
    return true;
}

static void set_defaults(struct genesis *g)
{
    *g = (struct genesis){
        .subsecond = true,
        .fee_rules = {.elasticity = DEFAULT_ELASTICITY, .denominator = DEFAULT_DENOMINATOR},
        .header = {.ommers_hash = KECCAK256_EMPTY_LIST,
                   .transactions_root = KECCAK256_EMPTY_RLP,
                   .receipts_root = KECCAK256_EMPTY_RLP,
                   .gas_limit = DEFAULT_GAS_LIMIT,
                   .base_fee = u256_from_u64(DEFAULT_BASE_FEE),
                   .optional_count = 4,
                   .withdrawals_root = KECCAK256_EMPTY_RLP},
    };
    g->header.extra_data = bytes_of(g->extra_data, 0);
}

bool genesis_parse(struct genesis *out, const char *json, size_t len, char error[GENESIS_ERROR_MAX])
{
    set_defaults(out);
    json_error_t at;
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &at);
    if (!root)
        return refuse(error, "line %d, column %d: %s", at.line, at.column, at.text);
    bool ok = json_is_object(root) ? true : refuse(error, "not a JSON object");
    ok = ok && read_config(out, root, error) && read_header(out, root, error) && read_accounts(out, root, error) &&
         read_cluster(out, json_object_get(json_object_get(root, "config"), "gantry"), error);
    json_decref(root);
    if (!ok)
        genesis_free(out);
    return ok;
}

bool genesis_load(struct genesis *out, const char *path, char error[GENESIS_ERROR_MAX])
{
    size_t len;
    char reason[GENESIS_ERROR_MAX];
    char *text = whole_file(path, GENESIS_FILE_MAX, &len);
    if (!text)
        return refuse(error, "%.150s: %s", path, strerror(errno));
    const bool ok = genesis_parse(out, text, len, reason);
    free(text);
    return ok ? true : refuse(error, "%.100s: %.150s", path, reason);
}

void genesis_free(struct genesis *g)
{
    for (size_t i = 0; i < g->account_count; i++) {
        free(g->accounts[i].code);
        free(g->accounts[i].storage);
    }
    free(g->accounts);
    g->accounts = NULL;
    g->account_count = 0;
    free(g->cluster.validators);
    g->cluster.validators = NULL;
    g->cluster.validator_count = 0;
}
