#include "engine/rpc/call_env.h"

static bool fill(struct rpc_call *call, uint64_t height, struct call_request *out)
{
    struct rpc_core *core = call->core;
    const struct record *r = call_block(call, height);
    if (!r)
        return false;
    const struct header *h = &r->header;
    const struct evm_rules *rules = evm_rules_of(EVM_CANCUN);
    out->block = (struct evm_block){.chain_id = core->genesis->chain_id,
                                    .number = h->number,
                                    .timestamp = h->timestamp,
                                    .gas_limit = h->gas_limit,
                                    .coinbase = h->coinbase,
                                    .base_fee = h->base_fee,
                                    .blob_base_fee = evm_blob_base_fee(rules, h->excess_blob_gas),
                                    .prevrandao = h->mix_hash};
    out->beacon_root = h->parent_beacon_block_root;
    out->hashes_before = height;
    out->hash_count = recent_hashes_take(&core->hashes, core->reader, height, out->hashes, CALL_HASHES_MAX);
    return true;
}

bool call_env_after(struct rpc_call *call, uint64_t height, struct call_request *out)
{
    out->height = height;
    return fill(call, height, out);
}

bool call_env_inside(struct rpc_call *call, uint64_t height, struct call_request *out)
{
    out->height = height - 1;
    out->begins_block = true;
    out->signed_txs = true;
    return fill(call, height, out);
}
