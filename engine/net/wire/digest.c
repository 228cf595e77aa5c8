// SHA-256's own context is on the stack: the EVP interface, which OpenSSL 3 would rather see, allocates and looks its
// algorithm up for each of these small hashes.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "engine/net/wire/codec_private.h"

#include <openssl/sha.h>

static void begin(SHA256_CTX *ctx, const char *tag)
{
    uint8_t tag_hash[32];
    SHA256_Init(ctx);
    SHA256_Update(ctx, tag, strlen(tag));
    SHA256_Final(tag_hash, ctx);
    SHA256_Init(ctx);
    SHA256_Update(ctx, tag_hash, sizeof tag_hash);
    SHA256_Update(ctx, tag_hash, sizeof tag_hash);
}

bytes32 wire_tagged_hash(const char *tag, const struct bytes *parts, size_t count)
{
    SHA256_CTX ctx;
    bytes32 digest;
    begin(&ctx, tag);
    for (size_t i = 0; i < count; i++)
        SHA256_Update(&ctx, parts[i].ptr, parts[i].len);
    SHA256_Final(digest.b, &ctx);
    return digest;
}

static bytes32 hash_one(const char *tag, const void *p, size_t len)
{
    const struct bytes part = bytes_of(p, len);
    return wire_tagged_hash(tag, &part, 1);
}

bytes32 wire_car_digest(const struct wire_set *set, uint64_t epoch, const struct wire_car *car)
{
    uint8_t fields[sizeof(struct wire_car)];
    struct writer w = {.p = fields};
    write_car_unsigned(&w, car);
    const struct bytes parts[] = {bytes_of(&set->chain_id, 8), bytes_of(set->set_hash.b, 32), bytes_of(&epoch, 8),
                                  bytes_of(fields, w.len)};
    return wire_tagged_hash("gantry/car", parts, 4);
}

bytes32 wire_stripe_digest(struct bytes body)
{
    return hash_one("gantry/stripe", body.ptr, body.len);
}

bool wire_stripe_matches(const struct wire_stripe_ref *ref, struct bytes body)
{
    if (ref->bytes != body.len)
        return false;
    const bytes32 digest = wire_stripe_digest(body);
    return bytes32_equal(&digest, &ref->digest);
}

bytes32 wire_tips_hash(const uint32_t *tips, unsigned n)
{
    return hash_one("gantry/tips", tips, n * sizeof *tips);
}

bytes32 cut_digest(struct bytes cut)
{
    return hash_one("gantry/cut", cut.ptr, cut.len);
}

bytes32 wire_block_digest(const struct wire_set *set, const struct wire_block_header *header)
{
    const struct bytes parts[] = {bytes_of(&set->chain_id, 8), bytes_of(header, sizeof *header)};
    return wire_tagged_hash("gantry/block", parts, 2);
}

void wire_block_seal(const struct wire_set *set, struct wire_block *block)
{
    uint8_t cut[WIRE_BLOCK_BYTES_MAX];
    struct writer w = {.p = cut};
    write_cut(&w, block);
    block->header.cut_hash = cut_digest(bytes_of(cut, w.len));
    block->digest = wire_block_digest(set, &block->header);
}

bytes32 wire_vote_digest(const struct wire_set *set, uint64_t epoch, uint8_t kind, uint64_t view, const bytes32 *digest)
{
    const struct bytes parts[] = {bytes_of(&set->chain_id, 8), bytes_of(set->set_hash.b, 32),
                                  bytes_of(&kind, 1),          bytes_of(&epoch, 8),
                                  bytes_of(&view, 8),          bytes_of(digest->b, 32)};
    return wire_tagged_hash("gantry/vote", parts, 6);
}
