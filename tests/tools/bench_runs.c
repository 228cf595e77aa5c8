#include "bench/report/runs.h"
#include "bench/report/statistics.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static struct bench_report report_of(double speed, double reference)
{
    struct bench_report r = {.bench = "made_up"};
    bench_report_add(&r, "speed", speed, "us", "library", reference, reference / speed);
    bench_report_add(&r, "alone", 7, "", NULL, 0, 0);
    return r;
}

static json_t *runs_of(const double *speeds, size_t n)
{
    struct bench_report reports[16];
    for (size_t i = 0; i < n; i++)
        reports[i] = report_of(speeds[i], 10);
    return bench_runs_json(reports, n, json_pack("{s:i}", "seed", 1));
}

static void temporary(char path[32], const char *text)
{
    strcpy(path, "/tmp/gantry-runs-XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

// What is said of them and of the result "speed".
static char *compared(const json_t *a, const json_t *b)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    bench_runs_compare(out, a, b);
    fclose(out);
    char *other = strstr(text, "  alone");
    cr_assert_not_null(other);
    *other = '\0';
    return text;
}

Test(bench_runs, hold_medians_and_every_repetition)
{
    json_t *runs = runs_of((double[]){5, 1, 2}, 3);
    const json_t *r = json_array_get(json_object_get(runs, "results"), 0);
    cr_assert_eq(json_number_value(json_object_get(r, "value")), 2);
    cr_assert_eq(json_number_value(json_object_get(r, "ratio")), 5);
    const json_t *samples = json_object_get(r, "samples");
    cr_assert_eq(json_array_size(samples), 3);
    cr_assert_eq(json_number_value(json_array_get(samples, 0)), 5);
    json_decref(runs);
}

Test(bench_runs, come_back_from_their_file)
{
    char path[32], error[BENCH_ERROR_MAX] = "";
    json_t *runs = runs_of((double[]){5, 1.25, 2}, 3);
    temporary(path, "");
    cr_assert(bench_runs_write(runs, path));
    json_t *back = bench_runs_read(path, error);
    cr_assert(back, "%s", error);
    cr_assert(json_equal(json_object_get(back, "settings"), json_object_get(runs, "settings")));
    cr_assert_eq(json_array_size(json_object_get(back, "results")), 2);
    json_decref(runs);
    json_decref(back);
    unlink(path);
}

Test(bench_runs, refuse_what_is_no_report)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[1]",
        "{\"bench\": \"x\", \"repetitions\": 0, \"settings\": {}, \"machine\": {}, \"results\": []}",
        "{\"bench\": \"x\", \"repetitions\": 1, \"machine\": {}, \"results\": []}",
        "{\"bench\": \"x\", \"repetitions\": 1, \"settings\": {}, \"machine\": {}, \"results\": [{}]}",
        "{\"bench\": \"x\", \"repetitions\": 2, \"settings\": {}, \"machine\": {}, \"results\": [{\"name\": \"a\", "
        "\"unit\": \"\", \"reference\": \"\", \"value\": 1, \"reference_value\": 0, \"ratio\": 0, \"samples\": [1], "
        "\"ratio_samples\": [0, 0]}]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char path[32], error[BENCH_ERROR_MAX] = "";
        temporary(path, bad[i]);
        cr_assert_null(bench_runs_read(path, error), "report %zu", i);
        cr_assert(strstr(error, "isn't a report"), "%s", error);
        unlink(path);
    }
}

Test(bench_runs, compare_with_an_interval_that_tells_a_difference_from_noise)
{
    json_t *a = runs_of((double[]){10, 11, 10.5, 10.2, 10.8, 10.1}, 6);
    json_t *faster = runs_of((double[]){5, 5.1, 5.2, 4.9, 5.3, 5}, 6);
    json_t *same = runs_of((double[]){10.9, 10, 10.4, 10.6, 10.3, 10.2}, 6);
    char *text = compared(a, faster);
    cr_assert(strstr(text, "x0.4"), "%s", text);
    cr_assert_null(strstr(text, "no difference"), "%s", text);
    free(text);
    text = compared(a, same);
    cr_assert(strstr(text, "no difference shown"), "%s", text);
    free(text);
    json_decref(a);
    json_decref(faster);
    json_decref(same);
}

