// Addresses of creations are Ethereum's, and what is found lies where it was asked for.
#include "tools/address/search.h"

#include "base/hex.h"
#include "base/keccak.h"
#include "shard/evm/evm.h"
#include "sigverify/sigverify.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static address address_of(const char *text)
{
    address out;
    cr_assert(hex_decode(out.b, 20, text, strlen(text)) == 20);
    return out;
}

static bool is(address got, const char *text)
{
    const address want = address_of(text);
    return address_equal(&got, &want);
}

Test(address, creations_are_where_ethereum_puts_them)
{
    // The first contract of the first dev account, and of another one.
    const address dev = address_of("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    const address other = address_of("0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0");
    cr_expect(is(evm_create_address(&dev, 0), "0x5fbdb2315678afecb367f032d93f642f64180aa3"));
    cr_expect(is(evm_create_address(&other, 0), "0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"));
    cr_expect(is(evm_create_address(&other, 1), "0x343c43a37d37dff08ae8c4a11544c718abb4fcf8"));

    // EIP-1014's examples.
    const address zero = {{0}}, beef = address_of("0x00000000000000000000000000000000deadbeef");
    const bytes32 none = keccak256("\0", 1), code = keccak256("\xde\xad\xbe\xef", 4), empty = keccak256("", 0);
    const u256 no_salt = U256_ZERO, cafe = u256_from_u64(0xcafebabe);
    cr_expect(is(evm_create2_address(&zero, &no_salt, &none), "0x4d1a2e2bb4f88f0250f26ffff098b0b30b26bf38"));
    cr_expect(is(evm_create2_address(&zero, &no_salt, &code), "0x70f2b2914a2a4b783faefb75f459a580616fcb5e"));
    cr_expect(is(evm_create2_address(&beef, &cafe, &code), "0x60f3f640a8508fc6a86d45df051962668e1e8ac7"));
    cr_expect(is(evm_create2_address(&zero, &no_salt, &empty), "0xe33c0c7f7df4809055c3eba6c09cfe4baf1bd9e0"));
}

Test(address, is_found_in_every_partition_and_is_the_first)
{
    uint64_t random = test_seed("address");
    const address who = {{[0] = (uint8_t)test_random(&random)}};
    const bytes32 hash = {{[0] = (uint8_t)test_random(&random)}};
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        struct address_found found;
        const u256 from = u256_from_u64(7);
        cr_assert(address_by_salt(&found, p, &who, &hash, &from));
        const address by_salt = evm_create2_address(&who, &found.salt, &hash);
        cr_expect(address_equal(&by_salt, &found.at) && address_partition(&found.at) == p);
        for (u256 salt = from; u256_cmp(&salt, &found.salt) < 0;) {
            const address before = evm_create2_address(&who, &salt, &hash);
            const u256 one = u256_from_u64(1);
            cr_expect_neq(address_partition(&before), p);
            u256_add(&salt, &salt, &one);
        }
        cr_assert(address_by_nonce(&found, p, &who, 5));
        const address by_nonce = evm_create_address(&who, found.nonce);
        cr_expect(address_equal(&by_nonce, &found.at) && address_partition(&found.at) == p && found.nonce >= 5);
        for (uint64_t nonce = 5; nonce < found.nonce; nonce++) {
            const address before = evm_create_address(&who, nonce);
            cr_expect_neq(address_partition(&before), p);
        }
    }
}

Test(address, has_a_key_of_its_own)
{
    const bytes32 seed = {{1, 2, 3}};
    for (int own = 0; own < 2; own++) {
        struct address_found found;
        uint8_t pubkey[64];
        cr_assert(address_by_key(&found, 200, &seed, 2, own));
        cr_assert(sv_public_key(pubkey, &found.key));
        const address owner = sv_address(pubkey), contract = evm_create_address(&owner, 2);
        cr_expect(address_equal(&owner, &found.owner));
        cr_expect(address_equal(own ? &owner : &contract, &found.at));
        cr_expect_eq(address_partition(&found.at), 200);
    }
}

Test(address, search_ends_where_numbers_do)
{
    struct address_found found;
    const address who = {{0}};
    const bytes32 hash = {{0}};
    const address last = evm_create2_address(&who, &U256_MAX, &hash);
    const unsigned other = (address_partition(&last) + 1) % PARTITION_COUNT;
    cr_expect(!address_by_salt(&found, other, &who, &hash, &U256_MAX));
    cr_expect(address_by_salt(&found, address_partition(&last), &who, &hash, &U256_MAX));
    cr_expect(!address_by_nonce(&found, 0, &who, UINT64_MAX));
}
