// gantry init: what it writes is what a node takes, and nothing is overwritten.
#include "tools/cluster/init.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/cluster.h"
#include "engine/key_file.h"
#include "engine/vote_folder.h"
#include "tools/remove_tree.h"

static char root[64], out[96];
static struct init_settings settings;

static void setup(void)
{
    strcpy(root, "/tmp/gantry-init-XXXXXX");
    cr_assert(mkdtemp(root));
    snprintf(out, sizeof out, "%s/cluster", root);
    settings = (struct init_settings){.validators = 4,
                                      .out = out,
                                      .network = (char *)"lan",
                                      .dev_accounts = true,
                                      .chain_id = 99,
                                      .epoch_blocks = 64,
                                      .epoch_ms = 5000,
                                      .heartbeat_ms = 70,
                                      .rpc_port = 8545,
                                      .ingest_port = 8550,
                                      .p2p_port = 8551};
}

static void teardown(void)
{
    remove_tree(root);
}

TestSuite(cluster_init, .init = setup, .fini = teardown);

static void make(void)
{
    char error[INIT_ERROR_MAX] = "";
    cr_assert(init_cluster(&settings, error), "%s", error);
}

static void expect_refused(const char *words)
{
    char error[INIT_ERROR_MAX] = "";
    cr_expect(!init_cluster(&settings, error), "made, not: %s", words);
    cr_expect(strstr(error, words), "'%s' does not say '%s'", error, words);
    cr_expect(access(out, F_OK) != 0, "something was made before: %s", words);
}

// Validator i as its node would start: in its folder, from its configuration.
static struct cluster *open_validator(unsigned i, struct node_config *config, struct genesis *genesis)
{
    char folder[128], error[STORE_ERROR_MAX] = "", reason[GENESIS_ERROR_MAX] = "";
    init_folder(folder, sizeof folder, &settings, i);
    cr_assert_eq(chdir(folder), 0);
    *config = (struct node_config){0};
    config_defaults(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, config);
    cr_assert(config_load(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, config, "node.conf", error), "%s", error);
    cr_assert(genesis_load(genesis, config->genesis, reason), "%s", reason);
    struct cluster *c = cluster_open(genesis, config, error);
    cr_assert(c, "%s", error);
    return c;
}

Test(cluster_init, each_folder_is_a_validator_that_finds_the_others)
{
    char names[4][64];
    make();
    for (unsigned i = 0; i < 4; i++) {
        struct node_config config;
        struct genesis genesis;
        struct vote_folder votes;
        char error[STORE_ERROR_MAX] = "", guard_dir[PATH_MAX];
        struct cluster *c = open_validator(i, &config, &genesis);
        cr_expect(c->me == i && c->set.wire.n == 4 && c->peer_count == 4);
        cr_expect(genesis.chain_id == 99 && c->epoch_blocks == 64 && c->epoch_ms == 5000 && c->heartbeat_ms == 70);
        cr_expect(genesis.account_count == DEV_ACCOUNT_COUNT + 1 && genesis.header.timestamp > 1700000000);
        cr_expect(genesis.accounts[0].addr.b[1] == 0x0f && genesis.accounts[0].code_len == 97, "EIP-4788's contract");
        cr_expect(!address_equal(&c->fee_addresses[i], &genesis.accounts[0].addr), "which gets no tips");
        cr_expect(config.rpc_port == 8545 + 10 * i && config.ingest_port == 8550 + 10 * i);
        cr_expect(config.p2p_port == 8551 + 10 * i);
        cr_expect(!config.pin, "nodes on one machine would all take its first cores");
        cr_expect_str_eq(config.p2p_host, "127.0.0.1");
        for (unsigned j = i + 1; j < 4; j++) {
            snprintf(names[j], sizeof names[j], "127.0.0.1:%u", 8551 + 10 * j);
            cr_expect_str_eq(c->hosts[j], names[j]);
        }
        cr_assert(vote_folder_guard_dir(guard_dir, config.guard, config.validator_key));
        cr_assert_eq(mkdir("data", 0700), 0);
        cr_expect(vote_folder_open(&votes, "data", guard_dir, error), "%s", error);
        cr_expect(!votes.recover);
        vote_folder_close(&votes);
        cluster_free(c);
        genesis_free(&genesis);
        config_free(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &config);
    }
}

