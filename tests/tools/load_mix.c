#include "tools/load/load_mix.h"

#include "tests/support/vectors.h"

#include <criterion/criterion.h>

static struct load_mix parse(const char *text, uint32_t tokens, uint32_t pairs)
{
    struct load_mix mix;
    char error[LOAD_MIX_ERROR_MAX] = "";
    cr_assert(load_mix_parse(&mix, text, tokens, pairs, error), "%s: %s", text, error);
    return mix;
}

Test(load_mix, kinds_have_weights)
{
    struct load_mix mix = parse("transfer", 16, 4);
    cr_expect(mix.weight[LOAD_TRANSFER] == 1 && !load_mix_has_contracts(&mix) && mix.token_count == 0);
    mix = parse("erc20=3,transfer", 16, 4);
    cr_expect(mix.weight[LOAD_TRANSFER] == 1 && mix.weight[LOAD_ERC20] == 3 && mix.weight[LOAD_SWAP] == 0);
    cr_expect(load_mix_has_contracts(&mix) && mix.token_count == 16 && mix.pair_count == 0);
    mix = parse("swap=1000000", 8, 4);
    cr_expect(mix.weight[LOAD_SWAP] == 1000000 && mix.token_count == 8 && mix.pair_count == 4);
}

Test(load_mix, what_it_does_not_know_is_refused_by_name)
{
    static const struct {
        const char *text;
        uint32_t tokens, pairs;
        const char *says;
    } cases[] = {
        {"", 16, 4, "\"\" is not"},
        {"transfer,", 16, 4, "\"\" is not"},
        {"mint", 16, 4, "\"mint\" is not transfer, erc20 or swap"},
        {"erc", 16, 4, "\"erc\" is not"},
        {"erc20x", 16, 4, "\"erc20x\" is not"},
        {"swap,erc20,swap", 16, 4, "swap is there twice"},
        {"erc20=", 16, 4, "the weight of erc20"},
        {"erc20=0", 16, 4, "the weight of erc20"},
        {"erc20=-1", 16, 4, "the weight of erc20"},
        {"erc20= 1", 16, 4, "the weight of erc20"},
        {"erc20=1000001", 16, 4, "the weight of erc20"},
        {"erc20=99999999999999999999", 16, 4, "the weight of erc20"},
        {"erc20=1x", 16, 4, "the weight of erc20"},
        {"erc20", 0, 4, "tokens"},
        {"erc20", LOAD_TOKENS_MAX + 1, 4, "tokens"},
        {"swap", 16, 0, "pairs"},
        {"swap", 16, 9, "pairs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct load_mix mix;
        char error[LOAD_MIX_ERROR_MAX] = "";
        cr_expect(!load_mix_parse(&mix, cases[i].text, cases[i].tokens, cases[i].pairs, error), "%s", cases[i].text);
        cr_expect(strstr(error, cases[i].says), "%s: %s", cases[i].text, error);
    }
}

// Which contract of a list, or `count`.
static uint32_t index_of(const address *list, uint32_t count, const address *who)
{
    uint32_t i = 0;
    while (i < count && !address_equal(&list[i], who))
        i++;
    return i;
}

Test(load_mix, kinds_and_contracts_come_as_often_as_they_should)
{
    enum { DRAWS = 60000, TOKENS = 6, PAIRS = 3 };
    struct load_mix mix = parse("transfer=1,erc20=3,swap=2", TOKENS, PAIRS);
    const address deployer = {{1}}, sender = {{2}}, receiver = {{3}};
    uint64_t seed = test_seed("load_mix");
    uint32_t transfers = 0, tokens[TOKENS + 1] = {0}, pairs[PAIRS + 1] = {0};
    load_mix_place(&mix, &deployer);
    for (int i = 0; i < DRAWS; i++) {
        const struct load_draws draws = {test_random(&seed), test_random(&seed), test_random(&seed)};
        uint8_t data[LOAD_CALL_DATA_MAX];
        struct tx_fields tx = {0};
        load_mix_call(&mix, &draws, &sender, &receiver, data, &tx);
        cr_assert(tx.data.len <= load_mix_data_max(&mix) && tx.gas_limit <= load_mix_gas_max(&mix));
        cr_assert_neq(u256_is_zero(&tx.value), tx.data.len == 0);
        if (tx.data.len == 0)
            transfers += address_equal(&tx.to, &receiver);
        else if (tx.data.len == 68)
            tokens[index_of(mix.tokens, TOKENS, &tx.to)]++;
        else
            pairs[index_of(mix.pairs, PAIRS, &tx.to)]++;
    }
    // A tenth of the mean is more than six deviations.
    cr_expect(transfers > DRAWS / 6 * 9 / 10 && transfers < DRAWS / 6 * 11 / 10, "%u transfers", transfers);
    for (int i = 0; i < TOKENS; i++)
        cr_expect(tokens[i] > DRAWS / 12 * 9 / 10 && tokens[i] < DRAWS / 12 * 11 / 10, "token %d: %u", i, tokens[i]);
    for (int i = 0; i < PAIRS; i++)
        cr_expect(pairs[i] > DRAWS / 9 * 9 / 10 && pairs[i] < DRAWS / 9 * 11 / 10, "pair %d: %u", i, pairs[i]);
    cr_expect(tokens[TOKENS] == 0 && pairs[PAIRS] == 0);
}
