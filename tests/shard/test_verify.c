// Batches of transactions on their way to the pools.
#include "base/keccak.h"
#include "chain/genesis.h"
#include "shard/verify.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define CHAIN 31337

// A transfer from the account of bench_key(1, sender).
static struct pooled_tx *make_tx(unsigned sender, uint64_t nonce)
{
    const struct tx_fields f = {.type = TX_DYNAMIC_FEE,
                                .chain_id = CHAIN,
                                .nonce = nonce,
                                .gas_limit = 21000,
                                .max_fee = u256_from_u64(1000000000),
                                .value = u256_from_u64(nonce),
                                .to = bench_receiver(2, nonce)};
    uint8_t message[256], raw[256];
    const bytes32 hash = keccak256(message, tx_encode_unsigned(message, sizeof message, &f));
    const bytes32 key = bench_key(1, sender);
    struct sv_signature s;
    cr_assert(sv_sign(&s, &hash, &key));
    const size_t len = tx_encode_signed(raw, sizeof raw, &f, s.v, &s.r, &s.s);
    struct pooled_tx *t = calloc(1, pooled_tx_bytes(len));
    memcpy(t->raw, raw, len);
    t->raw_len = len;
    cr_assert_eq(tx_decode(&t->tx, bytes_of(t->raw, len), CHAIN), TX_OK);
    return t;
}

static struct sv_witness witness_of(unsigned sender)
{
    struct sv_witness w = {.has_ry = false};
    const bytes32 key = bench_key(1, sender);
    cr_assert(sv_public_key(w.pubkey, &key));
    return w;
}

static void check_item(const struct pooled_tx *t, unsigned sender)
{
    const struct sv_witness w = witness_of(sender);
    const address signer = sv_address(w.pubkey);
    const bytes32 hash = tx_hash(&t->tx), sender_key = keccak256(signer.b, 20), to_key = keccak256(t->tx.to.b, 20);
    cr_assert_eq(t->status, TX_OK);
    cr_assert(bytes32_equal(&t->hash, &hash));
    cr_assert(address_equal(&t->sender, &signer));
    cr_assert(bytes32_equal(&t->sender_key, &sender_key));
    cr_assert(bytes32_equal(&t->target_key, &to_key));
    uint8_t ry[32];
    cr_assert(memcmp(t->pubkey, w.pubkey, 64) == 0);
    cr_assert(sv_find_ry(ry, &t->tx.r, t->tx.y_parity));
    cr_assert(!t->has_ry || memcmp(t->ry, ry, 32) == 0);
}

// What item i of the mixed batch is: by recovery, with a right witness, with a wrong one, doubtful and right or wrong,
// or with a signature that no key made.
enum { BY_RECOVERY, RIGHT, WRONG, DOUBTFUL_RIGHT, DOUBTFUL_WRONG, NO_KEY, SORT_COUNT };

static void add_of_sort(struct verify_batch *b, unsigned i, unsigned sort)
{
    struct pooled_tx *t = make_tx(i, i);
    const bool wrong = sort == WRONG || sort == DOUBTFUL_WRONG;
    const struct sv_witness w = witness_of(wrong ? i + 1 : i);
    if (sort == NO_KEY)
        memset(t->tx.r.b, 0, sizeof t->tx.r.b);
    if (sort == BY_RECOVERY || sort == NO_KEY)
        verify_batch_add(b, t, VERIFY_RECOVER, NULL);
    else
        verify_batch_add(b, t, sort == RIGHT || sort == WRONG ? VERIFY_WITNESS : VERIFY_DOUBTFUL, &w);
}

static void check_of_sort(const struct verify_batch *b, unsigned i, unsigned sort)
{
    const struct pooled_tx *t = verify_batch_at(b, i);
    const bool wrong = sort == WRONG || sort == DOUBTFUL_WRONG;
    cr_assert_eq(verify_batch_was_costly(b, i), wrong, "item %u of sort %u", i, sort);
    if (wrong)
        cr_assert_eq(t->status, TX_WRONG_WITNESS);
    else if (sort == NO_KEY)
        cr_assert_eq(t->status, TX_BAD_R);
    else
        check_item(t, i);
}

static void free_items(struct verify_batch *b)
{
    for (size_t i = 0; i < verify_batch_count(b); i++)
        free(verify_batch_at(b, i));
    verify_batch_clear(b);
}

