#include "base/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct settings {
    char *folder, *name;
    uint64_t limit, memory_bytes, wait_ms, any;
    bool fast;
};

static const struct config_key keys[] = {
    {"data-folder", CONFIG_STRING, offsetof(struct settings, folder), "data", 0, 0, NULL, "Where the chain is kept."},
    {"name", CONFIG_STRING, offsetof(struct settings, name), NULL, 0, 0, NULL, "Shown to others."},
    {"limit", CONFIG_U64, offsetof(struct settings, limit), "1k", 10, 1000000, NULL, "Most of them."},
    {"memory", CONFIG_BYTES, offsetof(struct settings, memory_bytes), "64M", 4096, 0, "bytes", "Most memory."},
    {"wait", CONFIG_MS, offsetof(struct settings, wait_ms), "100ms", 0, 3600000, "ms", "Pause."},
    {"any", CONFIG_U64, offsetof(struct settings, any), "0", 0, 0, NULL, "Any number."},
    {"fast", CONFIG_BOOL, offsetof(struct settings, fast), "true", 0, 0, NULL, "Hurry."},
};
#define KEYS keys, sizeof keys / sizeof *keys

static char error[CONFIG_ERROR_MAX];

static struct settings defaults(void)
{
    struct settings s = {0};
    config_defaults(KEYS, &s);
    return s;
}

static bool parse(struct settings *s, const char *text)
{
    return config_parse(KEYS, s, "test.conf", text, strlen(text), error);
}

Test(config, defaults_go_through_the_same_parser)
{
    struct settings s = defaults();
    cr_assert_str_eq(s.folder, "data");
    cr_assert_null(s.name);
    cr_assert_eq(s.limit, 1000);
    cr_assert_eq(s.memory_bytes, 64u << 20);
    cr_assert_eq(s.wait_ms, 100);
    cr_assert(s.fast);
    config_free(KEYS, &s);
    cr_assert_null(s.folder);
}

Test(config, a_file_sets_what_it_names_and_nothing_else)
{
    struct settings s = defaults();
    cr_assert(parse(&s, "# a comment\n"
                        "\n"
                        "limit = 20   # inline\r\n"
                        "  memory=2G\n"
                        "\twait\t=\t3s\n"
                        "data-folder = \"/a b/#1\\\"\\\\\" # quoted\n"
                        "name = gantry-1"),
              "%s", error);
    cr_assert_eq(s.limit, 20);
    cr_assert_eq(s.memory_bytes, UINT64_C(2) << 30);
    cr_assert_eq(s.wait_ms, 3000);
    cr_assert_str_eq(s.folder, "/a b/#1\"\\");
    cr_assert_str_eq(s.name, "gantry-1");
    cr_assert(s.fast);
    config_free(KEYS, &s);
}

