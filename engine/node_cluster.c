// Starting a node: its part in a cluster.
#include "base/log.h"
#include "engine/net/listen.h"
#include "engine/node_private.h"
#include "engine/recover.h"
#include "engine/snap/snap_fetch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

// Stored cars, for peers that fell behind.
#define CARS_BYTES_MAX (16ull << 30)

// A node that only follows has a guard too, beside its log: it never signs.
static bool open_follower(struct node *n, char error[NODE_ERROR_MAX])
{
    char guard_dir[PATH_MAX], guard[PATH_MAX + 16];
    if (n->cluster->set.wire.n == WIRE_VALIDATORS_MAX) {
        snprintf(error, NODE_ERROR_MAX, "a cluster of %d validators can't be followed", WIRE_VALIDATORS_MAX);
        return false;
    }
    if ((size_t)snprintf(guard_dir, sizeof guard_dir, "%s/follower", n->config->data) >= sizeof guard_dir) {
        snprintf(error, NODE_ERROR_MAX, "the path of the data folder is too long");
        return false;
    }
    snprintf(guard, sizeof guard, "%s/" GUARD_FILE_NAME, guard_dir);
    if (mkdir(guard_dir, 0750) != 0 && errno != EEXIST) {
        snprintf(error, NODE_ERROR_MAX, "%.300s could not be made: %s", guard_dir, strerror(errno));
        return false;
    }
    return (access(guard, F_OK) == 0 || vote_folder_new_guard(guard_dir, error)) &&
           vote_folder_open(&n->votes, n->config->data, guard_dir, error);
}

static bool open_votes(struct node *n, char error[NODE_ERROR_MAX])
{
    char guard_dir[PATH_MAX];
    if (n->cluster->me == CLUSTER_FOLLOWER)
        return open_follower(n, error);
    if (!vote_folder_guard_dir(guard_dir, n->config->guard, n->config->validator_key)) {
        snprintf(error, NODE_ERROR_MAX, "the path of the sign guard is too long");
        return false;
    }
    return vote_folder_open(&n->votes, n->config->data, guard_dir, error);
}

static bool open_cluster(struct node *n, char error[NODE_ERROR_MAX])
{
    if (!n->cluster)
        n->cluster = cluster_open(&n->genesis, n->config, error);
    return n->cluster != NULL;
}

bool node_take_over_state(struct node *n, char error[NODE_ERROR_MAX])
{
    struct snap_fetch_options fetch = {
        .genesis = &n->genesis, .genesis_hash = n->genesis_hash, .data = n->config->data};
    if (!snap_place(n->config->data, &n->genesis_hash, error))
        return false;
    switch (anchor_read(&fetch.from, n->config->data, ANCHOR_FETCH_NAME, &n->genesis_hash, error)) {
    case ANCHOR_NONE:
        return true;
    case ANCHOR_BAD:
        return false;
    default:
        fetch.above = fetch.from.height;
    }
    if (!open_cluster(n, error))
        return false;
    fetch.cluster = n->cluster;
    return snap_fetch(&fetch, error) && snap_place(n->config->data, &n->genesis_hash, error);
}

static void needs_state(void *ctx, const struct anchor *from)
{
    struct node *n = ctx;
    char error[STORE_ERROR_MAX];
    if (!anchor_write(from, n->config->data, ANCHOR_FETCH_NAME, &n->genesis_hash, error)) {
        log_error("node", "a state can't be fetched", "reason=\"%s\"", error);
        return;
    }
    atomic_store(&n->again, true);
    sem_post(&n->ended);
}

// Who is meant to be in a cluster does not begin a chain of its own instead.
static bool is_alone(const struct node_config *c, char error[NODE_ERROR_MAX])
{
    const struct {
        const char *name, *value;
    } keys[] = {{"validator-key", c->validator_key},
                {"channel-key", c->channel_key},
                {"guard", c->guard},
                {"peers", c->peers},
                {"allow", c->allow}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].value && *keys[i].value)
            return store_fail(error, "%s is of a cluster, and this chain's genesis names no validators", keys[i].name);
    }
    return true;
}

bool node_join_cluster(struct node *n, const struct recovered *at, char error[NODE_ERROR_MAX])
{
    char cars_dir[PATH_MAX];
    if (n->genesis.cluster.validator_count == 0)
        return is_alone(n->config, error);
    const enum anchor_found found = anchor_read(&n->anchor, n->config->data, ANCHOR_NAME, &n->genesis_hash, error);
    const bool anchored = found == ANCHOR_FOUND;
    if (found == ANCHOR_BAD || !open_cluster(n, error) || !open_votes(n, error))
        return false;
    n->p2p_port = (unsigned)n->config->p2p_port;
    n->p2p_fd = net_listen(n->config->p2p_host, &n->p2p_port, 0, error, NODE_ERROR_MAX);
    if (n->p2p_fd < 0)
        return false;
    n->report = (struct cluster_report){n->cluster, consensus_board_create(), finality_create(&n->cluster->set.wire)};
    snprintf(cars_dir, sizeof cars_dir, "%s/cars", n->config->data);
    const struct participant_options options = {
        .genesis = &n->genesis,
        .genesis_hash = n->genesis_hash,
        .cluster = n->cluster,
        .shards = n->shards,
        .shard_count = n->shard_count,
        .inbox = &n->coordinator_inbox,
        .log_dir = n->votes.log_dir,
        .guard_dir = n->votes.guard_dir,
        .cars_dir = cars_dir,
        .cars_bytes_max = CARS_BYTES_MAX,
        .serve_bytes_per_s = n->config->serve_bytes,
        .recover = n->votes.recover,
        .listen_fd = n->p2p_fd,
        .blog = n->blog,
        .head = at->head,
        .head_hash = at->head_hash,
        .board = n->report.board,
        .finality = n->report.finality,
        .checkpoint = n->checkpoint,
        .anchor = anchored ? &n->anchor : NULL,
        .failed = node_failed,
        .needs_state = needs_state,
        .ctx = n,
    };
    n->participant = participant_open(&options, error);
    if (!n->participant || !vote_folder_opened(&n->votes, error))
        return false;
    return participant_needs_anchor(n->participant) || anchor_remove(n->config->data, ANCHOR_NAME, error);
}
