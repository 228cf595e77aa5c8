#include "tests/engine/wire_samples.h"

#include "tests/support/vectors.h"

#include <stdlib.h>

#define POOL_BYTES (4u << 20)

const struct wire_set SAMPLE_SET = {.chain_id = 31337, .set_hash = {{7, 7, 7}}, .n = 100, .car_gas_max = 1000000000};

void wire_sample_init(struct wire_sample *s, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    s->seed = seed;
    s->pool = malloc(POOL_BYTES);
    if (!s->pool)
        abort();
}

void wire_sample_free(struct wire_sample *s)
{
    free(s->pool);
}

bool wire_sample_exists(unsigned type)
{
    const struct wire_limit *limit = wire_limit_of(type);
    return limit && limit->bytes_max > 0;
}

static uint64_t below(struct wire_sample *s, uint64_t n)
{
    return test_random(&s->seed) % n;
}

static void fill(struct wire_sample *s, void *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)below(s, 256);
}

#define FILL(s, field) fill(s, &(field), sizeof(field))

static void *alloc(struct wire_sample *s, size_t len)
{
    void *p = s->pool + s->pool_used;
    s->pool_used += (len + 15) / 16 * 16;
    if (s->pool_used > POOL_BYTES)
        abort();
    fill(s, p, len);
    return p;
}

// How long a list is: any length, often short.
static unsigned count(struct wire_sample *s, bool full, unsigned max)
{
    if (full)
        return max;
    return (unsigned)below(s, below(s, 2) ? max + 1 : (max < 4 ? max + 1 : 4));
}

// A random subset of the n validators, as a bitmap: at least one.
static void subset(struct wire_sample *s, uint64_t out[2], bool full)
{
    out[0] = out[1] = 0;
    const uint64_t odds = 1 + below(s, 8);
    for (unsigned v = 0; v < SAMPLE_SET.n; v++)
        if (full || below(s, 8) < odds)
            out[v / 64] |= 1ull << v % 64;
    if (out[0] == 0)
        out[0] = 1;
}

static void make_stripe(struct wire_sample *s, struct bytes *out, uint32_t *txs_out, bool full)
{
    struct wire_stripe_tx txs[64];
    const unsigned n = full ? 64 : 1 + count(s, false, 63);
    uint16_t keys = 0;
    for (unsigned i = 0; i < n; i++) {
        txs[i].key = keys == 0 || below(s, 2) ? keys++ : (uint16_t)below(s, keys);
        txs[i].ry = alloc(s, 32);
        txs[i].raw.len = full ? 2000 : 1 + below(s, 300);
        txs[i].raw.ptr = alloc(s, txs[i].raw.len);
    }
    const uint8_t(*table)[64] = alloc(s, keys * 64u);
    const size_t size = wire_stripe_size(keys, txs, n);
    uint8_t *body = alloc(s, size);
    wire_stripe_put(body, table, keys, txs, n);
    *out = bytes_of(body, size);
    *txs_out = n;
}

static void make_car(struct wire_sample *s, struct wire_car *car, bool full)
{
    memset(car, 0, sizeof *car);
    car->lane = (uint16_t)below(s, SAMPLE_SET.n);
    car->pos = 1 + (uint32_t)below(s, UINT32_MAX);
    car->flags = (uint8_t)below(s, 2);
    car->stripe_bitmap = full ? 0xffff : (uint16_t)below(s, 1 << WIRE_STRIPES);
    for (unsigned i = 0; i < WIRE_STRIPES; i++) {
        if (!(car->stripe_bitmap >> i & 1))
            continue;
        FILL(s, car->stripes[i].digest);
        car->stripes[i].txs = 1 + (uint32_t)below(s, 100);
        car->stripes[i].gas = below(s, SAMPLE_SET.car_gas_max / WIRE_STRIPES);
        car->stripes[i].bytes = 200 + (uint32_t)below(s, WIRE_CAR_BYTES_MAX / WIRE_STRIPES - 200);
    }
    FILL(s, car->signature);
    car->digest = wire_car_digest(&SAMPLE_SET, s->m.epoch, car);
}

