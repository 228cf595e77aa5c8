#include "engine/cluster_metrics.h"

#include "engine/rpc/metrics.h"

#include <stdlib.h>

static const char *const vote_kinds[] = {"notarize", "nullify", "finalize"};

static void gauge(FILE *out, enum metric_id id, uint64_t value)
{
    metric_gauge(out, id, NULL, (double)value);
}

static void ordering(const struct consensus_view *v, FILE *out)
{
    gauge(out, METRIC_VOTING, v->mode == CONSENSUS_VOTING);
    gauge(out, METRIC_EPOCH, v->epoch);
    gauge(out, METRIC_VIEW, v->view);
    gauge(out, METRIC_FINAL_HEIGHT, v->floor_height);
    gauge(out, METRIC_EXECUTED_HEIGHT, v->executed);
    gauge(out, METRIC_TIMEOUTS_IN_A_ROW, v->failures);
    metric_counter(out, METRIC_VIEWS, NULL, v->counts.views);
    metric_begin(out, METRIC_VOTES);
    for (unsigned k = 0; k < 3; k++)
        metric_counter(out, METRIC_VOTES, &vote_kinds[k], v->counts.votes[k]);
    metric_begin(out, METRIC_CERTIFICATES);
    for (unsigned k = 0; k < 3; k++)
        metric_counter(out, METRIC_CERTIFICATES, &vote_kinds[k], v->counts.certificates[k]);
    metric_counter(out, METRIC_REFUSED_VOTES, NULL, v->refused_votes);
    metric_counter(out, METRIC_EVIDENCE, NULL, v->counts.evidence);
    metric_counter(out, METRIC_BANS, NULL, v->counts.bans);
}

static void data_plane(const struct consensus_view *v, const struct cluster *c, FILE *out)
{
    metric_counter(out, METRIC_CARS, NULL, v->counts.cars);
    metric_counter(out, METRIC_CAR_BYTES, NULL, v->counts.car_bytes);
    metric_counter(out, METRIC_ACKS, NULL, v->counts.acks);
    metric_counter(out, METRIC_FETCHES, NULL, v->counts.fetches);
    gauge(out, METRIC_UNFINAL_BYTES, v->unfinal_bytes);
    metric_begin(out, METRIC_LANE_FINALIZED);
    for (unsigned i = 0; i < v->lane_count; i++)
        metric_counter(out, METRIC_LANE_FINALIZED, (const char *const[]){c->names[i]}, v->lanes[i].finalized);
    metric_begin(out, METRIC_LANE_WAITING);
    for (unsigned i = 0; i < v->lane_count; i++) {
        metric_gauge(out, METRIC_LANE_WAITING, (const char *const[]){c->names[i], "held"}, v->lanes[i].held);
        metric_gauge(out, METRIC_LANE_WAITING, (const char *const[]){c->names[i], "available"}, v->lanes[i].available);
    }
    metric_begin(out, METRIC_LANE_WASTED_BYTES);
    for (unsigned i = 0; i < v->lane_count; i++)
        metric_counter(out, METRIC_LANE_WASTED_BYTES, (const char *const[]){c->names[i]}, v->lanes[i].wasted_bytes);
}

// One metric's samples of all shards.
static void each_shard(const struct consensus_view *v, FILE *out, enum metric_id id, size_t offset, bool counter)
{
    metric_begin(out, id);
    for (unsigned s = 0; s < v->shard_count; s++) {
        char shard[12];
        snprintf(shard, sizeof shard, "%u", s);
        const uint64_t value = *(const uint64_t *)((const char *)&v->shards[s] + offset);
        if (counter)
            metric_counter(out, id, (const char *const[]){shard}, value);
        else
            metric_gauge(out, id, (const char *const[]){shard}, (double)value);
    }
}

