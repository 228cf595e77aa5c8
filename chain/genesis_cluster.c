#include "chain/genesis_cluster.h"

#include <stdlib.h>

#include "base/hex.h"
#include "base/keccak.h"
#include "chain/genesis_json.h"

enum {
    DEFAULT_EPOCH_BLOCKS = 8192,
    DEFAULT_EPOCH_MS = 86400000,
    EPOCH_MS_MIN = 1000,
    HEARTBEAT_MS_MAX = 86400000,
};

static const char *const keys[] = {"validators", "epochBlocks", "epochMs", "heartbeatMs", "network"};
static const char *const validator_keys[] = {"consensusKey", "channelKey", "weight", "feeAddress", "name"};

static bool is_among(const char *const *names, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], key) == 0)
            return true;
    }
    return false;
}

bool is_cluster_key(const char *key)
{
    return is_among(keys, sizeof keys / sizeof keys[0], key);
}

static bool read_network(enum cluster_network *out, const json_t *gantry, char *error)
{
    const json_t *value = json_object_get(gantry, "network");
    const char *text = json_string_value(value);
    if (!value)
        return true;
    *out = text && strcmp(text, "wan") == 0 ? CLUSTER_WAN : CLUSTER_LAN;
    return (text && (*out == CLUSTER_WAN || strcmp(text, "lan") == 0)) ||
           refuse(error, "config.gantry.network: not \"lan\" or \"wan\"");
}

static bool read_name(char out[CLUSTER_NAME_MAX + 1], const json_t *object, const char *place, char *error)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const json_t *value = json_object_get(object, "name");
    const char *text = json_string_value(value);
    if (!value)
        return true;
    const size_t len = text ? json_string_length(value) : 0;
    if (len == 0 || len > CLUSTER_NAME_MAX || strspn(text, letters) != len)
        return refuse(error, "%sname: not 1 to %d letters, digits, dots, dashes and underscores", place,
                      CLUSTER_NAME_MAX);
    memcpy(out, text, len + 1);
    return true;
}

static bool read_fixed(uint8_t *out, size_t len, const json_t *object, const char *key, const char *place, char *error)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    if (!value)
        return refuse(error, "%s%s: missing", place, key);
    return (text && hex_decode(out, len, text, json_string_length(value)) == (ptrdiff_t)len) ||
           refuse(error, "%s%s: not %zu hexadecimal bytes", place, key, len);
}

static bool read_validator(struct genesis_validator *v, const json_t *object, const char *place, char *error)
{
    const char *key;
    json_t *value;
    uint64_t weight = 0;
    if (!json_is_object(object))
        return refuse(error, "%.60s: not an object", place);
    json_object_foreach((json_t *)object, key, value)
    {
        if (!is_among(validator_keys, sizeof validator_keys / sizeof validator_keys[0], key))
            return refuse(error, "%s%.64s: unknown key", place, key);
    }
    if (!json_object_get(object, "weight"))
        return refuse(error, "%sweight: missing", place);
    if (!read_fixed(v->consensus_key.b, sizeof v->consensus_key.b, object, "consensusKey", place, error) ||
        !read_fixed(v->channel_key, sizeof v->channel_key, object, "channelKey", place, error) ||
        !read_fixed(v->fee_address.b, sizeof v->fee_address.b, object, "feeAddress", place, error) ||
        !read_u64(&weight, object, "weight", place, 1, UINT32_MAX, error) || !read_name(v->name, object, place, error))
        return false;
    if (v->channel_key[0] != 2 && v->channel_key[0] != 3)
        return refuse(error, "%schannelKey: not a compressed public key (it begins with 02 or 03)", place);
    v->weight = (uint32_t)weight;
    return true;
}

// What validator b has in common with one before it, NULL when nothing.
static const char *same_as(const struct genesis_validator *a, const struct genesis_validator *b)
{
    if (bytes32_equal(&a->consensus_key, &b->consensus_key))
        return "consensusKey";
    if (memcmp(a->channel_key, b->channel_key, sizeof a->channel_key) == 0)
        return "channelKey";
    // One secret for both would let a link's handshake and a vote be played against each other.
    if (memcmp(a->channel_key + 1, b->consensus_key.b, 32) == 0)
        return "consensusKey";
    if (memcmp(a->consensus_key.b, b->channel_key + 1, 32) == 0)
        return "channelKey";
    return a->name[0] != '\0' && strcmp(a->name, b->name) == 0 ? "name" : NULL;
}

