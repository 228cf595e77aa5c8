// The pool of one shard: the waiting transactions of the senders in its partitions.
//
//   sender -> queue by nonce:  [n] [n+1] [n+2]   gap   [n+5]
//                              `--- pending ---'       `queued'
//
// Pending: the nonces follow the account's without a gap. Queued: behind a gap. A deterministic state machine: no
// clock, no I/O; `now` is handed in. One owner thread; what comes from other threads comes through the shard's inbox.
//
// Ownership: after TX_OK from mempool_insert the pool owns the transaction until it gives it back through
// mempool_take_removed. On any other answer the caller keeps it.
//
// Time only matters to the expiry of queued ones and never runs backwards: an earlier `now` than before is taken as
// the latest one told. A transaction's age starts anew each time it comes to stand behind a gap.
#ifndef GANTRY_MEMPOOL_MEMPOOL_H
#define GANTRY_MEMPOOL_MEMPOOL_H

#include "base/arena.h"
#include "mempool/pooled_tx.h"

struct mempool;

struct mempool_limits {
    uint32_t tx_max;          // transactions in the pool
    uint64_t bytes_max;       // bytes of pooled_tx in the pool
    uint32_t per_sender_max;  // transactions of one sender
    uint32_t nonce_ahead_max; // how far past the account's nonce one may queue
    uint64_t gap_expiry_ns;   // queued ones older than this leave with TX_EXPIRED
    uint32_t drop_record_max; // remembered drops
    u256 min_tip;             // tip cap below: TX_UNDERPRICED
    uint64_t hash_seed;       // a number that clients can't know; no answer depends on it
};

// What the pool must know of a sender's account, as of the last executed block.
struct mempool_account {
    uint64_t nonce;
    u256 balance;
};

// All tables are taken here, for limits->tx_max (1 to 2^30 - 1) transactions; untouched pages cost nothing.
struct mempool *mempool_create(struct arena *arena, const struct mempool_limits *limits);
// Does not touch transactions: clear and take them first. NULL is fine.
void mempool_free(struct mempool *mp);
// The most memory that a pool of these limits uses: its tables and bytes_max of transactions.
uint64_t mempool_memory_max(const struct mempool_limits *limits);

// t has passed tx_check_static. account: what the state says of its sender; it is applied first, as by
// mempool_account_changed.
// Answers: TX_OK, or the first that holds of
//   TX_ALREADY_KNOWN, TX_UNDERPRICED (tip cap under min_tip), TX_NONCE_TOO_LOW, TX_NONCE_TOO_HIGH, TX_COST_OVERFLOW,
//   TX_INSUFFICIENT_FUNDS: t and all else that the sender has pooled, gapped ones too and without what t replaces, may
//     cost (gas limit * fee cap + value) more than its balance,
//   TX_REPLACEMENT_UNDERPRICED: the nonce is taken, and t's tip and fee cap are not both at least 10 % (rounded up,
//     at least 1) above those of the one there; or that one is proposed,
//   TX_SENDER_LIMIT,
//   TX_UNDERPRICED: the pool is full and t does not pay more than what would have to leave,
//   TX_POOL_FULL: nothing in it may leave for t (proposed, or t's sender's lower nonces), or t is larger than the pool.
// When the pool is full the cheapest by tip cap, then fee cap, of the tails of the senders' queues is evicted, as often
// as it takes, if t pays more than each. A refusal evicts nothing and is not recorded as a drop.
// Inserting again what was dropped makes its recorded reason forgotten.
MUST_CHECK enum tx_status mempool_insert(struct mempool *mp, struct pooled_tx *t, const struct mempool_account *account,
                                         uint64_t now_ns);

// Transactions that left: the caller must free them (send them home). Call until it returns 0. Reasons were recorded.
struct mempool_removed {
    struct pooled_tx *tx;
    enum tx_status reason; // TX_OK: included; also in tx->status
};
MUST_CHECK size_t mempool_take_removed(struct mempool *mp, struct mempool_removed *out, size_t max);

// Picks executable transactions, best effective tip first (of equal ones the one pooled first) and each sender's in
// nonce order, whose fee cap reaches base_fee, until gas_max (sum of gas limits), bytes_max (raw) or count_max. One
// that no longer fits is passed over together with its sender's later ones. They stay in the pool, marked proposed,
// until mempool_result_*. Those of earlier calls that still await their result are not picked again, so that what is
// picked goes on where they end: a sender's nonces follow one another over several lists under way. Another base fee
// than the last one set is set first. Returns how many.
size_t mempool_propose(struct mempool *mp, const u256 *base_fee, uint64_t gas_max, uint64_t bytes_max,
                       struct pooled_tx **out, size_t count_max);

