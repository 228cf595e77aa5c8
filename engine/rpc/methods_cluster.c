// What a node of a cluster says of it: validators, peers, consensus, proofs of finality.
#include "engine/rpc/methods.h"

#include <inttypes.h>
#include <stdlib.h>

typedef unsigned long long ull;

// NULL after having answered: this chain is one node's.
static const struct cluster_report *report_of(struct rpc_call *call)
{
    const struct cluster_report *report = call->core->backend.cluster;
    if (!report)
        call_fail(call, RPC_SERVER_ERROR, "this chain is one node's, without a cluster");
    return report;
}

// A copy of the newest numbers, malloc'ed; NULL after having answered.
static struct consensus_view *view_of(struct rpc_call *call, const struct cluster_report *report)
{
    struct consensus_view *view = malloc(sizeof *view);
    if (!view)
        abort();
    if (consensus_board_read(report->board, view))
        return view;
    free(view);
    call_fail(call, RPC_SERVER_ERROR, "the node is starting");
    return NULL;
}

void net_peer_count(struct rpc_call *call)
{
    const struct cluster_report *report = call->core->backend.cluster;
    struct consensus_view *view = report ? malloc(sizeof *view) : NULL;
    uint64_t count = 0;
    if (view && consensus_board_read(report->board, view)) {
        for (unsigned i = 0; i < view->peer_count; i++)
            count += view->peers[i].control;
    }
    free(view);
    call_quantity(call, count);
}

// ---- gantry_validators

static void write_validator(struct json_writer *w, const struct cluster *c, unsigned i)
{
    jw_printf(w, "{\"number\":%u,\"name\":", i);
    jw_cstring(w, c->names[i]);
    jw_raw(w, ",\"consensusKey\":");
    jw_hash(w, &c->set.key[i]);
    jw_raw(w, ",\"channelKey\":");
    jw_data(w, i == c->me ? c->channel_key : c->peers[i].key, NOISE_KEY_BYTES);
    jw_printf(w, ",\"weight\":%u,\"feeAddress\":", c->set.weight[i]);
    jw_address(w, &c->fee_addresses[i]);
    jw_raw(w, "}");
}

void gantry_validators(struct rpc_call *call)
{
    const struct cluster_report *report = report_of(call);
    if (!report)
        return;
    const struct cluster *c = report->cluster;
    struct json_writer *w = call_result(call);
    jw_raw(w, "{\"own\":");
    if (c->me == CLUSTER_FOLLOWER)
        jw_raw(w, "null");
    else
        jw_printf(w, "%u", c->me);
    jw_printf(w, ",\"weight\":%llu,\"quorum\":%llu,\"faultyAtMost\":%llu,\"setHash\":", (ull)c->set.total,
              (ull)c->set.quorum, (ull)c->set.faulty);
    jw_hash(w, &c->set.wire.set_hash);
    jw_raw(w, ",\"validators\":[");
    for (unsigned i = 0; i < c->set.wire.n; i++) {
        jw_raw(w, i > 0 ? "," : "");
        write_validator(w, c, i);
    }
    jw_raw(w, "]}");
    call_done(call);
}

// ---- gantry_peers

static void write_traffic(struct json_writer *w, const struct link_counters *t)
{
    jw_printf(w,
              "{\"messagesIn\":%llu,\"bytesIn\":%llu,\"messagesOut\":%llu,\"bytesOut\":%llu,\"dropped\":%llu,"
              "\"replaced\":%llu,\"queuedBytes\":%llu}",
              (ull)t->messages_in, (ull)t->bytes_in, (ull)t->messages_out, (ull)t->bytes_out, (ull)t->dropped,
              (ull)t->replaced, (ull)t->queued_bytes);
}

