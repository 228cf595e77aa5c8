// The pool against the model: long random sequences of everything that can be done to it, each answer, each transaction
// given back and all that can be asked compared after each step.
#include "tests/mempool/fixture.h"
#include "tests/mempool/model.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define PROPOSED_MAX 64

struct run {
    struct pool pool;
    struct model *model;
    uint64_t random;
    uint32_t senders;
    // The chain's accounts; the pool learns of changes now and then.
    struct mempool_account chain[MODEL_SENDERS];
    struct pooled_tx *proposed[PROPOSED_MAX];
    size_t proposed_count;
    size_t lists_under_way;    // proposals made while others awaited their results
    struct pooled_tx *dropped; // the last one given back, to be inserted again
    size_t given, taken;       // transactions that the pool took, and gave back
    size_t answers[TX_STATUS_COUNT];
};

static uint64_t below(struct run *r, uint64_t n)
{
    return test_random(&r->random) % n;
}

static bool one_in(struct run *r, uint64_t n)
{
    return below(r, n) == 0;
}

// Few different prices, so that equal ones are common; now and then beyond 64 bits.
static u256 random_price(struct run *r)
{
    u256 price = u256_from_u64(below(r, 30));
    price.w[1] = one_in(r, 10) ? below(r, 3) : 0;
    return price;
}

static u256 random_balance(struct run *r)
{
    u256 balance = u256_from_u64(below(r, 40000000));
    balance.w[2] = one_in(r, 3) ? 0 : 1;
    return balance;
}

static struct pooled_tx *random_tx(struct run *r, uint32_t sender)
{
    struct spec spec = {.sender = sender, .nonce = r->chain[sender].nonce + below(r, 8), .value = below(r, 100000)};
    if (one_in(r, 20) && r->chain[sender].nonce > 0)
        spec.nonce = r->chain[sender].nonce - 1;
    if (one_in(r, 30))
        spec.nonce += 10;
    spec.gas = 21000 + (one_in(r, 4) ? below(r, 100000) : 0);
    spec.raw_len = one_in(r, 5) ? 1 + below(r, 4000) : 110;
    struct pooled_tx *t = make_tx(spec);
    t->tx.max_fee = random_price(r);
    t->tx.max_tip = random_price(r);
    if (u256_cmp(&t->tx.max_tip, &t->tx.max_fee) > 0)
        t->tx.max_tip = t->tx.max_fee;
    return t;
}

static int by_address(const void *a, const void *b)
{
    const struct pooled_tx *x = ((const struct mempool_removed *)a)->tx;
    const struct pooled_tx *y = ((const struct mempool_removed *)b)->tx;
    return x < y ? -1 : x > y;
}

// Compares n transactions given back with what the model says has left, and disposes of them.
static void check_removed(struct run *r, struct mempool_removed *removed, size_t n)
{
    struct model *m = r->model;
    for (size_t i = 0; i < n; i++) {
        if (removed[i].reason != TX_OK)
            model_record_drop(m, &removed[i].tx->hash, removed[i].reason);
        cr_assert_eq(removed[i].tx->status, removed[i].reason);
    }
    cr_assert_eq(n, m->removed_count, "%zu given back, %zu should be", n, m->removed_count);
    qsort(removed, n, sizeof *removed, by_address);
    qsort(m->removed, n, sizeof *m->removed, by_address);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(removed[i].tx, m->removed[i].tx);
        cr_assert_eq(removed[i].reason, m->removed[i].reason, "%s, not %s", tx_status_text(removed[i].reason),
                     tx_status_text(m->removed[i].reason));
        r->answers[removed[i].reason]++;
        free(r->dropped);
        r->dropped = removed[i].tx;
    }
    r->taken += n;
    m->removed_count = 0;
}

static size_t take_all(struct run *r, struct mempool_removed *out)
{
    size_t n = 0, step;
    while ((step = mempool_take_removed(r->pool.mp, out + n, 7)) != 0)
        n += step;
    return n;
}

static void check_all_removed(struct run *r)
{
    struct mempool_removed removed[MODEL_TX_MAX];
    check_removed(r, removed, take_all(r, removed));
}

