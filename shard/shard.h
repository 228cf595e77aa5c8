// A shard: one pinned thread that owns a range of partitions and, for them, the flat state, the sub-tries and the pool;
// and for the connections it accepted, their receiving, decoding and verification.
//
// Its loop: take messages, take completions of its io_uring, decode and verify what was received in batches, hand the
// verified to the owners of their senders, answer. It sleeps in its ring when there is nothing to do.
// Everything below is callable by any thread only where it says so.
#ifndef GANTRY_SHARD_SHARD_H
#define GANTRY_SHARD_SHARD_H

#include "base/hist.h"
#include "mempool/mempool.h"
#include "shard/loop.h"
#include "shard/message.h"
#include "shard/turn.h"
#include "shard/tx_path.h"
#include "shard/verify.h"

struct shard_options {
    unsigned index, count;
    int cpu; // to pin to; -1: not pinned
    uint64_t chain_id;
    uint64_t block_gas_limit;
    struct mempool_limits pool;
    uint64_t receive_bytes_max; // bytes of transactions received here and not yet answered; at it reading stops
    struct inbox *coordinator;
    struct codes *codes;     // of all shards, kept by the caller
    uint32_t connection_max; // ingest connections of this shard
    uint32_t costly_percent; // of what an ingest connection sends; shard/ingest/standing.h
    uint32_t path_max;       // transactions whose paths are kept; 0: none
    uint64_t stall_ms;       // a turn of its loop that takes longer is logged; 0: none is
    // Told the hashes of transactions that became pooled, on the shard's thread; may be NULL.
    void (*pooled)(void *ctx, const bytes32 *hashes, size_t count);
    void *pooled_ctx;
};

struct shard;

// Creates the structures, on the calling thread. peers[i] are filled in by shard_connect before shard_start.
// NULL with a message (io_uring refused and why, memory).
struct shard *shard_create(const struct shard_options *options, char *error, size_t error_cap);
// Tells each shard its peers.
void shard_connect(struct shard **shards, unsigned count);
MUST_CHECK bool shard_start(struct shard *s, char *error, size_t error_cap);
// Any thread: from now on new transactions are refused with TX_STOPPING and no connection is accepted; what came before
// is still answered (numbers.unanswered_bytes tells when all is).
void shard_drain(struct shard *s);
// Any thread: asks the thread to end, after its current turn and after sending the answers that are there. Then join.
void shard_stop(struct shard *s);
void shard_join(struct shard *s);
// When all are joined, or were never started: drops their calls, answers what they still owe with TX_STOPPING, frees.
// Entries may be NULL.
void shards_free(struct shard **shards, unsigned count);

// Any thread: this shard accepts on a listening socket from now on, and hands the connections round all shards.
// One shard of a node does. The descriptor stays the caller's, open until shard_join.
void shard_listen(struct shard *s, int listen_fd);

// Any thread: the coordinator's questions. false when the inbox is full.
MUST_CHECK bool shard_post(struct shard *s, const struct message *m);
// The same, waiting while it is full: only for the coordinator, whose one question at a time a shard always comes to.
void shard_tell(struct shard *s, const struct message *m);
// Any thread: runs call->run on the shard's thread. false when half of the inbox is full.
MUST_CHECK bool shard_run(struct shard *s, struct shard_call *call);
// On the shard's own thread: has another shard run it, as soon as its inbox takes it.
void shard_pass_on(struct shard *s, unsigned to, struct shard_call *call);

// What another room has living on the shard's thread: called in every turn of its loop. Returns when it wants to be
// called again at the latest (0: at once). Attached before shard_start, or on the shard's thread.
struct shard_guest {
    uint64_t (*turn)(void *ctx, uint64_t now_ns);
    // A transaction that this peer handed on is not signed as its witness says.
    void (*forged)(void *ctx, unsigned peer);
    void *ctx;
};
void shard_attach(struct shard *s, const struct shard_guest *guest);
// Transactions of the own pool for a car, as mempool_propose_groups says; the array stays until the next proposal, they
// until their results. The shard's thread.
size_t shard_propose(struct shard *s, const struct mempool_pick *pick, const struct exec_tx **out);
// Proposed ones that come into no block: back to the pool. The shard's thread.
void shard_take_back(struct shard *s, const struct exec_tx *txs, size_t count);

