#include "engine/rpc/call_params.h"

#include "base/rlp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((format(printf, 2, 3))) static bool fail(char error[PARAM_ERROR_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, PARAM_ERROR_MAX, format, args);
    va_end(args);
    return false;
}

static bool has(const struct jv *object, const char *name)
{
    return jv_kind(jv_get(object, name)) != JV_NULL;
}

// Reads the member when it is there and not null.
#define OPTIONAL(read, object, type, name, ...)                                                                        \
    (!has(object, name) || read(jv_get(object, name), type "." name, __VA_ARGS__))

// The transaction

struct call_bytes {
    uint8_t *data, *list;
    size_t data_len, list_len;
};

static bool read_data(const struct jv *v, struct call_bytes *out, char error[PARAM_ERROR_MAX])
{
    uint8_t *input = NULL, *data = NULL;
    size_t input_len = 0, data_len = 0;
    bool ok = OPTIONAL(param_data, v, "TransactionArgs", "input", &input, &input_len, error) &&
              OPTIONAL(param_data, v, "TransactionArgs", "data", &data, &data_len, error);
    if (ok && has(v, "input") && has(v, "data") && !bytes_equal(bytes_of(input, input_len), bytes_of(data, data_len)))
        ok = fail(error, "both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass transaction "
                         "call data");
    const bool use_input = has(v, "input");
    out->data = use_input ? input : data;
    out->data_len = use_input ? input_len : data_len;
    free(use_input ? data : input);
    return ok;
}

static bool read_entry(const struct jv *entry, address *who, char error[PARAM_ERROR_MAX])
{
    static const char *const kinds[] = {"null", "bool", "number", "string", "array", "object"};
    const struct jv *keys = jv_get(entry, "storageKeys");
    bytes32 key;
    if (jv_kind(entry) != JV_OBJECT || (jv_kind(keys) != JV_ARRAY && jv_kind(keys) != JV_NULL))
        return fail(error,
                    "json: cannot unmarshal %s into Go struct field TransactionArgs.accessList of type "
                    "types.AccessTuple",
                    kinds[jv_kind(entry)]);
    if (!param_address(jv_get(entry, "address"), "AccessTuple.accessList.address", who, error))
        return false;
    for (size_t i = 0; i < jv_count(keys); i++) {
        if (!param_hash(jv_at(keys, i), "AccessTuple.accessList.storageKeys", &key, error))
            return false;
    }
    return true;
}

static size_t entry_payload(const struct jv *entry)
{
    return 21 + rlp_size_list(33 * jv_count(jv_get(entry, "storageKeys")));
}

static uint8_t *put_entry(uint8_t *p, const struct jv *entry)
{
    char error[PARAM_ERROR_MAX];
    const struct jv *keys = jv_get(entry, "storageKeys");
    address who;
    bytes32 key;
    if (!read_entry(entry, &who, error)) // was read before
        return p;
    p = rlp_put_string(rlp_put_list(p, entry_payload(entry)), bytes_of(who.b, sizeof who.b));
    p = rlp_put_list(p, 33 * jv_count(keys));
    for (size_t i = 0; i < jv_count(keys); i++) {
        if (param_hash(jv_at(keys, i), NULL, &key, error))
            p = rlp_put_string(p, bytes_of(key.b, sizeof key.b));
    }
    return p;
}

static bool read_access_list(const struct jv *v, const char *field, struct call_bytes *out, char error[PARAM_ERROR_MAX])
{
    static const char *const kinds[] = {"null", "bool", "number", "string", "array", "object"};
    size_t payload = 0;
    address who;
    if (jv_kind(v) != JV_ARRAY)
        return fail(error, "json: cannot unmarshal %s into Go struct field %s of type types.AccessList",
                    kinds[jv_kind(v)], field);
    for (size_t i = 0; i < jv_count(v); i++) {
        if (!read_entry(jv_at(v, i), &who, error))
            return false;
        payload += rlp_size_list(entry_payload(jv_at(v, i)));
    }
    out->list = malloc(rlp_size_list(payload));
    if (!out->list)
        return fail(error, "out of memory");
    uint8_t *p = rlp_put_list(out->list, payload);
    for (size_t i = 0; i < jv_count(v); i++)
        p = put_entry(p, jv_at(v, i));
    out->list_len = (size_t)(p - out->list);
    return true;
}

