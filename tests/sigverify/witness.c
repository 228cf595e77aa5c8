#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/sigverify/items.h"
#include "tests/support/vectors.h"

static struct sv_result verify_one(const struct sv_item *item, const struct sv_witness *witness)
{
    struct sv_verifier *verifier = sv_create();
    struct sv_result result;
    sv_verify_witness(verifier, &result, item, witness, 1);
    sv_free(verifier);
    return result;
}

static void expect_status(const struct sv_item *item, const struct sv_witness *witness, enum sv_status status,
                          const char *what)
{
    static const struct sv_result blank;
    const struct sv_result result = verify_one(item, witness);
    cr_expect(result.status == status, "%s: status %d", what, result.status);
    if (status != SV_OK) {
        cr_expect(memcmp(result.pubkey, blank.pubkey, 64) == 0 && memcmp(result.signer.b, blank.signer.b, 20) == 0,
                  "%s: no key and no signer", what);
    }
}

Test(witness, the_right_key_gives_the_signer)
{
    uint64_t state = test_seed("witness");
    for (int i = 0; i < 100; i++) {
        struct sv_item item;
        struct sv_witness witness;
        random_item(&item, &witness, &state);
        witness.has_ry = i % 2;
        const struct sv_result result = verify_one(&item, &witness);
        const address expected = sv_address(witness.pubkey);
        cr_expect(result.status == SV_OK && address_equal(&result.signer, &expected));
        cr_expect_arr_eq(result.pubkey, witness.pubkey, 64);
        uint8_t ry[32];
        cr_assert(sv_find_ry(ry, &item.r, item.v));
        cr_expect_arr_eq(ry, witness.ry, 32);
        cr_expect(result.has_ry || !witness.has_ry);
        cr_expect(!result.has_ry || memcmp(result.ry, ry, 32) == 0);
    }
}

Test(witness, the_y_of_an_r_that_is_no_point_s_x_is_not_found)
{
    uint64_t state = test_seed("no point");
    size_t found = 0;
    for (int i = 0; i < 100; i++) {
        const bytes32 r = random_bytes32(&state);
        uint8_t ry[32], expected[32];
        const bool exists = lift_x(expected, r.b, i & 1);
        cr_expect(sv_find_ry(ry, &r, i & 1) == exists);
        cr_expect(!exists || memcmp(ry, expected, 32) == 0);
        cr_expect(!sv_find_ry(ry, &r, 4));
        found += exists;
    }
    cr_expect(found > 20 && found < 80);
}

Test(witness, any_other_key_is_wrong)
{
    uint64_t state = test_seed("wrong keys");
    struct sv_item item, other_item;
    struct sv_witness witness, other, changed;
    for (int has_ry = 0; has_ry < 2; has_ry++) {
        random_item(&item, &witness, &state);
        random_item(&other_item, &other, &state);
        witness.has_ry = has_ry;
        changed = witness;
        memcpy(changed.pubkey, other.pubkey, 64);
        expect_status(&item, &changed, SV_WRONG_WITNESS, "somebody else's key");
        changed = witness;
        lift_x(changed.pubkey + 32, changed.pubkey, !(changed.pubkey[63] & 1));
        expect_status(&item, &changed, SV_WRONG_WITNESS, "the negated key");
        changed = witness;
        memset(changed.pubkey, 0, 64);
        expect_status(&item, &changed, SV_WRONG_WITNESS, "zeros");
        memset(changed.pubkey, 0xff, 64);
        expect_status(&item, &changed, SV_WRONG_WITNESS, "coordinates above the field");
        for (size_t bit = 0; bit < 512; bit++) {
            changed = witness;
            changed.pubkey[bit / 8] ^= (uint8_t)(1u << bit % 8);
            expect_status(&item, &changed, SV_WRONG_WITNESS, "a flipped bit");
        }
    }
}

