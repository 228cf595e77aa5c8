#include "engine/cluster.h"

#include "base/hex.h"
#include "engine/key_file.h"
#include "engine/net/listen.h"

#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

_Static_assert(CLUSTER_VALIDATORS_MAX == WIRE_VALIDATORS_MAX, "a genesis may name as many validators as messages can");

#define MS 1000000ull
// Final blocks kept for those that fell behind: an hour of an idle LAN, some 50 MB.
#define RETAIN_BLOCKS_MIN 65536u

// ---- the set

static bool are_points(const struct genesis_validator *v)
{
    secp256k1_xonly_pubkey x;
    secp256k1_pubkey point;
    return secp256k1_xonly_pubkey_parse(secp256k1_context_static, &x, v->consensus_key.b) &&
           secp256k1_ec_pubkey_parse(secp256k1_context_static, &point, v->channel_key, sizeof v->channel_key);
}

bool cluster_set(struct vset *out, const struct genesis *genesis, char error[STORE_ERROR_MAX])
{
    const struct genesis_cluster *c = &genesis->cluster;
    uint32_t weights[WIRE_VALIDATORS_MAX];
    bytes32 keys[WIRE_VALIDATORS_MAX];
    for (unsigned i = 0; i < c->validator_count; i++) {
        if (!are_points(&c->validators[i]))
            return store_fail(error, "the genesis: a key of validator %u is no point of secp256k1", i);
        weights[i] = c->validators[i].weight;
        keys[i] = c->validators[i].consensus_key;
    }
    vset_init(out, genesis->chain_id, c->validator_count, weights, keys);
    out->wire.car_gas_max = genesis->header.gas_limit / c->validator_count;
    return true;
}

// ---- own keys

static bool read_consensus_key(struct cluster *c, const char *path, const char *passphrase, char error[STORE_ERROR_MAX])
{
    struct key_pair k;
    c->me = CLUSTER_FOLLOWER;
    if (!path) {
        c->signing = signing_checker();
        return true;
    }
    if (!key_file_read(&k, KEY_CONSENSUS, path, passphrase, error))
        return false;
    for (unsigned i = 0; i < c->set.wire.n; i++) {
        if (memcmp(c->set.key[i].b, k.public_key, 32) == 0)
            c->me = i;
    }
    c->signing = signing_secp(&k.secret, NULL);
    key_wipe(&k);
    return c->me != CLUSTER_FOLLOWER || store_fail(error, "%.300s: the genesis names no validator with this key", path);
}

static bool read_channel_key(struct cluster *c, const struct genesis *genesis, const char *path, const char *passphrase,
                             char error[STORE_ERROR_MAX])
{
    struct key_pair k;
    if (!path)
        return store_fail(error, "the genesis has validators: name this node's channel-key");
    if (!key_file_read(&k, KEY_CHANNEL, path, passphrase, error))
        return false;
    c->channel_secret = k.secret;
    memcpy(c->channel_key, k.public_key, sizeof c->channel_key);
    key_wipe(&k);
    uint32_t owner = CLUSTER_FOLLOWER;
    for (unsigned i = 0; i < c->set.wire.n; i++) {
        if (memcmp(genesis->cluster.validators[i].channel_key, c->channel_key, sizeof c->channel_key) == 0)
            owner = i;
    }
    if (owner == c->me)
        return true;
    if (owner == CLUSTER_FOLLOWER)
        return store_fail(error, "%.300s is not the channel key that the genesis has for this validator", path);
    return store_fail(error, "%.300s is the channel key of validator %u, which this node is not", path, owner);
}

static bool read_keys(struct cluster *c, const struct genesis *genesis, const struct node_config *config,
                      char error[STORE_ERROR_MAX])
{
    char *passphrase = NULL;
    if (config->key_passphrase && !(passphrase = key_read_passphrase(config->key_passphrase, error)))
        return false;
    const bool good = read_consensus_key(c, config->validator_key, passphrase, error) &&
                      read_channel_key(c, genesis, config->channel_key, passphrase, error);
    key_free_passphrase(passphrase);
    return good;
}

// ---- peers

