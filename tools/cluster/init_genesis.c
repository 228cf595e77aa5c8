#include "tools/cluster/init_genesis.h"

#include "base/hex.h"
#include "base/whole_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

__attribute__((format(printf, 2, 3))) static bool refuse(char *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, INIT_ERROR_MAX, format, args);
    va_end(args);
    return false;
}

static json_t *hex(const void *bytes, size_t len)
{
    char text[2 + 2 * 64 + 1] = "0x";
    hex_encode(text + 2, bytes, len);
    text[2 + 2 * len] = '\0';
    return json_string(text);
}

static json_t *member(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (value)
        return value;
    value = json_object();
    json_object_set_new(object, key, value);
    return value;
}

static void fund(json_t *alloc, const address *who, const u256 *wei)
{
    uint8_t be[32];
    char digits[65] = {0}, text[2 + 64 + 1];
    u256_to_be(be, wei);
    hex_encode(digits, be, sizeof be);
    const size_t zeros = strspn(digits, "0");
    snprintf(text, sizeof text, "0x%s", digits + (zeros < 64 ? zeros : 63));
    char name[43] = "0x";
    hex_encode(name + 2, who->b, 20);
    json_t *account = json_object();
    json_object_set_new(account, "balance", json_string(text));
    json_object_set_new(alloc, name, account);
}

// ADDRESS=ETHER, whole ether.
static bool fund_entry(json_t *alloc, const char *entry, char *error)
{
    const char *equals = strchr(entry, '=');
    address who;
    u256 ether, wei;
    const u256 unit = u256_from_u64(1000000000000000000);
    if (!equals || equals - entry != 42 || hex_decode(who.b, sizeof who.b, entry, 42) != 20 ||
        !u256_parse(&ether, equals + 1, strlen(equals + 1)) || u256_bits(&ether) > 190)
        return refuse(error, "fund: \"%.100s\" is not ADDRESS=ETHER", entry);
    u256_mul(&wei, &ether, &unit);
    fund(alloc, &who, &wei);
    return true;
}

static bool add_accounts(json_t *root, const struct init_settings *s, char *error)
{
    json_t *alloc = member(root, "alloc");
    const u256 ether = u256_from_u64(1000000000000000000), amount = u256_from_u64(10000);
    u256 wei;
    u256_mul(&wei, &ether, &amount);
    for (unsigned i = 0; s->dev_accounts && i < DEV_ACCOUNT_COUNT; i++)
        fund(alloc, &DEV_ACCOUNTS[i].addr, &wei);
    char *copy = strdup(s->fund ? s->fund : ""), *rest = copy;
    bool good = true;
    for (char *entry; good && (entry = strsep(&rest, ", ")) != NULL;)
        good = entry[0] == '\0' || fund_entry(alloc, entry, error);
    free(copy);
    if (good && json_object_size(alloc) == 0)
        return refuse(error, "nobody would have a balance: fund accounts with --fund, --dev-accounts or a template "
                             "(--genesis)");
    return good;
}

// The contract of EIP-4788, which a template has or leaves out as its author wishes.
static void add_beacon_roots(json_t *alloc)
{
    char *text;
    if (asprintf(&text, "{%s}", GENESIS_BEACON_ROOTS) < 0)
        abort();
    json_t *contract = json_loads(text, 0, NULL);
    free(text);
    if (!contract || json_object_update(alloc, contract) != 0)
        abort();
    json_decref(contract);
}

static json_t *load_template(const char *path, char *error)
{
    json_error_t at;
    size_t len;
    char *text = whole_file(path, GENESIS_FILE_MAX, &len);
    json_t *root = text ? json_loadb(text, len, JSON_REJECT_DUPLICATES, &at) : NULL;
    free(text);
    if (!text)
        refuse(error, "genesis %.200s: %s", path, strerror(errno));
    else if (!root)
        refuse(error, "genesis %.200s: line %d, column %d: %.160s", path, at.line, at.column, at.text);
    else if (!json_is_object(root))
        refuse(error, "genesis %.200s: not a JSON object", path);
    if (json_is_object(root))
        return root;
    json_decref(root);
    return NULL;
}

