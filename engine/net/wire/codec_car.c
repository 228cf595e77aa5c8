// Cars, acks and stripe bodies.
#include "engine/net/wire/codec_private.h"

// A stripe that holds anything holds one key and one transaction of a byte.
#define STRIPE_BYTES_MIN (2u + 64 + 4 + 2 + 32 + 4 + 1)

static void read_stripe_refs(struct reader *r, struct wire_car *car, const struct context *c)
{
    uint64_t bytes = 0, gas = 0;
    for (unsigned s = 0; s < WIRE_STRIPES && reader_ok(r); s++) {
        struct wire_stripe_ref *ref = &car->stripes[s];
        if (!(car->stripe_bitmap >> s & 1)) {
            memset(ref, 0, sizeof *ref);
            continue;
        }
        READ(r, *ref);
        reader_check(r, ref->bytes >= STRIPE_BYTES_MIN && ref->bytes <= WIRE_STRIPE_BYTES_MAX, WIRE_BAD_VALUE);
        reader_check(r, ref->txs > 0 && ref->txs < ref->bytes, WIRE_BAD_VALUE);
        reader_check(r, ref->gas <= c->set->car_gas_max - gas, WIRE_BAD_VALUE);
        bytes += ref->bytes;
        gas += ref->gas;
    }
    reader_check(r, bytes <= WIRE_CAR_BYTES_MAX, WIRE_BAD_VALUE);
}

void read_car(struct reader *r, struct wire_car *car, const struct context *c)
{
    READ(r, car->lane);
    READ(r, car->pos);
    READ(r, car->flags);
    READ(r, car->stripe_bitmap);
    read_stripe_refs(r, car, c);
    READ(r, car->signature);
    reader_check(r, car->lane < c->set->n && car->pos > 0, WIRE_BAD_VALUE);
    reader_check(r, (car->flags & ~WIRE_CAR_FLAGS) == 0, WIRE_NOT_CANONICAL);
    if (reader_ok(r))
        car->digest = wire_car_digest(c->set, c->epoch, car);
}

void write_car_unsigned(struct writer *w, const struct wire_car *car)
{
    WRITE(w, car->lane);
    WRITE(w, car->pos);
    WRITE(w, car->flags);
    WRITE(w, car->stripe_bitmap);
    for (unsigned s = 0; s < WIRE_STRIPES; s++)
        if (car->stripe_bitmap >> s & 1)
            WRITE(w, car->stripes[s]);
}

void write_car(struct writer *w, const struct wire_car *car)
{
    write_car_unsigned(w, car);
    WRITE(w, car->signature);
}

// ---- acks

static const struct wire_exec *read_execs(struct reader *r, uint16_t count)
{
    reader_check(r, count <= WIRE_EXECS_MAX, WIRE_BAD_COUNT);
    const struct wire_exec *execs = reader_view(r, count * sizeof *execs);
    for (unsigned i = 1; execs && i < count; i++)
        reader_check(r, execs[i - 1].height < execs[i].height, WIRE_NOT_CANONICAL);
    return execs;
}

static uint64_t ack_order(const struct wire_ack *a)
{
    return (uint64_t)a->lane << 32 | a->pos;
}

void read_acks(struct reader *r, struct wire_acks *a, const struct context *c)
{
    READ(r, a->seq);
    READ(r, a->floor);
    READ(r, a->ack_count);
    READ(r, a->exec_count);
    reader_check(r, a->ack_count <= WIRE_ACKS_MAX, WIRE_BAD_COUNT);
    a->acks = reader_view(r, a->ack_count * sizeof *a->acks);
    for (unsigned i = 0; a->acks && i < a->ack_count; i++) {
        reader_check(r, a->acks[i].lane < c->set->n && a->acks[i].pos > 0, WIRE_BAD_VALUE);
        reader_check(r, i == 0 || ack_order(&a->acks[i - 1]) < ack_order(&a->acks[i]), WIRE_NOT_CANONICAL);
    }
    a->execs = read_execs(r, a->exec_count);
}

void write_acks(struct writer *w, const struct wire_acks *a)
{
    WRITE(w, a->seq);
    WRITE(w, a->floor);
    WRITE(w, a->ack_count);
    WRITE(w, a->exec_count);
    writer_put(w, a->acks, a->ack_count * sizeof *a->acks);
    writer_put(w, a->execs, a->exec_count * sizeof *a->execs);
}

