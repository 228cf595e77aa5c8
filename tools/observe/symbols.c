#include "tools/observe/symbols.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>

#define CACHE_SLOTS 65536u // a power of two

struct entry {
    uint64_t address; // 0: free
    uint32_t count;
    const char *names[SYMBOL_INLINE_MAX];
};

// Each different text once, so that names can be compared as pointers.
struct text {
    struct text *next;
    char name[];
};

struct symbols {
    Dwfl *dwfl;
    struct entry *cache[CACHE_SLOTS]; // by address, probed; full: nothing more is kept
    size_t cached;
    struct text *texts[4096];
    struct entry last; // where the cache is full
};

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
};

struct symbols *symbols_open(pid_t pid)
{
    struct symbols *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->dwfl = dwfl_begin(&callbacks);
    if (s->dwfl && dwfl_linux_proc_report(s->dwfl, pid) == 0 && dwfl_report_end(s->dwfl, NULL, NULL) == 0)
        return s;
    symbols_free(s);
    return NULL;
}

void symbols_free(struct symbols *s)
{
    if (!s)
        return;
    if (s->dwfl)
        dwfl_end(s->dwfl);
    for (size_t i = 0; i < CACHE_SLOTS; i++)
        free(s->cache[i]);
    for (size_t i = 0; i < sizeof s->texts / sizeof s->texts[0]; i++) {
        for (struct text *t = s->texts[i], *next; t; t = next) {
            next = t->next;
            free(t);
        }
    }
    free(s);
}

static const char *keep(struct symbols *s, const char *name)
{
    uint32_t hash = 2166136261u;
    for (const char *p = name; *p; p++)
        hash = (hash ^ (uint8_t)*p) * 16777619u;
    struct text **head = &s->texts[hash % (sizeof s->texts / sizeof s->texts[0])];
    for (const struct text *t = *head; t; t = t->next) {
        if (strcmp(t->name, name) == 0)
            return t->name;
    }
    struct text *t = malloc(sizeof *t + strlen(name) + 1);
    if (!t)
        abort();
    strcpy(t->name, name);
    t->next = *head;
    *head = t;
    return t->name;
}

// What gcc adds to names of parts and variants of a function says nothing to a reader.
static const char *keep_plain(struct symbols *s, const char *name)
{
    char plain[256];
    snprintf(plain, sizeof plain, "%s", name);
    char *dot = strchr(plain, '.');
    if (dot && dot != plain)
        *dot = 0;
    return keep(s, plain);
}

// The functions that were inlined around the address, innermost first.
static size_t inlined(struct symbols *s, Dwfl_Module *module, uint64_t at, const char **out, size_t max)
{
    Dwarf_Addr bias = 0;
    Dwarf_Die *unit = dwfl_module_addrdie(module, at, &bias), *innermost = NULL, *scopes = NULL;
    // What holds the address, then what holds that where it stands (and not where it was written).
    const int found = unit ? dwarf_getscopes(unit, at - bias, &innermost) : 0;
    const int count = found > 0 ? dwarf_getscopes_die(&innermost[0], &scopes) : 0;
    size_t n = 0;
    for (int i = 0; i < count && n < max; i++) {
        const int tag = dwarf_tag(&scopes[i]);
        if (tag == DW_TAG_subprogram)
            break;
        const char *name = tag == DW_TAG_inlined_subroutine ? dwarf_diename(&scopes[i]) : NULL;
        // Wrappers of single instructions.
        if (name && strncmp(name, "_mm", 3) != 0)
            out[n++] = keep(s, name);
    }
    free(innermost);
    free(scopes);
    return n;
}

static const char *library_name(struct symbols *s, Dwfl_Module *module, uint64_t at)
{
    char text[96];
    const char *path = module ? dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL) : NULL;
    const char *file = path ? strrchr(path, '/') : NULL;
    if (path)
        snprintf(text, sizeof text, "[%s]", file ? file + 1 : path);
    else
        snprintf(text, sizeof text, "[0x%llx]", (unsigned long long)at);
    return keep(s, text);
}

static void look_up(struct symbols *s, uint64_t at, struct entry *e)
{
    Dwfl_Module *module = dwfl_addrmodule(s->dwfl, at);
    const char *name = module ? dwfl_module_addrname(module, at) : NULL;
    e->count = module ? (uint32_t)inlined(s, module, at, e->names, SYMBOL_INLINE_MAX - 1) : 0;
    e->names[e->count++] = name ? keep_plain(s, name) : library_name(s, module, at);
}

size_t symbols_find(struct symbols *s, uint64_t at, bool returns_to, const char *out[SYMBOL_INLINE_MAX])
{
    at -= returns_to;
    size_t i = (at * 0x9e3779b97f4a7c15u) >> 48;
    while (s->cache[i] && s->cache[i]->address != at)
        i = (i + 1) % CACHE_SLOTS;
    struct entry *e = s->cache[i];
    if (!e && s->cached < CACHE_SLOTS / 2) {
        e = s->cache[i] = calloc(1, sizeof *e);
        if (!e)
            abort();
        s->cached++;
    }
    e = e ? e : &s->last;
    if (e->address != at) {
        *e = (struct entry){.address = at};
        look_up(s, at, e);
    }
    memcpy(out, e->names, e->count * sizeof out[0]);
    return e->count;
}
