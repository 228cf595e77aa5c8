// The coordinator's book of cars: of each the shards' parts put together. A car is stored when every shard that has a
// part says so, and loaded while each lends its transactions. One thread, the coordinator's.
#ifndef GANTRY_ENGINE_CARS_BOOK_H
#define GANTRY_ENGINE_CARS_BOOK_H

#include "engine/cars/depot.h"

struct book_shards {
    uint64_t w[SHARD_MAX / 64];
};

struct book_car {
    struct car_name name;
    struct book_car *next;    // in its bucket
    struct wire_car *car;     // NULL: stored before the start, and nobody asked since
    struct book_shards parts; // shards that have one
    struct book_shards said;  // of them, those that have stored it
    bool stored, acked, invalid;
    // For the paths of its transactions (list_board.h); 0: not since this start. The participant's to set.
    uint64_t known_ns, stored_ns, quorum_ns;
    uint16_t stripes, lent;                   // that it has; whose transactions are here
    bool loading;                             // asked for
    struct depot_stripe stripe[WIRE_STRIPES]; // where lent
};

struct book;

struct book *book_create(struct depot *const *depots, unsigned shard_count);
void book_free(struct book *b);

struct book_car *book_find(const struct book *b, const struct car_name *name); // NULL: unknown
bool book_has(const struct book *b, const struct car_name *name);              // stored and valid

// At a start: what a shard has of a car; then, for cars that still matter, the whole header.
void book_add_stored(struct book *b, unsigned shard, const struct car_entry *e);
// False: some part of it is not stored, and it is as if nothing were.
bool book_complete(struct book *b, struct book_car *c, const struct wire_car *car);

// Has the shards gather and store it. The answer when it is there already: true.
MUST_CHECK bool book_store(struct book *b, const struct car_name *name, const struct wire_car *car, bool ack);
// A shard's DEPOT_STORED, DEPOT_INVALID or DEPOT_LOADED. NULL: nothing has come of it yet; else the car that is now
// stored as a whole, invalid, or loaded.
struct book_car *book_event(struct book *b, const struct depot_event *e);
// Whether the car's transactions are all here; asks for them.
bool book_load(struct book *b, struct book_car *c);
void book_release(struct book *b, struct book_car *c);
// To each shard that has a part: like, but for the depot (ask, name, to, mask, peer are taken over; want_header by
// one).
void book_post(const struct book *b, const struct book_car *c, const struct depot_call *like);
// Epochs before this one are over and executed: forgets their cars, here and on disk.
void book_forget(struct book *b, uint64_t from_epoch);

#endif