static const struct wire_exec *make_execs(struct wire_sample *s, uint16_t *n, bool full)
{
    *n = (uint16_t)count(s, full, WIRE_EXECS_MAX);
    struct wire_exec *execs = alloc(s, *n * sizeof *execs);
    uint64_t height = below(s, 1000);
    for (unsigned i = 0; i < *n; i++)
        execs[i].height = height += 1 + below(s, 3);
    return execs;
}

static void make_acks(struct wire_sample *s, struct wire_acks *a, bool full)
{
    FILL(s, a->seq);
    FILL(s, a->floor);
    a->ack_count = (uint16_t)count(s, full, WIRE_ACKS_MAX);
    struct wire_ack *acks = alloc(s, a->ack_count * sizeof *acks);
    for (unsigned i = 0; i < a->ack_count; i++) {
        acks[i].lane = (uint16_t)(i * SAMPLE_SET.n / a->ack_count);
        acks[i].pos = 1 + i * 3 + (uint32_t)below(s, 3);
    }
    a->acks = acks;
    a->execs = make_execs(s, &a->exec_count, full);
}

static void make_ack_state(struct wire_sample *s, struct wire_ack_state *a, bool full)
{
    uint64_t lanes[2];
    subset(s, lanes, full);
    FILL(s, a->seq);
    FILL(s, a->floor);
    a->lane_count = 0;
    for (unsigned lane = 0; lane < SAMPLE_SET.n; lane++) {
        if (!(lanes[lane / 64] >> lane % 64 & 1))
            continue;
        struct wire_lane_acks *l = &a->lanes[a->lane_count++];
        l->lane = (uint16_t)lane;
        l->base = (uint32_t)below(s, 1000);
        l->mask = full ? UINT32_MAX : 1 + (uint32_t)below(s, UINT32_MAX);
        l->digests = alloc(s, (size_t)__builtin_popcount(l->mask) * 32);
    }
    a->execs = make_execs(s, &a->exec_count, full);
}

static void make_header(struct wire_sample *s, struct wire_block_header *h)
{
    FILL(s, *h);
    h->epoch = s->m.epoch;
    h->leader %= SAMPLE_SET.n;
    h->view = 2 + below(s, 1u << 30);
    h->parent_view = below(s, h->view);
    h->flags = 0;
}

static void make_block(struct wire_sample *s, struct wire_block *b, bool full)
{
    uint64_t lanes[2] = {0};
    make_header(s, &b->header);
    if (full || below(s, 4))
        subset(s, lanes, full);
    else
        b->header.flags = (uint16_t)below(s, 3);
    b->lane_count = 0;
    for (unsigned lane = 0; lane < SAMPLE_SET.n; lane++) {
        if (!(lanes[lane / 64] >> lane % 64 & 1))
            continue;
        struct wire_cut_lane *l = &b->lanes[b->lane_count++];
        l->lane = (uint16_t)lane;
        l->from_pos = 1 + (uint32_t)below(s, 1000);
        l->count = (uint8_t)(full ? WIRE_LANE_CARS_MAX : 1 + below(s, WIRE_LANE_CARS_MAX));
        l->digests = alloc(s, l->count * 32u);
    }
    wire_block_seal(&SAMPLE_SET, b);
}

static void make_cert(struct wire_sample *s, struct wire_cert *c, uint64_t view, bool full)
{
    c->kind = (uint8_t)(WIRE_NOTARIZE + below(s, 3));
    c->view = view;
    FILL(s, c->digest);
    if (c->kind == WIRE_NULLIFY)
        memset(&c->digest, 0, sizeof c->digest);
    subset(s, c->voters, full);
    c->sigs = alloc(s, wire_cert_count(c) * 64u);
}

