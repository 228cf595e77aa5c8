#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "tests/sigverify/items.h"
#include "tests/support/vectors.h"

static const char GENERATOR_X[] = "0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

static struct sv_result recover_one(const struct sv_item *item)
{
    struct sv_verifier *verifier = sv_create();
    struct sv_result result;
    sv_recover(verifier, &result, item, 1);
    sv_free(verifier);
    return result;
}

static bool is_blank(const struct sv_result *result)
{
    static const struct sv_result blank;
    return memcmp(result->pubkey, blank.pubkey, 64) == 0 && memcmp(result->signer.b, blank.signer.b, 20) == 0;
}

static void expect_status(const struct sv_item *item, enum sv_status status, const char *what)
{
    const struct sv_result result = recover_one(item);
    cr_expect(result.status == status, "%s: status %d", what, result.status);
    cr_expect(is_blank(&result) == (status != SV_OK), "%s", what);
}

Test(recover, key_and_address_of_the_signer_come_back)
{
    uint64_t state = test_seed("recover");
    for (int i = 0; i < 300; i++) {
        struct sv_item item;
        struct sv_witness witness;
        random_item(&item, &witness, &state);
        const struct sv_result result = recover_one(&item);
        cr_assert(result.status == SV_OK);
        cr_expect_arr_eq(result.pubkey, witness.pubkey, 64);
        const bytes32 hash = keccak256(witness.pubkey, 64);
        cr_expect_arr_eq(result.signer.b, hash.b + 12, 20);
        const address by_key = sv_address(witness.pubkey);
        cr_expect(address_equal(&result.signer, &by_key));
    }
}

Test(recover, ranges_of_v_r_and_s_are_kept)
{
    uint64_t state = test_seed("ranges");
    struct sv_item item, good;
    struct sv_witness witness;
    bytes32 n;
    const u256 order = group_order();
    const bytes32 zero = {{0}};
    u256_to_be(n.b, &order);
    random_item(&good, &witness, &state);
    expect_status(&good, SV_OK, "as signed");
    for (unsigned v = 4; v < 256; v++) {
        item = good;
        item.v = (uint8_t)v;
        expect_status(&item, SV_BAD_RANGE, "v above 3");
    }
    bytes32 ones;
    memset(ones.b, 0xff, 32);
    const bytes32 outside[] = {zero, n, ones};
    for (size_t i = 0; i < 3; i++) {
        item = good;
        item.r = outside[i];
        expect_status(&item, SV_BAD_RANGE, "r");
        item = good;
        item.s = outside[i];
        expect_status(&item, SV_BAD_RANGE, "s");
        item.require_low_s = false;
        expect_status(&item, SV_BAD_RANGE, "s without the low-s rule");
    }
}

Test(recover, high_s_is_refused_only_where_low_s_is_demanded)
{
    uint64_t state = test_seed("high s");
    struct sv_item item;
    struct sv_witness witness;
    random_item(&item, &witness, &state);
    item.s = negated(&item.s);
    item.v ^= 1; // -s and -R name the same key
    expect_status(&item, SV_HIGH_S, "high s");
    item.require_low_s = false;
    const struct sv_result result = recover_one(&item);
    cr_assert(result.status == SV_OK);
    cr_expect_arr_eq(result.pubkey, witness.pubkey, 64);

    // The largest s that is low, and the smallest that is high.
    item.require_low_s = true;
    item.s = bytes32_of_hex("0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");
    expect_status(&item, SV_OK, "s = (n - 1) / 2");
    item.s.b[31]++;
    expect_status(&item, SV_HIGH_S, "s = (n + 1) / 2");
}

Test(recover, an_r_that_is_no_point_s_x_gives_no_key)
{
    uint64_t state = test_seed("no point");
    struct sv_item item;
    struct sv_witness witness;
    uint8_t y[32];
    size_t without_point = 0;
    for (int i = 0; i < 100; i++) {
        random_item(&item, &witness, &state);
        item.r = random_bytes32(&state);
        item.r.b[0] &= 0x7f;
        const bool exists = sv_lift_x(y, item.r.b, 0);
        expect_status(&item, exists ? SV_OK : SV_NO_POINT, "random r");
        without_point += !exists;
    }
    cr_expect(without_point > 20 && without_point < 80);
}

