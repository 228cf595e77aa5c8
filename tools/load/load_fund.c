#include "tools/load/load_fund.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/keccak.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GAS_LIMIT 21000
#define WAIT_US 20000
#define STUCK_NS 30000000000ull
#define AHEAD_MAX 500 // funding transactions under way at once; pools bound what one sender may have

static void address_text(char out[43], const address *addr)
{
    memcpy(out, "0x", 2);
    hex_encode(out + 2, addr->b, sizeof addr->b);
    out[42] = 0;
}

struct account_batch {
    const address *addrs;
    const char *tag;
    uint64_t *nonces; // or NULL
    u256 *balances;   // or NULL
    bool bad;
};

static void account_params(void *ctx, size_t i, char out[RPC_PARAMS_MAX])
{
    const struct account_batch *b = ctx;
    char text[43];
    address_text(text, &b->addrs[i]);
    snprintf(out, RPC_PARAMS_MAX, "[\"%s\",\"%s\"]", text, b->tag);
}

static void account_answered(void *ctx, size_t i, const json_t *result, const char *message)
{
    struct account_batch *b = ctx;
    const char *text = json_string_value(result);
    (void)message;
    if (b->nonces)
        b->bad |= !rpc_parse_quantity(result, &b->nonces[i]);
    else
        b->bad |= !text || !u256_parse(&b->balances[i], text, strlen(text));
}

static bool ask_accounts(struct rpc_client *rpc, const char *method, struct account_batch *accounts, size_t count,
                         char *error)
{
    const struct rpc_batch batch = {method, accounts, account_params, account_answered};
    if (!rpc_call_batch(rpc, &batch, count, error))
        return false;
    if (accounts->bad)
        snprintf(error, LOAD_ERROR_MAX, "%s: an answer is not a quantity", method);
    return !accounts->bad;
}

bool load_fetch_nonces(struct rpc_client *rpc, const struct load_senders *senders, uint64_t *nonces,
                       char error[LOAD_ERROR_MAX])
{
    struct account_batch accounts = {.addrs = senders->addr, .tag = "pending", .nonces = nonces};
    return ask_accounts(rpc, "eth_getTransactionCount", &accounts, senders->count, error);
}

// The payments of a fan-out: one transaction of the payer for each poor sender, with consecutive nonces.
struct fan_out {
    struct rpc_client *rpc;
    const struct load_funding *funding;
    const address *addrs; // of the senders
    uint32_t *poor;       // indices of those who get money
    uint32_t poor_count;
    address payer;
    uint64_t first_nonce;
    u256 amount, max_fee;
    // The batch under way
    uint32_t from, refused_at;
    char reason[RPC_ERROR_MAX];
};

static void payment_params(void *ctx, size_t i, char out[RPC_PARAMS_MAX])
{
    const struct fan_out *f = ctx;
    const uint32_t payment = f->from + (uint32_t)i;
    const struct tx_fields fields = {
        .type = TX_DYNAMIC_FEE,
        .chain_id = f->funding->chain_id,
        .nonce = f->first_nonce + payment,
        .gas_limit = GAS_LIMIT,
        .max_fee = f->max_fee,
        .max_tip = U256_ZERO,
        .value = f->amount,
        .to = f->addrs[f->poor[payment]],
    };
    uint8_t raw[256];
    size_t len = tx_encode_unsigned(raw, sizeof raw, &fields);
    const bytes32 hash = keccak256(raw, len);
    struct sv_signature signature;
    if (!sv_sign(&signature, &hash, f->funding->from))
        abort(); // the key made a public key before
    len = tx_encode_signed(raw, sizeof raw, &fields, signature.v & 1, &signature.r, &signature.s);
    char hex[2 * sizeof raw + 1];
    hex_encode(hex, raw, len);
    hex[2 * len] = 0;
    snprintf(out, RPC_PARAMS_MAX, "[\"0x%s\"]", hex);
}

static void payment_answered(void *ctx, size_t i, const json_t *result, const char *message)
{
    struct fan_out *f = ctx;
    const bool known = message && (strstr(message, "already known") || strstr(message, "nonce too low"));
    if (result || known || f->refused_at != UINT32_MAX)
        return;
    f->refused_at = f->from + (uint32_t)i;
    snprintf(f->reason, sizeof f->reason, "%s", message);
}

// Refusals that pass when blocks come.
static bool passes(const char *reason)
{
    return strstr(reason, "full") || strstr(reason, "limit") || strstr(reason, "too high") ||
           strstr(reason, "underpriced");
}

