// How often each address may do something: so many at once, then one an interval. A fixed table; of addresses that
// share a place the one that has been quiet longest makes room, so that an attacker with many addresses only gains what
// an idle address has anyway. One thread.
#ifndef GANTRY_ENGINE_NET_RATE_H
#define GANTRY_ENGINE_NET_RATE_H

#include "base/bytes.h"

#include <sys/socket.h>

#define RATE_SETS 512u
#define RATE_WAYS 4u

// One allowance: *until_ns is when it will be whole again. false when it is used up.
MUST_CHECK bool rate_take(uint64_t *until_ns, uint64_t interval_ns, unsigned burst, uint64_t now_ns);

struct rate {
    uint64_t interval_ns, secret;
    unsigned burst;
    struct {
        uint64_t key;
        uint64_t until_ns; // used up until then
    } places[RATE_SETS][RATE_WAYS];
};

// secret: random, so that nobody can choose addresses that share a place.
void rate_init(struct rate *r, uint64_t interval_ns, unsigned burst, uint64_t secret);
// Takes one off the allowance of the address: an IPv4 address, or an IPv6 network of 64 bits.
MUST_CHECK bool rate_allows(struct rate *r, const struct sockaddr_storage *who, uint64_t now_ns);

// The same machine, as far as addresses tell (ports aside). IPv4 written as IPv6 is IPv4.
bool address_is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

#endif
