// The messages between validators as values: what the state machines read and make. codec.h turns them into bytes and
// back, limits.h bounds them, digest.h hashes them; docs/wire.md draws the formats.
//
// Integers are little-endian and of fixed width, so the packed structs here are at once the formats: decoded messages
// point into the bytes they were decoded from wherever there is a pointer, and live as long as those. Who keeps a
// message keeps its bytes. Encoders take the same structs with pointers to anything.
//
// Whatever decodes has: indices of validators and lanes below n, stripes below WIRE_STRIPES, positions from 1 on,
// counts within their limits, lists sorted and without duplicates, unknown flags clear, digests computed. Signatures
// are not checked, nor anything that takes state to judge.
#ifndef GANTRY_ENGINE_NET_WIRE_MESSAGE_H
#define GANTRY_ENGINE_NET_WIRE_MESSAGE_H

#include "base/bytes.h"

#define WIRE_VERSION 2
#define WIRE_VALIDATORS_MAX 128
#define WIRE_STRIPES 16
#define WIRE_LANE_WINDOW 32  // un-finalized cars of one lane
#define WIRE_LANE_CARS_MAX 8 // cars of one lane in one block
#define WIRE_PARTITIONS_PER_STRIPE 16

#define WIRE_PACKED __attribute__((packed))

// BIP-340: R.x || s.
typedef struct {
    uint8_t b[64];
} wire_signature;

// What every digest and check depends on beside the message: the validator set of the message's epoch.
struct wire_set {
    uint64_t chain_id;
    bytes32 set_hash;
    unsigned n;           // validators, 1 to WIRE_VALIDATORS_MAX
    uint64_t car_gas_max; // gas limits of a car's transactions together
};

enum wire_type {
    WIRE_CAR_HDR = 1,
    WIRE_CAR_STRIPE,
    WIRE_CAR_CHUNK, // number kept for erasure-coded cars; refused
    WIRE_ACKS,
    WIRE_ACK_STATE,
    WIRE_PROPOSAL,
    WIRE_VOTE,
    WIRE_CERT,
    WIRE_GET_CERTS,
    WIRE_CERTS,
    WIRE_GET_BLOCK,
    WIRE_BLOCK,
    WIRE_GET_RANGE,
    WIRE_RANGE,
    WIRE_GET_CAR,
    WIRE_SNAP_LIST,
    WIRE_SNAP_CHUNK,
    WIRE_EVIDENCE,
    WIRE_HELLO, // first message of each connection, both ways; the links' own
    WIRE_GET_SNAP,
    WIRE_FORWARD,
    WIRE_TYPE_COUNT,
};

// ---- cars

enum wire_car_flags {
    WIRE_CAR_HELD_BACK = 1, // the owner's pool holds transactions that the base fee alone holds back
    WIRE_CAR_FLAGS = WIRE_CAR_HELD_BACK,
};

struct WIRE_PACKED wire_stripe_ref {
    bytes32 digest; // H_stripe of the whole body
    uint32_t bytes; // of the body
    uint32_t txs;
    uint64_t gas; // their gas limits together
};

// Empty stripes are left out: their bit is clear and their reference is zero. A car without stripes is legal.
struct wire_car {
    uint16_t lane;
    uint32_t pos;
    uint8_t flags;
    uint16_t stripe_bitmap;
    struct wire_stripe_ref stripes[WIRE_STRIPES];
    wire_signature signature; // the owner's, over digest
    bytes32 digest;           // H_car; computed by the decoder, ignored by the encoder
};

struct wire_car_stripe {
    uint16_t lane;
    uint32_t pos;
    uint16_t stripe;
    struct bytes body; // decoded by wire_stripe_open
};

// ---- acks

struct WIRE_PACKED wire_ack {
    uint16_t lane;
    uint32_t pos;
    bytes32 digest; // of the car
};

// "The last executed block of ordering heights <= height has this hash."
struct WIRE_PACKED wire_exec {
    uint64_t height;
    bytes32 root;
};

struct WIRE_PACKED wire_floor {
    uint64_t view, height;
};

