// Stripes: from transactions to a body and back, and every check on the way.
#include "sigverify/sigverify.h"
#include "tests/engine/cars_fixture.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct stripe_check *checker;
static struct arena *arena;

static void open_checker(void)
{
    arena = arena_create();
    checker = stripe_check_create(arena);
    cr_assert(checker);
}

static void close_checker(void)
{
    stripe_check_free(checker);
    arena_destroy(arena);
}

TestSuite(stripe, .init = open_checker, .fini = close_checker);

static struct stripe *decode(struct stripe_verdict *v, const uint8_t *body, const struct wire_stripe_ref *ref,
                             unsigned index)
{
    return stripe_decode(v, bytes_of(body, ref->bytes), index, ref, &CARS_RULES);
}

// The verdict over a body, with its signatures checked.
static struct stripe_verdict judge(const uint8_t *body, const struct wire_stripe_ref *ref, unsigned index)
{
    struct stripe_verdict v;
    struct stripe *s = decode(&v, body, ref, index);
    if (s) {
        cr_assert_eq(v.fault, STRIPE_OK);
        stripe_check_run(checker, &s, 1, false);
        v = s->verdict;
        stripe_free(s);
    }
    return v;
}

static void expect(const uint8_t *body, const struct wire_stripe_ref *ref, unsigned index, enum stripe_fault fault,
                   unsigned detail, uint32_t at, const char *what)
{
    char text[STRIPE_TEXT_MAX];
    const struct stripe_verdict v = judge(body, ref, index);
    cr_expect(v.fault == fault && v.detail == detail && v.at == at, "%s: %s", what, stripe_verdict_text(text, &v));
}

static void expect_same(const struct stripe *s, const struct cars_txs *txs)
{
    cr_assert_eq(s->count, txs->count);
    cr_expect_eq(s->gas, CARS_GAS * txs->count);
    for (size_t i = 0; i < txs->count; i++) {
        const struct pooled_tx *got = &s->txs[i], *made = (const struct pooled_tx *)txs->execs[i].tx;
        cr_assert(s->execs[i].tx == &got->tx && s->execs[i].sender_key == &got->sender_key);
        cr_assert(bytes_equal(got->tx.raw, made->tx.raw));
        cr_assert(bytes32_equal(&got->hash, &made->hash) && address_equal(&got->sender, &made->sender));
        cr_assert(bytes32_equal(&got->sender_key, &made->sender_key));
        cr_assert(bytes32_equal(&got->target_key, &made->target_key));
        cr_assert(memcmp(got->pubkey, made->pubkey, 64) == 0);
        cr_assert(!got->proposed && got->pool_state == 0 && got->origin.connection == 0);
    }
}

Test(stripe, what_was_made_is_valid_and_the_same)
{
    struct wire_stripe_ref ref;
    struct stripe_verdict v;
    struct wire_stripe wire;
    struct cars_txs txs = cars_txs(5, 40, 7);
    uint8_t *body = stripe_build(&ref, txs.execs, txs.count);
    cr_assert(body && ref.txs == 40);
    cr_assert(wire_stripe_matches(&ref, bytes_of(body, ref.bytes)));
    cr_assert_eq(wire_stripe_open(&wire, bytes_of(body, ref.bytes)), WIRE_OK);
    cr_assert_eq(wire.key_count, 7, "each sender's key once");
    struct stripe *s = decode(&v, body, &ref, 5);
    cr_assert(s);
    stripe_check_run(checker, &s, 1, false);
    cr_assert_eq(s->verdict.fault, STRIPE_OK);
    expect_same(s, &txs);
    stripe_free(s);
    s = stripe_of_stored(bytes_of(body, ref.bytes), 5, &CARS_RULES);
    cr_assert(s);
    expect_same(s, &txs);
    stripe_free(s);
    free(body);
    cars_txs_free(&txs);
}

