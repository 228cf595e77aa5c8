// What Byzantine validators do. Each runs the real code; on the way out its messages are held back, doubled, twisted or
// made up. They sign with their own keys only.
#include "engine/sim/sim_private.h"

#include "engine/net/wire/digest.h"

#include <stdlib.h>

static bool does(const struct sim_actor *a, enum byzantine b)
{
    return a->byzantine & b;
}

// A message leaves: what it signs counts from here on.
static void emit(struct sim *s, struct sim_actor *a, struct vmask to, struct shared_bytes *bytes)
{
    check_sent(s, a, bytes);
    sim_send_all(s, a, to, bytes);
}

static void emit_message(struct sim *s, struct sim_actor *a, struct vmask to, const struct wire_message *m)
{
    struct shared_bytes *bytes = actor_encode(m);
    emit(s, a, to, bytes);
    shared_bytes_unref(bytes);
}

static struct vmask some_of(struct sim_actor *a, struct vmask to, unsigned in_thousand)
{
    struct vmask out = {{0, 0}};
    for (unsigned v = 0; v < WIRE_VALIDATORS_MAX; v++) {
        if (vmask_has(to, v) && sim_chance(&a->random, in_thousand))
            vmask_add(&out, v);
    }
    return out;
}

static struct vmask without(struct vmask a, struct vmask b)
{
    return (struct vmask){{a.w[0] & ~b.w[0], a.w[1] & ~b.w[1]}};
}

static struct vmask others(const struct sim *s, const struct sim_actor *a)
{
    struct vmask m = vset_all(&s->set);
    vmask_drop(&m, a->id);
    return m;
}

static void emit_late(struct sim *s, struct sim_actor *a, struct vmask to, struct shared_bytes *bytes, uint64_t delay)
{
    check_sent(s, a, bytes);
    for (unsigned v = 0; v < s->set.wire.n; v++) {
        if (!vmask_has(to, v))
            continue;
        bytes->refs++;
        sim_push(s, (struct sim_event){.at_ns = s->now_ns + delay,
                                       .kind = SIM_LATE_SEND,
                                       .actor = (uint16_t)a->index,
                                       .peer = (uint16_t)v,
                                       .incarnation = a->incarnation,
                                       .bytes = bytes});
    }
}

static void cast_vote(struct sim *s, struct sim_actor *a, struct vmask to, uint8_t kind, uint64_t view,
                      const bytes32 *digest)
{
    const uint64_t epoch = a->v->ord.epoch;
    const uint64_t bound = s->options.mutations & MUTATE_NO_EPOCH_IN_VOTE ? 0 : epoch;
    struct wire_message m;
    m.type = WIRE_VOTE;
    m.epoch = epoch;
    m.vote = (struct wire_vote){.kind = kind, .view = view, .voter = (uint16_t)a->id};
    if (kind != WIRE_NULLIFY)
        m.vote.digest = *digest;
    bytes32 named = m.vote.digest;
    const bytes32 message = wire_vote_digest(&s->set.wire, bound, kind, view, &named);
    wire_signature sig;
    a->signing->ops->sign(a->signing, &sig, &message);
    m.vote.signature = sig;
    emit_message(s, a, to, &m);
}

// ---- proposals

static void emit_variant(struct sim *s, struct sim_actor *a, struct vmask to, struct wire_message *m)
{
    struct wire_proposal *p = &m->proposal;
    wire_block_seal(&s->set.wire, &p->block);
    wire_signature sig;
    a->signing->ops->sign(a->signing, &sig, &p->block.digest);
    p->signature = sig;
    emit_message(s, a, to, m);
    const bytes32 digest = p->block.digest;
    cast_vote(s, a, vmask_empty(to) ? to : others(s, a), WIRE_NOTARIZE, p->block.header.view, &digest);
}