static bool read_validators(struct genesis_cluster *c, const json_t *gantry, char *error)
{
    const json_t *list = json_object_get(gantry, "validators");
    const size_t count = json_array_size(list);
    if (!list)
        return true;
    if (!json_is_array(list) || count == 0 || count > CLUSTER_VALIDATORS_MAX)
        return refuse(error, "config.gantry.validators: not a list of 1 to %d", CLUSTER_VALIDATORS_MAX);
    c->validators = calloc(count, sizeof c->validators[0]);
    if (!c->validators)
        return refuse(error, "config.gantry.validators: out of memory");
    c->validator_count = (unsigned)count;
    for (unsigned i = 0; i < count; i++) {
        char place[64];
        snprintf(place, sizeof place, "config.gantry.validators[%u].", i);
        if (!read_validator(&c->validators[i], json_array_get(list, i), place, error))
            return false;
        for (unsigned j = 0; j <= i; j++) {
            const char *what = i == j ? NULL : same_as(&c->validators[j], &c->validators[i]);
            if (what)
                return refuse(error, "%s%s: validator %u has it already", place, what, j);
        }
        if (memcmp(c->validators[i].channel_key + 1, c->validators[i].consensus_key.b, 32) == 0)
            return refuse(error, "%schannelKey: must be another key than consensusKey", place);
    }
    return true;
}

bool read_cluster(struct genesis *g, const json_t *gantry, char *error)
{
    struct genesis_cluster *c = &g->cluster;
    c->epoch_blocks = DEFAULT_EPOCH_BLOCKS;
    c->epoch_ms = DEFAULT_EPOCH_MS;
    static const char place[] = "config.gantry.";
    if (!read_validators(c, gantry, error) || !read_network(&c->network, gantry, error) ||
        !read_u64(&c->epoch_blocks, gantry, "epochBlocks", place, 1, UINT32_MAX, error) ||
        !read_u64(&c->epoch_ms, gantry, "epochMs", place, 0, UINT32_MAX, error) ||
        !read_u64(&c->heartbeat_ms, gantry, "heartbeatMs", place, 0, HEARTBEAT_MS_MAX, error))
        return false;
    if (c->epoch_ms > 0 && c->epoch_ms < EPOCH_MS_MIN)
        return refuse(error, "config.gantry.epochMs: must be 0 (never) or at least %d", EPOCH_MS_MIN);
    if (c->validator_count == 0)
        return true;
    const bytes32 digest = cluster_digest(g);
    if (bytes_equal(g->header.extra_data, bytes_of(digest.b, sizeof digest.b)))
        return true;
    char text[65] = {0};
    hex_encode(text, digest.b, sizeof digest.b);
    return refuse(error, "extraData: must be 0x%s, the digest of what config says of the cluster", text);
}

static void put(uint8_t **p, const void *bytes, size_t len)
{
    memcpy(*p, bytes, len);
    *p += len;
}

static void put64(uint8_t **p, uint64_t value)
{
    uint8_t le[8];
    store_le64(le, value);
    put(p, le, sizeof le);
}

// Integers are little-endian, names of fixed width and padded with zeros.
bytes32 cluster_digest(const struct genesis *g)
{
    static const char tag[] = "gantry cluster 1";
    const struct genesis_cluster *c = &g->cluster;
    const size_t each = 32 + CLUSTER_CHANNEL_KEY_BYTES + 8 + 20 + CLUSTER_NAME_MAX;
    uint8_t *const text = malloc(sizeof tag - 1 + 9 * 8 + c->validator_count * each), *p = text;
    if (!text)
        abort();
    put(&p, tag, sizeof tag - 1);
    put64(&p, g->chain_id);
    put64(&p, g->subsecond);
    put64(&p, g->fee_rules.elasticity);
    put64(&p, g->fee_rules.denominator);
    put64(&p, c->epoch_blocks);
    put64(&p, c->epoch_ms);
    put64(&p, c->heartbeat_ms);
    put64(&p, c->network);
    put64(&p, c->validator_count);
    for (unsigned i = 0; i < c->validator_count; i++) {
        const struct genesis_validator *v = &c->validators[i];
        put(&p, v->consensus_key.b, sizeof v->consensus_key.b);
        put(&p, v->channel_key, sizeof v->channel_key);
        put64(&p, v->weight);
        put(&p, v->fee_address.b, sizeof v->fee_address.b);
        put(&p, v->name, CLUSTER_NAME_MAX);
    }
    const bytes32 digest = keccak256(text, (size_t)(p - text));
    free(text);
    return digest;
}
