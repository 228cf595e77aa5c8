// Whole nodes that finalize together.
#include "engine/rpc/metrics.h"
#include "tests/engine_support/whole_cluster.h"
#include "tests/engine_support/whole_node.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#define SEED 77

static void start(struct whole_cluster *c, unsigned validators, uint64_t epoch_blocks, const char *settings)
{
    const struct whole_cluster_options options = {
        .validators = validators, .seed = SEED, .epoch_blocks = epoch_blocks, .settings = settings};
    cr_assert(whole_cluster_start(c, &options), "%s", c->error);
}

// Submits count transfers, each sender's all to the same node of those that run; hashes hold count.
static void submit(struct whole_cluster *c, struct transfers *t, bytes32 *hashes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t raw[TRANSFER_BYTES_MAX];
        const size_t len = transfers_next(t, raw);
        const unsigned validators = c->count - c->followers;
        unsigned node = (unsigned)t->last_sender % validators;
        while (!c->nodes[node])
            node = (node + 1) % validators;
        cr_assert(whole_cluster_submit(c, node, bytes_of(raw, len), &hashes[i]), "node %u refuses", node);
    }
}

// Every running node shows the same receipt for each.
static void expect_receipts(struct whole_cluster *c, const bytes32 *hashes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *first = NULL;
        for (unsigned node = 0; node < c->count; node++) {
            if (!c->nodes[node])
                continue;
            char *receipt = whole_cluster_receipt(c, node, &hashes[i]);
            cr_assert(receipt, "node %u has no receipt of transfer %zu", node, i);
            if (first)
                cr_assert_str_eq(receipt, first);
            else
                first = strdup(receipt);
            free(receipt);
        }
        free(first);
    }
}

Test(whole_cluster, four_validators_finalize_transfers_sent_to_all_of_them)
{
    struct whole_cluster c;
    struct transfers t;
    bytes32 hashes[40];
    start(&c, 4, 0, "shards = 2\n");
    transfers_init(&t, SEED, WHOLE_NODE_SENDERS);
    submit(&c, &t, hashes, 40);
    expect_receipts(&c, hashes, 40);
    cr_assert(whole_cluster_agrees(&c));
    transfers_free(&t);
    whole_cluster_end(&c);
}

Test(whole_cluster, every_declared_metric_of_a_cluster_comes_out)
{
    struct whole_cluster c;
    start(&c, 2, 0, "shards = 1\n");
    char *text = ask_http(node_rpc_port(c.nodes[0]), "/metrics", NULL, NULL);
    cr_assert_not_null(text);
    for (int id = METRIC_CLUSTER_FIRST; id <= METRIC_CLUSTER_LAST; id++) {
        char line[160];
        snprintf(line, sizeof line, "# TYPE %s ", METRICS[id].name);
        cr_expect_not_null(strstr(text, line), "%s is declared and never told", METRICS[id].name);
    }
    free(text);
    whole_cluster_end(&c);
}

Test(whole_cluster, one_validator_alone_is_a_cluster_too)
{
    struct whole_cluster c;
    struct transfers t;
    bytes32 hashes[40];
    start(&c, 1, 0, "shards = 3\n");
    transfers_init(&t, SEED, WHOLE_NODE_SENDERS);
    submit(&c, &t, hashes, 20);
    expect_receipts(&c, hashes, 20);
    whole_cluster_stop_node(&c, 0);
    cr_assert(whole_cluster_start_node(&c, 0), "%s", c.error);
    submit(&c, &t, hashes + 20, 20);
    expect_receipts(&c, hashes, 40);
    transfers_free(&t);
    whole_cluster_end(&c);
}

Test(whole_cluster, a_validator_that_was_away_catches_up)
{
    struct whole_cluster c;
    struct transfers t;
    bytes32 hashes[60];
    start(&c, 4, 0, "shards = 1\n");
    transfers_init(&t, SEED, WHOLE_NODE_SENDERS);
    submit(&c, &t, hashes, 20);
    expect_receipts(&c, hashes, 20);
    whole_cluster_stop_node(&c, 3);
    submit(&c, &t, hashes + 20, 20);
    expect_receipts(&c, hashes, 40);
    cr_assert(whole_cluster_start_node(&c, 3), "%s", c.error);
    submit(&c, &t, hashes + 40, 20);
    expect_receipts(&c, hashes, 60);
    cr_assert(whole_cluster_agrees(&c));
    transfers_free(&t);
    whole_cluster_end(&c);
}

