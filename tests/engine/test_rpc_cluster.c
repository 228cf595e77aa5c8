// What a node of a cluster answers about it, and what a node alone does.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "engine/cluster_metrics.h"
#include "engine/rpc/call.h"
#include "tests/engine/certificate_fixture.h"
#include "tests/engine/rpc_fixture.h"

static struct rpc_fixture f;
static struct certificate_fixture votes;
static struct cluster *cluster;
static struct cluster_report report;
static struct consensus_view *view;

static void open_core(void)
{
    rpc_fixture_open_core(&f);
    certificate_fixture_open(&votes);
    cluster = calloc(1, sizeof *cluster);
    cluster->set = votes.set;
    cluster->me = 1;
    cluster->peer_count = FIXTURE_VALIDATORS + 1;
    for (unsigned i = 0; i <= FIXTURE_VALIDATORS; i++) {
        snprintf(cluster->names[i], sizeof cluster->names[i], i < FIXTURE_VALIDATORS ? "v%u" : "f%u", i);
        memset(cluster->peers[i].key, (int)(16 * i + 2), NOISE_KEY_BYTES);
        cluster->peers[i].dial = i == 2;
    }
    strcpy(cluster->hosts[2], "here:7");
    report = (struct cluster_report){cluster, consensus_board_create(), finality_create(&votes.set.wire)};
    f.core->backend.cluster = &report;
    view = calloc(1, sizeof *view);
}

static void close_core(void)
{
    rpc_fixture_close(&f);
    certificate_fixture_close(&votes);
    consensus_board_free(report.board);
    finality_free(report.finality);
    free(cluster);
    free(view);
}

TestSuite(rpc_cluster, .init = open_core, .fini = close_core);

static char *ask(const char *method, const char *params)
{
    char text[512];
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":[%s]}", method, params);
    return rpc_fixture_ask(&f, text);
}

static void expect_part(const char *method, const char *params, const char *part)
{
    char *got = ask(method, params);
    cr_expect_not_null(strstr(got, part), "%s(%s) answered %s, without %s", method, params, got, part);
    free(got);
}

Test(rpc_cluster, a_node_alone_says_that_it_is)
{
    static const char *const methods[] = {"gantry_validators", "gantry_peers", "gantry_consensus"};
    f.core->backend.cluster = NULL;
    for (unsigned i = 0; i < 3; i++)
        expect_part(methods[i], "",
                    "\"error\":{\"code\":-32000,\"message\":\"this chain is one node's, without a cluster\"");
    expect_part("gantry_certificate", "\"latest\"", "without a cluster");
    expect_part("net_peerCount", "", "\"result\":\"0x0\"");
}

Test(rpc_cluster, before_the_first_numbers_the_node_is_starting)
{
    expect_part("gantry_consensus", "", "\"message\":\"the node is starting\"");
    expect_part("gantry_peers", "", "\"message\":\"the node is starting\"");
    expect_part("gantry_validators", "", "\"own\":1,\"weight\":4,\"quorum\":3,\"faultyAtMost\":1,");
    expect_part("net_peerCount", "", "\"result\":\"0x0\"");
}

Test(rpc_cluster, validators_are_those_of_the_genesis)
{
    expect_part("gantry_validators", "", "{\"number\":0,\"name\":\"v0\",\"consensusKey\":\"0x");
    expect_part("gantry_validators", "", "\"channelKey\":\"0x2222222222222222");
    expect_part("gantry_validators", "",
                ",\"weight\":1,\"feeAddress\":\"0x0000000000000000000000000000000000000000\"}");
    cluster->me = CLUSTER_FOLLOWER;
    expect_part("gantry_validators", "", "\"result\":{\"own\":null,");
}