static void add_validators(struct cluster *c, const struct genesis *genesis)
{
    for (unsigned i = 0; i < c->set.wire.n; i++) {
        const struct genesis_validator *v = &genesis->cluster.validators[i];
        c->fee_addresses[i] = v->fee_address;
        if (v->name[0] != '\0')
            memcpy(c->names[i], v->name, sizeof v->name);
        else
            snprintf(c->names[i], sizeof c->names[i], "validator-%u", i);
        if (i != c->me) {
            memcpy(c->peers[i].key, v->channel_key, NOISE_KEY_BYTES);
            c->peers[i].dial = c->me == CLUSTER_FOLLOWER || c->me < i;
        }
    }
    c->peer_count = c->set.wire.n;
}

static bool is_key(uint8_t out[NOISE_KEY_BYTES], const char *text, size_t len)
{
    return hex_decode(out, NOISE_KEY_BYTES, text, len) == (ptrdiff_t)NOISE_KEY_BYTES;
}

// The validator that WHO means, set.n when none.
static unsigned find_validator(const struct cluster *c, const char *who, size_t len)
{
    uint8_t key[NOISE_KEY_BYTES];
    const bool by_key = is_key(key, who, len);
    for (unsigned i = 0; i < c->set.wire.n; i++) {
        if (by_key ? memcmp(c->peers[i].key, key, sizeof key) == 0 ||
                         (i == c->me && memcmp(c->channel_key, key, sizeof key) == 0)
                   : strlen(c->names[i]) == len && memcmp(c->names[i], who, len) == 0)
            return i;
    }
    return c->set.wire.n;
}

// HOST:PORT, or [HOST]:PORT.
static bool split_host(char *host, size_t cap, unsigned *port, const char *text)
{
    const char *colon = strrchr(text, ':');
    const bool bracketed = text[0] == '[';
    char *end = NULL;
    const unsigned long value = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (!colon || end == colon + 1 || *end != '\0' || colon[1] < '0' || colon[1] > '9' || value == 0 || value > 65535)
        return false;
    const size_t len = (size_t)(colon - text) - (bracketed ? 2 : 0);
    if (colon == text || (bracketed && (colon < text + 3 || colon[-1] != ']')) || len >= cap)
        return false;
    memcpy(host, text + bracketed, len);
    host[len] = '\0';
    *port = (unsigned)value;
    return true;
}

static bool add_address(struct cluster *c, const char *entry, char error[STORE_ERROR_MAX])
{
    const char *at = strchr(entry, '@');
    char host[256], reason[256];
    unsigned port;
    if (!at || !split_host(host, sizeof host, &port, at + 1))
        return store_fail(error, "peers: \"%.100s\" is not WHO@HOST:PORT", entry);
    const unsigned i = find_validator(c, entry, (size_t)(at - entry));
    if (i == c->set.wire.n)
        return store_fail(error, "peers: \"%.100s\": the genesis has no such validator", entry);
    if (c->hosts[i][0] != '\0')
        return store_fail(error, "peers: %s is there twice", c->names[i]);
    snprintf(c->hosts[i], sizeof c->hosts[i], "%s", at + 1);
    if (i != c->me && !net_resolve(&c->peers[i].at, host, port, reason, sizeof reason))
        return store_fail(error, "peers: %s: %.200s", c->names[i], reason);
    return true;
}

static bool add_follower(struct cluster *c, const char *entry, char error[STORE_ERROR_MAX])
{
    uint8_t key[NOISE_KEY_BYTES];
    secp256k1_pubkey point;
    if (!is_key(key, entry, strlen(entry)) ||
        !secp256k1_ec_pubkey_parse(secp256k1_context_static, &point, key, sizeof key))
        return store_fail(error, "allow: \"%.100s\" is not a channel key (a compressed point of secp256k1)", entry);
    if (memcmp(key, c->channel_key, sizeof key) == 0)
        return store_fail(error, "allow: %.80s is this node's own key", entry);
    for (unsigned i = 0; i < c->peer_count; i++) {
        if (memcmp(c->peers[i].key, key, sizeof key) == 0)
            return store_fail(error, "allow: %.80s is there already, as %s", entry, c->names[i]);
    }
    if (c->peer_count == c->set.wire.n + CLUSTER_FOLLOWERS_MAX)
        return store_fail(error, "allow: more than %d keys", CLUSTER_FOLLOWERS_MAX);
    memcpy(c->peers[c->peer_count].key, key, sizeof key);
    snprintf(c->names[c->peer_count], sizeof c->names[0], "follower-%u", c->peer_count - c->set.wire.n);
    c->peer_count++;
    return true;
}

