// Acks and attested execution results: saying them, and keeping what others say.
#include "engine/order/dp.h"

void dp_record_ack(struct dp *dp, unsigned voter, unsigned lane, uint32_t pos, const bytes32 *digest)
{
    struct car_slot *s = dp_slot(dp, lane, pos);
    const struct tally_item *item = s ? tally_add(&s->acks, dp->set, voter, digest) : NULL;
    if (!item)
        return;
    if (item->weight >= dp->set->quorum && s->quorum_ns == 0)
        s->quorum_ns = dp->now_ns;
    dp->changed = true;
}

void dp_send_acks(struct dp *dp)
{
    static _Thread_local struct wire_ack acks[WIRE_ACKS_MAX];
    struct wire_exec execs[LAG];
    uint16_t count = 0;
    for (unsigned l = 0; l < dp->set->wire.n && dp->acks_unsent > 0; l++) {
        const struct lane *lane = &dp->lanes[l];
        for (uint32_t pos = lane->fin_pos + 1; pos <= lane->fin_pos + WIRE_LANE_WINDOW && dp->acks_unsent > 0; pos++) {
            struct car_slot *s = dp_slot(dp, l, pos);
            if (!s->ack_unsent || count == WIRE_ACKS_MAX)
                continue;
            acks[count++] = (struct wire_ack){(uint16_t)l, pos, s->my_digest};
            s->ack_unsent = false;
            dp->acks_unsent--;
        }
    }
    struct wire_message m;
    m.type = WIRE_ACKS;
    m.epoch = dp->epoch;
    m.acks = (struct wire_acks){
        .seq = ++dp->seq,
        .floor = {dp->floor_view, dp->floor_height},
        .ack_count = count,
        .exec_count = (uint16_t)dp_execs(dp, dp->exec_sent, execs),
        .acks = acks,
        .execs = execs,
    };
    dp->exec_sent = dp->executed;
    effects_broadcast(dp->fx, &m);
    dp->ack_due_ns = dp->acks_unsent > 0 ? dp->now_ns : UINT64_MAX;
}

void dp_send_ack_state(struct dp *dp, struct vmask to)
{
    static _Thread_local bytes32 digests[WIRE_VALIDATORS_MAX][WIRE_LANE_WINDOW];
    struct wire_exec execs[LAG];
    struct wire_message m;
    m.type = WIRE_ACK_STATE;
    m.epoch = dp->epoch;
    m.ack_state.seq = ++dp->seq;
    m.ack_state.floor = (struct wire_floor){dp->floor_view, dp->floor_height};
    m.ack_state.lane_count = 0;
    for (unsigned l = 0; l < dp->set->wire.n; l++) {
        const uint32_t base = dp->lanes[l].fin_pos;
        uint32_t mask = 0;
        unsigned count = 0;
        for (unsigned i = 0; i < WIRE_LANE_WINDOW; i++) {
            const struct car_slot *s = dp_slot(dp, l, base + 1 + i);
            if (s->my_ack != ACK_DURABLE)
                continue;
            mask |= 1u << i;
            digests[l][count++] = s->my_digest;
        }
        if (mask != 0)
            m.ack_state.lanes[m.ack_state.lane_count++] = (struct wire_lane_acks){(uint16_t)l, base, mask, digests[l]};
    }
    const uint64_t above = dp->executed > 8 ? dp->executed - 8 : 0;
    m.ack_state.exec_count = (uint16_t)dp_execs(dp, above, execs);
    m.ack_state.execs = execs;
    effects_send(dp->fx, to, &m);
}

void dp_on_acks(struct dp *dp, unsigned src, const struct wire_acks *m)
{
    for (unsigned i = 0; i < m->ack_count; i++) {
        const bytes32 digest = m->acks[i].digest;
        dp_record_ack(dp, src, m->acks[i].lane, m->acks[i].pos, &digest);
    }
    for (unsigned i = 0; i < m->exec_count; i++) {
        const bytes32 root = m->execs[i].root;
        dp_said_root(dp, src, m->execs[i].height, &root);
    }
}