Test(cluster_init, followers_know_the_validators_who_let_them_in)
{
    struct node_config config;
    struct genesis genesis;
    char error[STORE_ERROR_MAX] = "", folder[128];
    uint8_t keys[2][NOISE_KEY_BYTES];
    settings.followers = 2;
    make();
    for (unsigned i = 0; i < 2; i++) {
        init_follower_folder(folder, sizeof folder, &settings, i);
        cr_assert_eq(chdir(folder), 0);
        config = (struct node_config){0};
        config_defaults(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &config);
        cr_assert(config_load(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &config, "node.conf", error), "%s", error);
        cr_assert(genesis_load(&genesis, config.genesis, error), "%s", error);
        struct cluster *c = cluster_open(&genesis, &config, error);
        cr_assert(c, "%s", error);
        cr_expect(c->me == CLUSTER_FOLLOWER && c->peers[0].dial && c->peers[3].dial);
        cr_expect_eq(config.rpc_port, 8545 + 10 * (4 + i));
        memcpy(keys[i], c->channel_key, NOISE_KEY_BYTES);
        cluster_free(c);
        genesis_free(&genesis);
        config_free(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &config);
    }
    struct cluster *c = open_validator(3, &config, &genesis);
    cr_assert_eq(c->peer_count, 6);
    for (unsigned i = 0; i < 2; i++)
        cr_expect_eq(memcmp(c->peers[4 + i].key, keys[i], NOISE_KEY_BYTES), 0);
    cluster_free(c);
    genesis_free(&genesis);
    config_free(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &config);
}

Test(cluster_init, secrets_are_their_owners)
{
    static const char *const files[] = {"consensus.key", "channel.key", "sign-guard"};
    struct stat st;
    char path[256];
    umask(0);
    make();
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/validator-3/%s", out, files[i]);
        cr_assert_eq(stat(path, &st), 0, "%s", path);
        cr_expect_eq(st.st_mode & 07777, 0600, "%s", path);
    }
    snprintf(path, sizeof path, "%s/validator-3", out);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0700);
}

Test(cluster_init, sealed_keys_open_with_the_passphrase_file)
{
    char path[128];
    struct node_config config;
    struct genesis genesis;
    snprintf(path, sizeof path, "%s/passphrase", root);
    FILE *file = fopen(path, "w");
    fputs("open sesame\n", file);
    fchmod(fileno(file), 0600);
    fclose(file);
    settings.key_passphrase = path;
    settings.validators = 1;
    make();
    struct cluster *c = open_validator(0, &config, &genesis);
    cr_expect_eq(c->me, 0);
    cluster_free(c);
    char error[STORE_ERROR_MAX] = "";
    free(config.key_passphrase);
    config.key_passphrase = NULL;
    cr_expect_null(cluster_open(&genesis, &config, error));
    cr_expect(strstr(error, "is sealed"), "%s", error);
    genesis_free(&genesis);
    config_free(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &config);
}

Test(cluster_init, hosts_have_their_own_ports_and_weights_and_fee_addresses_are_taken)
{
    struct node_config config;
    struct genesis genesis;
    settings.validators = 3;
    settings.hosts = (char *)"10.0.0.1,::1, 10.0.0.1";
    settings.weights = (char *)"5,6,7";
    settings.fee_addresses = (char *)"0x1111111111111111111111111111111111111111,"
                                     "0x2222222222222222222222222222222222222222,"
                                     "0x3333333333333333333333333333333333333333";
    settings.network = (char *)"wan";
    make();
    for (unsigned i = 0; i < 3; i++) {
        struct cluster *c = open_validator(i, &config, &genesis);
        cr_expect(c->set.weight[i] == 5 + i && c->fee_addresses[i].b[0] == 0x11 * (i + 1));
        cr_expect_eq(c->network, CLUSTER_WAN);
        cr_expect_eq(config.p2p_port, i == 2 ? 8561 : 8551);
        cr_expect_eq(config.pin, i == 1, "the others share a machine");
        cr_expect_str_eq(config.p2p_host, i == 1 ? "::1" : "0.0.0.0");
        if (i == 0)
            cr_expect_str_eq(c->hosts[1], "[::1]:8551");
        cluster_free(c);
        genesis_free(&genesis);
        config_free(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &config);
    }
}

