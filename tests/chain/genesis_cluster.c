// The validators of a genesis: what is taken, what is refused and in which words, and that the genesis hash binds it.
#include "chain/genesis.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/keccak.h"

// Text with ' for " and, where `digest` is not NULL, its extraData.
static bool parse(struct genesis *g, const char *gantry, const char *extra, char *error)
{
    char text[8192];
    snprintf(text, sizeof text, "{'config':{'chainId':77,'gantry':{%s}}%s%s%s}", gantry, extra ? ",'extraData':'" : "",
             extra ? extra : "", extra ? "'" : "");
    for (char *p = text; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    return genesis_parse(g, text, strlen(text), error);
}

// The digest that a refusal for a wrong extraData names.
static const char *wanted(const char *gantry)
{
    static char digest[67];
    struct genesis g;
    char error[GENESIS_ERROR_MAX] = "";
    cr_assert(!parse(&g, gantry, NULL, error), "taken without extraData");
    const char *at = strstr(error, "extraData: must be 0x");
    cr_assert_eq(at, error, "%s", error);
    snprintf(digest, sizeof digest, "%.66s", error + strlen("extraData: must be "));
    return digest;
}

static void expect_refused(const char *gantry, const char *words)
{
    struct genesis g;
    char error[GENESIS_ERROR_MAX] = "";
    cr_expect(!parse(&g, gantry, NULL, error), "taken: %s", gantry);
    cr_expect(strstr(error, words), "'%s' does not say '%s'", error, words);
}

#define X32(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define FEE "'feeAddress':'0x2222222222222222222222222222222222222222'"
#define KEYS(a, b) "'consensusKey':'0x" X32(a) "','channelKey':'0x02" X32(b) "'"
#define ONE "{" KEYS("11", "33") ",'weight':1," FEE "}"
#define TWO "{" KEYS("44", "55") ",'weight':'7'," FEE ",'name':'b.2_x-Y'}"

Test(genesis_cluster, is_read_in_full_and_bound_by_extra_data)
{
    struct genesis g;
    char error[GENESIS_ERROR_MAX] = "";
    const char *gantry = "'validators':[" ONE "," TWO "],'epochBlocks':'0x40','epochMs':5000,'heartbeatMs':250,"
                         "'network':'wan'";
    cr_assert(parse(&g, gantry, wanted(gantry), error), "%s", error);
    const struct genesis_cluster *c = &g.cluster;
    cr_assert_eq(c->validator_count, 2);
    cr_expect(c->validators[0].consensus_key.b[31] == 0x11 && c->validators[0].channel_key[0] == 2 &&
              c->validators[0].channel_key[32] == 0x33 && c->validators[0].weight == 1 &&
              c->validators[0].fee_address.b[0] == 0x22);
    cr_expect_str_eq(c->validators[0].name, "");
    cr_expect_str_eq(c->validators[1].name, "b.2_x-Y");
    cr_expect_eq(c->validators[1].weight, 7);
    cr_expect(c->epoch_blocks == 64 && c->epoch_ms == 5000 && c->heartbeat_ms == 250 && c->network == CLUSTER_WAN);
    const bytes32 digest = cluster_digest(&g);
    cr_expect(bytes_equal(g.header.extra_data, bytes_of(digest.b, 32)));
    genesis_free(&g);
}

Test(genesis_cluster, without_validators_it_is_a_chain_of_one_node_with_defaults)
{
    struct genesis g;
    char error[GENESIS_ERROR_MAX] = "";
    cr_assert(parse(&g, "", "0x1234", error), "%s", error);
    cr_expect(g.cluster.validator_count == 0 && g.cluster.epoch_blocks == 8192 && g.cluster.epoch_ms == 86400000 &&
              g.cluster.heartbeat_ms == 0 && g.cluster.network == CLUSTER_LAN);
    genesis_free(&g);
}

Test(genesis_cluster, every_field_changes_the_digest)
{
    static const char *const texts[] = {
        "'validators':[" ONE "," TWO "]",
        "'validators':[" TWO "," ONE "]",
        "'validators':[" ONE "]",
        "'validators':[" ONE "," TWO "],'epochBlocks':5",
        "'validators':[" ONE "," TWO "],'epochMs':0",
        "'validators':[" ONE "," TWO "],'heartbeatMs':1",
        "'validators':[" ONE "," TWO "],'network':'wan'",
        "'validators':[" ONE "," TWO "],'subsecond':false",
        "'validators':[" ONE "," TWO "],'elasticity':3",
        "'validators':[" ONE "," TWO "],'denominator':9",
        "'validators':[{" KEYS("12", "33") ",'weight':1," FEE "}," TWO "]",
        "'validators':[{" KEYS("11", "34") ",'weight':1," FEE "}," TWO "]",
        "'validators':[{" KEYS("11", "33") ",'weight':2," FEE "}," TWO "]",
        "'validators':[{" KEYS("11", "33") ",'weight':1," FEE ",'name':'a'}," TWO "]",
        "'validators':[{" KEYS("11", "33") ",'weight':1,'feeAddress':'0x2222222222222222222222222222222222222223'}," TWO
                                           "]",
    };
    enum { COUNT = sizeof texts / sizeof texts[0] };
    char digests[COUNT][67];
    for (unsigned i = 0; i < COUNT; i++) {
        strcpy(digests[i], wanted(texts[i]));
        for (unsigned j = 0; j < i; j++)
            cr_expect_str_neq(digests[i], digests[j], "%u and %u", i, j);
    }
}

Test(genesis_cluster, the_digest_is_the_documented_one)
{
    struct genesis g;
    char error[GENESIS_ERROR_MAX] = "";
    const char *gantry = "'validators':[" ONE "]";
    cr_assert(parse(&g, gantry, wanted(gantry), error), "%s", error);
    uint8_t text[16 + 9 * 8 + 32 + 33 + 8 + 20 + 32] = "gantry cluster 1", *p = text + 16;
    const uint64_t numbers[] = {77, 1, 2, 8, 8192, 86400000, 0, 0, 1};
    for (unsigned i = 0; i < 9; i++, p += 8)
        store_le64(p, numbers[i]);
    memset(p, 0x11, 32);
    p[32] = 2;
    memset(p + 33, 0x33, 32);
    store_le64(p + 65, 1);
    memset(p + 73, 0x22, 20);
    const bytes32 digest = keccak256(text, sizeof text), own = cluster_digest(&g);
    cr_expect(bytes32_equal(&digest, &own));
    genesis_free(&g);
}

Test(genesis_cluster, bad_validators_are_refused_with_their_place)
{
    static const struct {
        const char *gantry, *words;
    } cases[] = {
        {"'validators':{}", "config.gantry.validators: not a list of 1 to 128"},
        {"'validators':[]", "config.gantry.validators: not a list of 1 to 128"},
        {"'validators':[5]", "config.gantry.validators[0].: not an object"},
        {"'validators':[" ONE ",{}]", "validators[1].weight: missing"},
        {"'validators':[{'weight':1}]", "validators[0].consensusKey: missing"},
        {"'validators':[{'weight':1,'consensusKey':'0x11'}]", "consensusKey: not 32 hexadecimal bytes"},
        {"'validators':[{'weight':1,'consensusKey':5}]", "consensusKey: not 32 hexadecimal bytes"},
        {"'validators':[{'weight':1,'consensusKey':'0x" X32("11") "'}]", "channelKey: missing"},
        {"'validators':[{" KEYS("11", "33") ",'weight':1}]", "feeAddress: missing"},
        {"'validators':[{'weight':1,'consensusKey':'0x" X32("11") "','channelKey':'0x04" X32("33") "'," FEE "}]",
         "channelKey: not a compressed public key"},
        {"'validators':[{" KEYS("11", "33") ",'weight':0," FEE "}]", "weight: must be between 1 and 4294967295"},
        {"'validators':[{" KEYS("11", "33") ",'weight':4294967296," FEE "}]", "weight: must be between 1 and"},
        {"'validators':[{" KEYS("11", "33") ",'weight':-1," FEE "}]", "weight: a negative number"},
        {"'validators':[{" KEYS("11", "33") ",'weight':1," FEE ",'stake':1}]", "validators[0].stake: unknown key"},
        {"'validators':[{" KEYS("11", "33") ",'weight':1," FEE ",'name':''}]", "name: not 1 to 32 letters"},
        {"'validators':[{" KEYS("11", "33") ",'weight':1," FEE ",'name':'a b'}]", "name: not 1 to 32 letters"},
        {"'validators':[{" KEYS("11", "33") ",'weight':1," FEE ",'name':'a@b'}]", "name: not 1 to 32 letters"},
        {"'validators':[{" KEYS("11", "33") ",'weight':1," FEE ",'name':'" X32("a") "b'}]", "name: not 1 to 32"},
        {"'validators':[" ONE "," ONE "]", "validators[1].consensusKey: validator 0 has it already"},
        {"'validators':[" ONE ",{" KEYS("12", "33") ",'weight':1," FEE "}]", "[1].channelKey: validator 0 has it"},
        {"'validators':[" ONE ",{" KEYS("33", "34") ",'weight':1," FEE "}]", "[1].consensusKey: validator 0 has it"},
        {"'validators':[" ONE ",{" KEYS("12", "11") ",'weight':1," FEE "}]", "[1].channelKey: validator 0 has it"},
        {"'validators':[{" KEYS("11", "11") ",'weight':1," FEE "}]", "must be another key than consensusKey"},
        {"'validators':[" TWO ",{" KEYS("12", "13") ",'weight':1," FEE ",'name':'b.2_x-Y'}]", "[1].name: validator 0"},
        {"'network':'moon'", "config.gantry.network: not \"lan\" or \"wan\""},
        {"'network':5", "config.gantry.network: not"},
        {"'epochBlocks':0", "config.gantry.epochBlocks: must be between 1"},
        {"'epochMs':999", "config.gantry.epochMs: must be 0 (never) or at least 1000"},
        {"'heartbeatMs':86400001", "config.gantry.heartbeatMs: must be between"},
        {"'validator':[]", "config.gantry.validator: unknown key"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refused(cases[i].gantry, cases[i].words);
}

Test(genesis_cluster, takes_128_validators_and_not_one_more)
{
    char *gantry = malloc(64 * 1024), error[GENESIS_ERROR_MAX] = "";
    for (unsigned n = 128; n <= 129; n++) {
        char *p = gantry + sprintf(gantry, "{\"config\":{\"chainId\":77,\"gantry\":{\"validators\":[");
        for (unsigned i = 0; i < n; i++)
            p += sprintf(p,
                         "%s{\"consensusKey\":\"%064x\",\"channelKey\":\"03%064x\",\"weight\":4294967295,"
                         "\"feeAddress\":\"%040x\"}",
                         i > 0 ? "," : "", i + 1, i + 1000, i);
        strcpy(p, "]}}}");
        struct genesis g;
        cr_assert(!genesis_parse(&g, gantry, strlen(gantry), error));
        cr_expect(strstr(error, n == 128 ? "extraData: must be" : "not a list of 1 to 128"), "%s", error);
    }
    free(gantry);
}

Test(genesis_cluster, another_extra_data_is_refused)
{
    struct genesis g;
    char error[GENESIS_ERROR_MAX] = "", other[67];
    const char *gantry = "'validators':[" ONE "]";
    strcpy(other, wanted(gantry));
    other[66 - 1] ^= 1;
    cr_expect(!parse(&g, gantry, other, error));
    cr_expect(strstr(error, "extraData: must be 0x"), "%s", error);
    other[64] = '\0';
    cr_expect(!parse(&g, gantry, other, error));
}