Test(stripe, a_missing_y_of_r_is_worked_out)
{
    struct wire_stripe_ref with, without;
    struct cars_txs txs = cars_txs(0, 3, 2);
    for (size_t i = 0; i < 3; i++) {
        struct pooled_tx *t = (struct pooled_tx *)txs.execs[i].tx;
        t->has_ry = sv_find_ry(t->ry, &t->tx.r, t->tx.y_parity);
    }
    uint8_t *a = stripe_build(&with, txs.execs, 3);
    for (size_t i = 0; i < 3; i++)
        ((struct pooled_tx *)txs.execs[i].tx)->has_ry = false;
    uint8_t *b = stripe_build(&without, txs.execs, 3);
    cr_assert(a && b && memcmp(&with, &without, sizeof with) == 0 && memcmp(a, b, with.bytes) == 0);
    free(a);
    free(b);
    cars_txs_free(&txs);
}

Test(stripe, what_is_too_long_for_a_body_is_not_made)
{
    struct wire_stripe_ref ref;
    struct cars_txs txs = cars_txs(1, 1, 1);
    struct exec_tx many[2000];
    for (size_t i = 0; i < 2000; i++)
        many[i] = txs.execs[0];
    const size_t each = txs.execs[0].tx->raw.len + 2 + 32 + 4, most = (WIRE_STRIPE_BYTES_MAX - 2 - 64 - 4) / each;
    cr_assert_lt(most, 2000);
    uint8_t *body = stripe_build(&ref, many, most);
    cr_assert(body && ref.txs == most);
    free(body);
    cr_assert_null(stripe_build(&ref, many, most + 1));
    cr_assert_null(stripe_build(&ref, many, 0));
    cars_txs_free(&txs);
}

// The body of one transaction with these fields, made as if it were of this stripe's sender.
static void expect_tx(struct tx_fields fields, enum stripe_fault fault, unsigned detail, const char *what)
{
    struct wire_stripe_ref ref;
    struct pooled_tx *good = cars_tx(cars_sender(3, 0), 0), *t = cars_tx_of(cars_sender(3, 1), &fields);
    const struct exec_tx txs[2] = {{&good->tx, &good->sender, &good->sender_key, &good->target_key, 0},
                                   {&t->tx, &t->sender, &t->sender_key, &t->target_key, 0}};
    uint8_t *body = stripe_build(&ref, txs, 2);
    cr_assert(body);
    expect(body, &ref, 3, fault, detail, fault == STRIPE_BAD_TX ? 1 : 0, what);
    free(body);
    free(good);
    free(t);
}

Test(stripe, transactions_that_no_state_makes_valid_are_named)
{
    struct tx_fields f = cars_fields(1);
    expect_tx(f, STRIPE_OK, 0, "good");
    f.chain_id = CARS_CHAIN + 1;
    expect_tx(f, STRIPE_BAD_TX, TX_WRONG_CHAIN_ID, "another chain's");
    f = cars_fields(1);
    f.gas_limit = 20999;
    expect_tx(f, STRIPE_BAD_TX, TX_INTRINSIC_GAS, "intrinsic gas");
    f.gas_limit = CARS_RULES.block_gas_limit + 1;
    expect_tx(f, STRIPE_BAD_TX, TX_GAS_LIMIT_EXCEEDED, "more gas than a block");
    f = cars_fields(UINT64_MAX);
    expect_tx(f, STRIPE_BAD_TX, TX_NONCE_MAX, "the last nonce");
    f = cars_fields(1);
    f.max_tip = u256_from_u64(1000000001);
    expect_tx(f, STRIPE_BAD_TX, TX_TIP_ABOVE_FEE_CAP, "tip");
    f = cars_fields(1);
    f.max_fee = f.value = U256_MAX;
    expect_tx(f, STRIPE_BAD_TX, TX_COST_OVERFLOW, "cost");
}

Test(stripe, a_header_that_says_something_else_is_wrong)
{
    struct wire_stripe_ref ref;
    uint8_t *body = cars_body(&ref, 9, 5, 2);
    expect(body, &ref, 9, STRIPE_OK, 0, 0, "as made");
    ref.txs = 4;
    expect(body, &ref, 9, STRIPE_BAD_COUNT, 0, 0, "fewer");
    ref.txs = 6;
    expect(body, &ref, 9, STRIPE_BAD_COUNT, 0, 0, "more");
    ref.txs = 5;
    cr_assert_eq(ref.gas, 5 * CARS_GAS);
    ref.gas--;
    expect(body, &ref, 9, STRIPE_BAD_GAS, 0, 0, "less gas");
    ref.gas += 2;
    expect(body, &ref, 9, STRIPE_BAD_GAS, 0, 0, "more gas");
    ref.gas--;
    ref.bytes--;
    expect(body, &ref, 9, STRIPE_BAD_BODY, WIRE_SHORT, 0, "cut");
    free(body);
}

