#include "tools/commands.h"
#include "tools/findings.h"
#include "tools/options.h"

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

static int examine(const struct doctor_settings *settings)
{
    struct findings findings = {0};
    findings_check_machine(&findings);
    findings_check_limits(&findings);
    findings_check_disk(&findings, settings->data ? settings->data : ".");
    if (settings->json) {
        if (!findings_write_json(&findings, stdout))
            return options_fail(command.name, "can't write the findings");
    } else {
        findings_print(&findings, stdout);
    }
    return findings_usable(&findings) ? EXIT_OK : EXIT_FAILED;
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