// An empty block on this parent.
static void rebase(struct sim *s, struct wire_block *b, const struct kept_block *parent)
{
    const bool tail = parent->boundary || (parent->header.flags & WIRE_BLOCK_TAIL);
    b->header.parent_view = parent->header.view;
    b->header.parent_digest = parent->digest;
    b->header.height = parent->header.height + (tail ? 0 : 1);
    b->header.flags = tail ? WIRE_BLOCK_TAIL : 0;
    b->header.exec_height = parent->header.exec_height;
    b->header.exec_root = parent->header.exec_root;
    b->header.tips_hash = wire_tips_hash(parent->tips, s->set.wire.n);
    if (b->header.time_ms <= parent->header.time_ms)
        b->header.time_ms = parent->header.time_ms + 1;
    b->lane_count = 0;
}

// The parent's parent (or the floor) again, although the parent is certified.
static bool skip_parent(struct sim *s, struct sim_actor *a, struct wire_block *b)
{
    struct ord *o = &a->v->ord;
    const bytes32 digest = b->header.parent_digest;
    struct kept_block *parent = ord_block(o, b->header.parent_view, &digest);
    struct kept_block *before = parent && parent != o->floor ? ord_parent(o, parent) : NULL;
    if (!before || !before->has_tips)
        return false;
    rebase(s, b, before);
    return true;
}

static void add_phantom(struct sim *s, struct sim_actor *a, struct wire_block *b, bytes32 *digest, unsigned skip)
{
    struct ord *o = &a->v->ord;
    const bytes32 parent_digest = b->header.parent_digest;
    const struct kept_block *parent = ord_block(o, b->header.parent_view, &parent_digest);
    if (!parent || !parent->has_tips || (b->header.flags & WIRE_BLOCK_TAIL))
        return;
    uint32_t tips[WIRE_VALIDATORS_MAX];
    memcpy(tips, parent->tips, s->set.wire.n * sizeof *tips);
    unsigned lane = (unsigned)(sim_random(&a->random) % s->set.wire.n);
    const bytes32 *real = NULL;
    for (unsigned i = 0; skip > 0 && i < s->set.wire.n && !real; i++) {
        lane = (lane + 1) % s->set.wire.n;
        real = dp_avail_lead(&a->v->dp, lane, tips[lane] + 1 + skip);
    }
    if (skip > 0 && !real)
        return;
    for (unsigned i = 0; i < 4; i++)
        store_le64(digest->b + 8 * i, sim_random(&a->random));
    if (real)
        *digest = *real;
    b->lane_count = 1;
    b->lanes[0] = (struct wire_cut_lane){(uint16_t)lane, tips[lane] + 1 + skip, 1, digest};
    tips[lane] += 1 + skip;
    b->header.tips_hash = wire_tips_hash(tips, s->set.wire.n);
}

static void send_proposal(struct sim *s, struct sim_actor *a, struct vmask to, struct shared_bytes *bytes)
{
    static struct wire_message m;
    static bytes32 phantom;
    if (wire_decode(&m, bytes_of(bytes->bytes, bytes->len), &s->set.wire) != WIRE_OK)
        return;
    struct wire_block *b = &m.proposal.block;
    if (does(a, BYZ_LATE_PROPOSAL) && sim_chance(&a->random, 500)) {
        emit_late(s, a, to, bytes, sim_between(&a->random, 0, 8 * s->ord_config.delta_ns));
        return;
    }
    if (does(a, BYZ_PARTIAL_PROPOSAL) && sim_chance(&a->random, 500)) {
        emit(s, a, some_of(a, to, 500), bytes);
        return;
    }
    if (does(a, BYZ_EQUIVOCATE_PROPOSAL) && sim_chance(&a->random, 700)) {
        struct vmask half = some_of(a, to, 500);
        emit(s, a, half, bytes);
        for (unsigned i = 0; i < 2; i++) {
            b->header.time_ms++;
            emit_variant(s, a, i == 0 ? without(to, half) : some_of(a, to, 300), &m);
        }
        return;
    }
    if ((does(a, BYZ_NO_GAP) && sim_chance(&a->random, 800)) ||
        (does(a, BYZ_STALE_PARENT) && sim_chance(&a->random, 500))) {
        if (skip_parent(s, a, b)) {
            emit_variant(s, a, to, &m);
            return;
        }
    }
    if (does(a, BYZ_PHANTOM_CARS) && sim_chance(&a->random, 600)) {
        add_phantom(s, a, b, &phantom, 0);
        emit_variant(s, a, to, &m);
        return;
    }
    if (does(a, BYZ_GAP_CUT) && sim_chance(&a->random, 800)) {
        add_phantom(s, a, b, &phantom, 1);
        emit_variant(s, a, to, &m);
        return;
    }
    if (does(a, BYZ_WRONG_ROOT) && sim_chance(&a->random, 500)) {
        b->header.exec_root.b[1] ^= 1;
        b->header.exec_height += sim_random(&a->random) % 2;
        emit_variant(s, a, to, &m);
        return;
    }
    emit(s, a, to, bytes);
}

