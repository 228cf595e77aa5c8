// Between the files of the depot.
#ifndef GANTRY_ENGINE_CARS_DEPOT_PRIVATE_H
#define GANTRY_ENGINE_CARS_DEPOT_PRIVATE_H

#include "engine/cars/depot.h"
#include "engine/cars/serve.h"
#include "engine/event_watch.h"

// What the pool proposed for an own car.
struct made {
    struct made *next;
    uint64_t number;
    size_t count;
    struct exec_tx txs[];
};

// What the pool proposed and a peer was given.
struct forwarded {
    struct forwarded *next;
    uint64_t due_ns;     // when what is left goes back to the pool
    size_t first, count; // those before the first were included
    struct exec_tx txs[];
};

struct depot {
    struct depot_options options;
    char dir[4096];
    struct depot *const *all;
    struct disk *disk;
    struct event_watch disk_watch;
    struct car_log *log;
    struct gather *gather;
    struct serve *serve;
    struct links *links;
    struct made *made; // own cars under way
    struct forwarded *forwarded;
    unsigned forwarded_count;
    uint64_t forward_due_ns; // when more may be handed on
    uint64_t *allowed_ns;    // of each peer: until when what it forwarded uses up its share
    // Events that the coordinator's inbox did not take yet.
    struct depot_event **out;
    size_t out_first, out_count, out_cap;
    bool failed, stopping, stopped;
    struct depot_numbers numbers; // served and forwarded
    struct published *published;
    uint64_t publish_ns; // when next
};

// NULL events are never made; kind and shard are set, all else zero.
struct depot_event *depot_event_new(const struct depot *d, enum depot_event_kind kind);
void depot_tell(struct depot *d, struct depot_event *e);

// depot_send.c: bulk connections.
void depot_make_links(struct depot *d);
void depot_send(struct depot *d, const struct car_name *name, struct vmask to, uint16_t mask);
void depot_run_serve(struct depot *d, uint64_t now_ns);
void depot_relay(struct depot *d, unsigned peer, unsigned group, struct payload *bytes);
void depot_take_body(struct depot *d, unsigned peer, struct bytes message);
void depot_ban(struct depot *d, unsigned peer, const char *why);

// depot_forward.c
void depot_forward(struct depot *d, unsigned peer, const struct depot_request *request);
// A FORWARD that came.
void depot_take_forward(struct depot *d, unsigned peer, struct bytes message);
void depot_forged(void *ctx, unsigned peer); // shard_guest
// Lets go of what was included, and of what was waited for long enough. Returns when it is due next.
uint64_t depot_forward_turn(struct depot *d, uint64_t now_ns);
void depot_free_forwarded(struct depot *d);

// depot_numbers.c
void depot_numbers_create(struct depot *d);
void depot_numbers_free(struct depot *d);
// Publishes when that is due. Returns when it is next.
uint64_t depot_numbers_turn(struct depot *d, uint64_t now_ns);

#endif
