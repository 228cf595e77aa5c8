// Transactions that this node takes and makes no car of: handed to a validator, and taken from those who hand them
// here.
#include "engine/cars/depot_private.h"

#include "base/clock.h"
#include "chain/tx.h"
#include "engine/cars/stripe.h"

#include <stdlib.h>

// How long what was handed on may take to come into a block.
#define FORWARD_RETRY_NS 3000000000ull
// So many messages wait for that at once.
#define FORWARDED_MAX 64u
// What a node hands on, its shards together; and how far a shard lets a peer run ahead of that, since messages come
// in bunches.
#define FORWARD_BYTES_PER_S (8u << 20)
#define AHEAD_NS 500000000u
// Who forged one is taken nothing from for so long.
#define FORGED_NS 60000000000ull

// ---- handing on

static uint64_t cost_ns(size_t bytes, unsigned shares)
{
    return bytes * 1000000000ull * shares / FORWARD_BYTES_PER_S;
}

static void send_body(struct depot *d, unsigned peer, struct bytes body)
{
    const unsigned groups = atomic_load_explicit(&d->options.groups[peer], memory_order_relaxed);
    struct wire_message m;
    m.type = WIRE_FORWARD;
    m.epoch = 0;
    m.forward.body = body;
    struct payload *p = payload_new(wire_size(&m));
    wire_encode(p->data, &m);
    if (groups > 0)
        depot_relay(d, peer, d->options.shard_index % groups, p);
    payload_release(p);
}

void depot_forward(struct depot *d, unsigned peer, const struct depot_request *request)
{
    const uint64_t room = WIRE_STRIPE_BYTES_MAX - STRIPE_FIXED_BYTES;
    struct mempool_pick pick = {.base_fee = request->base_fee,
                                .gas_max = UINT64_MAX,
                                .bytes_max = room,
                                .tx_bytes = STRIPE_TX_OVERHEAD,
                                .count_max = room / STRIPE_TX_OVERHEAD};
    memset(pick.group_bytes_max, 0xff, sizeof pick.group_bytes_max);
    const uint64_t now = clock_ns();
    if (d->forwarded_count == FORWARDED_MAX || now < d->forward_due_ns)
        return;
    const struct exec_tx *txs;
    struct wire_stripe_ref ref;
    const size_t n = shard_propose(d->options.shard, &pick, &txs);
    if (n == 0)
        return;
    uint8_t *body = stripe_build(&ref, txs, n);
    struct forwarded *f = malloc(sizeof *f + n * sizeof *txs);
    if (!body || !f)
        abort(); // they were counted to fit
    send_body(d, peer, bytes_of(body, ref.bytes));
    free(body);
    d->forward_due_ns = now + cost_ns(ref.bytes, d->options.shard_count);
    *f = (struct forwarded){d->forwarded, now + FORWARD_RETRY_NS, 0, n};
    memcpy(f->txs, txs, n * sizeof *txs);
    d->forwarded = f;
    d->forwarded_count++;
    d->numbers.forwarded += n;
}

static bool was_included(const struct exec_tx *x)
{
    return mempool_was_included((const struct pooled_tx *)x->tx);
}

uint64_t depot_forward_turn(struct depot *d, uint64_t now_ns)
{
    uint64_t next = UINT64_MAX;
    for (struct forwarded **at = &d->forwarded; *at;) {
        struct forwarded *f = *at;
        size_t done = f->first;
        while (done < f->count && (f->due_ns <= now_ns || was_included(&f->txs[done])))
            done++;
        shard_take_back(d->options.shard, f->txs + f->first, done - f->first);
        f->first = done;
        if (done < f->count) {
            next = f->due_ns < next ? f->due_ns : next;
            at = &f->next;
            continue;
        }
        *at = f->next;
        free(f);
        d->forwarded_count--;
    }
    return next;
}

void depot_free_forwarded(struct depot *d)
{
    for (struct forwarded *f = d->forwarded, *next; f; f = next) {
        next = f->next;
        free(f);
    }
}

// ---- taking

// Whether the peer's share allows so many bytes more.
static bool allowed(struct depot *d, unsigned peer, size_t bytes, uint64_t now_ns)
{
    uint64_t *until = &d->allowed_ns[peer];
    if (*until > now_ns + AHEAD_NS)
        return false;
    *until = (*until > now_ns ? *until : now_ns) + cost_ns(bytes, 1);
    return true;
}

static void take_all(struct depot *d, unsigned peer, const struct wire_stripe *s)
{
    struct bytes rest = s->txs;
    struct wire_stripe_tx tx;
    while (wire_stripe_next(&rest, &tx)) {
        struct sv_witness witness = {.has_ry = true};
        memcpy(witness.pubkey, s->keys[tx.key], sizeof witness.pubkey);
        memcpy(witness.ry, tx.ry, sizeof witness.ry);
        const enum tx_status status = shard_take_forwarded(d->options.shard, tx.raw, &witness, peer);
        if (status == TX_POOL_FULL || status == TX_STOPPING)
            return;
        if (status != TX_OK) {
            depot_ban(d, peer, tx_status_text(status));
            return;
        }
        d->numbers.forwarded_in++;
    }
}

void depot_take_forward(struct depot *d, unsigned peer, struct bytes message)
{
    static _Thread_local struct wire_message m;
    struct wire_stripe stripe;
    const enum wire_status status = wire_decode(&m, message, &d->options.set->wire);
    if (status != WIRE_OK)
        depot_ban(d, peer, wire_status_text(status));
    else if (allowed(d, peer, message.len, clock_ns()) && wire_stripe_open(&stripe, m.forward.body) == WIRE_OK)
        take_all(d, peer, &stripe);
}

// A message's other transactions may be no better: the peer is banned once.
void depot_forged(void *ctx, unsigned peer)
{
    struct depot *d = ctx;
    const uint64_t now = clock_ns();
    if (d->allowed_ns[peer] > now + FORGED_NS / 2)
        return;
    d->allowed_ns[peer] = now + FORGED_NS;
    depot_ban(d, peer, "a forwarded transaction whose signature is not what its witness says");
}
