#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/chain/signed_tx.h"

static const uint64_t BLOCK_GAS = 30000000;

static enum tx_status check(const struct tx_fields *fields)
{
    const size_t cap = fields->data.len + SIGNED_MAX;
    uint8_t *raw = malloc(cap);
    struct tx tx;
    const size_t len = sign_fields(raw, cap, fields);
    enum tx_status status = tx_decode(&tx, bytes_of(raw, len), 1);
    cr_assert(status == TX_OK, "%s", tx_status_text(status));
    status = tx_check_static(&tx, BLOCK_GAS);
    free(raw);
    return status;
}

Test(tx_rules, intrinsic_gas_counts_data_creation_words_and_access_lists)
{
    static const uint8_t data[70] = {1, 2, 3, [69] = 4};
    const struct {
        struct tx tx;
        uint64_t gas;
    } cases[] = {
        {{.to = {{1}}}, 21000},
        {{.data = {data, 70}, .data_zero_count = 66}, 21000 + 66 * 4 + 4 * 16},
        {{.is_create = true}, 53000},
        {{.is_create = true, .data = {data, 1}, .data_zero_count = 0}, 53000 + 16 + 2},
        {{.is_create = true, .data = {data, 32}, .data_zero_count = 29}, 53000 + 29 * 4 + 3 * 16 + 2},
        {{.is_create = true, .data = {data, 33}, .data_zero_count = 30}, 53000 + 30 * 4 + 3 * 16 + 4},
        {{.access_address_count = 3, .access_key_count = 5}, 21000 + 3 * 2400 + 5 * 1900},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect(tx_intrinsic_gas(&cases[i].tx) == cases[i].gas, "case %zu: %lu", i, tx_intrinsic_gas(&cases[i].tx));
}

Test(tx_rules, decoding_counts_zero_bytes_addresses_and_keys)
{
    // Two entries: one address with two keys, one without.
    uint8_t list[2 + 2 + 21 + 2 + 66 + 22 + 1];
    uint8_t *p = list;
    memcpy(p, "\xf8\x70\xf8\x59\x94", 5);
    memset(p + 5, 0x11, 20);
    memcpy(p + 25, "\xf8\x42\xa0", 3);
    memset(p + 28, 0x22, 32);
    p[60] = 0xa0;
    memset(p + 61, 0x33, 32);
    memcpy(p + 93, "\xd6\x94", 2);
    memset(p + 95, 0x44, 20);
    p = list;
    list[115] = 0xc0;
    list[1] = (uint8_t)(sizeof list - 2);
    struct tx_fields fields = sample_fields(TX_DYNAMIC_FEE);
    uint8_t raw[SIGNED_MAX];
    struct tx tx;
    fields.access_list = bytes_of(p, sizeof list);
    fields.data = bytes_of("\0\1\0\2\0", 5);
    const size_t len = sign_fields(raw, sizeof raw, &fields);
    const enum tx_status status = tx_decode(&tx, bytes_of(raw, len), 1);
    cr_assert(status == TX_OK, "%s", tx_status_text(status));
    cr_expect(tx.access_address_count == 2 && tx.access_key_count == 2 && tx.data_zero_count == 3);
    cr_expect(bytes_equal(tx.access_list, fields.access_list) && bytes_equal(tx.data, fields.data));
}

Test(tx_rules, static_checks_refuse_each_by_its_name)
{
    struct tx_fields fields = sample_fields(TX_DYNAMIC_FEE);
    cr_expect(check(&fields) == TX_OK);
    fields.gas_limit = 20999;
    cr_expect(check(&fields) == TX_INTRINSIC_GAS);
    fields.gas_limit = BLOCK_GAS;
    cr_expect(check(&fields) == TX_OK);
    fields.gas_limit = BLOCK_GAS + 1;
    cr_expect(check(&fields) == TX_GAS_LIMIT_EXCEEDED);

    fields = sample_fields(TX_DYNAMIC_FEE);
    fields.max_tip = fields.max_fee;
    cr_expect(check(&fields) == TX_OK);
    const u256 one = u256_from_u64(1);
    u256_add(&fields.max_tip, &fields.max_fee, &one);
    cr_expect(check(&fields) == TX_TIP_ABOVE_FEE_CAP);

    fields = sample_fields(TX_LEGACY);
    fields.nonce = UINT64_MAX - 1;
    cr_expect(check(&fields) == TX_OK);
    fields.nonce = UINT64_MAX;
    cr_expect(check(&fields) == TX_NONCE_MAX);

    fields = sample_fields(TX_LEGACY);
    fields.max_fee = fields.max_tip = U256_MAX;
    cr_expect(check(&fields) == TX_COST_OVERFLOW, "gas times price");
    fields = sample_fields(TX_LEGACY);
    fields.value = U256_MAX;
    cr_expect(check(&fields) == TX_COST_OVERFLOW, "cost plus value");
    fields.max_fee = fields.max_tip = U256_ZERO;
    cr_expect(check(&fields) == TX_OK, "exactly 2^256-1");
}

Test(tx_rules, init_code_has_at_most_49152_bytes)
{
    uint8_t *code = calloc(1, TX_INIT_CODE_MAX + 1);
    struct tx_fields fields = sample_fields(TX_DYNAMIC_FEE);
    fields.is_create = true;
    fields.gas_limit = BLOCK_GAS;
    fields.data = bytes_of(code, TX_INIT_CODE_MAX);
    cr_expect(check(&fields) == TX_OK);
    fields.data.len++;
    cr_expect(check(&fields) == TX_INIT_CODE_TOO_LARGE);
    fields.is_create = false;
    cr_expect(check(&fields) == TX_OK, "data of a call may be longer");
    free(code);
}

Test(tx_rules, effective_price_is_base_fee_plus_tip_up_to_the_cap)
{
    struct tx tx = {.max_fee = u256_from_u64(100), .max_tip = u256_from_u64(7)};
    const struct {
        uint64_t base_fee, price;
    } cases[] = {{0, 7}, {10, 17}, {93, 100}, {94, 100}, {100, 100}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const u256 base_fee = u256_from_u64(cases[i].base_fee), expected = u256_from_u64(cases[i].price);
        const u256 price = tx_effective_price(&tx, &base_fee);
        cr_expect(u256_equal(&price, &expected), "base fee %lu", cases[i].base_fee);
    }
    tx.max_fee = tx.max_tip = U256_MAX;
    const u256 base_fee = u256_from_u64(5);
    const u256 price = tx_effective_price(&tx, &base_fee);
    cr_expect(u256_equal(&price, &tx.max_fee), "a sum beyond 256 bits");
}

Test(tx_rules, max_cost_says_when_it_does_not_fit)
{
    struct tx tx = {.gas_limit = 21000, .max_fee = u256_from_u64(3), .value = u256_from_u64(4)};
    const u256 expected = u256_from_u64(63004);
    u256 cost;
    cr_expect(!tx_max_cost(&cost, &tx) && u256_equal(&cost, &expected));
    tx.value = U256_MAX;
    cr_expect(tx_max_cost(&cost, &tx));
    tx.max_fee = U256_MAX;
    tx.value = U256_ZERO;
    cr_expect(tx_max_cost(&cost, &tx));
}
