#include "engine/net/wire/limits.h"

#define BLOCK WIRE_BLOCK_BYTES_MAX
#define CERT WIRE_CERT_BYTES_MAX
#define CAR (2u + 4 + 1 + 2 + WIRE_STRIPES * (uint32_t)sizeof(struct wire_stripe_ref) + 64)
#define EXECS (WIRE_EXECS_MAX * (uint32_t)sizeof(struct wire_exec))
#define ACK_HEAD (8u + (uint32_t)sizeof(struct wire_floor) + 2 + 2)
#define LANE_ACKS (2u + 4 + 4 + WIRE_LANE_WINDOW * 32u)

// Bytes after the prefix.
#define CONTROL(type, body) [WIRE_##type] = {#type, WIRE_PREFIX_BYTES + (body), WIRE_CONTROL}
#define BULK(type, body) [WIRE_##type] = {#type, WIRE_PREFIX_BYTES + (body), WIRE_BULK}

static const struct wire_limit LIMITS[WIRE_TYPE_COUNT] = {
    CONTROL(CAR_HDR, CAR),
    BULK(CAR_STRIPE, 2 + 4 + 2 + WIRE_STRIPE_BYTES_MAX),
    [WIRE_CAR_CHUNK] = {"CAR_CHUNK", 0, WIRE_BULK},
    CONTROL(ACKS, ACK_HEAD + WIRE_ACKS_MAX * (uint32_t)sizeof(struct wire_ack) + EXECS),
    CONTROL(ACK_STATE, ACK_HEAD + WIRE_VALIDATORS_MAX * LANE_ACKS + EXECS),
    CONTROL(PROPOSAL, BLOCK + 64 + 1 + WIRE_JUST_MAX * CERT),
    CONTROL(VOTE, (uint32_t)sizeof(struct wire_vote)),
    CONTROL(CERT, CERT),
    CONTROL(GET_CERTS, 8 + 8),
    [WIRE_CERTS] = {"CERTS", 65535, WIRE_CONTROL},
    CONTROL(GET_BLOCK, 32),
    CONTROL(BLOCK, BLOCK),
    CONTROL(GET_RANGE, 8 + 2),
    [WIRE_RANGE] = {"RANGE", 1u << 20, WIRE_BULK},
    CONTROL(GET_CAR, 2 + 4 + 32 + 2),
    [WIRE_SNAP_LIST] = {"SNAP_LIST", 0, WIRE_CONTROL},
    [WIRE_SNAP_CHUNK] = {"SNAP_CHUNK", 0, WIRE_BULK},
    BULK(EVIDENCE, 1 + CAR + 2 + WIRE_STRIPE_BYTES_MAX),
    // First on either kind of connection; the links let it through nowhere else.
    CONTROL(HELLO, 1 + 1 + 2),
    BULK(FORWARD, WIRE_STRIPE_BYTES_MAX),
};

_Static_assert(ACK_HEAD + WIRE_ACKS_MAX * sizeof(struct wire_ack) + EXECS + WIRE_PREFIX_BYTES <= 65535,
               "ACKS must never need framing");

const struct wire_limit *wire_limit_of(unsigned type)
{
    return type < WIRE_TYPE_COUNT && LIMITS[type].name ? &LIMITS[type] : NULL;
}
