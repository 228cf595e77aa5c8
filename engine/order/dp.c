#include "engine/order/dp.h"

#include <assert.h>
#include <stdlib.h>

void dp_init(struct dp *dp, const struct dp_config *config, struct effects *fx, struct evidence *evidence)
{
    *dp = (struct dp){.config = *config, .fx = fx, .evidence = evidence, .ack_due_ns = UINT64_MAX};
    dp->fetches = malloc(DP_FETCHES_MAX * sizeof *dp->fetches);
    dp->execs = calloc(DP_EXEC_WINDOW, sizeof *dp->execs);
    if (!dp->fetches || !dp->execs)
        abort();
}

static void clear_slot(struct car_slot *s)
{
    tally_clear(&s->acks);
    for (unsigned i = 0; i < s->car_count; i++)
        free(s->cars[i].car);
    *s = (struct car_slot){0};
}

static void free_lanes(struct dp *dp)
{
    for (unsigned l = 0; dp->lanes && l < dp->set->wire.n; l++) {
        for (unsigned i = 0; i < WIRE_LANE_WINDOW; i++)
            clear_slot(&dp->lanes[l].slots[i]);
    }
    free(dp->lanes);
    dp->lanes = NULL;
}

void dp_free(struct dp *dp)
{
    free_lanes(dp);
    for (unsigned i = 0; i < DP_EXEC_WINDOW; i++)
        tally_clear(&dp->execs[i].said);
    free(dp->execs);
    free(dp->fetches);
}

void dp_start_epoch(struct dp *dp, const struct vset *set, uint64_t epoch)
{
    free_lanes(dp);
    dp->set = set;
    dp->epoch = epoch;
    dp->lanes = calloc(set->wire.n + 1, sizeof *dp->lanes); // the last for a node that follows: it stays empty
    if (!dp->lanes)
        abort();
    dp->own_last = 0;
    dp->own_bytes = 0;
    dp->acks_unsent = 0;
    // What is final is needed still; what only the old lanes wanted is not.
    size_t kept = 0;
    for (size_t i = 0; i < dp->fetch_count; i++) {
        if (dp->fetches[i].final)
            dp->fetches[kept++] = dp->fetches[i];
    }
    dp->fetch_count = kept;
}

struct car_slot *dp_slot(const struct dp *dp, unsigned lane, uint32_t pos)
{
    struct lane *l = &dp->lanes[lane];
    if (pos <= l->fin_pos || pos > l->fin_pos + WIRE_LANE_WINDOW)
        return NULL;
    return &l->slots[pos % WIRE_LANE_WINDOW];
}

static struct known_car *known(struct car_slot *s, const bytes32 *digest)
{
    for (unsigned i = 0; i < s->car_count; i++) {
        if (bytes32_equal(&s->cars[i].car->digest, digest))
            return &s->cars[i];
    }
    return NULL;
}

static uint64_t car_bytes(const struct wire_car *car)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < WIRE_STRIPES; i++)
        sum += car->stripes[i].bytes;
    return sum;
}

static void free_position(struct dp *dp, unsigned lane, uint32_t pos)
{
    struct car_slot *s = &dp->lanes[lane].slots[pos % WIRE_LANE_WINDOW];
    if (lane == dp->config.me && s->car_count > 0)
        dp->own_bytes -= car_bytes(s->cars[0].car);
    if (s->ack_unsent)
        dp->acks_unsent--;
    clear_slot(s);
    dp->lanes[lane].fin_pos = pos;
}

void dp_set_floor(struct dp *dp, const uint32_t *tips, uint64_t view, uint64_t height)
{
    dp->floor_view = view;
    dp->floor_height = height;
    for (unsigned l = 0; l < dp->set->wire.n; l++) {
        const uint32_t last = dp->lanes[l].fin_pos + WIRE_LANE_WINDOW;
        for (uint32_t pos = dp->lanes[l].fin_pos + 1; pos <= tips[l] && pos <= last; pos++)
            free_position(dp, l, pos);
        dp->lanes[l].fin_pos = tips[l];
        if (l == dp->config.me && dp->own_last < tips[l])
            dp->own_last = tips[l];
    }
}

// ---- own cars

bool dp_may_make_car(const struct dp *dp, uint64_t bytes)
{
    return !dp->muted && dp->own_last - dp->lanes[dp->config.me].fin_pos < WIRE_LANE_WINDOW &&
           dp->own_bytes + bytes <= dp->config.window_bytes;
}

bool dp_own_gap(const struct dp *dp)
{
    return dp->own_last < dp->lanes[dp->config.me].newest;
}