static void make_vote(struct wire_sample *s, struct wire_vote *v, uint8_t kind)
{
    FILL(s, *v);
    v->kind = kind;
    v->view = 1 + below(s, 1u << 30);
    v->voter %= SAMPLE_SET.n;
    if (kind == WIRE_NULLIFY)
        memset(&v->digest, 0, sizeof v->digest);
}

static void make_proposal(struct wire_sample *s, struct wire_proposal *p, bool full)
{
    make_block(s, &p->block, full);
    FILL(s, p->signature);
    p->just_count = (uint8_t)count(s, full, WIRE_JUST_MAX);
    uint64_t view = 0;
    for (unsigned i = 0; i < p->just_count; i++)
        make_cert(s, &p->just[i], view += 1 + below(s, 3), full);
}

static void make_certs(struct wire_sample *s, struct wire_certs *c, bool full)
{
    c->count = (uint16_t)count(s, full, 10);
    struct wire_cert *items = alloc(s, c->count * sizeof *items);
    for (unsigned i = 0; i < c->count; i++)
        make_cert(s, &items[i], 1 + i, false);
    c->items = items;
}

static void make_range(struct wire_sample *s, struct wire_range *r, bool full)
{
    r->count = (uint16_t)count(s, false, full ? 30 : 5);
    struct wire_block *items = alloc(s, r->count * sizeof *items);
    const uint64_t height = below(s, 1000);
    for (unsigned i = 0; i < r->count; i++) {
        make_block(s, &items[i], false);
        items[i].header.height = height + i;
        wire_block_seal(&SAMPLE_SET, &items[i]);
    }
    r->items = items;
    r->has_cert = full || below(s, 2);
    make_cert(s, &r->cert, 5, full);
    r->cert.kind = WIRE_FINALIZE;
}

static void swap_by_digest(void *a, void *b, size_t size, const bytes32 *digest_a, const bytes32 *digest_b)
{
    uint8_t kept[sizeof(struct wire_car)];
    if (memcmp(digest_a->b, digest_b->b, 32) < 0)
        return;
    memcpy(kept, a, size);
    memcpy(a, b, size);
    memcpy(b, kept, size);
}

static void make_bad_body(struct wire_sample *s, struct wire_evidence *e)
{
    uint32_t txs;
    const unsigned stripe = (unsigned)below(s, WIRE_STRIPES);
    make_car(s, &e->bad_body.car, false);
    make_stripe(s, &e->bad_body.body, &txs, false);
    e->bad_body.stripe = (uint16_t)stripe;
    e->bad_body.car.stripe_bitmap |= (uint16_t)(1u << stripe);
    e->bad_body.car.stripes[stripe] =
        (struct wire_stripe_ref){wire_stripe_digest(e->bad_body.body), (uint32_t)e->bad_body.body.len, txs,
                                 below(s, SAMPLE_SET.car_gas_max / WIRE_STRIPES)};
    e->bad_body.car.digest = wire_car_digest(&SAMPLE_SET, s->m.epoch, &e->bad_body.car);
}

