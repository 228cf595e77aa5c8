// bench hash: Keccak-256 of many messages at once, in the widest lanes that may be used here, beside the scalar code,
// one after the other. 64 bytes is a public key (one permutation), 532 a full branch of a trie (four).
#include <stdio.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "bench/bench.h"

enum { BATCH = 512, LONGEST = 532, ROUNDS = 401, QUICK_ROUNDS = 51 };

struct inputs {
    uint8_t text[BATCH][LONGEST];
    struct bytes messages[BATCH];
    bytes32 hashes[BATCH], expected[BATCH];
};

static void hash_batch(void *ctx)
{
    struct inputs *in = ctx;
    keccak256_batch(in->hashes, in->messages, BATCH);
}

static void hash_one_by_one(void *ctx)
{
    struct inputs *in = ctx;
    for (size_t i = 0; i < BATCH; i++)
        in->expected[i] = keccak256(in->messages[i].ptr, in->messages[i].len);
}

static bool measure(struct bench_report *report, struct inputs *in, size_t len, size_t rounds)
{
    char name[32];
    for (size_t i = 0; i < BATCH; i++)
        in->messages[i] = bytes_of(in->text[i], len);
    const struct bench_pair times = bench_in_turn(hash_batch, hash_one_by_one, in, rounds);
    snprintf(name, sizeof name, "keccak_%zu", len);
    bench_report_add(report, name, times.ours_ns / BATCH, "ns", "scalar, one by one", times.reference_ns / BATCH,
                     times.reference_ns / times.ours_ns);
    return memcmp(in->hashes, in->expected, sizeof in->hashes) == 0;
}

int bench_hash(struct bench_report *report, const struct bench_options *options)
{
    struct inputs *in = calloc(1, sizeof *in);
    if (!in) {
        fprintf(stderr, "bench hash: no memory\n");
        return -1;
    }
    for (size_t i = 0; i < BATCH; i++) {
        for (size_t j = 0; j < LONGEST; j++)
            in->text[i][j] = (uint8_t)(options->seed + i * 31 + j * 7 + i * j);
    }
    const size_t rounds = options->quick ? QUICK_ROUNDS : ROUNDS;
    const bool ok = measure(report, in, 64, rounds) && measure(report, in, LONGEST, rounds);
    if (!ok)
        fprintf(stderr, "bench hash: the batch gives other hashes than one by one\n");
    free(in);
    return ok ? 0 : -1;
}
