#include "engine/certificate.h"

#include <stdlib.h>

struct certificate *certificate_new(void)
{
    struct certificate *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    return c;
}

void certificate_free(struct certificate *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->executed_count; i++)
        free(c->executed[i]);
    free(c);
}

bool certificate_add_executed(struct certificate *c, struct bytes rlp)
{
    if (c->executed_count == CERTIFICATE_HEADERS_MAX || rlp.len > HEADER_ENCODED_MAX)
        return false;
    uint8_t *copy = malloc(rlp.len + 1);
    if (!copy)
        abort();
    if (rlp.len > 0)
        memcpy(copy, rlp.ptr, rlp.len);
    c->executed[c->executed_count] = copy;
    c->executed_len[c->executed_count++] = (uint16_t)rlp.len;
    return true;
}

const char *certificate_status_text(enum certificate_status status)
{
    static const char *const texts[CERTIFICATE_STATUS_COUNT] = {
        [CERTIFICATE_EXECUTED] = "the block is final, and so is its result",
        [CERTIFICATE_ORDERED] = "the order of the block's transactions is final; its result is not attested yet",
        [CERTIFICATE_EMPTY] = "it holds no executed or no ordering header",
        [CERTIFICATE_BAD_EXECUTED_HEADER] = "an executed header is malformed",
        [CERTIFICATE_BROKEN_EXECUTED_CHAIN] = "the executed headers are no chain, each the parent of the next",
        [CERTIFICATE_OTHER_SET] = "it is another validator set's",
        [CERTIFICATE_BROKEN_ORDERING_CHAIN] = "the ordering headers are no chain, each the parent of the next",
        [CERTIFICATE_UNRELATED] = "the ordering headers say nothing of the executed block",
        [CERTIFICATE_NOT_FINALIZE] = "the certificate does not finalize",
        [CERTIFICATE_OTHER_BLOCK] = "the certificate is not of the last ordering header",
        [CERTIFICATE_NO_QUORUM] = "the signers are no quorum of the validators",
        [CERTIFICATE_BAD_SIGNATURE] = "a signature is wrong",
    };
    return texts[status];
}

struct executed {
    uint64_t number;         // of the first
    bytes32 hash, last_hash; // of the first and the last
    bytes32 beacon_root;     // of the first
};

static enum certificate_status check_executed(struct executed *out, const struct certificate *c)
{
    struct header h;
    for (unsigned i = 0; i < c->executed_count; i++) {
        // Executed blocks have all of Cancun's fields.
        if (!header_decode(&h, bytes_of(c->executed[i], c->executed_len[i])) || h.optional_count < 4)
            return CERTIFICATE_BAD_EXECUTED_HEADER;
        const bytes32 hash = header_hash(&h);
        if (i > 0 && (h.number != out->number + i || !bytes32_equal(&h.parent_hash, &out->last_hash)))
            return CERTIFICATE_BROKEN_EXECUTED_CHAIN;
        if (i == 0)
            *out = (struct executed){h.number, hash, hash, h.parent_beacon_block_root};
        out->last_hash = hash;
    }
    return CERTIFICATE_EXECUTED;
}

static enum certificate_status check_ordering(bytes32 *first, bytes32 *last, const struct certificate *c,
                                              const struct wire_set *set)
{
    for (unsigned i = 0; i < c->ordering_count; i++) {
        const struct wire_block_header *h = &c->ordering[i];
        const bytes32 set_hash = h->set_hash, parent = h->parent_digest;
        if (!bytes32_equal(&set_hash, &set->set_hash))
            return CERTIFICATE_OTHER_SET;
        if (i > 0 && !bytes32_equal(&parent, last))
            return CERTIFICATE_BROKEN_ORDERING_CHAIN;
        *last = wire_block_digest(set, h);
        if (i == 0)
            *first = *last;
    }
    return CERTIFICATE_EXECUTED;
}

static bool are_signed(const struct certificate *c, const struct vset *set, const struct signing *checker)
{
    const bytes32 *keys[WIRE_VALIDATORS_MAX];
    const wire_signature *sigs[WIRE_VALIDATORS_MAX];
    for (unsigned i = 0; i < c->signer_count; i++) {
        keys[i] = &set->key[c->signers[i]];
        sigs[i] = &c->signatures[i];
    }
    const bytes32 message = wire_vote_digest(&set->wire, c->epoch, c->kind, c->view, &c->digest);
    return checker->ops->verify(checker, keys, sigs, c->signer_count, &message);
}

static enum certificate_status check_votes(const struct certificate *c, const struct vset *set,
                                           const struct signing *checker, const bytes32 *digest)
{
    const struct wire_block_header *last = &c->ordering[c->ordering_count - 1];
    struct vmask who = {{0, 0}};
    if (c->kind != WIRE_FINALIZE)
        return CERTIFICATE_NOT_FINALIZE;
    if (c->epoch != last->epoch || c->view != last->view || !bytes32_equal(&c->digest, digest))
        return CERTIFICATE_OTHER_BLOCK;
    for (unsigned i = 0; i < c->signer_count; i++) {
        if (c->signers[i] >= set->wire.n)
            return CERTIFICATE_OTHER_SET;
        vmask_add(&who, c->signers[i]);
    }
    if (vset_weight(set, who) < set->quorum)
        return CERTIFICATE_NO_QUORUM;
    return are_signed(c, set, checker) ? CERTIFICATE_EXECUTED : CERTIFICATE_BAD_SIGNATURE;
}

enum certificate_status certificate_check(const struct certificate *c, const struct vset *set,
                                          const struct signing *checker, uint64_t *number, bytes32 *hash)
{
    struct executed e;
    bytes32 first = {{0}}, last = {{0}};
    if (c->executed_count == 0 || c->ordering_count == 0)
        return CERTIFICATE_EMPTY;
    enum certificate_status status = check_executed(&e, c);
    if (status == CERTIFICATE_EXECUTED)
        status = check_ordering(&first, &last, c, &set->wire);
    if (status != CERTIFICATE_EXECUTED)
        return status;
    const bytes32 attested = c->ordering[0].exec_root;
    const bool executed = bytes32_equal(&attested, &e.last_hash);
    if (!executed && (c->executed_count > 1 || !bytes32_equal(&first, &e.beacon_root)))
        return CERTIFICATE_UNRELATED;
    status = check_votes(c, set, checker, &last);
    if (status != CERTIFICATE_EXECUTED)
        return status;
    *number = e.number;
    *hash = e.hash;
    return executed ? CERTIFICATE_EXECUTED : CERTIFICATE_ORDERED;
}