// A transaction that a peer hands on, with its witness: copied, verified with what else comes in this turn, pooled.
// Nobody is answered; the guest is told what was forged. TX_POOL_FULL: there is no room now; other refusals are those
// of a transaction that is invalid in itself, and TX_STOPPING. The shard's thread.
enum tx_status shard_take_forwarded(struct shard *s, struct bytes raw, const struct sv_witness *witness, unsigned peer);

// Work that may wait: run does some of it, for a fraction of a millisecond, and says whether there is more that can go
// on now. It is called whenever the shard has nothing else to do, and under load for a tenth of the time at most; never
// while another thread has the shard's partitions.
struct shard_background {
    void *ctx;
    bool (*run)(void *ctx);
    void (*dropped)(void *ctx); // all shards have ended, none is freed yet
};
// On the shard's own thread: takes it on, or wakes it when there is something to do again. One a shard.
void shard_work_in_background(struct shard *s, const struct shard_background *work);

// On the shard's own thread (or before shard_start, or while it stands still after MSG_GATHER).
struct loop *shard_loop(struct shard *s);
unsigned shard_index(const struct shard *s);
struct state **shard_states(struct shard *s);       // [256], NULL where not owned
struct account_trie **shard_tries(struct shard *s); // the owned ones, in order of partition
struct mempool *shard_pool(struct shard *s);
const struct tx_paths *shard_paths(const struct shard *s); // NULL: none are kept
struct arena *shard_arena(struct shard *s);
u256 shard_block_fees(const struct shard *s); // tips of the block under way, between its rounds

// The height that the states were loaded or replayed to; the pool starts from it.
void shard_adopt_height(struct shard *s, uint64_t height, const u256 *next_base_fee);

// Submits a raw transaction (copied). done is called on this shard's thread with the pool's answer, perhaps before this
// returns.
struct submission {
    void (*done)(struct submission *sub, enum tx_status status, const bytes32 *hash);
    bytes32 hash; // valid once verified
};
void shard_submit(struct shard *s, struct bytes raw, struct submission *sub);

// Any thread: snapshots for metrics and for the coordinator.
struct shard_numbers {
    _Atomic uint64_t executable, executable_gas, held_back, pending, queued, pool_bytes;
    _Atomic uint64_t accepted, refused;           // submissions answered by this shard's pool or refused on the way
    _Atomic uint64_t refused_by[TX_STATUS_COUNT]; // by reason
    _Atomic uint64_t frames, connections, connections_total, received_bytes, receive_paused;
    _Atomic uint64_t verify_batches[VERIFY_KIND_COUNT], verified[VERIFY_KIND_COUNT];
    _Atomic uint64_t wrong_witnesses, slow_items;
    // Of all batches of this thread: keccak256_lane_use, sv_lane_use.
    _Atomic uint64_t keccak_lanes_used, keccak_lanes_offered, signature_lanes_used, signature_lanes_offered;
    _Atomic uint64_t too_many, bad_hellos, bad_frames, too_costly; // connections refused or ended
    _Atomic uint64_t live_bytes;                                   // of transactions received here
    _Atomic uint64_t unanswered_bytes;                             // of them not yet answered
    _Atomic uint64_t accounts;
    _Atomic uint64_t evicted, replaced, expired, dropped;
};
const struct shard_numbers *shard_numbers(const struct shard *s);
// Its turns and stages, and its part of the timeline (the ring's reader may be any one thread).
struct turn *shard_turn(struct shard *s);
// Adds the times from arrival to durability of this shard's transactions.
void shard_add_inclusion_times(struct shard *s, struct hist *into);
int shard_thread_id(const struct shard *s); // kernel's, 0 before the start

#endif
