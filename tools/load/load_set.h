// The signed transactions of a load, made before it starts: item i is a transaction of the sender that draw i of the
// seed names, with that sender's next nonce; what it does is drawn from the mix. A longer set of the same plan starts
// with the shorter one.
//
// Sets are kept in a cache folder, in one checksummed file a plan (all of the plan but the count), and mapped into
// memory. A bad file is made anew; the oldest ones go when the folder passes LOAD_CACHE_BYTES_MAX.
#ifndef GANTRY_TOOLS_LOAD_LOAD_SET_H
#define GANTRY_TOOLS_LOAD_LOAD_SET_H

#include "shard/ingest/wire.h"
#include "tools/load/load_mix.h"

#define LOAD_CACHE_BYTES_MAX (8ull << 30)
#define LOAD_SET_COUNT_MAX (1u << 28)
#define LOAD_ERROR_MAX 256

enum load_witness { LOAD_NO_WITNESS, LOAD_KEY, LOAD_KEY_AND_RY };

// The accounts that a load sends from. Their keys are bench_key(seed, 0..count-1).
struct load_senders {
    uint64_t seed;
    uint32_t count;
    bytes32 *secret;
    uint8_t (*pubkey)[64];
    address *addr;
};
// Derives them on all cores (about 20 us each), saying so on standard error when it takes long.
struct load_senders *load_senders_derive(uint64_t seed, uint32_t count);
void load_senders_free(struct load_senders *s);

struct load_plan {
    uint64_t seed, chain_id;
    uint32_t sender_count;
    uint32_t account_count; // receivers: the senders, then bench_receiver(seed, sender_count..account_count-1)
    enum load_witness witness;
    uint64_t max_fee_wei, max_tip_wei;
    const uint64_t *first_nonce; // by sender; NULL: all zero
    const struct load_mix *mix;  // its contracts placed; NULL: plain transfers
    uint32_t count;              // items wanted, 1 to LOAD_SET_COUNT_MAX
};

struct load_set {
    uint32_t count;         // at least what was wanted
    const uint32_t *sender; // by item: index of its sender
    const bytes32 *hash;    // by item
    bool from_cache;
    // Private
    const uint8_t *frames;
    size_t stride;
    uint32_t head; // bytes of length, flags and witness before the raw transaction
    void *map;
    size_t map_len;
};

// senders may be NULL: they are derived when the set must be made. cache_dir NULL: nothing is kept. NULL with error.
struct load_set *load_set_open(const struct load_plan *plan, const struct load_senders *senders, const char *cache_dir,
                               char error[LOAD_ERROR_MAX]);
void load_set_close(struct load_set *set);

// The whole ingest frame of an item, and the raw transaction in it.
static inline struct bytes load_set_frame(const struct load_set *set, uint32_t item)
{
    const uint8_t *p = set->frames + (size_t)item * set->stride;
    return bytes_of(p, 4 + (size_t)load_le32(p));
}

static inline struct bytes load_set_raw(const struct load_set *set, uint32_t item)
{
    const struct bytes frame = load_set_frame(set, item);
    return bytes_of(frame.ptr + set->head, frame.len - set->head);
}

// Where sets are kept when nothing else is said: $XDG_CACHE_HOME/gantry or ~/.cache/gantry. False when there is no
// home.
MUST_CHECK bool load_cache_default(char *out, size_t cap);

#endif
