#include "engine/participant/ordered_feed.h"

#include <assert.h>
#include <stdlib.h>

struct ordered_feed {
    struct ordered_feed_options options;
    struct kept_block **blocks; // first to first + count - 1
    size_t first, count, cap;
    bool running; // the first one is with the executor
    size_t at;    // while wasted is counted: the transaction of O that is next
    uint64_t wasted[WIRE_VALIDATORS_MAX];
};

struct ordered_feed *ordered_feed_create(const struct ordered_feed_options *options)
{
    struct ordered_feed *f = calloc(1, sizeof *f);
    if (!f)
        abort();
    f->options = *options;
    return f;
}

void ordered_feed_free(struct ordered_feed *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->count; i++)
        kept_block_unref(f->blocks[f->first + i]);
    free(f->blocks);
    free(f);
}

void ordered_feed_add(struct ordered_feed *f, struct kept_block *block)
{
    if (f->first > 0 && f->first + f->count == f->cap) {
        memmove(f->blocks, f->blocks + f->first, f->count * sizeof(struct kept_block *));
        f->first = 0;
    }
    if (f->count == f->cap) {
        f->cap = f->cap ? 2 * f->cap : 64;
        f->blocks = realloc(f->blocks, f->cap * sizeof(struct kept_block *));
        if (!f->blocks)
            abort();
    }
    f->blocks[f->first + f->count++] = kept_block_ref(block);
}

bool ordered_feed_idle(const struct ordered_feed *f)
{
    return f->count == 0;
}

// ---- a block's cars in the order of O

typedef bool car_visit(struct ordered_feed *f, struct book_car *car);

static bool each_car(struct ordered_feed *f, const struct kept_block *b, car_visit *visit)
{
    const unsigned n = f->options.validators, start = (unsigned)(b->header.height % n);
    bool all = true;
    for (unsigned k = 0; k < n; k++) {
        for (unsigned i = 0; i < b->lane_count; i++) {
            const struct wire_cut_lane *l = &b->lanes[i];
            if (l->lane != (start + k) % n)
                continue;
            for (unsigned c = 0; c < l->count; c++) {
                const struct car_name name = {b->header.epoch, l->lane, l->from_pos + c, l->digests[c]};
                struct book_car *car = book_find(f->options.book, &name);
                assert(car); // execution comes after all cars are stored
                all &= visit(f, car);
            }
        }
    }
    return all;
}

static bool load(struct ordered_feed *f, struct book_car *car)
{
    return book_load(f->options.book, car);
}

static bool list(struct ordered_feed *f, struct book_car *car)
{
    struct ordered_list *l = executor_list(f->options.executor);
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        if ((car->stripes >> s) & 1)
            ordered_list_add(l, car->stripe[s].txs, car->stripe[s].count);
    }
    list_path_add_car(&l->path, &(struct list_car){.to = (uint32_t)l->count,
                                                   .lane = car->name.lane,
                                                   .position = car->name.pos,
                                                   .acked = car->acked,
                                                   .known_ns = car->known_ns,
                                                   .stored_ns = car->stored_ns,
                                                   .quorum_ns = car->quorum_ns});
    return true;
}

static bool release(struct ordered_feed *f, struct book_car *car)
{
    book_release(f->options.book, car);
    return true;
}

static bool count_wasted(struct ordered_feed *f, struct book_car *car)
{
    const struct ordered_list *l = executor_list(f->options.executor);
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        for (size_t i = 0; ((car->stripes >> s) & 1) && i < car->stripe[s].count; i++, f->at++) {
            const struct exec_result *r = &l->results[f->at];
            if (r->drop != TX_OK && !r->again)
                f->wasted[car->name.lane] += ((const struct pooled_tx *)l->txs[f->at].tx)->raw_len;
        }
    }
    return true;
}

uint64_t ordered_feed_wasted(const struct ordered_feed *f, unsigned lane)
{
    return f->wasted[lane];
}

// ---- steps

static bool is_heartbeat(const struct ordered_feed *f, const struct kept_block *b)
{
    const uint64_t last_s = executor_head(f->options.executor)->timestamp;
    return f->options.heartbeat_ms != 0 && b->header.time_ms >= last_s * 1000 + f->options.heartbeat_ms;
}

static void pop(struct ordered_feed *f)
{
    kept_block_unref(f->blocks[f->first++]);
    if (--f->count == 0)
        f->first = 0;
}

// Whether the executor has it now; else it yields nothing.
static bool run(struct ordered_feed *f, const struct kept_block *b, uint64_t now_ns)
{
    struct executor *x = f->options.executor;
    struct ordered_list *l = executor_list(x);
    ordered_list_clear(l);
    each_car(f, b, list);
    if (l->count == 0 && !(b->header.flags & WIRE_BLOCK_TICK) && !is_heartbeat(f, b) && f->options.skip == 0)
        return false;
    l->ordered = (struct ordered){b->digest, b->header.time_ms, f->options.fee_addresses[b->header.leader]};
    l->path.order = (struct list_order){.in_cluster = true,
                                        .epoch = b->header.epoch,
                                        .view = b->header.view,
                                        .height = b->header.height,
                                        .leader = b->header.leader,
                                        .ordered_ns = b->final_ns};
    ordered_list_group(l, f->options.shard_count);
    const unsigned skip = f->options.skip;
    f->options.skip = 0;
    return executor_run_from(x, now_ns, skip);
}

bool ordered_feed_step(struct ordered_feed *f, uint64_t now_ns, uint64_t *height, bytes32 *root)
{
    if (f->count == 0 || !executor_ready(f->options.executor))
        return false;
    const struct kept_block *b = f->blocks[f->first];
    if (!f->running) {
        if (!each_car(f, b, load))
            return false;
        f->running = run(f, b, now_ns);
        if (f->running)
            return false;
    }
    f->at = 0;
    if (f->running)
        each_car(f, b, count_wasted);
    f->running = false;
    each_car(f, b, release);
    *height = b->header.height;
    *root = *executor_head_hash(f->options.executor);
    pop(f);
    return true;
}