Test(stripe, a_sender_of_another_partition_is_found_at_its_place)
{
    struct wire_stripe_ref ref;
    struct cars_txs txs = cars_txs(9, 4, 4), other = cars_txs(10, 1, 1);
    const struct exec_tx kept = txs.execs[2];
    txs.execs[2] = other.execs[0];
    uint8_t *body = stripe_build(&ref, txs.execs, 4);
    expect(body, &ref, 9, STRIPE_WRONG_PARTITION, 0, 2, "the third");
    free(body);
    txs.execs[2] = kept;
    cars_txs_free(&txs);
    cars_txs_free(&other);
}

// Builds with one field of one transaction's witness changed.
static void expect_witness(struct cars_txs *txs, uint8_t *field, const char *what)
{
    struct wire_stripe_ref ref;
    *field ^= 1;
    uint8_t *body = stripe_build(&ref, txs->execs, txs->count);
    expect(body, &ref, 2, STRIPE_BAD_TX, TX_WRONG_WITNESS, 17, what);
    free(body);
    *field ^= 1;
}

Test(stripe, a_wrong_witness_is_found_at_its_place)
{
    struct cars_txs txs = cars_txs(2, 30, 30);
    struct pooled_tx *t = (struct pooled_tx *)txs.execs[17].tx;
    t->has_ry = sv_find_ry(t->ry, &t->tx.r, t->tx.y_parity);
    expect_witness(&txs, &t->pubkey[5], "the key's x");
    expect_witness(&txs, &t->pubkey[60], "the key's y");
    expect_witness(&txs, &t->ry[3], "R's y");
    expect_witness(&txs, &t->ry[31], "R's y, its parity");
    cars_txs_free(&txs);
}

Test(stripe, every_changed_byte_makes_it_invalid)
{
    struct wire_stripe_ref ref;
    uint64_t random = test_seed("stripe bytes");
    uint8_t *body = cars_body(&ref, 12, 3, 2);
    for (size_t at = 0; at < ref.bytes; at++) {
        const uint8_t flip = (uint8_t)(1 + test_random(&random) % 255);
        body[at] ^= flip;
        const struct stripe_verdict v = judge(body, &ref, 12);
        cr_expect_neq(v.fault, STRIPE_OK, "byte %zu of %u, flipped by %02x", at, ref.bytes, flip);
        body[at] ^= flip;
    }
    expect(body, &ref, 12, STRIPE_OK, 0, 0, "as made");
    free(body);
}

Test(stripe, those_that_come_together_are_checked_in_full_batches_and_judged_alone)
{
    enum { STRIPES = 12, EACH = 100, BAD = 7 };
    struct stripe *stripes[STRIPES];
    uint8_t *bodies[STRIPES];
    for (unsigned i = 0; i < STRIPES; i++) {
        struct wire_stripe_ref ref;
        struct stripe_verdict v;
        struct cars_txs txs = cars_txs(i, EACH, 10);
        struct pooled_tx *t = (struct pooled_tx *)txs.execs[EACH - 1].tx;
        t->pubkey[0] ^= i == BAD;
        bodies[i] = stripe_build(&ref, txs.execs, EACH);
        stripes[i] = decode(&v, bodies[i], &ref, i);
        cr_assert(stripes[i]);
        cars_txs_free(&txs);
    }
    stripe_check_run(checker, stripes, STRIPES, false);
    for (unsigned i = 0; i < STRIPES; i++) {
        cr_expect_eq(stripes[i]->verdict.fault, i == BAD ? STRIPE_BAD_TX : STRIPE_OK, "stripe %u", i);
        cr_expect_eq(stripes[i]->verdict.at, i == BAD ? EACH - 1 : 0);
        stripe_free(stripes[i]);
        free(bodies[i]);
    }
    const struct stripe_check_numbers n = stripe_check_numbers(checker);
    cr_expect(n.stripes == STRIPES && n.txs == STRIPES * EACH && n.batches == 2 && n.invalid == 1);
}
