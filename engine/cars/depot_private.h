// Between the files of the depot.
#ifndef GANTRY_ENGINE_CARS_DEPOT_PRIVATE_H
#define GANTRY_ENGINE_CARS_DEPOT_PRIVATE_H

#include "engine/cars/depot.h"
#include "engine/cars/gather.h"
#include "engine/cars/serve.h"
#include "engine/event_watch.h"

// What the pool proposed for an own car.
struct made {
    struct made *next;
    uint64_t number;
    size_t count;
    struct exec_tx txs[];
};

// struct link_counters for other threads to read.
struct depot_traffic {
    _Atomic uint64_t messages_in, bytes_in, messages_out, bytes_out, dropped, replaced, queued_bytes;
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
    // Events that the coordinator's inbox did not take yet.
    struct depot_event **out;
    size_t out_first, out_count, out_cap;
    bool failed, stopping, stopped;
    struct depot_traffic *traffic; // one a peer
    uint64_t traffic_due_ns;       // when it is next brought up to date
};

// NULL events are never made; kind and shard are set, all else zero.
struct depot_event *depot_event_new(const struct depot *d, enum depot_event_kind kind);
void depot_tell(struct depot *d, struct depot_event *e);

// depot_send.c: bulk connections.
void depot_make_links(struct depot *d);
void depot_send(struct depot *d, const struct car_name *name, struct vmask to, uint16_t mask);
void depot_run_serve(struct depot *d, uint64_t now_ns);
void depot_relay(struct depot *d, unsigned peer, unsigned group, struct payload *bytes);
// Brings what other threads see of the traffic up to date, now and then. Returns when that is next due.
uint64_t depot_publish_traffic(struct depot *d, uint64_t now_ns);
void depot_take_body(struct depot *d, unsigned peer, struct bytes message);

#endif
