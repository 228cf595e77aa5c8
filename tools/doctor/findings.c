#include "tools/doctor/findings.h"

#include <assert.h>
#include <jansson.h>
#include <stdarg.h>

static const char *const STATES[] = {"ok", "slow", "bad"};

void findings_add(struct findings *f, const char *name, enum finding_state state, const char *fix, const char *found,
                  ...)
{
    assert(f->count < FINDING_MAX);
    struct finding *finding = &f->list[f->count++];
    finding->name = name;
    finding->state = state;
    finding->fix = state == FINDING_OK ? NULL : fix;
    va_list args;
    va_start(args, found);
    vsnprintf(finding->found, sizeof finding->found, found, args);
    va_end(args);
}

bool findings_usable(const struct findings *f)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->list[i].state == FINDING_BAD)
            return false;
    }
    return true;
}

void findings_print(const struct findings *f, FILE *out)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct finding *finding = &f->list[i];
        fprintf(out, "%-4s  %-12s %s\n", STATES[finding->state], finding->name, finding->found);
        if (finding->fix)
            fprintf(out, "%-4s  %-12s fix: %s\n", "", "", finding->fix);
    }
    if (f->chain)
        fprintf(out, "%s%s\n", f->chain, f->chain_whole ? "the chain is whole" : "THE CHAIN IS DAMAGED");
    fprintf(out, findings_usable(f) ? "gantry runs here\n" : "gantry does not run here until what is bad is fixed\n");
}

// NULL when there was no check.
static json_t *chain_json(const struct findings *f)
{
    if (!f->chain)
        return NULL;
    json_t *lines = json_array();
    for (const char *p = f->chain; *p;) {
        const size_t len = strcspn(p, "\n");
        json_array_append_new(lines, json_stringn(p, len));
        p += len + (p[len] == '\n');
    }
    return json_pack("{s:b, s:o}", "whole", f->chain_whole, "report", lines);
}

bool findings_write_json(const struct findings *f, FILE *out)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->count; i++) {
        const struct finding *finding = &f->list[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s*}", "name", finding->name, "state",
                                              STATES[finding->state], "found", finding->found, "fix", finding->fix));
    }
    json_t *root =
        json_pack("{s:b, s:o, s:o*}", "usable", findings_usable(f), "findings", list, "chain", chain_json(f));
    const bool ok = root && json_dumpf(root, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;
    json_decref(root);
    return ok;
}
