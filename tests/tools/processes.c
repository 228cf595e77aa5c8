// Programs side by side: their lines, their ends, and that none is left.
#include "tools/cluster/processes.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char *shell(const char *script)
{
    return strdup(script);
}

struct run {
    char *text; // what came out
    unsigned unasked;
};

// Runs scripts side by side; tells to stop after so many lines have come (0: never).
static struct run run(const char *const *scripts, unsigned count)
{
    struct process_spec specs[8];
    char *argv[8][4], names[8][8], error[256] = "";
    size_t len = 0;
    struct run r = {0};
    FILE *out = open_memstream(&r.text, &len);
    for (unsigned i = 0; i < count; i++) {
        argv[i][0] = (char *)"/bin/sh";
        argv[i][1] = (char *)"-c";
        argv[i][2] = shell(scripts[i]);
        argv[i][3] = NULL;
        snprintf(names[i], sizeof names[i], "p%u", i);
        specs[i] = (struct process_spec){names[i], "/tmp", argv[i]};
    }
    struct processes *p = processes_start(specs, count, out, error, sizeof error);
    cr_assert(p, "%s", error);
    r.unasked = processes_run(p, 200);
    for (unsigned i = 0; i < count; i++) {
        cr_expect_eq(processes_pid(p, i), 0);
        free(argv[i][2]);
    }
    processes_free(p);
    fclose(out);
    return r;
}

// The lines of text that begin with name, in their order.
static char *lines_of(const char *text, const char *name)
{
    char *lines = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&lines, &len);
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        if (strncmp(text, name, strlen(name)) == 0)
            fprintf(out, "%.*s\n", (int)(end - text), text);
    }
    fclose(out);
    return lines;
}

Test(processes, lines_come_with_names_and_whole)
{
    const char *const scripts[] = {"pwd; printf 'one\\ntwo\\nthree'", "echo err >&2; exit 0"};
    struct run r = run(scripts, 2);
    char *first = lines_of(r.text, "p0 | ");
    cr_expect_str_eq(first, "p0 | /tmp\np0 | one\np0 | two\np0 | three\n", "%s", r.text);
    free(first);
    cr_expect_not_null(strstr(r.text, "p1 | err\n"), "%s", r.text);
    free(r.text);
}

Test(processes, an_end_that_nobody_asked_for_is_reported_and_the_others_go_on)
{
    const char *const scripts[] = {"exit 3", "kill -9 $$", "sleep 0.3; echo still here"};
    struct run r = run(scripts, 3);
    cr_expect_eq(r.unasked, 3, "%u", r.unasked);
    cr_expect_not_null(strstr(r.text, "p0 ended: exit code 3\n"), "%s", r.text);
    cr_expect_not_null(strstr(r.text, "p1 ended: killed by signal 9\n"), "%s", r.text);
    cr_expect_not_null(strstr(r.text, "p2 | still here\n"), "%s", r.text);
    free(r.text);
}

Test(processes, a_signal_to_this_one_stops_all_and_what_does_not_listen_is_killed)
{
    char first[200], second[200], ready[] = "/tmp/gantry-processes-XXXXXX";
    const int file = mkstemp(ready);
    cr_assert(file >= 0 && close(file) == 0);
    // The second one signals this process when the first, which says that it is told to stop, can do so.
    snprintf(first, sizeof first, "trap 'echo stopping; exit 0' TERM; rm %s; while :; do sleep 0.02; done", ready);
    snprintf(second, sizeof second,
             "trap '' TERM; while [ -e %s ]; do sleep 0.02; done; kill -TERM %d; while :; do sleep 0.02; done", ready,
             getpid());
    const char *const scripts[] = {first, second};
    struct run r = run(scripts, 2);
    cr_expect_eq(r.unasked, 0);
    cr_expect_not_null(strstr(r.text, "p0 | stopping\n"), "%s", r.text);
    cr_expect_null(strstr(r.text, "p0 ended"), "%s", r.text);
    cr_expect_not_null(strstr(r.text, "p1 ended: killed by signal 9\n"), "%s", r.text);
    free(r.text);
}

Test(processes, a_program_that_is_not_there_says_so)
{
    char *argv[] = {(char *)"/no/such/program", NULL}, *text = NULL, error[256] = "";
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    const struct process_spec spec = {"p", "/tmp", argv};
    struct processes *p = processes_start(&spec, 1, out, error, sizeof error);
    cr_assert(p, "%s", error);
    cr_expect_eq(processes_run(p, 200), 1);
    processes_free(p);
    fclose(out);
    cr_expect_not_null(strstr(text, "cannot run /no/such/program in /tmp: No such file"), "%s", text);
    free(text);
}

Test(processes, none_outlives_the_one_that_started_them)
{
    int ends[2], up[2];
    char script[64], byte;
    cr_assert(pipe(ends) == 0 && pipe(up) == 0);
    snprintf(script, sizeof script, "echo >/proc/self/fd/%d; while :; do sleep 0.02; done", up[1]);
    // Orphans become this process' children, so that their end can be waited for.
    cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    const pid_t parent = fork();
    if (parent == 0) {
        char *argv[] = {(char *)"/bin/sh", (char *)"-c", script, NULL}, error[256];
        const struct process_spec spec = {"p", "/tmp", argv};
        struct processes *p = processes_start(&spec, 1, stderr, error, sizeof error);
        const pid_t child = p ? processes_pid(p, 0) : 0;
        if (write(ends[1], &child, sizeof child) != sizeof child)
            _exit(1);
        pause();
        _exit(0);
    }
    pid_t child = 0;
    int status;
    cr_assert_eq(read(ends[0], &child, sizeof child), sizeof child);
    cr_assert_gt(child, 0);
    cr_assert_eq(read(up[0], &byte, 1), 1); // it is what it was started as by now
    kill(parent, SIGKILL);
    cr_assert_eq(waitpid(parent, &status, 0), parent);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}
