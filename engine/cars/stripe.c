#include "engine/cars/stripe.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "shard/verify.h"
#include "sigverify/sigverify.h"

static void *allocate(size_t bytes)
{
    void *p = malloc(bytes);
    if (!p)
        abort();
    return p;
}

static const struct pooled_tx *pooled(const struct exec_tx *x)
{
    return (const struct pooled_tx *)x->tx;
}

// ---- making

// The keys of a body in the making, in the order of their first use, and a table that finds them.
struct key_table {
    uint8_t (*keys)[64];
    uint16_t count;
    uint32_t mask;
    uint32_t *slots; // index + 1; 0: free
};

static uint16_t key_index(struct key_table *t, const struct pooled_tx *tx)
{
    uint32_t at = load_le32(tx->sender_key.b + 16) & t->mask;
    for (; t->slots[at] != 0; at = (at + 1) & t->mask) {
        if (memcmp(t->keys[t->slots[at] - 1], tx->pubkey, 64) == 0)
            return (uint16_t)(t->slots[at] - 1);
    }
    memcpy(t->keys[t->count], tx->pubkey, 64);
    t->slots[at] = t->count + 1u;
    return t->count++;
}

// Where what is put into a body lies until it is written.
struct draft {
    struct key_table keys;
    struct wire_stripe_tx *txs;
    uint8_t (*rys)[32]; // those that had to be worked out
};

static void draft_open(struct draft *d, size_t count)
{
    uint32_t slots = 4;
    while (slots < 2 * count)
        slots *= 2;
    d->keys = (struct key_table){.keys = allocate(count * 64), .mask = slots - 1};
    d->keys.slots = calloc(slots, sizeof *d->keys.slots);
    if (!d->keys.slots)
        abort();
    d->txs = allocate(count * sizeof *d->txs);
    d->rys = allocate(count * 32);
}

static void draft_close(struct draft *d)
{
    free(d->keys.keys);
    free(d->keys.slots);
    free(d->txs);
    free(d->rys);
}

static const uint8_t *ry_of(const struct pooled_tx *t, uint8_t scratch[32])
{
    if (t->has_ry)
        return t->ry;
    const bool found = sv_find_ry(scratch, &t->tx.r, t->tx.y_parity);
    if (!found)
        abort(); // its signature was verified
    return scratch;
}

uint8_t *stripe_build(struct wire_stripe_ref *ref, const struct exec_tx *txs, size_t count)
{
    struct draft d;
    uint8_t *body = NULL;
    if (count == 0 || count > WIRE_STRIPE_BYTES_MAX / 32)
        return NULL;
    draft_open(&d, count);
    uint64_t gas = 0;
    for (size_t i = 0; i < count; i++) {
        const struct pooled_tx *t = pooled(&txs[i]);
        d.txs[i] = (struct wire_stripe_tx){key_index(&d.keys, t), ry_of(t, d.rys[i]), t->tx.raw};
        gas += t->tx.gas_limit;
    }
    const size_t size = wire_stripe_size(d.keys.count, d.txs, count);
    if (size <= WIRE_STRIPE_BYTES_MAX) {
        body = allocate(size);
        wire_stripe_put(body, (const uint8_t(*)[64])d.keys.keys, d.keys.count, d.txs, (uint32_t)count);
        *ref = (struct wire_stripe_ref){wire_stripe_digest(bytes_of(body, size)), (uint32_t)size, (uint32_t)count, gas};
    }
    draft_close(&d);
    return body;
}

// ---- checking one body

