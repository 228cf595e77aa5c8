// Which faults a run has, and when: all drawn from the seed at its start. Faults stop at calm_ns; Byzantine validators
// stay what they are.
#include "engine/sim/sim_private.h"

enum fault {
    FAULT_CRASH,
    FAULT_CRASH_AT_WRITE,
    FAULT_CRASH_ALL,
    FAULT_CRASH_ALL_AT_NULLIFY,
    FAULT_PARTITION,
    FAULT_ONE_WAY,
    FAULT_HEAL,
    FAULT_SLOW_DISK,
    FAULT_SKEW,
    FAULT_LINKS,
    FAULT_LOSE_DISK,
    FAULT_KINDS
};

static struct sim_actor *somebody(struct sim *s)
{
    return &s->actors[sim_random(&s->random) % s->actor_count];
}

static void plan_byzantine(struct sim *s)
{
    const unsigned n = s->set.wire.n;
    uint64_t budget = s->set.faulty;
    if (!s->options.behaviours && sim_chance(&s->random, 250))
        budget = 0;
    for (unsigned tries = 0; tries < n && budget > 0; tries++) {
        struct sim_actor *a = &s->actors[sim_random(&s->random) % n];
        if (a->byzantine || a->lost || s->set.weight[a->id] > budget)
            continue;
        budget -= s->set.weight[a->id];
        if (!s->options.behaviours && sim_chance(&s->random, 150)) {
            // Loses its disk instead: it follows, but holds nothing and votes no more for a while.
            s->result->lost++;
            sim_push(s, (struct sim_event){.at_ns = sim_between(&s->random, s->calm_ns / 4, s->calm_ns),
                                           .kind = SIM_FAULT,
                                           .actor = (uint16_t)a->index,
                                           .number = FAULT_LOSE_DISK});
            a->lost = true;
            continue;
        }
        s->result->byzantine++;
        const unsigned kinds = 1 + (unsigned)(sim_random(&s->random) % 5);
        for (unsigned k = 0; k < kinds; k++)
            a->byzantine |= 1u << (sim_random(&s->random) % BYZ_KINDS);
        if (s->options.behaviours)
            a->byzantine = s->options.behaviours;
        if (a->byzantine & BYZ_TIME_SKEW)
            a->skew_ms = (int64_t)sim_between(&s->random, 0, 6000) - 3000;
        if ((a->byzantine & BYZ_TWINS) && s->actor_count < SIM_ACTORS_MAX) {
            struct sim_actor *twin = &s->actors[s->actor_count];
            twin->index = s->actor_count++;
            twin->id = a->id;
            twin->byzantine = a->byzantine;
        }
    }
    for (unsigned i = 0; i < n; i++) {
        if (s->actors[i].lost)
            s->actors[i].lost = false; // until it happens
    }
}

void sim_plan_faults(struct sim *s)
{
    plan_byzantine(s);
    const unsigned count = (unsigned)sim_between(&s->random, 2, 4 + s->calm_ns / (2000 * MS));
    for (unsigned i = 0; i < count; i++) {
        sim_push(s, (struct sim_event){.at_ns = sim_between(&s->random, 100 * MS, s->calm_ns),
                                       .kind = SIM_FAULT,
                                       .actor = UINT16_MAX,
                                       .number = sim_random(&s->random) % FAULT_LOSE_DISK});
    }
}

static void reconnect(struct sim *s)
{
    for (unsigned i = 0; i < s->actor_count; i++) {
        for (unsigned v = 0; v < s->set.wire.n; v++) {
            const struct sim_actor *a = &s->actors[i];
            if (a->id != v && a->up)
                sim_push(s, (struct sim_event){.at_ns = s->now_ns + sim_between(&s->random, MS, 50 * MS),
                                               .kind = SIM_CONNECT,
                                               .actor = (uint16_t)i,
                                               .peer = (uint16_t)v,
                                               .incarnation = a->incarnation});
        }
    }
}

