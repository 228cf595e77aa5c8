// Ordering and its log: taking back what was recorded, and writing down anew what must outlive the log's earlier part.
#include "engine/order/ord.h"

#include <stdlib.h>

// Followed by the tips of the floor, n x u32.
struct WIRE_PACKED epoch_record {
    uint64_t epoch, vote_from, start_height, start_time_ms;
    bytes32 seed; // of the leaders: the digest that the epoch started from
    bytes32 floor_digest;
    struct wire_block_header floor;
    uint8_t recovering, floor_boundary;
};

static void log_cert(struct ord *o, const struct kept_cert *c)
{
    struct wire_message m;
    if (!c)
        return;
    m.type = WIRE_CERT;
    m.epoch = o->epoch;
    m.cert = c->cert;
    effects_record_message(o->fx, RECORD_CERT, &m, true);
}

void ord_snapshot(struct ord *o)
{
    uint8_t buffer[sizeof(struct epoch_record) + 4 * WIRE_VALIDATORS_MAX];
    const unsigned n = o->set->wire.n;
    const struct epoch_record record = {
        .epoch = o->epoch,
        .vote_from = o->vote_from,
        .start_height = o->start_height,
        .start_time_ms = o->start_time_ms,
        .seed = o->leaders_seed,
        .floor_digest = o->floor->digest,
        .floor = o->floor->header,
        .recovering = o->recovering,
        .floor_boundary = o->floor->boundary,
    };
    memcpy(buffer, &record, sizeof record);
    memcpy(buffer + sizeof record, o->floor->tips, 4 * n);
    effects_record(o->fx, RECORD_EPOCH, bytes_of(buffer, sizeof record + 4 * n), true);
    log_cert(o, o->floor_cert);
    for (size_t i = 1; i < o->view_count; i++) {
        struct view_rec *r = &o->views[i];
        log_cert(o, r->notarized);
        log_cert(o, r->nullified);
        for (unsigned b = 0; b < r->block_count; b++) {
            if (r->blocks[b]->logged) {
                r->blocks[b]->logged = false;
                ord_log_block(o, r->blocks[b]);
            }
        }
        for (unsigned k = 0; k < 3; k++) {
            struct wire_message m;
            m.type = WIRE_VOTE;
            m.epoch = o->epoch;
            m.vote = r->mine[k];
            if ((r->voted >> k) & 1)
                effects_record_message(o->fx, RECORD_MYVOTE, &m, true);
        }
    }
}

// The first such record that is read says where everything starts; later ones repeat what is known by then, except
// from when on this validator votes.
static bool restore_epoch(struct ord *o, const struct vset *set, struct bytes in, char error[STORE_ERROR_MAX])
{
    struct epoch_record record;
    const unsigned n = set->wire.n;
    if (in.len != sizeof record + 4 * n)
        return store_fail(error, "an epoch record of the write-ahead log is malformed");
    memcpy(&record, in.ptr, sizeof record);
    if (o->set) {
        o->vote_from = record.vote_from;
        o->recovering = record.recovering;
        return record.epoch == o->epoch || store_fail(error, "the write-ahead log jumps from epoch %llu to %llu",
                                                      (unsigned long long)o->epoch, (unsigned long long)record.epoch);
    }
    o->vote_from = record.vote_from;
    o->recovering = record.recovering;
    struct wire_block_header start = record.floor;
    start.height = record.start_height;
    start.time_ms = record.start_time_ms;
    ord_start_epoch(o, set, record.epoch, &start, &record.seed);
    kept_block_unref(o->floor);
    o->floor = kept_block_genesis(&record.floor, &record.floor_digest, set);
    o->floor->boundary = record.floor_boundary;
    memcpy(o->floor->tips, in.ptr + sizeof record, 4 * n);
    o->base = record.floor.view;
    o->view = o->base + 1;
    dp_set_floor(o->dp, o->floor->tips, record.floor.view, record.floor.height);
    // What was read before it were older blocks: the chain's last part.
    const bytes32 *digest = &o->floor->digest;
    while (o->older_count > 0) {
        struct kept_block *found = NULL;
        for (size_t i = o->older_count; i-- > 0 && !found;) {
            if (bytes32_equal(&o->older[i]->digest, digest))
                found = o->older[i];
        }
        if (!found)
            break;
        if (!(found->header.flags & WIRE_BLOCK_TAIL)) {
            if (o->chain.count == 0)
                chain_append(&o->chain, found, NULL, 0);
            else
                chain_prepend(&o->chain, found);
        }
        digest = &found->header.parent_digest;
    }
    return true;
}