// ---- votes

static void vote_for_all_seen(struct sim *s, struct sim_actor *a, uint64_t view, bool finalize)
{
    static struct wire_message m;
    for (unsigned i = 0; i < 32; i++) {
        const struct shared_bytes *b = a->seen[i];
        if (!b || b->bytes[2] != WIRE_PROPOSAL ||
            wire_decode(&m, bytes_of(b->bytes, b->len), &s->set.wire) != WIRE_OK || m.epoch != a->v->ord.epoch ||
            m.proposal.block.header.view + 2 < view)
            continue;
        const bytes32 digest = m.proposal.block.digest;
        cast_vote(s, a, some_of(a, others(s, a), 700), WIRE_NOTARIZE, m.proposal.block.header.view, &digest);
        if (finalize)
            cast_vote(s, a, some_of(a, others(s, a), 700), WIRE_FINALIZE, m.proposal.block.header.view, &digest);
    }
}

static void send_vote(struct sim *s, struct sim_actor *a, struct vmask to, struct shared_bytes *bytes)
{
    static struct wire_message m;
    if (wire_decode(&m, bytes_of(bytes->bytes, bytes->len), &s->set.wire) != WIRE_OK)
        return;
    const struct wire_vote vote = m.vote;
    const bytes32 digest = vote.digest;
    if (does(a, BYZ_LATE_VOTES) && sim_chance(&a->random, 400))
        emit_late(s, a, to, bytes, sim_between(&a->random, 0, 20 * s->ord_config.delta_ns));
    else
        emit(s, a, to, bytes);
    if (does(a, BYZ_DOUBLE_VOTES) && sim_chance(&a->random, 500))
        vote_for_all_seen(s, a, vote.view, false);
    if (does(a, BYZ_VOTE_EVERYTHING)) {
        vote_for_all_seen(s, a, vote.view, true);
        cast_vote(s, a, some_of(a, to, 700), WIRE_NULLIFY, vote.view, NULL);
    }
    if (does(a, BYZ_NULLIFY_AND_FINALIZE)) {
        if (vote.kind == WIRE_FINALIZE || vote.kind == WIRE_NOTARIZE) {
            cast_vote(s, a, some_of(a, to, 800), WIRE_NULLIFY, vote.view, NULL);
            cast_vote(s, a, some_of(a, to, 800), WIRE_FINALIZE, vote.view, &digest);
        } else {
            vote_for_all_seen(s, a, vote.view, true);
        }
    }
}

// ---- everything else

