// Every official Cancun state test that is there, and nothing else: what fails is exactly the list of cases that need
// the point evaluation precompile, which this build doesn't compute.
#include "tools/official/state_tests.h"

#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FAILURES_MAX 1024
// Under a sanitizer, where everything takes long, every so many files.
#define SAMPLE (GANTRY_SANITIZE ? 16 : 1)

struct failures {
    char *names[FAILURES_MAX];
    size_t count;
};

static void collect(void *ctx, const struct state_test_result *result)
{
    struct failures *f = ctx;
    if (result->pass)
        return;
    cr_assert_lt(f->count, FAILURES_MAX);
    f->names[f->count++] = strdup(result->name);
}

static char *read_list(void)
{
    // This file is ROOT/tests/tools/state_tests.c, as the compiler was called.
    char *file = strdup(__FILE__), path[4096];
    snprintf(path, sizeof path, "%s/docs/point-evaluation-cases.txt", dirname(dirname(dirname(file))));
    free(file);
    return vectors_read(path, NULL);
}

static bool is_listed(const char *list, const char *name)
{
    const size_t len = strlen(name);
    for (const char *p = list; (p = strstr(p, name)); p += len) {
        if ((p == list || p[-1] == '\n') && p[len] == '\n')
            return true;
    }
    return false;
}

static size_t count_lines(const char *list)
{
    size_t lines = 0;
    for (; *list; list++)
        lines += *list == '\n';
    return lines;
}

Test(state_tests, all_of_cancun_pass_but_those_that_need_point_evaluation)
{
    const char *missing;
    size_t count, used = 0;
    char *folder = vectors_path("gst-public", "");
    if (!folder)
        cr_skip_test("no vectors");
    char **files = state_tests_find(&folder, 1, &count, &missing);
    cr_assert_not_null(files, "%s", folder);
    char **sample = calloc(count, sizeof *sample);
    for (size_t i = 0; i < count; i += SAMPLE)
        sample[used++] = files[i];
    struct failures failures = {0};
    struct state_tests tests = {.rules = evm_rules_by_name("Cancun"),
                                .jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN),
                                .report = collect,
                                .ctx = &failures};
    state_tests_run(&tests, sample, used);

    char *list = read_list();
    for (size_t i = 0; i < failures.count; i++) {
        cr_expect(is_listed(list, failures.names[i]), "%s", failures.names[i]);
        free(failures.names[i]);
    }
    if (SAMPLE == 1) {
        cr_expect_eq(failures.count, count_lines(list));
        cr_expect_geq(tests.passed, 18859);
    }
    free(list);
    free(sample);
    for (size_t i = 0; i < count; i++)
        free(files[i]);
    free(files);
    free(folder);
}

Test(state_tests, fail_where_a_file_is_no_test)
{
    char path[] = "/tmp/gantry-state-test-XXXXXX.json";
    const int fd = mkstemps(path, 5);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "{\"a\": 1", 7), 7);
    struct failures failures = {0};
    struct state_tests tests = {.rules = evm_rules_by_name("Cancun"), .jobs = 1, .report = collect, .ctx = &failures};
    char *const files[] = {path};
    state_tests_run(&tests, files, 1);
    cr_assert_eq(tests.failed, 1);
    free(failures.names[0]);
    close(fd);
    unlink(path);
}
