#include "base/keccak.h"
#include "engine/order/order.h"
#include "engine/order/validator.h"
#include "mempool/pooled_tx.h"

#include <stdio.h>
#include <stdlib.h>

// A list is at hand when it is sealed, so there is no time at which an empty block would be due; and timeouts, which
// are for others that stay silent, are never run.
#define IDLE_NS (1ull << 60)
#define EPOCH_BLOCKS 8192
// Blocks that are let go late, so that this is not done for each.
#define SNAPSHOT_TURNS 1024

struct solo {
    struct order order;
    struct solo_options options;
    struct validator *validator;
    uint64_t height; // of the ordering block that was sealed last
};

static uint64_t next_start_ns(const struct order *o, const struct order_parent *parent, uint64_t last_start_ns,
                              const struct order_now *now)
{
    const struct solo_options *options = &((const struct solo *)o)->options;
    uint64_t start = last_start_ns + options->block_time_ms * 1000000;
    if (start < now->ns)
        start = now->ns;
    uint64_t earliest_ms = (parent->timestamp + 1) * 1000;
    if (!options->subsecond && now->wall_ms < earliest_ms) {
        uint64_t apart = now->ns + (earliest_ms - now->wall_ms) * 1000000;
        if (start < apart)
            start = apart;
    }
    return start;
}

// ---- what a validator is given that is alone

static void sign_nothing(const struct signing *s, wire_signature *out, const bytes32 *message)
{
    (void)s;
    (void)message;
    *out = (wire_signature){{0}};
}

// It hears only itself.
static bool trust(const struct signing *s, const bytes32 *const *keys, const wire_signature *const *sigs, size_t n,
                  const bytes32 *message)
{
    (void)s;
    (void)keys;
    (void)sigs;
    (void)n;
    (void)message;
    return true;
}

static void keep(struct signing *s)
{
    (void)s;
}

static const struct signing_ops unsigned_ops = {sign_nothing, trust, keep};
static struct signing no_signing = {&unsigned_ops};

// Its cars are lists that are in memory until their blocks are durable.
static bool has_car(void *ctx, const struct car_name *name)
{
    (void)ctx;
    (void)name;
    return true;
}

static struct validator *open_alone(const struct solo_options *options)
{
    static const uint32_t weight = 1;
    static const bytes32 no_key;
    char error[STORE_ERROR_MAX];
    struct validator_config config = {
        .genesis_hash = options->head_digest,
        .genesis_root = options->head_hash,
        .snapshot_turns = SNAPSHOT_TURNS,
        .ord = {.idle_ns = IDLE_NS,
                .epoch_blocks = EPOCH_BLOCKS,
                .retain_blocks = LAG,
                .cars_per_lane = 1,
                .signing = &no_signing},
        .dp = {.window_bytes = UINT64_MAX, .signing = &no_signing, .store = {.has = has_car}},
    };
    struct vset set;
    vset_init(&set, options->chain_id, 1, &weight, &no_key);
    struct validator *v = validator_open(&config, &set, error);
    if (!v) {
        fprintf(stderr, "a validator without files: %s\n", error);
        abort();
    }
    validator_start(v, 0, 0, 0);
    return v;
}

// ---- sealing

static struct wire_car car_of(const struct exec_tx *txs, size_t count)
{
    struct wire_car car = {.flags = count == 0 ? WIRE_CAR_HELD_BACK : 0, .stripe_bitmap = count > 0};
    struct keccak256_ctx ctx;
    keccak256_init(&ctx);
    for (size_t i = 0; i < count; i++) {
        const struct pooled_tx *tx = (const struct pooled_tx *)txs[i].tx;
        keccak256_add(&ctx, tx->hash.b, 32);
        car.stripes[0].bytes += (uint32_t)tx->raw_len;
    }
    car.stripes[0].digest = keccak256_finish(&ctx);
    car.stripes[0].txs = (uint32_t)count;
    return car;
}

// The effects of a turn: a car is held as soon as it is made; its block, once it is final, is what the list becomes.
static void carry_out(struct solo *s, struct ordered *out, const struct order_now *now)
{
    struct validator *v = s->validator;
    struct effect e;
    while (validator_take(v, &e)) {
        if (e.kind == EFFECT_STORE_CAR) {
            validator_begin(v, now->ns, now->wall_ms);
            dp_car_stored(&v->dp, &e.name, e.ack);
            validator_end(v);
        } else if (e.kind == EFFECT_EXECUTE) {
            s->height = e.block->header.height;
            out->digest = e.block->digest;
            out->time_ms = e.block->header.time_ms;
        }
        effect_free(&e);
    }
}

static void seal(struct order *o, struct ordered *out, const struct order_parent *parent, struct exec_tx *txs,
                 size_t count, const struct order_now *now)
{
    struct solo *s = (struct solo *)o;
    struct validator *v = s->validator;
    const uint64_t before = s->height;
    struct wire_car car = car_of(txs, count);
    validator_begin(v, now->ns, now->wall_ms);
    if (before > 0)
        dp_executed(&v->dp, before, &parent->hash);
    const bool made = dp_make_car(&v->dp, &car);
    validator_end(v);
    out->coinbase = s->options.coinbase;
    carry_out(s, out, now);
    if (!made || s->height != before + 1)
        abort(); // its own word is a quorum
}

static void solo_free(struct order *o)
{
    struct solo *s = (struct solo *)o;
    validator_close(s->validator);
    free(s);
}

static const struct order_ops solo_ops = {next_start_ns, seal, solo_free};

struct order *order_solo(const struct solo_options *options)
{
    struct solo *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->order.ops = &solo_ops;
    s->options = *options;
    s->validator = open_alone(options);
    return &s->order;
}