static bool payer_nonce(struct fan_out *f, const char *tag, uint64_t *out, char *error)
{
    char params[80], text[43];
    address_text(text, &f->payer);
    snprintf(params, sizeof params, "[\"%s\",\"%s\"]", text, tag);
    return rpc_call_u64(f->rpc, "eth_getTransactionCount", params, out, error);
}

// Sends payments as the node takes them, until all are included.
static bool pay(struct fan_out *f, char *error)
{
    uint32_t sent = 0, included = 0;
    uint64_t last_progress = clock_ns(), shown = last_progress;
    while (included < f->poor_count) {
        uint32_t count = f->poor_count - sent;
        count = count < RPC_BATCH_MAX ? count : RPC_BATCH_MAX;
        if (sent - included < AHEAD_MAX && count > 0) {
            const struct rpc_batch batch = {"eth_sendRawTransaction", f, payment_params, payment_answered};
            f->from = sent;
            f->refused_at = UINT32_MAX;
            if (!rpc_call_batch(f->rpc, &batch, count, error))
                return false;
            sent = f->refused_at != UINT32_MAX ? f->refused_at : sent + count;
            if (f->refused_at != UINT32_MAX && !passes(f->reason)) {
                snprintf(error, LOAD_ERROR_MAX, "funding the senders: %.200s", f->reason);
                return false;
            }
        }
        uint64_t nonce;
        if (!payer_nonce(f, "latest", &nonce, error))
            return false;
        const uint32_t done = nonce > f->first_nonce ? (uint32_t)(nonce - f->first_nonce) : 0;
        if (done > included)
            last_progress = clock_ns();
        included = done;
        if (clock_ns() - last_progress > STUCK_NS) {
            snprintf(error, LOAD_ERROR_MAX, "funding the senders: nothing was included for 30 s");
            return false;
        }
        if (clock_ns() - shown > 1000000000) {
            fprintf(stderr, "funding senders: %u of %u\n", included, f->poor_count);
            shown = clock_ns();
        }
        if (sent == f->poor_count || sent - included >= AHEAD_MAX || f->refused_at != UINT32_MAX)
            usleep(WAIT_US);
    }
    return true;
}

// What all payments cost at most must be there.
static bool check_payer(struct fan_out *f, char *error)
{
    uint8_t pubkey[64];
    if (!sv_public_key(pubkey, f->funding->from)) {
        snprintf(error, LOAD_ERROR_MAX, "--from is not a valid key");
        return false;
    }
    f->payer = sv_address(pubkey);
    u256 balance = U256_ZERO, each, total;
    struct account_batch account = {.addrs = &f->payer, .tag = "latest", .balances = &balance};
    uint64_t price;
    if (!ask_accounts(f->rpc, "eth_getBalance", &account, 1, error) ||
        !rpc_call_u64(f->rpc, "eth_gasPrice", "[]", &price, error) || !payer_nonce(f, "latest", &f->first_nonce, error))
        return false;
    f->max_fee = u256_from_u64(2 * price + 1);
    bool overflow = u256_mul_u64(&each, &f->max_fee, GAS_LIMIT);
    overflow |= u256_add(&each, &each, &f->amount);
    overflow |= u256_mul_u64(&total, &each, f->poor_count);
    if (overflow || u256_cmp(&balance, &total) < 0) {
        snprintf(error, LOAD_ERROR_MAX,
                 "--from has too little to fund %u senders: lower --senders, --rate or --max-fee", f->poor_count);
        return false;
    }
    return true;
}

bool load_fund(struct rpc_client *rpc, const struct load_senders *senders, const struct load_funding *funding,
               char error[LOAD_ERROR_MAX])
{
    u256 *balances = calloc(senders->count, sizeof *balances);
    struct fan_out f = {.rpc = rpc, .funding = funding, .addrs = senders->addr};
    f.poor = calloc(senders->count, sizeof *f.poor);
    if (!balances || !f.poor)
        abort();
    struct account_batch accounts = {.addrs = senders->addr, .tag = "latest", .balances = balances};
    bool ok = ask_accounts(rpc, "eth_getBalance", &accounts, senders->count, error);
    for (uint32_t i = 0; ok && i < senders->count; i++) {
        if (u256_cmp(&balances[i], &funding->need) < 0)
            f.poor[f.poor_count++] = i;
    }
    if (ok && f.poor_count > 0 && !funding->from) {
        snprintf(error, LOAD_ERROR_MAX,
                 "%u of %u senders have too little to send: name a funded key with --from (\"dev\" on gantry dev)",
                 f.poor_count, senders->count);
        ok = false;
    } else if (ok && f.poor_count > 0) {
        ok = !u256_mul_u64(&f.amount, &funding->need, 2) && check_payer(&f, error) && pay(&f, error);
    }
    free(balances);
    free(f.poor);
    return ok;
}
