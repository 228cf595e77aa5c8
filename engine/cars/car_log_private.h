// The inside of struct car_log, shared by car_log.c (writing) and car_log_restore.c (opening).
#ifndef GANTRY_ENGINE_CARS_CAR_LOG_PRIVATE_H
#define GANTRY_ENGINE_CARS_CAR_LOG_PRIVATE_H

#include "engine/cars/car_record.h"
#include "engine/cars/fifo.h"

#define SLOT_NONE UINT32_MAX

struct slot {
    struct car_entry entry;
    bool used;
    uint32_t next; // of its bucket, or of the free ones
};

struct pending_record {
    uint64_t number;
    struct car_name name;
};

struct car_log {
    struct car_log_options options;
    struct disk *disk;
    struct blog *blog;

    struct slot *slots;
    uint32_t slot_count, slot_cap, used, free_slot;
    uint32_t *buckets; // a power of two; heads of chains of slots
    uint32_t bucket_count;
    uint64_t multiplier; // of their hash: random, so that owners can't choose cars that share one

    struct fifo pending;               // of struct pending_record: put and not durable, by number
    struct fifo done;                  // of struct car_name: durable and not taken yet
    uint64_t waiting_bytes, oldest_ns; // put since the last commit began

    struct index_entry *fresh; // durable since the last list
    size_t fresh_count, fresh_cap;
    uint64_t fresh_bytes;
    uint64_t indexed;          // records up to this are in lists
    struct record_place index; // the newest durable list; number 0: none
    uint64_t index_pending;    // number of the one that is being written; 0: none

    struct car_log_numbers numbers;
};

// The entry of this name, a new one if there is none.
struct car_entry *car_log_entry(struct car_log *l, const struct car_name *name);

// Fills the table from the log. False with a message.
MUST_CHECK bool car_log_restore(struct car_log *l, char error[STORE_ERROR_MAX]);

#endif
