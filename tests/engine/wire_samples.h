// Random valid messages of every type, from a seed.
#ifndef GANTRY_TESTS_ENGINE_WIRE_SAMPLES_H
#define GANTRY_TESTS_ENGINE_WIRE_SAMPLES_H

#include "engine/net/wire/codec.h"

// The message and all that it points to.
struct wire_sample {
    struct wire_message m;
    uint64_t seed;
    size_t pool_used;
    uint8_t *pool;
};

extern const struct wire_set SAMPLE_SET; // 100 validators

void wire_sample_init(struct wire_sample *s, uint64_t seed);
void wire_sample_free(struct wire_sample *s);

bool wire_sample_exists(unsigned type); // false: this version refuses the type
// Makes another message; what the previous one pointed to is gone. EVIDENCE of each kind comes up in turn at random.
// full: every list is as long as it may be.
void wire_sample_make(struct wire_sample *s, unsigned type, bool full);
// Only the kind of evidence asked for.
void wire_sample_evidence(struct wire_sample *s, enum wire_offence offence);

// malloc'ed encoding.
struct bytes wire_sample_encode(const struct wire_sample *s);

#endif
