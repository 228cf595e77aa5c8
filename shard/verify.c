#include "shard/verify.h"

#include "base/clock.h"
#include "base/keccak.h"

#include <assert.h>

// What a batch may cost before it is cut.
#define BATCH_NS 3000000.0
#define BATCH_PRESSED_NS 1500000.0
// An item's cost before anything was measured: about what a recovery by libsecp256k1 takes.
#define FIRST_COST_NS 45000.0
// Shorter batches say little about an item's cost in a long one. The average of the costs moves by an eighth at a time.
#define COST_SAMPLE_MIN 16
#define COST_SHARE 0.125

struct slot {
    struct pooled_tx *t;
    enum verify_kind kind;
    bool costly;
    struct sv_witness witness;
};

struct verify_batch {
    struct arena *arena;
    struct sv_verifier *verifier;
    size_t lanes; // of its kernels
    size_t count, count_of[VERIFY_KIND_COUNT];
    double gathered_ns; // what the slots will cost
    double cost_ns[VERIFY_KIND_COUNT];
    struct verify_totals totals;
    struct slot slots[VERIFY_BATCH_MAX];
    // Scratch of one run
    bytes32 signing[VERIFY_BATCH_MAX];
    struct bytes messages[2 * VERIFY_BATCH_MAX];
    bytes32 hashes[2 * VERIFY_BATCH_MAX];
    struct slot *owners[VERIFY_BATCH_MAX];
    struct sv_item items[VERIFY_BATCH_MAX];
    struct sv_witness witnesses[VERIFY_BATCH_MAX];
    struct sv_result results[VERIFY_BATCH_MAX];
};

struct verify_batch *verify_batch_create(struct arena *arena)
{
    struct verify_batch *b = arena_alloc_zero(arena, sizeof *b);
    b->arena = arena;
    b->lanes = sv_lane_count();
    b->verifier = sv_create();
    for (enum verify_kind k = 0; k < VERIFY_KIND_COUNT; k++)
        b->cost_ns[k] = FIRST_COST_NS;
    if (b->verifier)
        return b;
    arena_free(arena, b);
    return NULL;
}

void verify_batch_free(struct verify_batch *b)
{
    if (!b)
        return;
    sv_free(b->verifier);
    arena_free(b->arena, b);
}

size_t verify_batch_count(const struct verify_batch *b)
{
    return b->count;
}

struct pooled_tx *verify_batch_at(const struct verify_batch *b, size_t i)
{
    return b->slots[i].t;
}

static bool lanes_are_full(const struct verify_batch *b)
{
    bool full = true;
    for (enum verify_kind k = 0; k < VERIFY_KIND_COUNT; k++)
        full = full && b->count_of[k] % b->lanes == 0;
    return full;
}

bool verify_batch_has_room(const struct verify_batch *b, bool pressed)
{
    const bool worth_running = b->gathered_ns >= (pressed ? BATCH_PRESSED_NS : BATCH_NS);
    return b->count < VERIFY_BATCH_MAX && !(worth_running && lanes_are_full(b));
}

void verify_batch_add(struct verify_batch *b, struct pooled_tx *t, enum verify_kind kind,
                      const struct sv_witness *witness)
{
    assert(b->count < VERIFY_BATCH_MAX && !witness == (kind == VERIFY_RECOVER));
    struct slot *slot = &b->slots[b->count++];
    slot->t = t;
    slot->kind = kind;
    slot->costly = false;
    if (witness)
        slot->witness = *witness;
    b->count_of[kind]++;
    b->gathered_ns += b->cost_ns[kind];
}

// Signing hashes and transaction hashes, in one go.
static void hash(struct verify_batch *b)
{
    const size_t n = b->count;
    size_t room = 0;
    for (size_t i = 0; i < n; i++)
        room += TX_SIGNING_MAX(b->slots[i].t->raw_len);
    uint8_t *buf = arena_alloc(b->arena, room), *p = buf;
    for (size_t i = 0; i < n; i++) {
        const struct pooled_tx *t = b->slots[i].t;
        const size_t len = tx_signing_message(p, &t->tx);
        b->messages[i] = bytes_of(p, len);
        b->messages[n + i] = t->tx.raw;
        p += len;
    }
    keccak256_batch(b->hashes, b->messages, 2 * n);
    for (size_t i = 0; i < n; i++) {
        b->signing[i] = b->hashes[i];
        b->slots[i].t->hash = b->hashes[n + i];
    }
    arena_free(b->arena, buf);
}