// The highest car tells what is held back.
static void note_newest(struct lane *l, const struct wire_car *car)
{
    if (car->pos > l->newest) {
        l->newest = car->pos;
        l->held_back = car->flags & WIRE_CAR_HELD_BACK;
    }
}

static struct known_car *keep_car(struct car_slot *s, const struct wire_car *car, enum car_state state)
{
    struct known_car *k = NULL;
    if (s->car_count < DP_CARS_PER_POSITION) {
        k = &s->cars[s->car_count++];
    } else {
        for (unsigned i = 1; i < s->car_count && !k; i++) {
            if (s->cars[i].state == CAR_HEADER || s->cars[i].state == CAR_BAD)
                k = &s->cars[i];
        }
        if (!k)
            return NULL;
        free(k->car);
    }
    k->car = malloc(sizeof *k->car);
    if (!k->car)
        abort();
    *k->car = *car;
    k->state = state;
    return k;
}

static void ask_to_store(struct dp *dp, uint64_t epoch, const struct wire_car *car, bool ack)
{
    struct effect *e = effects_add(dp->fx, EFFECT_STORE_CAR);
    e->name = (struct car_name){epoch, car->lane, car->pos, car->digest};
    e->ack = ack;
    e->car = malloc(sizeof *e->car);
    if (!e->car)
        abort();
    *e->car = *car;
}

// Asks to have the car stored, and acked if nothing else of its position was.
static void store_and_ack(struct dp *dp, struct car_slot *s, struct known_car *k)
{
    const bool ack = !dp->muted && s->my_ack == ACK_NONE;
    k->state = CAR_STORING;
    if (ack) {
        s->my_ack = ACK_STORING;
        s->my_digest = k->car->digest;
    }
    ask_to_store(dp, dp->epoch, k->car, ack);
}

// The position before the next free one. After a crash a later car may be stored and sent while an earlier one is lost.
static void skip_own(struct dp *dp)
{
    const struct lane *own = &dp->lanes[dp->config.me];
    while (dp->own_last < own->fin_pos + WIRE_LANE_WINDOW &&
           dp_slot(dp, dp->config.me, dp->own_last + 1)->car_count > 0)
        dp->own_last++;
}

bool dp_make_car(struct dp *dp, struct wire_car *car)
{
    if (!dp_may_make_car(dp, car_bytes(car)))
        return false;
    car->lane = (uint16_t)dp->config.me;
    car->pos = dp->own_last + 1;
    car->digest = wire_car_digest(&dp->set->wire, dp->epoch, car);
    dp->config.signing->ops->sign(dp->config.signing, &car->signature, &car->digest);
    struct car_slot *s = dp_slot(dp, car->lane, car->pos);
    struct known_car *k = keep_car(s, car, CAR_HEADER);
    assert(k);
    dp->own_last = car->pos;
    note_newest(&dp->lanes[car->lane], car);
    dp->own_bytes += car_bytes(car);
    dp->fx->counts.cars++;
    dp->fx->counts.car_bytes += car_bytes(car);
    s->since_ns = dp->now_ns;
    struct wire_message m;
    m.type = WIRE_CAR_HDR;
    m.epoch = dp->epoch;
    m.car = *car;
    effects_record_message(dp->fx, RECORD_MYCAR, &m, true);
    store_and_ack(dp, s, k);
    skip_own(dp);
    return true;
}

// ---- receiving

static bool signed_by_owner(const struct dp *dp, const struct wire_car *car)
{
    const bytes32 *key = &dp->set->key[car->lane];
    const wire_signature *sig = &car->signature;
    return dp->config.signing->ops->verify(dp->config.signing, &key, &sig, 1, &car->digest);
}

// A car that a final block needs and that has no slot any more.
static void take_final_car(struct dp *dp, uint64_t epoch, const struct wire_car *car)
{
    const struct car_name name = {epoch, car->lane, car->pos, car->digest};
    const struct fetch *f = dp_fetch_of(dp, &name);
    if (f && f->final && !dp->config.store.has(dp->config.store.ctx, &name))
        ask_to_store(dp, epoch, car, false);
}