static void make_evidence(struct wire_sample *s, struct wire_evidence *e, enum wire_offence offence)
{
    memset(e, 0, sizeof *e);
    e->offence = (uint8_t)offence;
    switch (offence) {
    case WIRE_TWO_PROPOSALS:
        for (unsigned i = 0; i < 2; i++) {
            struct wire_signed_header *p = &e->proposals[i];
            make_header(s, &p->header);
            p->header.view = p->header.parent_view = 9;
            p->header.view++;
            p->header.leader = 3;
            FILL(s, p->signature);
            p->digest = wire_block_digest(&SAMPLE_SET, &p->header);
        }
        swap_by_digest(&e->proposals[0], &e->proposals[1], sizeof e->proposals[0], &e->proposals[0].digest,
                       &e->proposals[1].digest);
        break;
    case WIRE_TWO_CARS:
        make_car(s, &e->cars[0], false);
        make_car(s, &e->cars[1], false);
        e->cars[1].lane = e->cars[0].lane;
        e->cars[1].pos = e->cars[0].pos;
        e->cars[1].digest = wire_car_digest(&SAMPLE_SET, s->m.epoch, &e->cars[1]);
        swap_by_digest(&e->cars[0], &e->cars[1], sizeof e->cars[0], &e->cars[0].digest, &e->cars[1].digest);
        break;
    case WIRE_BAD_BODY:
        make_bad_body(s, e);
        break;
    default: {
        const bool both = offence == WIRE_NULLIFY_FINALIZE;
        make_vote(s, &e->votes[0], both ? WIRE_NULLIFY : offence == WIRE_TWO_NOTARIZE ? WIRE_NOTARIZE : WIRE_FINALIZE);
        make_vote(s, &e->votes[1], both ? WIRE_FINALIZE : e->votes[0].kind);
        e->votes[1].view = e->votes[0].view;
        e->votes[1].voter = e->votes[0].voter;
        if (!both)
            swap_by_digest(&e->votes[0], &e->votes[1], sizeof e->votes[0], &e->votes[0].digest, &e->votes[1].digest);
    }
    }
}

static void begin(struct wire_sample *s, unsigned type)
{
    s->pool_used = 0;
    memset(&s->m, 0, sizeof s->m);
    s->m.version = WIRE_VERSION;
    s->m.type = (uint8_t)type;
    s->m.epoch = type == WIRE_HELLO || type == WIRE_FORWARD ? 0 : test_random(&s->seed);
}

void wire_sample_evidence(struct wire_sample *s, enum wire_offence offence)
{
    begin(s, WIRE_EVIDENCE);
    make_evidence(s, &s->m.evidence, offence);
}

static void make_car_stripe(struct wire_sample *s, struct wire_car_stripe *c, bool full)
{
    uint32_t txs;
    c->lane = (uint16_t)below(s, SAMPLE_SET.n);
    c->pos = 1 + (uint32_t)below(s, UINT32_MAX);
    c->stripe = (uint16_t)below(s, WIRE_STRIPES);
    make_stripe(s, &c->body, &txs, full);
}

static void make_get_snap(struct wire_sample *s, struct wire_get_snap *g, uint8_t kind)
{
    memset(g, 0, sizeof *g);
    g->kind = kind;
    if (wire_snap_is_table(kind))
        FILL(s, g->block);
    fill(s, g->from, wire_snap_key_bytes(kind));
    g->from[0] &= 0x7f; // leaves room for keys above it
}

static void make_snap_list(struct wire_sample *s, struct wire_snap_list *l)
{
    FILL(s, l->offer);
    l->offer.height |= 1;
    s->m.epoch = below(s, 3);
    if (s->m.epoch == 0)
        return;
    make_header(s, &l->boundary);
    l->boundary.epoch = s->m.epoch - 1;
    l->boundary.height = below(s, 1000);
}

// A table's entries, in as many bytes as are there.
static struct bytes make_entries(struct wire_sample *s, const struct wire_get_snap *g, size_t room)
{
    const size_t key_bytes = wire_snap_key_bytes(g->kind);
    uint8_t *out = alloc(s, room);
    size_t at = 0;
    for (uint32_t i = 0; room - at > key_bytes + 4; i++) {
        const size_t left = room - at - key_bytes - 4, most = left < 40000 ? left : 30000;
        const uint32_t len = (uint32_t)most;
        memset(out + at, 0xff, key_bytes);
        out[at] = 0x80;
        out[at + 1] = (uint8_t)(i >> 8);
        out[at + 2] = (uint8_t)i;
        memcpy(out + at + key_bytes, &len, 4);
        at += key_bytes + 4 + len;
    }
    return bytes_of(out, at);
}