static void write_peer(struct json_writer *w, const struct cluster *c, const struct consensus_peer *p, unsigned i)
{
    const bool validator = i < c->set.wire.n;
    jw_printf(w, "{\"number\":%u,\"name\":", i);
    jw_cstring(w, c->names[i]);
    jw_printf(w, ",\"role\":\"%s\",\"channelKey\":", validator ? "validator" : "follower");
    jw_data(w, c->peers[i].key, NOISE_KEY_BYTES);
    jw_raw(w, ",\"address\":");
    if (c->hosts[i][0] != '\0')
        jw_cstring(w, c->hosts[i]);
    else
        jw_raw(w, "null");
    jw_printf(w, ",\"dialed\":%s,\"banned\":%s,\"connected\":%s,\"control\":", c->peers[i].dial ? "true" : "false",
              p->banned ? "true" : "false", p->control ? "true" : "false");
    write_traffic(w, &p->control_traffic);
    jw_printf(w, ",\"bulkConnections\":%u,\"bulkWanted\":%u,\"bulk\":", p->bulk, p->bulk_wanted);
    write_traffic(w, &p->bulk_traffic);
    if (validator && p->heard_ms_ago != UINT64_MAX)
        jw_printf(w, ",\"view\":%llu,\"executed\":%llu,\"heardMsAgo\":%llu}", (ull)p->view, (ull)p->executed,
                  (ull)p->heard_ms_ago);
    else
        jw_raw(w, ",\"view\":null,\"executed\":null,\"heardMsAgo\":null}");
}

void gantry_peers(struct rpc_call *call)
{
    const struct cluster_report *report = report_of(call);
    struct consensus_view *view = report ? view_of(call, report) : NULL;
    if (!view)
        return;
    struct json_writer *w = call_result(call);
    jw_raw(w, "[");
    bool first = true;
    for (unsigned i = 0; i < report->cluster->peer_count; i++) {
        if (i == report->cluster->me)
            continue;
        jw_raw(w, first ? "" : ",");
        write_peer(w, report->cluster, &view->peers[i], i);
        first = false;
    }
    jw_raw(w, "]");
    free(view);
    call_done(call);
}

// ---- gantry_consensus

static void write_counts(struct json_writer *w, const struct consensus_view *v)
{
    const struct order_counts *c = &v->counts;
    jw_printf(w,
              ",\"counts\":{\"views\":%llu,\"votes\":{\"notarize\":%llu,\"nullify\":%llu,\"finalize\":%llu},"
              "\"certificates\":{\"notarize\":%llu,\"nullify\":%llu,\"finalize\":%llu},",
              (ull)c->views, (ull)c->votes[0], (ull)c->votes[1], (ull)c->votes[2], (ull)c->certificates[0],
              (ull)c->certificates[1], (ull)c->certificates[2]);
    jw_printf(w,
              "\"cars\":%llu,\"carBytes\":%llu,\"acks\":%llu,\"fetches\":%llu,\"evidence\":%llu,\"bans\":%llu,"
              "\"refusedVotes\":%llu}",
              (ull)c->cars, (ull)c->car_bytes, (ull)c->acks, (ull)c->fetches, (ull)c->evidence, (ull)c->bans,
              (ull)v->refused_votes);
}

static void write_lanes(struct json_writer *w, const struct consensus_view *v)
{
    jw_raw(w, ",\"lanes\":[");
    for (unsigned i = 0; i < v->lane_count; i++) {
        const struct consensus_lane *l = &v->lanes[i];
        jw_printf(w,
                  "%s{\"owner\":%u,\"finalized\":%u,\"newest\":%u,\"held\":%u,\"available\":%u,\"heldBack\":%s,"
                  "\"wastedBytes\":%llu,\"missedViews\":%llu}",
                  i > 0 ? "," : "", i, l->finalized, l->newest, l->held, l->available, l->held_back ? "true" : "false",
                  (ull)l->wasted_bytes, (ull)v->counts.missed[i]);
    }
    jw_raw(w, "]");
}

static void write_number_or_null(struct json_writer *w, const char *key, bool known, uint64_t value)
{
    if (known)
        jw_printf(w, ",\"%s\":%llu", key, (ull)value);
    else
        jw_printf(w, ",\"%s\":null", key);
}