Test(whole_cluster, two_of_four_finalize_nothing_and_go_on_when_a_third_is_back)
{
    struct whole_cluster c;
    struct transfers t;
    bytes32 hashes[20];
    start(&c, 4, 0, "shards = 1\n");
    transfers_init(&t, SEED, WHOLE_NODE_SENDERS);
    submit(&c, &t, hashes, 10);
    expect_receipts(&c, hashes, 10);
    whole_cluster_stop_node(&c, 1);
    whole_cluster_stop_node(&c, 2);
    submit(&c, &t, hashes + 10, 10);
    sleep(1);
    for (unsigned i = 10; i < 20; i++)
        cr_assert_null(whole_cluster_receipt_now(&c, 0, &hashes[i]));
    cr_assert(whole_cluster_start_node(&c, 2), "%s", c.error);
    expect_receipts(&c, hashes, 20);
    cr_assert(whole_cluster_agrees(&c));
    transfers_free(&t);
    whole_cluster_end(&c);
}

static void wait_for_lane(struct whole_cluster *c, const char *what, uint64_t value)
{
    for (unsigned i = 0; i < 6000 && whole_cluster_lane(c, 0, 0, what) < value; i++)
        usleep(10000);
    cr_assert_geq(whole_cluster_lane(c, 0, 0, what), value, "%s", what);
}

// Of a lane that a crash left with holes: what was stored behind them is ordered, though no transaction comes any more.
Test(whole_cluster, a_validator_fills_the_positions_that_a_crash_took)
{
    struct whole_cluster c;
    struct transfers t;
    bytes32 hashes[12];
    start(&c, 2, 0, "shards = 2\n");
    whole_cluster_stop_node(&c, 1);
    transfers_init(&t, SEED, WHOLE_NODE_SENDERS);
    for (unsigned i = 0; i < 12; i++) {
        submit(&c, &t, hashes + i, 1); // a car each
        wait_for_lane(&c, "held", i + 1);
    }
    whole_cluster_stop_node(&c, 0);
    whole_cluster_lose_cars(&c, 0, 0);
    cr_assert(whole_cluster_start_node(&c, 0), "%s", c.error);
    wait_for_lane(&c, "newest", 1);
    const uint64_t newest = whole_cluster_lane(&c, 0, 0, "newest");
    cr_assert(whole_cluster_start_node(&c, 1), "%s", c.error);
    wait_for_lane(&c, "finalized", newest);
    free(whole_cluster_receipt(&c, 0, &hashes[newest - 1]));
    uint64_t last = 0, stored = 0;
    for (unsigned i = 0; i < 12; i++) {
        char *receipt = whole_cluster_receipt_now(&c, 0, &hashes[i]);
        stored += receipt != NULL;
        last = receipt ? i + 1 : last;
        free(receipt);
    }
    cr_assert_eq(last, newest, "the highest of the cars that were stored is not ordered");
    cr_assert(stored > 0 && stored < last, "%llu of %llu cars were stored: no hole", (unsigned long long)stored,
              (unsigned long long)last);
    cr_assert(whole_cluster_agrees(&c));
    transfers_free(&t);
    whole_cluster_end(&c);
}

Test(whole_cluster, all_stop_and_come_back_with_every_receipt)
{
    struct whole_cluster c;
    struct transfers t;
    bytes32 hashes[40];
    start(&c, 4, 0, "shards = 2\n");
    transfers_init(&t, SEED, WHOLE_NODE_SENDERS);
    submit(&c, &t, hashes, 20);
    expect_receipts(&c, hashes, 20);
    for (unsigned i = 0; i < 4; i++)
        whole_cluster_stop_node(&c, i);
    for (unsigned i = 0; i < 4; i++)
        cr_assert(whole_cluster_start_node(&c, i), "%s", c.error);
    expect_receipts(&c, hashes, 20);
    submit(&c, &t, hashes + 20, 20);
    expect_receipts(&c, hashes, 40);
    cr_assert(whole_cluster_agrees(&c));
    transfers_free(&t);
    whole_cluster_end(&c);
}

