// The data plane (consensus specification, section 4): one lane of cars for each validator, who durably holds which
// car, fetching what is missing, and what was executed. A deterministic state machine without I/O: events in, effects
// out; the time of the turn stands in `now_ns`. One thread, the coordinator's.
//
// It sees headers and acks only. Stripes are gathered, checked and stored by the shards (EFFECT_STORE_CAR, answered by
// dp_car_stored or dp_car_invalid), or in the simulator by its store.
#ifndef GANTRY_ENGINE_ORDER_DP_H
#define GANTRY_ENGINE_ORDER_DP_H

#include "engine/order/effects.h"
#include "engine/order/evidence.h"
#include "engine/order/signing.h"

#define DP_CARS_PER_POSITION 4 // headers kept of one lane and position
#define DP_FETCHES_MAX 1024
#define DP_EXEC_WINDOW 256 // heights whose attested roots are kept
#define LAG 64             // executed blocks may trail by this many before cuts must be empty

struct car_store {
    // Whether a car's body is durably held and valid.
    bool (*has)(void *ctx, const struct car_name *name);
    // The car became final; a quorum's acks were here at quorum_ns (0: not yet). May be NULL.
    void (*final)(void *ctx, const struct car_name *name, uint64_t quorum_ns);
    void *ctx;
};

struct dp_config {
    unsigned me;
    uint64_t ack_tick_ns;    // acks wait at most this long for company
    uint64_t ack_state_ns;   // how often acks that found no end are said again
    uint64_t car_retry_ns;   // how long an own car may stay unacked before it is sent again
    uint64_t fetch_ns;       // before a fetch asks others
    uint64_t fetch_grace_ns; // before something is fetched that is likely on its way
    uint64_t window_bytes;   // WB
    const struct signing *signing;
    struct car_store store;
};

enum car_state {
    CAR_HEADER,  // the header alone
    CAR_STORING, // its body is being gathered
    CAR_HELD,    // durable and valid
    CAR_BAD,     // its body is invalid: never acked
};

struct known_car {
    struct wire_car *car;
    enum car_state state;
};

enum my_ack { ACK_NONE, ACK_STORING, ACK_DURABLE };

struct car_slot {
    struct tally acks;
    struct known_car cars[DP_CARS_PER_POSITION];
    uint8_t car_count;
    uint8_t my_ack; // enum my_ack
    bool ack_unsent;
    bytes32 my_digest;  // unless ACK_NONE
    uint64_t since_ns;  // of my ack, or of making the car
    uint64_t quorum_ns; // when a quorum had acked one car; 0: not yet
};

struct lane {
    uint32_t fin_pos;
    bool held_back;  // the newest header says that transactions wait for a lower base fee
    uint32_t newest; // position of the highest car
    struct car_slot slots[WIRE_LANE_WINDOW];
};

struct fetch {
    struct car_name name;
    struct vmask hint; // whom to ask when nobody acked it
    bool final;
    unsigned tries;
    uint64_t due_ns;
};

struct exec_slot {
    uint64_t height;
    bool have_own;
    bytes32 own;
    struct tally said;
};

struct dp {
    struct dp_config config;
    const struct vset *set;
    struct effects *fx;
    struct evidence *evidence;
    uint64_t now_ns;
    uint64_t epoch;
    bool muted;   // follows without acking or producing
    bool changed; // something that ordering may wait for; the owner clears it
    bool stored;  // the same for execution
    struct lane *lanes;
    uint32_t own_last;  // up to here there is an own car at each position
    uint64_t own_bytes; // of un-finalized own cars
    unsigned acks_unsent;
    uint64_t ack_due_ns, ack_state_due_ns, retry_due_ns; // UINT64_MAX: not set
    uint64_t seq;
    uint64_t floor_view, floor_height;
    struct fetch *fetches;
    size_t fetch_count;
    struct exec_slot *execs; // ring by height
    uint64_t executed;       // highest own
    uint64_t exec_sent;      // highest told
    uint8_t serve_tokens[WIRE_VALIDATORS_MAX];
    uint64_t serve_refill_ns;
};

