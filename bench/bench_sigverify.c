// bench sigverify: distinct signatures recovered, checked with witnesses and checked as votes, beside the plain library
// in the same run.
#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_recovery.h>
#include <secp256k1_schnorrsig.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "bench/bench.h"
#include "bench/check_signatures.h"
#include "chain/genesis.h"
#include "sigverify/sigverify.h"

enum {
    ITEMS = 1024,
    VOTES = 67,      // a certificate of 100 validators
    PER_SENDER = 8,  // of witness_1024_ry_8
    REFERENCE = 128, // the library's, a round
    ROUNDS = 41,
    QUICK_ROUNDS = 9,
    SMALL_ROUNDS = 8, // small batches are repeated within a round
};

struct inputs {
    struct sv_verifier *verifier;
    secp256k1_context *library;
    struct sv_item items[ITEMS], repeated[ITEMS]; // distinct senders; PER_SENDER items a sender
    struct sv_witness witnesses[ITEMS], repeated_witnesses[ITEMS];
    struct sv_schnorr votes[VOTES];
    struct sv_result results[ITEMS];
    bool ok[VOTES];
    secp256k1_pubkey keys[REFERENCE];
    size_t failures;
    // What the next measurement runs on.
    const struct sv_item *current;
    const struct sv_witness *current_witnesses;
    size_t batch, times;
};

static bool make_item(struct sv_item *item, struct sv_witness *witness, const bytes32 *key, uint64_t number)
{
    uint8_t message[40];
    struct sv_signature signature;
    memcpy(message, key->b, 32);
    store_le64(message + 32, number);
    item->hash = keccak256(message, sizeof message);
    if (!sv_sign(&signature, &item->hash, key) || !sv_public_key(witness->pubkey, key))
        return false;
    item->r = signature.r;
    item->s = signature.s;
    item->v = signature.v;
    item->require_low_s = true;
    return !(item->v & 2) && sv_lift_x(witness->ry, item->r.b, item->v & 1);
}

static bool make_vote(const secp256k1_context *library, struct sv_schnorr *vote, const bytes32 *key)
{
    secp256k1_keypair pair;
    secp256k1_xonly_pubkey public_key;
    uint8_t signature[64];
    vote->message = keccak256("a block", 7);
    if (!secp256k1_keypair_create(library, &pair, key->b) ||
        !secp256k1_keypair_xonly_pub(library, &public_key, NULL, &pair) ||
        !secp256k1_schnorrsig_sign32(library, signature, vote->message.b, &pair, NULL))
        return false;
    secp256k1_xonly_pubkey_serialize(library, vote->key.b, &public_key);
    memcpy(vote->r.b, signature, 32);
    memcpy(vote->s.b, signature + 32, 32);
    return true;
}

static bool make_inputs(struct inputs *in, uint64_t seed)
{
    in->verifier = sv_create();
    in->library = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    bool ok = in->verifier && in->library;
    for (size_t i = 0; ok && i < ITEMS; i++) {
        const bytes32 key = bench_key(seed, i), shared = bench_key(seed, i / PER_SENDER);
        ok = make_item(&in->items[i], &in->witnesses[i], &key, 0) &&
             make_item(&in->repeated[i], &in->repeated_witnesses[i], &shared, i) &&
             (i >= VOTES || make_vote(in->library, &in->votes[i], &key));
        in->repeated_witnesses[i].has_ry = true;
    }
    return ok;
}

static void count_failures(struct inputs *in)
{
    for (size_t i = 0; i < in->batch; i++)
        in->failures += in->results[i].status != SV_OK;
}

static void recover(void *ctx)
{
    struct inputs *in = ctx;
    for (size_t i = 0; i < in->times; i++)
        sv_recover(in->verifier, in->results, in->current, in->batch);
    count_failures(in);
}

static void verify(void *ctx)
{
    struct inputs *in = ctx;
    for (size_t i = 0; i < in->times; i++)
        sv_verify_witness(in->verifier, in->results, in->current, in->current_witnesses, in->batch);
    count_failures(in);
}

static void verify_votes(void *ctx)
{
    struct inputs *in = ctx;
    for (size_t i = 0; i < in->times; i++)
        sv_verify_schnorr(in->verifier, in->ok, in->votes, VOTES);
    for (size_t i = 0; i < VOTES; i++)
        in->failures += !in->ok[i];
}

