// Blocks, votes, certificates and the lists of them.
#include "engine/net/wire/codec_private.h"

void read_header(struct reader *r, struct wire_block_header *h, const struct context *c)
{
    READ(r, *h);
    reader_check(r, h->epoch == c->epoch && h->leader < c->set->n, WIRE_BAD_VALUE);
    reader_check(r, h->view > 0 && h->parent_view < h->view, WIRE_BAD_VALUE);
    reader_check(r, h->flags == 0 || h->flags == WIRE_BLOCK_TICK || h->flags == WIRE_BLOCK_TAIL, WIRE_NOT_CANONICAL);
}

static void read_cut(struct reader *r, struct wire_block *b, const struct context *c)
{
    READ(r, b->lane_count);
    reader_check(r, b->lane_count <= c->set->n, WIRE_BAD_COUNT);
    for (unsigned i = 0; i < b->lane_count && reader_ok(r); i++) {
        struct wire_cut_lane *l = &b->lanes[i];
        READ(r, l->lane);
        READ(r, l->from_pos);
        READ(r, l->count);
        reader_check(r, l->count <= WIRE_LANE_CARS_MAX, WIRE_BAD_COUNT);
        l->digests = reader_view(r, l->count * sizeof *l->digests);
        reader_check(r, l->lane < c->set->n && l->count > 0 && l->from_pos > 0, WIRE_BAD_VALUE);
        reader_check(r, l->from_pos <= UINT32_MAX - WIRE_LANE_CARS_MAX, WIRE_BAD_VALUE);
        reader_check(r, i == 0 || b->lanes[i - 1].lane < l->lane, WIRE_NOT_CANONICAL);
    }
}

void read_block(struct reader *r, struct wire_block *b, const struct context *c)
{
    read_header(r, &b->header, c);
    const uint8_t *cut = r->p;
    read_cut(r, b, c);
    reader_check(r, b->lane_count == 0 || b->header.flags == 0, WIRE_NOT_CANONICAL);
    if (!reader_ok(r))
        return;
    const bytes32 cut_hash = cut_digest(bytes_of(cut, (size_t)(r->p - cut)));
    reader_check(r, bytes32_equal(&cut_hash, &b->header.cut_hash), WIRE_BAD_DIGEST);
    b->digest = wire_block_digest(c->set, &b->header);
}

void write_cut(struct writer *w, const struct wire_block *b)
{
    WRITE(w, b->lane_count);
    for (unsigned i = 0; i < b->lane_count; i++) {
        const struct wire_cut_lane *l = &b->lanes[i];
        WRITE(w, l->lane);
        WRITE(w, l->from_pos);
        WRITE(w, l->count);
        writer_put(w, l->digests, l->count * sizeof *l->digests);
    }
}

void write_block(struct writer *w, const struct wire_block *b)
{
    WRITE(w, b->header);
    write_cut(w, b);
}

// What votes and certificates have in common.
static void check_vote(struct reader *r, uint8_t kind, uint64_t view, const bytes32 *digest)
{
    reader_check(r, kind >= WIRE_NOTARIZE && kind <= WIRE_FINALIZE && view > 0, WIRE_BAD_VALUE);
    reader_check(r, kind != WIRE_NULLIFY || bytes32_is_zero(digest), WIRE_NOT_CANONICAL);
}

void read_vote(struct reader *r, struct wire_vote *v, const struct context *c)
{
    READ(r, *v);
    check_vote(r, v->kind, v->view, &v->digest);
    reader_check(r, v->voter < c->set->n, WIRE_BAD_VALUE);
}

unsigned wire_cert_count(const struct wire_cert *cert)
{
    return (unsigned)(__builtin_popcountll(cert->voters[0]) + __builtin_popcountll(cert->voters[1]));
}

bool wire_cert_has(const struct wire_cert *cert, unsigned voter)
{
    return voter < WIRE_VALIDATORS_MAX && (cert->voters[voter / 64] >> voter % 64 & 1);
}

static bool has_voter_from(const struct wire_cert *cert, unsigned n)
{
    for (unsigned v = n; v < WIRE_VALIDATORS_MAX; v++)
        if (wire_cert_has(cert, v))
            return true;
    return false;
}

