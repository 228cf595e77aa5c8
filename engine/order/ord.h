// Ordering (consensus specification, sections 5 to 13): rotating-leader Simplex over cuts. A deterministic state
// machine without I/O: messages and the turn's time in, effects and log records out. One thread, the coordinator's.
//
// Rules R1 to R11 are named where they are. What follows from a message is done by ord_poke, once a turn.
#ifndef GANTRY_ENGINE_ORDER_ORD_H
#define GANTRY_ENGINE_ORDER_ORD_H

#include "engine/order/chain.h"
#include "engine/order/dp.h"
#include "engine/order/guard.h"

#define VIEWS_AHEAD 8     // R11
#define BALLOT_VIEWS 256  // older views keep own votes and certificates only
#define VIEW_BLOCKS_MAX 3 // kept of one view: the first proposal, one that conflicts, the one that was certified
#define VIEWS_MAX (1u << 22)

// Rules that tests take away to see that the simulator notices.
enum mutation {
    MUTATE_FINALIZE_AFTER_NULLIFY = 1, // R5 does not look at mine.nullified (nor does the guard)
    MUTATE_SEND_BEFORE_SYNC = 2,
    MUTATE_NO_GAP_PROOF = 4,    // R3 without the nullify certificates between parent and view
    MUTATE_NO_AVAILABILITY = 8, // R3 without avail_vote
    MUTATE_NO_OWN_VOTES = 16,   // after a restart own votes are not counted again
    MUTATE_ANY_CUT = 32,        // cuts need not be contiguous
    MUTATE_NO_EPOCH_IN_VOTE = 64,
    MUTATE_NO_BACKOFF = 128, // k falls to 0 without a finalization
};

struct ord_config {
    unsigned me;
    uint64_t delta_ns; // D', what a message takes
    uint64_t fsync_ns; // what a sync takes
    uint64_t idle_ns;  // a leader with nothing to order waits this long
    uint64_t block_ns; // least time between entering one view and proposing in the next
    uint64_t skip_ns;  // a leader that has been silent for this long is not waited for
    uint64_t drift_ms, stale_ms;
    uint64_t epoch_blocks, epoch_ms; // an epoch's last block is this many after its start, or this late (0: never)
    uint64_t retain_blocks;          // final blocks kept for others
    uint8_t cars_per_lane;           // in one block
    uint64_t seed;                   // of the choice whom to ask
    const struct signing *signing;
    unsigned mutations; // enum mutation, tests only
};

// Votes of one view.
struct ballots {
    struct tally tally[3];
    struct vmask checked[3]; // whose signature was verified
    wire_signature *sigs[3]; // n each, or NULL
};

struct view_rec {
    uint8_t voted; // bit (kind - 1): I voted so
    bool invalid;  // the proposal can never be voted for
    struct wire_vote mine[3];
    struct kept_cert *notarized, *nullified;
    struct kept_block *blocks[VIEW_BLOCKS_MAX];
    uint8_t block_count;
    struct kept_block *proposal; // the first; one of blocks
    struct ballots *ballots;
};

#define WANTS_MAX 8
struct want {
    uint64_t view;
    bytes32 digest;
    struct vmask voters; // of a certificate that names it or a descendant
};

struct ord_peer {
    uint64_t view; // highest seen in anything it sent
    uint64_t heard_ns;
    uint64_t asked_ns; // when it was last asked for a range
    uint8_t tokens;    // answers it still gets before the next refill
};

struct ord {
    struct ord_config config;
    struct effects *fx;
    struct dp *dp;
    struct guard *guard;
    struct evidence *evidence;
    const struct vset *set;
    uint64_t now_ns, wall_ms, turn;

    uint64_t epoch, start_height, start_time_ms;
    uint64_t vote_from; // first epoch in which this validator votes
    struct leaders leaders;
    bytes32 leaders_seed;

    uint64_t view, entered_ns;
    struct kept_cert *entry; // that let me into view
    struct kept_block *floor;
    struct kept_cert *floor_cert;
    struct kept_cert *pending;    // finalize certificate whose block or ancestors are missing
    struct want wants[WANTS_MAX]; // blocks that are known to be good and are missing
    unsigned want_count;
    struct view_rec *views; // from floor's view on
    uint64_t base;
    size_t view_count, view_cap;
    unsigned failures; // k
    bool dirty;        // ord_poke has something to do
    bool diverged;

    uint64_t propose_ns, idle_until_ns, prop_due_ns, exit_due_ns, retry_due_ns, spread_due_ns, pull_due_ns,
        early_due_ns;
    uint64_t refill_due_ns;
    uint64_t pull_from, pull_to; // certificates that a judgement or a proposal lacks; to 0: none
    unsigned pulls;
    uint64_t random;
    struct ord_peer peers[WIRE_VALIDATORS_MAX];

    struct chain chain;
    struct kept_block **older; // while a log is read: blocks before the first epoch record
    size_t older_count, older_cap;
    uint64_t exec_next;     // height that execution gets next
    uint64_t refused_votes; // by the guard
    uint64_t looks;         // for finalize votes that are due, since the start

