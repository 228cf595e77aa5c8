// Genesis: a geth-style genesis.json (config.chainId, alloc, gasLimit, baseFeePerGas, timestamp, extraData, ...) and
// gantry's own keys under config.gantry. Defaults: gas limit 2,000,000,000, base fee 1 gwei, elasticity 2,
// denominator 8, subsecond on.
#ifndef GANTRY_CHAIN_GENESIS_H
#define GANTRY_CHAIN_GENESIS_H

#include "chain/genesis_cluster.h"
#include "chain/header.h"

struct genesis_slot {
    bytes32 slot; // its number, big-endian
    u256 value;   // not zero
};

struct genesis_account {
    address addr;
    u256 balance;
    uint64_t nonce;
    uint8_t *code; // malloc'ed; NULL when it has none
    size_t code_len;
    struct genesis_slot *storage; // malloc'ed, sorted by slot, no duplicates
    size_t storage_count;
};

// header.extra_data points into the structure itself: hand it around by pointer.
struct genesis {
    uint64_t chain_id;
    bool subsecond; // equal timestamps allowed; off: blocks at least a second apart
    struct fee_rules fee_rules;
    struct header header; // complete but for state_root
    uint8_t extra_data[32];
    struct genesis_account *accounts; // malloc'ed, sorted by address, no duplicates
    size_t account_count;
    struct genesis_cluster cluster;
};

#define GENESIS_ERROR_MAX 256
#define GENESIS_FILE_MAX (1u << 30)

// Parses the JSON text. Refused with a message that names the place: malformed JSON, unknown keys under config.gantry,
// a duplicate or empty account, balances that together exceed 256 bits, a base fee of zero, code that is no hexadecimal
// bytes, storage that is no object of at most 32 hexadecimal bytes each way, a slot that is there twice, a number that
// does not fit, a gas limit under 21000, a fork schedule that is not Cancun from the first block on; of validators:
// more than CLUSTER_VALIDATORS_MAX, a key, weight or fee address that is missing or malformed, a key or name that is
// there twice, an extraData that is not cluster_digest (whether keys are points of the curve is for who uses them).
// Numbers are JSON integers or strings, decimal or 0x-hexadecimal; alloc's addresses, codes and slots come with or
// without 0x, short slots and values mean leading zeros, and slots of value zero are left out. Nothing to free after a
// refusal. Keys that are not known outside config.gantry are ignored, as geth does.
MUST_CHECK bool genesis_parse(struct genesis *out, const char *json, size_t len, char error[GENESIS_ERROR_MAX]);
MUST_CHECK bool genesis_load(struct genesis *out, const char *path, char error[GENESIS_ERROR_MAX]);
void genesis_free(struct genesis *g);

// The contract of EIP-4788, which every genesis that gantry writes has: a member of alloc.
extern const char GENESIS_BEACON_ROOTS[];

// The chain that `gantry dev` starts: id 31337 and the ten accounts of the mnemonic "test test test test test test test
// test test test test junk" (BIP-39, m/44'/60'/0'/0/0..9), 10,000 ether each.
void genesis_dev(struct genesis *out);
char *genesis_dev_text(void); // its genesis.json, malloc'ed
struct dev_account {
    address addr;
    bytes32 secret_key;
};
#define DEV_ACCOUNT_COUNT 10
extern const struct dev_account DEV_ACCOUNTS[DEV_ACCOUNT_COUNT];

// Benchmark genesis: account_count accounts with `balance` each: first sender_count senders derived from seed (their
// keys: bench_key), the rest addresses without known keys (bench_receiver).
bytes32 bench_key(uint64_t seed, uint64_t index);
address bench_receiver(uint64_t seed, uint64_t index);

#endif