void read_cert(struct reader *r, struct wire_cert *cert, const struct context *c)
{
    READ(r, cert->kind);
    READ(r, cert->view);
    READ(r, cert->digest);
    READ(r, cert->voters);
    check_vote(r, cert->kind, cert->view, &cert->digest);
    reader_check(r, wire_cert_count(cert) > 0 && !has_voter_from(cert, c->set->n), WIRE_BAD_VALUE);
    cert->sigs = reader_view(r, wire_cert_count(cert) * sizeof *cert->sigs);
}

void write_cert(struct writer *w, const struct wire_cert *cert)
{
    WRITE(w, cert->kind);
    WRITE(w, cert->view);
    WRITE(w, cert->digest);
    WRITE(w, cert->voters);
    writer_put(w, cert->sigs, wire_cert_count(cert) * sizeof *cert->sigs);
}

// ---- lists

bool cert_before(const struct wire_cert *a, const struct wire_cert *b)
{
    return a->view != b->view ? a->view < b->view : a->kind < b->kind;
}

void read_certs(struct reader *r, struct wire_certs *certs, const struct context *c)
{
    struct wire_cert previous = {0}, cert;
    READ(r, certs->count);
    reader_check(r, certs->count <= WIRE_CERTS_MAX, WIRE_BAD_COUNT);
    const uint8_t *from = r->p;
    for (unsigned i = 0; i < certs->count && reader_ok(r); i++) {
        read_cert(r, &cert, c);
        reader_check(r, cert_before(&previous, &cert), WIRE_NOT_CANONICAL);
        previous = cert;
    }
    certs->items = NULL;
    certs->encoded = bytes_of(from, (size_t)(r->p - from));
}

void write_certs(struct writer *w, const struct wire_certs *certs)
{
    WRITE(w, certs->count);
    if (!certs->items)
        writer_put(w, certs->encoded.ptr, certs->encoded.len);
    for (unsigned i = 0; certs->items && i < certs->count; i++)
        write_cert(w, &certs->items[i]);
}

bool wire_certs_next(struct bytes *rest, struct wire_cert *out)
{
    if (rest->len == 0)
        return false;
    // They were validated as a whole: any number of validators will do.
    const struct wire_set set = {.n = WIRE_VALIDATORS_MAX};
    struct reader r = {.p = rest->ptr, .left = rest->len};
    read_cert(&r, out, &(struct context){.set = &set});
    *rest = bytes_of(r.p, r.left);
    return reader_ok(&r);
}

void read_range(struct reader *r, struct wire_range *range, const struct context *c)
{
    struct wire_block block;
    uint64_t height = 0;
    READ(r, range->count);
    reader_check(r, range->count <= WIRE_RANGE_BLOCKS_MAX, WIRE_BAD_COUNT);
    const uint8_t *from = r->p;
    for (unsigned i = 0; i < range->count && reader_ok(r); i++) {
        read_block(r, &block, c);
        reader_check(r, i == 0 || block.header.height == height + 1, WIRE_NOT_CANONICAL);
        height = block.header.height;
    }
    range->items = NULL;
    range->encoded = bytes_of(from, (size_t)(r->p - from));
    uint8_t has_cert;
    READ(r, has_cert);
    reader_check(r, has_cert <= 1, WIRE_NOT_CANONICAL);
    range->has_cert = has_cert == 1;
    if (!range->has_cert)
        return;
    read_cert(r, &range->cert, c);
    reader_check(r, range->cert.kind == WIRE_FINALIZE, WIRE_BAD_VALUE);
}

void write_range(struct writer *w, const struct wire_range *range)
{
    const uint8_t has_cert = range->has_cert;
    WRITE(w, range->count);
    if (!range->items)
        writer_put(w, range->encoded.ptr, range->encoded.len);
    for (unsigned i = 0; range->items && i < range->count; i++)
        write_block(w, &range->items[i]);
    WRITE(w, has_cert);
    if (has_cert)
        write_cert(w, &range->cert);
}

bool wire_blocks_next(struct bytes *rest, struct wire_block *out, const struct wire_set *set)
{
    if (rest->len < sizeof out->header)
        return false;
    struct reader r = {.p = rest->ptr, .left = rest->len};
    read_block(&r, out, &(struct context){.epoch = load_le64(rest->ptr), .set = set});
    *rest = bytes_of(r.p, r.left);
    return reader_ok(&r);
}
