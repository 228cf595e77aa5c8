// What a function hashed says what its next call will hash; guesses that are wrong change nothing.
#include "base/keccak.h"
#include "shard/evm/foresight.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { DATA = 4 + 2 * 32 };

struct bed {
    struct arena *arena;
    struct foresight *foresight;
    struct keccak_memo *memo;
    uint64_t random;
};

// A call of one function with two addresses as arguments.
struct call {
    struct evm_tx tx;
    uint8_t data[DATA];
};

static struct bed bed_open(const char *seed)
{
    struct bed bed = {.arena = arena_create(), .memo = malloc(sizeof *bed.memo), .random = test_seed(seed)};
    bed.foresight = foresight_create(bed.arena);
    keccak_memo_init(bed.memo);
    return bed;
}

static void bed_close(struct bed *bed)
{
    foresight_free(bed->foresight, bed->arena);
    cr_assert_eq(arena_bytes(bed->arena), 0);
    arena_destroy(bed->arena);
    free(bed->memo);
}

static address random_address(struct bed *bed)
{
    address out;
    for (size_t i = 0; i < sizeof out.b; i++)
        out.b[i] = (uint8_t)test_random(&bed->random);
    return out;
}

static void put_address(uint8_t word[32], const address *who)
{
    memset(word, 0, 12);
    memcpy(word + 12, who->b, sizeof who->b);
}

static void make_call(struct call *c, struct bed *bed, const address *to, uint8_t selector)
{
    *c = (struct call){.tx = {.sender = random_address(bed), .to = *to}, .data = {selector}};
    for (size_t i = 0; i < 2; i++) {
        const address argument = random_address(bed);
        put_address(c->data + 4 + 32 * i, &argument);
    }
    c->tx.data = bytes_of(c->data, sizeof c->data);
}

static struct evm_ahead ahead_of(const struct call *c)
{
    return (struct evm_ahead){&c->tx.sender, &c->tx.to, c->tx.data};
}

// The input of a mapping's slot.
static void mapping(uint8_t in[64], const uint8_t key[32], const uint8_t base[32])
{
    memcpy(in, key, 32);
    memcpy(in + 32, base, 32);
}

// As a contract does that hashes: from memory or made, and learned then.
static bytes32 hash(struct bed *bed, const struct call *c, const uint8_t in[64])
{
    const bytes32 *remembered = keccak_memo_find(bed->memo, in);
    if (remembered)
        return *remembered;
    const bytes32 made = keccak256(in, 64);
    keccak_memo_put(bed->memo, in, &made);
    foresight_learn(bed->foresight, &c->tx, &c->tx.to, in, bed->memo);
    return made;
}

// What an ERC-20's transferFrom hashes: balances (mapping 1) of both, and the sender's allowance (mapping 2 of 2).
static void transfer_from(struct bed *bed, const struct call *c, bytes32 slots[3])
{
    const uint8_t balances[32] = {[31] = 1}, allowances[32] = {[31] = 2};
    uint8_t in[64], sender[32];
    put_address(sender, &c->tx.sender);
    mapping(in, c->data + 4, balances);
    slots[0] = hash(bed, c, in);
    mapping(in, c->data + 36, balances);
    slots[1] = hash(bed, c, in);
    mapping(in, c->data + 4, allowances);
    const bytes32 inner = hash(bed, c, in);
    mapping(in, sender, inner.b);
    slots[2] = hash(bed, c, in);
}

static bool has_slot(const struct evm_slot_ahead *slots, size_t count, size_t call, const address *contract,
                     const bytes32 *slot)
{
    const u256 number = u256_from_be(slot->b, sizeof slot->b);
    for (size_t i = 0; i < count; i++) {
        if (slots[i].call == call && address_equal(&slots[i].contract, contract) && u256_equal(&slots[i].slot, &number))
            return true;
    }
    return false;
}

Test(foresight, knows_the_slots_of_the_next_calls)
{
    struct bed bed = bed_open("foresight");
    const address token = random_address(&bed);
    struct call first, calls[EVM_AHEAD_MAX];
    struct evm_ahead ahead[EVM_AHEAD_MAX];
    struct evm_slot_ahead slots[EVM_AHEAD_SLOTS_MAX];
    bytes32 want[3];
    make_call(&first, &bed, &token, 7);
    ahead[0] = ahead_of(&first);
    cr_assert_eq(foresight_use(bed.foresight, bed.memo, ahead, 1, slots), 0);
    transfer_from(&bed, &first, want);
    for (size_t i = 0; i < EVM_AHEAD_MAX; i++) {
        make_call(&calls[i], &bed, &token, 7);
        ahead[i] = ahead_of(&calls[i]);
    }
    const size_t count = foresight_use(bed.foresight, bed.memo, ahead, EVM_AHEAD_MAX, slots);
    cr_assert_eq(count, 3 * EVM_AHEAD_MAX, "the inner mapping's hash is no slot");
    for (size_t i = 0; i < EVM_AHEAD_MAX; i++) {
        transfer_from(&bed, &calls[i], want);
        for (size_t n = 0; n < 3; n++)
            cr_assert(has_slot(slots, count, i, &token, &want[n]), "call %zu, slot %zu", i, n);
    }
    bed_close(&bed);
}

