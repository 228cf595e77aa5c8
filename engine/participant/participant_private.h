// Between the files of the participant.
#ifndef GANTRY_ENGINE_PARTICIPANT_PRIVATE_H
#define GANTRY_ENGINE_PARTICIPANT_PRIVATE_H

#include "engine/event_watch.h"
#include "engine/participant/ordered_feed.h"
#include "engine/participant/participant.h"
#include "engine/participant/resume.h"

// Own cars, from being made until the pools are told what became of them.
#define OWN_CARS_MAX 16u
struct flight {
    struct car_name name;
    uint64_t number;
    bool ordered; // a final block has it
};

struct own_cars {
    unsigned awaited; // answers of shards that are still to come
    // Stripes that several shards' pools fill, as they come in.
    struct {
        struct exec_tx *txs;
        size_t count;
    } parts[WIRE_STRIPES];
    struct wire_car car; // as far as it is made
    uint64_t number;     // its, or the newest one's
    bool unstored;       // the newest is made, and the depots don't know its name yet
    struct flight flights[OWN_CARS_MAX];
    unsigned flight_count;
    uint64_t last_ns; // when the newest was begun
    struct gas_share share;
};

// To whom a node that makes no cars hands its transactions.
struct forwarding {
    unsigned target;
    uint64_t until_ns; // stays the target until then
    uint64_t due_ns;   // the next ones not before
};

struct participant {
    struct participant_options options;
    unsigned me, n;
    struct disk *log_disk, *guard_disk;
    struct event_watch log_watch, guard_watch;
    struct validator *validator;
    struct body_judge *judge;
    struct depot *depots[SHARD_MAX];
    struct book *book;
    struct ordered_feed *feed;
    struct executor *executor;
    struct loop *loop;
    struct links *control;
    struct gate *gate;
    _Atomic uint8_t groups[CLUSTER_PEERS_MAX];
    struct own_cars own;
    struct forwarding forwarding;
    struct resume resume;
    struct consensus_view view; // as published last
    uint8_t bulk_open[CLUSTER_PEERS_MAX];
    uint64_t banned_until_ns[CLUSTER_PEERS_MAX];
    uint64_t publish_ns;              // when next
    uint64_t floor_epoch, floor_view; // that the depots were told last
    uint64_t gate_due_ns;
    bool in_turn; // between validator_begin and validator_end
    bool stopping, broken, diverged;
    unsigned depots_stopped;
};

// Opens the turn unless it is open: before anything is told the validator.
void participant_open_turn(struct participant *p);
void participant_fail(struct participant *p, const char *why);

// participant_effects.c: carries out what is durable.
void participant_release(struct participant *p);

// participant_links.c
MUST_CHECK bool participant_make_links(struct participant *p, char error[STORE_ERROR_MAX]);
void participant_send(struct participant *p, struct vmask to, const struct shared_bytes *bytes);
// A message of the control connection.
void participant_send_message(struct participant *p, struct vmask to, const struct wire_message *m);
void participant_ban(struct participant *p, unsigned peer, const char *why);
void participant_bulk_closed(struct participant *p, const struct depot_event *e);
// Publishes what operators see when that is due. Returns when it is next.
uint64_t participant_publish(struct participant *p, uint64_t now_ns);

// participant_cars.c
// Begins the next own car when it is time. Returns when that is worth asking again.
uint64_t own_car_step(struct participant *p, uint64_t now_ns);
void own_car_made(struct participant *p, const struct depot_event *e);
void own_car_stored(struct participant *p, const struct car_name *name); // the depots have been told to
void own_car_delivered(struct participant *p, const struct kept_block *b);
void own_car_executed(struct participant *p);                   // the pools know what became of it
void own_car_epoch_over(struct participant *p, uint64_t epoch); // those that are in no block are made anew

// participant_forward.c
// Hands transactions on while this node makes no cars. Returns when that is worth asking again.
uint64_t participant_forward(struct participant *p, uint64_t now_ns);

#endif
