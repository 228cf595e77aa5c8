// Finding a place for a contract, or for an account, in a given partition of the state: contracts that call one another
// run side by side with others only when they are in the same one (execution.md, "Confinement").
//
// One of 256 tries hits. Pure functions; any thread.
#ifndef GANTRY_TOOLS_ADDRESS_SEARCH_H
#define GANTRY_TOOLS_ADDRESS_SEARCH_H

#include "base/u256.h"
#include "shard/partition.h"

unsigned address_partition(const address *who);

struct address_found {
    address at;     // what lies in the partition
    u256 salt;      // by salt
    uint64_t nonce; // by nonce
    bytes32 key;    // by key: the secret key, and whose it is
    address owner;
};

// The first salt from `from` on with which CREATE2 by this factory puts this init code there. False when the salts end.
MUST_CHECK bool address_by_salt(struct address_found *out, unsigned partition, const address *factory,
                                const bytes32 *init_code_hash, const u256 *from);
// The first nonce from `from` on with which this account's creation lands there. False when the nonces end.
MUST_CHECK bool address_by_nonce(struct address_found *out, unsigned partition, const address *creator, uint64_t from);
// A secret key whose account's creation with this nonce lands there; with own: whose account itself does. The key is
// Keccak-256 of seed and a counter: as secret as the seed.
MUST_CHECK bool address_by_key(struct address_found *out, unsigned partition, const bytes32 *seed, uint64_t nonce,
                               bool own);

#endif
