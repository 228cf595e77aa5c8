#include "tests/tools/expected_failures.h"

#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_list(const char *name)
{
    char file[128];
    snprintf(file, sizeof file, "docs/%s", name);
    char *path = project_path(file), *text = vectors_read(path, NULL);
    free(path);
    return text;
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

void expected_failures_add(struct expected_failures *f, const char *name)
{
    cr_assert_lt(f->count, EXPECTED_FAILURES_MAX);
    f->names[f->count++] = strdup(name);
}

void expected_failures_check(struct expected_failures *f, const char *list_name, bool all)
{
    char *list = read_list(list_name);
    for (size_t i = 0; i < f->count; i++) {
        cr_expect(is_listed(list, f->names[i]), "%s", f->names[i]);
        free(f->names[i]);
    }
    if (all)
        cr_expect_eq(f->count, count_lines(list));
    free(list);
}
