#include "chain/logs.h"

#include "base/keccak.h"
#include "base/rlp.h"

struct bytes logs_begin(struct bytes logs)
{
    struct bytes payload = {0};
    if (logs.len > 0 && rlp_read_list(&logs, &payload) != RLP_OK)
        return (struct bytes){0};
    return payload;
}

bool log_next(struct bytes *rest, struct log_view *out)
{
    struct bytes fields, topics;
    *out = (struct log_view){0};
    if (rest->len == 0 || rlp_read_list(rest, &fields) != RLP_OK ||
        rlp_read_fixed(&fields, out->who.b, sizeof out->who.b) != RLP_OK || rlp_read_list(&fields, &topics) != RLP_OK)
        return false;
    while (topics.len > 0) {
        if (out->topic_count == LOG_TOPICS_MAX ||
            rlp_read_fixed(&topics, out->topics[out->topic_count].b, sizeof out->topics[0].b) != RLP_OK)
            return false;
        out->topic_count++;
    }
    return rlp_read_string(&fields, &out->data) == RLP_OK && fields.len == 0;
}

size_t logs_count(struct bytes logs)
{
    struct bytes rest = logs_begin(logs), fields;
    size_t count = 0;
    while (rest.len > 0 && rlp_read_list(&rest, &fields) == RLP_OK)
        count++;
    return count;
}

bloom logs_bloom(struct bytes logs)
{
    bloom out = {{0}};
    struct bytes rest = logs_begin(logs);
    struct log_view log;
    while (log_next(&rest, &log)) {
        bloom_add(&out, bytes_of(log.who.b, sizeof log.who.b));
        for (unsigned i = 0; i < log.topic_count; i++)
            bloom_add(&out, bytes_of(log.topics[i].b, sizeof log.topics[i].b));
    }
    return out;
}

struct bloom_bits bloom_bits_of(struct bytes item)
{
    const bytes32 hash = keccak256(item.ptr, item.len);
    struct bloom_bits bits;
    for (int i = 0; i < 3; i++)
        bits.bit[i] = (uint16_t)((hash.b[2 * i] << 8 | hash.b[2 * i + 1]) & 2047);
    return bits;
}