void dp_on_ack_state(struct dp *dp, unsigned src, const struct wire_ack_state *m)
{
    for (unsigned l = 0; l < m->lane_count; l++) {
        const struct wire_lane_acks *a = &m->lanes[l];
        const bytes32 *digest = a->digests;
        for (unsigned i = 0; i < WIRE_LANE_WINDOW; i++) {
            if ((a->mask >> i) & 1)
                dp_record_ack(dp, src, a->lane, a->base + 1 + i, digest++);
        }
    }
    for (unsigned i = 0; i < m->exec_count; i++) {
        const bytes32 root = m->execs[i].root;
        dp_said_root(dp, src, m->execs[i].height, &root);
    }
}

// ---- execution

// The slot of a height that is near enough to matter: nobody moves the ring far ahead by talking.
static struct exec_slot *exec_slot(struct dp *dp, uint64_t height)
{
    if (height > dp->floor_height + LAG || height + DP_EXEC_WINDOW / 2 < dp->floor_height)
        return NULL;
    struct exec_slot *s = &dp->execs[height % DP_EXEC_WINDOW];
    if (s->height > height)
        return NULL;
    if (s->height < height) {
        tally_clear(&s->said);
        *s = (struct exec_slot){.height = height};
    }
    return s;
}

static const struct exec_slot *exec_at(const struct dp *dp, uint64_t height)
{
    const struct exec_slot *s = &dp->execs[height % DP_EXEC_WINDOW];
    return s->height == height ? s : NULL;
}

void dp_said_root(struct dp *dp, unsigned voter, uint64_t height, const bytes32 *root)
{
    struct exec_slot *s = exec_slot(dp, height);
    if (s && tally_add(&s->said, dp->set, voter, root))
        dp->changed = true;
}

void dp_executed(struct dp *dp, uint64_t height, const bytes32 *root)
{
    struct exec_slot *s = exec_slot(dp, height);
    if (s) {
        s->have_own = true;
        s->own = *root;
    }
    if (height > dp->executed)
        dp->executed = height;
    if (!dp->muted)
        dp_said_root(dp, dp->config.me, height, root);
    dp->changed = true;
    if (dp->ack_due_ns == UINT64_MAX)
        dp->ack_due_ns = dp->now_ns + dp->config.ack_tick_ns;
}

const bytes32 *dp_own_root(const struct dp *dp, uint64_t height)
{
    const struct exec_slot *s = exec_at(dp, height);
    return s && s->have_own ? &s->own : NULL;
}

uint64_t dp_root_weight(const struct dp *dp, uint64_t height, const bytes32 *root)
{
    const struct exec_slot *s = exec_at(dp, height);
    return s ? tally_weight(&s->said, root) : 0;
}

uint64_t dp_contradicted(const struct dp *dp, uint64_t height)
{
    const struct exec_slot *s = exec_at(dp, height);
    uint64_t most = 0;
    for (unsigned i = 0; s && s->have_own && i < s->said.count; i++) {
        const struct tally_item *item = &s->said.items[i];
        if (!bytes32_equal(&item->digest, &s->own) && item->weight > most)
            most = item->weight;
    }
    return most;
}

bool dp_best_exec(const struct dp *dp, uint64_t above, uint64_t *height, bytes32 *root)
{
    for (uint64_t h = dp->floor_height + LAG; h > above && h + DP_EXEC_WINDOW / 2 >= dp->floor_height; h--) {
        const struct exec_slot *s = exec_at(dp, h);
        const struct tally_item *best = s ? tally_heaviest(&s->said, dp->set->quorum) : NULL;
        if (best) {
            *height = h;
            *root = best->digest;
            return true;
        }
    }
    return false;
}

// Own results above a height, at most LAG of the newest, rising.
unsigned dp_execs(const struct dp *dp, uint64_t above, struct wire_exec out[LAG])
{
    unsigned count = 0;
    if (dp->muted)
        return 0;
    if (dp->executed > above + LAG)
        above = dp->executed - LAG;
    for (uint64_t h = above + 1; h <= dp->executed; h++) {
        const bytes32 *root = dp_own_root(dp, h);
        if (root)
            out[count++] = (struct wire_exec){h, *root};
    }
    return count;
}
