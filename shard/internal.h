// What the shard's own files share. Nobody else includes this.
#ifndef GANTRY_SHARD_INTERNAL_H
#define GANTRY_SHARD_INTERNAL_H

#include "shard/loop.h"
#include "shard/shard.h"
#include "shard/verify.h"

#include <pthread.h>

// Values of tx_origin.connection beyond connection handles (which start at 1).
#define ORIGIN_NOBODY 0u
#define ORIGIN_SUBMISSION UINT32_MAX
#define ORIGIN_PEER (UINT32_MAX - 1) // sequence: which peer of the guest handed it on

// Adds to a number that this thread alone writes, for which a locked instruction would be a waste.
static inline void add_number(_Atomic uint64_t *number, uint64_t n)
{
    atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + n, memory_order_relaxed);
}

// A list of transactions linked by sender_next.
struct tx_list {
    struct pooled_tx *head, *tail;
    size_t count;
};

static inline void tx_list_add(struct tx_list *l, struct pooled_tx *t)
{
    t->sender_next = NULL;
    if (l->tail)
        l->tail->sender_next = t;
    else
        l->head = t;
    l->tail = t;
    l->count++;
}

// What has gathered for one other shard in this turn; what its inbox does not take stays for the next.
struct outbox {
    struct tx_list route, release;
    struct answer_list *answers;
    struct shard_call *calls, *last_call;
};

// What a pool holds that can lead to a block, the more pressing last.
enum pool_news { NEWS_NOTHING, NEWS_HELD_BACK, NEWS_EXECUTABLE };

struct block_part {
    bool open;      // between MSG_EXECUTE and MSG_FINISH
    bool expecting; // the coordinator's next message comes soon
    bool standing;  // gathered: touch no state until MSG_FINISH
    bool running;   // the current pass's own part is done, parcels are awaited
    unsigned round;
    enum exec_pass pass;
    unsigned parcels_in; // taken after this pass
    struct block_work *work;
    bool subroots_given;             // all of them, to the first block
    struct message early[SHARD_MAX]; // parcels of the next step that came before the own part of it was done
    unsigned early_count;
    struct exec_progress progress;
    struct exec_tx *proposed; // of the last proposal; grown as needed
    struct pooled_tx **picked;
    size_t proposed_cap;
};

// What runs when nothing else does.
struct background {
    struct shard_background work;
    bool wanted;
    // Under load: what it may still take, which grows by a share of the time that passes, up to a bound.
    int64_t allowance_ns;
    uint64_t counted_ns; // when the allowance was last counted
};

struct shard {
    struct shard_options options;
    struct shard **peers;
    struct inbox inbox;
    struct arena *arena;
    struct loop *loop;
    struct ingest_server *ingest;
    struct mempool *pool;
    struct tx_paths *paths;
    struct state *states[PARTITION_COUNT];
    struct account_trie *tries[PARTITION_COUNT];
    unsigned trie_count;
    struct exec_machine *machine;
    struct exec_shard *exec;
    struct block_part block;

    struct verify_batch *verify;
    struct outbox outbox[SHARD_MAX];
    struct tx_list deferred; // for the own pool, while standing still
    struct message *deferred_calls;
    size_t deferred_call_count, deferred_call_cap;
    uint64_t settled_height; // the block that the pool knows
    enum pool_news told;     // to the coordinator, by MSG_POOL_READY since the last proposal
    uint64_t live_bytes, unanswered_bytes;
    uint64_t now_ns; // when the present turn began, or its newest transactions came to the pool
    uint64_t next_tick_ns;
    struct shard_guest guest; // turn NULL: none
    struct background background;

    struct shard_numbers numbers;
    struct turn turn;
    pthread_mutex_t inclusion_lock; // readers copy; the shard adds once a block
    struct hist inclusion;
    pthread_t thread;
    bool started;
    atomic_bool draining, stopping;
    atomic_int thread_id;
};

// receive.c: from raw bytes to verified transactions in the pools.
// Copies raw into a transaction of this shard and queues it for verification; refuses with a status (nothing is kept).
// A witness is NULL exactly for VERIFY_RECOVER.
enum tx_status receive_raw(struct shard *s, struct bytes raw, enum verify_kind kind, const struct sv_witness *witness,
                           struct tx_origin origin);
bool receive_has_room(const struct shard *s);   // memory, and a free slot in the batch
bool receive_has_memory(const struct shard *s); // what was received here and is not answered yet is within its bound
void receive_verify(struct shard *s);           // verifies and routes what is queued
void receive_routed(struct shard *s, struct pooled_tx *list);
void receive_answers(struct shard *s, struct answer_list *answers);
void receive_released(struct shard *s, struct pooled_tx *list);
void receive_take_removed(struct shard *s); // what left the pool goes home
void receive_flush(struct shard *s);        // posts the outboxes
bool receive_outbox_empty(const struct shard *s);
void receive_publish_pool(struct shard *s); // numbers, and MSG_POOL_READY
void receive_publish_verify(struct shard *s);
// After all shards have ended, before any is freed: what waits here for an answer gets its last one.
void receive_abandon(struct shard *s);

// block.c: this shard's part in proposing, executing and settling.
void block_handle(struct shard *s, const struct message *m);
void block_publish_accounts(struct shard *s);
void block_free(struct shard *s);

// background.c: one piece of the work that may wait, if there is some and it has its turn. True while there is more
// that only waits for an idle moment.
bool background_run(struct shard *s, bool idle);
bool background_waits(const struct shard *s);

// ingest/server.c is told of its transactions through these: verified, with or without having cost much through their
// own fault; and answered.
void ingest_verified(struct ingest_server *server, struct tx_origin origin, bool costly);
void ingest_answer(struct ingest_server *server, struct tx_origin origin, enum tx_status status);

#endif
