// What one shard durably holds of cars: for each car the header and the bodies of this shard's stripes, one record, in
// a block log of its own (engine/store/blog.h) whose heights count records. So groups, torn tails and damage are judged
// as there. An index in memory finds records by the car's name.
//
//   car     [kind u8][flags u8][epoch u64][lane u16][pos u32][digest 32][stripes u16][header length u16]
//           [CAR_HDR message][bodies, rising in stripe]
//   index   [kind u8][from u64][to u64][where the one before is][count u32][entries]
//
//   [car][car][car][index][car][car][index][car][car]        now and then a record lists the cars since the last list,
//                     ^-----------------'      `---'          and names that one. What came since the newest list is
//                                                             found by the heads of its records
//
// so that opening reads the newest segment and the lists, not the bodies. Where a list can't be read, the heads of its
// cars are. A car's record is verified when it is read.
//
// Commits as groups: what is put waits until commit_bytes have gathered, or the oldest has waited commit_ns, or a sync
// has ended (all at once then). A write error is final: the log refuses all further work, nothing is reported durable.
// Owner: one thread.
#ifndef GANTRY_ENGINE_CARS_CAR_LOG_H
#define GANTRY_ENGINE_CARS_CAR_LOG_H

#include "engine/order/effects.h"
#include "engine/store/blog.h"

struct car_log;

struct car_log_options {
    bytes32 genesis_hash;
    uint64_t segment_bytes; // 0: 64 MiB
    uint64_t bytes_max;     // of the log's files; at it car_log_put refuses
    uint64_t commit_ns;     // 0: nothing waits but for the sync under way
    uint64_t commit_bytes;
    uint64_t index_bytes; // a list is written after so much log; 0: 16 MiB
};

// NULL with a message: damaged, foreign, or the disk fails.
struct car_log *car_log_open(struct disk *disk, const struct car_log_options *options, char error[STORE_ERROR_MAX]);
void car_log_close(struct car_log *l);

// A car as this shard holds it.
struct car_entry {
    struct car_name name;
    uint16_t stripes; // bodies in the record
    bool acked;       // storing it recorded this validator's ack
    bool durable;
    uint64_t record;         // its number in the log
    struct blog_place place; // of the record, once durable
};

enum car_put { CAR_PUT, CAR_PUT_THERE, CAR_PUT_FULL, CAR_PUT_FAILED };
// Queues a car's record; the bytes are copied. bodies[s] for each bit s of stripes. CAR_PUT_THERE: a record of this
// name with all that is given here was put before.
MUST_CHECK enum car_put car_log_put(struct car_log *l, const struct car_name *name, const struct wire_car *car,
                                    uint16_t stripes, const struct bytes bodies[WIRE_STRIPES], bool acked,
                                    uint64_t now_ns);
// Starts and completes commits. Returns when it wants to be called again at the latest (beside completions of the
// disk).
uint64_t car_log_step(struct car_log *l, uint64_t now_ns);
// The cars that became durable since, oldest first. False when there is none.
MUST_CHECK bool car_log_take_durable(struct car_log *l, struct car_name *out);
bool car_log_in_flight(const struct car_log *l);
// Text of the first error, NULL while all is well.
const char *car_log_failed(const struct car_log *l);

// NULL when it is not here. Valid until the next call that changes the log.
const struct car_entry *car_log_find(const struct car_log *l, const struct car_name *name);
// All durable ones, in no order; visit must not change the log.
void car_log_visit(const struct car_log *l, void (*visit)(void *ctx, const struct car_entry *e), void *ctx);

// Whether more may be put now; false while much waits for the disk (not when that has failed: then putting says so).
bool car_log_ready(const struct car_log *l);

// A durable record, read and verified; car_record_free frees it.
struct car_record {
    struct car_name name;
    struct wire_car car;
    uint16_t stripes;
    bool acked;
    struct bytes bodies[WIRE_STRIPES]; // into bytes
    uint8_t *bytes;
};
// set: the validators of the car's epoch. False with a message when it is damaged or not here.
MUST_CHECK bool car_log_read(struct car_log *l, struct car_record *out, const struct car_name *name,
                             const struct wire_set *set, char error[STORE_ERROR_MAX]);
void car_record_free(struct car_record *r);
// The bytes of a record without its frame; any thread. For the fuzzer and car_log_read.
MUST_CHECK bool car_record_decode(struct car_record *out, struct bytes in, const struct wire_set *set);

// Forgets one: it is not found any more. Its bytes go with its segment; after a restart before that it is there again.
void car_log_drop(struct car_log *l, const struct car_name *name);
// Forgets all of earlier epochs, and removes segments in which nothing else is.
void car_log_retain(struct car_log *l, uint64_t from_epoch);

struct car_log_numbers {
    uint64_t cars, bytes; // now; bytes of files
    uint64_t puts, commits;
};
struct car_log_numbers car_log_numbers(const struct car_log *l);

#endif