static bool read_prices(const struct jv *v, struct evm_tx *tx, char error[PARAM_ERROR_MAX])
{
    u256 gas_price = U256_ZERO;
    const bool dynamic = has(v, "maxFeePerGas") || has(v, "maxPriorityFeePerGas");
    if (!OPTIONAL(param_quantity256, v, "TransactionArgs", "gasPrice", &gas_price, error) ||
        !OPTIONAL(param_quantity256, v, "TransactionArgs", "maxFeePerGas", &tx->max_fee, error) ||
        !OPTIONAL(param_quantity256, v, "TransactionArgs", "maxPriorityFeePerGas", &tx->max_tip, error))
        return false;
    if (dynamic && has(v, "gasPrice"))
        return fail(error, "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified");
    tx->type = dynamic ? TX_DYNAMIC_FEE : has(v, "accessList") ? TX_ACCESS_LIST : TX_LEGACY;
    if (!dynamic)
        tx->max_fee = tx->max_tip = gas_price;
    return true;
}

static bool read_plain(const struct jv *v, struct evm_tx *tx, char error[PARAM_ERROR_MAX])
{
    uint64_t nonce;
    tx->is_create = !has(v, "to");
    return OPTIONAL(param_address, v, "TransactionArgs", "from", &tx->sender, error) &&
           OPTIONAL(param_address, v, "TransactionArgs", "to", &tx->to, error) &&
           OPTIONAL(param_quantity, v, "TransactionArgs", "gas", &tx->gas_limit, error) &&
           OPTIONAL(param_quantity256, v, "TransactionArgs", "value", &tx->value, error) &&
           OPTIONAL(param_quantity, v, "TransactionArgs", "nonce", &nonce, error);
}

// Keeps both in one piece of memory; takes over b's.
static bool keep_bytes(struct call_tx *t, struct call_bytes *b, char error[PARAM_ERROR_MAX])
{
    t->memory = malloc(b->data_len + b->list_len + 1);
    if (t->memory && b->data_len > 0)
        memcpy(t->memory, b->data, b->data_len);
    if (t->memory && b->list_len > 0)
        memcpy(t->memory + b->data_len, b->list, b->list_len);
    t->tx.data = bytes_of(t->memory, b->data_len);
    t->tx.access_list = bytes_of(t->memory + b->data_len, b->list_len);
    return t->memory ? true : fail(error, "out of memory");
}

bool param_call(const struct jv *v, uint64_t gas_cap, struct call_request *out, char error[PARAM_ERROR_MAX])
{
    static const char *const kinds[] = {"null", "bool", "number", "string", "array", "object"};
    struct call_bytes bytes = {0};
    if (jv_kind(v) != JV_OBJECT)
        return fail(error, "json: cannot unmarshal %s into Go value of type ethapi.TransactionArgs", kinds[jv_kind(v)]);
    struct call_tx *t = out->txs = calloc(1, sizeof *out->txs);
    if (!t)
        return fail(error, "out of memory");
    out->tx_count = 1;
    const bool ok = read_plain(v, &t->tx, error) && read_prices(v, &t->tx, error) &&
                    OPTIONAL(read_access_list, v, "TransactionArgs", "accessList", &bytes, error) &&
                    read_data(v, &bytes, error) && keep_bytes(t, &bytes, error);
    free(bytes.data);
    free(bytes.list);
    out->names_gas = has(v, "gas");
    out->names_price = !u256_is_zero(&t->tx.max_fee) || !u256_is_zero(&t->tx.max_tip);
    out->gas_cap = gas_cap;
    if (!out->names_gas || t->tx.gas_limit > gas_cap)
        t->tx.gas_limit = gas_cap;
    return ok;
}

// State overrides

struct override_reader {
    struct call_request *request;
    struct call_override *override;
    size_t capacity, slot_capacity;
    char *error;
};