Test(config, suffixes_multiply)
{
    static const struct {
        const char *text;
        uint64_t any, memory_bytes, wait_ms;
    } cases[] = {
        {"any = 7k\nmemory = 8K\nwait = 7", 7000, 8192, 7},
        {"any = 7M\nmemory = 7M\nwait = 7ms", 7000000, 7340032, 7},
        {"any = 7G\nmemory = 7G\nwait = 7m", 7000000000, 7516192768, 420000},
        {"any = 18446744073709551615\nmemory = 4096\nwait = 1h", UINT64_MAX, 4096, 3600000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings s = defaults();
        cr_assert(parse(&s, cases[i].text), "%s", error);
        cr_assert_eq(s.any, cases[i].any);
        cr_assert_eq(s.memory_bytes, cases[i].memory_bytes);
        cr_assert_eq(s.wait_ms, cases[i].wait_ms);
        config_free(KEYS, &s);
    }
}

Test(config, booleans_have_four_spellings)
{
    static const char *const words[][2] = {{"true", "false"}, {"on", "off"}, {"yes", "no"}, {"1", "0"}};
    struct settings s = {0};
    for (int i = 0; i < 4; i++) {
        cr_assert(config_set(KEYS, &s, "fast", words[i][0], error) && s.fast);
        cr_assert(config_set(KEYS, &s, "fast", words[i][1], error) && !s.fast);
    }
}

// Each text is refused with exactly this message: file, line, key and reason.
Test(config, mistakes_are_refused_by_file_line_and_name)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"limit = 20\n\nlimits = 3\n", "test.conf:3: unknown key \"limits\""},
        {"limi = 20", "test.conf:1: unknown key \"limi\""},
        {"= 20", "test.conf:1: unknown key \"\""},
        {"limit = 20\nfast = on\nlimit = 20", "test.conf:3: limit is already set in line 1"},
        {"[section]", "test.conf:1: \"[section]\" is not of the form key = value"},
        {"limit", "test.conf:1: \"limit\" is not of the form key = value"},
        {"limit =", "test.conf:1: limit: the value is missing"},
        {"limit = # 3", "test.conf:1: limit: the value is missing"},
        {"limit = 9", "test.conf:1: limit: 9 is out of range (10 to 1000000)"},
        {"limit = 2M", "test.conf:1: limit: 2M is out of range (10 to 1000000)"},
        {"memory = 1", "test.conf:1: memory: 1 is out of range (at least 4096 bytes)"},
        {"limit = 2K", "test.conf:1: limit: \"2K\" is not a value of the form number, suffixes k M G"},
        {"limit = -2", "test.conf:1: limit: \"-2\" is not a value of the form number, suffixes k M G"},
        {"limit = 1.5", "test.conf:1: limit: \"1.5\" is not a value of the form number, suffixes k M G"},
        {"limit = 0x20", "test.conf:1: limit: \"0x20\" is not a value of the form number, suffixes k M G"},
        {"limit = \"\"", "test.conf:1: limit: \"\" is not a value of the form number, suffixes k M G"},
        {"limit = k", "test.conf:1: limit: \"k\" is not a value of the form number, suffixes k M G"},
        {"wait = 3d", "test.conf:1: wait: \"3d\" is not a value of the form duration, suffixes ms s m h"},
        {"wait = 2h", "test.conf:1: wait: 2h is out of range (0 to 3600000 ms)"},
        {"any = 18446744073709551616",
         "test.conf:1: any: \"18446744073709551616\" is not a value of the form number, suffixes k M G"},
        {"any = 18446744073709552k",
         "test.conf:1: any: \"18446744073709552k\" is not a value of the form number, suffixes k M G"},
        {"fast = maybe", "test.conf:1: fast: \"maybe\" is not a value of the form true|false"},
        {"fast = TRUE", "test.conf:1: fast: \"TRUE\" is not a value of the form true|false"},
        {"name = two words", "test.conf:1: name: something follows the value (quote values that hold spaces)"},
        {"name = \"a\" b", "test.conf:1: name: something follows the value (quote values that hold spaces)"},
        {"name = a\"b\"", "test.conf:1: name: something follows the value (quote values that hold spaces)"},
        {"name = \"a", "test.conf:1: name: the closing quote is missing"},
        {"name = \"a\\\"", "test.conf:1: name: the closing quote is missing"},
        {"name = \"a\\", "test.conf:1: name: a backslash goes only before \" or another backslash"},
        {"name = \"\\n\"", "test.conf:1: name: a backslash goes only before \" or another backslash"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings s = defaults();
        cr_assert_not(parse(&s, cases[i].text), "accepted: %s", cases[i].text);
        cr_assert_str_eq(error, cases[i].message);
        config_free(KEYS, &s);
    }
}

Test(config, a_nul_byte_is_refused)
{
    struct settings s = defaults();
    static const char text[] = "limit = 20\nname = a\0b\n";
    cr_assert_not(config_parse(KEYS, &s, "test.conf", text, sizeof text - 1, error));
    cr_assert_str_eq(error, "test.conf:2: a NUL byte in the text");
    config_free(KEYS, &s);
}

