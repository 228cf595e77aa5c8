#include "tools/load/load_contracts.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/keccak.h"
#include "tools/load/contract_code.h"
#include "tools/load/load_fund.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    GIFTS_A_TX = 100,
    GIFT_GAS = 60000, // balance and allowance, both new, and two events
    CALL_GAS = 300000,
    TOKEN_GAS = 1000000,
    PAIR_GAS = 2500000,
    STEPS_A_PAIR = 3,
    AHEAD_MAX = 32, // transactions under way at once
    WAIT_US = 20000,
    WORD = 32,
};
#define STUCK_NS 30000000000ull

static const uint8_t PREPARE[4] = {0x06, 0xbd, 0xe6, 0xc3}; // prepare(address[],uint256,address)
static const uint8_t MINT[4] = {0x6a, 0x62, 0x78, 0x42};    // mint(address)

// The sequence: tokens, pairs, each pair's money and first shares, then each token's gifts to the senders.
struct sequence {
    struct rpc_client *rpc;
    const struct load_senders *senders;
    const struct load_mix *mix;
    uint64_t chain_id;
    u256 max_fee;
    bytes32 key;
    address deployer;
    uint32_t chunks; // of a token's gifts
    uint32_t count, first, sent;
    bytes32 *hashes; // of what was sent
};

// A transaction of it under construction.
struct step {
    struct tx_fields fields;
    uint8_t *data;
    size_t len;
};

static void put(struct step *s, const void *bytes, size_t len)
{
    memcpy(s->data + s->len, bytes, len);
    s->len += len;
}

static void put_number(struct step *s, const u256 *value)
{
    u256_to_be(s->data + s->len, value);
    s->len += WORD;
}

static void put_u64(struct step *s, uint64_t value)
{
    const u256 wide = u256_from_u64(value);
    put_number(s, &wide);
}

static void put_address(struct step *s, const address *who)
{
    static const uint8_t zeros[12];
    put(s, zeros, sizeof zeros);
    put(s, who->b, sizeof who->b);
}

static void put_code(struct step *s, const char *hex)
{
    const ptrdiff_t len = hex_decode(s->data + s->len, strlen(hex) / 2, hex, strlen(hex));
    s->len += (size_t)len;
}

// 2^exponent.
static u256 power_of_two(unsigned exponent)
{
    u256 out = U256_ZERO;
    out.w[exponent / 64] = (uint64_t)1 << exponent % 64;
    return out;
}

static void put_prepare(struct step *s, const address *owners, uint32_t count, const u256 *amount,
                        const address *spender)
{
    put(s, PREPARE, sizeof PREPARE);
    put_u64(s, 3 * WORD); // where the list is
    put_number(s, amount);
    put_address(s, spender);
    put_u64(s, count);
    for (uint32_t i = 0; i < count; i++)
        put_address(s, &owners[i]);
}

static void make_pair_step(const struct sequence *q, uint32_t number, struct step *s)
{
    static const address nobody;
    const uint32_t pair = number / STEPS_A_PAIR, which = number % STEPS_A_PAIR;
    const u256 liquidity = power_of_two(90);
    s->fields.gas_limit = CALL_GAS;
    if (which < 2) {
        s->fields.to = q->mix->tokens[2 * pair + which];
        put_prepare(s, &q->mix->pairs[pair], 1, &liquidity, &nobody);
    } else {
        s->fields.to = q->mix->pairs[pair];
        put(s, MINT, sizeof MINT);
        put_address(s, &q->deployer);
    }
}

static void make_gift_step(const struct sequence *q, uint32_t number, struct step *s)
{
    static const address nobody;
    const uint32_t token = number / q->chunks, first = number % q->chunks * GIFTS_A_TX;
    const uint32_t left = q->senders->count - first, count = left < GIFTS_A_TX ? left : GIFTS_A_TX;
    const u256 amount = power_of_two(80);
    s->fields.gas_limit = CALL_GAS + (uint64_t)count * GIFT_GAS;
    s->fields.to = q->mix->tokens[token];
    put_prepare(s, q->senders->addr + first, count, &amount,
                token / 2 < q->mix->pair_count ? &q->mix->pairs[token / 2] : &nobody);
}

