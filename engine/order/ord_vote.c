// Votes and certificates: signing own votes, counting, checking signatures late and together (R4, R7).
#include "engine/order/ord.h"

#include <assert.h>
#include <stdlib.h>

void ord_free_ballots(struct view_rec *r)
{
    if (!r->ballots)
        return;
    for (unsigned k = 0; k < 3; k++) {
        tally_clear(&r->ballots->tally[k]);
        free(r->ballots->sigs[k]);
    }
    free(r->ballots);
    r->ballots = NULL;
}

static struct ballots *ballots_of(struct view_rec *r)
{
    if (!r->ballots) {
        r->ballots = calloc(1, sizeof *r->ballots);
        if (!r->ballots)
            abort();
    }
    return r->ballots;
}

static bytes32 vote_message(const struct ord *o, uint8_t kind, uint64_t view, const bytes32 *digest)
{
    const uint64_t epoch = ord_mutated(o, MUTATE_NO_EPOCH_IN_VOTE) ? 0 : o->epoch;
    return wire_vote_digest(&o->set->wire, epoch, kind, view, digest);
}

static bool verify(const struct ord *o, const unsigned *voters, const wire_signature *const *sigs, size_t n,
                   const bytes32 *message)
{
    const bytes32 *keys[WIRE_VALIDATORS_MAX];
    for (size_t i = 0; i < n; i++)
        keys[i] = &o->set->key[voters[i]];
    return o->config.signing->ops->verify(o->config.signing, keys, sigs, n, message);
}

// Checks the signatures behind an item that nobody checked yet: all at once, and one by one when that fails. Words
// whose signature is wrong are forgotten. True when none was.
static bool check_item(struct ord *o, struct ballots *b, uint8_t kind, uint64_t view, const bytes32 *digest)
{
    const struct tally_item *item = tally_find(&b->tally[kind - 1], digest);
    const wire_signature *sigs[WIRE_VALIDATORS_MAX];
    unsigned voters[WIRE_VALIDATORS_MAX];
    size_t n = 0;
    for (unsigned v = 0; v < o->set->wire.n; v++) {
        if (vmask_has(item->who, v) && !vmask_has(b->checked[kind - 1], v)) {
            voters[n] = v;
            sigs[n++] = &b->sigs[kind - 1][v];
        }
    }
    const bytes32 message = vote_message(o, kind, view, digest);
    const bool all = n == 0 || verify(o, voters, sigs, n, &message);
    for (size_t i = 0; i < n; i++) {
        if (all || verify(o, voters + i, sigs + i, 1, &message)) {
            vmask_add(&b->checked[kind - 1], voters[i]);
        } else {
            tally_forget(&b->tally[kind - 1], o->set, voters[i]);
            effects_ban(o->fx, voters[i], "a vote with a wrong signature");
        }
    }
    return all;
}

static bool has_cert(const struct ord *o, const struct view_rec *r, uint8_t kind, uint64_t view)
{
    if (kind == WIRE_FINALIZE)
        return view <= o->floor->header.view || (o->pending && o->pending->cert.view >= view);
    return kind == WIRE_NOTARIZE ? r->notarized != NULL : r->nullified != NULL;
}

// Makes the certificate when the votes for this digest suffice.
static void try_certify(struct ord *o, uint64_t view, uint8_t kind, const bytes32 *digest)
{
    struct view_rec *r = ord_view(o, view);
    struct ballots *b = r->ballots;
    struct tally *t = &b->tally[kind - 1];
    const uint64_t quorum = o->set->quorum;
    if (has_cert(o, r, kind, view) || tally_weight(t, digest) < quorum)
        return;
    if (!check_item(o, b, kind, view, digest) && tally_weight(t, digest) < quorum)
        return;
    const struct tally_item *item = tally_find(t, digest);
    wire_signature sigs[WIRE_VALIDATORS_MAX];
    size_t n = 0;
    for (unsigned v = 0; v < o->set->wire.n; v++) {
        if (vmask_has(item->who, v))
            sigs[n++] = b->sigs[kind - 1][v];
    }
    const struct wire_cert cert = {kind, view, *digest, {item->who.w[0], item->who.w[1]}, sigs};
    ord_store_cert(o, kept_cert_new(&cert));
}

static void prove_conflict(struct ord *o, const struct ballots *b, const struct wire_vote *vote, uint8_t other_kind)
{
    const struct tally_item *item = tally_of(&b->tally[other_kind - 1], vote->voter);
    if (!item)
        return;
    const struct wire_vote other = {other_kind, vote->view, item->digest, vote->voter,
                                    b->sigs[other_kind - 1][vote->voter]};
    evidence_votes(o->evidence, o->fx, vote, &other);
}

