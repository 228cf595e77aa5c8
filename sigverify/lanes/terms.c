#include "sigverify/lanes/terms.h"

#include <assert.h>
#include <stdlib.h>

// Compared as bytes.
_Static_assert(sizeof(struct point_source) == 65, "a source has no padding");

bool terms_init(struct terms *t, uint32_t max, const uint64_t key[2])
{
    *t = (struct terms){.max = max, .slot_bits = 1, .key = {key[0], key[1] | 1}};
    while (UINT64_C(1) << t->slot_bits < UINT64_C(2) * max)
        t->slot_bits++;
    t->sources = malloc(max * sizeof *t->sources);
    t->slots = calloc((size_t)1 << t->slot_bits, sizeof *t->slots);
    if (t->sources && t->slots)
        return true;
    terms_free(t);
    return false;
}

void terms_free(struct terms *t)
{
    free(t->sources);
    free(t->slots);
    *t = (struct terms){0};
}

void terms_clear(struct terms *t)
{
    memset(t->slots, 0, ((size_t)1 << t->slot_bits) * sizeof *t->slots);
    t->count = 0;
}

uint32_t terms_find(struct terms *t, const struct point_source *source)
{
    const uint32_t mask = (UINT32_C(1) << t->slot_bits) - 1;
    // Coordinates are as good as random in their low bits, except where somebody chose them: the multiplier is secret.
    const uint64_t hash = (load_le64(source->x + 24) ^ t->key[0]) * t->key[1];
    uint32_t slot = (uint32_t)(hash >> (64 - t->slot_bits));
    for (; t->slots[slot] != 0; slot = (slot + 1) & mask) {
        if (memcmp(&t->sources[t->slots[slot] - 1], source, sizeof *source) == 0)
            return t->slots[slot] - 1;
    }
    assert(t->count < t->max);
    t->sources[t->count] = *source;
    t->slots[slot] = t->count + 1;
    return t->count++;
}