Test(recover, v_of_2_and_3_mean_x_is_r_plus_n)
{
    uint64_t state = test_seed("r plus n");
    const u256 n = group_order();
    struct sv_item item;
    struct sv_witness witness;
    random_item(&item, &witness, &state);
    item.v |= 2;
    expect_status(&item, SV_NO_POINT, "r + n beyond the field");
    // p - n is about 2^128.4: small r leave r + n below p.
    size_t found = 0;
    for (uint64_t small = 1; small <= 20; small++) {
        const u256 r = u256_from_u64(small);
        u256 x;
        uint8_t x_bytes[32], y[32];
        u256_add(&x, &r, &n);
        u256_to_be(x_bytes, &x);
        u256_to_be(item.r.b, &r);
        for (uint8_t parity = 0; parity < 2; parity++) {
            item.v = 2 | parity;
            const bool exists = sv_lift_x(y, x_bytes, parity);
            expect_status(&item, exists ? SV_OK : SV_NO_POINT, "small r");
            if (!exists)
                continue;
            found++;
            const struct sv_result key = recover_one(&item);
            struct sv_result verified;
            struct sv_verifier *verifier = sv_create();
            memcpy(witness.pubkey, key.pubkey, 64);
            memcpy(witness.ry, y, 32);
            sv_verify_witness(verifier, &verified, &item, &witness, 1);
            cr_expect(verified.status == SV_OK, "witness with R.y, v %u", item.v);
            witness.ry[5] ^= 1;
            sv_verify_witness(verifier, &verified, &item, &witness, 1);
            cr_expect(verified.status == SV_WRONG_WITNESS, "wrong R.y, v %u", item.v);
            sv_free(verifier);
        }
    }
    cr_expect(found >= 8);
}

Test(recover, a_key_at_infinity_is_no_key)
{
    // R = G, so s R = z G exactly when z = s: then the key would be the point at infinity.
    struct sv_item item = {.r = bytes32_of_hex(GENERATOR_X), .v = 0, .require_low_s = true};
    item.s = bytes32_of_hex("0x123456789abcdef0fedcba9876543210");
    item.hash = item.s;
    expect_status(&item, SV_NO_POINT, "z = s, R = G");
    item.v = 1; // R = -G
    expect_status(&item, SV_OK, "z = s, R = -G");
    item.hash = negated(&item.s);
    expect_status(&item, SV_NO_POINT, "z = -s, R = -G");
    item.v = 0;
    expect_status(&item, SV_OK, "z = -s, R = G");
}

Test(recover, hashes_are_taken_modulo_the_group_order)
{
    struct sv_item item = {.r = bytes32_of_hex(GENERATOR_X), .s = bytes32_of_hex("0x77"), .require_low_s = true};
    const u256 n = group_order();
    expect_status(&item, SV_OK, "z = 0");
    const struct sv_result zero = recover_one(&item);
    u256_to_be(item.hash.b, &n);
    const struct sv_result order = recover_one(&item);
    cr_expect(order.status == SV_OK && memcmp(order.pubkey, zero.pubkey, 64) == 0, "z = n");
    const u256 s = u256_from_be(item.s.b, 32);
    u256 sum;
    u256_add(&sum, &n, &s);
    u256_to_be(item.hash.b, &sum);
    expect_status(&item, SV_NO_POINT, "z = n + s, R = G");
}

Test(recover, batches_of_any_size_answer_as_single_items_do)
{
    uint64_t state = test_seed("batches");
    static struct sv_item items[SV_BATCH_MAX * 3];
    static struct sv_result results[SV_BATCH_MAX * 3 + 1];
    static const size_t sizes[] = {
        0, 1, 2, 7, 8, 9, 63, SV_BATCH_MAX - 1, SV_BATCH_MAX, SV_BATCH_MAX + 1, SV_BATCH_MAX * 2 + 3};
    struct sv_verifier *verifier = sv_create();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const size_t n = sizes[i];
        for (size_t j = 0; j < n; j++) {
            struct sv_witness witness;
            random_item(&items[j], &witness, &state);
            if (test_random(&state) % 4 == 0)
                items[j].r = random_bytes32(&state);
            if (test_random(&state) % 16 == 0)
                items[j].v = (uint8_t)(test_random(&state) % 6);
        }
        memset(&results[n], 0x5a, sizeof results[n]);
        sv_recover(verifier, results, items, n);
        for (size_t j = 0; j < n; j += 1 + test_random(&state) % 5) {
            const struct sv_result single = recover_one(&items[j]);
            cr_assert(single.status == results[j].status && address_equal(&single.signer, &results[j].signer) &&
                          memcmp(single.pubkey, results[j].pubkey, 64) == 0,
                      "item %zu of %zu", j, n);
        }
        const struct sv_result untouched = results[n];
        for (size_t j = 0; j < sizeof untouched.pubkey; j++)
            cr_assert(untouched.pubkey[j] == 0x5a, "nothing is written behind the last result");
    }
    sv_free(verifier);
}