Test(rpc_cluster, peers_are_told_with_their_connections)
{
    view->peers[2] = (struct consensus_peer){
        .control = true,
        .bulk = 3,
        .bulk_wanted = 4,
        .control_traffic = {.messages_in = 5, .bytes_in = 6, .messages_out = 7, .bytes_out = 8, .queued_bytes = 9},
        .bulk_traffic = {.dropped = 11, .replaced = 12},
        .view = 20,
        .executed = 21,
        .heard_ms_ago = 22};
    view->peers[0].heard_ms_ago = UINT64_MAX;
    view->peers[4].control = true;
    consensus_board_publish(report.board, view);
    expect_part("gantry_peers", "", "{\"number\":2,\"name\":\"v2\",\"role\":\"validator\",\"channelKey\":\"0x22222222");
    expect_part(
        "gantry_peers", "",
        "\"address\":\"here:7\",\"dialed\":true,\"banned\":false,\"connected\":true,\"control\":{\"messagesIn\":5,"
        "\"bytesIn\":6,\"messagesOut\":7,\"bytesOut\":8,\"dropped\":0,\"replaced\":0,\"queuedBytes\":9},"
        "\"bulkConnections\":3,\"bulkWanted\":4,\"bulk\":{\"messagesIn\":0,\"bytesIn\":0,\"messagesOut\":0,"
        "\"bytesOut\":0,\"dropped\":11,\"replaced\":12,\"queuedBytes\":0},\"view\":20,\"executed\":21,"
        "\"heardMsAgo\":22}");
    expect_part("gantry_peers", "", "\"number\":4,\"name\":\"f4\",\"role\":\"follower\"");
    expect_part("gantry_peers", "", "\"address\":null,");
    expect_part("gantry_peers", "", "\"view\":null,\"executed\":null,\"heardMsAgo\":null}");
    char *got = ask("gantry_peers", "");
    cr_expect_null(strstr(got, "\"name\":\"v1\""), "itself is no peer");
    free(got);
    view->peer_count = 5;
    consensus_board_publish(report.board, view);
    expect_part("net_peerCount", "", "\"result\":\"0x2\"");
}

Test(rpc_cluster, consensus_is_told_in_numbers)
{
    view->mode = CONSENSUS_RECOVERING;
    view->me = 1;
    view->epoch = 3;
    view->vote_from = UINT64_MAX;
    view->view = 77;
    view->leader = 2;
    view->failures = 4;
    view->floor_height = 70;
    view->counts.votes[1] = 9;
    view->counts.cars = 8;
    view->lane_count = 4;
    view->lanes[3] = (struct consensus_lane){.finalized = 5, .newest = 9, .held = 4, .available = 2, .held_back = true};
    consensus_board_publish(report.board, view);
    expect_part("gantry_consensus", "",
                "\"result\":{\"mode\":\"recovering\",\"own\":1,\"epoch\":3,\"epochStart\":0,\"votesFromEpoch\":null,"
                "\"view\":77,\"leader\":2,\"inViewMs\":0,\"timeoutsInARow\":4,\"floor\":{\"view\":0,\"height\":70,");
    expect_part("gantry_consensus", "", "\"votes\":{\"notarize\":0,\"nullify\":9,\"finalize\":0}");
    expect_part("gantry_consensus", "",
                "{\"owner\":3,\"finalized\":5,\"newest\":9,\"held\":4,\"available\":2,\"heldBack\":true,"
                "\"wastedBytes\":0}]}");
    view->me = CLUSTER_FOLLOWER;
    view->mode = CONSENSUS_FOLLOWING;
    view->vote_from = 6;
    consensus_board_publish(report.board, view);
    expect_part("gantry_consensus", "", "{\"mode\":\"following\",\"own\":null,\"epoch\":3,");
    expect_part("gantry_consensus", "", "\"votesFromEpoch\":6,");
}

// ---- certificates

// An ordering block, under the digest that all blocks of the fixture's chain name: zero.
static void add_final(uint64_t height, uint64_t exec_height, const bytes32 *root, bool certified)
{
    static bytes32 parent;
    const bytes32 named = {{0}};
    const struct wire_block_header h = certificate_fixture_block(&votes, height, &parent, exec_height, root);
    struct kept_cert *cert = certificate_fixture_cert(&votes, &h, WIRE_FINALIZE, 0xb);
    parent = wire_block_digest(&votes.set.wire, &h);
    finality_add(report.finality, &h, height == 1 ? &named : &parent, certified ? &cert->cert : NULL);
    kept_cert_unref(cert);
}

static bytes32 hash_of(uint64_t height)
{
    bool damaged = false;
    return chain_reader_block(f.core->reader, height, &damaged)->block_hash;
}

static enum certificate_status check(char *answer, uint64_t *number, bytes32 *hash)
{
    char error[CERTIFICATE_ERROR_MAX] = "";
    char *result = strstr(answer, "\"result\":");
    cr_assert_not_null(result, "%s", answer);
    result += strlen("\"result\":");
    struct certificate *c = certificate_parse(result, strlen(result) - 1, error);
    cr_assert(c, "%s", error);
    const enum certificate_status status = certificate_check(c, &votes.set, votes.checker, number, hash);
    certificate_free(c);
    free(answer);
    return status;
}

