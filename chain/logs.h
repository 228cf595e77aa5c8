// A receipt's logs in their encoded form, [[address, [topic, ...], data], ...], as records hold them. Pure functions;
// any thread.
#ifndef GANTRY_CHAIN_LOGS_H
#define GANTRY_CHAIN_LOGS_H

#include "chain/header.h"

#define LOG_TOPICS_MAX 4

struct log_view {
    address who;
    unsigned topic_count;
    bytes32 topics[LOG_TOPICS_MAX];
    struct bytes data;
};

// The logs one after the other, for log_next. logs is the list, header included, or empty; what is malformed holds
// none.
struct bytes logs_begin(struct bytes logs);
// Takes the next one off; false at the end, or where it is malformed.
MUST_CHECK bool log_next(struct bytes *rest, struct log_view *out);

size_t logs_count(struct bytes logs);
// The filter that a receipt with these logs carries.
bloom logs_bloom(struct bytes logs);

// Where bloom_add puts an item: three of 2,048 bits.
struct bloom_bits {
    uint16_t bit[3];
};
struct bloom_bits bloom_bits_of(struct bytes item);
static inline bool bloom_may_hold(const bloom *b, const struct bloom_bits *bits)
{
    bool all = true;
    for (int i = 0; i < 3; i++)
        all &= b->b[255 - bits->bit[i] / 8] >> (bits->bit[i] % 8) & 1;
    return all;
}

#endif