Test(foresight, keeps_functions_that_would_lie_in_the_same_place)
{
    enum { TOKENS = 4 };
    struct bed bed = bed_open("foresight side by side");
    address tokens[TOKENS];
    bytes32 made[3];
    for (size_t i = 0; i < TOKENS; i++) {
        struct call call;
        tokens[i] = random_address(&bed);
        memcpy(tokens[i].b + 12, tokens[0].b + 12, 8);
        make_call(&call, &bed, &tokens[i], 7);
        transfer_from(&bed, &call, made);
    }
    for (size_t i = 0; i < TOKENS; i++) {
        struct call call;
        struct evm_slot_ahead slots[EVM_AHEAD_SLOTS_MAX];
        make_call(&call, &bed, &tokens[i], 7);
        const struct evm_ahead ahead = ahead_of(&call);
        cr_assert_eq(foresight_use(bed.foresight, bed.memo, &ahead, 1, slots), 3, "token %zu", i);
    }
    bed_close(&bed);
}

Test(foresight, keeps_functions_apart)
{
    struct bed bed = bed_open("foresight functions");
    const address token = random_address(&bed), other = random_address(&bed);
    struct call call;
    bytes32 made[3];
    make_call(&call, &bed, &token, 7);
    transfer_from(&bed, &call, made);
    struct evm_slot_ahead slots[EVM_AHEAD_SLOTS_MAX];
    make_call(&call, &bed, &token, 8);
    struct evm_ahead ahead = ahead_of(&call);
    cr_assert_eq(foresight_use(bed.foresight, bed.memo, &ahead, 1, slots), 0);
    make_call(&call, &bed, &other, 7);
    ahead = ahead_of(&call);
    cr_assert_eq(foresight_use(bed.foresight, bed.memo, &ahead, 1, slots), 0);
    bed_close(&bed);
}

Test(foresight, copes_with_data_that_is_too_short)
{
    struct bed bed = bed_open("foresight short");
    const address token = random_address(&bed);
    struct call call;
    bytes32 made[3];
    make_call(&call, &bed, &token, 7);
    transfer_from(&bed, &call, made);
    for (size_t len = 0; len < DATA; len++) {
        struct evm_slot_ahead slots[EVM_AHEAD_SLOTS_MAX];
        uint8_t *exact = malloc(len + !len);
        memcpy(exact, call.data, len);
        const struct evm_ahead ahead = {&call.tx.sender, &token, bytes_of(exact, len)};
        cr_assert_eq(foresight_use(bed.foresight, bed.memo, &ahead, 1, slots), 0, "%zu bytes", len);
        free(exact);
    }
    bed_close(&bed);
}

// Functions that hash anything, more than there is room for: all that is remembered is right.
Test(foresight, remembers_nothing_wrong)
{
    struct bed bed = bed_open("foresight random");
    const address contract = random_address(&bed);
    for (unsigned round = 0; round < 3000; round++) {
        struct call call;
        make_call(&call, &bed, &contract, (uint8_t)(test_random(&bed.random) % 3));
        struct evm_slot_ahead slots[EVM_AHEAD_SLOTS_MAX];
        const struct evm_ahead ahead = ahead_of(&call);
        cr_assert_leq(foresight_use(bed.foresight, bed.memo, &ahead, 1, slots), EVM_AHEAD_SLOTS_MAX / EVM_AHEAD_MAX);
        bytes32 last = {{0}};
        for (unsigned n = 0; n < 12; n++) {
            uint8_t in[64] = {0}, sender[32];
            put_address(sender, &call.tx.sender);
            const uint8_t *const words[] = {sender, call.data + 4, call.data + 36, last.b, in};
            mapping(in, words[test_random(&bed.random) % 4], words[test_random(&bed.random) % 5]);
            in[63] ^= (uint8_t)(test_random(&bed.random) % 2);
            const bytes32 want = keccak256(in, sizeof in);
            last = hash(&bed, &call, in);
            cr_assert(bytes32_equal(&last, &want));
        }
    }
    bed_close(&bed);
}