struct wire_acks {
    uint64_t seq;
    struct wire_floor floor;
    uint16_t ack_count, exec_count;
    const struct wire_ack *acks;   // rising in (lane, pos)
    const struct wire_exec *execs; // rising in height
};

// What the sender has acked of one lane: bit i of mask stands for position base + 1 + i; a digest for each set bit.
struct wire_lane_acks {
    uint16_t lane;
    uint32_t base; // finalized at the sender
    uint32_t mask; // not 0
    const bytes32 *digests;
};

struct wire_ack_state {
    uint64_t seq;
    struct wire_floor floor;
    uint16_t lane_count, exec_count;
    struct wire_lane_acks lanes[WIRE_VALIDATORS_MAX]; // rising in lane
    const struct wire_exec *execs;                    // rising in height
};

// ---- blocks, votes, certificates

enum wire_block_flags {
    WIRE_BLOCK_TICK = 1, // yields an executed block although the cut is empty
    WIRE_BLOCK_TAIL = 2, // extends the boundary block inside its epoch: empty cut, same height, not delivered
    WIRE_BLOCK_FLAGS = WIRE_BLOCK_TICK | WIRE_BLOCK_TAIL,
};

struct WIRE_PACKED wire_block_header {
    uint64_t epoch, view, height;
    uint16_t leader;
    uint64_t parent_view;
    bytes32 parent_digest;
    uint64_t time_ms;
    bytes32 set_hash, next_set_hash;
    uint64_t exec_height;
    bytes32 exec_root;
    bytes32 tips_hash; // wire_tips_hash
    bytes32 cut_hash;  // H_cut of the encoded cut; checked by the decoder, filled in by wire_block_seal
    uint16_t flags;
};

struct wire_cut_lane {
    uint16_t lane;
    uint32_t from_pos;
    uint8_t count; // 1 to WIRE_LANE_CARS_MAX
    const bytes32 *digests;
};

struct wire_block {
    struct wire_block_header header;
    uint16_t lane_count;
    struct wire_cut_lane lanes[WIRE_VALIDATORS_MAX]; // rising in lane
    bytes32 digest;                                  // H_block; computed by the decoder and by wire_block_seal
};

enum wire_vote_kind { WIRE_NOTARIZE = 1, WIRE_NULLIFY, WIRE_FINALIZE };

// The epoch is the message's.
struct WIRE_PACKED wire_vote {
    uint8_t kind;
    uint64_t view;
    bytes32 digest; // of the block; zero for WIRE_NULLIFY
    uint16_t voter;
    wire_signature signature; // over wire_vote_digest
};

struct wire_cert {
    uint8_t kind;
    uint64_t view;
    bytes32 digest;
    uint64_t voters[2];         // bit v of the 128: validator v signed
    const wire_signature *sigs; // one for each set bit, in rising order
};

// ---- asking and answering

#define WIRE_JUST_MAX 4

struct wire_proposal {
    struct wire_block block;
    wire_signature signature; // the leader's, over block.digest
    uint8_t just_count;
    struct wire_cert just[WIRE_JUST_MAX]; // rising in (view, kind)
};

struct wire_get_certs {
    uint64_t from_view, to_view; // inclusive, from <= to
};

// A list of certificates rising in (view, kind), or of blocks rising by one in height. Encoding: the items. Decoded:
// validated bytes, walked by wire_certs_next and wire_blocks_next; items is NULL.
struct wire_certs {
    uint16_t count;
    const struct wire_cert *items;
    struct bytes encoded;
};

struct wire_get_range {
    uint64_t from_height;
    uint16_t count; // 1 to WIRE_RANGE_BLOCKS_MAX
};

struct wire_range {
    uint16_t count; // may be 0: nothing to give
    const struct wire_block *items;
    struct bytes encoded;
    bool has_cert;
    struct wire_cert cert; // WIRE_FINALIZE: the newest that the sender holds
};

struct wire_get_car {
    uint16_t lane;
    uint32_t pos;
    bytes32 digest;
    uint16_t stripe_mask; // the stripes wanted; the header is always sent
};

// ---- evidence