// The same for a car, whose transactions are laid out in groups of 16 partitions (stripes): bytes count each
// transaction's raw ones and tx_bytes, of all groups and of each. What does not fit its group leaves the others be.
#define MEMPOOL_GROUPS 16
struct mempool_pick {
    u256 base_fee;
    uint64_t gas_max, bytes_max, tx_bytes;
    uint64_t group_bytes_max[MEMPOOL_GROUPS];
    size_t count_max;
};
size_t mempool_propose_groups(struct mempool *mp, const struct mempool_pick *pick, struct pooled_tx **out);

// What became of a proposed transaction: included (the account's nonce is past it from now on); dropped for good
// (recorded; its sender's later ones are queued then); or again: it becomes pending or queued as before, or goes with
// TX_NONCE_TOO_LOW if the account's nonce has passed it. Results come in any order.
void mempool_result_included(struct mempool *mp, struct pooled_tx *t);
void mempool_result_dropped(struct mempool *mp, struct pooled_tx *t, enum tx_status reason);
void mempool_result_again(struct mempool *mp, struct pooled_tx *t);

// Whether a proposed one was included meanwhile by what came from elsewhere.
static inline bool mempool_was_included(const struct pooled_tx *t)
{
    return t->included;
}

// A transaction of this hash, sender and nonce was included that came from elsewhere (another validator's car). Where
// it is pooled here too, it leaves as included; a proposed one does so with its own result, whatever that is. A
// recorded reason of it is forgotten.
void mempool_included_elsewhere(struct mempool *mp, const bytes32 *hash, const bytes32 *sender_key, uint64_t nonce);

// The account of a sender changed (a block was executed, results given before). Nonces below go (TX_NONCE_TOO_LOW);
// in nonce order those go (TX_INSUFFICIENT_FUNDS) which, with the ones kept before them, may cost more than the
// balance; gaps are reckoned again. Proposed ones stay until their result. Unknown senders are ignored.
void mempool_account_changed(struct mempool *mp, const bytes32 *sender_key, const struct mempool_account *account,
                             uint64_t now_ns);

// Expires transactions that have been queued for gap_expiry_ns, unless proposed; call now and then. Returns the time of
// the next expiry, UINT64_MAX for none.
uint64_t mempool_tick(struct mempool *mp, uint64_t now_ns);

// Drops everything with this reason (shutdown), proposed ones too: their results must not be given any more.
void mempool_clear(struct mempool *mp, enum tx_status reason);

// Totals, O(1). executable_* depend on the base fee last given to mempool_set_base_fee.
struct mempool_stats {
    uint64_t pending, queued; // proposed ones are among them
    uint64_t bytes;           // pooled_tx_bytes of all
    uint64_t executable;      // pending with fee cap >= base fee, not behind one that is held back, not proposed
    uint64_t executable_gas;  // sum of their gas limits, UINT64_MAX if it is more than that
    uint64_t held_back;       // pending and kept out by the base fee alone, their own or of one before; not proposed
    uint64_t evicted, replaced, expired,
        dropped; // since start, each transaction in one of them; dropped: other reasons
};
struct mempool_stats mempool_stats(const struct mempool *mp);
// The base fee of the next block, 0 at first; held_back and executable are reckoned anew.
void mempool_set_base_fee(struct mempool *mp, const u256 *base_fee);

// The first nonce after the sender's pending ones: eth_getTransactionCount(pending). account_nonce when none is pooled.
uint64_t mempool_next_nonce(const struct mempool *mp, const bytes32 *sender_key, uint64_t account_nonce);

// A pooled transaction by hash (NULL when not here); valid until the next call that changes the pool.
struct mempool_found {
    const struct pooled_tx *tx;
    bool pending; // else queued
};
MUST_CHECK bool mempool_find(const struct mempool *mp, const bytes32 *hash, struct mempool_found *out);

// Why a transaction left without being included; TX_OK when nothing is remembered of it.
enum tx_status mempool_drop_reason(const struct mempool *mp, const bytes32 *hash);
// Remembers a drop of a transaction that never was in the pool or was refused after ordering.
void mempool_record_drop(struct mempool *mp, const bytes32 *hash, enum tx_status reason);

// Calls visit for every pooled transaction, by sender, by nonce (txpool_content). visit returns false to stop; it must
// not change the pool.
void mempool_visit(const struct mempool *mp, bool (*visit)(void *ctx, const struct pooled_tx *tx, bool pending),
                   void *ctx);

#endif
