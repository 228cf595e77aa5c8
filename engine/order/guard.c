#include "engine/order/guard.h"

#include "engine/store/file_header.h"

// file header | epoch u64 | highest u64 | views: view u64, flags u64, two digests | XXH3-128 of all before
static const struct file_kind GUARD_KIND = {"GANTRSGN", 1, "sign guard"};
enum {
    AT_EPOCH = FILE_HEADER_BYTES,
    AT_HIGHEST = AT_EPOCH + 8,
    AT_VIEWS = AT_HIGHEST + 8,
    VIEW_BYTES = 16 + 64,
    AT_CHECKSUM = AT_VIEWS + GUARD_VIEWS * VIEW_BYTES,
};
_Static_assert(AT_CHECKSUM + CHECKSUM_BYTES <= GUARD_IMAGE_BYTES, "the image has room");
enum { FLAG_NOTARIZED = 1, FLAG_NULLIFIED = 2, FLAG_FINALIZED = 4 };
enum { WORD_SEQUENCE = 0 };

void guard_init(struct guard *g, const bytes32 *genesis_hash)
{
    *g = (struct guard){.genesis_hash = *genesis_hash};
}

static void enter_epoch(struct guard *g, uint64_t epoch)
{
    g->epoch = epoch;
    g->highest = 0;
    memset(g->views, 0, sizeof g->views);
}

static bool fits(const struct guard_view *v, uint8_t kind, const bytes32 *digest)
{
    switch (kind) {
    case WIRE_NOTARIZE:
        return !v->notarized || bytes32_equal(&v->notarize, digest);
    case WIRE_NULLIFY:
        return !v->finalized;
    case WIRE_FINALIZE:
        return !v->nullified && (!v->finalized || bytes32_equal(&v->finalize, digest));
    default:
        return false;
    }
}

static void remember(struct guard *g, struct guard_view *v, uint8_t kind, const bytes32 *digest)
{
    if (kind == WIRE_NOTARIZE) {
        v->notarized = true;
        v->notarize = *digest;
    } else if (kind == WIRE_NULLIFY) {
        v->nullified = true;
    } else {
        v->finalized = true;
        v->finalize = *digest;
    }
    if (v->view > g->highest)
        g->highest = v->view;
    g->sequence++;
}

bool guard_has_forgotten(const struct guard *g, uint64_t epoch, uint64_t view)
{
    return epoch == g->epoch && (g->views[view % GUARD_VIEWS].view > view || view + GUARD_VIEWS <= g->highest);
}

// The memory of this view; NULL when it is too old for any.
static struct guard_view *view_of(struct guard *g, uint64_t view)
{
    struct guard_view *v = &g->views[view % GUARD_VIEWS];
    if (guard_has_forgotten(g, g->epoch, view))
        return NULL;
    if (v->view < view)
        *v = (struct guard_view){.view = view};
    return v;
}

bool guard_allow(struct guard *g, uint64_t epoch, uint8_t kind, uint64_t view, const bytes32 *digest)
{
    if (epoch < g->epoch)
        return false;
    if (epoch > g->epoch)
        enter_epoch(g, epoch);
    struct guard_view *v = view_of(g, view);
    if (!v || (kind != WIRE_FINALIZE && view < g->highest) || !fits(v, kind, digest))
        return false;
    remember(g, v, kind, digest);
    return true;
}

bool guard_recall(struct guard *g, uint64_t epoch, uint8_t kind, uint64_t view, const bytes32 *digest)
{
    if (epoch < g->epoch)
        return true;
    if (epoch > g->epoch)
        enter_epoch(g, epoch);
    struct guard_view *v = view_of(g, view);
    if (v && !fits(v, kind, digest))
        return false;
    if (v)
        remember(g, v, kind, digest);
    return true;
}

void guard_image(uint8_t out[GUARD_IMAGE_BYTES], const struct guard *g)
{
    const struct file_header header = {.genesis_hash = g->genesis_hash, .words = {[WORD_SEQUENCE] = g->sequence}};
    memset(out, 0, GUARD_IMAGE_BYTES);
    file_header_put(out, &GUARD_KIND, &header);
    store_le64(out + AT_EPOCH, g->epoch);
    store_le64(out + AT_HIGHEST, g->highest);
    for (int i = 0; i < GUARD_VIEWS; i++) {
        const struct guard_view *v = &g->views[i];
        uint8_t *p = out + AT_VIEWS + i * VIEW_BYTES;
        store_le64(p, v->view);
        store_le64(p + 8, (v->notarized ? FLAG_NOTARIZED : 0u) | (v->nullified ? FLAG_NULLIFIED : 0u) |
                              (v->finalized ? FLAG_FINALIZED : 0u));
        memcpy(p + 16, v->notarize.b, 32);
        memcpy(p + 48, v->finalize.b, 32);
    }
    checksum_put(out + AT_CHECKSUM, out, AT_CHECKSUM, 0);
}

static bool load_slot(struct guard *g, const uint8_t *in, const bytes32 *genesis_hash, char error[STORE_ERROR_MAX])
{
    struct file_header header;
    if (!file_header_get(&header, bytes_of(in, GUARD_IMAGE_BYTES), &GUARD_KIND, genesis_hash, GUARD_FILE_NAME, error))
        return false;
    if (!checksum_matches(in + AT_CHECKSUM, in, AT_CHECKSUM, 0))
        return store_fail(error, "%s is damaged: its checksum does not match", GUARD_FILE_NAME);
    guard_init(g, &header.genesis_hash);
    g->sequence = header.words[WORD_SEQUENCE];
    g->epoch = load_le64(in + AT_EPOCH);
    g->highest = load_le64(in + AT_HIGHEST);
    for (int i = 0; i < GUARD_VIEWS; i++) {
        struct guard_view *v = &g->views[i];
        const uint8_t *p = in + AT_VIEWS + i * VIEW_BYTES;
        const uint64_t flags = load_le64(p + 8);
        v->view = load_le64(p);
        v->notarized = flags & FLAG_NOTARIZED;
        v->nullified = flags & FLAG_NULLIFIED;
        v->finalized = flags & FLAG_FINALIZED;
        memcpy(v->notarize.b, p + 16, 32);
        memcpy(v->finalize.b, p + 48, 32);
    }
    return true;
}

bool guard_load(struct guard *g, const uint8_t file[GUARD_FILE_BYTES], const bytes32 *genesis_hash,
                char error[STORE_ERROR_MAX])
{
    struct guard slots[2];
    char second[STORE_ERROR_MAX];
    const bool good0 = load_slot(&slots[0], file, genesis_hash, error);
    const bool good1 = load_slot(&slots[1], file + GUARD_IMAGE_BYTES, genesis_hash, second);
    if (good0 && good1)
        *g = slots[slots[1].sequence > slots[0].sequence];
    else if (good0 || good1)
        *g = slots[good1];
    return good0 || good1;
}