void dp_on_car(struct dp *dp, unsigned src, uint64_t epoch, const struct wire_car *car)
{
    struct car_slot *s = epoch == dp->epoch ? dp_slot(dp, car->lane, car->pos) : NULL;
    if (!s) {
        take_final_car(dp, epoch, car);
        return;
    }
    const struct car_name name = {epoch, car->lane, car->pos, car->digest};
    const bool wanted = dp_fetch_of(dp, &name) != NULL;
    if ((src != car->lane && !wanted) || car->lane == dp->config.me)
        return;
    struct known_car *k = known(s, &car->digest);
    if (!k) {
        // Two headers are enough to prove a fault; more are only for cars that a block names.
        if (s->car_count >= 2 && !wanted)
            return;
        if (!signed_by_owner(dp, car)) {
            effects_ban(dp->fx, src, "a car header with a wrong signature");
            return;
        }
        if (s->car_count > 0)
            evidence_cars(dp->evidence, dp->fx, s->cars[0].car, car);
        k = keep_car(s, car, CAR_HEADER);
        if (!k)
            return;
        note_newest(&dp->lanes[car->lane], car);
    }
    if (k->state == CAR_HEADER && (wanted || s->my_ack == ACK_NONE))
        store_and_ack(dp, s, k);
}

void dp_car_stored(struct dp *dp, const struct car_name *name, bool acked)
{
    dp->changed = dp->stored = true;
    dp_fetch_done(dp, name);
    struct car_slot *s = name->epoch == dp->epoch ? dp_slot(dp, name->lane, name->pos) : NULL;
    struct known_car *k = s ? known(s, &name->digest) : NULL;
    if (!k)
        return;
    k->state = CAR_HELD;
    if (acked && s->my_ack == ACK_STORING && bytes32_equal(&s->my_digest, &name->digest)) {
        s->my_ack = ACK_DURABLE;
        s->ack_unsent = true;
        s->since_ns = dp->now_ns;
        dp->acks_unsent++;
        dp->fx->counts.acks++;
        if (dp->ack_due_ns == UINT64_MAX)
            dp->ack_due_ns = dp->now_ns + dp->config.ack_tick_ns;
        dp_record_ack(dp, dp->config.me, name->lane, name->pos, &name->digest);
    }
    if (name->lane == dp->config.me) {
        struct effect *e = effects_add(dp->fx, EFFECT_SEND_CAR);
        e->name = *name;
        e->to = vset_all(dp->set);
        vmask_drop(&e->to, dp->config.me);
        s->since_ns = dp->now_ns;
    }
}

void dp_car_invalid(struct dp *dp, const struct car_name *name, uint16_t stripe, struct bytes body)
{
    struct car_slot *s = name->epoch == dp->epoch ? dp_slot(dp, name->lane, name->pos) : NULL;
    struct known_car *k = s ? known(s, &name->digest) : NULL;
    if (!k)
        return;
    k->state = CAR_BAD;
    if (s->my_ack == ACK_STORING && bytes32_equal(&s->my_digest, &name->digest))
        s->my_ack = ACK_NONE;
    evidence_bad_body(dp->evidence, dp->fx, k->car, stripe, body);
}

void dp_finalized(struct dp *dp, const struct kept_block *block)
{
    for (unsigned i = 0; i < block->lane_count; i++) {
        const struct wire_cut_lane *l = &block->lanes[i];
        for (unsigned c = 0; c < l->count; c++) {
            const struct car_slot *s = dp_slot(dp, l->lane, l->from_pos + c);
            if (!s)
                continue;
            if (dp->config.store.final)
                dp->config.store.final(dp->config.store.ctx,
                                       &(struct car_name){dp->epoch, l->lane, l->from_pos + c, l->digests[c]},
                                       s->quorum_ns);
            free_position(dp, l->lane, l->from_pos + c);
        }
        dp->lanes[l->lane].fin_pos = l->from_pos + l->count - 1u;
        if (l->lane == dp->config.me && dp->own_last < dp->lanes[l->lane].fin_pos)
            dp->own_last = dp->lanes[l->lane].fin_pos;
    }
    dp->changed = true;
}

// ---- what ordering asks

bool dp_held(const struct dp *dp, unsigned lane, uint32_t pos, const bytes32 *digest)
{
    struct car_slot *s = dp_slot(dp, lane, pos);
    if (s) {
        const struct known_car *k = known(s, digest);
        return k && k->state == CAR_HELD;
    }
    const struct car_name name = {dp->epoch, (uint16_t)lane, pos, *digest};
    return dp->config.store.has(dp->config.store.ctx, &name);
}

bool dp_avail_vote(const struct dp *dp, unsigned lane, uint32_t pos, const bytes32 *digest)
{
    const struct car_slot *s = dp_slot(dp, lane, pos);
    return (s && tally_weight(&s->acks, digest) >= dp->set->one_honest) || dp_held(dp, lane, pos, digest);
}

