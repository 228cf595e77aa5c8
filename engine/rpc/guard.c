#include "engine/rpc/guard.h"

#include <arpa/inet.h>
#include <strings.h>

// The host without its port and brackets: "[::1]:8545" -> "::1", "a.b:80" -> "a.b".
static bool host_name(char *out, size_t cap, const char *host)
{
    size_t len = strlen(host);
    if (host[0] == '[') {
        const char *end = strchr(host, ']');
        if (!end)
            return false;
        host++;
        len = (size_t)(end - host);
    } else {
        const char *colon = strchr(host, ':');
        if (colon && !strchr(colon + 1, ':'))
            len = (size_t)(colon - host);
    }
    if (len >= cap)
        return false;
    memcpy(out, host, len);
    out[len] = 0;
    return true;
}

static bool in_list(const char *name, const char *list)
{
    while (list && *list) {
        size_t len = strcspn(list, ",");
        while (len > 0 && *list == ' ') {
            list++;
            len--;
        }
        if ((len == 1 && *list == '*') || (len == strlen(name) && strncasecmp(name, list, len) == 0))
            return true;
        list += len + (list[len] == ',');
    }
    return false;
}

bool guard_host(const char *host, const char *allowed)
{
    char name[256];
    struct in6_addr addr;
    if (!*host)
        return true;
    if (!host_name(name, sizeof name, host))
        return false;
    return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &addr) == 1 ||
           inet_pton(AF_INET6, name, &addr) == 1 || in_list(name, allowed);
}

bool guard_origin(const char *origin, const char *cors)
{
    return in_list(origin, cors);
}

bool guard_same_origin(const char *origin, const char *host)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i]);
        if (*host && strncasecmp(origin, schemes[i], len) == 0 && strcasecmp(origin + len, host) == 0)
            return true;
    }
    return false;
}

bool guard_content_type(const char *type)
{
    static const char *const accepted[] = {"application/json", "application/json-rpc", "application/jsonrequest"};
    size_t len = strcspn(type, "; \t");
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        if (len == strlen(accepted[i]) && strncasecmp(type, accepted[i], len) == 0)
            return true;
    }
    return false;
}