static void do_insert(struct run *r)
{
    uint32_t sender = (uint32_t)below(r, r->senders);
    struct pooled_tx *t = NULL;
    if (one_in(r, 10) && r->dropped) {
        t = r->dropped;
        r->dropped = NULL;
        memcpy(&sender, t->sender.b, sizeof sender);
    } else if (one_in(r, 20) && r->model->count > 0) {
        t = copy_of(r->model->txs[below(r, r->model->count)].tx);
        memcpy(&sender, t->sender.b, sizeof sender);
    } else {
        t = random_tx(r, sender);
    }
    const struct mempool_account *account = &r->chain[sender];
    uint64_t now = r->model->now_ns + (one_in(r, 4) ? below(r, SECOND) : 0);
    model_note_time(r->model, now);
    enum tx_status expected = model_insert(r->model, t, sender, account);
    enum tx_status status = mempool_insert(r->pool.mp, t, account, now);
    cr_assert_eq(status, expected, "\"%s\", not \"%s\"", tx_status_text(status), tx_status_text(expected));
    r->answers[status]++;

    struct mempool_removed removed[MODEL_TX_MAX];
    size_t n = take_all(r, removed);
    for (size_t i = 0; i < n; i++) {
        if (removed[i].reason == TX_EVICTED)
            cr_assert(model_evict(r->model, removed[i].tx, t, sender), "the wrong one was evicted");
    }
    if (status == TX_OK) {
        r->given++;
        cr_assert(model_insert_end(r->model, t, sender, account), "one too few was evicted");
    }
    check_removed(r, removed, n);
    if (status == TX_OK)
        model_forget_drop(r->model, &t->hash);
    else
        free(t);
}

// While earlier proposals await their results, too.
static void do_propose(struct run *r)
{
    struct pooled_tx *expected[PROPOSED_MAX], **out = r->proposed + r->proposed_count;
    const size_t room = PROPOSED_MAX - r->proposed_count;
    struct mempool_pick pick = {
        .base_fee = one_in(r, 2) ? r->model->base_fee : random_price(r),
        .gas_max = one_in(r, 2) ? UINT64_MAX : below(r, 1000000),
        .bytes_max = one_in(r, 2) ? UINT64_MAX : below(r, 20000),
        .count_max = one_in(r, 2) ? room : below(r, room < 20 ? room + 1 : 20),
    };
    size_t picked;
    memset(pick.group_bytes_max, 0xff, sizeof pick.group_bytes_max);
    if (one_in(r, 2)) {
        picked = mempool_propose(r->pool.mp, &pick.base_fee, pick.gas_max, pick.bytes_max, out, pick.count_max);
    } else {
        pick.tx_bytes = below(r, 200);
        for (unsigned g = 0; g < MEMPOOL_GROUPS; g++)
            pick.group_bytes_max[g] = one_in(r, 3) ? UINT64_MAX : below(r, 3000);
        picked = mempool_propose_groups(r->pool.mp, &pick, out);
    }
    model_set_base_fee(r->model, &pick.base_fee);
    cr_assert_eq(picked, model_propose(r->model, &pick, expected));
    for (size_t i = 0; i < picked; i++)
        cr_assert_eq(out[i], expected[i], "at %zu of %zu", i, picked);
    r->lists_under_way += r->proposed_count > 0 && picked > 0;
    r->proposed_count += picked;
}

// Somebody else's car brought a transaction that may be here too, or another one of the same nonce.
static void do_elsewhere(struct run *r)
{
    bytes32 hash = sender_key((uint32_t)below(r, 100));
    uint32_t sender = (uint32_t)below(r, r->senders);
    uint64_t nonce = r->chain[sender].nonce;
    if (one_in(r, 4) && r->dropped) {
        hash = r->dropped->hash;
        nonce = r->dropped->tx.nonce;
        memcpy(&sender, r->dropped->sender.b, sizeof sender);
    } else if (!one_in(r, 4) && r->model->count > 0) {
        const struct pooled_tx *t = r->model->txs[below(r, r->model->count)].tx;
        hash = t->hash;
        nonce = t->tx.nonce;
        memcpy(&sender, t->sender.b, sizeof sender);
    }
    if (r->chain[sender].nonce <= nonce)
        r->chain[sender].nonce = nonce + 1;
    const bytes32 key = sender_key(sender);
    model_included_elsewhere(r->model, &hash, sender, nonce);
    mempool_included_elsewhere(r->pool.mp, &hash, &key, nonce);
}