const bytes32 *dp_avail_lead(const struct dp *dp, unsigned lane, uint32_t pos)
{
    const struct car_slot *s = dp_slot(dp, lane, pos);
    const struct tally_item *best = s ? tally_heaviest(&s->acks, dp->set->quorum) : NULL;
    return best ? &best->digest : NULL;
}

// ---- starting

void dp_restore_car(struct dp *dp, const struct wire_car *car, bool acked)
{
    struct car_slot *s = dp_slot(dp, car->lane, car->pos);
    if (!s || known(s, &car->digest))
        return;
    struct known_car *k = keep_car(s, car, CAR_HELD);
    if (!k)
        return;
    note_newest(&dp->lanes[car->lane], car);
    if (acked && !dp->muted) {
        s->my_ack = ACK_DURABLE;
        s->my_digest = car->digest;
        s->since_ns = dp->now_ns;
        dp_record_ack(dp, dp->config.me, car->lane, car->pos, &car->digest);
    }
    if (car->lane == dp->config.me)
        dp->own_bytes += car_bytes(car);
}

void dp_start(struct dp *dp)
{
    // Own cars go on where the stored ones leave off: a position whose car was not stored was never sent.
    dp->own_last = dp->lanes[dp->config.me].fin_pos;
    skip_own(dp);
    dp->ack_state_due_ns = dp->now_ns + dp->config.ack_state_ns;
    dp->retry_due_ns = dp->now_ns + dp->config.car_retry_ns;
    dp_send_ack_state(dp, vset_all(dp->set));
}

void dp_on_connect(struct dp *dp, unsigned peer)
{
    struct vmask to = {{0, 0}};
    vmask_add(&to, peer);
    dp_send_ack_state(dp, to);
    // Own cars that it has not acked are due again, once its own word on that has had time to come.
    const struct lane *own = &dp->lanes[dp->config.me];
    for (uint32_t pos = own->fin_pos + 1; pos <= dp->own_last; pos++) {
        struct car_slot *s = dp_slot(dp, dp->config.me, pos);
        if (s && !vmask_has(s->acks.heard, peer))
            s->since_ns = 0;
    }
    if (dp->retry_due_ns > dp->now_ns + dp->config.fetch_ns)
        dp->retry_due_ns = dp->now_ns + dp->config.fetch_ns;
}

// ---- timers

// Own cars that some have not acked for long, a few at a time.
enum { RESENT_MAX = 16 };
static void resend_cars(struct dp *dp)
{
    const struct lane *own = &dp->lanes[dp->config.me];
    unsigned sent = 0;
    for (uint32_t pos = own->fin_pos + 1; pos <= dp->own_last && sent < RESENT_MAX; pos++) {
        struct car_slot *s = dp_slot(dp, dp->config.me, pos);
        if (!s || s->car_count == 0 || s->cars[0].state != CAR_HELD ||
            (s->since_ns != 0 && s->since_ns + dp->config.car_retry_ns > dp->now_ns))
            continue;
        struct vmask to = vset_all(dp->set);
        to.w[0] &= ~s->acks.heard.w[0];
        to.w[1] &= ~s->acks.heard.w[1];
        vmask_drop(&to, dp->config.me);
        s->since_ns = dp->now_ns;
        if (vmask_empty(to))
            continue;
        struct effect *e = effects_add(dp->fx, EFFECT_SEND_CAR);
        e->name = (struct car_name){dp->epoch, (uint16_t)dp->config.me, pos, s->cars[0].car->digest};
        e->to = to;
        sent++;
    }
}

void dp_on_timer(struct dp *dp)
{
    if (dp->now_ns >= dp->ack_due_ns)
        dp_send_acks(dp);
    if (dp->now_ns >= dp->ack_state_due_ns) {
        dp->ack_state_due_ns = dp->now_ns + dp->config.ack_state_ns;
        dp_send_ack_state(dp, vset_all(dp->set));
    }
    if (dp->now_ns >= dp->retry_due_ns) {
        dp->retry_due_ns = dp->now_ns + dp->config.car_retry_ns / 2;
        if (!dp->muted)
            resend_cars(dp);
    }
    dp_run_fetches(dp);
}

uint64_t dp_next_timer(const struct dp *dp)
{
    uint64_t next = dp->ack_due_ns < dp->ack_state_due_ns ? dp->ack_due_ns : dp->ack_state_due_ns;
    const uint64_t fetch = dp_next_fetch(dp);
    next = dp->retry_due_ns < next ? dp->retry_due_ns : next;
    return fetch < next ? fetch : next;
}