Test(rpc_cluster, a_certificate_proves_the_block_that_was_asked_for)
{
    const bytes32 none = {{0}}, last = hash_of(3);
    add_final(1, 0, &none, true);
    add_final(2, 1, &last, false);
    add_final(3, 1, &last, true);
    for (uint64_t height = 1; height <= 3; height++) {
        char param[80];
        uint64_t number = 0;
        bytes32 hash = {{0}}, wanted = hash_of(height);
        snprintf(param, sizeof param, "\"0x%llx\"", (unsigned long long)height);
        cr_expect_eq(check(ask("gantry_certificate", param), &number, &hash), CERTIFICATE_EXECUTED);
        cr_expect_eq(number, height);
        cr_expect(bytes32_equal(&hash, &wanted));
    }
    uint64_t number = 0;
    bytes32 hash;
    cr_expect_eq(check(ask("gantry_certificate", "\"finalized\""), &number, &hash), CERTIFICATE_EXECUTED);
    cr_expect_eq(number, 3);
}

Test(rpc_cluster, without_a_stated_result_the_order_is_proved)
{
    const bytes32 none = {{0}};
    bytes32 hash;
    uint64_t number;
    add_final(1, 0, &none, true);
    char *answer = ask("gantry_certificate", "\"0x2\"");
    cr_expect_not_null(strstr(answer, "\"ordering\":[\"0x"));
    // The fixture's blocks name no real ordering block, so that the proof itself leads nowhere.
    cr_expect_eq(check(answer, &number, &hash), CERTIFICATE_UNRELATED);
}

Test(rpc_cluster, a_stated_result_that_is_not_here_yet_does_not_help)
{
    const bytes32 none = {{0}}, later = {{9}};
    add_final(1, 0, &none, true);
    add_final(2, 1, &later, true);
    char *answer = ask("gantry_certificate", "\"0x2\"");
    cr_expect_not_null(strstr(answer, "\"executed\":[\"0x"), "%s", answer);
    cr_expect_null(strstr(answer, "0x0909"));
    free(answer);
}

Test(rpc_cluster, what_can_not_be_proved_is_said)
{
    const bytes32 none = {{0}};
    expect_part("gantry_certificate", "\"0x1\"",
                "\"error\":{\"code\":4444,\"message\":\"the certificates of block 1 are");
    add_final(1, 0, &none, false);
    expect_part("gantry_certificate", "\"0x1\"",
                "\"error\":{\"code\":-32000,\"message\":\"block 1 has no certificate yet");
    expect_part("gantry_certificate", "\"0x0\"", "\"message\":\"the genesis needs no certificate\"");
    expect_part("gantry_certificate", "\"0x4\"", "\"result\":null");
    expect_part("gantry_certificate", "\"new\"", "\"error\":{\"code\":-32602");
    expect_part("gantry_certificate", "", "\"error\":{\"code\":-32602");
}

// ---- metrics

Test(rpc_cluster, metrics_say_the_same)
{
    char *text = NULL;
    size_t len = 0;
    view->mode = CONSENSUS_VOTING;
    view->floor_height = 70;
    view->counts.votes[1] = 9;
    view->lane_count = 4;
    view->lanes[3].available = 2;
    view->peers[2].bulk_traffic.queued_bytes = 12345;
    view->handshakes.failed[LINK_NOT_ALLOWED] = 6;
    view->shard_count = 2;
    view->shards[1].log.bytes = 4711;
    view->shards[1].gather.invalid = 3;
    view->shards[1].forwarded = 17;
    FILE *out = open_memstream(&text, &len);
    cluster_metrics(&report, out);
    fflush(out);
    cr_expect_eq(len, 0, "nothing was published yet");
    consensus_board_publish(report.board, view);
    cluster_metrics(&report, out);
    fclose(out);
    cr_expect_not_null(strstr(text, "\ngantry_voting 1\n"));
    cr_expect_not_null(strstr(text, "\ngantry_final_height 70\n"));
    cr_expect_not_null(strstr(text, "\ngantry_votes_total{kind=\"nullify\"} 9\n"));
    cr_expect_not_null(strstr(text, "\ngantry_lane_waiting{owner=\"v3\",state=\"available\"} 2\n"));
    cr_expect_not_null(strstr(text, "\ngantry_peer_queued_bytes{peer=\"v2\",channel=\"bulk\"} 12345\n"));
    cr_expect_not_null(strstr(text, "\ngantry_car_log_bytes{shard=\"1\"} 4711\n"));
    cr_expect_not_null(strstr(text, "\ngantry_stripe_bodies_total{shard=\"1\",event=\"invalid\"} 3\n"));
    cr_expect_not_null(strstr(text, "\ngantry_forwarded_total{shard=\"1\",direction=\"out\"} 17\n"));
    cr_expect_null(strstr(text, "peer=\"v1\""), "itself is no peer");
    char failed[200];
    snprintf(failed, sizeof failed, "\ngantry_handshake_failures_total{reason=\"%s\"} 6\n",
             link_status_text(LINK_NOT_ALLOWED));
    cr_expect_not_null(strstr(text, failed), "%s", failed);
    free(text);
}