static enum tx_status status_of(enum sv_status status)
{
    switch (status) {
    case SV_OK:
        return TX_OK;
    case SV_WRONG_WITNESS:
        return TX_WRONG_WITNESS;
    case SV_HIGH_S:
        return TX_HIGH_S;
    case SV_BAD_RANGE:
        return TX_BAD_R;
    case SV_NO_POINT:
        return TX_BAD_SIGNATURE;
    }
    return TX_BAD_SIGNATURE;
}

static void keep_result(struct verify_batch *b, struct slot *slot, const struct sv_result *result)
{
    slot->t->status = (uint8_t)status_of(result->status);
    slot->t->sender = result->signer;
    memcpy(slot->t->pubkey, result->pubkey, sizeof result->pubkey);
    memcpy(slot->t->ry, result->ry, sizeof result->ry);
    slot->t->has_ry = result->has_ry;
    slot->costly = result->slow || result->status == SV_WRONG_WITNESS;
    b->totals.wrong_witnesses += result->status == SV_WRONG_WITNESS;
    b->totals.slow += result->slow;
}

static void count_batch(struct verify_batch *b, enum verify_kind kind, size_t n, uint64_t ns)
{
    b->totals.batches[kind]++;
    b->totals.items[kind] += n;
    if (n >= COST_SAMPLE_MIN)
        b->cost_ns[kind] += COST_SHARE * ((double)ns / (double)n - b->cost_ns[kind]);
}

static void verify(struct verify_batch *b, enum verify_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct slot *slot = &b->slots[i];
        const struct tx *tx = &slot->t->tx;
        if (slot->kind != kind)
            continue;
        b->items[n] = (struct sv_item){b->signing[i], tx->r, tx->s, tx->y_parity, true};
        if (kind != VERIFY_RECOVER)
            b->witnesses[n] = slot->witness;
        b->owners[n++] = slot;
    }
    if (n == 0)
        return;
    const uint64_t start = clock_thread_cpu_ns(); // others on this core must not make the items look expensive
    if (kind == VERIFY_RECOVER)
        sv_recover(b->verifier, b->results, b->items, n);
    else
        sv_verify_witness(b->verifier, b->results, b->items, b->witnesses, n);
    count_batch(b, kind, n, clock_thread_cpu_ns() - start);
    for (size_t i = 0; i < n; i++)
        keep_result(b, b->owners[i], &b->results[i]);
}

// Account keys of senders and targets, where there is a sender.
static void derive_keys(struct verify_batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct pooled_tx *t = b->slots[i].t;
        if (t->status != TX_OK)
            continue;
        b->messages[2 * n] = bytes_of(t->sender.b, sizeof t->sender.b);
        b->messages[2 * n + 1] = bytes_of(t->tx.to.b, sizeof t->tx.to.b);
        b->owners[n++] = &b->slots[i];
    }
    keccak256_batch(b->hashes, b->messages, 2 * n);
    for (size_t i = 0; i < n; i++) {
        b->owners[i]->t->sender_key = b->hashes[2 * i];
        b->owners[i]->t->target_key = b->hashes[2 * i + 1];
    }
}

void verify_batch_run(struct verify_batch *b)
{
    hash(b);
    for (enum verify_kind k = 0; k < VERIFY_KIND_COUNT; k++)
        verify(b, k);
    derive_keys(b);
    const uint64_t now = clock_ns();
    for (size_t i = 0; i < b->count; i++)
        b->slots[i].t->verified_ns = now;
}

bool verify_batch_was_costly(const struct verify_batch *b, size_t i)
{
    return b->slots[i].costly;
}

void verify_batch_clear(struct verify_batch *b)
{
    b->count = 0;
    memset(b->count_of, 0, sizeof b->count_of);
    b->gathered_ns = 0;
}

struct verify_totals verify_batch_totals(const struct verify_batch *b)
{
    struct verify_totals totals = b->totals;
    totals.lanes = sv_lane_use(b->verifier);
    return totals;
}