// Blocks of four transfers at most: an ordering block with many cars gives several, also where a restart comes between.
Test(whole_cluster, an_ordering_block_gives_as_many_blocks_as_its_gas_asks_for)
{
    struct whole_cluster c;
    struct transfers t;
    bytes32 hashes[80];
    const struct whole_cluster_options options = {
        .validators = 4, .seed = SEED, .gas_limit = 4 * 26000, .settings = "shards = 2\n"};
    cr_assert(whole_cluster_start(&c, &options), "%s", c.error);
    transfers_init(&t, SEED, WHOLE_NODE_SENDERS);
    submit(&c, &t, hashes, 40);
    expect_receipts(&c, hashes, 40);
    for (unsigned i = 0; i < 4; i++) {
        whole_cluster_stop_node(&c, i);
        cr_assert(whole_cluster_start_node(&c, i), "%s", c.error);
    }
    submit(&c, &t, hashes + 40, 40);
    expect_receipts(&c, hashes, 80);
    cr_assert(whole_cluster_agrees(&c));
    cr_assert_geq(whole_cluster_height(&c, 0), 20);
    transfers_free(&t);
    whole_cluster_end(&c);
}

// One that votes for nothing has every block and receipt, also those from before it came and over the turns of epochs.
Test(whole_cluster, a_node_without_a_vote_follows)
{
    struct whole_cluster c;
    struct transfers t;
    bytes32 hashes[60];
    const struct whole_cluster_options options = {
        .validators = 4, .followers = 1, .seed = SEED, .epoch_blocks = 30, .settings = "shards = 2\n"};
    cr_assert(whole_cluster_start(&c, &options), "%s", c.error);
    transfers_init(&t, SEED, WHOLE_NODE_SENDERS);
    submit(&c, &t, hashes, 20);
    expect_receipts(&c, hashes, 20);
    whole_cluster_stop_node(&c, 4);
    submit(&c, &t, hashes + 20, 20);
    expect_receipts(&c, hashes, 40);
    cr_assert(whole_cluster_start_node(&c, 4), "%s", c.error);
    submit(&c, &t, hashes + 40, 20);
    expect_receipts(&c, hashes, 60);
    cr_assert(whole_cluster_agrees(&c));
    transfers_free(&t);
    whole_cluster_end(&c);
}

// The sum of a metric's samples whose labels hold this text.
static uint64_t metric_sum(struct whole_cluster *c, unsigned node, const char *name, const char *label)
{
    char *text = ask_http(node_rpc_port(c->nodes[node]), "/metrics", NULL, NULL);
    uint64_t total = 0;
    const size_t len = strlen(name);
    cr_assert_not_null(text);
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
        if (strncmp(line, name, len) == 0 && line[len] == '{' && strstr(line, label))
            total += strtoull(strrchr(line, ' '), NULL, 10);
    }
    free(text);
    return total;
}

// Numbers are published some times a second.
static void expect_metric(struct whole_cluster *c, const char *name, const char *label, unsigned from, unsigned to,
                          uint64_t least)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < 600 && total < least; i++) {
        usleep(i > 0 ? 100000 : 0);
        total = 0;
        for (unsigned node = from; node < to; node++)
            total += metric_sum(c, node, name, label);
    }
    cr_expect_geq(total, least, "%s of nodes %u to %u", name, from, to - 1);
}

static void submit_to(struct whole_cluster *c, unsigned node, struct transfers *t, bytes32 *hashes, size_t count)
{
    uint8_t raw[TRANSFER_BYTES_MAX];
    for (size_t i = 0; i < count; i++) {
        const size_t len = transfers_next(t, raw);
        cr_assert(whole_cluster_submit(c, node, bytes_of(raw, len), &hashes[i]));
    }
}

