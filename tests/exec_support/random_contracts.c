#include "tests/exec_support/random_contracts.h"

#include "tests/support/vectors.h"

enum { PRECOMPILES = 2 };

static uint64_t below(struct random_contracts *r, uint64_t bound)
{
    return test_random(&r->random) % bound;
}

static unsigned any_account(struct random_contracts *r)
{
    return (unsigned)below(r, r->name_count);
}

static struct whom any_whom(struct random_contracts *r)
{
    static const enum program_whom others[] = {WHOM_CALLER, WHOM_ORIGIN, WHOM_COINBASE, WHOM_SELF, WHOM_DATA};
    if (below(r, 3) == 0)
        return (struct whom){.from = others[below(r, 5)]};
    return (struct whom){.given = *chain_address(r->chain, any_account(r))};
}

enum kind {
    KIND_SET,
    KIND_BALANCE,
    KIND_CODE_SIZE,
    KIND_CODE_HASH,
    KIND_CALL,
    KIND_PAY,
    KIND_STATICCALL,
    KIND_DELEGATECALL,
    KIND_CALLCODE,
    KIND_CREATE,
    KIND_SELFDESTRUCT,
    KIND_REVERT,
    KIND_COUNT,
};

static uint64_t any_value(struct random_contracts *r)
{
    static const uint64_t values[] = {1, 2, 7, 50, 1000};
    return values[below(r, 5)];
}

// Init code that writes, logs or fails, and leaves nothing or a short code.
static void add_create(struct random_contracts *r, struct program *p)
{
    static const uint8_t nothing[] = {0x60, 1, 0x60, 0, 0x55}; // SSTORE(0, 1)
    static const uint8_t invalid[] = {0xfe};
    static const uint8_t code[] = {0x60, 0x33, 0x5f, 0x53, 0x60, 0xff, 0x60, 1, 0x53, 0x60, 2, 0x5f, 0xf3};
    // The last one's code is CALLER SELFDESTRUCT.
    const struct bytes inits[] = {
        bytes_of(nothing, sizeof nothing), bytes_of(invalid, 1), bytes_of(code, sizeof code), {0}};
    program_create(p, below(r, 2) ? EVM_OP_CREATE : EVM_OP_CREATE2, inits[below(r, 4)], below(r, 2) ? 0 : any_value(r),
                   below(r, 2));
}

static void add_kind(struct random_contracts *r, struct program *p, enum kind kind)
{
    static const uint8_t sets[] = {EVM_OP_GAS,        EVM_OP_CALLVALUE, EVM_OP_SELFBALANCE, EVM_OP_CALLER,
                                   EVM_OP_NUMBER,     EVM_OP_TIMESTAMP, EVM_OP_CODESIZE,    EVM_OP_RETURNDATASIZE,
                                   EVM_OP_PREVRANDAO, EVM_OP_GASPRICE,  EVM_OP_BASEFEE};
    switch (kind) {
    case KIND_SET:
        program_set(p, sets[below(r, sizeof sets)]);
        break;
    case KIND_BALANCE:
        program_ask(p, EVM_OP_BALANCE, any_whom(r));
        break;
    case KIND_CODE_SIZE:
        program_ask(p, EVM_OP_EXTCODESIZE, any_whom(r));
        break;
    case KIND_CODE_HASH:
        program_ask(p, EVM_OP_EXTCODEHASH, any_whom(r));
        break;
    case KIND_CALL:
        program_call(p, EVM_OP_CALL, any_whom(r), 0);
        break;
    case KIND_PAY:
        program_call(p, EVM_OP_CALL, any_whom(r), any_value(r));
        break;
    case KIND_STATICCALL:
        program_call(p, EVM_OP_STATICCALL, any_whom(r), 0);
        break;
    case KIND_DELEGATECALL:
        program_call(p, EVM_OP_DELEGATECALL, any_whom(r), 0);
        break;
    case KIND_CALLCODE:
        program_call(p, EVM_OP_CALLCODE, any_whom(r), below(r, 2));
        break;
    case KIND_CREATE:
        add_create(r, p);
        break;
    case KIND_SELFDESTRUCT:
        program_selfdestruct(p, any_whom(r));
        break;
    case KIND_REVERT:
    case KIND_COUNT:
        program_revert(p);
        break;
    }
}

struct bytes random_program(struct random_contracts *r, struct program *p, unsigned length, unsigned focus)
{
    size_t skips[8], skip_count = 0;
    program_begin(p);
    for (unsigned i = 0; i < length; i++) {
        const uint64_t choice = below(r, 20);
        if (skip_count > 0 && below(r, 3) == 0)
            program_land(p, skips[--skip_count]);
        if (choice < 3)
            program_load(p, below(r, 3));
        else if (choice < 6)
            program_store(p, below(r, 3), below(r, 4), 5);
        else if (choice < 8 && skip_count < 8)
            skips[skip_count++] = program_skip(p, 1 + below(r, 3));
        else if (choice < 9)
            program_log(p, below(r, 3));
        else
            add_kind(r, p, choice < 17 ? focus % KIND_COUNT : below(r, KIND_COUNT));
    }
    while (skip_count > 0)
        program_land(p, skips[--skip_count]);
    return program_end(p);
}

