// Transactions that a peer hands on: pooled when their witnesses hold, and held against the peer when not.
#include "sigverify/sigverify.h"
#include "tests/engine_support/rig.h"
#include "tests/engine_support/transfers.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <semaphore.h>
#include <unistd.h>

#define SENDERS 20

struct handing {
    struct shard_call call;
    struct bytes raw;
    struct sv_witness witness;
    unsigned peer;
    enum tx_status status;
    _Atomic unsigned forged_peer;
    sem_t done;
};

static uint64_t turn(void *ctx, uint64_t now_ns)
{
    (void)ctx;
    (void)now_ns;
    return UINT64_MAX;
}

static void forged(void *ctx, unsigned peer)
{
    atomic_store(&((struct handing *)ctx)->forged_peer, peer);
}

static void run(struct shard *s, struct shard_call *call)
{
    struct handing *h = (struct handing *)call;
    const struct shard_guest guest = {turn, forged, h};
    shard_attach(s, &guest);
    h->status = shard_take_forwarded(s, h->raw, &h->witness, h->peer);
    sem_post(&h->done);
}

// What the shard says at once.
static enum tx_status hand(struct rig *r, struct handing *h)
{
    h->call = (struct shard_call){.run = run};
    atomic_store(&h->forged_peer, 0);
    sem_init(&h->done, 0, 0);
    cr_assert(shard_run(rig_shard(r, 0), &h->call));
    while (sem_wait(&h->done) != 0)
        ;
    sem_destroy(&h->done);
    return h->status;
}

static struct sv_witness witness_of(const struct transfers *t, struct bytes raw)
{
    struct sv_witness w = {.has_ry = true};
    struct tx tx;
    const bytes32 key = bench_key(t->seed, t->last_sender);
    cr_assert(sv_public_key(w.pubkey, &key));
    cr_assert_eq(tx_decode(&tx, raw, t->chain_id), TX_OK);
    cr_assert(sv_find_ry(w.ry, &tx.r, tx.y_parity));
    return w;
}

Test(forwarded, is_pooled_or_held_against_the_peer)
{
    const uint64_t seed = test_seed("forwarded");
    const struct rig_options options = {.shards = 2,
                                        .gas_limit = 30000000,
                                        .senders = SENDERS,
                                        .balance = {{0, 1000, 0, 0}},
                                        .seed = seed,
                                        .solo = true};
    struct rig *r = rig_start(&options);
    struct transfers t;
    struct handing h = {.peer = 7};
    uint8_t raw[TRANSFER_BYTES_MAX];
    transfers_init(&t, seed, SENDERS);
    for (unsigned i = 1; i <= 10; i++) {
        h.raw = bytes_of(raw, transfers_next(&t, raw));
        h.witness = witness_of(&t, h.raw);
        cr_assert_eq(hand(r, &h), TX_OK);
        cr_assert(rig_wait_included(r, i));
        cr_assert_eq(atomic_load(&h.forged_peer), 0);
    }
    h.raw = bytes_of(raw, transfers_next(&t, raw));
    h.witness = witness_of(&t, h.raw);
    h.witness.pubkey[0] ^= 1;
    cr_assert_eq(hand(r, &h), TX_OK, "it is not verified yet");
    for (unsigned ms = 0; atomic_load(&h.forged_peer) != 7; ms++) {
        cr_assert_lt(ms, 60000);
        usleep(1000);
    }
    raw[0] ^= 0x80;
    cr_assert_neq(hand(r, &h), TX_OK);
    transfers_free(&t);
    rig_stop(r);
}