// What a node takes that makes no cars comes into blocks through a validator, and where that one loses it, through
// another.
Test(whole_cluster, a_node_without_a_vote_hands_its_transactions_on)
{
    struct whole_cluster c;
    struct transfers t;
    bytes32 hashes[60];
    const struct whole_cluster_options options = {
        .validators = 4, .followers = 1, .seed = SEED, .settings = "shards = 2\n"};
    cr_assert(whole_cluster_start(&c, &options), "%s", c.error);
    transfers_init(&t, SEED, WHOLE_NODE_SENDERS);
    submit_to(&c, 4, &t, hashes, 40);
    expect_receipts(&c, hashes, 40);
    cr_assert(whole_cluster_agrees(&c));
    expect_metric(&c, "gantry_forwarded_total", "\"in\"", 0, 4, 40);
    expect_metric(&c, "gantry_forwarded_total", "\"out\"", 4, 5, 40);
    expect_metric(&c, "gantry_peer_sent_bytes_total", "bulk", 4, 5, 40 * 100);
    expect_metric(&c, "gantry_stored_cars", "shard", 0, 1, 1);
    // Two of four order nothing; what they are given is gone with their cars.
    whole_cluster_stop_node(&c, 0);
    whole_cluster_stop_node(&c, 1);
    submit_to(&c, 4, &t, hashes + 40, 20);
    usleep(200000);
    for (unsigned i = 2; i < 4; i++) {
        whole_cluster_stop_node(&c, i);
        whole_cluster_lose_cars(&c, i, 0);
        whole_cluster_lose_cars(&c, i, 1);
    }
    for (unsigned i = 0; i < 4; i++)
        cr_assert(whole_cluster_start_node(&c, i), "%s", c.error);
    expect_receipts(&c, hashes, 60);
    cr_assert(whole_cluster_agrees(&c));
    transfers_free(&t);
    whole_cluster_end(&c);
}

// Stored stripes are those of a shard's own partitions: another number of shards can't go on with them.
Test(whole_cluster, a_validator_keeps_its_number_of_shards)
{
    struct whole_cluster c;
    struct transfers t;
    bytes32 hashes[20];
    start(&c, 2, 0, "shards = 2\n");
    transfers_init(&t, SEED, WHOLE_NODE_SENDERS);
    submit(&c, &t, hashes, 10);
    expect_receipts(&c, hashes, 10);
    whole_cluster_stop_node(&c, 1);
    strcpy(c.settings, "shards = 3\n");
    cr_assert_not(whole_cluster_start_node(&c, 1));
    cr_expect_not_null(strstr(c.error, "start it with shards = 2"), "%s", c.error);
    strcpy(c.settings, "shards = 2\n");
    cr_assert(whole_cluster_start_node(&c, 1), "%s", c.error);
    submit(&c, &t, hashes + 10, 10);
    expect_receipts(&c, hashes, 20);
    transfers_free(&t);
    whole_cluster_end(&c);
}

// What no car can hold is refused at once.
Test(whole_cluster, a_transaction_with_more_gas_than_a_car_has_is_refused)
{
    struct whole_cluster c;
    struct transfers t;
    uint8_t raw[TRANSFER_BYTES_MAX];
    bytes32 hash;
    const struct whole_cluster_options options = {
        .validators = 4, .seed = SEED, .gas_limit = 4 * 20999, .settings = "shards = 1\n"};
    cr_assert(whole_cluster_start(&c, &options), "%s", c.error);
    transfers_init(&t, SEED, WHOLE_NODE_SENDERS);
    const size_t len = transfers_next(&t, raw);
    cr_assert_not(whole_cluster_submit(&c, 0, bytes_of(raw, len), &hash));
    transfers_free(&t);
    whole_cluster_end(&c);
}

// Epochs of a few blocks: lanes start afresh all the time, and what was in no block is made anew.
Test(whole_cluster, epochs_turn_and_nothing_is_lost)
{
    struct whole_cluster c;
    struct transfers t;
    bytes32 hashes[60];
    start(&c, 4, 5, "shards = 2\n");
    transfers_init(&t, SEED, WHOLE_NODE_SENDERS);
    for (unsigned i = 0; i < 6; i++) {
        submit(&c, &t, hashes + 10 * i, 10);
        usleep(300000);
        if (i == 3) {
            expect_receipts(&c, hashes, 40); // what only a stopped node's pool has is gone with it
            whole_cluster_stop_node(&c, 0);
            cr_assert(whole_cluster_start_node(&c, 0), "%s", c.error);
        }
    }
    expect_receipts(&c, hashes, 60);
    cr_assert(whole_cluster_agrees(&c));
    transfers_free(&t);
    whole_cluster_end(&c);
}
