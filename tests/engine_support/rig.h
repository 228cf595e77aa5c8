// Shards and a coordinator without sockets, on a folder of their own: tests submit raw transactions and get the durable
// blocks. The ordered lists are the test's to decide: a list is sealed only when the test opens the gate, and is
// shuffled by a seed, so that rigs with different numbers of shards can be given the same ordered input.
#ifndef GANTRY_TESTS_RIG_H
#define GANTRY_TESTS_RIG_H

#include "chain/genesis.h"
#include "engine/coordinator.h"
#include "engine/store/record.h"

struct rig;

struct rig_options {
    unsigned shards;
    uint64_t gas_limit;
    size_t senders; // funded accounts; keys: bench_key(seed, i)
    u256 balance;
    uint64_t seed;      // of accounts and of the shuffling
    const char *folder; // NULL: a temporary one, removed in the end
    bool free_running;  // no gate: blocks as soon as possible
    bool last_first;    // the gate orders by falling nonce instead of shuffling
    // The node's own ordering instead of the gate.
    bool solo;
    uint64_t block_time_ms;
    bool whole_seconds; // gantry.subsecond off
    // All that follows: 0 takes the rig's default.
    uint64_t base_fee; // of the genesis, wei
    unsigned list_blocks;
    uint64_t checkpoint_interval_ns, retain_blocks, segment_bytes, receive_bytes_max;
    uint32_t connections; // of one shard
    uint32_t costly_percent;
    // What the log's disk does from so many of its writes on, and with which error; 0: it works.
    unsigned writes_until_failure;
    int submit_error, write_error, open_error; // -errno; see failing_disk.h
};

struct rig *rig_start(const struct rig_options *options);
// Ends the threads; the folder stays when options named it.
void rig_stop(struct rig *r);

// Submits to shard (any number, taken modulo) and waits for the pool's answer.
enum tx_status rig_submit(struct rig *r, unsigned shard, struct bytes raw);
// The same without waiting; rig_settled tells when all were answered, *accepted how many were taken.
void rig_submit_async(struct rig *r, unsigned shard, struct bytes raw);
void rig_settled(struct rig *r, uint64_t *accepted, uint64_t *refused);

// Opens the gate for one list at this time, and waits until `blocks` more blocks than before are durable.
void rig_make_list(struct rig *r, uint64_t time_ms, uint64_t blocks);
// Waits until so many transactions are in durable blocks. False after 60 s.
bool rig_wait_included(struct rig *r, uint64_t transactions);

// Why the coordinator stopped for good; NULL while it has not. The text stays until rig_stop.
const char *rig_failure(struct rig *r);

uint64_t rig_height(struct rig *r);
const struct executor_numbers *rig_numbers(const struct rig *r);
unsigned rig_shard_count(const struct rig *r);
struct shard *rig_shard(struct rig *r, unsigned shard);
// Opens the ingest port on a free port of 127.0.0.1.
unsigned rig_listen(struct rig *r);
// CPU time in ns that shards and coordinator have used so far.
uint64_t rig_cpu_ns(struct rig *r);
// The record of a durable block; valid until rig_stop.
struct bytes rig_record(struct rig *r, uint64_t height);
// The record that the log holds; the caller's to free. Only while no blocks are made.
struct bytes rig_stored(struct rig *r, uint64_t height);

#endif
