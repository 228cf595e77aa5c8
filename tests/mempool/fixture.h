// Making pooled transactions without signing them, and a pool with small limits, for the tests of mempool/.
#ifndef GANTRY_TESTS_MEMPOOL_FIXTURE_H
#define GANTRY_TESTS_MEMPOOL_FIXTURE_H

#include "mempool/mempool.h"

#define GWEI 1000000000ull
#define SECOND 1000000000ull

struct spec {
    uint32_t sender;
    uint64_t nonce;
    uint64_t fee, tip; // gwei; 0: 10 and 1
    uint64_t gas;      // 0: 21000
    uint64_t value;    // wei
    size_t raw_len;    // 0: 110
};

// malloc'ed, each with a hash of its own.
struct pooled_tx *make_tx(struct spec spec);
bytes32 sender_key(uint32_t sender);
// Another object with the same fields and hash.
struct pooled_tx *copy_of(const struct pooled_tx *t);

// Roomy limits: no test runs into one that it did not set itself.
struct mempool_limits roomy_limits(void);

// A pool and the arena below it.
struct pool {
    struct arena *arena;
    struct mempool *mp;
};
struct pool pool_open(struct mempool_limits limits);
// Clears the pool and frees all that it gives back.
void pool_close(struct pool *pool);

// An account that can pay for anything.
struct mempool_account rich(uint64_t nonce);
// Makes and inserts one for a rich account; it must go in.
struct pooled_tx *put(struct mempool *mp, uint64_t account_nonce, struct spec spec);
// Makes and inserts one and returns the answer; what was refused is freed.
enum tx_status try_put(struct mempool *mp, struct mempool_account account, struct spec spec);
// Takes exactly one transaction back and frees it: its reason, or TX_STATUS_COUNT when none or several left.
enum tx_status take_one(struct mempool *mp, const struct pooled_tx *expected);
bool is_pending(const struct mempool *mp, const struct pooled_tx *t);

#endif