// Counts a vote of this view; checked: its signature is known to be good.
static void count(struct ord *o, const struct wire_vote *vote, bool checked)
{
    const bytes32 digest = vote->digest;
    struct view_rec *r = ord_view(o, vote->view);
    struct ballots *b = ballots_of(r);
    const unsigned k = vote->kind - 1u;
    if (vmask_has(b->tally[k].heard, vote->voter)) {
        const struct tally_item *first = tally_of(&b->tally[k], vote->voter);
        if (!bytes32_equal(&first->digest, &digest))
            prove_conflict(o, b, vote, vote->kind);
        return;
    }
    if (!b->sigs[k]) {
        b->sigs[k] = malloc(o->set->wire.n * sizeof *b->sigs[k]);
        if (!b->sigs[k])
            abort();
    }
    b->sigs[k][vote->voter] = vote->signature;
    tally_add(&b->tally[k], o->set, vote->voter, &digest);
    vmask_drop(&b->checked[k], vote->voter);
    if (checked)
        vmask_add(&b->checked[k], vote->voter);
    if (vote->kind == WIRE_NULLIFY)
        prove_conflict(o, b, vote, WIRE_FINALIZE);
    else if (vote->kind == WIRE_FINALIZE)
        prove_conflict(o, b, vote, WIRE_NULLIFY);
    try_certify(o, vote->view, vote->kind, &digest);
}

void ord_count_own(struct ord *o, const struct wire_vote *vote)
{
    if (vote->view > o->floor->header.view)
        count(o, vote, true);
}

// Own votes: allowed by the guard, logged, sent when that is durable, counted at once.
bool ord_vote(struct ord *o, uint8_t kind, uint64_t view, const bytes32 *digest)
{
    const bool unguarded = ord_mutated(o, MUTATE_FINALIZE_AFTER_NULLIFY) && kind == WIRE_FINALIZE;
    if (!ord_votes(o))
        return false;
    if (!unguarded && !guard_allow(o->guard, o->epoch, kind, view, digest)) {
        o->refused_votes++;
        return false;
    }
    struct wire_message m;
    m.type = WIRE_VOTE;
    m.epoch = o->epoch;
    m.vote = (struct wire_vote){.kind = kind, .view = view, .digest = *digest, .voter = (uint16_t)o->config.me};
    const bytes32 message = vote_message(o, kind, view, digest);
    wire_signature sig;
    o->config.signing->ops->sign(o->config.signing, &sig, &message);
    m.vote.signature = sig;
    struct view_rec *r = ord_view(o, view);
    r->mine[kind - 1] = m.vote;
    r->voted |= (uint8_t)(1u << (kind - 1));
    o->fx->counts.votes[kind - 1]++;
    effects_record_message(o->fx, RECORD_MYVOTE, &m, true);
    effects_broadcast(o->fx, &m);
    o->dirty = true;
    ord_count_own(o, &m.vote);
    return true;
}

void ord_on_vote(struct ord *o, unsigned src, const struct wire_vote *vote)
{
    if (vote->voter != src)
        return;
    if (vote->view <= o->floor->header.view) {
        ord_help(o, src, vote->view);
        return;
    }
    if (vote->view > o->view + VIEWS_AHEAD)
        return;
    if (vote->kind == WIRE_NULLIFY && vote->view < o->view)
        ord_help(o, src, vote->view);
    if (vote->view + BALLOT_VIEWS > o->view)
        count(o, vote, false);
}

static bool cert_is_good(const struct ord *o, const struct wire_cert *c)
{
    const struct vmask who = cert_voters(c);
    const wire_signature *sigs[WIRE_VALIDATORS_MAX];
    unsigned voters[WIRE_VALIDATORS_MAX];
    size_t n = 0;
    if (vset_weight(o->set, who) < o->set->quorum)
        return false;
    for (unsigned v = 0; v < o->set->wire.n; v++) {
        if (vmask_has(who, v)) {
            voters[n] = v;
            sigs[n] = &c->sigs[n];
            n++;
        }
    }
    const bytes32 message = vote_message(o, c->kind, c->view, &c->digest);
    return verify(o, voters, sigs, n, &message);
}

void ord_on_cert(struct ord *o, unsigned src, const struct wire_cert *cert)
{
    // Room for the view is made when the certificate has proved it.
    const struct view_rec *r = ord_view_if(o, cert->view);
    if (cert->view <= o->floor->header.view || cert->view - o->base >= VIEWS_MAX ||
        (r && has_cert(o, r, cert->kind, cert->view)))
        return;
    if (!cert_is_good(o, cert)) {
        effects_ban(o->fx, src, "an invalid certificate");
        return;
    }
    ord_store_cert(o, kept_cert_new(cert));
}

static void log_cert(struct ord *o, const struct kept_cert *c)
{
    struct wire_message m;
    m.type = WIRE_CERT;
    m.epoch = o->epoch;
    m.cert = c->cert;
    effects_record_message(o->fx, RECORD_CERT, &m, false);
}

void ord_store_cert(struct ord *o, struct kept_cert *c)
{
    struct view_rec *r = ord_view(o, c->cert.view);
    o->dirty = true;
    o->fx->counts.certificates[c->cert.kind - 1]++;
    if (c->cert.kind == WIRE_FINALIZE) {
        kept_cert_unref(o->pending);
        o->pending = c;
        if (c->cert.view >= o->view)
            ord_enter(o, c->cert.view + 1, c);
        return;
    }
    if (c->cert.kind == WIRE_NOTARIZE) {
        r->notarized = c;
    } else {
        r->nullified = c;
        o->fx->counts.missed[leader_of(&o->leaders, c->cert.view)]++;
    }
    log_cert(o, c);
    if (c->cert.view < o->view)
        return;
    if (c->cert.kind == WIRE_NULLIFY && !voted(r, WIRE_NULLIFY))
        o->failures++;
    ord_enter(o, c->cert.view + 1, c);
}