// In the order of proposing, so a sender's in nonce order, as a block gives them; but at random once in a while.
static void do_result(struct run *r)
{
    if (r->proposed_count == 0)
        return;
    size_t at = one_in(r, 10) ? below(r, r->proposed_count) : 0;
    struct pooled_tx *t = r->proposed[at];
    r->proposed_count--;
    memmove(r->proposed + at, r->proposed + at + 1, (r->proposed_count - at) * sizeof *r->proposed);
    uint32_t sender;
    memcpy(&sender, t->sender.b, sizeof sender);
    struct mempool_account *account = &r->chain[sender];
    uint64_t choice = below(r, 10);
    if (choice < 6) {
        if (account->nonce <= t->tx.nonce)
            account->nonce = t->tx.nonce + 1;
        model_included(r->model, t);
        mempool_result_included(r->pool.mp, t);
    } else if (choice < 8) {
        enum tx_status reason = choice == 6 ? TX_SENDER_HAS_CODE : TX_FEE_CAP_BELOW_BASE_FEE;
        model_dropped(r->model, t, reason);
        mempool_result_dropped(r->pool.mp, t, reason);
    } else {
        model_again(r->model, t);
        mempool_result_again(r->pool.mp, t);
    }
}

static void do_account(struct run *r)
{
    uint32_t sender = (uint32_t)below(r, r->senders);
    struct mempool_account *account = &r->chain[sender];
    if (one_in(r, 3))
        account->nonce += below(r, 3);
    if (one_in(r, 50) && account->nonce > 0)
        account->nonce--;
    if (one_in(r, 4))
        account->balance = random_balance(r);
    if (one_in(r, 3))
        return; // the pool hears of it from the next insert
    bytes32 key = sender_key(sender);
    model_account_changed(r->model, sender, account);
    mempool_account_changed(r->pool.mp, &key, account, r->model->now_ns);
}

static void do_other(struct run *r)
{
    u256 base_fee = random_price(r);
    bytes32 hash = sender_key((uint32_t)below(r, 100));
    uint64_t now = r->model->now_ns + below(r, 20 * SECOND);
    switch (below(r, 4)) {
    case 0:
        model_set_base_fee(r->model, &base_fee);
        mempool_set_base_fee(r->pool.mp, &base_fee);
        break;
    case 1:
        cr_assert_eq(mempool_tick(r->pool.mp, now), model_tick(r->model, now));
        break;
    case 2:
        mempool_record_drop(r->pool.mp, &hash, TX_STOPPING);
        model_record_drop(r->model, &hash, TX_STOPPING);
        break;
    default:
        if (!one_in(r, 50))
            break;
        model_clear(r->model, TX_STOPPING);
        mempool_clear(r->pool.mp, TX_STOPPING);
        r->proposed_count = 0;
    }
}

static bool check_visited(void *ctx, const struct pooled_tx *t, bool pending)
{
    struct run *r = ctx;
    struct model_tx *x = model_find(r->model, &t->hash);
    cr_assert(x && x->tx == t);
    cr_assert_eq(pending, x->state != MODEL_QUEUED);
    return true;
}

static void check_answers(struct run *r)
{
    struct model *m = r->model;
    struct mempool_stats a = mempool_stats(r->pool.mp), b = model_stats(m);
    cr_assert_eq(a.pending, b.pending);
    cr_assert_eq(a.queued, b.queued);
    cr_assert_eq(a.bytes, b.bytes);
    cr_assert_eq(a.executable, b.executable);
    cr_assert_eq(a.executable_gas, b.executable_gas);
    cr_assert_eq(a.held_back, b.held_back);
    cr_assert_eq(a.evicted, b.evicted);
    cr_assert_eq(a.replaced, b.replaced);
    cr_assert_eq(a.expired, b.expired);
    cr_assert_eq(a.dropped, b.dropped);
    cr_assert_leq(a.pending + a.queued, m->limits.tx_max);
    cr_assert_leq(a.bytes, m->limits.bytes_max);
    cr_assert_eq(r->given, r->taken + m->count);

    for (size_t i = 0; i < m->count; i++) {
        const struct model_tx *t = &m->txs[i];
        cr_assert_eq(is_pending(r->pool.mp, t->tx), t->state != MODEL_QUEUED);
        cr_assert_eq(t->tx->proposed, t->proposed);
    }
    mempool_visit(r->pool.mp, check_visited, r);
    for (uint32_t s = 0; s < r->senders; s++) {
        bytes32 key = sender_key(s);
        uint64_t nonce = r->chain[s].nonce;
        cr_assert_eq(mempool_next_nonce(r->pool.mp, &key, nonce), model_next_nonce(m, s, nonce));
        cr_assert_eq(mempool_has_sender(r->pool.mp, &key), model_has_sender(m, s));
    }
    for (int i = 0; i < 4 && m->drop_count > 0; i++) {
        size_t back = 1 + below(r, m->drop_count < 80 ? m->drop_count : 80);
        const bytes32 *hash = &m->drops[m->drop_count - back].hash;
        cr_assert_eq(mempool_drop_reason(r->pool.mp, hash), model_drop_reason(m, hash));
    }
}

