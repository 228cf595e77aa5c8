// Whole nodes that finalize together.
#include "engine/rpc/metrics.h"
#include "tests/engine_support/whole_cluster.h"
#include "tests/engine_support/whole_node.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#define SEED 77

#define SUBMITTED_MAX 80

static struct whole_cluster c;
static struct transfers transfers;
static bytes32 hashes[SUBMITTED_MAX]; // of what was submitted
static size_t submitted;

static void start(struct whole_cluster_options options)
{
    options.seed = SEED;
    cr_assert(whole_cluster_start(&c, &options), "%s", c.error);
    transfers_init(&transfers, SEED, WHOLE_NODE_SENDERS);
}

static void teardown(void)
{
    transfers_free(&transfers);
    whole_cluster_end(&c);
}

TestSuite(whole_cluster, .fini = teardown);

static void stop(unsigned node)
{
    whole_cluster_stop_node(&c, node);
}

static void start_again(unsigned node)
{
    cr_assert(whole_cluster_start_node(&c, node), "%s", c.error);
}

static bool submit_next(unsigned node, struct bytes raw)
{
    cr_assert_lt(submitted, SUBMITTED_MAX);
    return whole_cluster_submit(&c, node, raw, &hashes[submitted++]);
}

// Submits count transfers to one node.
static void submit_to(unsigned node, size_t count)
{
    uint8_t raw[TRANSFER_BYTES_MAX];
    for (size_t i = 0; i < count; i++) {
        const size_t len = transfers_next(&transfers, raw);
        cr_assert(submit_next(node, bytes_of(raw, len)), "node %u refuses", node);
    }
}

// Submits count transfers, each sender's all to the same validator of those that run.
static void submit(size_t count)
{
    const unsigned validators = c.count - c.followers;
    for (size_t i = 0; i < count; i++) {
        uint8_t raw[TRANSFER_BYTES_MAX];
        const size_t len = transfers_next(&transfers, raw);
        unsigned node = (unsigned)transfers.last_sender % validators;
        while (!c.nodes[node])
            node = (node + 1) % validators;
        cr_assert(submit_next(node, bytes_of(raw, len)), "node %u refuses", node);
    }
}

