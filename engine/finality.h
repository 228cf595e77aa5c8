// The newest final ordering blocks' headers and certificates, for who asks for a proof that a block is final. The
// coordinator adds, any thread reads; a lock that is held for copying.
//
// FINALITY_HEADERS headers are kept, and of their certificates those of the newest FINALITY_CERTIFICATES blocks that
// have one; of older ones the last in each FINALITY_SPACING heights, since a certificate also proves the blocks before
// it.
#ifndef GANTRY_ENGINE_FINALITY_H
#define GANTRY_ENGINE_FINALITY_H

#include "engine/certificate.h"
#include "engine/order/kept.h"

#define FINALITY_HEADERS 65536u
#define FINALITY_CERTIFICATES 256u
#define FINALITY_SPACING 64u

struct finality;

struct finality *finality_create(const struct wire_set *set);
void finality_free(struct finality *f); // NULL is fine

// The next final block, in order of height (an epoch's tails are not added); the first may have any height. cert NULL:
// final because a descendant is.
void finality_add(struct finality *f, const struct wire_block_header *header, const bytes32 *digest,
                  const struct wire_cert *cert);

enum finality_answer {
    FINALITY_PROVED,
    FINALITY_NOT_YET,
    FINALITY_NOT_KEPT,
};
// Ordering headers and certificate for what this ordering block (digest) gave, into an empty *out. executed: those that
// attest its execution, so that the first one's exec_root is the hash of its last executed block or of a later one;
// else those that finalize it.
enum finality_answer finality_prove(struct finality *f, const bytes32 *digest, bool executed, struct certificate *out);

// At most so many bytes, for the memory budget.
uint64_t finality_bytes_max(unsigned validators);

#endif