// A check that only compares R's x with r would take this one: it belongs to the same key and hash, with the other R.
Test(witness, a_flipped_v_is_wrong)
{
    uint64_t state = test_seed("flipped v");
    for (int i = 0; i < 50; i++) {
        struct sv_item item;
        struct sv_witness witness;
        random_item(&item, &witness, &state);
        witness.has_ry = false;
        item.v ^= 1;
        expect_status(&item, &witness, SV_WRONG_WITNESS, "flipped v");
        witness.has_ry = true;
        expect_status(&item, &witness, SV_WRONG_WITNESS, "flipped v, with the old R.y");
        lift_x(witness.ry, item.r.b, item.v & 1);
        expect_status(&item, &witness, SV_WRONG_WITNESS, "flipped v, with the new R.y");
    }
}

Test(witness, a_wrong_ry_is_wrong_though_the_key_is_right)
{
    uint64_t state = test_seed("wrong R.y");
    struct sv_item item;
    struct sv_witness witness, changed;
    random_item(&item, &witness, &state);
    expect_status(&item, &witness, SV_OK, "as signed");
    for (size_t bit = 0; bit < 256; bit++) {
        changed = witness;
        changed.ry[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_status(&item, &changed, SV_WRONG_WITNESS, "a flipped bit");
    }
    changed = witness;
    lift_x(changed.ry, item.r.b, !(item.v & 1));
    expect_status(&item, &changed, SV_WRONG_WITNESS, "the other y of the same x");
    memset(changed.ry, 0xff, 32);
    expect_status(&item, &changed, SV_WRONG_WITNESS, "above the field");
    memset(changed.ry, 0, 32);
    expect_status(&item, &changed, SV_WRONG_WITNESS, "zero");
    changed.has_ry = false;
    expect_status(&item, &changed, SV_OK, "not looked at when not given");
}

Test(witness, what_recovery_refuses_keeps_its_status)
{
    uint64_t state = test_seed("refused items");
    struct sv_item item, changed;
    struct sv_witness witness;
    random_item(&item, &witness, &state);
    changed = item;
    changed.v = 4;
    expect_status(&changed, &witness, SV_BAD_RANGE, "v");
    changed = item;
    memset(changed.s.b, 0, 32);
    expect_status(&changed, &witness, SV_BAD_RANGE, "s");
    changed = item;
    changed.s = negated(&item.s);
    changed.v ^= 1;
    expect_status(&changed, &witness, SV_HIGH_S, "high s");
    changed = item;
    changed.v |= 2;
    expect_status(&changed, &witness, SV_NO_POINT, "r + n");
}

Test(witness, random_corruption_agrees_with_recovery)
{
    uint64_t state = test_seed("corruption");
    static struct sv_item items[1000];
    static struct sv_witness witnesses[1000];
    static struct sv_result recovered[1000], verified[1000];
    for (size_t i = 0; i < 1000; i++) {
        random_item(&items[i], &witnesses[i], &state);
        witnesses[i].has_ry = false;
        uint8_t *const places[] = {items[i].hash.b, items[i].r.b, items[i].s.b, witnesses[i].pubkey};
        if (i % 2)
            places[test_random(&state) % 4][test_random(&state) % 32] ^= (uint8_t)(1 + test_random(&state) % 255);
        if (i % 5 == 0)
            items[i].v = (uint8_t)(test_random(&state) % 5);
    }
    struct sv_verifier *verifier = sv_create();
    sv_recover(verifier, recovered, items, 1000);
    sv_verify_witness(verifier, verified, items, witnesses, 1000);
    for (size_t i = 0; i < 1000; i++) {
        const bool same = memcmp(recovered[i].pubkey, witnesses[i].pubkey, 64) == 0;
        const enum sv_status expected = recovered[i].status != SV_OK ? recovered[i].status
                                        : same                       ? SV_OK
                                                                     : SV_WRONG_WITNESS;
        cr_expect(verified[i].status == expected, "item %zu", i);
        if (expected == SV_OK)
            cr_expect(address_equal(&verified[i].signer, &recovered[i].signer));
    }
    sv_free(verifier);
}