Test(bench_runs, compare_says_when_there_is_too_little_to_tell)
{
    json_t *a = runs_of((double[]){10}, 1), *b = runs_of((double[]){5}, 1);
    json_object_set_new(json_object_get(b, "settings"), "seed", json_integer(2));
    char *text = compared(a, b);
    cr_assert(strstr(text, "too few repetitions"), "%s", text);
    cr_assert(strstr(text, "settings seed differs: A 1, B 2"), "%s", text);
    free(text);
    json_decref(a);
    json_decref(b);
}

static char *page_of(const json_t *runs)
{
    enum { PAGE_MAX = 65536 };
    char path[32], *page = malloc(PAGE_MAX);
    temporary(path, "");
    cr_assert(page && bench_runs_write_html(runs, path));
    FILE *f = fopen(path, "r");
    page[fread(page, 1, PAGE_MAX - 1, f)] = '\0';
    fclose(f);
    unlink(path);
    return page;
}

Test(bench_runs, page_holds_the_whole_report_and_lets_no_text_out_of_its_place)
{
    struct bench_report report = report_of(3, 9);
    snprintf(report.results[1].name, sizeof report.results[1].name, "</script><b>");
    json_t *runs = bench_runs_json(&report, 1, json_object());
    char *page = page_of(runs);
    const char *raw = strstr(page, "id=\"runs\">");
    cr_assert(raw && strstr(page, "<svg"));
    char *end = strstr(raw, "</script>");
    cr_assert(end && strcmp(end, "</script></html>\n") == 0);
    cr_assert_null(strstr(page, "<b>"));
    free(page);
    json_decref(runs);
}

Test(bench_runs, page_draws_what_is_below_0_left_of_it)
{
    json_t *runs = runs_of((double[]){-6, 0, 2}, 3);
    char *page = page_of(runs);
    double places[3] = {0};
    const char *at = page;
    for (size_t i = 0; i < 3; i++) {
        at = strstr(at, "<circle cx=\"");
        cr_assert_not_null(at);
        at += strlen("<circle cx=\"");
        places[i] = strtod(at, NULL);
    }
    cr_expect_gt(places[0], 0);
    cr_expect_float_eq(places[1] - places[0], 3 * (places[2] - places[1]), 0.2, "%g %g %g", places[0], places[1],
                       places[2]);
    cr_expect_gt(places[2], places[1]);
    free(page);
    json_decref(runs);
}

Test(bench_statistics, interval_of_two_constant_samples_is_their_ratio)
{
    const double a[] = {2, 2, 2}, b[] = {3, 3, 3, 3};
    struct bench_interval i = bench_ratio_interval(a, 3, b, 4);
    cr_assert_eq(i.low, 1.5);
    cr_assert_eq(i.high, 1.5);
}

Test(bench_statistics, interval_covers_the_truth_about_as_often_as_it_says)
{
    uint64_t state = 7;
    unsigned covered = 0;
    for (unsigned trial = 0; trial < 200; trial++) {
        double a[15], b[15];
        for (unsigned i = 0; i < 15; i++) {
            a[i] = 10 + (double)((state = state * 6364136223846793005u + 1442695040888963407u) >> 33) / 4294967296.0;
            b[i] = 10 + (double)((state = state * 6364136223846793005u + 1442695040888963407u) >> 33) / 4294967296.0;
        }
        struct bench_interval i = bench_ratio_interval(a, 15, b, 15);
        covered += i.low <= 1 && i.high >= 1;
    }
    cr_assert(covered >= 180 && covered < 200, "%u of 200", covered);
}
