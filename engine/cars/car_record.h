// The bytes of the car log's records (car_log.h draws them). Pure; any thread.
#ifndef GANTRY_ENGINE_CARS_CAR_RECORD_H
#define GANTRY_ENGINE_CARS_CAR_RECORD_H

#include "engine/cars/car_log.h"

enum car_record_kind { CAR_RECORD_CAR = 1, CAR_RECORD_INDEX };

// What stands at the head of a car's record.
struct WIRE_PACKED car_head {
    uint8_t kind, acked;
    uint64_t epoch;
    uint16_t lane;
    uint32_t pos;
    bytes32 digest;
    uint16_t stripes, header_bytes;
};
// Of one that does not begin a car's record: false.
MUST_CHECK bool car_head_get(struct car_head *out, struct bytes in);

// The record of a car, malloc'ed.
uint8_t *car_record_make(size_t *len, const struct car_name *name, const struct wire_car *car, uint16_t stripes,
                         const struct bytes bodies[WIRE_STRIPES], bool acked);

// Where a record is; number 0: none.
struct WIRE_PACKED record_place {
    uint64_t number;
    uint32_t segment, length;
    uint64_t offset;
};
struct WIRE_PACKED index_head {
    uint8_t kind;
    uint64_t from, to; // all cars among these records are listed, from <= to
    struct record_place before;
    uint32_t count;
};
struct WIRE_PACKED index_entry {
    uint64_t epoch;
    uint16_t lane;
    uint32_t pos;
    bytes32 digest;
    uint16_t stripes;
    uint8_t acked;
    struct record_place place;
};
// Of a whole record; entries point into it. False when it is none.
MUST_CHECK bool index_get(struct index_head *head, const struct index_entry **entries, struct bytes in);

#endif