static bool read_slot(void *ctx, const char *name, const struct jv *value)
{
    struct override_reader *r = ctx;
    struct call_override *o = r->override;
    char quoted[80];
    bytes32 key, word;
    snprintf(quoted, sizeof quoted, "\"%.70s\"", name);
    struct jv *text = jv_parse(bytes_of(quoted, strlen(quoted)), &(struct jv_limits){1, 2}, r->error);
    const bool read = text && param_hash(text, "OverrideAccount.state", &key, r->error);
    jv_free(text);
    if (!read || !param_hash(value, "OverrideAccount.state", &word, r->error))
        return false;
    if (o->slot_count == r->slot_capacity) {
        r->slot_capacity = r->slot_capacity ? 2 * r->slot_capacity : 16;
        struct call_slot *grown = realloc(o->slots, r->slot_capacity * sizeof *grown);
        if (!grown)
            return fail(r->error, "out of memory");
        o->slots = grown;
    }
    o->slots[o->slot_count++] = (struct call_slot){u256_from_be(key.b, 32), u256_from_be(word.b, 32)};
    return true;
}

static bool read_slots(const struct jv *v, struct override_reader *r)
{
    r->slot_capacity = 0;
    if (jv_kind(v) != JV_OBJECT)
        return fail(r->error, "json: cannot unmarshal the storage of an override: it is not an object");
    return jv_visit(v, read_slot, r);
}

static bool read_override(struct override_reader *r, const char *name, const struct jv *v)
{
    struct call_override *o = r->override;
    uint8_t *code = NULL;
    size_t code_len = 0;
    if (jv_kind(v) != JV_OBJECT)
        return fail(r->error, "the override of account %s is not an object", name);
    if (has(v, "movePrecompileToAddress"))
        return fail(r->error, "movePrecompileToAddress is not supported");
    if (has(v, "state") && has(v, "stateDiff"))
        return fail(r->error, "account %s has both 'state' and 'stateDiff'", name);
    if (!OPTIONAL(param_quantity, v, "OverrideAccount", "nonce", &o->nonce, r->error) ||
        !OPTIONAL(param_quantity256, v, "OverrideAccount", "balance", &o->balance, r->error) ||
        !OPTIONAL(param_data, v, "OverrideAccount", "code", &code, &code_len, r->error))
        return false;
    o->has_nonce = has(v, "nonce");
    o->has_balance = has(v, "balance");
    o->has_code = has(v, "code");
    o->code = bytes_of(code, code_len);
    o->whole_storage = has(v, "state");
    return (!has(v, "state") || read_slots(jv_get(v, "state"), r)) &&
           (!has(v, "stateDiff") || read_slots(jv_get(v, "stateDiff"), r));
}

static bool read_account(void *ctx, const char *name, const struct jv *value)
{
    struct override_reader *r = ctx;
    struct call_request *request = r->request;
    if (request->override_count == r->capacity) {
        r->capacity = r->capacity ? 2 * r->capacity : 8;
        struct call_override *grown = realloc(request->overrides, r->capacity * sizeof *grown);
        if (!grown)
            return fail(r->error, "out of memory");
        request->overrides = grown;
    }
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%.50s\"", name);
    struct jv *text = jv_parse(bytes_of(quoted, strlen(quoted)), &(struct jv_limits){1, 2}, r->error);
    r->override = &request->overrides[request->override_count];
    *r->override = (struct call_override){0};
    const bool read = text && param_address(text, NULL, &r->override->who, r->error);
    jv_free(text);
    if (!read)
        return false;
    request->override_count++;
    return read_override(r, name, value);
}

bool param_state_overrides(const struct jv *v, struct call_request *out, char error[PARAM_ERROR_MAX])
{
    struct override_reader r = {.request = out, .error = error};
    if (jv_kind(v) == JV_NULL)
        return true;
    if (jv_kind(v) != JV_OBJECT)
        return fail(error, "state overrides are not an object");
    return jv_visit(v, read_account, &r);
}

// Block overrides

// A member under its name today, or the one it had before.
static const struct jv *either(const struct jv *v, const char *name, const char *before)
{
    return has(v, name) ? jv_get(v, name) : before ? jv_get(v, before) : NULL;
}

