#include "engine/participant/resume.h"

#include <inttypes.h>
#include <stdlib.h>

// What of an executed block tells where it came from.
struct origin {
    bytes32 hash, parent_hash;
    bytes32 digest; // of its ordering block
    uint64_t time_ms;
};

static bool read_origin(struct origin *out, struct blog *blog, uint64_t height, char error[STORE_ERROR_MAX])
{
    size_t len;
    struct record record;
    uint8_t *bytes = blog_read(blog, height, &len, error);
    if (!bytes)
        return false;
    const bool good = record_decode(&record, bytes_of(bytes, len));
    if (good)
        *out = (struct origin){record.block_hash, record.header.parent_hash, record.header.parent_beacon_block_root,
                               record.time_ms};
    free(bytes);
    return good || store_fail(error, "block %" PRIu64 " of the log can't be decoded", height);
}

// One executed block on the way back from the newest.
struct step {
    uint64_t height;
    bytes32 hash, parent_hash, digest;
};

static bool go_back(struct step *s, struct blog *blog, const bytes32 *genesis_hash, char error[STORE_ERROR_MAX])
{
    struct origin o;
    s->height--;
    s->hash = s->parent_hash;
    if (s->height == 0) {
        s->hash = *genesis_hash;
        s->digest = (bytes32){{0}};
        return true;
    }
    if (!read_origin(&o, blog, s->height, error))
        return false;
    s->digest = o.digest;
    s->parent_hash = o.parent_hash;
    return true;
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

// The executed chain is ahead of all final blocks in the log: finds the executed block that the first of those that
// come gave, or the first after it.
static bool find_next(struct resume *out, const struct chain *chain, struct blog *blog, uint64_t head,
                      char error[STORE_ERROR_MAX])
{
    struct origin o;
    const uint64_t from_ms = chain->count > 0 ? chain->entries[0].block->header.time_ms : 0;
    uint64_t low = blog_first(blog), high = head;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (!read_origin(&o, blog, middle, error))
            return false;
        if (o.time_ms < from_ms)
            low = middle + 1;
        else
            high = middle;
    }
    if (!read_origin(&o, blog, low, error))
        return false;
    out->next = low;
    out->root = o.parent_hash;
    return true;
}

// Whether final blocks up to the one that gave the newest executed block are missing in the log.
static bool is_behind(struct resume *out, const struct chain *chain, struct blog *blog, uint64_t head,
                      char error[STORE_ERROR_MAX])
{
    struct origin o;
    if (!read_origin(&o, blog, head, error))
        return false;
    out->head_digest = o.digest;
    out->behind = chain->count == 0 || chain->entries[chain->count - 1].block->header.time_ms < o.time_ms;
    return true;
}

bool resume_pass(struct resume *r, struct blog *blog, const bytes32 *digest, bytes32 *root, char error[STORE_ERROR_MAX])
{
    struct origin o;
    for (;; r->next++) {
        if (!read_origin(&o, blog, r->next, error))
            return false;
        if (!bytes32_equal(&o.digest, digest))
            break;
        r->root = o.hash;
    }
    *root = r->root;
    return true;
}

// Up to where the final blocks say that this block is the result; 0: nowhere.
static uint64_t attested_height(const struct chain *chain, const bytes32 *hash)
{
    for (size_t i = chain->count; i-- > 0;) {
        const struct wire_block_header *h = &chain->entries[i].block->header;
        const bytes32 root = h->exec_root;
        if (bytes32_equal(&root, hash))
            return h->exec_height;
    }
    return 0;
}

// s is the last executed block of ordering heights up to out->executed.
static bool find_roots(struct resume *out, const struct chain *chain, struct step *s, struct blog *blog,
                       const bytes32 *genesis_hash, char error[STORE_ERROR_MAX])
{
    for (uint64_t h = out->executed; h > 0 && out->root_count < LAG; h--) {
        const struct chain_entry *e = chain_at(chain, h);
        if (!e)
            break;
        out->roots[out->root_count++] = s->hash;
        const bytes32 digest = e->block->digest;
        while (s->height > 0 && bytes32_equal(&s->digest, &digest)) {
            if (s->height < blog_first(blog) || !go_back(s, blog, genesis_hash, error))
                return s->height < blog_first(blog);
        }
    }
    return true;
}

bool resume_find(struct resume *out, const struct chain *chain, struct blog *blog, const struct header *head,
                 const bytes32 *head_hash, const bytes32 *genesis_hash, uint64_t ordered, char error[STORE_ERROR_MAX])
{
    struct step s = {head->number, *head_hash, head->parent_hash, head->parent_beacon_block_root};
    const uint64_t last = head->number > 0 ? height_of(chain, &s.digest) : 0;
    *out = (struct resume){0};
    // Blocks are let go of only when they are executed, and those that gave something are kept longer than that.
    out->executed = last > 0 ? last - 1 : chain->count > 0 ? chain->first - 1 : 0;
    const uint64_t attested = attested_height(chain, head_hash);
    const uint64_t whole = attested > ordered ? attested : ordered;
    if (head->number > 0 && whole > 0 && whole >= last) {
        if (whole > out->executed)
            out->executed = whole;
        return find_roots(out, chain, &s, blog, genesis_hash, error);
    }
    if (last == 0 && head->number > 0 &&
        (!is_behind(out, chain, blog, head->number, error) ||
         (out->behind && !find_next(out, chain, blog, head->number, error))))
        return false;
    if (last > 0 || out->behind) {
        const bytes32 newest = s.digest;
        while (s.height > 0 && bytes32_equal(&s.digest, &newest)) {
            out->skip++;
            if (!go_back(&s, blog, genesis_hash, error))
                return false;
        }
    }
    if (out->behind)
        return true;
    return find_roots(out, chain, &s, blog, genesis_hash, error);
}
