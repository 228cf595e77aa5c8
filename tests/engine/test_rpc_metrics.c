// The table of metrics, what is written from it, and its page in docs/.
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>

#include "engine/rpc/metrics.h"
#include "tests/engine/rpc_fixture.h"
#include "tests/support/vectors.h"

static char *written;
static size_t written_len;

static FILE *open_text(void)
{
    free(written);
    written = NULL;
    return open_memstream(&written, &written_len);
}

static void expect_text(FILE *out, const char *expected)
{
    fclose(out);
    cr_expect_str_eq(written, expected, "%s", written);
}

Test(rpc_metrics, a_metric_without_labels_is_one_family_with_one_sample)
{
    FILE *out = open_text();
    metric_counter(out, METRIC_BLOCKS, NULL, UINT64_MAX);
    expect_text(out, "# HELP gantry_blocks_total Blocks made since the start.\n# TYPE gantry_blocks_total counter\n"
                     "gantry_blocks_total 18446744073709551615\n");
}

Test(rpc_metrics, label_values_are_escaped)
{
    FILE *out = open_text();
    metric_counter(out, METRIC_DROPPED, (const char *[]){"a\"b\\c\nd"}, 3);
    expect_text(out, "gantry_transactions_dropped_total{reason=\"a\\\"b\\\\c\\nd\"} 3\n");
}

Test(rpc_metrics, a_histogram_counts_up_to_each_bound)
{
    struct hist h;
    hist_init(&h);
    hist_add(&h, 5000);                  // 5 us
    hist_add_n(&h, 1500000, 3);          // 1.5 ms
    hist_add(&h, UINT64_C(60000000000)); // a minute
    FILE *out = open_text();
    metric_histogram(out, METRIC_COMMIT_LATENCY, NULL, &h);
    fclose(out);
    cr_expect_not_null(strstr(written, "# TYPE gantry_commit_latency_seconds histogram\n"));
    cr_expect_not_null(strstr(written, "gantry_commit_latency_seconds_bucket{le=\"1e-05\"} 1\n"), "%s", written);
    cr_expect_not_null(strstr(written, "gantry_commit_latency_seconds_bucket{le=\"0.001\"} 1\n"), "%s", written);
    cr_expect_not_null(strstr(written, "gantry_commit_latency_seconds_bucket{le=\"0.002\"} 4\n"), "%s", written);
    cr_expect_not_null(strstr(written, "gantry_commit_latency_seconds_bucket{le=\"5\"} 4\n"), "%s", written);
    cr_expect_not_null(strstr(written, "gantry_commit_latency_seconds_bucket{le=\"+Inf\"} 5\n"), "%s", written);
    cr_expect_not_null(strstr(written, "gantry_commit_latency_seconds_sum 60.004505\n"), "%s", written);
    cr_expect_not_null(strstr(written, "gantry_commit_latency_seconds_count 5\n"), "%s", written);
}

Test(rpc_metrics, names_are_well_formed_and_unique)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric *m = &METRICS[i];
        cr_assert_not_null(m->name, "metric %d is not declared", i);
        cr_expect(strncmp(m->name, "gantry_", 7) == 0, "%s", m->name);
        size_t len = strlen(m->name);
        bool total = len > 6 && strcmp(m->name + len - 6, "_total") == 0;
        cr_expect_eq(total, m->type == METRIC_COUNTER, "%s", m->name);
        cr_expect(m->help && !islower((unsigned char)m->help[0]) && m->help[strlen(m->help) - 1] == '.', "%s", m->name);
        for (int k = 0; k < i; k++)
            cr_expect_str_neq(m->name, METRICS[k].name);
    }
}

// Every sample's family was begun before it, and begun once.
Test(rpc_metrics, the_page_is_well_formed)
{
    struct rpc_fixture f;
    rpc_fixture_open_core(&f);
    free(rpc_fixture_ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\"}"));
    free(rpc_fixture_ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_nothing\"}"));
    FILE *out = open_text();
    core_metrics(f.core, out);
    fclose(out);
    rpc_fixture_close(&f);
    cr_expect_not_null(strstr(written, "\ngantry_rpc_errors_total{method=\"other\"} 1\n"), "%s", written);
    char family[128] = "";
    for (char *line = strtok(written, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            snprintf(family, sizeof family, "%.*s", (int)strcspn(line + 7, " "), line + 7);
        } else if (line[0] != '#') {
            cr_expect(strncmp(line, family, strlen(family)) == 0, "%s stands under %s", line, family);
        }
    }
}

Test(rpc_metrics, the_documentation_is_the_table)
{
    char *path = project_path("docs/metrics.md");
    char *page = vectors_read(path, NULL);
    free(path);
    FILE *out = open_text();
    metrics_markdown(out);
    expect_text(out, page);
    free(page);
}