void gantry_consensus(struct rpc_call *call)
{
    const struct cluster_report *report = report_of(call);
    struct consensus_view *v = report ? view_of(call, report) : NULL;
    if (!v)
        return;
    struct json_writer *w = call_result(call);
    jw_printf(w, "{\"mode\":\"%s\"", consensus_mode_text(v->mode));
    write_number_or_null(w, "own", v->me != CLUSTER_FOLLOWER, v->me);
    jw_printf(w, ",\"epoch\":%llu,\"epochStart\":%llu", (ull)v->epoch, (ull)v->epoch_start_height);
    write_number_or_null(w, "votesFromEpoch", v->vote_from != UINT64_MAX, v->vote_from);
    jw_printf(w, ",\"view\":%llu,\"leader\":%llu,\"inViewMs\":%llu,\"timeoutsInARow\":%llu", (ull)v->view,
              (ull)v->leader, (ull)v->in_view_ms, (ull)v->failures);
    jw_printf(w, ",\"floor\":{\"view\":%llu,\"height\":%llu,\"digest\":", (ull)v->floor_view, (ull)v->floor_height);
    jw_hash(w, &v->floor_digest);
    jw_printf(w, "},\"executed\":%llu,\"unfinalCars\":%llu,\"unfinalBytes\":%llu,\"fetching\":%llu,\"acksUnsent\":%llu",
              (ull)v->executed, (ull)v->unfinal_cars, (ull)v->unfinal_bytes, (ull)v->fetching, (ull)v->acks_unsent);
    write_counts(w, v);
    write_lanes(w, v);
    jw_raw(w, "}");
    free(v);
    call_done(call);
}

// ---- gantry_certificate

// The headers from a block to the one with this hash. False: that one is not here (yet).
static bool add_headers(struct certificate *c, struct chain_reader *reader, uint64_t from, const bytes32 *last)
{
    uint64_t to;
    if (!chain_reader_height_of(reader, last, &to) || to < from || to - from >= CERTIFICATE_HEADERS_MAX)
        return false;
    for (uint64_t height = from; height <= to; height++) {
        uint8_t rlp[HEADER_ENCODED_MAX];
        bool damaged = false;
        const struct record *r = chain_reader_block(reader, height, &damaged);
        if (!r || !certificate_add_executed(c, bytes_of(rlp, header_encode(rlp, &r->header))))
            return false;
    }
    return true;
}

// A proof of this block; malloc'ed text, or NULL and why in *answer.
static char *prove(struct rpc_core *core, struct finality *finality, uint64_t number, const bytes32 *digest,
                   const bytes32 *hash, enum finality_answer *answer)
{
    char *text = NULL;
    for (unsigned executed = 2; executed-- > 0 && !text;) {
        struct certificate *c = certificate_new();
        *answer = finality_prove(finality, digest, executed, c);
        const bytes32 last = executed ? c->ordering[0].exec_root : *hash;
        if (*answer == FINALITY_PROVED && add_headers(c, core->reader, number, &last))
            text = certificate_write(c);
        certificate_free(c);
    }
    return text;
}

void gantry_certificate(struct rpc_call *call)
{
    const struct cluster_report *report = report_of(call);
    struct block_ref ref;
    uint64_t number;
    if (!report || !arg_block(call, 0, &ref))
        return;
    const struct record *r = chain_resolve(call->core, &ref, &number) ? call_block(call, number) : NULL;
    if (call->answered)
        return;
    if (!r) {
        call_raw(call, "null");
        return;
    }
    if (number == 0) {
        call_fail(call, RPC_SERVER_ERROR, "the genesis needs no certificate");
        return;
    }
    const bytes32 digest = r->header.parent_beacon_block_root, hash = r->block_hash;
    enum finality_answer answer = FINALITY_NOT_KEPT;
    char *text = prove(call->core, report->finality, number, &digest, &hash, &answer);
    if (text)
        call_raw(call, text);
    else if (answer == FINALITY_NOT_KEPT)
        call_fail(call, RPC_PRUNED, "the certificates of block %llu are not kept any more", (ull)number);
    else
        call_fail(call, RPC_SERVER_ERROR, "block %llu has no certificate yet: ask again", (ull)number);
    free(text);
}