Test(config, the_command_line_names_the_key_too)
{
    struct settings s = defaults();
    cr_assert(config_set(KEYS, &s, "name", "first", error));
    cr_assert(config_set(KEYS, &s, "name", "two words", error));
    cr_assert_str_eq(s.name, "two words");
    cr_assert_not(config_set(KEYS, &s, "nam", "x", error));
    cr_assert_str_eq(error, "unknown key \"nam\"");
    cr_assert_not(config_set(KEYS, &s, "limit", "7", error));
    cr_assert_str_eq(error, "limit: 7 is out of range (10 to 1000000)");
    cr_assert_eq(s.limit, 1000, "a refused value changes nothing");
    config_free(KEYS, &s);
}

Test(config, messages_of_monstrous_input_stay_within_their_bound)
{
    static char text[200000];
    memset(text, 'x', sizeof text - 1);
    struct settings s = defaults();
    cr_assert_not(parse(&s, text));
    cr_assert_not(config_set(KEYS, &s, text, text, error));
    cr_assert_not(config_set(KEYS, &s, "limit", text, error));
    memcpy(text, "limit =", 7);
    cr_assert_not(config_parse(KEYS, &s, text, text, sizeof text - 1, error));
    cr_assert_lt(strlen(error), sizeof error);
    config_free(KEYS, &s);
}

static void write_file(char *path, const char *text, size_t len)
{
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, text, len), (ssize_t)len);
    close(fd);
}

Test(config, a_file_is_read_or_refused_by_name)
{
    struct settings s = defaults();
    char path[] = "/tmp/gantry-config-XXXXXX", big[] = "/tmp/gantry-config-XXXXXX";
    write_file(path, "limit = 77\n", 11);
    cr_assert(config_load(KEYS, &s, path, error), "%s", error);
    cr_assert_eq(s.limit, 77);
    unlink(path);
    cr_assert_not(config_load(KEYS, &s, path, error));
    cr_assert_not_null(strstr(error, path));
    cr_assert_not_null(strstr(error, "No such file"));
    cr_assert_not(config_load(KEYS, &s, "/", error));
    cr_assert_not_null(strstr(error, "Is a directory"));

    char *comment = malloc(CONFIG_FILE_MAX + 1);
    memset(comment, '#', CONFIG_FILE_MAX + 1);
    write_file(big, comment, CONFIG_FILE_MAX + 1);
    cr_assert_not(config_load(KEYS, &s, big, error));
    cr_assert_not_null(strstr(error, "longer than"));
    unlink(big);
    free(comment);
    config_free(KEYS, &s);
}

static char *printed(void (*print)(FILE *, const struct config_key *, size_t))
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    print(out, KEYS);
    fclose(out);
    return text;
}

Test(config, help_and_documentation_hold_every_key_with_default_and_range)
{
    char *help = printed(config_help), *markdown = printed(config_markdown);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        cr_assert_not_null(strstr(help, keys[i].name));
        cr_assert_not_null(strstr(help, keys[i].help));
        cr_assert_not_null(strstr(markdown, keys[i].name));
        cr_assert_not_null(strstr(markdown, keys[i].help));
    }
    cr_assert_not_null(strstr(help, "--limit number "));
    cr_assert_not_null(strstr(help, "(default 1k; 10 to 1000000)"));
    cr_assert_not_null(strstr(help, "(default 64M; at least 4096 bytes)"));
    cr_assert_not_null(strstr(help, "(default none)"));
    cr_assert_not_null(strstr(markdown, "| `limit` | number | 1k | 10 to 1000000 | Most of them. |\n"));
    cr_assert_not_null(strstr(markdown, "| `fast` | true or false | true |  | Hurry. |\n"));
    size_t lines = 0;
    for (const char *p = markdown; *p; p++)
        lines += *p == '\n';
    cr_assert_eq(lines, 2 + sizeof keys / sizeof *keys);
    free(help);
    free(markdown);
}
