// The simulator's random numbers: splitmix64. All chance of a run comes from one seed.
#ifndef GANTRY_ENGINE_SIM_SIM_RANDOM_H
#define GANTRY_ENGINE_SIM_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t sim_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// from <= result <= to
static inline uint64_t sim_between(uint64_t *state, uint64_t from, uint64_t to)
{
    return from + sim_random(state) % (to - from + 1);
}

static inline bool sim_chance(uint64_t *state, unsigned in_thousand)
{
    return sim_random(state) % 1000 < in_thousand;
}

#endif