void read_ack_state(struct reader *r, struct wire_ack_state *a, const struct context *c)
{
    READ(r, a->seq);
    READ(r, a->floor);
    READ(r, a->lane_count);
    READ(r, a->exec_count);
    reader_check(r, a->lane_count <= c->set->n, WIRE_BAD_COUNT);
    for (unsigned i = 0; i < a->lane_count && reader_ok(r); i++) {
        struct wire_lane_acks *l = &a->lanes[i];
        READ(r, l->lane);
        READ(r, l->base);
        READ(r, l->mask);
        l->digests = reader_view(r, (size_t)__builtin_popcount(l->mask) * sizeof *l->digests);
        reader_check(r, l->lane < c->set->n && l->base <= UINT32_MAX - WIRE_LANE_WINDOW, WIRE_BAD_VALUE);
        reader_check(r, l->mask != 0 && (i == 0 || a->lanes[i - 1].lane < l->lane), WIRE_NOT_CANONICAL);
    }
    a->execs = read_execs(r, a->exec_count);
}

void write_ack_state(struct writer *w, const struct wire_ack_state *a)
{
    WRITE(w, a->seq);
    WRITE(w, a->floor);
    WRITE(w, a->lane_count);
    WRITE(w, a->exec_count);
    for (unsigned i = 0; i < a->lane_count; i++) {
        const struct wire_lane_acks *l = &a->lanes[i];
        WRITE(w, l->lane);
        WRITE(w, l->base);
        WRITE(w, l->mask);
        writer_put(w, l->digests, (size_t)__builtin_popcount(l->mask) * sizeof *l->digests);
    }
    writer_put(w, a->execs, a->exec_count * sizeof *a->execs);
}

// ---- stripe bodies

static void read_stripe_tx(struct reader *r, struct wire_stripe_tx *out)
{
    uint32_t length;
    READ(r, out->key);
    out->ry = reader_view(r, 32);
    READ(r, length);
    reader_check(r, length > 0 && length <= WIRE_TX_BYTES_MAX, WIRE_BAD_VALUE);
    out->raw = bytes_of(reader_view(r, length), length);
}

enum wire_status wire_stripe_open(struct wire_stripe *out, struct bytes body)
{
    if (body.len > WIRE_STRIPE_BYTES_MAX)
        return WIRE_TOO_LONG;
    struct reader r = {.p = body.ptr, .left = body.len};
    READ(&r, out->key_count);
    out->keys = reader_view(&r, (size_t)out->key_count * sizeof *out->keys);
    READ(&r, out->tx_count);
    reader_check(&r, out->tx_count > 0, WIRE_BAD_VALUE);
    out->txs = bytes_of(r.p, r.left);
    unsigned used = 0;
    for (uint32_t i = 0; i < out->tx_count && reader_ok(&r); i++) {
        struct wire_stripe_tx tx;
        read_stripe_tx(&r, &tx);
        reader_check(&r, tx.key < out->key_count, WIRE_BAD_VALUE);
        reader_check(&r, tx.key <= used, WIRE_NOT_CANONICAL);
        used += tx.key == used;
    }
    reader_check(&r, used == out->key_count, WIRE_NOT_CANONICAL);
    reader_check(&r, r.left == 0, WIRE_TRAILING);
    return r.status;
}

bool wire_stripe_next(struct bytes *rest, struct wire_stripe_tx *out)
{
    if (rest->len == 0)
        return false;
    struct reader r = {.p = rest->ptr, .left = rest->len};
    read_stripe_tx(&r, out);
    *rest = bytes_of(r.p, r.left);
    return reader_ok(&r);
}

static void write_stripe(struct writer *w, const uint8_t (*keys)[64], uint16_t key_count,
                         const struct wire_stripe_tx *txs, uint32_t tx_count)
{
    WRITE(w, key_count);
    writer_put(w, keys, key_count * sizeof *keys);
    WRITE(w, tx_count);
    for (uint32_t i = 0; i < tx_count; i++) {
        const uint32_t length = (uint32_t)txs[i].raw.len;
        WRITE(w, txs[i].key);
        writer_put(w, txs[i].ry, 32);
        WRITE(w, length);
        writer_put(w, txs[i].raw.ptr, length);
    }
}

size_t wire_stripe_size(size_t key_count, const struct wire_stripe_tx *txs, size_t tx_count)
{
    size_t size = 2 + key_count * 64 + 4;
    for (size_t i = 0; i < tx_count; i++)
        size += 2 + 32 + 4 + txs[i].raw.len;
    return size;
}

void wire_stripe_put(uint8_t *out, const uint8_t (*keys)[64], uint16_t key_count, const struct wire_stripe_tx *txs,
                     uint32_t tx_count)
{
    struct writer w = {.p = out};
    write_stripe(&w, keys, key_count, txs, tx_count);
}