static void set_integer(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static bool parse(struct genesis *out, const json_t *root, char *error)
{
    char reason[GENESIS_ERROR_MAX];
    char *text = json_dumps(root, JSON_COMPACT);
    if (!text)
        abort();
    const bool good = genesis_parse(out, text, strlen(text), reason) || refuse(error, "genesis: %s", reason);
    free(text);
    return good;
}

bool init_genesis_begin(struct init_genesis *g, const struct init_settings *s, char error[INIT_ERROR_MAX])
{
    g->root = s->genesis ? load_template(s->genesis, error) : json_object();
    if (!g->root)
        return false;
    json_t *config = member(g->root, "config");
    if (!s->genesis)
        set_integer(config, "chainId", s->chain_id);
    json_t *gantry = json_is_object(config) ? member(config, "gantry") : NULL;
    if (!json_is_object(gantry) ||
        (json_object_get(g->root, "alloc") && !json_is_object(json_object_get(g->root, "alloc"))))
        return refuse(error, "genesis: config, config.gantry and alloc must be objects");
    if (json_object_get(gantry, "validators") || json_object_get(g->root, "extraData"))
        return refuse(error, "genesis: the template must have neither validators nor extraData, which binds them");
    if (!json_object_get(g->root, "timestamp"))
        set_integer(g->root, "timestamp", (uint64_t)time(NULL));
    json_object_set_new(gantry, "network", json_string(s->network));
    set_integer(gantry, "epochBlocks", s->epoch_blocks);
    set_integer(gantry, "epochMs", s->epoch_ms);
    set_integer(gantry, "heartbeatMs", s->heartbeat_ms);
    struct genesis parsed;
    if (!add_accounts(g->root, s, error) || !parse(&parsed, g->root, error))
        return false;
    g->has_funded = parsed.account_count > 0;
    if (g->has_funded)
        g->first_funded = parsed.accounts[0].addr;
    genesis_free(&parsed);
    if (!s->genesis)
        add_beacon_roots(json_object_get(g->root, "alloc"));
    return true;
}

static json_t *validator_json(const struct genesis_validator *v)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(v->name));
    json_object_set_new(object, "consensusKey", hex(v->consensus_key.b, sizeof v->consensus_key.b));
    json_object_set_new(object, "channelKey", hex(v->channel_key, sizeof v->channel_key));
    set_integer(object, "weight", v->weight);
    json_object_set_new(object, "feeAddress", hex(v->fee_address.b, sizeof v->fee_address.b));
    return object;
}

bool init_genesis_finish(struct init_genesis *g, char error[INIT_ERROR_MAX])
{
    struct genesis parsed;
    if (!parse(&parsed, g->root, error))
        return false;
    parsed.cluster.validators = g->validators;
    parsed.cluster.validator_count = g->validator_count;
    const bytes32 digest = cluster_digest(&parsed);
    parsed.cluster.validators = NULL;
    genesis_free(&parsed);

    json_t *list = json_array();
    for (unsigned i = 0; i < g->validator_count; i++)
        json_array_append_new(list, validator_json(&g->validators[i]));
    json_object_set_new(json_object_get(json_object_get(g->root, "config"), "gantry"), "validators", list);
    json_object_set_new(g->root, "extraData", hex(digest.b, sizeof digest.b));
    if (!parse(&parsed, g->root, error))
        return false;
    genesis_free(&parsed);
    char *text = json_dumps(g->root, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    if (!text || asprintf(&g->text, "%s\n", text) < 0)
        abort();
    free(text);
    return true;
}

void init_genesis_free(struct init_genesis *g)
{
    json_decref(g->root);
    free(g->text);
}