enum wire_offence {
    WIRE_TWO_PROPOSALS = 1, // one leader, one view, two digests
    WIRE_TWO_NOTARIZE,      // two notarize votes in one view
    WIRE_NULLIFY_FINALIZE,  // both votes in one view, nullify first
    WIRE_TWO_FINALIZE,
    WIRE_TWO_CARS, // one lane and position, two digests
    WIRE_BAD_BODY, // a header over a stripe body that is invalid in itself
};

struct wire_signed_header {
    struct wire_block_header header;
    wire_signature signature;
    bytes32 digest; // computed by the decoder
};

// That the two objects conflict is checked by the decoder; the smaller digest comes first. Signatures, and whether a
// body is really invalid, are the caller's to check.
struct wire_evidence {
    uint8_t offence;
    union {
        struct wire_signed_header proposals[2];
        struct wire_vote votes[2];
        struct wire_car cars[2];
        struct {
            struct wire_car car;
            uint16_t stripe;
            struct bytes body; // matches the car's reference to it
        } bad_body;
    };
};

// Transactions that the sender's pool holds and no car of its own can, with their witnesses.
struct wire_forward {
    struct bytes body; // as a stripe's, of any partitions; validated, to be walked by wire_stripe_open
};

// ---- state sync

enum wire_snap_kind {
    WIRE_SNAP_OFFER, // which state is there: answered by SNAP_LIST, the rest by SNAP_CHUNK
    WIRE_SNAP_PROOF, // of the newest block that a final ordering block attests: text as gantry_certificate gives it
    WIRE_SNAP_BLOCK, // a record of an executed block (engine/store/record.h), piece by piece
    WIRE_SNAP_ACCOUNTS,
    WIRE_SNAP_SLOTS,
    WIRE_SNAP_CODES,
    WIRE_SNAP_KINDS,
};

#define WIRE_SNAP_KEY_BYTES 64u

// from, zero behind what the kind has: BLOCK: number u64, offset u64; ACCOUNTS, CODES: the least key 32, SLOTS: 64.
struct WIRE_PACKED wire_get_snap {
    uint8_t kind;  // enum wire_snap_kind
    bytes32 block; // whose state it is; zero but for tables
    uint8_t from[WIRE_SNAP_KEY_BYTES];
};

// The message's epoch is the sender's.
struct wire_snap_list {
    struct WIRE_PACKED {
        uint64_t height; // of the executed block
        bytes32 block;
        uint64_t first_height; // of ordering blocks that the sender has
        uint64_t first_epoch;  // whose cars the sender has
        uint64_t bytes;        // about, of the state
    } offer;
    struct wire_block_header boundary; // that closed the epoch before; all zero in epoch 0
};

enum wire_snap_more { WIRE_SNAP_END, WIRE_SNAP_MORE, WIRE_SNAP_GONE };

// Of a table: entries, walked by wire_snap_next.
struct wire_snap_chunk {
    struct wire_get_snap get; // what it answers
    uint8_t more;             // enum wire_snap_more
    struct bytes data;        // empty when it is GONE, never when there is MORE
};

struct wire_snap_entry {
    struct bytes key, value; // as a checkpoint holds them
};

// Says what the connection is for. Sent by both ends; channel and group are the dialer's choice and echoed.
struct wire_hello {
    uint8_t channel; // enum wire_channel
    uint8_t group;   // of bulk connections, below both ends' shards
    uint16_t shards; // of the sender
};

// What every message begins with.
struct wire_prefix {
    uint16_t version;
    uint8_t type;
    uint64_t epoch;
};

struct wire_message {
    uint16_t version;
    uint8_t type;
    uint64_t epoch;
    union {
        struct wire_car car;
        struct wire_car_stripe car_stripe;
        struct wire_acks acks;
        struct wire_ack_state ack_state;
        struct wire_proposal proposal;
        struct wire_vote vote;
        struct wire_cert cert;
        struct wire_get_certs get_certs;
        struct wire_certs certs;
        bytes32 get_block;
        struct wire_block block;
        struct wire_get_range get_range;
        struct wire_range range;
        struct wire_get_car get_car;
        struct wire_evidence evidence;
        struct wire_hello hello;
        struct wire_get_snap get_snap;
        struct wire_snap_list snap_list;
        struct wire_snap_chunk snap_chunk;
        struct wire_forward forward;
    };
};

#endif
