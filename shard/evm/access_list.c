#include "shard/evm/access_list.h"

#include "base/rlp.h"

static bool walk_keys(struct bytes keys, const address *who,
                      void (*visit)(void *ctx, const address *who, const u256 *key), void *ctx)
{
    while (keys.len > 0) {
        bytes32 raw;
        if (rlp_read_fixed(&keys, raw.b, sizeof raw.b) != RLP_OK)
            return false;
        const u256 key = u256_from_be(raw.b, sizeof raw.b);
        visit(ctx, who, &key);
    }
    return true;
}

bool access_list_walk(struct bytes list, void (*visit)(void *ctx, const address *who, const u256 *key), void *ctx)
{
    struct bytes entries, entry, keys;
    if (list.len == 0)
        return true;
    if (rlp_read_list(&list, &entries) != RLP_OK || list.len > 0)
        return false;
    while (entries.len > 0) {
        address who;
        if (rlp_read_list(&entries, &entry) != RLP_OK || rlp_read_fixed(&entry, who.b, sizeof who.b) != RLP_OK ||
            rlp_read_list(&entry, &keys) != RLP_OK || entry.len > 0)
            return false;
        visit(ctx, &who, NULL);
        if (!walk_keys(keys, &who, visit, ctx))
            return false;
    }
    return true;
}