static void restore_older(struct ord *o, const struct vset *set, const struct wire_block *block)
{
    if (o->older_count == o->older_cap) {
        o->older_cap = o->older_cap == 0 ? 64 : 2 * o->older_cap;
        o->older = realloc(o->older, o->older_cap * sizeof(struct kept_block *));
        if (!o->older)
            abort();
    }
    o->older[o->older_count++] = kept_block_new(block, set);
}

void ord_restored(struct ord *o)
{
    for (size_t i = 0; i < o->older_count; i++)
        kept_block_unref(o->older[i]);
    free(o->older);
    o->older = NULL;
    o->older_count = o->older_cap = 0;
    // My own proposals, to be sent again: signing is deterministic.
    for (size_t i = 0; i < o->view_count; i++) {
        struct kept_block *b = o->views[i].proposal;
        if (b) {
            o->config.signing->ops->sign(o->config.signing, &b->signature, &b->digest);
            b->has_signature = true;
        }
    }
}

static void restore_vote(struct ord *o, const struct wire_vote *vote)
{
    struct view_rec *r = vote->view > o->base ? ord_view(o, vote->view) : NULL;
    if (!r)
        return;
    const bytes32 digest = vote->digest;
    if (vote->kind == WIRE_NULLIFY && !voted(r, WIRE_NULLIFY))
        o->failures++;
    r->voted |= (uint8_t)(1u << (vote->kind - 1));
    r->mine[vote->kind - 1] = *vote;
    struct kept_block *b = ord_block(o, vote->view, &digest);
    if (vote->kind == WIRE_NOTARIZE && b && b->header.leader == o->config.me && !r->proposal)
        r->proposal = b;
    if (!ord_mutated(o, MUTATE_NO_OWN_VOTES))
        ord_count_own(o, vote);
}

static void restore_cert(struct ord *o, const struct wire_cert *cert)
{
    struct view_rec *r = ord_view(o, cert->view);
    if (!r)
        return;
    if (cert->kind == WIRE_FINALIZE) {
        // Of the floor itself, or of the floor record that follows.
        if (cert->view == o->base && !o->floor_cert && bytes32_equal(&cert->digest, &o->floor->digest))
            o->floor_cert = kept_cert_new(cert);
        else if (cert->view > o->base && (!o->pending || o->pending->cert.view < cert->view))
            ord_store_cert(o, kept_cert_new(cert));
        return;
    }
    if (cert->view <= o->base)
        return;
    struct kept_cert **slot = cert->kind == WIRE_NOTARIZE ? &r->notarized : &r->nullified;
    if (!*slot)
        *slot = kept_cert_new(cert);
}

static bool restore_floor(struct ord *o, struct bytes in, char error[STORE_ERROR_MAX])
{
    const uint64_t epoch = o->epoch;
    bytes32 digest;
    if (in.len != 48)
        return store_fail(error, "a floor record of the write-ahead log is malformed");
    memcpy(digest.b, in.ptr + 16, 32);
    if (!o->pending || !bytes32_equal(&o->pending->cert.digest, &digest))
        return store_fail(error, "a floor of the write-ahead log lacks its certificate");
    ord_try_finalize(o);
    return o->epoch > epoch || bytes32_equal(&o->floor->digest, &digest) ||
           store_fail(error, "a floor of the write-ahead log lacks its blocks");
}

bool ord_restore(struct ord *o, const struct vset *set, enum record_kind kind, struct bytes record,
                 char error[STORE_ERROR_MAX])
{
    static _Thread_local struct wire_message m;
    if (kind == RECORD_EPOCH)
        return restore_epoch(o, set, record, error);
    if (kind == RECORD_FLOOR)
        return !o->set || restore_floor(o, record, error);
    const enum wire_status status = wire_decode(&m, record, &set->wire);
    if (status != WIRE_OK)
        return store_fail(error, "a record of the write-ahead log does not decode: %s", wire_status_text(status));
    if (kind == RECORD_BLOCK && !o->set)
        restore_older(o, set, &m.block);
    if (!o->set || m.epoch != o->epoch)
        return true;
    if (kind == RECORD_BLOCK) {
        struct kept_block *b = m.block.header.view > o->base ? ord_keep_block(o, &m.block) : NULL;
        if (b)
            b->logged = true;
    } else if (kind == RECORD_MYVOTE) {
        restore_vote(o, &m.vote);
    } else if (kind == RECORD_CERT) {
        restore_cert(o, &m.cert);
    } else if (kind == RECORD_EVIDENCE) {
        if (!evidence_take(o->evidence, o->fx, &m, false))
            return store_fail(error, "evidence in the write-ahead log proves nothing");
    }
    return true;
}
