// The y of BIP-340 keys that batches had before. Validators sign again and again, and a key named by its x alone costs
// a square root each time. Bounded: a new key takes the place of an old one. One thread.
#ifndef GANTRY_SIGVERIFY_LANES_KNOWN_KEYS_H
#define GANTRY_SIGVERIFY_LANES_KNOWN_KEYS_H

#include <stdint.h>

#define KNOWN_KEYS_WAYS 4
#define KNOWN_KEYS_SETS 128

// A place that was never taken holds (0, 0): not a point of the curve, and no point has that x.
struct known_key {
    uint8_t x[32], y[32]; // big-endian
};

struct known_keys {
    struct known_key keys[KNOWN_KEYS_SETS][KNOWN_KEYS_WAYS];
    uint8_t oldest[KNOWN_KEYS_SETS]; // the way whose key goes next
};

// What is all zero knows none. NULL: not known.
const uint8_t *known_keys_find(const struct known_keys *known, const uint8_t x[32]);
// x must not be known; y belongs to it.
void known_keys_add(struct known_keys *known, const uint8_t x[32], const uint8_t y[32]);

#endif