// data has room for the longest.
static void make_step(const struct sequence *q, uint32_t number, struct step *s)
{
    const struct load_mix *mix = q->mix;
    s->fields = (struct tx_fields){
        .type = TX_DYNAMIC_FEE, .chain_id = q->chain_id, .nonce = number, .max_fee = q->max_fee, .max_tip = U256_ZERO};
    s->len = 0;
    if (number < mix->token_count) {
        s->fields.is_create = true;
        s->fields.gas_limit = TOKEN_GAS;
        put_code(s, LOAD_TOKEN_CODE);
    } else if ((number -= mix->token_count) < mix->pair_count) {
        s->fields.is_create = true;
        s->fields.gas_limit = PAIR_GAS;
        put_code(s, LOAD_PAIR_CODE);
        put_address(s, &mix->tokens[2 * number]);
        put_address(s, &mix->tokens[2 * number + 1]);
    } else if ((number -= mix->pair_count) < STEPS_A_PAIR * mix->pair_count) {
        make_pair_step(q, number, s);
    } else {
        make_gift_step(q, number - STEPS_A_PAIR * mix->pair_count, s);
    }
    s->fields.data = bytes_of(s->data, s->len);
}

static size_t step_bytes_max(void)
{
    const size_t code = strlen(LOAD_PAIR_CODE) / 2 + 2 * WORD, gifts = sizeof PREPARE + (4 + GIFTS_A_TX) * WORD;
    return code > gifts ? code : gifts;
}

// ---- sending it

static bool send_step(struct sequence *q, uint32_t number, char *error)
{
    const size_t room = step_bytes_max(), raw_room = room + 512;
    uint8_t *mem = malloc(room + raw_room);
    char *params = malloc(2 * raw_room + 8);
    if (!mem || !params)
        abort();
    struct step s = {.data = mem};
    uint8_t *raw = mem + room;
    make_step(q, number, &s);
    const bytes32 hash = keccak256(raw, tx_encode_unsigned(raw, raw_room, &s.fields));
    struct sv_signature signature;
    if (!sv_sign(&signature, &hash, &q->key))
        abort();
    const size_t len = tx_encode_signed(raw, raw_room, &s.fields, signature.v & 1, &signature.r, &signature.s);
    q->hashes[number] = keccak256(raw, len);
    memcpy(params, "[\"0x", 4);
    hex_encode(params + 4, raw, len);
    memcpy(params + 4 + 2 * len, "\"]", 3);
    char reason[RPC_ERROR_MAX];
    json_t *answer = rpc_call(q->rpc, "eth_sendRawTransaction", params, reason);
    const bool ok = answer || strstr(reason, "already known");
    if (!ok)
        snprintf(error, LOAD_ERROR_MAX, "preparing contracts (%u of %u): %.180s", number + 1, q->count, reason);
    json_decref(answer);
    free(params);
    free(mem);
    return ok;
}

static bool deployer_nonce(struct sequence *q, uint64_t *out, char *error)
{
    char params[80], text[41] = {0};
    hex_encode(text, q->deployer.b, sizeof q->deployer.b);
    snprintf(params, sizeof params, "[\"0x%s\",\"latest\"]", text);
    return rpc_call_u64(q->rpc, "eth_getTransactionCount", params, out, error);
}

// Sends what is left, a bounded number ahead, until all of it is included.
static bool send_all(struct sequence *q, char *error)
{
    uint64_t included = q->first, last_progress = clock_ns(), shown = last_progress;
    for (q->sent = q->first; included < q->count;) {
        while (q->sent < q->count && q->sent - included < AHEAD_MAX) {
            if (!send_step(q, q->sent, error))
                return false;
            q->sent++;
        }
        uint64_t nonce;
        if (!deployer_nonce(q, &nonce, error))
            return false;
        if (nonce > included) {
            included = nonce;
            last_progress = clock_ns();
        } else if (clock_ns() - last_progress > STUCK_NS) {
            snprintf(error, LOAD_ERROR_MAX, "preparing contracts: nothing was included for 30 s");
            return false;
        } else {
            usleep(WAIT_US);
        }
        if (clock_ns() - shown > 1000000000) {
            fprintf(stderr, "preparing contracts: %llu of %u transactions\n", (unsigned long long)included, q->count);
            shown = clock_ns();
        }
    }
    return true;
}