const char *stripe_verdict_text(char text[STRIPE_TEXT_MAX], const struct stripe_verdict *v)
{
    switch (v->fault) {
    case STRIPE_OK:
        snprintf(text, STRIPE_TEXT_MAX, "valid");
        break;
    case STRIPE_BAD_BODY:
        snprintf(text, STRIPE_TEXT_MAX, "the body does not decode: %s", wire_status_text((enum wire_status)v->detail));
        break;
    case STRIPE_BAD_COUNT:
        snprintf(text, STRIPE_TEXT_MAX, "the body holds another number of transactions than its header says");
        break;
    case STRIPE_BAD_TX:
        snprintf(text, STRIPE_TEXT_MAX, "transaction %u: %s", v->at, tx_status_text((enum tx_status)v->detail));
        break;
    case STRIPE_WRONG_PARTITION:
        snprintf(text, STRIPE_TEXT_MAX, "transaction %u belongs into another stripe", v->at);
        break;
    case STRIPE_BAD_GAS:
        snprintf(text, STRIPE_TEXT_MAX, "the gas limits are not what its header says");
        break;
    }
    return text;
}

// Not cleared as a whole: jemalloc's calloc clears large memory by giving it back to the kernel, and each page is
// faulted in again.
static struct stripe *stripe_new(const struct wire_stripe *in, struct bytes body, unsigned index)
{
    const size_t n = in->tx_count;
    struct stripe *s = allocate(sizeof *s + n * (sizeof *s->txs + sizeof *s->execs));
    *s = (struct stripe){.body = body, .index = (uint8_t)index};
    s->txs = (struct pooled_tx *)(s + 1);
    s->execs = (struct exec_tx *)(s->txs + n);
    return s;
}

static enum tx_status take_tx(struct stripe *s, const struct wire_stripe *in, const struct wire_stripe_tx *item,
                              const struct stripe_rules *rules)
{
    struct pooled_tx *t = &s->txs[s->count];
    *t = (struct pooled_tx){0};
    enum tx_status status = tx_decode(&t->tx, item->raw, rules->chain_id);
    if (status != TX_OK)
        return status;
    memcpy(t->pubkey, in->keys[item->key], sizeof t->pubkey);
    memcpy(t->ry, item->ry, sizeof t->ry);
    t->has_ry = true;
    t->home = UINT16_MAX;
    t->raw_len = item->raw.len;
    s->execs[s->count++] = (struct exec_tx){&t->tx, &t->sender, &t->sender_key, &t->target_key, 0};
    if (__builtin_add_overflow(s->gas, t->tx.gas_limit, &s->gas))
        s->gas = UINT64_MAX; // no header may say that
    return TX_OK;
}

static struct stripe_verdict decode_txs(struct stripe *s, const struct wire_stripe *in, uint64_t gas,
                                        const struct stripe_rules *rules)
{
    struct wire_stripe_tx item;
    struct bytes rest = in->txs;
    while (wire_stripe_next(&rest, &item)) {
        const uint32_t at = s->count;
        enum tx_status status = take_tx(s, in, &item, rules);
        if (status == TX_OK)
            status = tx_check_static(&s->txs[at].tx, rules->block_gas_limit);
        if (status != TX_OK)
            return (struct stripe_verdict){STRIPE_BAD_TX, status, at};
    }
    return (struct stripe_verdict){s->gas == gas ? STRIPE_OK : STRIPE_BAD_GAS, 0, 0};
}

struct stripe *stripe_decode(struct stripe_verdict *verdict, struct bytes body, unsigned index,
                             const struct wire_stripe_ref *ref, const struct stripe_rules *rules)
{
    struct wire_stripe in;
    const enum wire_status status = wire_stripe_open(&in, body);
    *verdict = (struct stripe_verdict){STRIPE_BAD_BODY, status, 0};
    if (status != WIRE_OK)
        return NULL;
    *verdict = (struct stripe_verdict){STRIPE_BAD_COUNT, 0, 0};
    if (in.tx_count != ref->txs)
        return NULL;
    struct stripe *s = stripe_new(&in, body, index);
    *verdict = decode_txs(s, &in, ref->gas, rules);
    if (verdict->fault == STRIPE_OK)
        return s;
    stripe_free(s);
    return NULL;
}

void stripe_free(struct stripe *s)
{
    free(s);
}

// ---- what was checked before

