#include "shard/evm/precompiles/hashes.h"

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdlib.h>

// A context of libcrypto keeps what one algorithm needs, so each has its own.
struct pc_hashes {
    OSSL_LIB_CTX *library; // NULL: libcrypto's own
    OSSL_PROVIDER *legacy;
    EVP_MD *sha256, *ripemd160;
    EVP_MD_CTX *sha256_state, *ripemd160_state;
};

// OpenSSL 3.0.0 to 3.0.6 have RIPEMD-160 in the legacy provider only. It goes into a library context of its own:
// loading it into the process's would end the automatic loading of the default provider there.
static EVP_MD *fetch_legacy(struct pc_hashes *hashes, const char *name)
{
    hashes->library = OSSL_LIB_CTX_new();
    if (!hashes->library)
        return NULL;
    hashes->legacy = OSSL_PROVIDER_load(hashes->library, "legacy");
    return hashes->legacy ? EVP_MD_fetch(hashes->library, name, NULL) : NULL;
}

struct pc_hashes *pc_hashes_create(void)
{
    struct pc_hashes *hashes = calloc(1, sizeof *hashes);
    if (!hashes)
        return NULL;
    hashes->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    hashes->ripemd160 = EVP_MD_fetch(NULL, "RIPEMD160", NULL);
    if (!hashes->ripemd160)
        hashes->ripemd160 = fetch_legacy(hashes, "RIPEMD160");
    hashes->sha256_state = EVP_MD_CTX_new();
    hashes->ripemd160_state = EVP_MD_CTX_new();
    if (!hashes->sha256 || !hashes->ripemd160 || !hashes->sha256_state || !hashes->ripemd160_state) {
        pc_hashes_free(hashes);
        return NULL;
    }
    return hashes;
}

void pc_hashes_free(struct pc_hashes *hashes)
{
    if (!hashes)
        return;
    EVP_MD_CTX_free(hashes->sha256_state);
    EVP_MD_CTX_free(hashes->ripemd160_state);
    EVP_MD_free(hashes->sha256);
    EVP_MD_free(hashes->ripemd160);
    if (hashes->legacy)
        OSSL_PROVIDER_unload(hashes->legacy);
    OSSL_LIB_CTX_free(hashes->library);
    free(hashes);
}

// A failure here can only be want of memory, for which there is no answer that all validators share.
static void digest(EVP_MD_CTX *state, const EVP_MD *algorithm, uint8_t *out, struct bytes in)
{
    if (!EVP_DigestInit_ex2(state, algorithm, NULL) || !EVP_DigestUpdate(state, in.ptr, in.len) ||
        !EVP_DigestFinal_ex(state, out, NULL))
        abort();
}

void pc_sha256(struct pc_hashes *hashes, uint8_t out[32], struct bytes in)
{
    digest(hashes->sha256_state, hashes->sha256, out, in);
}

void pc_ripemd160(struct pc_hashes *hashes, uint8_t out[20], struct bytes in)
{
    digest(hashes->ripemd160_state, hashes->ripemd160, out, in);
}