static void depots(const struct consensus_view *v, FILE *out)
{
    each_shard(v, out, METRIC_STORED_CARS, offsetof(struct depot_numbers, log.cars), false);
    each_shard(v, out, METRIC_CAR_LOG_BYTES, offsetof(struct depot_numbers, log.bytes), false);
    each_shard(v, out, METRIC_CAR_LOG_RECORDS, offsetof(struct depot_numbers, log.puts), true);
    each_shard(v, out, METRIC_CAR_LOG_COMMITS, offsetof(struct depot_numbers, log.commits), true);
    each_shard(v, out, METRIC_GATHERING, offsetof(struct depot_numbers, gather.wanted), false);
    each_shard(v, out, METRIC_EARLY_BYTES, offsetof(struct depot_numbers, gather.early_bytes), false);
    each_shard(v, out, METRIC_SERVED_BYTES, offsetof(struct depot_numbers, served_bytes), true);
    metric_begin(out, METRIC_BODIES);
    for (unsigned s = 0; s < v->shard_count; s++) {
        const struct gather_numbers *g = &v->shards[s].gather;
        char shard[12];
        snprintf(shard, sizeof shard, "%u", s);
        metric_counter(out, METRIC_BODIES, (const char *const[]){shard, "taken"}, g->bodies);
        metric_counter(out, METRIC_BODIES, (const char *const[]){shard, "dropped"}, g->dropped);
        metric_counter(out, METRIC_BODIES, (const char *const[]){shard, "invalid"}, g->invalid);
    }
    metric_begin(out, METRIC_FORWARDED);
    for (unsigned s = 0; s < v->shard_count; s++) {
        char shard[12];
        snprintf(shard, sizeof shard, "%u", s);
        metric_counter(out, METRIC_FORWARDED, (const char *const[]){shard, "out"}, v->shards[s].forwarded);
        metric_counter(out, METRIC_FORWARDED, (const char *const[]){shard, "in"}, v->shards[s].forwarded_in);
    }
}

// One metric's samples of all peers, control and bulk.
static void traffic(const struct consensus_view *v, const struct cluster *c, FILE *out, enum metric_id id,
                    size_t offset, bool counter)
{
    metric_begin(out, id);
    for (unsigned i = 0; i < c->peer_count; i++) {
        const struct link_counters *const both[] = {&v->peers[i].control_traffic, &v->peers[i].bulk_traffic};
        for (unsigned k = 0; k < 2 && i != c->me; k++) {
            const char *const labels[] = {c->names[i], k == 0 ? "control" : "bulk"};
            const uint64_t value = *(const uint64_t *)((const char *)both[k] + offset);
            if (counter)
                metric_counter(out, id, labels, value);
            else
                metric_gauge(out, id, labels, (double)value);
        }
    }
}

static void peers(const struct consensus_view *v, const struct cluster *c, FILE *out)
{
    metric_begin(out, METRIC_PEER_CONNECTIONS);
    for (unsigned i = 0; i < c->peer_count; i++) {
        if (i == c->me)
            continue;
        metric_gauge(out, METRIC_PEER_CONNECTIONS, (const char *const[]){c->names[i], "control"}, v->peers[i].control);
        metric_gauge(out, METRIC_PEER_CONNECTIONS, (const char *const[]){c->names[i], "bulk"}, v->peers[i].bulk);
    }
    traffic(v, c, out, METRIC_PEER_BYTES_IN, offsetof(struct link_counters, bytes_in), true);
    traffic(v, c, out, METRIC_PEER_BYTES_OUT, offsetof(struct link_counters, bytes_out), true);
    traffic(v, c, out, METRIC_PEER_MESSAGES_IN, offsetof(struct link_counters, messages_in), true);
    traffic(v, c, out, METRIC_PEER_MESSAGES_OUT, offsetof(struct link_counters, messages_out), true);
    traffic(v, c, out, METRIC_PEER_DROPPED, offsetof(struct link_counters, dropped), true);
    traffic(v, c, out, METRIC_PEER_REPLACED, offsetof(struct link_counters, replaced), true);
    traffic(v, c, out, METRIC_PEER_QUEUED_BYTES, offsetof(struct link_counters, queued_bytes), false);
    metric_begin(out, METRIC_PEER_VIEW);
    for (unsigned i = 0; i < c->set.wire.n; i++) {
        if (i != c->me)
            metric_gauge(out, METRIC_PEER_VIEW, (const char *const[]){c->names[i]}, (double)v->peers[i].view);
    }
}

static void handshakes(const struct consensus_handshakes *h, FILE *out)
{
    const struct {
        const char *event;
        uint64_t count;
    } events[] = {{"accepted", h->accepted},
                  {"dialed", h->dialed},
                  {"opened", h->opened},
                  {"refused: too often", h->refused_rate},
                  {"refused: too many", h->refused_pending}};
    metric_begin(out, METRIC_HANDSHAKES);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        metric_counter(out, METRIC_HANDSHAKES, &events[i].event, events[i].count);
    metric_begin(out, METRIC_HANDSHAKE_FAILURES);
    for (unsigned i = LINK_OK + 1; i < LINK_STATUS_COUNT; i++)
        metric_counter(out, METRIC_HANDSHAKE_FAILURES, (const char *const[]){link_status_text(i)}, h->failed[i]);
}

void cluster_metrics(const struct cluster_report *report, FILE *out)
{
    struct consensus_view *v = malloc(sizeof *v);
    if (!v)
        abort();
    if (consensus_board_read(report->board, v)) {
        ordering(v, out);
        data_plane(v, report->cluster, out);
        depots(v, out);
        peers(v, report->cluster, out);
        handshakes(&v->handshakes, out);
    }
    free(v);
}
