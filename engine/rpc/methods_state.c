// Code, storage, and proofs of both: read at a height by the shard that owns the account.
#include "engine/rpc/methods.h"

#include "base/keccak.h"

#include <stdlib.h>

#define PROOF_SLOTS_MAX 1024 // as geth

// False after having answered that the height is too old.
static bool is_kept(struct rpc_call *call, const struct rpc_query *q)
{
    if (q->found < 0)
        call_fail(call, RPC_SERVER_ERROR, "historical state not available");
    return q->found >= 0;
}

static void answer_code(struct rpc_call *call, struct rpc_query *q)
{
    if (!is_kept(call, q))
        return;
    jw_data(call_result(call), q->raw, q->raw_len);
    call_done(call);
}

void eth_get_code(struct rpc_call *call)
{
    address a;
    struct rpc_query q = {.kind = RPC_CODE};
    if (!arg_address(call, 0, &a) || !arg_state(call, 1, &q.height, &q.pending))
        return;
    q.key = keccak256(a.b, sizeof a.b);
    call_ask(call, &q, answer_code);
}

static void answer_slot(struct rpc_call *call, struct rpc_query *q)
{
    if (!is_kept(call, q))
        return;
    jw_hash(call_result(call), &q->hash);
    call_done(call);
}

// A slot as geth reads it, and says it if it can't; false after having answered.
static bool read_slot(struct rpc_call *call, unsigned arg, const struct jv *v, bytes32 *out)
{
    char error[PARAM_ERROR_MAX];
    struct bytes text;
    if (!param_text(v, &text, error))
        return call_invalid(call, arg, error);
    if (param_slot(v, out, error))
        return true;
    call_fail(call, RPC_INVALID_PARAMS, "%s", error);
    return false;
}

void eth_get_storage_at(struct rpc_call *call)
{
    address a;
    struct rpc_query q = {.kind = RPC_SLOT};
    if (!arg_address(call, 0, &a) || !read_slot(call, 1, call_arg(call, 1), &q.hash) ||
        !arg_state(call, 2, &q.height, &q.pending))
        return;
    q.key = keccak256(a.b, sizeof a.b);
    call_ask(call, &q, answer_slot);
}

// ---- eth_getProof (EIP-1186)

void rpc_proof_free(struct rpc_proof *p)
{
    if (!p)
        return;
    account_proof_free(&p->account);
    proof_free(&p->nodes);
    free(p->slots);
    free(p->full_keys);
    free(p);
}

static void write_nodes(struct json_writer *w, const struct proof *p)
{
    jw_raw(w, "[");
    for (unsigned i = 0; i < p->count; i++) {
        const struct bytes node = proof_node(p, i);
        jw_raw(w, i > 0 ? "," : "");
        jw_data(w, node.ptr, node.len);
    }
    jw_raw(w, "]");
}

// A slot that was asked for with all its digits is named so in the answer, another as a number (geth).
static void write_slot(struct json_writer *w, const struct rpc_proof *p, size_t i)
{
    uint8_t be[32];
    u256_to_be(be, &p->slots[i]);
    jw_raw(w, "{\"key\":");
    if (p->full_keys[i])
        jw_data(w, be, sizeof be);
    else
        jw_quantity256(w, &p->slots[i]);
    jw_raw(w, ",\"value\":");
    jw_quantity256(w, &p->account.values[i]);
    jw_raw(w, ",\"proof\":");
    write_nodes(w, &p->account.slot_nodes[i]);
    jw_raw(w, "}");
}

static void answer_proof(struct rpc_call *call, struct rpc_query *q)
{
    const struct rpc_proof *p = q->proof;
    if (!is_kept(call, q))
        return;
    struct json_writer *w = call_result(call);
    jw_raw(w, "{\"address\":");
    jw_address(w, &p->address);
    jw_raw(w, ",\"accountProof\":");
    write_nodes(w, &p->nodes);
    jw_raw(w, ",\"balance\":");
    jw_quantity256(w, &p->account.account.balance);
    jw_raw(w, ",\"codeHash\":");
    jw_hash(w, &p->account.contract.code_hash);
    jw_raw(w, ",\"nonce\":");
    jw_quantity(w, p->account.account.nonce);
    jw_raw(w, ",\"storageHash\":");
    jw_hash(w, &p->account.contract.storage_root);
    jw_raw(w, ",\"storageProof\":[");
    for (size_t i = 0; i < p->account.slot_count; i++) {
        jw_raw(w, i > 0 ? "," : "");
        write_slot(w, p, i);
    }
    jw_raw(w, "]}");
    call_done(call);
}

// False after having answered.
static bool read_slots(struct rpc_call *call, struct rpc_proof *p)
{
    const struct jv *list = call_arg(call, 1);
    const size_t count = jv_count(list);
    if (jv_kind(list) != JV_ARRAY && jv_kind(list) != JV_NULL)
        return call_invalid(call, 1, "json: cannot unmarshal non-array into Go value of type []string");
    if (count > PROOF_SLOTS_MAX) {
        call_fail(call, RPC_INVALID_PARAMS, "too many slots (max %d)", PROOF_SLOTS_MAX);
        return false;
    }
    p->slots = calloc(count + 1, sizeof *p->slots);
    p->full_keys = calloc(count + 1, sizeof *p->full_keys);
    if (!p->slots || !p->full_keys)
        abort();
    for (size_t i = 0; i < count; i++) {
        bytes32 slot;
        if (!read_slot(call, 1, jv_at(list, i), &slot))
            return false;
        p->slots[i] = u256_from_be(slot.b, sizeof slot.b);
        p->full_keys[i] = jv_text(jv_at(list, i)).len >= 64;
    }
    p->account.slots = p->slots;
    p->account.slot_count = count;
    return true;
}

void eth_get_proof(struct rpc_call *call)
{
    struct rpc_query q = {.kind = RPC_PROOF, .proof = calloc(1, sizeof *q.proof)};
    if (!q.proof)
        abort();
    if (!arg_address(call, 0, &q.proof->address) || !read_slots(call, q.proof) ||
        !arg_state(call, 2, &q.height, &q.pending)) {
        rpc_proof_free(q.proof);
        return;
    }
    q.key = keccak256(q.proof->address.b, sizeof q.proof->address.b);
    call_ask(call, &q, answer_proof);
}