    // A validator without a log: the epoch that each of the others said last.
    bool recovering;
    struct vmask epoch_heard;
    uint64_t epoch_said[WIRE_VALIDATORS_MAX];
};

void ord_init(struct ord *o, const struct ord_config *config, struct effects *fx, struct dp *dp, struct guard *guard,
              struct evidence *evidence);
void ord_free(struct ord *o);

// The epoch that follows `boundary` (the genesis: epoch 0 and a header made up from it). Starts lanes and evidence too.
void ord_start_epoch(struct ord *o, const struct vset *set, uint64_t epoch, const struct wire_block_header *boundary,
                     const bytes32 *digest);
// After restoring: where to go on. executed: the height up to which final blocks have been executed.
void ord_start(struct ord *o, uint64_t executed);

// A decoded message of a peer; its epoch may be another than ours.
void ord_on_message(struct ord *o, unsigned src, const struct wire_message *m);
void ord_on_timer(struct ord *o);
// Does what has become possible.
void ord_poke(struct ord *o);
uint64_t ord_next_timer(const struct ord *o);

// The log: one record as it was written (replay), and all that must outlive the earlier part of the log (snapshot).
MUST_CHECK bool ord_restore(struct ord *o, const struct vset *set, enum record_kind kind, struct bytes record,
                            char error[STORE_ERROR_MAX]);
void ord_restored(struct ord *o); // after the last record
void ord_snapshot(struct ord *o);

// ---- between the files of ordering

struct view_rec *ord_view(struct ord *o, uint64_t view); // NULL below the floor or absurdly high
struct view_rec *ord_view_if(const struct ord *o, uint64_t view);
void ord_enter(struct ord *o, uint64_t view, struct kept_cert *cert);
void ord_timeout(struct ord *o);
uint64_t ord_random(struct ord *o);
// A node that follows has the number after the last validator's.
static inline bool ord_votes(const struct ord *o)
{
    return o->config.me < o->set->wire.n && o->epoch >= o->vote_from && !o->diverged && !o->recovering;
}
static inline bool ord_mutated(const struct ord *o, enum mutation m)
{
    return o->config.mutations & m;
}
static inline bool voted(const struct view_rec *r, uint8_t kind)
{
    return (r->voted >> (kind - 1)) & 1;
}

// ord_vote.c
bool ord_vote(struct ord *o, uint8_t kind, uint64_t view, const bytes32 *digest);
void ord_on_vote(struct ord *o, unsigned src, const struct wire_vote *vote);
void ord_on_cert(struct ord *o, unsigned src, const struct wire_cert *cert);
void ord_store_cert(struct ord *o, struct kept_cert *c); // verified; takes the reference
void ord_count_own(struct ord *o, const struct wire_vote *vote);
void ord_free_ballots(struct view_rec *r);

// ord_blocks.c
struct kept_block *ord_block(struct ord *o, uint64_t view, const bytes32 *digest);
// The parent, when block and its position in the chain from the floor on are known.
struct kept_block *ord_parent(struct ord *o, const struct kept_block *b);
bool ord_ready_tips(struct ord *o, struct kept_block *b);
void ord_want_block(struct ord *o, uint64_t view, const bytes32 *digest, struct vmask voters);
bool ord_wants(const struct ord *o, uint64_t view, const bytes32 *digest);
struct kept_block *ord_keep_block(struct ord *o, const struct wire_block *block);
void ord_log_block(struct ord *o, struct kept_block *b);
void ord_on_proposal(struct ord *o, unsigned src, const struct wire_proposal *p);
void ord_on_block(struct ord *o, const struct wire_block *block);
bool ord_is_boundary(const struct ord *o, const struct wire_block_header *h);

// ord_judge.c
enum verdict { VERDICT_GOOD, VERDICT_WAIT, VERDICT_INVALID };
enum verdict ord_judge(struct ord *o, struct kept_block *b);
void ord_try_notarize(struct ord *o);

// ord_propose.c
void ord_try_propose(struct ord *o);

// ord_final.c
void ord_try_finalize_votes(struct ord *o);
void ord_try_finalize(struct ord *o);
void ord_run_execution(struct ord *o);
void ord_check_divergence(struct ord *o);

// ord_help.c
void ord_send_cert(struct ord *o, unsigned peer, const struct kept_cert *c);
void ord_help(struct ord *o, unsigned peer, uint64_t view);
void ord_retransmit(struct ord *o);
void ord_want_certs(struct ord *o, uint64_t from, uint64_t to);
void ord_pull(struct ord *o);
void ord_ask_range(struct ord *o, unsigned peer);
bool ord_token(struct ord *o, unsigned peer);
bool ord_on_request(struct ord *o, unsigned src, const struct wire_message *m); // false: not a request or its answer
void ord_other_epoch(struct ord *o, unsigned src, const struct wire_message *m);
void ord_on_floor(struct ord *o, unsigned src, uint64_t epoch, const struct wire_floor *floor);

#endif
