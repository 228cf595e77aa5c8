// Messages between validators, whatever the bytes are: what is accepted points into the input and is the one encoding
// of what it says. The type is the input's own; a block's cut hash is put right first, else nothing behind it would be
// reached.
#include "engine/net/wire/codec.h"

#include <stdlib.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Length of the encoded cut at p, as far as its fields make sense.
static size_t cut_length(const uint8_t *p, size_t room)
{
    size_t at = 2;
    if (room < at)
        return 0;
    for (unsigned lanes = p[0] | (unsigned)p[1] << 8; lanes > 0; lanes--) {
        if (room - at < 7 || room - at - 7 < p[at + 6] * 32u)
            return 0;
        at += 7 + p[at + 6] * 32u;
    }
    return at;
}

static void repair_cut_hash(uint8_t *in, size_t size)
{
    const size_t header = WIRE_PREFIX_BYTES, cut = header + sizeof(struct wire_block_header);
    if (size < cut || (in[2] != WIRE_BLOCK && in[2] != WIRE_PROPOSAL))
        return;
    const struct bytes encoded = bytes_of(in + cut, cut_length(in + cut, size - cut));
    const bytes32 hash = wire_tagged_hash("gantry/cut", &encoded, 1);
    memcpy(in + header + offsetof(struct wire_block_header, cut_hash), hash.b, 32);
}

static void check_inside(struct bytes in, const void *p, size_t len)
{
    const uint8_t *at = p;
    CHECK(len == 0 || (at >= in.ptr && len <= in.len && at <= in.ptr + in.len - len));
}

static void check_cert(struct bytes in, const struct wire_cert *c)
{
    check_inside(in, c->sigs, wire_cert_count(c) * sizeof *c->sigs);
}

static void check_block(struct bytes in, const struct wire_block *b)
{
    for (unsigned i = 0; i < b->lane_count; i++)
        check_inside(in, b->lanes[i].digests, b->lanes[i].count * sizeof(bytes32));
}

static void check_stripe(struct bytes body)
{
    struct wire_stripe s;
    struct wire_stripe_tx tx;
    if (wire_stripe_open(&s, body) != WIRE_OK)
        return;
    struct wire_stripe_tx *txs = malloc(s.tx_count * sizeof *txs);
    struct bytes rest = s.txs;
    uint32_t n = 0;
    while (wire_stripe_next(&rest, &tx)) {
        check_inside(body, tx.raw.ptr, tx.raw.len);
        txs[n++] = tx;
    }
    CHECK(n == s.tx_count && wire_stripe_size(s.key_count, txs, n) == body.len);
    uint8_t *again = malloc(body.len);
    wire_stripe_put(again, s.keys, s.key_count, txs, n);
    CHECK(memcmp(again, body.ptr, body.len) == 0);
    free(again);
    free(txs);
}

static void check_lists(struct bytes in, const struct wire_message *m, const struct wire_set *set)
{
    unsigned n = 0;
    if (m->type == WIRE_CERTS) {
        struct bytes rest = m->certs.encoded;
        struct wire_cert cert;
        for (; wire_certs_next(&rest, &cert); n++)
            check_cert(in, &cert);
        CHECK(n == m->certs.count && rest.len == 0);
    } else if (m->type == WIRE_RANGE) {
        struct bytes rest = m->range.encoded;
        struct wire_block block;
        for (; wire_blocks_next(&rest, &block, set); n++)
            check_block(in, &block);
        CHECK(n == m->range.count && rest.len == 0);
    } else if (m->type == WIRE_SNAP_CHUNK) {
        struct bytes rest = m->snap_chunk.data;
        struct wire_snap_entry entry;
        check_inside(in, rest.ptr, rest.len);
        if (!wire_snap_is_table(m->snap_chunk.get.kind))
            return;
        while (wire_snap_next(&rest, m->snap_chunk.get.kind, &entry))
            check_inside(in, entry.value.ptr, entry.value.len);
        CHECK(rest.len == 0);
    }
}

static void check_message(struct bytes in, const struct wire_message *m, const struct wire_set *set)
{
    CHECK(wire_size(m) == in.len);
    uint8_t *again = malloc(in.len);
    wire_encode(again, m);
    CHECK(memcmp(again, in.ptr, in.len) == 0);
    free(again);
    check_lists(in, m, set);
    if (m->type == WIRE_CERT)
        check_cert(in, &m->cert);
    else if (m->type == WIRE_BLOCK)
        check_block(in, &m->block);
    else if (m->type == WIRE_PROPOSAL)
        for (unsigned i = 0; i < m->proposal.just_count; i++)
            check_cert(in, &m->proposal.just[i]);
    else if (m->type == WIRE_CAR_STRIPE)
        check_stripe(m->car_stripe.body);
    else if (m->type == WIRE_FORWARD)
        check_stripe(m->forward.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    static struct wire_message m;
    const struct wire_set set = {.chain_id = 1, .n = data[0] % WIRE_VALIDATORS_MAX + 1u, .car_gas_max = 30000000};
    // An allocation of its own, so that every read past the end is seen.
    uint8_t *copy = malloc(size - 1 ? size - 1 : 1);
    memcpy(copy, data + 1, size - 1);
    const struct bytes in = bytes_of(copy, size - 1);
    repair_cut_hash(copy, in.len);
    if (wire_decode(&m, in, &set) == WIRE_OK)
        check_message(in, &m, &set);
    check_stripe(in);
    free(copy);
    return 0;
}
