#include "engine/participant/resume.h"

#include <inttypes.h>
#include <stdlib.h>

// One executed block on the way back from the newest.
struct step {
    uint64_t height;
    bytes32 hash, parent_hash, digest;
};

static bool go_back(struct step *s, struct blog *blog, const bytes32 *genesis_hash, char error[STORE_ERROR_MAX])
{
    s->height--;
    s->hash = s->parent_hash;
    if (s->height == 0) {
        s->hash = *genesis_hash;
        s->digest = (bytes32){{0}};
        return true;
    }
    size_t len;
    struct record record;
    uint8_t *bytes = blog_read(blog, s->height, &len, error);
    if (!bytes)
        return false;
    const bool good = record_decode(&record, bytes_of(bytes, len));
    if (good) {
        s->digest = record.header.parent_beacon_block_root;
        s->parent_hash = record.header.parent_hash;
    }
    free(bytes);
    return good || store_fail(error, "block %" PRIu64 " of the log can't be decoded", s->height);
}

// The ordering height of this digest among the final blocks, 0 when it is not there: older than all of them.
static uint64_t height_of(const struct chain *chain, const bytes32 *digest)
{
    for (size_t i = chain->count; i-- > 0;) {
        if (bytes32_equal(&chain->entries[i].block->digest, digest))
            return chain->first + i;
    }
    return 0;
}

bool resume_find(struct resume *out, const struct chain *chain, struct blog *blog, const struct header *head,
                 const bytes32 *head_hash, const bytes32 *genesis_hash, char error[STORE_ERROR_MAX])
{
    struct step s = {head->number, *head_hash, head->parent_hash, head->parent_beacon_block_root};
    const uint64_t last = head->number > 0 ? height_of(chain, &s.digest) : 0;
    *out = (struct resume){0};
    // Blocks are let go of only when they are executed, and those that gave something are kept longer than that.
    out->executed = last > 0 ? last - 1 : chain->count > 0 ? chain->first - 1 : 0;
    if (last > 0) {
        const bytes32 newest = s.digest;
        while (s.height > 0 && bytes32_equal(&s.digest, &newest)) {
            out->skip++;
            if (!go_back(&s, blog, genesis_hash, error))
                return false;
        }
    }
    // s is the last executed block of ordering heights up to out->executed.
    for (uint64_t h = out->executed; h > 0 && out->root_count < LAG; h--) {
        const struct chain_entry *e = chain_at(chain, h);
        if (!e)
            break;
        out->roots[out->root_count++] = s.hash;
        const bytes32 digest = e->block->digest;
        while (s.height > 0 && bytes32_equal(&s.digest, &digest)) {
            if (s.height < blog_first(blog) || !go_back(&s, blog, genesis_hash, error))
                return s.height < blog_first(blog);
        }
    }
    return true;
}
