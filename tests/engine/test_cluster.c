// Who a node is in its cluster: from genesis, configuration and key files, and in which words it is refused.
#include "engine/cluster.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "engine/key_file.h"
#include "tests/engine/store_fixture.h"

enum { COUNT = 4 };

static char *dir;
static struct genesis genesis;
static struct genesis_validator validators[COUNT];
static struct key_pair follower;
static char keys[2 * COUNT + 1][512]; // consensus of each, channel of each, the follower's channel key
static char follower_text[67];

static void write_key(char path[512], const struct key_pair *k, const char *name, unsigned i)
{
    char error[STORE_ERROR_MAX];
    snprintf(path, 512, "%s/%s-%u", dir, name, i);
    cr_assert(key_file_create(path, k, NULL, KEY_LOG2N, error), "%s", error);
}

static void setup(void)
{
    struct key_pair k;
    dir = fixture_folder();
    genesis = (struct genesis){.chain_id = 77,
                               .header = {.timestamp = 1700000000, .gas_limit = 30000001},
                               .cluster = {.validators = validators,
                                           .validator_count = COUNT,
                                           .epoch_blocks = 100,
                                           .epoch_ms = 60000,
                                           .heartbeat_ms = 500}};
    for (unsigned i = 0; i < COUNT; i++) {
        key_generate(&k, KEY_CONSENSUS);
        memcpy(validators[i].consensus_key.b, k.public_key, 32);
        write_key(keys[i], &k, "consensus", i);
        key_generate(&k, KEY_CHANNEL);
        memcpy(validators[i].channel_key, k.public_key, 33);
        write_key(keys[COUNT + i], &k, "channel", i);
        validators[i].weight = i + 1;
        validators[i].fee_address.b[0] = (uint8_t)i;
        snprintf(validators[i].name, sizeof validators[i].name, "v%u", i);
    }
    validators[3].name[0] = '\0';
    key_generate(&follower, KEY_CHANNEL);
    write_key(keys[2 * COUNT], &follower, "follower", 0);
    strcpy(follower_text, "");
    char hex[67] = {0};
    hex_encode(hex, follower.public_key, 33);
    strcpy(follower_text, hex);
}

static void teardown(void)
{
    fixture_remove(dir);
}

TestSuite(cluster, .init = setup, .fini = teardown);

#define ALL "v0@127.0.0.1:1000,v1@127.0.0.1:1001, v2@127.0.0.1:1002 validator-3@[::1]:1003"

static struct node_config config_of(unsigned i, const char *peers)
{
    return (struct node_config){.validator_key = keys[i], .channel_key = keys[COUNT + i], .peers = (char *)peers};
}

static void expect_refused(const struct node_config *config, const char *words)
{
    char error[STORE_ERROR_MAX] = "";
    struct cluster *c = cluster_open(&genesis, config, error);
    cr_expect_null(c, "taken, not: %s", words);
    cr_expect(strstr(error, words), "'%s' does not say '%s'", error, words);
    cluster_free(c);
}

Test(cluster, a_validator_finds_itself_and_dials_those_after_it)
{
    char error[STORE_ERROR_MAX] = "";
    for (unsigned me = 0; me < COUNT; me++) {
        const struct node_config config = config_of(me, ALL);
        struct cluster *c = cluster_open(&genesis, &config, error);
        cr_assert(c, "%s", error);
        cr_expect_eq(c->me, me);
        cr_expect_eq(c->peer_count, COUNT);
        cr_expect(c->set.wire.n == COUNT && c->set.total == 10 && c->set.weight[3] == 4);
        cr_expect_eq(c->set.wire.car_gas_max, genesis.header.gas_limit / COUNT);
        cr_expect_eq(memcmp(c->channel_key, validators[me].channel_key, 33), 0);
        static const uint8_t no_key[33];
        for (unsigned i = 0; i < COUNT; i++) {
            cr_expect_eq(c->peers[i].dial, i > me, "%u to %u", me, i);
            cr_expect_eq(memcmp(c->peers[i].key, i == me ? no_key : validators[i].channel_key, 33), 0);
            cr_expect_eq(c->fee_addresses[i].b[0], i);
        }
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&c->peers[3].at;
        if (me != 3)
            cr_expect(six->sin6_family == AF_INET6 && ntohs(six->sin6_port) == 1003);
        cr_expect_str_eq(c->names[3], "validator-3");
        // It signs with the key that the set has for it.
        const bytes32 message = {{1}}, *key = &c->set.key[me];
        wire_signature sig;
        const wire_signature *sigs = &sig;
        c->signing->ops->sign(c->signing, &sig, &message);
        cr_expect(c->signing->ops->verify(c->signing, &key, &sigs, 1, &message));
        cluster_free(c);
    }
}

