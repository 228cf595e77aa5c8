// What gantry_subscribe tells of: status, the newest blocks, and the samples of /metrics.
#include "base/clock.h"
#include "engine/rpc/call.h"

#include <string.h>

#define OVERVIEW_BLOCKS_MAX 16

static void write_block(struct json_writer *w, const struct record *r)
{
    const struct header *h = &r->header;
    jw_printf(w, "{\"number\":%llu,\"hash\":", (unsigned long long)h->number);
    jw_hash(w, &r->block_hash);
    jw_printf(w, ",\"timeMs\":%llu,\"transactions\":%u,\"gasUsed\":%llu,\"gasLimit\":%llu,\"size\":%zu}",
              (unsigned long long)(r->time_ms ? r->time_ms : h->timestamp * 1000), r->tx_count,
              (unsigned long long)h->gas_used, (unsigned long long)h->gas_limit, r->block_rlp.len);
}

// Newest first, without the genesis.
static void write_blocks(struct json_writer *w, struct chain_reader *reader)
{
    const uint64_t head = chain_reader_head(reader);
    const char *separator = "";
    for (uint64_t i = 0; i < OVERVIEW_BLOCKS_MAX && i < head; i++) {
        bool damaged = false;
        const struct record *r = chain_reader_block(reader, head - i, &damaged);
        if (!r)
            break;
        jw_raw(w, separator);
        write_block(w, r);
        separator = ",";
    }
}

// The samples, without the lines that explain them.
static void write_samples(struct json_writer *w, struct bytes metrics)
{
    struct json_writer samples;
    jw_init(&samples, w->limit);
    for (size_t at = 0, next; at < metrics.len; at = next) {
        const uint8_t *newline = memchr(metrics.ptr + at, '\n', metrics.len - at);
        next = newline ? (size_t)(newline - metrics.ptr) + 1 : metrics.len;
        if (metrics.ptr[at] != '#')
            jw_bytes(&samples, metrics.ptr + at, next - at);
    }
    w->overflow |= samples.overflow;
    jw_string(w, bytes_of(jw_text(&samples), samples.len));
    jw_release(&samples);
}

bool core_wants_overview(const struct rpc_core *core)
{
    return core->feed.overview_users > 0;
}

void core_overview(struct rpc_core *core, struct bytes metrics)
{
    struct json_writer w;
    jw_init(&w, core->options.response_bytes_max);
    jw_printf(&w, "{\"timeMs\":%llu,\"status\":", (unsigned long long)(clock_ns() / 1000000));
    node_status_write(&w, core);
    jw_raw(&w, ",\"blocks\":[");
    write_blocks(&w, core->reader);
    jw_raw(&w, "],\"metrics\":");
    write_samples(&w, metrics);
    jw_raw(&w, "}");
    if (!w.overflow)
        feed_overview(core, bytes_of(jw_text(&w), w.len));
    jw_release(&w);
}
