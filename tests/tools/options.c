#include "tools/options.h"

#include "tools/commands.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <unistd.h>

struct settings {
    char *file, *text;
    uint64_t number;
    bool flag;
};

static const struct config_key keys[] = {
    {"config", CONFIG_STRING, offsetof(struct settings, file), NULL, 0, 0, NULL, "A file."},
    {"text", CONFIG_STRING, offsetof(struct settings, text), "none", 0, 0, NULL, "A text."},
    {"number", CONFIG_U64, offsetof(struct settings, number), "7", 1, 100, NULL, "A number."},
    {"flag", CONFIG_BOOL, offsetof(struct settings, flag), "false", 0, 0, NULL, "A flag."},
};

static struct options_command command = {
    .name = "test", .usage = "[options]", .about = "For tests.", .keys = keys, .key_count = 4, .file_key = "config"};

static int rest_count;
static char **rest;

// Parses the arguments (split at spaces); the exit code, or -1 to go on.
static int parse(struct settings *s, const char *line)
{
    static char text[1024], *argv[32];
    int argc = 0, code;
    memset(s, 0, sizeof *s);
    snprintf(text, sizeof text, "test %s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    return options_parse(&command, s, argc, argv, &rest, &rest_count, &code) ? -1 : code;
}

static void expect_refused(const char *line, const char *message)
{
    struct settings s;
    cr_redirect_stderr();
    cr_assert_eq(parse(&s, line), EXIT_USAGE);
    config_free(keys, 4, &s);
    fflush(stderr);
    cr_assert_stderr_eq_str(message);
}

Test(options, defaults_hold_without_arguments)
{
    struct settings s;
    cr_assert_eq(parse(&s, ""), -1);
    cr_assert_str_eq(s.text, "none");
    cr_assert_eq(s.number, 7);
    cr_assert_not(s.flag);
    config_free(keys, 4, &s);
}

Test(options, both_forms_of_a_value_are_read)
{
    struct settings s;
    cr_assert_eq(parse(&s, "--number 9 --text=a=b --flag"), -1);
    cr_assert_eq(s.number, 9);
    cr_assert_str_eq(s.text, "a=b");
    cr_assert(s.flag);
    config_free(keys, 4, &s);
}

Test(options, a_flag_takes_a_value_only_after_an_equals_sign)
{
    struct settings s;
    cr_assert_eq(parse(&s, "--flag=false"), -1);
    cr_assert_not(s.flag);
    config_free(keys, 4, &s);
}

Test(options, flags_win_over_the_file_wherever_it_is_named)
{
    char path[] = "/tmp/gantry-options-XXXXXX", line[128];
    const int fd = mkstemp(path);
    cr_assert_eq(write(fd, "number = 5\ntext = \"from file\"\n", 30), 30);
    close(fd);
    struct settings s;
    snprintf(line, sizeof line, "--number 9 --config %s", path);
    cr_assert_eq(parse(&s, line), -1);
    cr_assert_eq(s.number, 9);
    cr_assert_str_eq(s.text, "from file");
    config_free(keys, 4, &s);
    unlink(path);
}

Test(options, a_file_names_no_other_file)
{
    char path[] = "/tmp/gantry-options-XXXXXX", line[128], message[160];
    const int fd = mkstemp(path);
    cr_assert_eq(write(fd, "config = \"other.conf\"\n", 22), 22);
    close(fd);
    snprintf(line, sizeof line, "--config %s", path);
    snprintf(message, sizeof message, "gantry test: %s: config can not stand in a configuration file\n", path);
    expect_refused(line, message);
    unlink(path);
}

Test(options, arguments_are_kept_in_order_where_they_are_allowed)
{
    struct settings s;
    command.takes_arguments = true;
    cr_assert_eq(parse(&s, "one --number 9 two -- --text"), -1);
    cr_assert_eq(rest_count, 3);
    cr_assert_str_eq(rest[0], "one");
    cr_assert_str_eq(rest[1], "two");
    cr_assert_str_eq(rest[2], "--text");
    config_free(keys, 4, &s);
}

Test(options, an_unknown_option_is_refused_by_name)
{
    expect_refused("--nubmer 9", "gantry test: unknown option --nubmer (gantry test --help lists them)\n");
}

Test(options, an_option_given_twice_is_refused)
{
    expect_refused("--number 9 --number=9", "gantry test: --number is given twice\n");
}

Test(options, a_missing_value_is_refused)
{
    expect_refused("--number", "gantry test: --number needs a value\n");
}

Test(options, a_value_out_of_range_is_refused_with_the_range)
{
    expect_refused("--number 101", "gantry test: --number: 101 is out of range (1 to 100)\n");
}

Test(options, an_argument_is_refused_where_there_are_none)
{
    expect_refused("9", "gantry test: unexpected argument \"9\" (gantry test --help)\n");
}

Test(options, a_missing_file_is_refused_by_name)
{
    expect_refused("--config /nowhere", "gantry test: /nowhere: No such file or directory\n");
}

Test(options, help_lists_every_option_and_succeeds)
{
    struct settings s;
    cr_redirect_stdout();
    cr_assert_eq(parse(&s, "--number 9 --help"), EXIT_OK);
    fflush(stdout);
    char out[4096] = "";
    FILE *redirected = cr_get_redirected_stdout();
    const size_t len = fread(out, 1, sizeof out - 1, redirected);
    out[len] = 0;
    for (size_t i = 0; i < 4; i++)
        cr_assert_not_null(strstr(out, keys[i].name));
    config_free(keys, 4, &s);
}
