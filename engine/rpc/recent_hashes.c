#include "engine/rpc/recent_hashes.h"

void recent_hashes_add(struct recent_hashes *r, uint64_t height, const bytes32 *hash)
{
    r->hashes[height & (RECENT_HASHES - 1)] = *hash;
    r->next[height & (RECENT_HASHES - 1)] = height + 1;
}

static const bytes32 *hash_at(struct recent_hashes *r, struct chain_reader *reader, uint64_t height)
{
    const size_t i = height & (RECENT_HASHES - 1);
    bool damaged = false;
    if (r->next[i] != height + 1) {
        const struct record *block = chain_reader_block(reader, height, &damaged);
        if (!block)
            return NULL;
        recent_hashes_add(r, height, &block->block_hash);
    }
    return &r->hashes[i];
}

size_t recent_hashes_take(struct recent_hashes *r, struct chain_reader *reader, uint64_t before, bytes32 *out,
                          size_t max)
{
    size_t count = 0;
    for (uint64_t height = before; height-- > 0 && count < max; count++) {
        const bytes32 *hash = hash_at(r, reader, height);
        if (!hash)
            break;
        out[count] = *hash;
    }
    return count;
}
