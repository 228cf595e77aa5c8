// What bounds each message: one table (limits.c), used by encoders, decoders, links and the documentation.
#ifndef GANTRY_ENGINE_NET_WIRE_LIMITS_H
#define GANTRY_ENGINE_NET_WIRE_LIMITS_H

#include "engine/net/wire/message.h"

#define WIRE_PREFIX_BYTES 11u
#define WIRE_STRIPE_BYTES_MAX (256u << 10) // one stripe's body
#define WIRE_CAR_BYTES_MAX (512u << 10)    // all bodies of a car
#define WIRE_TX_BYTES_MAX (128u << 10)
#define WIRE_ACKS_MAX 1536u // acks in one ACKS: the message stays below 65,535 bytes
#define WIRE_EXECS_MAX 64u  // executed roots in one ACKS or ACK_STATE: LAG
#define WIRE_CERTS_MAX 256u // certificates in one CERTS
#define WIRE_RANGE_BLOCKS_MAX 1024u
#define WIRE_SNAP_CHUNK_BYTES_MAX (1u << 20)

// Two kinds of connection: control never waits behind bulk.
enum wire_channel { WIRE_CONTROL, WIRE_BULK };

struct wire_limit {
    const char *name;
    uint32_t bytes_max; // of the whole message, prefix included; 0: refused in this version
    uint8_t channel;    // enum wire_channel: the only one it may come on
};

// NULL for a type that does not exist.
const struct wire_limit *wire_limit_of(unsigned type);

// Certificates and blocks at their largest.
#define WIRE_CERT_BYTES_MAX (1u + 8 + 32 + 16 + WIRE_VALIDATORS_MAX * 64u)
#define WIRE_BLOCK_BYTES_MAX                                                                                           \
    ((uint32_t)sizeof(struct wire_block_header) + 2 + WIRE_VALIDATORS_MAX * (7u + WIRE_LANE_CARS_MAX * 32u))

#endif
