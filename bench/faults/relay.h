// The connections between validators of one machine, led through this process so that some of them can be held up: a
// partition without network namespaces. While a connection is cut nothing is read from it, so that either side sees
// what it sees of a peer behind a dead network; healed, what was held up goes on. A thread of its own.
#ifndef GANTRY_BENCH_FAULTS_RELAY_H
#define GANTRY_BENCH_FAULTS_RELAY_H

#include "base/bytes.h"

#define RELAY_NODES_MAX 32

struct relay;

// Node i is to reach j by relay_port(r, i, j), which leads to ports[j] of the loopback address. NULL with errno.
struct relay *relay_start(unsigned nodes, const uint16_t ports[]);
void relay_stop(struct relay *r); // NULL is fine

uint16_t relay_port(const struct relay *r, unsigned from, unsigned to);
// Any thread: cuts the nodes of the mask off from the others; 0 heals.
void relay_cut(struct relay *r, uint32_t nodes);

#endif
