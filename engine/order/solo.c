#include "base/keccak.h"
#include "engine/order/order.h"
#include "mempool/pooled_tx.h"

#include <openssl/sha.h>
#include <stdlib.h>

struct solo {
    struct order order;
    struct solo_options options;
    uint64_t last_time_ms; // time_ms rises strictly
};

static uint64_t next_start_ns(const struct order *o, const struct order_parent *parent, uint64_t last_start_ns,
                              uint64_t now_ns, uint64_t wall_ms)
{
    const struct solo_options *options = &((const struct solo *)o)->options;
    uint64_t start = last_start_ns + options->block_time_ms * 1000000;
    if (start < now_ns)
        start = now_ns;
    uint64_t earliest_ms = (parent->timestamp + 1) * 1000;
    if (!options->subsecond && wall_ms < earliest_ms) {
        uint64_t apart = now_ns + (earliest_ms - wall_ms) * 1000000;
        if (start < apart)
            start = apart;
    }
    return start;
}

static bytes32 hash_of_hashes(const struct exec_tx *txs, size_t count)
{
    struct keccak256_ctx ctx;
    keccak256_init(&ctx);
    for (size_t i = 0; i < count; i++)
        keccak256_add(&ctx, ((const struct pooled_tx *)txs[i].tx)->hash.b, 32);
    return keccak256_finish(&ctx);
}

bytes32 order_solo_digest(const bytes32 *parent, uint64_t height, uint64_t time_ms, const bytes32 *txs_hash)
{
    static const char tag[] = "gantry/solo";
    uint8_t tag_hash[32], number[16];
    SHA256((const uint8_t *)tag, sizeof tag - 1, tag_hash);
    store_le64(number, height);
    store_le64(number + 8, time_ms);
    uint8_t message[32 + 32 + 32 + 16 + 32];
    memcpy(message, tag_hash, 32);
    memcpy(message + 32, tag_hash, 32);
    memcpy(message + 64, parent->b, 32);
    memcpy(message + 96, number, 16);
    memcpy(message + 112, txs_hash->b, 32);
    bytes32 digest;
    SHA256(message, sizeof message, digest.b);
    return digest;
}

static void seal(struct order *o, struct ordered *out, const struct order_parent *parent, struct exec_tx *txs,
                 size_t count, uint64_t wall_ms)
{
    struct solo *solo = (struct solo *)o;
    if (wall_ms <= solo->last_time_ms)
        wall_ms = solo->last_time_ms + 1;
    solo->last_time_ms = wall_ms;
    bytes32 hashes = hash_of_hashes(txs, count);
    out->time_ms = wall_ms;
    out->coinbase = solo->options.coinbase;
    out->digest = order_solo_digest(&parent->digest, parent->height + 1, wall_ms, &hashes);
}

static void solo_free(struct order *o)
{
    free(o);
}

static const struct order_ops solo_ops = {next_start_ns, seal, solo_free};

struct order *order_solo(const struct solo_options *options)
{
    struct solo *solo = calloc(1, sizeof *solo);
    if (!solo)
        abort();
    solo->order.ops = &solo_ops;
    solo->options = *options;
    return &solo->order;
}
