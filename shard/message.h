// The messages between actors. Pointers in them hand over ownership unless the comment says "lent".
#ifndef GANTRY_SHARD_MESSAGE_H
#define GANTRY_SHARD_MESSAGE_H

#include "mempool/pooled_tx.h"
#include "shard/exec/exec.h"
#include "shard/inbox.h"
#include "shard/trie/account_trie.h"

#define MESSAGE_FROM_OUTSIDE UINT16_MAX
// While a block is under way, how long those at it await the next message before they sleep.
#define BLOCK_AWAIT_NS 100000u

// Passes 1 and 2 of the rounds, numbered through.
#define BLOCK_STEP(round, pass) (2u * (round) + (pass)-EXEC_SENDERS)

struct shard;

enum message_kind {
    // To a shard, from any thread: run n's function on the shard's thread. p: struct shard_call, freed by nobody: the
    // caller's own, kept until its function ran.
    MSG_CALL = 1,

    // Between shards. Transactions travel as lists linked by sender_next.
    MSG_ROUTE,      // receiver -> owner. p: verified transactions for the owner's pool
    MSG_ANSWERS,    // owner -> receiver. p: struct answer_list for submissions that this receiver routed
    MSG_RELEASE,    // owner -> receiver. p: transactions that left the pool, to be freed by their home
    MSG_PARCEL,     // what a pass has for this shard. a: step (BLOCK_STEP), p: lent struct exec_parcel
    MSG_LISTEN,     // outside -> acceptor. a: listening descriptor
    MSG_CONNECTION, // acceptor -> shard. a: descriptor of an accepted ingest connection

    // Coordinator -> shards, and each one's answer shard -> coordinator.
    MSG_PROPOSE,    // p: lent struct propose_request
    MSG_AHEAD,      // a list is made without this shard, which has nothing for it; no answer
    MSG_PROPOSED,   // p: lent struct exec_tx array (until MSG_SETTLED), n: how many; index is the coordinator's to set
    MSG_EXECUTE,    // p: lent struct block_work: begin and run round 0
    MSG_ROUND,      // a: round to run
    MSG_ROUND_DONE, // p: lent struct exec_progress
    MSG_GATHER,     // give what is left over for the global pass and stand still until MSG_FINISH
    MSG_GATHERED,   // p: lent const struct exec_tx **, n: how many
    MSG_FINISH,     // close the block, update tries
    MSG_FINISHED,
    MSG_SETTLE, // the block is durable: tell the pool what became of its transactions. p: lent struct settle_work
    MSG_SETTLED,

    // Shard -> coordinator.
    // The numbers of the pool tell of something held back by the base fee where there was nothing, or of something
    // executable where there was none. Posted as bulk, so that it never takes an answer's place.
    MSG_POOL_READY,
    // A shard's guest -> coordinator. p: struct depot_event (engine/cars/depot.h), malloc'ed. Posted as bulk.
    MSG_DEPOT,
    // To the coordinator, from any thread.
    MSG_STOP,
};

// Each is run once or, when the shards end before that, dropped once.
struct shard_call {
    void (*run)(struct shard *shard, struct shard_call *call);
    void (*dropped)(struct shard_call *call); // NULL: nothing is to be done
    struct shard_call *next;                  // the shard's own
};

// Answers to routed submissions, malloc'ed by the owner, freed by the receiver.
struct answer {
    struct tx_origin origin;
    uint32_t raw_len;
    uint8_t status; // enum tx_status
};
struct answer_list {
    uint32_t count, capacity;
    struct answer items[];
};

struct propose_request {
    u256 base_fee;
    uint64_t gas_max[SHARD_MAX];
    uint64_t bytes_max;
    size_t count_max; // each
};

// One executed block's work, shared by all shards; each touches only its own entries.
struct block_work {
    struct exec_env env;
    const struct exec_tx *txs[SHARD_MAX]; // each shard's part of O, rising in index
    size_t tx_count[SHARD_MAX];
    struct exec_result *results; // by O index
    u256 fees_total;             // set before MSG_FINISH when no global pass ran; the coinbase's owner credits it
    bool global_done;            // the coordinator ran the global pass
    bool checkpoint;             // copy the dirty records into parts
    struct subroot subroots[PARTITION_COUNT]; // written where they change
    uint8_t changed[PARTITION_COUNT];         // not 0: this block changed the partition's accounts
    struct state_batch parts[SHARD_MAX];      // the coordinator's to hand on
};

// What became of an ordered list, lent until every shard has answered MSG_SETTLED.
struct settle_work {
    const struct exec_tx *txs[SHARD_MAX]; // each shard's part of O (all of it); exec_tx.tx is a pooled_tx's first field
    size_t tx_count[SHARD_MAX];
    const struct exec_result *results; // by O index
    u256 next_base_fee;
    uint64_t height; // durable now
    uint32_t list;   // number of the list, not 0
};

#endif