Test(verify, every_item_gets_its_own_answer_whatever_is_beside_it)
{
    uint64_t random = test_seed("verify/mixed");
    struct arena *arena = arena_create();
    struct verify_batch *b = verify_batch_create(arena);
    struct verify_totals expected = {0};
    for (unsigned round = 0; round < 30; round++) {
        const unsigned n = (unsigned)(test_random(&random) % 60);
        unsigned sorts[60], count[SORT_COUNT] = {0};
        for (unsigned i = 0; i < n; i++) {
            sorts[i] = (unsigned)(test_random(&random) % SORT_COUNT);
            count[sorts[i]]++;
            add_of_sort(b, i, sorts[i]);
        }
        verify_batch_run(b);
        for (unsigned i = 0; i < n; i++)
            check_of_sort(b, i, sorts[i]);
        const unsigned of_kind[] = {count[BY_RECOVERY] + count[NO_KEY], count[RIGHT] + count[WRONG],
                                    count[DOUBTFUL_RIGHT] + count[DOUBTFUL_WRONG]};
        for (unsigned k = 0; k < VERIFY_KIND_COUNT; k++) {
            expected.items[k] += of_kind[k];
            expected.batches[k] += of_kind[k] > 0;
        }
        expected.wrong_witnesses += count[WRONG] + count[DOUBTFUL_WRONG];
        free_items(b);
        cr_assert_eq(verify_batch_count(b), 0);
    }
    const struct verify_totals totals = verify_batch_totals(b);
    cr_assert_arr_eq(totals.items, expected.items, sizeof totals.items);
    cr_assert_arr_eq(totals.batches, expected.batches, sizeof totals.batches);
    cr_assert_eq(totals.wrong_witnesses, expected.wrong_witnesses);
    cr_assert_eq(totals.lanes.used, expected.items[0] + expected.items[1] + expected.items[2]);
    cr_assert_geq(totals.lanes.offered, totals.lanes.used);
    verify_batch_free(b);
    arena_destroy(arena);
}

// Fills a batch while it has room; the transaction is never looked at.
static size_t fill(struct verify_batch *b, bool pressed)
{
    static struct pooled_tx t;
    while (verify_batch_has_room(b, pressed))
        verify_batch_add(b, &t, VERIFY_RECOVER, NULL);
    const size_t count = verify_batch_count(b);
    verify_batch_clear(b);
    return count;
}

Test(verify, a_batch_has_room_until_it_has_cost_enough_and_its_lanes_are_full)
{
    struct arena *arena = arena_create();
    struct verify_batch *b = verify_batch_create(arena);
    const size_t lanes = sv_lane_count();
    const size_t at_first = fill(b, false), pressed = fill(b, true);
    cr_assert(at_first % lanes == 0 && at_first >= 60 && at_first <= 60 + 2 * lanes + 8, "%zu", at_first);
    cr_assert(pressed % lanes == 0 && pressed < at_first && pressed >= 30, "%zu", pressed);
    verify_batch_free(b);
    arena_destroy(arena);
}

// Items that the checks of the range refuse cost less than what is assumed at first, whatever the kernels.
Test(verify, cheap_items_make_longer_batches)
{
    struct arena *arena = arena_create();
    struct verify_batch *b = verify_batch_create(arena);
    const size_t before = fill(b, false);
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned i = 0; i < 32; i++)
            add_of_sort(b, i, NO_KEY);
        verify_batch_run(b);
        free_items(b);
    }
    const size_t after = fill(b, false);
    cr_assert(after > before, "%zu, then %zu", before, after);
    cr_assert(after <= VERIFY_BATCH_MAX && (after == VERIFY_BATCH_MAX || after % sv_lane_count() == 0), "%zu", after);
    verify_batch_free(b);
    arena_destroy(arena);
}

Test(verify, an_empty_batch_may_be_run)
{
    struct arena *arena = arena_create();
    struct verify_batch *b = verify_batch_create(arena);
    cr_assert(verify_batch_has_room(b, true));
    verify_batch_run(b);
    cr_assert_eq(verify_batch_totals(b).batches[VERIFY_RECOVER], 0);
    verify_batch_free(b);
    verify_batch_free(NULL);
    arena_destroy(arena);
}
