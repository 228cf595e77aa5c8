// The low-level interface of libcrypto, which OpenSSL 3 would rather not see used: a state that goes on behind the tag
// has no other way in, and the EVP interface allocates for each hash.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "sigverify/lanes/challenge.h"

#include <openssl/sha.h>

// Behind the first block, which holds the tag's hash twice (BIP-340, "Tagged Hashes").
static const SHA256_CTX TAGGED = {
    .h = {0x9cecba11, 0x23925381, 0x11679112, 0xd1627e0f, 0x97c87550, 0x003cc765, 0x90f61164, 0x33e9b66a},
    .Nl = 8 * SHA256_CBLOCK,
    .md_len = SHA256_DIGEST_LENGTH,
};

bytes32 schnorr_challenge(const bytes32 *r, const bytes32 *key, const bytes32 *message)
{
    SHA256_CTX state = TAGGED;
    bytes32 out;
    SHA256_Update(&state, r->b, sizeof r->b);
    SHA256_Update(&state, key->b, sizeof key->b);
    SHA256_Update(&state, message->b, sizeof message->b);
    SHA256_Final(out.b, &state);
    return out;
}
