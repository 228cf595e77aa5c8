// Real certificates for tests: a set of validators with keys, ordering headers that follow each other, executed headers
// that name them, and quorums' signatures.
#ifndef GANTRY_TESTS_ENGINE_CERTIFICATE_FIXTURE_H
#define GANTRY_TESTS_ENGINE_CERTIFICATE_FIXTURE_H

#include "engine/certificate.h"
#include "engine/order/kept.h"

#define FIXTURE_VALIDATORS 4

struct certificate_fixture {
    struct vset set;
    struct signing *signers[FIXTURE_VALIDATORS];
    struct signing *checker;
};

// Weights 1, 1, 1, 1: three are a quorum.
void certificate_fixture_open(struct certificate_fixture *f);
void certificate_fixture_close(struct certificate_fixture *f);

// The ordering header at this height on top of parent, which states that root is the result of exec_height.
struct wire_block_header certificate_fixture_block(const struct certificate_fixture *f, uint64_t height,
                                                   const bytes32 *parent, uint64_t exec_height, const bytes32 *root);
// A certificate of the validators whose bit is set.
struct kept_cert *certificate_fixture_cert(const struct certificate_fixture *f, const struct wire_block_header *header,
                                           uint8_t kind, unsigned who);
// An executed header that ordering block `digest` gave.
struct header certificate_fixture_header(uint64_t number, const bytes32 *parent, const bytes32 *digest);

// Puts the cert's votes into c.
void certificate_fixture_sign(struct certificate *c, const struct kept_cert *cert, uint64_t epoch);

#endif
