#include "engine/finality.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

// Entry i of the rings is that of height h with h % FINALITY_HEADERS == i; heights first to first + count - 1 are
// there.
struct finality {
    pthread_mutex_t lock;
    unsigned validators;
    uint64_t first, count;
    bytes32 *digests;
    struct wire_block_header *headers;
    struct kept_cert **certs; // NULL: none, or let go
};

struct finality *finality_create(const struct wire_set *set)
{
    struct finality *f = calloc(1, sizeof *f);
    if (!f)
        abort();
    f->digests = malloc(FINALITY_HEADERS * sizeof *f->digests);
    f->headers = malloc(FINALITY_HEADERS * sizeof *f->headers);
    f->certs = calloc(FINALITY_HEADERS, sizeof *f->certs);
    if (!f->digests || !f->headers || !f->certs)
        abort();
    f->validators = set->n;
    pthread_mutex_init(&f->lock, NULL);
    return f;
}

void finality_free(struct finality *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < FINALITY_HEADERS; i++)
        kept_cert_unref(f->certs[i]);
    free(f->digests);
    free(f->headers);
    free(f->certs);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static void let_go(struct finality *f, uint64_t height)
{
    kept_cert_unref(f->certs[height % FINALITY_HEADERS]);
    f->certs[height % FINALITY_HEADERS] = NULL;
}

// The certificate that becomes older than FINALITY_CERTIFICATES goes unless it is the last of its FINALITY_SPACING
// heights that has one.
static void thin(struct finality *f)
{
    if (f->count <= FINALITY_CERTIFICATES)
        return;
    const uint64_t height = f->first + f->count - 1 - FINALITY_CERTIFICATES;
    if (!f->certs[height % FINALITY_HEADERS])
        return;
    for (uint64_t h = height - height % FINALITY_SPACING; h < height; h++) {
        if (h >= f->first)
            let_go(f, h);
    }
}

void finality_add(struct finality *f, const struct wire_block_header *header, const bytes32 *digest,
                  const struct wire_cert *cert)
{
    struct kept_cert *kept = cert ? kept_cert_new(cert) : NULL;
    pthread_mutex_lock(&f->lock);
    if (f->count == 0)
        f->first = header->height;
    assert(header->height == f->first + f->count);
    if (f->count == FINALITY_HEADERS) {
        let_go(f, f->first++);
        f->count--;
    }
    const size_t i = header->height % FINALITY_HEADERS;
    f->digests[i] = *digest;
    f->headers[i] = *header;
    f->certs[i] = kept;
    f->count++;
    thin(f);
    pthread_mutex_unlock(&f->lock);
}

// The height of a digest, the newest first. False: not kept.
static bool find(const struct finality *f, const bytes32 *digest, uint64_t *height)
{
    for (uint64_t h = f->first + f->count; h-- > f->first;) {
        if (bytes32_equal(&f->digests[h % FINALITY_HEADERS], digest)) {
            *height = h;
            return true;
        }
    }
    return false;
}

// The first height from `from` on that has a certificate. False: none.
static bool next_certified(const struct finality *f, uint64_t from, uint64_t *height)
{
    for (uint64_t h = from; h < f->first + f->count; h++) {
        if (f->certs[h % FINALITY_HEADERS]) {
            *height = h;
            return true;
        }
    }
    return false;
}

// The first height whose block states the result of `of`. False: none yet.
static bool next_attesting(const struct finality *f, uint64_t of, uint64_t *height)
{
    for (uint64_t h = of; h < f->first + f->count; h++) {
        if (f->headers[h % FINALITY_HEADERS].exec_height >= of) {
            *height = h;
            return true;
        }
    }
    return false;
}

static bool take(const struct finality *f, uint64_t from, uint64_t to, struct certificate *out)
{
    const struct wire_cert *cert = &f->certs[to % FINALITY_HEADERS]->cert;
    if (to - from >= CERTIFICATE_HEADERS_MAX)
        return false;
    for (uint64_t h = from; h <= to; h++)
        out->ordering[out->ordering_count++] = f->headers[h % FINALITY_HEADERS];
    out->kind = cert->kind;
    out->epoch = f->headers[to % FINALITY_HEADERS].epoch;
    out->view = cert->view;
    out->digest = cert->digest;
    for (unsigned v = 0; v < f->validators; v++) {
        if (!wire_cert_has(cert, v))
            continue;
        out->signatures[out->signer_count] = cert->sigs[out->signer_count];
        out->signers[out->signer_count++] = (uint16_t)v;
    }
    return true;
}

enum finality_answer finality_prove(struct finality *f, const bytes32 *digest, bool executed, struct certificate *out)
{
    uint64_t from, to;
    enum finality_answer answer = FINALITY_NOT_KEPT;
    assert(out->ordering_count == 0 && out->signer_count == 0);
    pthread_mutex_lock(&f->lock);
    if (find(f, digest, &from)) {
        answer = FINALITY_NOT_YET;
        if ((!executed || next_attesting(f, from, &from)) && next_certified(f, from, &to))
            answer = take(f, from, to, out) ? FINALITY_PROVED : FINALITY_NOT_KEPT;
    }
    pthread_mutex_unlock(&f->lock);
    return answer;
}

uint64_t finality_bytes_max(unsigned validators)
{
    const uint64_t cert = sizeof(struct kept_cert) + validators * sizeof(wire_signature);
    const uint64_t certs = FINALITY_CERTIFICATES + FINALITY_SPACING + FINALITY_HEADERS / FINALITY_SPACING + 1;
    return FINALITY_HEADERS * (sizeof(bytes32) + sizeof(struct wire_block_header) + sizeof(void *)) + certs * cert;
}
