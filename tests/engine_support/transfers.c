#include "tests/engine_support/transfers.h"

#include "base/keccak.h"
#include "chain/tx.h"
#include "sigverify/sigverify.h"
#include "tests/support/vectors.h"

#include <stdlib.h>

#define GWEI 1000000000ull

void transfers_init(struct transfers *t, uint64_t seed, size_t senders)
{
    *t = (struct transfers){seed, seed ^ 0x5eed, 31337, senders, calloc(senders, sizeof *t->nonces), 0};
}

void transfers_free(struct transfers *t)
{
    free(t->nonces);
}

static address target(struct transfers *t)
{
    uint64_t random = test_random(&t->random);
    if (random % 4 == 0)
        return bench_receiver(t->seed, random);
    bytes32 key = bench_key(t->seed, random % t->senders);
    uint8_t public_key[64];
    if (!sv_public_key(public_key, &key))
        abort();
    return sv_address(public_key);
}

size_t transfers_next(struct transfers *t, uint8_t out[TRANSFER_BYTES_MAX])
{
    static const uint8_t empty_list = 0xc0;
    size_t sender = t->last_sender = test_random(&t->random) % t->senders;
    struct tx_fields f = {
        .type = (enum tx_type)(test_random(&t->random) % 3),
        .chain_id = t->chain_id,
        .nonce = t->nonces[sender]++,
        .gas_limit = 21000 + test_random(&t->random) % 5000,
        .max_fee = u256_from_u64(20 * GWEI),
        .max_tip = u256_from_u64(test_random(&t->random) % (2 * GWEI)),
        .value = u256_from_u64(test_random(&t->random) % (1000 * GWEI)),
        .to = target(t),
        .access_list = bytes_of(&empty_list, 1),
    };
    if (f.type != TX_DYNAMIC_FEE)
        f.max_tip = f.max_fee;
    uint8_t message[TRANSFER_BYTES_MAX];
    bytes32 hash = keccak256(message, tx_encode_unsigned(message, sizeof message, &f));
    bytes32 key = bench_key(t->seed, sender);
    struct sv_signature s;
    if (!sv_sign(&s, &hash, &key))
        abort();
    return tx_encode_signed(out, TRANSFER_BYTES_MAX, &f, s.v, &s.r, &s.s);
}
