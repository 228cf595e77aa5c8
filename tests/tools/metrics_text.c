#include "tools/metrics/metrics_text.h"
#include "tools/top/figures.h"

#include <criterion/criterion.h>
#include <math.h>

static const char before[] = "# TYPE h histogram\n"
                             "h_bucket{le=\"0.001\"} 10\nh_bucket{le=\"0.01\"} 10\nh_bucket{le=\"+Inf\"} 10\n";
static const char after[] = "h_bucket{le=\"0.001\"} 10\nh_bucket{le=\"0.01\"} 50\nh_bucket{le=\"+Inf\"} 60\n"
                            "hh_bucket{le=\"+Inf\"} 7\n";

Test(metrics_text, quantiles_are_of_what_came_between_the_readings)
{
    // 40 of 50 lie between 1 and 10 ms.
    cr_assert_float_eq(metrics_quantile(before, after, "h", 0.4), 0.001 + 0.009 * 20 / 40, 1e-9);
    cr_assert_float_eq(metrics_quantile(before, after, "h", 0.8), 0.01, 1e-9);
    // Above the last bound nothing more is known than that.
    cr_assert_float_eq(metrics_quantile(before, after, "h", 0.99), 0.01, 1e-9);
    cr_assert_eq(metrics_quantile(after, after, "h", 0.5), 0);
    cr_assert_eq(metrics_quantile("", "", "none", 0.5), 0);
}

Test(metrics_text, labels_are_found_by_name)
{
    char out[8];
    const char labels[] = "thread=\"shard 0\",stage=\"verify\"";
    struct bytes b = bytes_of((const uint8_t *)labels, sizeof labels - 1);
    cr_assert(metrics_label(out, sizeof out, b, "stage"));
    cr_assert_str_eq(out, "verify");
    cr_assert(metrics_label(out, sizeof out, b, "thread"));
    cr_assert_str_eq(out, "shard 0");
    cr_assert_not(metrics_label(out, sizeof out, b, "kind"));
    b.len = 10; // the value's end is cut away
    cr_assert_not(metrics_label(out, sizeof out, b, "thread"));
}

Test(top_figures, are_rates_and_shares_between_two_readings)
{
    static struct top_figures f;
    top_figures(&f,
                "gantry_info{version=\"v\",kernels=\"k\"} 1\ngantry_transactions_total 100\n"
                "gantry_submitted_total{shard=\"0\"} 5\ngantry_submitted_total{shard=\"1\"} 6\n"
                "gantry_refused_total{shard=\"1\",reason=\"nonce too low\"} 1\n"
                "gantry_lanes_used_total{thread=\"a\",kernel=\"keccak\"} 10\n"
                "gantry_lanes_offered_total{thread=\"a\",kernel=\"keccak\"} 10\n"
                "gantry_stage_cycles_total{thread=\"shard 0\",stage=\"verify\"} 1000\n"
                "gantry_stage_cycles_total{thread=\"shard 0\",stage=\"idle\"} 1000\n",
                "gantry_info{version=\"v\",kernels=\"k\"} 1\ngantry_healthy 1\ngantry_transactions_total 300\n"
                "gantry_submitted_total{shard=\"0\"} 105\ngantry_submitted_total{shard=\"1\"} 106\n"
                "gantry_refused_total{shard=\"1\",reason=\"nonce too low\"} 21\n"
                "gantry_lanes_used_total{thread=\"a\",kernel=\"keccak\"} 16\n"
                "gantry_lanes_offered_total{thread=\"a\",kernel=\"keccak\"} 18\n"
                "gantry_stage_cycles_total{thread=\"shard 0\",stage=\"verify\"} 4000\n"
                "gantry_stage_cycles_total{thread=\"shard 0\",stage=\"idle\"} 2000\n",
                2);
    cr_assert_str_eq(f.version, "v");
    cr_assert(f.healthy);
    cr_assert_eq(f.included, 100);
    cr_assert_eq(f.accepted, 100);
    cr_assert_eq(f.refused, 10);
    cr_assert_eq(f.offered, 110);
    cr_assert_float_eq(f.lanes_keccak, 0.75, 1e-9);
    cr_assert_lt(f.lanes_signatures, 0);
    cr_assert_eq(f.thread_count, 1);
    cr_assert_str_eq(f.threads[0].name, "shard 0");
    cr_assert_str_eq(f.stages[0], "verify");
    cr_assert_float_eq(f.threads[0].share[0], 0.75, 1e-9);
    cr_assert_float_eq(f.threads[0].share[1], 0.25, 1e-9);
}

Test(top_figures, a_thread_whose_counters_stand_still_sleeps)
{
    static const char asleep[] = "gantry_stage_cycles_total{thread=\"shard 0\",stage=\"verify\"} 1000\n"
                                 "gantry_stage_cycles_total{thread=\"shard 0\",stage=\"idle\"} 1000\n";
    static struct top_figures f;
    top_figures(&f, asleep, asleep, 1);
    cr_assert_str_eq(f.stages[0], "verify");
    cr_expect_eq(f.threads[0].share[0], 0);
    cr_expect_eq(f.threads[0].share[1], 1);
}

Test(top_figures, show_no_negative_rate_when_the_node_was_started_anew)
{
    static struct top_figures f;
    top_figures(&f, "gantry_transactions_total 100\n", "gantry_transactions_total 3\n", 1);
    cr_assert_eq(f.included, 0);
}
