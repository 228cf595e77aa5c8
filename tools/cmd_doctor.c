#include "engine/store/doctor.h"
#include "tools/commands.h"
#include "tools/doctor/findings.h"
#include "tools/options.h"

#include <stdlib.h>

struct doctor_settings {
    char *data;
    bool json;
};

static const struct config_key keys[] = {
    {.name = "data",
     .type = CONFIG_STRING,
     .offset = offsetof(struct doctor_settings, data),
     .help = "Folder of a chain: its disk is looked at, and its files are checked from end to end."},
    {.name = "json",
     .type = CONFIG_BOOL,
     .offset = offsetof(struct doctor_settings, json),
     .default_text = "false",
     .help = "Print the findings as JSON."},
};

static const struct options_command command = {
    .name = "doctor",
    .usage = "[options]",
    .about = "Checks what gantry needs of this machine and prints a fix for what is amiss.\n"
             "Exit code 1 when gantry does not run here, or when the checked chain is damaged.",
    .keys = keys,
    .key_count = sizeof keys / sizeof keys[0],
};

// Runs the store's own check, keeping its text. False when memory is short.
static bool check_chain(struct findings *f, char **text, const char *dir)
{
    size_t len;
    FILE *out = open_memstream(text, &len);
    if (!out)
        return false;
    f->chain_whole = store_doctor(dir, out) == 0;
    fclose(out);
    f->chain = *text;
    return true;
}

static int examine(const struct doctor_settings *settings)
{
    struct findings findings = {0};
    findings_check_machine(&findings);
    findings_check_limits(&findings);
    findings_check_disk(&findings, settings->data ? settings->data : ".");
    char *chain = NULL;
    if (settings->data && !check_chain(&findings, &chain, settings->data))
        return options_fail(command.name, "out of memory");
    bool written = true;
    if (settings->json)
        written = findings_write_json(&findings, stdout);
    else
        findings_print(&findings, stdout);
    free(chain);
    if (!written)
        return options_fail(command.name, "can't write the findings");
    return findings_usable(&findings) && (!findings.chain || findings.chain_whole) ? EXIT_OK : EXIT_FAILED;
}

int cmd_doctor(int argc, char **argv)
{
    struct doctor_settings settings = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code))
        code = examine(&settings);
    config_free(keys, command.key_count, &settings);
    return code;
}