Test(cluster_init, a_template_keeps_what_it_says)
{
    char path[128];
    struct node_config config;
    struct genesis genesis;
    snprintf(path, sizeof path, "%s/template.json", root);
    FILE *file = fopen(path, "w");
    fputs("{\"config\":{\"chainId\":5,\"gantry\":{\"elasticity\":4}},\"timestamp\":1234567890,\"gasLimit\":30000000,"
          "\"alloc\":{\"1111111111111111111111111111111111111111\":{\"balance\":\"7\"}}}",
          file);
    fclose(file);
    settings.genesis = path;
    settings.dev_accounts = false;
    settings.fund = (char *)"0x2222222222222222222222222222222222222222=3";
    make();
    struct cluster *c = open_validator(2, &config, &genesis);
    cr_expect(genesis.chain_id == 5 && genesis.fee_rules.elasticity == 4 && genesis.header.timestamp == 1234567890);
    cr_expect(genesis.header.gas_limit == 30000000 && genesis.account_count == 2);
    const u256 three = u256_from_u64(3000000000000000000);
    cr_expect(u256_equal(&genesis.accounts[1].balance, &three));
    cr_expect_eq(c->fee_addresses[0].b[0], 0x11, "the first funded account");
    cluster_free(c);
    genesis_free(&genesis);
    config_free(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &config);
}

Test(cluster_init, nothing_is_overwritten)
{
    char error[INIT_ERROR_MAX] = "", path[160];
    cr_assert_eq(mkdir(out, 0755), 0);
    snprintf(path, sizeof path, "%s/mine", out);
    FILE *file = fopen(path, "w");
    fclose(file);
    cr_expect(!init_cluster(&settings, error));
    cr_expect(strstr(error, "is there and not empty"), "%s", error);
    unlink(path);
    make(); // an empty folder is taken
    cr_expect(!init_cluster(&settings, error));
    cr_expect(strstr(error, "is there and not empty"), "%s", error);
}

Test(cluster_init, settings_that_do_not_fit_are_refused_before_anything_is_made)
{
    settings.dev_accounts = false;
    expect_refused("nobody would have a balance");
    settings.fund = (char *)"0x22=3";
    expect_refused("is not ADDRESS=ETHER");
    settings.fund = (char *)"0x2222222222222222222222222222222222222222=x";
    expect_refused("is not ADDRESS=ETHER");
    settings.fund = NULL;
    settings.dev_accounts = true;
    settings.hosts = (char *)"a,b";
    expect_refused("hosts: 2 for 4 validators");
    settings.hosts = (char *)"a,b,c,d,e";
    expect_refused("hosts: more than one a validator");
    settings.hosts = (char *)"a,b,c,\"d";
    expect_refused("is neither a name nor an address");
    settings.hosts = NULL;
    settings.weights = (char *)"1,2,3,0";
    expect_refused("weights: \"0\" is not a number");
    settings.weights = (char *)"1,2";
    expect_refused("weights: 2 for 4 validators");
    settings.weights = NULL;
    settings.fee_addresses = (char *)"0x12";
    expect_refused("fee-addresses: \"0x12\" is not an address");
    settings.fee_addresses = NULL;
    settings.ingest_port = 8555;
    expect_refused("would meet");
    settings.ingest_port = 8550;
    settings.rpc_port = 65531;
    expect_refused("are above 65535");
    settings.rpc_port = 8545;
    settings.network = (char *)"moon";
    expect_refused("config.gantry.network");
    settings.network = (char *)"lan";
    settings.genesis = (char *)"/no/such/template";
    expect_refused("/no/such/template");
    settings.genesis = NULL;
    settings.key_passphrase = (char *)"/no/such/file";
    expect_refused("cannot read the passphrase file");
}