// Calls take with each entry of a list; commas and spaces stand between them.
static bool each_entry(struct cluster *c, const char *list,
                       bool (*take)(struct cluster *c, const char *entry, char error[STORE_ERROR_MAX]),
                       char error[STORE_ERROR_MAX])
{
    char *copy = strdup(list ? list : ""), *rest = copy;
    bool good = true;
    if (!copy)
        abort();
    for (char *entry; good && (entry = strsep(&rest, ", \t")) != NULL;)
        good = entry[0] == '\0' || take(c, entry, error);
    free(copy);
    return good;
}

static bool read_peers(struct cluster *c, const struct node_config *config, char error[STORE_ERROR_MAX])
{
    bool any = false;
    if (!each_entry(c, config->peers, add_address, error) || !each_entry(c, config->allow, add_follower, error))
        return false;
    for (unsigned i = 0; i < c->set.wire.n; i++) {
        const bool known = c->hosts[i][0] != '\0';
        if (c->me != CLUSTER_FOLLOWER && c->peers[i].dial && !known)
            return store_fail(error, "peers: no address of %s, which this validator connects to", c->names[i]);
        c->peers[i].dial &= known;
        any |= known;
    }
    return any || c->me != CLUSTER_FOLLOWER || store_fail(error, "peers: no validator to follow");
}

// ---- the whole

struct cluster *cluster_open(const struct genesis *genesis, const struct node_config *config,
                             char error[STORE_ERROR_MAX])
{
    struct cluster *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    const struct genesis_cluster *g = &genesis->cluster;
    c->network = g->network;
    c->epoch_blocks = g->epoch_blocks;
    c->epoch_ms = g->epoch_ms;
    c->heartbeat_ms = g->heartbeat_ms;
    c->car_interval_ns = g->network == CLUSTER_LAN ? 5 * MS : 25 * MS;
    if (g->validator_count == 0)
        store_fail(error, "the genesis has no validators");
    else if (cluster_set(&c->set, genesis, error) && read_keys(c, genesis, config, error)) {
        add_validators(c, genesis);
        if (read_peers(c, config, error))
            return c;
    }
    cluster_free(c);
    return NULL;
}

void cluster_free(struct cluster *c)
{
    if (!c)
        return;
    if (c->signing)
        c->signing->ops->free(c->signing);
    explicit_bzero(c, sizeof *c);
    free(c);
}

// Consensus specification, sections 5, 8 and 16: D' and what goes with it.
static const struct delays {
    uint64_t delta_ms, block_ms, idle_ms, fsync_ms, skip_ms, ack_tick_ms, car_retry_ms, fetch_ms;
} delays[] = {
    [CLUSTER_LAN] = {5, 5, 50, 5, 2000, 1, 500, 50},
    [CLUSTER_WAN] = {250, 50, 250, 10, 5000, 5, 2000, 750},
};

void cluster_validator_config(struct validator_config *out, const struct cluster *c, const struct genesis *genesis,
                              const bytes32 *genesis_hash)
{
    const struct delays *d = &delays[c->network];
    out->genesis_hash = *genesis_hash;
    out->genesis_root = *genesis_hash; // the executed block of height 0
    out->genesis_time_ms = genesis->header.timestamp * 1000;
    struct ord_config *o = &out->ord;
    o->me = c->me;
    o->signing = c->signing;
    o->delta_ns = d->delta_ms * MS;
    o->fsync_ns = d->fsync_ms * MS;
    o->idle_ns = d->idle_ms * MS;
    o->block_ns = d->block_ms * MS;
    o->skip_ns = d->skip_ms * MS;
    o->drift_ms = 500;
    o->stale_ms = 2000;
    o->epoch_blocks = c->epoch_blocks;
    o->epoch_ms = c->epoch_ms;
    o->retain_blocks = 2 * c->epoch_blocks > RETAIN_BLOCKS_MIN ? 2 * c->epoch_blocks : RETAIN_BLOCKS_MIN;
    o->cars_per_lane = WIRE_LANE_CARS_MAX;
    struct dp_config *p = &out->dp;
    p->me = c->me;
    p->signing = c->signing;
    p->ack_tick_ns = d->ack_tick_ms * MS;
    p->ack_state_ns = 1000 * MS;
    p->car_retry_ns = d->car_retry_ms * MS;
    p->fetch_ns = d->fetch_ms * MS;
    p->fetch_grace_ns = 2 * o->delta_ns;
    p->window_bytes = c->set.wire.n <= 20 ? 16u << 20 : 8u << 20;
}