static void heal(struct sim *s)
{
    for (unsigned i = 0; i < s->set.wire.n; i++)
        memset(s->cut[i], 0, sizeof s->cut[i]);
    reconnect(s);
}

static void partition(struct sim *s, bool one_way)
{
    bool side[WIRE_VALIDATORS_MAX];
    for (unsigned i = 0; i < s->set.wire.n; i++)
        side[i] = sim_chance(&s->random, 500);
    for (unsigned i = 0; i < s->set.wire.n; i++) {
        for (unsigned j = 0; j < s->set.wire.n; j++)
            s->cut[i][j] = one_way ? side[i] && !side[j] : side[i] != side[j];
    }
    sim_push(s, (struct sim_event){.at_ns = s->now_ns + sim_between(&s->random, 200 * MS, 6000 * MS),
                                   .kind = SIM_FAULT,
                                   .actor = UINT16_MAX,
                                   .number = FAULT_HEAL});
}

static void worsen_links(struct sim *s)
{
    s->loss = sim_chance(&s->random, 700) ? (unsigned)(sim_random(&s->random) % 40) : 250;
    s->duplicate = (unsigned)(sim_random(&s->random) % 50);
    s->slow = (unsigned)(sim_random(&s->random) % 100);
}

void sim_crash_all(struct sim *s)
{
    s->crash_on_nullify = false;
    for (unsigned i = 0; i < s->actor_count; i++) {
        if (s->actors[i].up)
            sim_push(s, (struct sim_event){.at_ns = s->now_ns + sim_between(&s->random, 0, 3 * MS),
                                           .kind = SIM_CRASH,
                                           .actor = (uint16_t)i,
                                           .incarnation = s->actors[i].incarnation,
                                           .number = sim_between(&s->random, 20 * MS, 1000 * MS)});
    }
}

void sim_fault(struct sim *s, uint64_t number)
{
    if (s->calm && number != FAULT_HEAL)
        return;
    struct sim_actor *a = somebody(s);
    switch (number) {
    case FAULT_CRASH:
        actor_crash(s, a, sim_between(&s->random, 20 * MS, 3000 * MS));
        break;
    case FAULT_CRASH_AT_WRITE:
        sim_disk_power_off_after(sim_chance(&s->random, 800) ? a->log_disk : a->guard_disk,
                                 sim_between(&s->random, 1, 60));
        break;
    case FAULT_CRASH_ALL:
        sim_crash_all(s);
        break;
    case FAULT_CRASH_ALL_AT_NULLIFY:
        s->crash_on_nullify = true;
        break;
    case FAULT_PARTITION:
        partition(s, false);
        break;
    case FAULT_ONE_WAY:
        partition(s, true);
        break;
    case FAULT_HEAL:
        heal(s);
        break;
    case FAULT_SLOW_DISK:
        a->disk_ns = sim_between(&s->random, 10 * MS, 300 * MS);
        break;
    case FAULT_SKEW:
        if (!a->byzantine)
            a->skew_ms = (int64_t)sim_between(&s->random, 0, 4000) - 2000;
        break;
    default:
        worsen_links(s);
    }
}

void sim_calm_down(struct sim *s)
{
    s->calm = true;
    s->crash_on_nullify = false;
    s->loss = s->duplicate = s->slow = 0;
    for (unsigned i = 0; i < s->actor_count; i++) {
        struct sim_actor *a = &s->actors[i];
        a->disk_ns = sim_between(&s->random, MS / 10, 3 * MS);
        // Power failures that are still to come do not.
        sim_disk_power_off_after(a->log_disk, UINT64_MAX / 2);
        sim_disk_power_off_after(a->guard_disk, UINT64_MAX / 2);
        if (!a->byzantine)
            a->skew_ms = 0;
        if (!a->byzantine && a->up && a->v->ord.floor->header.height > s->calm_height)
            s->calm_height = a->v->ord.floor->header.height;
    }
    heal(s);
    sim_trace(s, "faults stop at height %llu", (unsigned long long)s->calm_height);
}