bool param_block_overrides(const struct jv *v, struct call_request *out, char error[PARAM_ERROR_MAX])
{
    struct evm_block *b = &out->block;
    if (jv_kind(v) == JV_NULL)
        return true;
    if (jv_kind(v) != JV_OBJECT)
        return fail(error, "block overrides are not an object");
    if (has(v, "withdrawals"))
        return fail(error, "withdrawals can't be overridden");
    const struct jv *number = jv_get(v, "number"), *time = jv_get(v, "time"), *limit = jv_get(v, "gasLimit"),
                    *coinbase = either(v, "feeRecipient", "coinbase"), *random = either(v, "prevRandao", "random"),
                    *base_fee = either(v, "baseFeePerGas", "baseFee"), *blob_fee = jv_get(v, "blobBaseFee");
    return (jv_kind(number) == JV_NULL || param_quantity(number, "BlockOverrides.number", &b->number, error)) &&
           (jv_kind(time) == JV_NULL || param_quantity(time, "BlockOverrides.time", &b->timestamp, error)) &&
           (jv_kind(limit) == JV_NULL || param_quantity(limit, "BlockOverrides.gasLimit", &b->gas_limit, error)) &&
           (jv_kind(coinbase) == JV_NULL ||
            param_address(coinbase, "BlockOverrides.feeRecipient", &b->coinbase, error)) &&
           (jv_kind(random) == JV_NULL || param_hash(random, "BlockOverrides.prevRandao", &b->prevrandao, error)) &&
           (jv_kind(base_fee) == JV_NULL ||
            param_quantity256(base_fee, "BlockOverrides.baseFeePerGas", &b->base_fee, error)) &&
           (jv_kind(blob_fee) == JV_NULL ||
            param_quantity256(blob_fee, "BlockOverrides.blobBaseFee", &b->blob_base_fee, error));
}

// Traces

static bool read_flag(const struct jv *object, const char *name, bool *out, char error[PARAM_ERROR_MAX])
{
    return !has(object, name) || param_bool(jv_get(object, name), out, error);
}

static bool read_tracer(const struct jv *v, struct trace_options *out, char error[PARAM_ERROR_MAX])
{
    const struct jv *name = jv_get(v, "tracer");
    const struct jv *config = jv_get(v, "tracerConfig");
    if (jv_kind(name) != JV_STRING)
        return fail(error, "the tracer's name is not a string");
    if (jv_kind(config) != JV_NULL && jv_kind(config) != JV_OBJECT)
        return fail(error, "tracerConfig is not an object");
    const struct bytes text = jv_text(name);
    if (jv_text_is(name, "callTracer"))
        out->kind = TRACE_CALLS;
    else if (jv_text_is(name, "prestateTracer"))
        out->kind = TRACE_PRESTATE;
    else if (text.len > 0)
        return fail(error, "no tracer \"%.*s\" here: callTracer, prestateTracer, or none for struct logs",
                    (int)(text.len < 64 ? text.len : 64), (const char *)text.ptr);
    return read_flag(config, "onlyTopCall", &out->only_top, error) &&
           read_flag(config, "withLog", &out->with_logs, error) && read_flag(config, "diffMode", &out->diff, error) &&
           read_flag(config, "disableCode", &out->no_code, error) &&
           read_flag(config, "includeEmpty", &out->with_empty, error) &&
           read_flag(config, "disableStorage", &out->no_storage, error);
}

static bool read_limit(const struct jv *v, uint64_t *out, char error[PARAM_ERROR_MAX])
{
    int64_t limit;
    if (!has(v, "limit"))
        return true;
    if (!jv_integer(jv_get(v, "limit"), &limit) || limit < 0)
        return fail(error, "the limit is not a whole number");
    *out = (uint64_t)limit;
    return true;
}

bool param_trace(const struct jv *v, struct trace_options *out, char error[PARAM_ERROR_MAX])
{
    *out = (struct trace_options){.kind = TRACE_STEPS};
    if (jv_kind(v) == JV_NULL)
        return true;
    if (jv_kind(v) != JV_OBJECT)
        return fail(error, "the options are not an object");
    if (has(v, "tracer") && !jv_text_is(jv_get(v, "tracer"), ""))
        return read_tracer(v, out, error);
    return read_flag(v, "disableStack", &out->no_stack, error) &&
           read_flag(v, "disableStorage", &out->no_storage, error) &&
           read_flag(v, "enableMemory", &out->memory, error) &&
           read_flag(v, "enableReturnData", &out->return_data, error) && read_limit(v, &out->limit, error);
}