static void add_users(struct random_contracts *r, unsigned spread, unsigned step)
{
    static const uint64_t money[] = {0, 3000000, 20000000, 1000000000, 1000000000, 1000000000};
    r->user_first = r->name_count;
    r->user_count = 4 + (unsigned)below(r, 6);
    for (unsigned i = 0; i < r->user_count; i++)
        chain_add(r->chain, (unsigned)below(r, spread) * step, money[below(r, 6)], below(r, 3) ? 0 : below(r, 3),
                  (struct bytes){0});
    r->name_count += r->user_count;
    for (uint64_t i = below(r, 3); i > 0; i--, r->name_count++)
        chain_add(r->chain, (unsigned)below(r, spread) * step, below(r, 2), 0, (struct bytes){0});
}

static void add_contracts(struct random_contracts *r, unsigned spread, unsigned step)
{
    static const uint64_t money[] = {0, 1, 3, 60, 5000};
    const unsigned focus[2] = {(unsigned)below(r, KIND_COUNT), (unsigned)below(r, KIND_COUNT)};
    struct program p;
    r->contract_first = r->name_count;
    r->contract_count = 2 + (unsigned)below(r, 4);
    for (unsigned i = 0; i < r->contract_count; i++, r->name_count++) {
        const struct bytes code = random_program(r, &p, 1 + (unsigned)below(r, 9), focus[below(r, 2)]);
        const unsigned n = chain_add(r->chain, (unsigned)below(r, spread) * step, money[below(r, 5)], 1, code);
        for (unsigned slot = 0; slot < 2; slot++)
            chain_put_slot(r->chain, n, slot, below(r, 4));
    }
}

struct random_contracts random_contracts_new(const char *what, uint64_t seed)
{
    struct random_contracts r = {.chain = contract_chain_new(what), .random = seed, .name_count = 1};
    const unsigned spread = 1 + (unsigned)below(&r, 6), step = 1 + (unsigned)below(&r, 42);
    for (unsigned i = 0; i < PRECOMPILES; i++) {
        const address precompile = {.b[19] = (uint8_t)(below(&r, 2) ? 4 : 1 + below(&r, 9))};
        chain_name(r.chain, &precompile);
        r.name_count++;
    }
    add_users(&r, spread, step);
    add_contracts(&r, spread, step);
    r.mix = (unsigned)below(&r, 4);
    struct exec_env *env = chain_env(r.chain);
    if (below(&r, 3) == 0)
        env->gas_limit = 200000 + below(&r, 3000000);
    if (below(&r, 2))
        chain_set_coinbase(r.chain, any_account(&r));
    return r;
}

static unsigned any_target(struct random_contracts *r)
{
    static const uint64_t transfers[] = {4, 1, 6, 2}; // of ten
    const uint64_t choice = below(r, 10);
    if (choice < transfers[r->mix])
        return any_account(r);
    const unsigned hot = below(r, 2) ? r->contract_count : 1;
    return r->contract_first + (unsigned)below(r, hot);
}

static void vary(struct random_contracts *r, unsigned from, struct tx *t)
{
    static const uint64_t gas[] = {0, 3000, 20000, 40000, 80000, 80000, 180000};
    const uint64_t choice = below(r, 60);
    t->gas_limit = tx_intrinsic_gas(t) + gas[below(r, 7)];
    t->max_fee = u256_from_u64(7 + below(r, 6));
    t->max_tip = u256_from_u64(below(r, 1 + t->max_fee.w[0]));
    if (choice == 0)
        t->nonce += 1 + below(r, 2);
    else if (choice == 1)
        t->nonce -= t->nonce > 0;
    else if (choice == 2)
        t->max_fee = t->max_tip = u256_from_u64(6);
    else if (choice == 3)
        t->chain_id++;
    else if (choice == 4)
        t->gas_limit = tx_intrinsic_gas(t) - 1;
    else if (choice == 5)
        t->gas_limit = chain_env(r->chain)->gas_limit + 1;
    // Mostly the next one fills the place that this one won't take.
    if (choice <= 5 && below(r, 4))
        chain_repeat_nonce(r->chain, from);
}

static void add_transaction(struct random_contracts *r)
{
    static const uint64_t values[] = {0, 0, 0, 1, 30, 1000, 1000000};
    // Contracts can't send: such transactions are refused.
    const unsigned from = below(r, 30) ? r->user_first + (unsigned)below(r, r->user_count) : any_account(r);
    const uint64_t value = values[below(r, 7)];
    struct program p;
    struct tx *t;
    if (below(r, 15) == 0) {
        t = chain_create(r->chain, from, value, random_program(r, &p, (unsigned)below(r, 3), KIND_SET));
        vary(r, from, t);
        return;
    }
    t = chain_send(r->chain, from, any_target(r), value);
    if (below(r, 3)) {
        uint8_t data[32] = {0};
        memcpy(data + 12, chain_address(r->chain, any_account(r))->b, 20);
        chain_set_data(r->chain, t, bytes_of(data, sizeof data));
    }
    if (below(r, 8) == 0)
        chain_set_access_list(r->chain, t, any_account(r), below(r, 3));
    vary(r, from, t);
    if (below(r, 8) == 0) {
        t->type = TX_LEGACY;
        t->max_tip = t->max_fee;
    }
}

void random_contracts_fill(struct random_contracts *r)
{
    for (uint64_t i = 2 + below(r, 20); i > 0; i--)
        add_transaction(r);
}