Test(cluster, settings_follow_from_the_genesis)
{
    char error[STORE_ERROR_MAX] = "";
    const struct node_config config = config_of(1, ALL);
    const bytes32 hash = {{9}};
    struct validator_config v = {0}, far = {0};
    struct cluster *c = cluster_open(&genesis, &config, error);
    cr_assert(c, "%s", error);
    cluster_validator_config(&v, c, &genesis, &hash);
    cr_expect(v.ord.me == 1 && v.dp.me == 1 && v.ord.signing == c->signing && v.dp.signing == c->signing);
    cr_expect(bytes32_equal(&v.genesis_hash, &hash) && v.genesis_time_ms == 1700000000000);
    cr_expect(v.ord.epoch_blocks == 100 && v.ord.epoch_ms == 60000 && c->heartbeat_ms == 500);
    cr_expect(v.ord.delta_ns == 5000000 && v.dp.ack_tick_ns == 1000000 && c->car_interval_ns == 5000000);
    cluster_free(c);
    genesis.cluster.network = CLUSTER_WAN;
    c = cluster_open(&genesis, &config, error);
    cr_assert(c, "%s", error);
    cluster_validator_config(&far, c, &genesis, &hash);
    cr_expect(far.ord.delta_ns == 250000000 && far.ord.block_ns == 50000000 && c->car_interval_ns == 25000000);
    cluster_free(c);
}

Test(cluster, followers_on_the_allow_list_are_peers_after_the_validators)
{
    char error[STORE_ERROR_MAX] = "", twice[200];
    struct node_config config = config_of(0, ALL);
    config.allow = follower_text;
    struct cluster *c = cluster_open(&genesis, &config, error);
    cr_assert(c, "%s", error);
    cr_assert_eq(c->peer_count, COUNT + 1);
    cr_expect_eq(memcmp(c->peers[COUNT].key, follower.public_key, 33), 0);
    cr_expect(!c->peers[COUNT].dial);
    cr_expect_str_eq(c->names[COUNT], "follower-0");
    cluster_free(c);
    snprintf(twice, sizeof twice, "%s, 0x%s", follower_text, follower_text);
    config.allow = twice;
    expect_refused(&config, "is there already, as follower-0");
}

Test(cluster, a_node_without_a_validator_key_follows_those_that_it_is_told_of)
{
    char error[STORE_ERROR_MAX] = "";
    struct node_config config = {.channel_key = keys[2 * COUNT], .peers = (char *)"v2@127.0.0.1:1002"};
    struct cluster *c = cluster_open(&genesis, &config, error);
    cr_assert(c, "%s", error);
    cr_expect_eq(c->me, CLUSTER_FOLLOWER);
    for (unsigned i = 0; i < COUNT; i++)
        cr_expect_eq(c->peers[i].dial, i == 2);
    cluster_free(c);
    config.peers = (char *)"";
    expect_refused(&config, "no validator to follow");
}

