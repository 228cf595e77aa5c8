#include "base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Takes over standard error; captured() returns what came since.
static FILE *capture;
static int real_stderr;

static void capture_start(void)
{
    capture = tmpfile();
    real_stderr = dup(STDERR_FILENO);
    dup2(fileno(capture), STDERR_FILENO);
}

static char *captured(void)
{
    static char text[1 << 20];
    dup2(real_stderr, STDERR_FILENO);
    rewind(capture);
    text[fread(text, 1, sizeof text - 1, capture)] = 0;
    fclose(capture);
    return text;
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    cr_assert_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    bool ok = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return ok;
}

#define TIME "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "

Test(log, a_line_holds_time_level_component_message_and_fields)
{
    capture_start();
    log_warn("store", "slow sync", "ms=%d file=%s", 12, "a.log");
    const char *text = captured();
    cr_assert(matches(text, TIME "warn store slow sync ms=12 file=a\\.log\n$"), "%s", text);
}

Test(log, an_event_without_fields_ends_after_its_message)
{
    capture_start();
    log_error("main", "stopped", "%s", "");
    log_error("main", "gone", " ");
    const char *text = captured();
    cr_assert(matches(text, TIME "error main stopped \n"), "%s", text);
    capture_start();
    const char *none = "";
    log_event(LOG_INFO, "main", "started", none, 0);
    text = captured();
    cr_assert(matches(text, TIME "info main started\n$"), "%s", text);
}

Test(log, levels_above_the_set_one_are_silent)
{
    enum log_level level;
    cr_assert(log_parse_level(&level, "debug") && level == LOG_DEBUG);
    cr_assert(log_parse_level(&level, "info") && level == LOG_INFO);
    cr_assert(log_parse_level(&level, "warn") && level == LOG_WARN);
    cr_assert(log_parse_level(&level, "error") && level == LOG_ERROR);
    cr_assert_not(log_parse_level(&level, "loud"));
    cr_assert_not(log_parse_level(&level, ""));

    log_set_level(LOG_WARN);
    cr_assert(log_enabled(LOG_ERROR) && log_enabled(LOG_WARN));
    cr_assert(!log_enabled(LOG_INFO) && !log_enabled(LOG_DEBUG));
    capture_start();
    log_info("a", "b", "x=%d", 1);
    log_debug("a", "b", "x=%d", 1);
    cr_assert_str_empty(captured());
    log_set_level(LOG_DEBUG);
    capture_start();
    log_debug("a", "b", "x=%d", 1);
    cr_assert(matches(captured(), "debug a b x=1"));
}

Test(log, a_long_event_is_cut_to_one_marked_line)
{
    static char big[10000];
    memset(big, 'y', sizeof big - 1);
    capture_start();
    log_info("a", "b", "big=%s", big);
    const char *text = captured();
    size_t len = strlen(text);
    cr_assert(len > 1000 && len <= 4096);
    cr_assert_str_eq(text + len - 4, "...\n");
}

Test(log, line_breaks_never_split_an_event)
{
    capture_start();
    log_info("a", "b\nc", "x=%s", "1\r\n2026 fake line");
    const char *text = captured();
    cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1);
}

Test(log, errno_survives)
{
    capture_start();
    close(STDERR_FILENO);
    errno = ENOENT;
    log_info("a", "b", "x=%d", 1);
    int after = errno;
    captured();
    cr_assert_eq(after, ENOENT);
}

static void *write_lines(void *arg)
{
    char filler[200];
    memset(filler, *(const char *)arg, sizeof filler - 1);
    filler[sizeof filler - 1] = 0;
    for (int i = 0; i < 300; i++)
        log_info("thread", "line", "text=%s", filler);
    return NULL;
}

Test(log, lines_of_several_threads_never_mix)
{
    static char names[4] = "abcd";
    pthread_t threads[4];
    capture_start();
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, write_lines, &names[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    char *save, *text = captured();
    int lines = 0;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save), lines++) {
        const char *filler = strstr(line, "text=");
        cr_assert_not_null(filler);
        filler += 5;
        cr_assert_eq(strlen(filler), 199);
        cr_assert_eq(strspn(filler, (char[]){filler[0], 0}), 199);
    }
    cr_assert_eq(lines, 1200);
}

Test(log, text_is_quoted_only_when_it_needs_to_be)
{
    char buf[64];
    cr_assert_str_eq(log_text(buf, sizeof buf, "plain-text/1"), "plain-text/1");
    cr_assert_str_eq(log_text(buf, sizeof buf, "two words"), "\"two words\"");
    cr_assert_str_eq(log_text(buf, sizeof buf, ""), "\"\"");
    cr_assert_str_eq(log_text(buf, sizeof buf, "a=b"), "\"a=b\"");
    cr_assert_str_eq(log_text(buf, sizeof buf, "say \"hi\" \\"), "\"say \\\"hi\\\" \\\\\"");
    cr_assert_str_eq(log_text(buf, sizeof buf, "line\nbreak\x01\x7f"), "\"line\\nbreak\\x01\\x7f\"");
    cr_assert_str_eq(log_text(buf, sizeof buf, "gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
}

Test(log, quoted_text_never_passes_its_buffer)
{
    for (size_t cap = 1; cap < 40; cap++) {
        char *buf = malloc(cap);
        const char *text = log_text(buf, cap, "a b\n\"\x01 some long text that does not fit");
        cr_assert_lt(strlen(text), cap);
        cr_assert(cap < 3 || (text[0] == '"' && text[strlen(text) - 1] == '"'));
        cr_assert_lt(strlen(log_text(buf, cap, "plain_text_that_does_not_fit_in_forty")), cap);
        free(buf);
    }
}
