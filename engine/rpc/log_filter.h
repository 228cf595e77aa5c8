// Which logs a client wants: a range of blocks, addresses, and topics by position, each a list of alternatives. What
// the header's bloom filter rules out needs no body. Owner: the rpc thread.
#ifndef GANTRY_ENGINE_RPC_LOG_FILTER_H
#define GANTRY_ENGINE_RPC_LOG_FILTER_H

#include "chain/logs.h"
#include "engine/rpc/params.h"

// Alternatives of one kind or position; geth's bound.
#define LOG_ALTERNATIVES_MAX 1000

struct record;

struct log_filter {
    unsigned users; // who holds it; log_filter_release
    bool by_hash;   // one block, `hash`; else from `from` to `to`
    bytes32 hash;
    struct block_ref from, to;
    bool has_from, has_to; // given at all
    // kinds[0]: addresses, in the last 20 bytes; kinds[1 + i]: topic i. None: any.
    struct log_alternatives {
        bytes32 *values;
        struct bloom_bits *bits;
        size_t count;
    } kinds[1 + LOG_TOPICS_MAX];
    unsigned topic_count; // a log needs at least so many
};

// The object of eth_getLogs; NULL with an error. One user.
struct log_filter *log_filter_read(const struct jv *v, char error[PARAM_ERROR_MAX]);
struct log_filter *log_filter_share(struct log_filter *f);
void log_filter_release(struct log_filter *f); // NULL is fine

bool log_filter_may_match(const struct log_filter *f, const bloom *b);
bool log_filter_matches(const struct log_filter *f, const struct log_view *log);
// Alternatives altogether: what a test of one bloom filter costs at most.
size_t log_filter_cost(const struct log_filter *f);

// Visits the block's logs that match, in order; stops when visit returns false. at: which transaction, and the log's
// index in the block.
struct log_place {
    const struct record *block;
    const bytes32 *tx_hash;
    uint32_t tx_index, log_index;
};
void log_filter_walk(const struct log_filter *f, const struct record *r,
                     bool (*visit)(void *ctx, const struct log_place *at, const struct log_view *log), void *ctx);

#endif