static void send_car_header(struct sim *s, struct sim_actor *a, struct vmask to, struct shared_bytes *bytes)
{
    static struct wire_message m;
    if (does(a, BYZ_PARTIAL_CARS) && sim_chance(&a->random, 600)) {
        // Exactly a - 1, a or q holders, itself included.
        const unsigned n = s->set.wire.n, f = (n - 1) / 3;
        const unsigned counts[] = {f, f + 1, n - f};
        unsigned want = counts[sim_random(&a->random) % 3];
        struct vmask few = {{0, 0}};
        for (unsigned v = (unsigned)(sim_random(&a->random) % n), i = 0; i < n && want > 1; i++, v = (v + 1) % n) {
            if (vmask_has(to, v)) {
                vmask_add(&few, v);
                want--;
            }
        }
        emit(s, a, few, bytes);
        return;
    }
    if (does(a, BYZ_TWO_CARS) && sim_chance(&a->random, 600) &&
        wire_decode(&m, bytes_of(bytes->bytes, bytes->len), &s->set.wire) == WIRE_OK && m.car.lane == a->id) {
        const struct vmask half = some_of(a, to, 500);
        emit(s, a, half, bytes);
        m.car.flags ^= WIRE_CAR_HELD_BACK;
        m.car.digest = wire_car_digest(&s->set.wire, m.epoch, &m.car);
        a->signing->ops->sign(a->signing, &m.car.signature, &m.car.digest);
        emit_message(s, a, without(to, half), &m);
        return;
    }
    emit(s, a, to, bytes);
}

static void send_acks(struct sim *s, struct sim_actor *a, struct vmask to, struct shared_bytes *bytes)
{
    static struct wire_message m;
    static struct wire_ack acks[WIRE_ACKS_MAX];
    if (!does(a, BYZ_FALSE_ACKS) || !sim_chance(&a->random, 600) ||
        wire_decode(&m, bytes_of(bytes->bytes, bytes->len), &s->set.wire) != WIRE_OK) {
        emit(s, a, to, bytes);
        return;
    }
    // Of cars that it does not hold or that do not exist, and other digests for those that it does.
    const struct vmask half = some_of(a, to, 500);
    emit(s, a, half, bytes);
    unsigned count = 0;
    for (unsigned l = 0; l < s->set.wire.n; l++) {
        const uint32_t base = a->v->dp.lanes[l].fin_pos;
        for (uint32_t pos = base + 1; pos < base + 6; pos++) {
            const struct car_slot *slot = dp_slot(&a->v->dp, l, pos);
            struct wire_ack *ack = &acks[count++];
            *ack = (struct wire_ack){.lane = (uint16_t)l, .pos = pos};
            if (slot && slot->car_count > 0 && sim_chance(&a->random, 600))
                ack->digest = slot->cars[slot->car_count - 1].car->digest;
            else
                store_le64(ack->digest.b, sim_random(&a->random));
        }
    }
    m.acks.acks = acks;
    m.acks.ack_count = (uint16_t)count;
    emit_message(s, a, without(to, half), &m);
}

static void send_cert(struct sim *s, struct sim_actor *a, struct vmask to, struct shared_bytes *bytes)
{
    if (does(a, BYZ_CERT_TO_ONE)) {
        struct vmask one = {{0, 0}};
        vmask_add(&one, (unsigned)(sim_random(&a->random) % s->set.wire.n));
        vmask_drop(&one, a->id);
        emit(s, a, one, bytes);
        return;
    }
    emit(s, a, to, bytes);
    if (does(a, BYZ_FAKE_CERTS) && sim_chance(&a->random, 300)) {
        struct shared_bytes *fake = shared_bytes_new(bytes->len);
        memcpy(fake->bytes, bytes->bytes, bytes->len);
        // Another view, kind, or signature.
        const size_t places[] = {12, 14, fake->len - 1};
        fake->bytes[places[sim_random(&a->random) % 3]] ^= 1;
        sim_send_all(s, a, others(s, a), fake);
        shared_bytes_unref(fake);
    }
}

