#include "tests/engine/cars_fixture.h"

#include "base/keccak.h"
#include "chain/genesis.h"
#include "shard/verify.h"
#include "sigverify/sigverify.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { SENDERS_MAX = 64 };

const struct wire_set CARS_SET = {CARS_CHAIN, {{0x5e, 0x7}}, 4, 10000000};
const struct stripe_rules CARS_RULES = {CARS_CHAIN, 30000000};

static bytes32 key_of(unsigned sender)
{
    uint8_t pubkey[64];
    const bytes32 secret = bench_key(1, sender);
    cr_assert(sv_public_key(pubkey, &secret));
    const address a = sv_address(pubkey);
    return keccak256(a.b, sizeof a.b);
}

unsigned cars_sender(unsigned stripe, unsigned i)
{
    static unsigned found[WIRE_STRIPES][SENDERS_MAX], count[WIRE_STRIPES], next;
    cr_assert(i < SENDERS_MAX);
    while (count[stripe] <= i) {
        const bytes32 key = key_of(next);
        const unsigned s = stripe_of_key(&key);
        if (count[s] < SENDERS_MAX)
            found[s][count[s]++] = next;
        next++;
    }
    return found[stripe][i];
}

struct tx_fields cars_fields(uint64_t nonce)
{
    return (struct tx_fields){.type = TX_DYNAMIC_FEE,
                              .chain_id = CARS_CHAIN,
                              .nonce = nonce,
                              .gas_limit = CARS_GAS,
                              .max_fee = u256_from_u64(1000000000),
                              .value = u256_from_u64(nonce + 1),
                              .to = bench_receiver(2, nonce)};
}

struct pooled_tx *cars_tx_of(unsigned sender, const struct tx_fields *fields)
{
    static struct arena *arena;
    static struct verify_batch *batch;
    uint8_t message[512], raw[512];
    struct sv_signature s;
    const bytes32 hash = keccak256(message, tx_encode_unsigned(message, sizeof message, fields));
    const bytes32 secret = bench_key(1, sender);
    cr_assert(sv_sign(&s, &hash, &secret));
    const size_t len = tx_encode_signed(raw, sizeof raw, fields, s.v, &s.r, &s.s);
    struct pooled_tx *t = calloc(1, pooled_tx_bytes(len));
    memcpy(t->raw, raw, len);
    t->raw_len = len;
    cr_assert_eq(tx_decode(&t->tx, bytes_of(t->raw, len), 0), TX_OK);
    if (!arena) {
        arena = arena_create();
        batch = verify_batch_create(arena);
    }
    verify_batch_add(batch, t, VERIFY_RECOVER, NULL);
    verify_batch_run(batch);
    verify_batch_clear(batch);
    cr_assert_eq(t->status, TX_OK);
    return t;
}

struct pooled_tx *cars_tx(unsigned sender, uint64_t nonce)
{
    const struct tx_fields f = cars_fields(nonce);
    return cars_tx_of(sender, &f);
}

static uint64_t nonces; // so that no two transactions are the same

struct cars_txs cars_txs(unsigned stripe, size_t n, unsigned senders)
{
    struct cars_txs txs = {calloc(n ? n : 1, sizeof *txs.execs), n};
    for (size_t i = 0; i < n; i++) {
        struct pooled_tx *t = cars_tx(cars_sender(stripe, (unsigned)(i % senders)), nonces++);
        txs.execs[i] = (struct exec_tx){&t->tx, &t->sender, &t->sender_key, &t->target_key, 0};
    }
    return txs;
}

void cars_txs_free(struct cars_txs *txs)
{
    for (size_t i = 0; i < txs->count; i++)
        free((void *)txs->execs[i].tx);
    free(txs->execs);
}

uint8_t *cars_body(struct wire_stripe_ref *ref, unsigned stripe, size_t n, unsigned senders)
{
    struct cars_txs txs = cars_txs(stripe, n, senders);
    uint8_t *body = stripe_build(ref, txs.execs, n);
    cr_assert(body);
    cars_txs_free(&txs);
    return body;
}

void cars_seal(struct cars_car *c, uint64_t epoch)
{
    c->car.digest = wire_car_digest(&CARS_SET, epoch, &c->car);
    c->name = (struct car_name){epoch, c->car.lane, c->car.pos, c->car.digest};
}

struct cars_car cars_car(uint64_t epoch, unsigned lane, uint32_t pos, uint16_t bitmap, size_t n)
{
    struct cars_car c = {.car = {.lane = (uint16_t)lane, .pos = pos, .stripe_bitmap = bitmap}};
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        if (bitmap >> s & 1) {
            uint8_t *body = cars_body(&c.car.stripes[s], s, n, n < 3 ? 1 : 3);
            c.bodies[s] = bytes_of(body, c.car.stripes[s].bytes);
        }
    }
    cars_seal(&c, epoch);
    return c;
}

void cars_car_free(struct cars_car *c)
{
    for (unsigned s = 0; s < WIRE_STRIPES; s++)
        free((void *)c->bodies[s].ptr);
}
