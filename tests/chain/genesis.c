#include "chain/genesis.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/keccak.h"
#include "sigverify/sigverify.h"

static const char ALICE[] = "0x1111111111111111111111111111111111111111";

static bool parse(struct genesis *g, const char *json, char *error)
{
    return genesis_parse(g, json, strlen(json), error);
}

static void expect_refused(const char *json, const char *words)
{
    struct genesis g;
    char error[GENESIS_ERROR_MAX] = "";
    cr_expect(!parse(&g, json, error), "taken: %s", json);
    cr_expect(strstr(error, words), "'%s' does not say '%s'", error, words);
}

Test(genesis, everything_given_is_taken)
{
    struct genesis g;
    char error[GENESIS_ERROR_MAX] = "";
    const char *json =
        "{'config':{'chainId':'0x7a69','londonBlock':0,'cancunTime':0,"
        "'gantry':{'subsecond':false,'elasticity':4,'denominator':'50'}},"
        "'nonce':'0x42','timestamp':'1700000000','extraData':'0x67616e747279','gasLimit':'0x1c9c380',"
        "'difficulty':'0x0','baseFeePerGas':7,"
        "'mixHash':'0x2222222222222222222222222222222222222222222222222222222222222222',"
        "'coinbase':'0x3333333333333333333333333333333333333333',"
        "'alloc':{'2111111111111111111111111111111111111111':{'balance':'0xffffffffffffffffffffffffffffffffffffffff'},"
        "'0x1111111111111111111111111111111111111111':{'balance':'10000000000000000000000','nonce':'0x5','code':'0x',"
        "'storage':{}}}}";
    char text[2048];
    snprintf(text, sizeof text, "%s", json);
    for (char *p = text; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    cr_assert(parse(&g, text, error), "%s", error);
    cr_expect(g.chain_id == 31337 && !g.subsecond && g.fee_rules.elasticity == 4 && g.fee_rules.denominator == 50);
    cr_expect(g.header.gas_limit == 30000000 && g.header.timestamp == 1700000000 && g.header.nonce[7] == 0x42);
    cr_expect(g.header.base_fee.w[0] == 7 && g.header.mix_hash.b[31] == 0x22 && g.header.coinbase.b[0] == 0x33);
    cr_expect(bytes_equal(g.header.extra_data, bytes_of("gantry", 6)));
    cr_assert(g.account_count == 2);
    cr_expect(g.accounts[0].addr.b[0] == 0x11 && g.accounts[1].addr.b[0] == 0x21, "sorted");
    u256 balance;
    cr_assert(u256_parse(&balance, "10000000000000000000000", 23));
    cr_expect(u256_equal(&g.accounts[0].balance, &balance) && g.accounts[0].nonce == 5);
    cr_expect(u256_bits(&g.accounts[1].balance) == 160);
    genesis_free(&g);
}

Test(genesis, contracts_have_their_code_and_their_slots_in_order)
{
    struct genesis g;
    char error[GENESIS_ERROR_MAX] = "";
    cr_assert(parse(&g,
                    "{\"config\":{\"chainId\":5},\"alloc\":{\"0x1111111111111111111111111111111111111111\":"
                    "{\"balance\":\"0x0\",\"code\":\"0x6001\",\"storage\":{\"0x0102\":\"0x0304\",\"0x05\":\"0x00\","
                    "\"0x000000000000000000000000000000000000000000000000000000000000000a\":\"0b\"}}}}",
                    error),
              "%s", error);
    cr_assert_eq(g.account_count, 1);
    const struct genesis_account *a = &g.accounts[0];
    cr_assert_eq(a->code_len, 2);
    cr_expect(a->code[0] == 0x60 && a->code[1] == 0x01);
    cr_assert_eq(a->storage_count, 2, "zero is no slot");
    cr_expect(a->storage[0].slot.b[31] == 0x0a && a->storage[0].value.w[0] == 0x0b);
    cr_expect(a->storage[1].slot.b[30] == 1 && a->storage[1].slot.b[31] == 2 && a->storage[1].value.w[0] == 0x304);
    genesis_free(&g);
}

Test(genesis, defaults_are_the_documented_ones)
{
    struct genesis g;
    char error[GENESIS_ERROR_MAX] = "";
    cr_assert(parse(&g, "{\"config\":{\"chainId\":5}}", error), "%s", error);
    cr_expect(g.chain_id == 5 && g.subsecond && g.account_count == 0);
    cr_expect(g.header.gas_limit == 2000000000 && g.header.base_fee.w[0] == 1000000000);
    cr_expect(g.fee_rules.elasticity == 2 && g.fee_rules.denominator == 8);
    cr_expect(g.header.optional_count == 4 && g.header.extra_data.len == 0 && !g.header.no_base_fee);
    cr_expect(bytes32_equal(&g.header.withdrawals_root, &KECCAK256_EMPTY_RLP));
    cr_expect(bytes32_equal(&g.header.ommers_hash, &KECCAK256_EMPTY_LIST));
    genesis_free(&g);
}

Test(genesis, bad_files_are_refused_with_their_place)
{
    static const struct {
        const char *json, *words;
    } cases[] = {
        {"", "line 1"},
        {"{", "line 1"},
        {"[]", "not a JSON object"},
        {"{} x", "line 1"},
        {"{'config':{'chainId':1},'config':{'chainId':1}}", "duplicate"},
        {"{}", "config: missing"},
        {"{'config':{}}", "config.chainId: missing"},
        {"{'config':{'chainId':0}}", "config.chainId"},
        {"{'config':{'chainId':-1}}", "config.chainId: a negative number"},
        {"{'config':{'chainId':1.5}}", "config.chainId: not a number"},
        {"{'config':{'chainId':'0x8000000000000000'}}", "config.chainId"},
        {"{'config':{'chainId':'0x1ffffffffffffffff'}}", "config.chainId"},
        {"{'config':{'chainId':1,'londonBlock':5}}", "config.londonBlock: must be 0"},
        {"{'config':{'chainId':1,'cancunTime':5}}", "config.cancunTime: must be 0"},
        {"{'config':{'chainId':1,'pragueTime':0}}", "config.pragueTime"},
        {"{'config':{'chainId':1,'gantry':{'subsecnd':true}}}", "config.gantry.subsecnd: unknown key"},
        {"{'config':{'chainId':1,'gantry':{'subsecond':1}}}", "config.gantry.subsecond"},
        {"{'config':{'chainId':1,'gantry':{'elasticity':0}}}", "config.gantry.elasticity"},
        {"{'config':{'chainId':1,'gantry':{'denominator':0}}}", "config.gantry.denominator"},
        {"{'config':{'chainId':1,'gantry':[]}}", "config.gantry: not an object"},
        {"{'config':{'chainId':1},'gasLimit':20999}", "gasLimit: must be between 21000"},
        {"{'config':{'chainId':1},'gasLimit':'0x8000000000000000'}", "gasLimit"},
        {"{'config':{'chainId':1},'gasLimit':'lots'}", "gasLimit: not a number"},
        {"{'config':{'chainId':1},'baseFeePerGas':0}", "baseFeePerGas: must not be zero"},
        {"{'config':{'chainId':1},'baseFeePerGas':'0x100000000000000000000000000000000'}", "baseFeePerGas"},
        {"{'config':{'chainId':1},'difficulty':1}", "difficulty: must be zero"},
        {"{'config':{'chainId':1},'number':'0x1'}", "number: must be zero"},
        {"{'config':{'chainId':1},'excessBlobGas':1}", "excessBlobGas: must be zero"},
        {"{'config':{'chainId':1},'extraData':'0xabc'}", "extraData: not hexadecimal"},
        {"{'config':{'chainId':1},'extraData':"
         "'0x000000000000000000000000000000000000000000000000000000000000000000'}",
         "extraData"},
        {"{'config':{'chainId':1},'mixHash':'0x22'}", "mixHash: not 32"},
        {"{'config':{'chainId':1},'coinbase':7}", "coinbase: not 20"},
        {"{'config':{'chainId':1},'alloc':[]}", "alloc: not an object"},
        {"{'config':{'chainId':1},'alloc':{'0x11':{'balance':1}}}", "alloc.0x11: not an address"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':7}}", "alloc.ALICE: not an object"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':{}}}", "alloc.ALICE.balance: missing"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':{'balance':'0x0'}}}", "alloc.ALICE: an empty account"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':{'balance':'1e18'}}}", "alloc.ALICE.balance: not a number"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':{'balance':1,'code':'0x0'}}}", "alloc.ALICE.code: not hexadecimal"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':{'balance':1,'code':7}}}", "alloc.ALICE.code: not a string"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':{'balance':0,'code':'0x','storage':{'0x00':'0x01'}}}}",
         "alloc.ALICE: an empty account"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':{'balance':1,'storage':[]}}}", "alloc.ALICE.storage: not an object"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':{'balance':1,'storage':{'slot':'0x01'}}}}",
         "alloc.ALICE.storage.slot: not a slot"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':{'balance':1,'storage':{'0x01':1}}}}",
         "alloc.ALICE.storage.0x01: not a value"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':{'balance':1,'storage':{'0x01':"
         "'0x000000000000000000000000000000000000000000000000000000000000000000'}}}}",
         "alloc.ALICE.storage.0x01: not a value"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':{'balance':1,'storage':{'0x01':'0x01','0x0001':'0x02'}}}}",
         "alloc.ALICE.storage: a slot is there twice"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':{'balance':1,'nonce':'0xffffffffffffffff'}}}", "alloc.ALICE.nonce"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':{'balance':"
         "'0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'},"
         "'2222222222222222222222222222222222222222':{'balance':1}}}",
         "alloc: the balances together exceed 256 bits"},
        {"{'config':{'chainId':1},'alloc':{'ALICE':{'balance':1},"
         "'1111111111111111111111111111111111111111':{'balance':1}}}",
         "alloc.ALICE: the account is there twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        // Quotes and the account's name are written short above.
        char json[1024], words[128], *out;
        for (int which = 0; which < 2; which++) {
            out = which ? words : json;
            for (const char *in = which ? cases[i].words : cases[i].json; *in;) {
                if (strncmp(in, "ALICE", 5) == 0) {
                    out = stpcpy(out, ALICE);
                    in += 5;
                } else {
                    *out++ = *in == '\'' ? '"' : *in;
                    in++;
                }
            }
            *out = '\0';
        }
        expect_refused(json, words);
    }
}

