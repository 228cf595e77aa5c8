// BIP-340's challenge: SHA-256 with the tag "BIP0340/challenge" of R's x, the key and a message of 32 bytes. Any
// thread.
#ifndef GANTRY_SIGVERIFY_LANES_CHALLENGE_H
#define GANTRY_SIGVERIFY_LANES_CHALLENGE_H

#include "base/bytes.h"

bytes32 schnorr_challenge(const bytes32 *r, const bytes32 *key, const bytes32 *message);

#endif
