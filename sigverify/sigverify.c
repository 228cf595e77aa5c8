#include "sigverify/sigverify.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "base/log.h"
#include "sigverify/kernels.h"
#include "sigverify/lanes/lanes.h"

struct sv_verifier {
    const struct sv_kernels *kernels;
    void *state;
    struct sv_lanes use;
    // Addresses are hashed a batch at a time.
    struct bytes messages[SV_BATCH_MAX];
    bytes32 hashes[SV_BATCH_MAX];
    uint32_t owners[SV_BATCH_MAX]; // which result of the batch a message belongs to
};

// Fastest first; the last runs everywhere.
static const struct sv_kernels *const IMPLEMENTATIONS[] = {&SV_AVX512, &SV_AVX2, &SV_PORTABLE};

static pthread_once_t choose_once = PTHREAD_ONCE_INIT;
static const struct sv_kernels *chosen; // NULL after choosing: refused, and choice_error says why
static char choice_error[SV_ERROR_MAX];

static void choose(void)
{
    if (!cpu_choose_lanes(choice_error))
        return;
    size_t i = 0;
    while (!IMPLEMENTATIONS[i]->usable()) // the portable one, the last, always is
        i++;
    chosen = IMPLEMENTATIONS[i];
}

bool sv_choose_kernels(char error[SV_ERROR_MAX])
{
    pthread_once(&choose_once, choose);
    if (!chosen)
        memcpy(error, choice_error, SV_ERROR_MAX);
    return chosen != NULL;
}

static const struct sv_kernels *kernels(void)
{
    char error[SV_ERROR_MAX];
    if (!sv_choose_kernels(error)) {
        char quoted[2 * SV_ERROR_MAX];
        log_error("sigverify", "no implementation", "reason=%s", log_text(quoted, sizeof quoted, error));
        exit(EXIT_FAILURE);
    }
    return chosen;
}

const char *sv_kernel_name(void)
{
    return kernels()->name;
}

unsigned sv_lane_count(void)
{
    return kernels()->lanes;
}

struct sv_verifier *sv_create(void)
{
    struct sv_verifier *v = malloc(sizeof *v);
    if (!v)
        return NULL;
    v->kernels = kernels();
    v->use = (struct sv_lanes){0};
    v->state = v->kernels->create();
    if (!v->state) {
        free(v);
        return NULL;
    }
    return v;
}

void sv_free(struct sv_verifier *v)
{
    if (!v)
        return;
    v->kernels->destroy(v->state);
    free(v);
}

struct sv_lanes sv_lane_use(const struct sv_verifier *v)
{
    return v->use;
}

static void count_lanes(struct sv_verifier *v, size_t n)
{
    const size_t lanes = v->kernels->lanes;
    v->use.used += n;
    v->use.offered += (n + lanes - 1) / lanes * lanes;
}

static address address_of_hash(const bytes32 *hash)
{
    address out;
    memcpy(out.b, hash->b + 12, sizeof out.b);
    return out;
}

static void fill_signers(struct sv_verifier *v, struct sv_result *out, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (out[i].status != SV_OK)
            continue;
        v->messages[count] = bytes_of(out[i].pubkey, sizeof out[i].pubkey);
        v->owners[count++] = (uint32_t)i;
    }
    keccak256_batch(v->hashes, v->messages, count);
    for (size_t i = 0; i < count; i++)
        out[v->owners[i]].signer = address_of_hash(&v->hashes[i]);
}

void sv_recover(struct sv_verifier *v, struct sv_result *out, const struct sv_item *in, size_t n)
{
    if (n > 0)
        memset(out, 0, n * sizeof *out);
    for (size_t at = 0; at < n; at += SV_BATCH_MAX) {
        const size_t count = n - at < SV_BATCH_MAX ? n - at : SV_BATCH_MAX;
        v->kernels->recover(v->state, out + at, in + at, count);
        fill_signers(v, out + at, count);
        count_lanes(v, count);
    }
}

void sv_verify_witness(struct sv_verifier *v, struct sv_result *out, const struct sv_item *in,
                       const struct sv_witness *witness, size_t n)
{
    if (n > 0)
        memset(out, 0, n * sizeof *out);
    for (size_t at = 0; at < n; at += SV_BATCH_MAX) {
        const size_t count = n - at < SV_BATCH_MAX ? n - at : SV_BATCH_MAX;
        v->kernels->verify_witness(v->state, out + at, in + at, witness + at, count);
        fill_signers(v, out + at, count);
        count_lanes(v, count);
    }
}

void sv_verify_schnorr(struct sv_verifier *v, bool *ok, const struct sv_schnorr *in, size_t n)
{
    for (size_t at = 0; at < n; at += SV_BATCH_MAX) {
        const size_t count = n - at < SV_BATCH_MAX ? n - at : SV_BATCH_MAX;
        v->kernels->verify_schnorr(v->state, ok + at, in + at, count);
    }
}

address sv_address(const uint8_t pubkey[64])
{
    const bytes32 hash = keccak256(pubkey, 64);
    return address_of_hash(&hash);
}