static void library_recover(void *ctx)
{
    struct inputs *in = ctx;
    for (size_t i = 0; i < REFERENCE; i++) {
        secp256k1_ecdsa_recoverable_signature signature;
        uint8_t compact[64];
        memcpy(compact, in->items[i].r.b, 32);
        memcpy(compact + 32, in->items[i].s.b, 32);
        in->failures +=
            !secp256k1_ecdsa_recoverable_signature_parse_compact(in->library, &signature, compact, in->items[i].v) ||
            !secp256k1_ecdsa_recover(in->library, &in->keys[i], &signature, in->items[i].hash.b);
    }
}

static void library_votes(void *ctx)
{
    struct inputs *in = ctx;
    for (size_t i = 0; i < VOTES; i++) {
        const struct sv_schnorr *vote = &in->votes[i];
        uint8_t signature[64];
        secp256k1_xonly_pubkey key;
        memcpy(signature, vote->r.b, 32);
        memcpy(signature + 32, vote->s.b, 32);
        in->failures += !secp256k1_xonly_pubkey_parse(in->library, &key, vote->key.b) ||
                        !secp256k1_schnorrsig_verify(in->library, signature, vote->message.b, 32, &key);
    }
}

static void add(struct bench_report *report, const char *name, struct bench_pair times, size_t ours, size_t references,
                const char *reference)
{
    const double ours_us = times.ours_ns / (double)ours / 1000;
    const double reference_us = times.reference_ns / (double)references / 1000;
    bench_report_add(report, name, ours_us, "us", reference, reference_us, reference_us / ours_us);
}

static void measure_batch(struct bench_report *report, struct inputs *in, const char *name, void (*ours)(void *ctx),
                          size_t batch, size_t rounds)
{
    in->batch = batch;
    in->times = batch < 512 ? SMALL_ROUNDS : 1;
    add(report, name, bench_in_turn(ours, library_recover, in, rounds), batch * in->times, REFERENCE,
        "libsecp256k1 recover");
}

static void give_ry(struct inputs *in, bool given)
{
    for (size_t i = 0; i < ITEMS; i++)
        in->witnesses[i].has_ry = given;
}

static void measure(struct bench_report *report, struct inputs *in, size_t rounds)
{
    in->current = in->items;
    in->current_witnesses = in->witnesses;
    measure_batch(report, in, "recover_512", recover, 512, rounds);
    measure_batch(report, in, "recover_64", recover, 64, rounds);
    measure_batch(report, in, "witness_1024", verify, 1024, rounds);
    measure_batch(report, in, "witness_64", verify, 64, rounds);
    give_ry(in, true);
    measure_batch(report, in, "witness_1024_ry", verify, 1024, rounds);
    in->current = in->repeated;
    in->current_witnesses = in->repeated_witnesses;
    measure_batch(report, in, "witness_1024_ry_8", verify, 1024, rounds);
    in->times = SMALL_ROUNDS;
    add(report, "schnorr_67", bench_in_turn(verify_votes, library_votes, in, rounds), VOTES * in->times, VOTES,
        "libsecp256k1 BIP-340");
}

static void measure_sizes(struct bench_report *report, struct inputs *in, size_t rounds)
{
    static const size_t sizes[] = {1, 4, 16, 64, 256, 1024};
    in->current = in->items;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char name[48];
        snprintf(name, sizeof name, "batch=%zu/recover", sizes[i]);
        measure_batch(report, in, name, recover, sizes[i], rounds);
    }
}

static int run(struct bench_report *report, const struct bench_options *options,
               void (*measurements)(struct bench_report *report, struct inputs *in, size_t rounds))
{
    struct inputs *in = calloc(1, sizeof *in);
    int status = -1;
    if (in && make_inputs(in, options->seed)) {
        measurements(report, in, options->quick ? QUICK_ROUNDS : ROUNDS);
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

int bench_sigverify(struct bench_report *report, const struct bench_options *options)
{
    if (options->check > 0)
        return bench_check_signatures(options->seed, options->check);
    return run(report, options, measure);
}

int bench_recover_batches(struct bench_report *report, const struct bench_options *options)
{
    return run(report, options, measure_sizes);
}
