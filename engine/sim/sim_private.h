// Between the files of the simulator. One run is one struct sim; nothing is shared between runs.
#ifndef GANTRY_ENGINE_SIM_SIM_PRIVATE_H
#define GANTRY_ENGINE_SIM_SIM_PRIVATE_H

#include "engine/order/validator.h"
#include "engine/sim/sim.h"
#include "engine/sim/sim_disk.h"
#include "engine/sim/sim_random.h"

#include <xxhash.h>

#define MS 1000000ull
#define SIM_ACTORS_MAX 16
#define SIM_EARLY_STRIPES 64
#define SIM_WRITING_MAX 4096
#define SIM_OLD_CERTS 64

// ---- events

enum sim_event_kind {
    SIM_MESSAGE, // bytes from peer
    SIM_TIMER,
    SIM_DISK,     // the disks' completions
    SIM_STORED,   // number: of the car in the store
    SIM_EXECUTED, // number: height
    SIM_MAKE_CAR,
    SIM_CRASH,
    SIM_RESTART,
    SIM_FAULT,     // number: which
    SIM_CONNECT,   // to peer, again
    SIM_LATE_SEND, // bytes to the validators of mask
};

struct sim_event {
    uint64_t at_ns, order;
    enum sim_event_kind kind;
    uint16_t actor, peer;
    unsigned incarnation; // of the actor; of no use to a later one (0: any)
    uint64_t number;
    struct shared_bytes *bytes;
};

struct sim_queue {
    struct sim_event *items;
    size_t count, cap;
    uint64_t order;
};

// ---- car stores

struct stored_car {
    bool used, durable, acked, gathering, invalid;
    bool asked; // the validator wants to know when it is durable
    struct car_name name;
    uint16_t missing; // stripes
    struct shared_bytes *header;
    struct shared_bytes *stripes[WIRE_STRIPES];
};

struct sim_store {
    struct stored_car *cars; // open addressing, never deleted from but at a crash
    size_t count, cap;
    struct car_name *gathering; // lack stripes, or did
    size_t gathering_count, gathering_cap;
    struct car_name writing[SIM_WRITING_MAX]; // by event number
    unsigned writing_next;
    struct shared_bytes *early[SIM_EARLY_STRIPES]; // stripes that came before they were asked for
    unsigned early_next;
};

// ---- validators

enum byzantine {
    BYZ_EQUIVOCATE_PROPOSAL = 1 << 0,
    BYZ_STALE_PARENT = 1 << 1,
    BYZ_PHANTOM_CARS = 1 << 2,
    BYZ_PARTIAL_PROPOSAL = 1 << 3,
    BYZ_LATE_PROPOSAL = 1 << 4,
    BYZ_DOUBLE_VOTES = 1 << 5,
    BYZ_NULLIFY_AND_FINALIZE = 1 << 6,
    BYZ_LATE_VOTES = 1 << 7,
    BYZ_CERT_TO_ONE = 1 << 8,
    BYZ_FAKE_CERTS = 1 << 9,
    BYZ_PARTIAL_CARS = 1 << 10,
    BYZ_TWO_CARS = 1 << 11,
    BYZ_FALSE_ACKS = 1 << 12,
    BYZ_REFUSE_BODIES = 1 << 13,
    BYZ_JUNK = 1 << 14,
    BYZ_WRONG_ROOT = 1 << 15,
    BYZ_TIME_SKEW = 1 << 16,
    BYZ_SILENT = 1 << 17,
    BYZ_REPLAY_EPOCHS = 1 << 18,
    BYZ_BAD_BODY = 1 << 19,
    BYZ_TWINS = 1 << 20,
    BYZ_NO_GAP = 1 << 21, // builds on a block although the views between were not nullified
    BYZ_VOTE_EVERYTHING = 1 << 22,
    BYZ_GAP_CUT = 1 << 23,
    BYZ_KINDS = 24,
};

struct sim_actor {
    unsigned index;     // in sim.actors
    unsigned id;        // validator
    bool up, lost;      // lost: its disk was, so it holds nothing for the others
    unsigned byzantine; // enum byzantine, 0: honest
    unsigned incarnation;
    struct sim_disk *log_disk, *guard_disk;
    struct validator *v;
    struct signing *signing;
    struct sim_store store;
    int64_t skew_ms;
    uint64_t disk_ns; // of a sync
    bool disk_scheduled;
    uint64_t timer_ns; // earliest scheduled one
    uint64_t executed, executing;
    bytes32 *roots; // by height, durable
    size_t root_cap;
    uint64_t next_height; // that is delivered
    uint64_t txs_due;     // of cars that were dropped with their epoch
    uint64_t random;
    // Byzantine memory.
    struct shared_bytes *seen[32];
    unsigned seen_next;
    struct shared_bytes *old_certs[SIM_OLD_CERTS]; // nullify certificates by view
};

// ---- what must hold

struct sim_height {
    bytes32 digest;
    bool has_root;
    bytes32 root;
};