// Every running node shows the same receipt for each that was submitted.
static void expect_receipts(void)
{
    for (size_t i = 0; i < submitted; i++) {
        char *first = NULL;
        for (unsigned node = 0; node < c.count; node++) {
            if (!c.nodes[node])
                continue;
            char *receipt = whole_cluster_receipt(&c, node, &hashes[i]);
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

static void expect_agreement(void)
{
    cr_assert(whole_cluster_agrees(&c));
}

Test(whole_cluster, four_validators_finalize_transfers_sent_to_all_of_them)
{
    start((struct whole_cluster_options){.validators = 4, .settings = "shards = 2\n"});
    submit(40);
    expect_receipts();
    expect_agreement();
}

Test(whole_cluster, every_declared_metric_of_a_cluster_comes_out)
{
    start((struct whole_cluster_options){.validators = 2, .settings = "shards = 1\n"});
    char *text = ask_http(node_rpc_port(c.nodes[0]), "/metrics", NULL, NULL);
    cr_assert_not_null(text);
    for (int id = METRIC_CLUSTER_FIRST; id <= METRIC_CLUSTER_LAST; id++) {
        char line[160];
        snprintf(line, sizeof line, "# TYPE %s ", METRICS[id].name);
        cr_expect_not_null(strstr(text, line), "%s is declared and never told", METRICS[id].name);
    }
    free(text);
}

Test(whole_cluster, one_validator_alone_is_a_cluster_too)
{
    start((struct whole_cluster_options){.validators = 1, .settings = "shards = 3\n"});
    submit(20);
    expect_receipts();
    stop(0);
    start_again(0);
    submit(20);
    expect_receipts();
}

Test(whole_cluster, a_validator_that_was_away_catches_up)
{
    start((struct whole_cluster_options){.validators = 4, .settings = "shards = 1\n"});
    submit(20);
    expect_receipts();
    stop(3);
    submit(20);
    expect_receipts();
    while (whole_cluster_lane(&c, 0, 3, "missedViews") == 0) // its turn to propose comes
        usleep(10000);
    start_again(3);
    submit(20);
    expect_receipts();
    expect_agreement();
}

Test(whole_cluster, two_of_four_finalize_nothing_and_go_on_when_a_third_is_back)
{
    start((struct whole_cluster_options){.validators = 4, .settings = "shards = 1\n"});
    submit(10);
    expect_receipts();
    stop(1);
    stop(2);
    submit(10);
    sleep(1);
    for (unsigned i = 10; i < 20; i++)
        cr_assert_null(whole_cluster_receipt_now(&c, 0, &hashes[i]));
    start_again(2);
    expect_receipts();
    expect_agreement();
}

static void wait_for_lane(const char *what, uint64_t value)
{
    for (unsigned i = 0; i < 6000 && whole_cluster_lane(&c, 0, 0, what) < value; i++)
        usleep(10000);
    cr_assert_geq(whole_cluster_lane(&c, 0, 0, what), value, "%s", what);
}

// Of a lane that a crash left with holes: what was stored behind them is ordered, though no transaction comes any more.
Test(whole_cluster, a_validator_fills_the_positions_that_a_crash_took)
{
    start((struct whole_cluster_options){.validators = 2, .settings = "shards = 2\n"});
    stop(1);
    for (unsigned i = 0; i < 12; i++) {
        submit(1); // a car each
        wait_for_lane("held", i + 1);
    }
    stop(0);
    whole_cluster_lose_cars(&c, 0, 0);
    start_again(0);
    wait_for_lane("newest", 1);
    const uint64_t newest = whole_cluster_lane(&c, 0, 0, "newest");
    start_again(1);
    wait_for_lane("finalized", newest);
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
    expect_agreement();
}

Test(whole_cluster, all_stop_and_come_back_with_every_receipt)
{
    start((struct whole_cluster_options){.validators = 4, .settings = "shards = 2\n"});
    submit(20);
    expect_receipts();
    for (unsigned i = 0; i < 4; i++)
        stop(i);
    for (unsigned i = 0; i < 4; i++)
        start_again(i);
    expect_receipts();
    submit(20);
    expect_receipts();
    expect_agreement();
}

// Blocks of four transfers at most: an ordering block with many cars gives several, also where a restart comes between.
Test(whole_cluster, an_ordering_block_gives_as_many_blocks_as_its_gas_asks_for)
{
    start((struct whole_cluster_options){.validators = 4, .gas_limit = 4 * 26000, .settings = "shards = 2\n"});
    submit(40);
    expect_receipts();
    for (unsigned i = 0; i < 4; i++) {
        stop(i);
        start_again(i);
    }
    submit(40);
    expect_receipts();
    expect_agreement();
    cr_assert_geq(whole_cluster_height(&c, 0), 20);
}

// One that votes for nothing has every block and receipt, also those from before it came and over the turns of epochs.
Test(whole_cluster, a_node_without_a_vote_follows)
{
    start((struct whole_cluster_options){
        .validators = 4, .followers = 1, .epoch_blocks = 30, .settings = "shards = 2\n"});
    submit(20);
    expect_receipts();
    stop(4);
    submit(20);
    expect_receipts();
    start_again(4);
    submit(20);
    expect_receipts();
    expect_agreement();
}

// The sum of a metric's samples whose labels hold this text.
static uint64_t metric_sum(unsigned node, const char *name, const char *label)
{
    char *text = ask_http(node_rpc_port(c.nodes[node]), "/metrics", NULL, NULL);
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
static void expect_metric(const char *name, const char *label, unsigned from, unsigned to, uint64_t least)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < 600 && total < least; i++) {
        usleep(i > 0 ? 100000 : 0);
        total = 0;
        for (unsigned node = from; node < to; node++)
            total += metric_sum(node, name, label);
    }
    cr_expect_geq(total, least, "%s of nodes %u to %u", name, from, to - 1);
}

// What a node takes that makes no cars comes into blocks through a validator, and where that one loses it, through
// another.
Test(whole_cluster, a_node_without_a_vote_hands_its_transactions_on)
{
    start((struct whole_cluster_options){.validators = 4, .followers = 1, .settings = "shards = 2\n"});
    submit_to(4, 40);
    expect_receipts();
    expect_agreement();
    expect_metric("gantry_forwarded_total", "\"in\"", 0, 4, 40);
    expect_metric("gantry_forwarded_total", "\"out\"", 4, 5, 40);
    expect_metric("gantry_peer_sent_bytes_total", "bulk", 4, 5, 40 * 100);
    expect_metric("gantry_stored_cars", "shard", 0, 1, 1);
    // Two of four order nothing; what they are given is gone with their cars.
    stop(0);
    stop(1);
    submit_to(4, 20);
    usleep(200000);
    for (unsigned i = 2; i < 4; i++) {
        stop(i);
        whole_cluster_lose_cars(&c, i, 0);
        whole_cluster_lose_cars(&c, i, 1);
    }
    for (unsigned i = 0; i < 4; i++)
        start_again(i);
    expect_receipts();
    expect_agreement();
}

// Stored stripes are those of a shard's own partitions: another number of shards can't go on with them.
Test(whole_cluster, a_validator_keeps_its_number_of_shards)
{
    start((struct whole_cluster_options){.validators = 2, .settings = "shards = 2\n"});
    submit(10);
    expect_receipts();
    stop(1);
    strcpy(c.settings, "shards = 3\n");
    cr_assert_not(whole_cluster_start_node(&c, 1));
    cr_expect_not_null(strstr(c.error, "start it with shards = 2"), "%s", c.error);
    strcpy(c.settings, "shards = 2\n");
    start_again(1);
    submit(10);
    expect_receipts();
}

// What no car can hold is refused at once.
Test(whole_cluster, a_transaction_with_more_gas_than_a_car_has_is_refused)
{
    uint8_t raw[TRANSFER_BYTES_MAX];
    bytes32 hash;
    start((struct whole_cluster_options){.validators = 4, .gas_limit = 4 * 20999, .settings = "shards = 1\n"});
    const size_t len = transfers_next(&transfers, raw);
    cr_assert_not(whole_cluster_submit(&c, 0, bytes_of(raw, len), &hash));
}

// Epochs of a few blocks: lanes start afresh all the time, and what was in no block is made anew.
Test(whole_cluster, epochs_turn_and_nothing_is_lost)
{
    start((struct whole_cluster_options){.validators = 4, .epoch_blocks = 5, .settings = "shards = 2\n"});
    for (unsigned i = 0; i < 6; i++) {
        submit(10);
        usleep(300000);
        if (i == 3) {
            expect_receipts(); // what only a stopped node's pool has is gone with it
            stop(0);
            start_again(0);
        }
    }
    expect_receipts();
    expect_agreement();
}
