// A whole validator without its sockets and shards: ordering and data plane over their log and sign guard. Events go in
// between validator_begin and validator_end (one turn); effects come out of validator_take once everything recorded
// before them is durable. One thread, the coordinator's.
//
// The same object runs on io_uring and inside the simulator; disks, signing, the car store and time are handed in.
#ifndef GANTRY_ENGINE_ORDER_VALIDATOR_H
#define GANTRY_ENGINE_ORDER_VALIDATOR_H

#include "engine/order/ord.h"
#include "engine/order/wal.h"

struct validator_config {
    struct ord_config ord;
    struct dp_config dp;
    bytes32 genesis_hash; // of the chain; the first block's parent
    bytes32 genesis_root; // execution result of height 0
    uint64_t genesis_time_ms;
    uint64_t segment_bytes;  // of the log
    uint64_t snapshot_turns; // how often the log's earlier part is let go
    struct evidence_body_check body_check;
    // Two folders: the log's completions are its own. Both NULL: nothing is kept, and each start is a first one; only
    // for a validator alone.
    struct disk *log_disk, *guard_disk;
    // The log is gone: follow without voting, acking or producing until an epoch in which this key cannot have voted.
    bool recover;
};

struct validator {
    struct validator_config config;
    struct vset set;
    struct effects fx;
    struct evidence evidence;
    struct guard guard;
    struct dp dp;
    struct ord ord;
    struct wal wal;
    uint64_t urgent; // newest turn that effects wait for
    uint64_t snapshot_turn;
    uint64_t retain_from, retain_after; // turns: what is before the first may go once the second is durable; 0: nothing
    // The guard's file never runs ahead of the log: an image is taken at the end of a turn and written when that turn
    // is durable.
    int guard_file;
    bool guard_waits, guard_writes;
    uint64_t guard_turn, guard_taken; // turn and sequence of the image
    uint8_t *guard_image;             // page-aligned
};

// Reads log and guard. NULL with a message: damaged, foreign, or the guard remembers votes that the log does not (then
// only config.recover may go on, in an empty folder). Cars that are stored follow with dp_restore_car, then
// validator_start.
struct validator *validator_open(const struct validator_config *config, const struct vset *set,
                                 char error[STORE_ERROR_MAX]);
// executed: the height up to which final blocks have been executed.
void validator_start(struct validator *v, uint64_t now_ns, uint64_t wall_ms, uint64_t executed);
void validator_close(struct validator *v);

void validator_begin(struct validator *v, uint64_t now_ns, uint64_t wall_ms);
// One message as it came. Returns why it was refused, WIRE_OK when it was taken.
enum wire_status validator_message(struct validator *v, unsigned src, struct bytes message);
void validator_timers(struct validator *v);
// Other events are calls of dp.h: dp_make_car, dp_car_stored, dp_car_invalid, dp_executed, dp_on_connect.
void validator_end(struct validator *v);

// Takes the disks' completions.
void validator_disk(struct validator *v);
bool validator_disk_busy(const struct validator *v);
MUST_CHECK bool validator_take(struct validator *v, struct effect *out);
// When validator_timers is due next.
uint64_t validator_next_timer(const struct validator *v);
// Text of the log's failure, NULL while all is well. A failed validator releases nothing more.
const char *validator_failed(const struct validator *v);

#endif
