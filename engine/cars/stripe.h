// A car's stripe: the transactions of 16 partitions' senders as one body, with the witness that lets others check it as
// a batch. From pooled transactions to bytes at the owner, and back, with every check that needs no state (consensus
// specification, D2), at everybody else.
//
// Checking has two halves: stripe_decode does all but the signatures; stripe_check_run verifies those of many stripes
// together. Owner of each object: the thread that made it, a shard's.
#ifndef GANTRY_ENGINE_CARS_STRIPE_H
#define GANTRY_ENGINE_CARS_STRIPE_H

#include "engine/net/wire/codec.h"
#include "shard/exec/exec.h"

static inline unsigned stripe_of_key(const bytes32 *sender_key)
{
    return sender_key->b[0] / WIRE_PARTITIONS_PER_STRIPE;
}

// What one transaction adds to a body at most, beside its own bytes; and the body's fixed part.
#define STRIPE_TX_OVERHEAD (64u + 2 + 32 + 4)
#define STRIPE_FIXED_BYTES (2u + 4)

// ---- making

// The body of these transactions, in this order, malloc'ed; all are of one stripe, their witnesses known, and there is
// at least one. Works out a missing R.y. *ref gets digest, length, count and gas. NULL when they are too many bytes for
// a body.
MUST_CHECK uint8_t *stripe_build(struct wire_stripe_ref *ref, const struct exec_tx *txs, size_t count);

// ---- checking

enum stripe_fault {
    STRIPE_OK = 0,
    STRIPE_BAD_BODY,        // detail: enum wire_status
    STRIPE_BAD_COUNT,       // not as many transactions as the header says
    STRIPE_BAD_TX,          // detail: enum tx_status, of transaction `at`
    STRIPE_WRONG_PARTITION, // transaction `at` belongs into another stripe
    STRIPE_BAD_GAS,         // the gas limits together are not what the header says
};
struct stripe_verdict {
    enum stripe_fault fault;
    unsigned detail;
    uint32_t at;
};
// In words, for logs; text holds STRIPE_TEXT_MAX bytes.
#define STRIPE_TEXT_MAX 128
const char *stripe_verdict_text(char text[STRIPE_TEXT_MAX], const struct stripe_verdict *v);

struct stripe_rules {
    uint64_t chain_id;
    uint64_t block_gas_limit;
};

// A body with its transactions. One allocation beside the body, which the transactions point into. They are in no pool:
// their status is TX_OK once all is checked, and they have no origin.
struct stripe {
    struct bytes body;
    uint8_t index; // 0 to 15
    uint32_t count;
    uint64_t gas; // sum of the gas limits
    struct stripe_verdict verdict;
    struct exec_tx *execs; // in the body's order; index is the coordinator's to set
    struct pooled_tx *txs;
};

// All but the signatures. ref: what the header says of it; the body's digest and length have been compared. NULL and
// *verdict when something does not hold.
MUST_CHECK struct stripe *stripe_decode(struct stripe_verdict *verdict, struct bytes body, unsigned index,
                                        const struct wire_stripe_ref *ref, const struct stripe_rules *rules);
// The same for a body that was checked before it was stored: nothing is verified, senders are those of the keys.
MUST_CHECK struct stripe *stripe_of_stored(struct bytes body, unsigned index, const struct stripe_rules *rules);
// The body stays the caller's. NULL is fine.
void stripe_free(struct stripe *s);

// Verifies signatures over stripes that came together.
struct stripe_check;
struct stripe_check *stripe_check_create(struct arena *arena); // NULL only when memory is short
void stripe_check_free(struct stripe_check *c);
// Sets the verdict of each; where that is STRIPE_OK, senders, keys and hashes of its transactions. Those that are
// doubtful (their owner's last ones were not all right) are kept away from the others' batches.
void stripe_check_run(struct stripe_check *c, struct stripe **stripes, size_t count, bool doubtful);

struct stripe_check_numbers {
    uint64_t stripes, txs, batches, invalid;
};
struct stripe_check_numbers stripe_check_numbers(const struct stripe_check *c);

#endif
