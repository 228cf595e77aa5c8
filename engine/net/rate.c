#include "engine/net/rate.h"

#include <netinet/in.h>
#include <xxhash.h>

struct plain_address {
    uint8_t b[16];
    bool v4;
};

static struct plain_address plain(const struct sockaddr_storage *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct plain_address p = {0};
    if (a->ss_family == AF_INET6) {
        memcpy(p.b, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
        p.v4 = memcmp(p.b, mapped, sizeof mapped) == 0;
    } else if (a->ss_family == AF_INET) {
        memcpy(p.b, mapped, sizeof mapped);
        memcpy(p.b + 12, &((const struct sockaddr_in *)a)->sin_addr, 4);
        p.v4 = true;
    }
    return p;
}

bool address_is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct plain_address x = plain(a), y = plain(b);
    return memcmp(x.b, y.b, sizeof x.b) == 0;
}

void rate_init(struct rate *r, uint64_t interval_ns, unsigned burst, uint64_t secret)
{
    *r = (struct rate){.interval_ns = interval_ns, .secret = secret, .burst = burst};
}

bool rate_take(uint64_t *until_ns, uint64_t interval_ns, unsigned burst, uint64_t now_ns)
{
    if (*until_ns < now_ns)
        *until_ns = now_ns;
    if (*until_ns > now_ns + (burst - 1) * interval_ns)
        return false;
    *until_ns += interval_ns;
    return true;
}

bool rate_allows(struct rate *r, const struct sockaddr_storage *who, uint64_t now_ns)
{
    const struct plain_address p = plain(who);
    const uint64_t key = XXH3_64bits_withSeed(p.b, p.v4 ? 16 : 8, r->secret);
    unsigned at = 0;
    const uint64_t set = key % RATE_SETS;
    for (unsigned i = 1; i < RATE_WAYS; i++) {
        if (r->places[set][at].key == key)
            break;
        if (r->places[set][i].key == key || r->places[set][i].until_ns < r->places[set][at].until_ns)
            at = i;
    }
    if (r->places[set][at].key != key) {
        r->places[set][at].key = key;
        r->places[set][at].until_ns = 0;
    }
    return rate_take(&r->places[set][at].until_ns, r->interval_ns, r->burst, now_ns);
}
