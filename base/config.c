#include "base/config.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

struct suffix {
    const char *text;
    uint64_t factor;
};

// What a type's value looks like, and the suffixes of its numbers ("" is the plain number).
static const struct type_info {
    const char *form;
    struct suffix suffixes[5];
} types[] = {
    [CONFIG_STRING] = {.form = "text"},
    [CONFIG_U64] = {.form = "number", .suffixes = {{"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}}},
    [CONFIG_BYTES] = {.form = "bytes", .suffixes = {{"", 1}, {"K", 1u << 10}, {"M", 1u << 20}, {"G", 1u << 30}}},
    [CONFIG_MS] = {.form = "duration", .suffixes = {{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}}},
    [CONFIG_BOOL] = {.form = "true|false"},
};

__attribute__((format(printf, 2, 3))) static bool fail(char error[CONFIG_ERROR_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, CONFIG_ERROR_MAX, format, args);
    va_end(args);
    return false;
}

static bool parse_number(uint64_t *out, const char *text, enum config_type type)
{
    uint64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
            return false;
    }
    if (p == text)
        return false;
    const struct suffix *suffixes = types[type].suffixes;
    for (int i = 0; i < 5 && suffixes[i].text; i++) {
        if (strcmp(p, suffixes[i].text) == 0)
            return !__builtin_mul_overflow(value, suffixes[i].factor, out);
    }
    return false;
}

static bool parse_bool(bool *out, const char *text)
{
    static const char *const words[2][4] = {{"false", "off", "no", "0"}, {"true", "on", "yes", "1"}};
    for (int value = 0; value < 2; value++) {
        for (int i = 0; i < 4; i++) {
            if (strcmp(text, words[value][i]) == 0) {
                *out = value != 0;
                return true;
            }
        }
    }
    return false;
}

static const struct config_key *find_key(const struct config_key *keys, size_t key_count, const char *name, size_t len)
{
    for (size_t i = 0; i < key_count; i++) {
        if (strlen(keys[i].name) == len && memcmp(keys[i].name, name, len) == 0)
            return &keys[i];
    }
    return NULL;
}

static const char *unit_of(const struct config_key *key)
{
    return key->unit ? key->unit : "";
}

// "10 to 200 ms", "at least 10 ms".
static void describe_range(char *out, size_t cap, const struct config_key *key)
{
    const char *space = *unit_of(key) ? " " : "";
    if (key->max != 0)
        snprintf(out, cap, "%llu to %llu%s%s", (unsigned long long)key->min, (unsigned long long)key->max, space,
                 unit_of(key));
    else
        snprintf(out, cap, "at least %llu%s%s", (unsigned long long)key->min, space, unit_of(key));
}

// Says what a value of the key's type looks like.
static bool fail_form(const struct config_key *key, const char *value, char error[CONFIG_ERROR_MAX])
{
    char suffixes[64] = "";
    int len = 0;
    for (int i = 1; i < 5 && types[key->type].suffixes[i].text; i++) {
        len += snprintf(suffixes + len, sizeof suffixes - (size_t)len, "%s %s", i == 1 ? ", suffixes" : "",
                        types[key->type].suffixes[i].text);
    }
    return fail(error, "%s: \"%.80s\" is not a value of the form %s%s", key->name, value, types[key->type].form,
                suffixes);
}

static bool set_key(const struct config_key *key, void *settings, const char *value, char error[CONFIG_ERROR_MAX])
{
    void *field = (char *)settings + key->offset;
    if (key->type == CONFIG_STRING) {
        char *copy = strdup(value);
        if (!copy)
            return fail(error, "%s: out of memory", key->name);
        free(*(char **)field);
        *(char **)field = copy;
        return true;
    }
    if (key->type == CONFIG_BOOL)
        return parse_bool(field, value) || fail_form(key, value, error);

    uint64_t number;
    if (!parse_number(&number, value, key->type))
        return fail_form(key, value, error);
    if (number < key->min || (key->max != 0 && number > key->max)) {
        char range[128];
        describe_range(range, sizeof range, key);
        return fail(error, "%s: %.40s is out of range (%s)", key->name, value, range);
    }
    memcpy(field, &number, sizeof number);
    return true;
}

void config_defaults(const struct config_key *keys, size_t key_count, void *settings)
{
    for (size_t i = 0; i < key_count; i++) {
        char error[CONFIG_ERROR_MAX];
        if (!keys[i].default_text) {
            assert(keys[i].type == CONFIG_STRING);
        } else if (!set_key(&keys[i], settings, keys[i].default_text, error)) {
            fprintf(stderr, "gantry: default of %s\n", error);
            abort();
        }
    }
}

bool config_set(const struct config_key *keys, size_t key_count, void *settings, const char *name, const char *value,
                char error[CONFIG_ERROR_MAX])
{
    const struct config_key *key = find_key(keys, key_count, name, strlen(name));
    if (!key)
        return fail(error, "unknown key \"%.80s\"", name);
    return set_key(key, settings, value, error);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes trim(const char *text, size_t len)
{
    while (len > 0 && is_space(text[0])) {
        text++;
        len--;
    }
    while (len > 0 && is_space(text[len - 1]))
        len--;
    return bytes_of(text, len);
}

// Reads the value that begins a line's rest into out (room for len + 1 characters). Returns what is wrong, or NULL.
static const char *read_value(char *out, const char *text, size_t len)
{
    size_t at = 0, n = 0;
    if (len > 0 && text[0] == '"') {
        for (at = 1; at < len && text[at] != '"'; at++) {
            if (text[at] == '\\') {
                at++;
                if (at >= len || (text[at] != '"' && text[at] != '\\'))
                    return "a backslash goes only before \" or another backslash";
            }
            out[n++] = text[at];
        }
        if (at++ >= len)
            return "the closing quote is missing";
    } else {
        while (at < len && !is_space(text[at]) && text[at] != '#' && text[at] != '"')
            out[n++] = text[at++];
        if (n == 0)
            return "the value is missing";
    }
    out[n] = 0;
    struct bytes rest = trim(text + at, len - at);
    if (rest.len > 0 && rest.ptr[0] != '#')
        return "something follows the value (quote values that hold spaces)";
    return NULL;
}

struct parse_state {
    const struct config_key *keys;
    size_t key_count;
    void *settings;
    const char *name;    // of the text
    unsigned *seen_line; // by key: the line that set it, or 0
    char *value;         // room for any line's value
    char *error;
};

static bool parse_line(struct parse_state *s, unsigned line_number, const char *line, size_t len)
{
    struct bytes text = trim(line, len);
    if (text.len == 0 || text.ptr[0] == '#')
        return true;
    const char *start = (const char *)text.ptr;
    const char *equals = memchr(start, '=', text.len);
    if (!equals)
        return fail(s->error, "%.80s:%u: \"%.*s\" is not of the form key = value", s->name, line_number,
                    text.len < 80 ? (int)text.len : 80, start);

    struct bytes name = trim(start, (size_t)(equals - start));
    int shown = name.len < 80 ? (int)name.len : 80;
    const struct config_key *key = find_key(s->keys, s->key_count, (const char *)name.ptr, name.len);
    if (!key)
        return fail(s->error, "%.80s:%u: unknown key \"%.*s\"", s->name, line_number, shown, (const char *)name.ptr);
    unsigned *seen = &s->seen_line[key - s->keys];
    if (*seen != 0)
        return fail(s->error, "%.80s:%u: %s is already set in line %u", s->name, line_number, key->name, *seen);
    *seen = line_number;

    struct bytes rest = trim(equals + 1, text.len - (size_t)(equals + 1 - start));
    const char *problem = read_value(s->value, (const char *)rest.ptr, rest.len);
    if (problem)
        return fail(s->error, "%.80s:%u: %s: %s", s->name, line_number, key->name, problem);
    char why[CONFIG_ERROR_MAX];
    if (!set_key(key, s->settings, s->value, why))
        return fail(s->error, "%.60s:%u: %.170s", s->name, line_number, why);
    return true;
}

bool config_parse(const struct config_key *keys, size_t key_count, void *settings, const char *name, const char *text,
                  size_t len, char error[CONFIG_ERROR_MAX])
{
    struct parse_state state = {keys, key_count, settings, name, NULL, NULL, error};
    state.seen_line = calloc(key_count + 1, sizeof *state.seen_line);
    state.value = malloc(len + 1);
    bool ok = state.seen_line && state.value;
    if (!ok)
        fail(error, "%.80s: out of memory", name);
    unsigned line_number = 1;
    for (size_t at = 0; ok && at < len; line_number++) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t line_len = end ? (size_t)(end - (text + at)) : len - at;
        if (memchr(text + at, 0, line_len))
            ok = fail(error, "%.80s:%u: a NUL byte in the text", name, line_number);
        else
            ok = parse_line(&state, line_number, text + at, line_len);
        at += line_len + 1;
    }
    free(state.value);
    free(state.seen_line);
    return ok;
}

bool config_load(const struct config_key *keys, size_t key_count, void *settings, const char *path,
                 char error[CONFIG_ERROR_MAX])
{
    FILE *file = fopen(path, "re");
    if (!file)
        return fail(error, "%.120s: %s", path, strerror(errno));
    bool ok = false;
    char *text = malloc(CONFIG_FILE_MAX + 1);
    size_t len = text ? fread(text, 1, CONFIG_FILE_MAX + 1, file) : 0;
    if (!text)
        fail(error, "%.120s: out of memory", path);
    else if (ferror(file))
        fail(error, "%.120s: %s", path, strerror(errno));
    else if (len > CONFIG_FILE_MAX)
        fail(error, "%.120s: longer than %u bytes", path, CONFIG_FILE_MAX);
    else
        ok = config_parse(keys, key_count, settings, path, text, len, error);
    free(text);
    fclose(file);
    return ok;
}

void config_free(const struct config_key *keys, size_t key_count, void *settings)
{
    for (size_t i = 0; i < key_count; i++) {
        if (keys[i].type != CONFIG_STRING)
            continue;
        char **field = (char **)(void *)((char *)settings + keys[i].offset);
        free(*field);
        *field = NULL;
    }
}

static bool is_number(const struct config_key *key)
{
    return key->type == CONFIG_U64 || key->type == CONFIG_BYTES || key->type == CONFIG_MS;
}

static const char *default_of(const struct config_key *key)
{
    return key->default_text && *key->default_text ? key->default_text : "none";
}

void config_help(FILE *out, const struct config_key *keys, size_t key_count)
{
    for (size_t i = 0; i < key_count; i++) {
        const struct config_key *key = &keys[i];
        char flag[96], range[128] = "";
        snprintf(flag, sizeof flag, "--%s %s", key->name, types[key->type].form);
        fprintf(out, "  %-32s %s\n  %-32s (default %s", flag, key->help, "", default_of(key));
        if (is_number(key)) {
            describe_range(range, sizeof range, key);
            fprintf(out, "; %s", range);
        }
        fprintf(out, ")\n");
    }
}

void config_markdown(FILE *out, const struct config_key *keys, size_t key_count)
{
    fprintf(out, "| key | value | default | range | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < key_count; i++) {
        const struct config_key *key = &keys[i];
        char range[128] = "";
        if (is_number(key))
            describe_range(range, sizeof range, key);
        const char *form = key->type == CONFIG_BOOL ? "true or false" : types[key->type].form;
        fprintf(out, "| `%s` | %s | %s | %s | %s |\n", key->name, form, default_of(key), range, key->help);
    }
}