// That each did what it was sent for.
static bool check_receipts(struct sequence *q, char *error)
{
    for (uint32_t i = q->first; i < q->count; i++) {
        char params[80], text[65] = {0};
        hex_encode(text, q->hashes[i].b, 32);
        snprintf(params, sizeof params, "[\"0x%s\"]", text);
        json_t *receipt = rpc_call(q->rpc, "eth_getTransactionReceipt", params, error);
        uint64_t status = 0;
        const bool ok = receipt && rpc_parse_quantity(json_object_get(receipt, "status"), &status) && status == 1;
        if (receipt && !ok)
            snprintf(error, LOAD_ERROR_MAX, "preparing contracts: transaction %u of %u failed", i + 1, q->count);
        json_decref(receipt);
        if (!ok)
            return false;
    }
    return true;
}

// ---- the whole

// The key of the deployer, whose nonce counts this very sequence.
static bytes32 deployer_key(const struct load_senders *senders, const struct load_mix *mix)
{
    uint8_t text[64] = "gantry load deployer";
    store_le64(text + 32, senders->seed);
    store_le32(text + 40, senders->count);
    store_le32(text + 44, mix->token_count);
    store_le32(text + 48, mix->pair_count);
    return keccak256(text, sizeof text);
}

// What the rest costs at most.
static u256 cost_of(const struct sequence *q)
{
    uint8_t *data = malloc(step_bytes_max());
    if (!data)
        abort();
    uint64_t gas = 0;
    for (uint32_t i = q->first; i < q->count; i++) {
        struct step s = {.data = data};
        make_step(q, i, &s);
        gas += s.fields.gas_limit;
    }
    free(data);
    u256 cost;
    const bool overflow = u256_mul_u64(&cost, &q->max_fee, gas);
    (void)overflow; // two factors of 64 bits and a small one
    return cost;
}

static bool fund_deployer(struct sequence *q, const bytes32 *from, char *error)
{
    uint64_t price;
    if (!rpc_call_u64(q->rpc, "eth_gasPrice", "[]", &price, error))
        return false;
    q->max_fee = u256_from_u64(4 * price + 1); // blocks that are full on the way make it dearer
    const struct load_senders deployer = {.count = 1, .addr = &q->deployer};
    const struct load_funding funding = {.chain_id = q->chain_id, .need = cost_of(q), .from = from};
    return load_fund(q->rpc, &deployer, &funding, error);
}

bool load_contracts_make(struct rpc_client *rpc, uint64_t chain_id, const struct load_senders *senders,
                         const bytes32 *from, struct load_mix *mix, char error[LOAD_ERROR_MAX])
{
    uint8_t pubkey[64];
    uint64_t nonce;
    if ((uint64_t)senders->count * mix->token_count > LOAD_GIFTS_MAX) {
        snprintf(error, LOAD_ERROR_MAX, "%u senders of %u tokens are too many to give tokens to: lower either",
                 senders->count, mix->token_count);
        return false;
    }
    struct sequence q = {.rpc = rpc,
                         .senders = senders,
                         .mix = mix,
                         .chain_id = chain_id,
                         .key = deployer_key(senders, mix),
                         .chunks = (senders->count + GIFTS_A_TX - 1) / GIFTS_A_TX};
    if (!sv_public_key(pubkey, &q.key))
        abort(); // no hash gives an invalid key in practice
    q.deployer = sv_address(pubkey);
    load_mix_place(mix, &q.deployer);
    q.count = mix->token_count + (1 + STEPS_A_PAIR) * mix->pair_count + mix->token_count * q.chunks;
    if (!deployer_nonce(&q, &nonce, error))
        return false;
    if (nonce >= q.count)
        return true;
    q.first = (uint32_t)nonce;
    q.hashes = calloc(q.count, sizeof *q.hashes);
    if (!q.hashes)
        abort();
    const bool ok = fund_deployer(&q, from, error) && send_all(&q, error) && check_receipts(&q, error);
    free(q.hashes);
    return ok;
}
