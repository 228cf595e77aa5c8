// What the state machines want done: messages to send, blocks to hand on, cars to store. Collected during a turn and
// released by the validator when everything that was recorded before is durable.
//
// A turn's records go to the write-ahead log as one group. A record is urgent when something of this or a later turn
// rests on it; the others may wait for the next urgent one.
#ifndef GANTRY_ENGINE_ORDER_EFFECTS_H
#define GANTRY_ENGINE_ORDER_EFFECTS_H

#include "engine/net/wire/codec.h"
#include "engine/order/kept.h"

enum effect_kind {
    EFFECT_SEND,      // bytes to each peer of `to`
    EFFECT_DELIVER,   // block is final; cert when it was finalized directly
    EFFECT_EXECUTE,   // block is final and all its cars are here: in order of height
    EFFECT_STORE_CAR, // gather the stripes of car, check and store them durably, then tell dp_car_stored
    EFFECT_SERVE_CAR, // send the stored car (header, and the stripes in mask) to peer
    EFFECT_SEND_CAR,  // the same for an own car to all of `to`
    EFFECT_EPOCH,     // the epoch turned: block is the boundary; own cars beyond its tips are to be made anew
    EFFECT_EVIDENCE,  // bytes: an EVIDENCE message against peer, for operators
    EFFECT_BAN,       // peer sent what no honest validator sends; detail says what
    EFFECT_DIVERGED,  // others agree on an execution result that is not ours: this node has stopped voting
};

struct shared_bytes {
    unsigned refs;
    size_t len;
    uint8_t bytes[];
};
struct shared_bytes *shared_bytes_new(size_t len);
void shared_bytes_unref(struct shared_bytes *b);

struct car_name {
    uint64_t epoch;
    uint16_t lane;
    uint32_t pos;
    bytes32 digest;
};

struct effect {
    enum effect_kind kind;
    uint16_t peer;
    uint16_t stripe_mask;
    bool ack;      // STORE_CAR: storing it records our ack of it
    uint64_t hold; // released when the log is durable up to here
    struct vmask to;
    struct shared_bytes *bytes;
    struct kept_block *block;
    struct kept_cert *cert;
    struct car_name name;
    struct wire_car *car; // STORE_CAR: malloc'ed
    const char *detail;
};

enum record_kind {
    RECORD_EPOCH = 1,
    RECORD_BLOCK,
    RECORD_MYVOTE,
    RECORD_CERT,
    RECORD_FLOOR,
    RECORD_MYCAR,
    RECORD_EVIDENCE,
};

// What a validator did since its start, for operators.
struct order_counts {
    uint64_t views;                       // entered
    uint64_t votes[3];                    // own, by kind - 1: notarize, nullify (a timeout), finalize
    uint64_t certificates[3];             // made or taken, by kind - 1
    uint64_t missed[WIRE_VALIDATORS_MAX]; // views that were nullified, by leader
    uint64_t cars, car_bytes, acks;       // own
    uint64_t fetches;                     // requests for cars
    uint64_t evidence, bans;
};

struct effects {
    struct effect *items; // a ring of cap entries
    size_t head, count, cap;
    size_t turn; // of count: those of the current turn, without a hold yet
    uint8_t *records;
    size_t record_bytes, record_cap;
    bool urgent;
    unsigned me;
    const struct vset *set;
    struct order_counts counts;
};

void effects_init(struct effects *fx);
void effects_clear(struct effects *fx);

// The returned effect is to be filled in before the next call.
struct effect *effects_add(struct effects *fx, enum effect_kind kind);
// Encodes m; sends nothing when nobody (but this validator) is in `to`.
void effects_send(struct effects *fx, struct vmask to, const struct wire_message *m);
void effects_send_one(struct effects *fx, unsigned peer, const struct wire_message *m);
void effects_broadcast(struct effects *fx, const struct wire_message *m);
void effects_ban(struct effects *fx, unsigned peer, const char *detail);

// kind u8 | length u32 | bytes
void effects_record(struct effects *fx, enum record_kind kind, struct bytes bytes, bool urgent);
void effects_record_message(struct effects *fx, enum record_kind kind, const struct wire_message *m, bool urgent);

// Takes the oldest effect whose hold is at most durable; the caller releases it with effect_free.
MUST_CHECK bool effects_take(struct effects *fx, uint64_t durable, struct effect *out);
void effect_free(struct effect *e);

#endif