// Hashes and senders of a stored stripe's transactions: what verifying would have found.
static void derive(struct stripe *s)
{
    const size_t n = s->count;
    struct bytes *messages = allocate(2 * n * sizeof *messages);
    bytes32 *hashes = allocate(2 * n * sizeof *hashes);
    for (size_t i = 0; i < n; i++) {
        messages[i] = s->txs[i].tx.raw;
        messages[n + i] = bytes_of(s->txs[i].pubkey, 64);
    }
    keccak256_batch(hashes, messages, 2 * n);
    for (size_t i = 0; i < n; i++) {
        struct pooled_tx *t = &s->txs[i];
        t->hash = hashes[i];
        memcpy(t->sender.b, hashes[n + i].b + 12, sizeof t->sender.b);
        messages[i] = bytes_of(t->sender.b, sizeof t->sender.b);
        messages[n + i] = bytes_of(t->tx.to.b, sizeof t->tx.to.b);
    }
    keccak256_batch(hashes, messages, 2 * n);
    for (size_t i = 0; i < n; i++) {
        s->txs[i].sender_key = hashes[i];
        s->txs[i].target_key = hashes[n + i];
    }
    free(messages);
    free(hashes);
}

struct stripe *stripe_of_stored(struct bytes body, unsigned index, const struct stripe_rules *rules)
{
    struct wire_stripe in;
    struct wire_stripe_tx item;
    if (wire_stripe_open(&in, body) != WIRE_OK)
        return NULL;
    struct stripe *s = stripe_new(&in, body, index);
    struct bytes rest = in.txs;
    while (wire_stripe_next(&rest, &item)) {
        if (take_tx(s, &in, &item, rules) != TX_OK) {
            stripe_free(s);
            return NULL;
        }
    }
    derive(s);
    return s;
}

// ---- signatures

struct stripe_check {
    struct verify_batch *batch;
    struct stripe_check_numbers numbers;
};

struct stripe_check *stripe_check_create(struct arena *arena)
{
    struct stripe_check *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->batch = verify_batch_create(arena);
    if (c->batch)
        return c;
    free(c);
    return NULL;
}

void stripe_check_free(struct stripe_check *c)
{
    if (!c)
        return;
    verify_batch_free(c->batch);
    free(c);
}

static void run_batch(struct stripe_check *c)
{
    verify_batch_run(c->batch);
    verify_batch_clear(c->batch);
    c->numbers.batches++;
}

static struct stripe_verdict verdict_of(const struct stripe *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->txs[i].status != TX_OK)
            return (struct stripe_verdict){STRIPE_BAD_TX, s->txs[i].status, i};
        if (stripe_of_key(&s->txs[i].sender_key) != s->index)
            return (struct stripe_verdict){STRIPE_WRONG_PARTITION, 0, i};
    }
    return (struct stripe_verdict){STRIPE_OK, 0, 0};
}

void stripe_check_run(struct stripe_check *c, struct stripe **stripes, size_t count, bool doubtful)
{
    struct sv_witness witness = {.has_ry = true};
    for (size_t i = 0; i < count; i++) {
        for (uint32_t t = 0; t < stripes[i]->count; t++) {
            struct pooled_tx *tx = &stripes[i]->txs[t];
            memcpy(witness.pubkey, tx->pubkey, sizeof witness.pubkey);
            memcpy(witness.ry, tx->ry, sizeof witness.ry);
            verify_batch_add(c->batch, tx, doubtful ? VERIFY_DOUBTFUL : VERIFY_WITNESS, &witness);
            if (verify_batch_count(c->batch) == VERIFY_BATCH_MAX)
                run_batch(c);
        }
        c->numbers.txs += stripes[i]->count;
    }
    if (verify_batch_count(c->batch) > 0)
        run_batch(c);
    c->numbers.stripes += count;
    for (size_t i = 0; i < count; i++) {
        stripes[i]->verdict = verdict_of(stripes[i]);
        c->numbers.invalid += stripes[i]->verdict.fault != STRIPE_OK;
    }
}

struct stripe_check_numbers stripe_check_numbers(const struct stripe_check *c)
{
    return c->numbers;
}
