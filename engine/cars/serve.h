// Giving stored cars to peers that ask (GET_CAR): a queue a peer, one share of the uplink for all. Requests of one peer
// are answered in their order, peers in turn; what a request costs is taken off a token bucket that fills at the
// share's rate, so that serving never takes more than it from cars on their way. Sans-IO; one owner thread.
#ifndef GANTRY_ENGINE_CARS_SERVE_H
#define GANTRY_ENGINE_CARS_SERVE_H

#include "engine/order/effects.h"

#define SERVE_QUEUE_MAX 64u // of one peer; more are dropped: who needs them asks again

struct serve;

struct serve_request {
    uint16_t peer;
    uint16_t stripes;
    struct car_name name;
};

// bytes_per_s: the share, above 0. A burst holds a tenth of a second of it, or one largest car.
struct serve *serve_create(unsigned peers, uint64_t bytes_per_s);
void serve_free(struct serve *s);

// False when it was dropped. One that waits already takes the stripes of the new one along.
bool serve_add(struct serve *s, const struct serve_request *r);
// What was asked by a peer that is gone.
void serve_forget(struct serve *s, unsigned peer);
// The next request to be answered now. serve_spent tells what it cost.
MUST_CHECK bool serve_next(struct serve *s, uint64_t now_ns, struct serve_request *out);
void serve_spent(struct serve *s, uint64_t bytes);
// When serve_next is worth asking again: UINT64_MAX while nothing waits.
uint64_t serve_due(const struct serve *s, uint64_t now_ns);

#endif
