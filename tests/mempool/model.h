// What mempool.h promises, told a second time as simply as possible: one unordered array of transactions, every answer
// found by walking it, every state reckoned from scratch. Shares no code with the pool.
#ifndef GANTRY_TESTS_MEMPOOL_MODEL_H
#define GANTRY_TESTS_MEMPOOL_MODEL_H

#include "mempool/mempool.h"

#define MODEL_TX_MAX 512
#define MODEL_SENDERS 64
#define MODEL_DROPS_MAX 4096

enum model_state { MODEL_QUEUED, MODEL_HELD, MODEL_EXECUTABLE };

struct model_tx {
    struct pooled_tx *tx;
    uint32_t sender;
    u256 cost;
    enum model_state state;
    bool known_state; // false until first reckoned
    bool proposed, included;
    uint64_t queued_since, sequence;
};

// What the pool was told of a sender while it has something pooled.
struct model_sender {
    bool present;
    struct mempool_account account;
};

struct model {
    struct mempool_limits limits;
    u256 base_fee;
    uint64_t now_ns, sequence;
    struct model_tx txs[MODEL_TX_MAX];
    size_t count;
    struct model_sender senders[MODEL_SENDERS];
    uint64_t evicted, replaced, expired, dropped;
    // The last drops, oldest first; TX_OK: forgotten.
    struct {
        bytes32 hash;
        enum tx_status reason;
    } drops[MODEL_DROPS_MAX];
    size_t drop_count;
    // What must come out of mempool_take_removed, in any order but for the evicted.
    struct mempool_removed removed[MODEL_TX_MAX];
    size_t removed_count;
};

// The answer to an insert. When it is TX_OK and needs evictions, model_evict is called for each in turn, then
// model_insert_end.
enum tx_status model_insert(struct model *m, const struct pooled_tx *t, uint32_t sender,
                            const struct mempool_account *account);
// The pool says that it evicted this one for t: false when that was not necessary or not the cheapest permitted.
bool model_evict(struct model *m, const struct pooled_tx *victim, const struct pooled_tx *t, uint32_t sender);
// Puts t in: false when there is no room.
bool model_insert_end(struct model *m, struct pooled_tx *t, uint32_t sender, const struct mempool_account *account);

size_t model_propose(struct model *m, const struct mempool_pick *pick, struct pooled_tx **out);
void model_included(struct model *m, const struct pooled_tx *t);
void model_dropped(struct model *m, const struct pooled_tx *t, enum tx_status reason);
void model_again(struct model *m, const struct pooled_tx *t);
void model_included_elsewhere(struct model *m, const bytes32 *hash, uint32_t sender, uint64_t nonce);
void model_account_changed(struct model *m, uint32_t sender, const struct mempool_account *account);
void model_set_base_fee(struct model *m, const u256 *base_fee);
uint64_t model_tick(struct model *m, uint64_t now_ns);
void model_clear(struct model *m, enum tx_status reason);
void model_note_time(struct model *m, uint64_t now_ns);

struct model_tx *model_find(struct model *m, const bytes32 *hash);
struct mempool_stats model_stats(const struct model *m);
bool model_has_sender(const struct model *m, uint32_t sender);
uint64_t model_next_nonce(const struct model *m, uint32_t sender, uint64_t account_nonce);
enum tx_status model_drop_reason(const struct model *m, const bytes32 *hash);
// In the order in which the pool gave them back.
void model_record_drop(struct model *m, const bytes32 *hash, enum tx_status reason);
void model_forget_drop(struct model *m, const bytes32 *hash);

#endif