static void make_snap_chunk(struct wire_sample *s, struct wire_snap_chunk *c, bool full)
{
    make_get_snap(s, &c->get, (uint8_t)(WIRE_SNAP_PROOF + below(s, WIRE_SNAP_KINDS - WIRE_SNAP_PROOF)));
    c->more = full ? WIRE_SNAP_MORE : (uint8_t)below(s, 3);
    const size_t most = WIRE_SNAP_CHUNK_BYTES_MAX - WIRE_PREFIX_BYTES - sizeof c->get - 5;
    const size_t room = full ? most : c->more == WIRE_SNAP_GONE ? 0 : 100 + below(s, 5000);
    c->data = wire_snap_is_table(c->get.kind) ? make_entries(s, &c->get, room) : bytes_of(alloc(s, room), room);
}

void wire_sample_make(struct wire_sample *s, unsigned type, bool full)
{
    struct wire_message *m = &s->m;
    begin(s, type);
    switch (type) {
    case WIRE_CAR_HDR:
        make_car(s, &m->car, full);
        break;
    case WIRE_CAR_STRIPE:
        make_car_stripe(s, &m->car_stripe, full);
        break;
    case WIRE_ACKS:
        make_acks(s, &m->acks, full);
        break;
    case WIRE_ACK_STATE:
        make_ack_state(s, &m->ack_state, full);
        break;
    case WIRE_PROPOSAL:
        make_proposal(s, &m->proposal, full);
        break;
    case WIRE_VOTE:
        make_vote(s, &m->vote, (uint8_t)(1 + below(s, 3)));
        break;
    case WIRE_CERT:
        make_cert(s, &m->cert, 1 + below(s, 1000), full);
        break;
    case WIRE_GET_CERTS:
        m->get_certs.from_view = below(s, 1000);
        m->get_certs.to_view = m->get_certs.from_view + below(s, 1000);
        break;
    case WIRE_CERTS:
        make_certs(s, &m->certs, full);
        break;
    case WIRE_GET_BLOCK:
        FILL(s, m->get_block);
        break;
    case WIRE_BLOCK:
        make_block(s, &m->block, full);
        break;
    case WIRE_GET_RANGE:
        FILL(s, m->get_range.from_height);
        m->get_range.count = (uint16_t)(1 + below(s, WIRE_RANGE_BLOCKS_MAX));
        break;
    case WIRE_RANGE:
        make_range(s, &m->range, full);
        break;
    case WIRE_GET_CAR:
        FILL(s, m->get_car);
        m->get_car.lane %= SAMPLE_SET.n;
        m->get_car.pos |= 1;
        break;
    case WIRE_EVIDENCE:
        make_evidence(s, &m->evidence, (enum wire_offence)(1 + below(s, WIRE_BAD_BODY)));
        break;
    case WIRE_HELLO:
        m->hello.channel = (uint8_t)below(s, 2);
        m->hello.group = m->hello.channel == WIRE_BULK ? (uint8_t)below(s, WIRE_STRIPES) : 0;
        m->hello.shards = (uint16_t)(1 + below(s, 64));
        break;
    case WIRE_GET_SNAP:
        make_get_snap(s, &m->get_snap, (uint8_t)below(s, WIRE_SNAP_KINDS));
        break;
    case WIRE_SNAP_LIST:
        make_snap_list(s, &m->snap_list);
        break;
    case WIRE_SNAP_CHUNK:
        make_snap_chunk(s, &m->snap_chunk, full);
        break;
    case WIRE_FORWARD: {
        uint32_t txs;
        make_stripe(s, &m->forward.body, &txs, full);
        break;
    }
    default:
        abort();
    }
}

struct bytes wire_sample_encode(const struct wire_sample *s)
{
    const size_t size = wire_size(&s->m);
    uint8_t *out = malloc(size);
    if (size == 0 || !out)
        abort();
    wire_encode(out, &s->m);
    return bytes_of(out, size);
}
