#include "tests/engine/certificate_fixture.h"

#include <stdlib.h>

#include "base/keccak.h"

void certificate_fixture_open(struct certificate_fixture *f)
{
    uint32_t weights[FIXTURE_VALIDATORS];
    bytes32 keys[FIXTURE_VALIDATORS];
    for (unsigned i = 0; i < FIXTURE_VALIDATORS; i++) {
        const bytes32 secret = {{1, (uint8_t)(i + 1)}};
        weights[i] = 1;
        f->signers[i] = signing_secp(&secret, &keys[i]);
    }
    vset_init(&f->set, 31337, FIXTURE_VALIDATORS, weights, keys);
    f->checker = signing_checker();
}

void certificate_fixture_close(struct certificate_fixture *f)
{
    for (unsigned i = 0; i < FIXTURE_VALIDATORS; i++)
        f->signers[i]->ops->free(f->signers[i]);
    f->checker->ops->free(f->checker);
}

struct wire_block_header certificate_fixture_block(const struct certificate_fixture *f, uint64_t height,
                                                   const bytes32 *parent, uint64_t exec_height, const bytes32 *root)
{
    return (struct wire_block_header){
        .epoch = 2,
        .view = 10 + height,
        .height = height,
        .parent_view = 9 + height,
        .parent_digest = *parent,
        .time_ms = 1700000000000 + height,
        .set_hash = f->set.wire.set_hash,
        .next_set_hash = f->set.wire.set_hash,
        .exec_height = exec_height,
        .exec_root = *root,
    };
}

struct kept_cert *certificate_fixture_cert(const struct certificate_fixture *f, const struct wire_block_header *header,
                                           uint8_t kind, unsigned who)
{
    wire_signature sigs[FIXTURE_VALIDATORS];
    unsigned n = 0;
    const bytes32 digest = wire_block_digest(&f->set.wire, header);
    const bytes32 message = wire_vote_digest(&f->set.wire, header->epoch, kind, header->view, &digest);
    for (unsigned i = 0; i < FIXTURE_VALIDATORS; i++) {
        if ((who >> i) & 1)
            f->signers[i]->ops->sign(f->signers[i], &sigs[n++], &message);
    }
    const struct wire_cert cert = {kind, header->view, digest, {who, 0}, sigs};
    return kept_cert_new(&cert);
}

struct header certificate_fixture_header(uint64_t number, const bytes32 *parent, const bytes32 *digest)
{
    return (struct header){.parent_hash = *parent,
                           .ommers_hash = KECCAK256_EMPTY_LIST,
                           .number = number,
                           .gas_limit = 30000000,
                           .timestamp = 1700000000,
                           .base_fee = u256_from_u64(7),
                           .optional_count = 4,
                           .parent_beacon_block_root = *digest};
}

void certificate_fixture_sign(struct certificate *c, const struct kept_cert *cert, uint64_t epoch)
{
    c->kind = cert->cert.kind;
    c->epoch = epoch;
    c->view = cert->cert.view;
    c->digest = cert->cert.digest;
    c->signer_count = 0;
    for (unsigned i = 0; i < FIXTURE_VALIDATORS; i++) {
        if (!wire_cert_has(&cert->cert, i))
            continue;
        c->signatures[c->signer_count] = cert->cert.sigs[c->signer_count];
        c->signers[c->signer_count++] = (uint16_t)i;
    }
}