Test(genesis, a_file_is_named_when_it_is_refused)
{
    struct genesis g;
    char error[GENESIS_ERROR_MAX] = "", path[] = "/tmp/gantry-genesis-XXXXXX";
    cr_expect(!genesis_load(&g, "/nonexistent/genesis.json", error));
    cr_expect(strstr(error, "/nonexistent/genesis.json: No such file"), "%s", error);
    const int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, "{}", 2) == 2);
    close(fd);
    cr_expect(!genesis_load(&g, path, error));
    cr_expect(strstr(error, path) && strstr(error, "config: missing"), "%s", error);
    FILE *file = fopen(path, "w");
    fputs("{\"config\":{\"chainId\":9}}", file);
    fclose(file);
    cr_expect(genesis_load(&g, path, error) && g.chain_id == 9);
    genesis_free(&g);
    unlink(path);
}

Test(genesis, the_dev_chain_funds_the_accounts_that_everybody_knows)
{
    struct genesis g;
    genesis_dev(&g);
    uint8_t first[20];
    cr_assert(hex_decode(first, 20, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", 42) == 20);
    cr_expect_arr_eq(DEV_ACCOUNTS[0].addr.b, first, 20);
    u256 balance;
    cr_assert(u256_parse(&balance, "10000000000000000000000", 23));
    cr_assert(g.chain_id == 31337 && g.account_count == DEV_ACCOUNT_COUNT + 1);
    for (size_t i = 0; i < DEV_ACCOUNT_COUNT; i++) {
        uint8_t pubkey[64];
        cr_assert(sv_public_key(pubkey, &DEV_ACCOUNTS[i].secret_key));
        const address addr = sv_address(pubkey);
        cr_expect(address_equal(&addr, &DEV_ACCOUNTS[i].addr), "account %zu", i);
        bool is_funded = false;
        for (size_t j = 0; j < g.account_count; j++)
            is_funded |= address_equal(&g.accounts[j].addr, &addr) && u256_equal(&g.accounts[j].balance, &balance);
        cr_expect(is_funded, "account %zu", i);
        cr_expect(i == 0 || memcmp(g.accounts[i - 1].addr.b, g.accounts[i].addr.b, 20) < 0, "sorted");
    }
    genesis_free(&g);
}

Test(genesis, the_dev_chain_has_the_contract_of_eip_4788)
{
    struct genesis g;
    genesis_dev(&g);
    uint8_t who[20];
    bytes32 hash;
    cr_assert_eq(hex_decode(who, 20, "000F3df6D732807Ef1319fB7B8bB8522d0Beac02", 40), 20);
    cr_assert_eq(hex_decode(hash.b, 32, "f57acd40259872606d76197ef052f3d35588dadf919ee1f0e3cb9b62d3f4b02c", 64), 32);
    const struct genesis_account *a = &g.accounts[0];
    cr_assert_arr_eq(a->addr.b, who, 20);
    const bytes32 code = keccak256(a->code, a->code_len);
    cr_expect(bytes32_equal(&code, &hash), "the code that mainnet has there");
    cr_expect(a->nonce == 1 && u256_is_zero(&a->balance) && a->storage_count == 0);
    genesis_free(&g);
}

Test(genesis, bench_keys_are_valid_distinct_and_bound_to_their_seed)
{
    uint8_t pubkey[64];
    for (uint64_t i = 0; i < 200; i++) {
        const bytes32 key = bench_key(1, i), next = bench_key(1, i + 1), other = bench_key(2, i),
                      same = bench_key(1, i);
        cr_expect(sv_public_key(pubkey, &key));
        cr_expect(bytes32_equal(&key, &same) && !bytes32_equal(&key, &next) && !bytes32_equal(&key, &other));
        const address a = bench_receiver(1, i), b = bench_receiver(1, i + 1), c = bench_receiver(2, i);
        cr_expect(!address_equal(&a, &b) && !address_equal(&a, &c));
    }
}
