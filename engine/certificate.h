// Proof that an executed block is final, which anybody can check who has the genesis:
//
//   executed headers   the block's own, then its descendants' up to the one that `ordering` begins with
//   ordering headers   a chain, each the parent of the next; the first one attests the last executed header's hash as
//                      its execution result, or else is the one that the executed block was made from
//   certificate        a quorum's signatures over the last ordering header
//
// Validators vote for a block only if the execution result that it states is theirs, or that of more weight than can be
// faulty. So the first kind proves the block's contents (CERTIFICATE_EXECUTED); the second, for blocks whose result has
// not been stated in a final ordering block yet, only that their transactions' order is final (CERTIFICATE_ORDERED).
//
// As JSON it is the answer of gantry_certificate (docs/cluster.md). Pure; any thread.
#ifndef GANTRY_ENGINE_CERTIFICATE_H
#define GANTRY_ENGINE_CERTIFICATE_H

#include "chain/header.h"
#include "engine/net/wire/codec.h"
#include "engine/order/signing.h"
#include "engine/order/vset.h"

#define CERTIFICATE_HEADERS_MAX (WIRE_RANGE_BLOCKS_MAX + 256u) // of each kind
#define CERTIFICATE_JSON_MAX (4u << 20)
#define CERTIFICATE_ERROR_MAX 256

struct certificate {
    unsigned executed_count, ordering_count, signer_count;
    uint8_t *executed[CERTIFICATE_HEADERS_MAX]; // RLP, malloc'ed
    uint16_t executed_len[CERTIFICATE_HEADERS_MAX];
    struct wire_block_header ordering[CERTIFICATE_HEADERS_MAX];
    uint8_t kind; // enum wire_vote_kind
    uint64_t epoch, view;
    bytes32 digest;
    uint16_t signers[WIRE_VALIDATORS_MAX]; // rising
    wire_signature signatures[WIRE_VALIDATORS_MAX];
};

struct certificate *certificate_new(void);
void certificate_free(struct certificate *c); // NULL is fine
// False when it is full.
MUST_CHECK bool certificate_add_executed(struct certificate *c, struct bytes rlp);

// malloc'ed text, NUL-terminated.
char *certificate_write(const struct certificate *c);
// Takes the proof alone or the whole JSON-RPC answer that holds it. NULL with a message that names the place: no JSON,
// a field missing, unknown or malformed, too many of something.
struct certificate *certificate_parse(const char *json, size_t len, char error[CERTIFICATE_ERROR_MAX]);

enum certificate_status {
    CERTIFICATE_EXECUTED, // good
    CERTIFICATE_ORDERED,  // good, as far as it goes
    CERTIFICATE_EMPTY,
    CERTIFICATE_BAD_EXECUTED_HEADER,
    CERTIFICATE_BROKEN_EXECUTED_CHAIN,
    CERTIFICATE_OTHER_SET,
    CERTIFICATE_BROKEN_ORDERING_CHAIN,
    CERTIFICATE_UNRELATED, // the ordering chain says nothing of the executed headers
    CERTIFICATE_NOT_FINALIZE,
    CERTIFICATE_OTHER_BLOCK, // signed is not the last ordering header
    CERTIFICATE_NO_QUORUM,
    CERTIFICATE_BAD_SIGNATURE,
    CERTIFICATE_STATUS_COUNT,
};
const char *certificate_status_text(enum certificate_status status);
static inline bool certificate_is_good(enum certificate_status status)
{
    return status == CERTIFICATE_EXECUTED || status == CERTIFICATE_ORDERED;
}

// *number and *hash are the block's that it proves, once it is good. checker: any signing (signing_checker).
enum certificate_status certificate_check(const struct certificate *c, const struct vset *set,
                                          const struct signing *checker, uint64_t *number, bytes32 *hash);

#endif
