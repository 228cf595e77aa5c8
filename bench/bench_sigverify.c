// bench sigverify: a batch of 512 distinct signatures, by recovery and with witnesses, beside the plain library's
// recovery of the same signatures.
#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "bench/bench.h"
#include "chain/genesis.h"
#include "sigverify/sigverify.h"

enum { BATCH = 512, ROUNDS = 41, QUICK_ROUNDS = 9 };

struct inputs {
    struct sv_verifier *verifier;
    secp256k1_context *library;
    struct sv_item items[BATCH];
    struct sv_witness witnesses[BATCH];
    struct sv_result results[BATCH];
    secp256k1_pubkey keys[BATCH];
    size_t failures;
};

static bool set_ry(struct sv_witness *witness, const struct sv_item *item)
{
    uint8_t compressed[33] = {(uint8_t)(2 + (item->v & 1))}, point[65];
    size_t len = sizeof point;
    secp256k1_pubkey r;
    memcpy(compressed + 1, item->r.b, 32);
    if ((item->v & 2) || !secp256k1_ec_pubkey_parse(secp256k1_context_static, &r, compressed, sizeof compressed))
        return false;
    secp256k1_ec_pubkey_serialize(secp256k1_context_static, point, &len, &r, SECP256K1_EC_UNCOMPRESSED);
    memcpy(witness->ry, point + 33, 32);
    return true;
}

static bool make_inputs(struct inputs *in, uint64_t seed)
{
    in->verifier = sv_create();
    in->library = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    for (size_t i = 0; i < BATCH; i++) {
        const bytes32 key = bench_key(seed, i);
        struct sv_item *item = &in->items[i];
        struct sv_signature signature;
        item->hash = keccak256(key.b, sizeof key.b);
        if (!sv_sign(&signature, &item->hash, &key) || !sv_public_key(in->witnesses[i].pubkey, &key))
            return false;
        item->r = signature.r;
        item->s = signature.s;
        item->v = signature.v;
        item->require_low_s = true;
        if (!set_ry(&in->witnesses[i], item))
            return false;
    }
    return in->verifier && in->library;
}

static void count_failures(struct inputs *in)
{
    for (size_t i = 0; i < BATCH; i++)
        in->failures += in->results[i].status != SV_OK;
}

static void recover(void *ctx)
{
    struct inputs *in = ctx;
    sv_recover(in->verifier, in->results, in->items, BATCH);
    count_failures(in);
}

static void verify(void *ctx)
{
    struct inputs *in = ctx;
    sv_verify_witness(in->verifier, in->results, in->items, in->witnesses, BATCH);
    count_failures(in);
}

static void library_recover(void *ctx)
{
    struct inputs *in = ctx;
    for (size_t i = 0; i < BATCH; i++) {
        secp256k1_ecdsa_recoverable_signature signature;
        uint8_t compact[64];
        memcpy(compact, in->items[i].r.b, 32);
        memcpy(compact + 32, in->items[i].s.b, 32);
        in->failures +=
            !secp256k1_ecdsa_recoverable_signature_parse_compact(in->library, &signature, compact, in->items[i].v) ||
            !secp256k1_ecdsa_recover(in->library, &in->keys[i], &signature, in->items[i].hash.b);
    }
}

static void add(struct bench_report *report, const char *name, struct bench_pair times)
{
    bench_report_add(report, name, times.ours_ns / BATCH / 1000, "us", "libsecp256k1 recover",
                     times.reference_ns / BATCH / 1000, times.reference_ns / times.ours_ns);
}

static void measure(struct bench_report *report, struct inputs *in, size_t rounds)
{
    add(report, "recover_512", bench_in_turn(recover, library_recover, in, rounds));
    add(report, "witness_512", bench_in_turn(verify, library_recover, in, rounds));
    for (size_t i = 0; i < BATCH; i++)
        in->witnesses[i].has_ry = true;
    add(report, "witness_ry_512", bench_in_turn(verify, library_recover, in, rounds));
}

int bench_sigverify(struct bench_report *report, const struct bench_options *options)
{
    struct inputs *in = calloc(1, sizeof *in);
    int status = -1;
    if (in && make_inputs(in, options->seed)) {
        measure(report, in, options->quick ? QUICK_ROUNDS : ROUNDS);
        status = in->failures == 0 ? 0 : -1;
    }
    if (status != 0)
        fprintf(stderr, "bench sigverify: %s\n", in && in->failures ? "a valid signature was refused" : "no memory");
    if (in) {
        sv_free(in->verifier);
        secp256k1_context_destroy(in->library);
    }
    free(in);
    return status;
}