void dp_init(struct dp *dp, const struct dp_config *config, struct effects *fx, struct evidence *evidence);
void dp_free(struct dp *dp);
// Fresh lanes.
void dp_start_epoch(struct dp *dp, const struct vset *set, uint64_t epoch);
// Lanes finalized up to tips: positions before are gone.
void dp_set_floor(struct dp *dp, const uint32_t *tips, uint64_t view, uint64_t height);

// At a start, before anything else: a stored car of this epoch, and whether this validator acked it.
void dp_restore_car(struct dp *dp, const struct wire_car *car, bool acked);
// After the last one: acks are said anew, timers start.
void dp_start(struct dp *dp);

// D1: makes the next car of the own lane from stripes (bitmap, stripes and flags of car are set). Fills in the rest,
// signs it, logs it and asks to have it stored. False when the window is full or the lane is muted.
MUST_CHECK bool dp_make_car(struct dp *dp, struct wire_car *car);
MUST_CHECK bool dp_may_make_car(const struct dp *dp, uint64_t bytes);
// A crash left a later own car stored, but not the one at the next position. The next car is due then, even an empty
// one: nobody may order the later cars before.
bool dp_own_gap(const struct dp *dp);

// Messages; src is the channel's peer. cars of other epochs are only for fetches.
void dp_on_car(struct dp *dp, unsigned src, uint64_t epoch, const struct wire_car *car);
void dp_on_acks(struct dp *dp, unsigned src, const struct wire_acks *m);
void dp_on_ack_state(struct dp *dp, unsigned src, const struct wire_ack_state *m);
void dp_on_get_car(struct dp *dp, unsigned src, uint64_t epoch, const struct wire_get_car *m);
void dp_on_connect(struct dp *dp, unsigned peer);

// Answers to EFFECT_STORE_CAR.
void dp_car_stored(struct dp *dp, const struct car_name *name, bool acked);
void dp_car_invalid(struct dp *dp, const struct car_name *name, uint16_t stripe, struct bytes body);

// Ordering asks. A block's car is available for a vote: held, or acked by at least one honest validator.
bool dp_held(const struct dp *dp, unsigned lane, uint32_t pos, const bytes32 *digest);
bool dp_avail_vote(const struct dp *dp, unsigned lane, uint32_t pos, const bytes32 *digest);
// The car that a quorum acked at this position, NULL when there is none.
const bytes32 *dp_avail_lead(const struct dp *dp, unsigned lane, uint32_t pos);
// Fetch this car; `soon` skips the wait for what is likely on its way.
void dp_need(struct dp *dp, const struct car_name *name, struct vmask hint, bool final, bool soon);
// A block became final: frees its positions.
void dp_finalized(struct dp *dp, const struct kept_block *block);

// Execution: own results, and what the others say.
void dp_executed(struct dp *dp, uint64_t height, const bytes32 *root);
const bytes32 *dp_own_root(const struct dp *dp, uint64_t height);
uint64_t dp_root_weight(const struct dp *dp, uint64_t height, const bytes32 *root);
// Weight of those who said another root for this height than ours, the heaviest such root's; 0 when we have none.
uint64_t dp_contradicted(const struct dp *dp, uint64_t height);
// The highest height above `above` with one root of at least a quorum. False when there is none.
MUST_CHECK bool dp_best_exec(const struct dp *dp, uint64_t above, uint64_t *height, bytes32 *root);

void dp_on_timer(struct dp *dp);
uint64_t dp_next_timer(const struct dp *dp);

// ---- between the files of the data plane

// The slot of a position inside the window, NULL outside.
struct car_slot *dp_slot(const struct dp *dp, unsigned lane, uint32_t pos);
void dp_record_ack(struct dp *dp, unsigned voter, unsigned lane, uint32_t pos, const bytes32 *digest);
void dp_send_acks(struct dp *dp);
void dp_send_ack_state(struct dp *dp, struct vmask to);
struct fetch *dp_fetch_of(struct dp *dp, const struct car_name *name);
void dp_fetch_done(struct dp *dp, const struct car_name *name);
void dp_run_fetches(struct dp *dp);
uint64_t dp_next_fetch(const struct dp *dp);
void dp_said_root(struct dp *dp, unsigned voter, uint64_t height, const bytes32 *root);
unsigned dp_execs(const struct dp *dp, uint64_t above, struct wire_exec out[LAG]);

#endif
