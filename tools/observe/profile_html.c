#include "tools/observe/profile_report.h"

#include <stdlib.h>

// Nodes with less than this of the whole are left out of the page.
#define SHARE_MIN 0.00005

#ifndef FLAME_PAGE
#define FLAME_PAGE "tools/observe/flame_page.html"
#endif

// flame_page.html as it stands beside this file, as a text; FLAME_PAGE is its path.
__asm__(".pushsection .rodata\n"
        "flame_page:\n"
        ".incbin \"" FLAME_PAGE "\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char flame_page[];

static const char marker[] = "@DATA@";

struct names {
    json_t *texts;
    json_t *numbers; // by text
};

static json_int_t number_of(struct names *n, const char *name)
{
    const json_t *known = json_object_get(n->numbers, name);
    if (known)
        return json_integer_value(known);
    const json_int_t number = (json_int_t)json_array_size(n->texts);
    json_array_append_new(n->texts, json_string(name));
    json_object_set_new(n->numbers, name, json_integer(number));
    return number;
}

// [name, parent, self] of each node that is wide enough; what is left out of a node's children is its own.
static json_t *nodes_json(const struct call_tree *t, struct names *names)
{
    json_t *all = json_array();
    json_int_t *place = calloc(t->count, sizeof *place);
    uint64_t *self = calloc(t->count, sizeof *self);
    if (!place || !self)
        abort();
    const uint64_t least = (uint64_t)(SHARE_MIN * (double)t->nodes[0].total_ns);
    for (size_t i = 0; i < t->count; i++)
        self[i] = t->nodes[i].self_ns;
    for (size_t i = t->count; i-- > 1;) {
        if (t->nodes[i].total_ns < least)
            self[t->nodes[i].parent] += self[i];
    }
    for (size_t i = 0; i < t->count; i++) {
        const struct call_node *n = &t->nodes[i];
        if (i > 0 && n->total_ns < least)
            continue;
        place[i] = (json_int_t)json_array_size(all);
        json_array_append_new(
            all, json_pack("[I, I, I]", number_of(names, profile_name(n)), place[n->parent], (json_int_t)self[i]));
    }
    free(place);
    free(self);
    return all;
}

// JSON inside of a script element: no text may close the element.
static void put_json(FILE *out, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(6));
    for (const char *p = text; p && *p; p++) {
        if (*p == '<')
            fputs("\\u003c", out);
        else
            fputc(*p, out);
    }
    free(text);
}

bool profile_write_html(FILE *out, const struct profile *p, const json_t *report)
{
    struct names names = {json_array(), json_object()};
    json_t *nodes = nodes_json(&p->functions, &names);
    json_t *data = json_pack("{s:O, s:o, s:o}", "report", report, "names", names.texts, "nodes", nodes);
    json_decref(names.numbers);
    const char *at = strstr(flame_page, marker);
    if (!data || !at)
        return false;
    fwrite(flame_page, 1, (size_t)(at - flame_page), out);
    put_json(out, data);
    fputs(at + sizeof marker - 1, out);
    json_decref(data);
    return true;
}
