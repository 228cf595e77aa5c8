#include "tools/address/search.h"

#include "base/keccak.h"
#include "shard/evm/evm.h"
#include "sigverify/sigverify.h"

unsigned address_partition(const address *who)
{
    const bytes32 key = keccak256(who->b, sizeof who->b);
    return partition_of_key(&key);
}

bool address_by_salt(struct address_found *out, unsigned partition, const address *factory,
                     const bytes32 *init_code_hash, const u256 *from)
{
    const u256 one = u256_from_u64(1);
    u256 salt = *from;
    do {
        *out = (struct address_found){.at = evm_create2_address(factory, &salt, init_code_hash), .salt = salt};
        if (address_partition(&out->at) == partition)
            return true;
    } while (!u256_add(&salt, &salt, &one));
    return false;
}

bool address_by_nonce(struct address_found *out, unsigned partition, const address *creator, uint64_t from)
{
    // The last nonce is nobody's (EIP-2681).
    for (uint64_t nonce = from; nonce != UINT64_MAX; nonce++) {
        *out = (struct address_found){.at = evm_create_address(creator, nonce), .nonce = nonce};
        if (address_partition(&out->at) == partition)
            return true;
    }
    return false;
}

bool address_by_key(struct address_found *out, unsigned partition, const bytes32 *seed, uint64_t nonce, bool own)
{
    uint8_t message[40], pubkey[64];
    memcpy(message, seed->b, 32);
    for (uint64_t i = 0; i < UINT64_MAX; i++) {
        store_le64(message + 32, i);
        *out = (struct address_found){.key = keccak256(message, sizeof message), .nonce = nonce};
        if (!sv_public_key(pubkey, &out->key))
            continue;
        out->owner = sv_address(pubkey);
        out->at = own ? out->owner : evm_create_address(&out->owner, nonce);
        if (address_partition(&out->at) == partition)
            return true;
    }
    return false;
}