// Who signed what, as far as it left its signer.
struct sim_signed {
    uint64_t epoch, view;
    struct tally notarize, finalize; // a voter's first word
    struct vmask nullify;
    bool notarized, nullified, finalized; // certificates exist
    bytes32 notarized_digest, finalized_digest;
};

struct sim_car {
    struct car_name name;
    uint64_t made_ns;
    bool finalized, rebatched;
};

struct sim_check {
    struct sim_height *heights;
    size_t height_count, height_cap;
    uint32_t tips[WIRE_VALIDATORS_MAX];
    uint64_t tips_epoch;
    struct sim_signed *views; // open addressing
    size_t view_count, view_cap;
    struct kept_block **blocks; // every proposal that was seen, by digest
    size_t block_count, block_cap;
    struct sim_car *cars; // of honest owners
    size_t car_count, car_cap;
};

struct sim {
    struct sim_options options;
    struct sim_result *result;
    struct vset set;
    uint64_t now_ns, calm_ns, end_ns; // faults stop at calm_ns
    uint64_t random;
    struct sim_queue queue;
    struct sim_actor actors[SIM_ACTORS_MAX];
    unsigned actor_count;
    bool calm;
    bool slow_network;     // all delays are far above the configured one
    bool crash_on_nullify; // the next honest nullify vote is followed by a crash of all
    // Links.
    uint64_t delay_min_ns, delay_max_ns;
    uint64_t patience_ns;           // in which a car becomes final, and a cluster converges
    unsigned loss, duplicate, slow; // in a thousand
    bool cut[WIRE_VALIDATORS_MAX][WIRE_VALIDATORS_MAX];
    uint64_t calm_height;
    bytes32 genesis_hash;
    struct ord_config ord_config;
    struct dp_config dp_config;
    uint64_t snapshot_turns;
    struct sim_check check;
    XXH3_state_t *audit;
};

// sim.c
void sim_push(struct sim *s, struct sim_event e);
void sim_violate(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The run goes on until what must happen after from_ns had its time: after the faults, after the last restart.
void sim_be_patient(struct sim *s, uint64_t from_ns);
void sim_trace(const struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline bool sim_honest(const struct sim_actor *a)
{
    return a->byzantine == 0;
}

// sim_faults.c
void sim_plan_faults(struct sim *s);
void sim_fault(struct sim *s, uint64_t number);
void sim_crash_all(struct sim *s);
void sim_calm_down(struct sim *s);

// sim_net.c
void sim_send(struct sim *s, const struct sim_actor *from, unsigned to, struct shared_bytes *bytes);
void sim_send_all(struct sim *s, const struct sim_actor *from, struct vmask to, struct shared_bytes *bytes);

// sim_actor.c
void actor_init(struct sim *s, struct sim_actor *a);
void actor_free(struct sim_actor *a);
void actor_start(struct sim *s, struct sim_actor *a);
void actor_crash(struct sim *s, struct sim_actor *a, uint64_t down_ns);
void actor_event(struct sim *s, struct sim_actor *a, const struct sim_event *e);
void actor_check_replay(struct sim *s, struct sim_actor *a);
void actor_lose_disk(struct sim *s, struct sim_actor *a);
struct shared_bytes *actor_encode(const struct wire_message *m);

// sim_store.c
struct stored_car *store_find(struct sim_store *st, const struct car_name *name);
struct stored_car *store_add(struct sim_store *st, const struct car_name *name);
bool store_take_stripe(struct sim_store *st, struct stored_car *car, uint64_t epoch, const struct wire_car_stripe *m,
                       struct shared_bytes *bytes, const struct vset *set);
void store_keep_early(struct sim_store *st, struct shared_bytes *bytes);
void store_gathers(struct sim_store *st, const struct car_name *name);
void store_crash(struct sim_store *st, uint64_t *random);
void store_free(struct sim_store *st);

// sim_byzantine.c: what a Byzantine validator does with a message that an honest one would send.
void byzantine_send(struct sim *s, struct sim_actor *a, struct vmask to, struct shared_bytes *bytes);
void byzantine_hear(struct sim *s, struct sim_actor *a, struct shared_bytes *bytes);
bool byzantine_refuses_car(struct sim *s, struct sim_actor *a);

// sim_check.c
void check_sent(struct sim *s, const struct sim_actor *a, const struct shared_bytes *bytes);
void check_delivered(struct sim *s, struct sim_actor *a, const struct kept_block *b);
void check_executed(struct sim *s, const struct sim_actor *a, uint64_t height, const bytes32 *root);
void check_effect(struct sim *s, const struct sim_actor *a, const struct effect *e);
void check_bounds(struct sim *s, const struct sim_actor *a);
void check_made_car(struct sim *s, const struct sim_actor *a, const struct car_name *name);
uint64_t check_epoch_closed(struct sim *s, const struct sim_actor *a, uint64_t epoch);
void check_end(struct sim *s);
void check_free(struct sim *s);

// sim_signing.c
struct signing *sim_signing(uint64_t secret);
bytes32 sim_public_key(uint64_t secret);

#endif
