#include "tools/options.h"

#include "tools/commands.h"

#include <stdarg.h>
#include <stdlib.h>

#define NAME_MAX_BYTES 64

static void say(const char *name, const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    fprintf(stderr, "gantry %s: %s\n", name, text);
}

int options_refuse(const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(name, format, args);
    va_end(args);
    return EXIT_USAGE;
}

int options_fail(const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(name, format, args);
    va_end(args);
    return EXIT_FAILED;
}

static void print_help(const struct options_command *c)
{
    printf("usage: gantry %s %s\n\n%s\n\noptions:\n", c->name, c->usage, c->about);
    config_help(stdout, c->keys, c->key_count);
    printf("  %-32s %s\n", "--help", "This text.");
}

static const struct config_key *find_key(const struct options_command *c, const char *name)
{
    for (size_t i = 0; i < c->key_count; i++) {
        if (strcmp(c->keys[i].name, name) == 0)
            return &c->keys[i];
    }
    return NULL;
}

struct option {
    const struct config_key *key;
    const char *value;
};

// Reads the option at argv[*at], and its value, which may be the next argument. False with a message.
static bool read_option(const struct options_command *c, struct option *out, int argc, char **argv, int *at)
{
    const char *text = argv[*at] + 2, *equals = strchr(text, '=');
    const size_t len = equals ? (size_t)(equals - text) : strlen(text);
    char name[NAME_MAX_BYTES + 1];
    snprintf(name, sizeof name, "%.*s", len < NAME_MAX_BYTES ? (int)len : NAME_MAX_BYTES, text);
    out->key = find_key(c, name);
    if (!out->key) {
        options_refuse(c->name, "unknown option --%s (gantry %s --help lists them)", name, c->name);
        return false;
    }
    if (equals) {
        out->value = equals + 1;
    } else if (out->key->type == CONFIG_BOOL) {
        out->value = "true";
    } else if (*at + 1 < argc) {
        out->value = argv[++*at];
    } else {
        options_refuse(c->name, "--%s needs a value", name);
        return false;
    }
    return true;
}

// Sorts the arguments into options and the rest (moved to the front of argv). False with a message.
static bool read_arguments(const struct options_command *c, struct option *options, size_t *option_count, int argc,
                           char **argv, int *rest_count)
{
    bool only_rest = false;
    for (int i = 1; i < argc; i++) {
        if (!only_rest && strcmp(argv[i], "--") == 0) {
            only_rest = true;
        } else if (!only_rest && strncmp(argv[i], "--", 2) == 0) {
            struct option *option = &options[*option_count];
            if (!read_option(c, option, argc, argv, &i))
                return false;
            for (size_t j = 0; j < *option_count; j++) {
                if (options[j].key == option->key) {
                    options_refuse(c->name, "--%s is given twice", option->key->name);
                    return false;
                }
            }
            ++*option_count;
        } else if (c->takes_arguments && (only_rest || argv[i][0] != '-' || argv[i][1] == 0)) {
            argv[1 + (*rest_count)++] = argv[i];
        } else {
            options_refuse(c->name, "unexpected argument \"%.100s\" (gantry %s --help)", argv[i], c->name);
            return false;
        }
    }
    return true;
}

// The file first, so that flags win over it.
static bool apply(const struct options_command *c, void *settings, const struct option *options, size_t option_count)
{
    char error[CONFIG_ERROR_MAX];
    for (size_t i = 0; c->file_key && i < option_count; i++) {
        if (strcmp(options[i].key->name, c->file_key) != 0)
            continue;
        if (!config_load(c->keys, c->key_count, settings, options[i].value, error)) {
            options_refuse(c->name, "%s", error);
            return false;
        }
        if (*(char *const *)((const char *)settings + options[i].key->offset)) {
            options_refuse(c->name, "%s: %s can not stand in a configuration file", options[i].value, c->file_key);
            return false;
        }
    }
    for (size_t i = 0; i < option_count; i++) {
        if (!config_set(c->keys, c->key_count, settings, options[i].key->name, options[i].value, error)) {
            options_refuse(c->name, "--%s", error);
            return false;
        }
    }
    return true;
}

bool options_parse(const struct options_command *command, void *settings, int argc, char **argv, char ***rest,
                   int *rest_count, int *exit_code)
{
    config_defaults(command->keys, command->key_count, settings);
    *rest = argv + 1;
    *rest_count = 0;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(command);
            *exit_code = EXIT_OK;
            return false;
        }
    }
    struct option *options = calloc((size_t)argc + 1, sizeof *options);
    size_t option_count = 0;
    const bool ok = options && read_arguments(command, options, &option_count, argc, argv, rest_count) &&
                    apply(command, settings, options, option_count);
    free(options);
    *exit_code = ok ? EXIT_OK : EXIT_USAGE;
    return ok;
}
