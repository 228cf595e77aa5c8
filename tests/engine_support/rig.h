// Shards and a coordinator without sockets, on a folder of their own: tests submit raw transactions and get the durable
// blocks. The ordered lists are the test's to decide: a list is sealed only when the test opens the gate, and is
// shuffled by a seed, so that rigs with different numbers of shards can be given the same ordered input.
#ifndef GANTRY_TESTS_RIG_H
#define GANTRY_TESTS_RIG_H

#include "chain/genesis.h"
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

uint64_t rig_height(struct rig *r);
// The record of a durable block; valid until rig_stop.
struct bytes rig_record(struct rig *r, uint64_t height);

#endif
