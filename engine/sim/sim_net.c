// Links: delay, loss, duplication, reordering, cuts one way or both.
#include "engine/sim/sim_private.h"

static uint64_t delay(struct sim *s)
{
    if (s->slow > 0 && sim_chance(&s->random, s->slow))
        return sim_between(&s->random, s->delay_max_ns, 30 * s->delay_max_ns);
    return sim_between(&s->random, s->delay_min_ns, s->delay_max_ns);
}

static void carry(struct sim *s, const struct sim_actor *from, const struct sim_actor *to, struct shared_bytes *bytes)
{
    bytes->refs++;
    sim_push(s, (struct sim_event){.at_ns = s->now_ns + delay(s),
                                   .kind = SIM_MESSAGE,
                                   .actor = (uint16_t)to->index,
                                   .peer = (uint16_t)from->id,
                                   .incarnation = to->incarnation,
                                   .bytes = bytes});
}

void sim_send(struct sim *s, const struct sim_actor *from, unsigned to, struct shared_bytes *bytes)
{
    s->result->messages++;
    if (s->cut[from->id][to] || to == from->id || (s->loss > 0 && sim_chance(&s->random, s->loss)))
        return;
    for (unsigned i = 0; i < s->actor_count; i++) {
        const struct sim_actor *a = &s->actors[i];
        if (a->id != to || !a->up)
            continue;
        carry(s, from, a, bytes);
        if (s->duplicate > 0 && sim_chance(&s->random, s->duplicate))
            carry(s, from, a, bytes);
    }
}

void sim_send_all(struct sim *s, const struct sim_actor *from, struct vmask to, struct shared_bytes *bytes)
{
    for (unsigned v = 0; v < s->set.wire.n; v++) {
        if (vmask_has(to, v))
            sim_send(s, from, v, bytes);
    }
}