Test(cluster, peers_may_be_named_by_their_key)
{
    char error[STORE_ERROR_MAX] = "", hex[67] = {0}, peers[200];
    hex_encode(hex, validators[3].channel_key, 33);
    snprintf(peers, sizeof peers, "0x%s@127.0.0.1:1003", hex);
    const struct node_config config = config_of(2, peers);
    struct cluster *c = cluster_open(&genesis, &config, error);
    cr_assert(c, "%s", error);
    cr_expect(c->peers[3].dial);
    cluster_free(c);
}

Test(cluster, what_does_not_fit_the_genesis_is_refused)
{
    struct node_config config = config_of(0, ALL);
    config.channel_key = NULL;
    expect_refused(&config, "name this node's channel-key");
    config.channel_key = keys[COUNT + 1];
    expect_refused(&config, "is the channel key of validator 1, which this node is not");
    config.channel_key = keys[2 * COUNT];
    expect_refused(&config, "is not the channel key that the genesis has for this validator");
    config.channel_key = keys[0];
    expect_refused(&config, "holds a consensus key, not a channel key");
    config = config_of(0, ALL);
    config.validator_key = NULL;
    expect_refused(&config, "is the channel key of validator 0, which this node is not");

    struct key_pair stranger;
    static char path[512];
    key_generate(&stranger, KEY_CONSENSUS);
    write_key(path, &stranger, "stranger", 0);
    config.validator_key = path;
    expect_refused(&config, "the genesis names no validator with this key");
    genesis.cluster.validator_count = 0;
    expect_refused(&config, "the genesis has no validators");
}

Test(cluster, malformed_peers_are_refused)
{
    static const struct {
        const char *peers, *words;
    } cases[] = {
        {"", "no address of v1, which this validator connects to"},
        {"v1@127.0.0.1:1001 v2@127.0.0.1:1002", "no address of validator-3"},
        {"127.0.0.1:1001", "is not WHO@HOST:PORT"},
        {"v1@127.0.0.1", "is not WHO@HOST:PORT"},
        {"v1@127.0.0.1:", "is not WHO@HOST:PORT"},
        {"v1@127.0.0.1:0", "is not WHO@HOST:PORT"},
        {"v1@127.0.0.1:65536", "is not WHO@HOST:PORT"},
        {"v1@127.0.0.1:99x", "is not WHO@HOST:PORT"},
        {"v1@127.0.0.1:-1", "is not WHO@HOST:PORT"},
        {"v1@:5", "is not WHO@HOST:PORT"},
        {"v1@[::1:5", "is not WHO@HOST:PORT"},
        {"v1@[]:5", "is not WHO@HOST:PORT"},
        {"v9@127.0.0.1:1001", "the genesis has no such validator"},
        {"@127.0.0.1:1001", "the genesis has no such validator"},
        {"v1@127.0.0.1:1001,v1@127.0.0.1:1002", "v1 is there twice"},
        {"v1@no-such-host.invalid:1001", "peers: v1: "},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct node_config config = config_of(0, cases[i].peers);
        expect_refused(&config, cases[i].words);
    }
}

Test(cluster, malformed_allow_lists_are_refused)
{
    struct node_config config = config_of(0, ALL);
    config.allow = (char *)"0x1234";
    expect_refused(&config, "is not a channel key");
    config.allow = (char *)"02ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    expect_refused(&config, "is not a channel key");
    char own[67] = {0}, other[67] = {0};
    hex_encode(own, validators[0].channel_key, 33);
    hex_encode(other, validators[1].channel_key, 33);
    config.allow = own;
    expect_refused(&config, "is this node's own key");
    config.allow = other;
    expect_refused(&config, "is there already, as v1");
}

Test(cluster, keys_that_are_no_points_are_refused)
{
    const struct node_config config = config_of(0, ALL);
    const bytes32 good = validators[2].consensus_key;
    memset(validators[2].consensus_key.b, 0xff, 32);
    expect_refused(&config, "a key of validator 2 is no point of secp256k1");
    validators[2].consensus_key = good;
    memset(validators[3].channel_key + 1, 0xff, 32);
    expect_refused(&config, "a key of validator 3 is no point of secp256k1");
}