static void send_junk(struct sim *s, struct sim_actor *a)
{
    bytes32 digest = {{0}};
    store_le64(digest.b, sim_random(&a->random));
    const uint64_t view = a->v->ord.view;
    switch (sim_random(&a->random) % 4) {
    case 0:
        cast_vote(s, a, others(s, a), WIRE_NULLIFY, view + sim_random(&a->random) % 1000000, NULL);
        break;
    case 1:
        cast_vote(s, a, others(s, a), WIRE_NOTARIZE, view + sim_random(&a->random) % 20, &digest);
        break;
    case 2: {
        struct wire_message m;
        m.type = WIRE_GET_CERTS;
        m.epoch = a->v->ord.epoch;
        m.get_certs = (struct wire_get_certs){0, UINT64_MAX};
        emit_message(s, a, others(s, a), &m);
        break;
    }
    default: {
        struct shared_bytes *noise = shared_bytes_new(40);
        for (unsigned i = 0; i < 5; i++)
            store_le64(noise->bytes + 8 * i, sim_random(&a->random));
        sim_send_all(s, a, others(s, a), noise);
        shared_bytes_unref(noise);
    }
    }
}

// A nullify certificate of an earlier epoch, said to be of this one, to somebody who may believe it.
static void replay_epoch(struct sim *s, struct sim_actor *a, uint64_t view)
{
    const struct shared_bytes *old = a->old_certs[view % SIM_OLD_CERTS];
    if (!old || load_le64(old->bytes + 3) >= a->v->ord.epoch || load_le64(old->bytes + 12) != view)
        return;
    struct shared_bytes *now = shared_bytes_new(old->len);
    memcpy(now->bytes, old->bytes, old->len);
    store_le64(now->bytes + 3, a->v->ord.epoch);
    sim_send(s, a, (unsigned)(sim_random(&a->random) % s->set.wire.n), now);
    shared_bytes_unref(now);
}

static void keep_old_cert(struct sim_actor *a, struct shared_bytes *bytes)
{
    struct shared_bytes **slot = &a->old_certs[load_le64(bytes->bytes + 12) % SIM_OLD_CERTS];
    if (*slot && load_le64((*slot)->bytes + 12) <= load_le64(bytes->bytes + 12))
        return;
    shared_bytes_unref(*slot);
    bytes->refs++;
    *slot = bytes;
}

void byzantine_send(struct sim *s, struct sim_actor *a, struct vmask to, struct shared_bytes *bytes)
{
    if (does(a, BYZ_SILENT) && bytes->bytes[2] != WIRE_ACKS)
        return;
    if (does(a, BYZ_JUNK) && sim_chance(&a->random, 20))
        send_junk(s, a);
    switch (bytes->bytes[2]) {
    case WIRE_PROPOSAL:
        send_proposal(s, a, to, bytes);
        break;
    case WIRE_VOTE:
        send_vote(s, a, to, bytes);
        break;
    case WIRE_CERT:
        send_cert(s, a, to, bytes);
        break;
    case WIRE_CAR_HDR:
        send_car_header(s, a, to, bytes);
        break;
    case WIRE_ACKS:
        send_acks(s, a, to, bytes);
        break;
    default:
        emit(s, a, to, bytes);
    }
}

void byzantine_hear(struct sim *s, struct sim_actor *a, struct shared_bytes *bytes)
{
    const uint8_t type = bytes->len > 11 ? bytes->bytes[2] : 0;
    if (type == WIRE_PROPOSAL) {
        struct shared_bytes **slot = &a->seen[a->seen_next++ % 32];
        shared_bytes_unref(*slot);
        bytes->refs++;
        *slot = bytes;
    }
    if (type == WIRE_CERT && bytes->bytes[11] == WIRE_NULLIFY && load_le64(bytes->bytes + 3) == a->v->ord.epoch)
        keep_old_cert(a, bytes);
    if (does(a, BYZ_REPLAY_EPOCHS) && type == WIRE_VOTE && bytes->bytes[11] == WIRE_NOTARIZE)
        replay_epoch(s, a, load_le64(bytes->bytes + 12));
}

bool byzantine_refuses_car(struct sim *s, struct sim_actor *a)
{
    (void)s;
    return (does(a, BYZ_REFUSE_BODIES) && sim_chance(&a->random, 700)) || does(a, BYZ_SILENT);
}