static void step(struct run *r)
{
    uint64_t choice = below(r, 100);
    if (choice < 60)
        do_insert(r);
    else if (choice < 65)
        do_propose(r);
    else if (choice < 84)
        do_result(r);
    else if (choice < 85)
        do_elsewhere(r);
    else if (choice < 93)
        do_account(r);
    else
        do_other(r);
    check_all_removed(r);
    check_answers(r);
}

static struct run *run_open(struct mempool_limits limits, uint32_t senders, uint64_t seed)
{
    struct run *r = calloc(1, sizeof *r);
    r->pool = pool_open(limits);
    r->model = calloc(1, sizeof *r->model);
    r->model->limits = limits;
    r->random = seed;
    r->senders = senders;
    for (uint32_t s = 0; s < senders; s++)
        r->chain[s] = (struct mempool_account){below(r, 3), random_balance(r)};
    return r;
}

// Everything out; what the pool took it has given back.
static void run_close(struct run *r)
{
    model_clear(r->model, TX_STOPPING);
    mempool_clear(r->pool.mp, TX_STOPPING);
    check_all_removed(r);
    cr_assert_eq(r->given, r->taken);
    free(r->dropped);
    pool_close(&r->pool);
    free(r->model);
    free(r);
}

static const struct mempool_limits tight = {
    .tx_max = 40,
    .bytes_max = 48000,
    .per_sender_max = 6,
    .nonce_ahead_max = 12,
    .gap_expiry_ns = 30 * SECOND,
    .drop_record_max = 64,
    .min_tip = {{1, 0, 0, 0}},
};

static void expect_seen(const struct run *r, const enum tx_status *statuses, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cr_assert_gt(r->answers[statuses[i]], 0, "never happened: %s", tx_status_text(statuses[i]));
}

Test(mempool_model, agrees_with_the_pool_under_tight_limits)
{
    struct run *r = run_open(tight, 16, test_seed("mempool_model tight"));
    for (int i = 0; i < 20000; i++)
        step(r);
    static const enum tx_status wanted[] = {
        TX_OK,
        TX_ALREADY_KNOWN,
        TX_UNDERPRICED,
        TX_NONCE_TOO_LOW,
        TX_NONCE_TOO_HIGH,
        TX_INSUFFICIENT_FUNDS,
        TX_SENDER_LIMIT,
        TX_REPLACED,
        TX_EVICTED,
        TX_EXPIRED,
        TX_STOPPING,
        TX_SENDER_HAS_CODE,
        TX_REPLACEMENT_UNDERPRICED,
    };
    expect_seen(r, wanted, sizeof wanted / sizeof *wanted);
    cr_assert_gt(r->lists_under_way, 100);
    run_close(r);
}

Test(mempool_model, agrees_with_the_pool_with_few_senders_and_long_queues)
{
    struct mempool_limits limits = tight;
    limits.tx_max = 60;
    limits.bytes_max = 1 << 20;
    limits.per_sender_max = 40;
    struct run *r = run_open(limits, 3, test_seed("mempool_model long queues"));
    for (int i = 0; i < 20000; i++)
        step(r);
    run_close(r);
}

Test(mempool_model, agrees_with_the_pool_with_many_senders)
{
    struct mempool_limits limits = tight;
    limits.tx_max = 250;
    limits.bytes_max = 1 << 20;
    limits.gap_expiry_ns = 300 * SECOND;
    struct run *r = run_open(limits, MODEL_SENDERS, test_seed("mempool_model many senders"));
    for (int i = 0; i < 4000; i++)
        step(r);
    run_close(r);
}

Test(mempool_model, agrees_with_the_pool_whose_room_is_bytes)
{
    struct mempool_limits limits = tight;
    limits.tx_max = 400;
    limits.bytes_max = 30000;
    struct run *r = run_open(limits, 24, test_seed("mempool_model bytes"));
    for (int i = 0; i < 15000; i++)
        step(r);
    run_close(r);
}

Test(mempool_model, agrees_with_the_pool_that_is_tiny)
{
    struct mempool_limits limits = tight;
    limits.tx_max = 3;
    limits.drop_record_max = 1;
    struct run *r = run_open(limits, 4, test_seed("mempool_model tiny"));
    for (int i = 0; i < 20000; i++)
        step(r);
    static const enum tx_status wanted[] = {TX_POOL_FULL, TX_UNDERPRICED, TX_EVICTED};
    expect_seen(r, wanted, sizeof wanted / sizeof *wanted);
    run_close(r);
}
