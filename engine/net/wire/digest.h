// The digests of consensus: BIP-340 style tagged SHA-256, H_tag(x) = SHA256(SHA256(tag) || SHA256(tag) || x). Each
// covers every field that any rule reads. Any thread.
#ifndef GANTRY_ENGINE_NET_WIRE_DIGEST_H
#define GANTRY_ENGINE_NET_WIRE_DIGEST_H

#include "engine/net/wire/message.h"

// H_car: chain id, set hash, epoch, all fields of the header but the signature. It is what acks, cuts and the owner's
// signature name.
bytes32 wire_car_digest(const struct wire_set *set, uint64_t epoch, const struct wire_car *car);

// H_stripe of a stripe's body.
bytes32 wire_stripe_digest(struct bytes body);
// Whether the body is the one that the reference names.
bool wire_stripe_matches(const struct wire_stripe_ref *ref, struct bytes body);

// H_tips of the ordered position of each of the n lanes.
bytes32 wire_tips_hash(const uint32_t *tips, unsigned n);

// H_block: chain id and header. The header's cut_hash covers the cut.
bytes32 wire_block_digest(const struct wire_set *set, const struct wire_block_header *header);
// Sets header.cut_hash and digest from all else.
void wire_block_seal(const struct wire_set *set, struct wire_block *block);

// H_vote: chain id, set hash, kind, epoch, view, digest. The same for all signers of one certificate.
bytes32 wire_vote_digest(const struct wire_set *set, uint64_t epoch, uint8_t kind, uint64_t view,
                         const bytes32 *digest);

// For further digests of the same kind: H_tag of the concatenation of parts.
bytes32 wire_tagged_hash(const char *tag, const struct bytes *parts, size_t count);

#endif
