// Making signatures for the tests of sigverify/.
#ifndef GANTRY_TESTS_SIGVERIFY_ITEMS_H
#define GANTRY_TESTS_SIGVERIFY_ITEMS_H

#include "base/u256.h"
#include "sigverify/sigverify.h"

// A valid item and its witness, R's y included.
void random_item(struct sv_item *item, struct sv_witness *witness, uint64_t *state);

bytes32 random_bytes32(uint64_t *state);
bytes32 bytes32_of_hex(const char *text);
u256 group_order(void);
// n - a
bytes32 negated(const bytes32 *a);

#endif
