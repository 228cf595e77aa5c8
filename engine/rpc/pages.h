// The dashboard's files, as dashboard/ is bundled at build time and embedded. A build without the bundler has one page
// in their place that says so. Read-only; any thread.
#ifndef GANTRY_ENGINE_RPC_PAGES_H
#define GANTRY_ENGINE_RPC_PAGES_H

#include "base/bytes.h"

#define PAGE_TAG_MAX 40

struct page {
    const char *path, *content_type;
    struct bytes plain, zipped; // zipped: gzip; empty for none
    char tag[PAGE_TAG_MAX];     // entity tag of the content; weak, as both forms have it
};

// Sent with every page: nothing from elsewhere is loaded or run, nobody frames it, and a browser asks each time whether
// its copy is the newest.
#define PAGE_HEADERS                                                                                                   \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "               \
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"                              \
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-cache\r\n"                   \
    "Vary: Accept-Encoding\r\n"

// NULL when there is none at this path.
const struct page *page_find(const char *path);
// Does an Accept-Encoding header's text take gzip? RFC 9110, section 12.5.3.
bool page_accepts_gzip(const char *accept_encoding);

#endif
