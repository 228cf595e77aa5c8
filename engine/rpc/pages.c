#include "engine/rpc/pages.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <xxhash.h>

#ifdef GANTRY_DASHBOARD // the folder that CMake has the bundler write

// The bytes of a file and of its compressed form, by the assembler.
#define EMBED(name, file)                                                                                              \
    extern const uint8_t name##_begin[], name##_end[], name##_zipped_begin[], name##_zipped_end[];                     \
    __asm__(".section .rodata\n" #name "_begin: .incbin \"" GANTRY_DASHBOARD "/" file "\"\n" #name "_end:\n" #name     \
            "_zipped_begin: .incbin \"" GANTRY_DASHBOARD "/" file ".gz\"\n" #name "_zipped_end:\n.previous\n")
EMBED(dashboard_page, "index.html");
EMBED(dashboard_script, "dashboard.js");
EMBED(dashboard_style, "dashboard.css");
EMBED(dashboard_icon, "icon.svg");

struct embedded {
    const char *path, *content_type;
    const uint8_t *begin, *end, *zipped_begin, *zipped_end;
};
#define EMBEDDED(path, type, name)                                                                                     \
    {                                                                                                                  \
        path, type, name##_begin, name##_end, name##_zipped_begin, name##_zipped_end                                   \
    }
static const struct embedded files[] = {
    EMBEDDED("/", "text/html; charset=utf-8", dashboard_page),
    EMBEDDED("/dashboard.js", "text/javascript; charset=utf-8", dashboard_script),
    EMBEDDED("/dashboard.css", "text/css; charset=utf-8", dashboard_style),
    EMBEDDED("/icon.svg", "image/svg+xml", dashboard_icon),
};

static struct page page_of(const struct embedded *e)
{
    return (struct page){.path = e->path,
                         .content_type = e->content_type,
                         .plain = bytes_of(e->begin, (size_t)(e->end - e->begin)),
                         .zipped = bytes_of(e->zipped_begin, (size_t)(e->zipped_end - e->zipped_begin))};
}

#else

static const char *const files[] = {
    "gantry: send JSON-RPC here by POST or WebSocket; see also /health and /metrics\n"
    "This build has no dashboard: the bundler was not there (tools/setup installs it, with npm).\n"};

static struct page page_of(const char *const *text)
{
    return (struct page){
        .path = "/", .content_type = "text/plain; charset=utf-8", .plain = bytes_of(*text, strlen(*text))};
}

#endif

#define PAGE_COUNT (sizeof files / sizeof *files)
static struct page pages[PAGE_COUNT];

static void make_pages(void)
{
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        pages[i] = page_of(&files[i]);
        const XXH128_hash_t hash = XXH3_128bits(pages[i].plain.ptr, pages[i].plain.len);
        snprintf(pages[i].tag, PAGE_TAG_MAX, "W/\"%016llx%016llx\"", (unsigned long long)hash.high64,
                 (unsigned long long)hash.low64);
    }
}

const struct page *page_find(const char *path)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_pages);
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        if (strcmp(pages[i].path, path) == 0)
            return &pages[i];
    }
    return NULL;
}

// Is this element of the list gzip (or anything), with a weight above 0?
static bool takes_gzip(const char *element, size_t len)
{
    const size_t name = strcspn(element, ";, \t");
    const bool named = (name == 4 && strncasecmp(element, "gzip", 4) == 0) || (name == 1 && *element == '*');
    if (!named)
        return false;
    const char *weight = memmem(element, len, "q=", 2);
    return !weight || strtod(weight + 2, NULL) > 0;
}

bool page_accepts_gzip(const char *accept_encoding)
{
    while (*accept_encoding) {
        accept_encoding += strspn(accept_encoding, ", \t");
        const size_t len = strcspn(accept_encoding, ",");
        if (takes_gzip(accept_encoding, len))
            return true;
        accept_encoding += len;
    }
    return false;
}
