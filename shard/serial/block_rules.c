#include "shard/serial/block_rules.h"

#include "base/keccak.h"

#include <inttypes.h>

enum {
    GAS_LIMIT_LEAST = 5000,
    GAS_LIMIT_DIVISOR = 1024, // moves by less than the parent's divided by this
};
#define GAS_LIMIT_MOST INT64_MAX

const struct evm_rules *chain_rules_at(const struct chain_rules *chain, uint64_t number, uint64_t timestamp)
{
    const struct evm_rules *rules = chain->forks[0].rules;
    for (size_t i = 1; i < chain->fork_count; i++) {
        const struct chain_fork *fork = &chain->forks[i];
        if (number >= fork->from_number && timestamp >= fork->from_time)
            rules = fork->rules;
    }
    return rules;
}

uint64_t block_excess_blob_gas(const struct evm_rules *rules, const struct header *parent)
{
    const uint64_t target = (uint64_t)rules->blobs_target * EVM_GAS_PER_BLOB;
    uint64_t sum;
    if (__builtin_add_overflow(parent->excess_blob_gas, parent->blob_gas_used, &sum))
        sum = UINT64_MAX;
    return sum < target ? 0 : sum - target;
}

static bool check_gas_limit(const struct header *parent, const struct header *h, struct block_verdict *out)
{
    const uint64_t old = parent->gas_limit, now = h->gas_limit;
    const uint64_t distance = now > old ? now - old : old - now;
    if (now < GAS_LIMIT_LEAST || now > GAS_LIMIT_MOST)
        return block_refuse(out, BLOCK_GAS_LIMIT, "%" PRIu64 " is out of bounds", now);
    if (distance > 0 && distance >= old / GAS_LIMIT_DIVISOR)
        return block_refuse(out, BLOCK_GAS_LIMIT, "%" PRIu64 " is too far from the parent's %" PRIu64, now, old);
    if (h->gas_used > now)
        return block_refuse(out, BLOCK_GAS_ABOVE_LIMIT, "%" PRIu64 " of %" PRIu64, h->gas_used, now);
    return true;
}

static bool check_place(const struct chain_rules *chain, const struct header *parent, const bytes32 *parent_hash,
                        const struct header *h, struct block_verdict *out)
{
    if (!block_compare_hash(out, BLOCK_UNKNOWN_PARENT, &h->parent_hash, parent_hash))
        return false;
    if (h->number != parent->number + 1)
        return block_refuse(out, BLOCK_NUMBER, "%" PRIu64 " after %" PRIu64, h->number, parent->number);
    if (h->timestamp < parent->timestamp || (h->timestamp == parent->timestamp && !chain->subsecond))
        return block_refuse(out, BLOCK_TIMESTAMP, "%" PRIu64 " after %" PRIu64, h->timestamp, parent->timestamp);
    return true;
}

static bool check_base_fee(const struct chain_rules *chain, const struct header *parent, const struct header *h,
                           struct block_verdict *out)
{
    char has[80], should[80];
    const u256 expected = header_next_base_fee(&chain->fees, parent->gas_limit, parent->gas_used, &parent->base_fee);
    if (u256_equal(&expected, &h->base_fee))
        return true;
    u256_to_decimal(has, &h->base_fee);
    u256_to_decimal(should, &expected);
    return block_refuse(out, BLOCK_BASE_FEE, "the header has %s, it should be %s", has, should);
}

// EIP-3675: what proof of work needed is constant.
static bool check_no_work(const struct header *h, struct block_verdict *out)
{
    static const uint8_t zero[sizeof h->nonce];
    if (!u256_is_zero(&h->difficulty))
        return block_refuse(out, BLOCK_DIFFICULTY, "it isn't zero");
    if (memcmp(h->nonce, zero, sizeof zero) != 0)
        return block_refuse(out, BLOCK_DIFFICULTY, "the nonce isn't zero");
    if (!bytes32_equal(&h->ommers_hash, &KECCAK256_EMPTY_LIST))
        return block_refuse(out, BLOCK_OMMERS, "the header names some");
    return true;
}

static bool check_blobs(const struct evm_rules *rules, const struct header *parent, const struct header *h,
                        struct block_verdict *out)
{
    const uint64_t expected = block_excess_blob_gas(rules, parent);
    if (h->excess_blob_gas != expected)
        return block_refuse(out, BLOCK_EXCESS_BLOB_GAS, "the header has %" PRIu64 ", it should be %" PRIu64,
                            h->excess_blob_gas, expected);
    if (h->blob_gas_used > (uint64_t)rules->blobs_max * EVM_GAS_PER_BLOB)
        return block_refuse(out, BLOCK_BLOB_GAS, "%" PRIu64 " is more than a block may use", h->blob_gas_used);
    return true;
}

bool block_check_header(const struct chain_rules *chain, const struct header *parent, const bytes32 *parent_hash,
                        const struct header *h, struct block_verdict *out)
{
    const struct evm_rules *rules = chain_rules_at(chain, h->number, h->timestamp);
    const unsigned fields = rules->fork >= EVM_CANCUN ? 4 : rules->fork >= EVM_SHANGHAI ? 1 : 0;
    if (rules->fork < EVM_PARIS)
        return block_refuse(out, BLOCK_FORK, "blocks of %s are proof of work, which isn't checked here", rules->name);
    if (!check_place(chain, parent, parent_hash, h, out))
        return false;
    if (h->no_base_fee || h->optional_count != fields)
        return block_refuse(out, BLOCK_FIELDS, "not those of a header of %s", rules->name);
    return check_gas_limit(parent, h, out) && check_base_fee(chain, parent, h, out) && check_no_work(h, out) &&
           (!rules->has_blobs || check_blobs(rules, parent, h, out));
}
