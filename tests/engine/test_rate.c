// Allowances by address.
#include "engine/net/rate.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>

static struct sockaddr_storage v4(const char *text)
{
    struct sockaddr_storage s = {.ss_family = AF_INET};
    cr_assert_eq(inet_pton(AF_INET, text, &((struct sockaddr_in *)&s)->sin_addr), 1);
    return s;
}

static struct sockaddr_storage v6(const char *text)
{
    struct sockaddr_storage s = {.ss_family = AF_INET6};
    cr_assert_eq(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&s)->sin6_addr), 1);
    return s;
}

static struct rate rate;
static const uint64_t INTERVAL = 1000, NOW = 1000000;

static void setup(void)
{
    rate_init(&rate, INTERVAL, 5, 77);
}

TestSuite(rate, .init = setup);

static unsigned allowed(struct sockaddr_storage who, unsigned tries, uint64_t now)
{
    unsigned n = 0;
    for (unsigned i = 0; i < tries; i++)
        n += rate_allows(&rate, &who, now);
    return n;
}

Test(rate, allows_a_burst_then_one_an_interval)
{
    const struct sockaddr_storage a = v4("10.0.0.1");
    cr_assert_eq(allowed(a, 100, NOW), 5);
    cr_assert_eq(allowed(a, 100, NOW + INTERVAL - 1), 0);
    cr_assert_eq(allowed(a, 100, NOW + INTERVAL), 1);
    cr_assert_eq(allowed(a, 100, NOW + 3 * INTERVAL), 2);
    cr_assert_eq(allowed(a, 100, NOW + 1000 * INTERVAL), 5);
}

Test(rate, counts_each_address_for_itself)
{
    cr_assert_eq(allowed(v4("10.0.0.1"), 100, NOW), 5);
    cr_assert_eq(allowed(v4("10.0.0.2"), 100, NOW), 5);
    cr_assert_eq(allowed(v6("2001:db8::1"), 100, NOW), 5);
    cr_assert_eq(allowed(v6("2001:db8:0:1::1"), 100, NOW), 5);
}

Test(rate, takes_an_ipv6_network_for_one_address_and_ipv4_for_itself_however_written)
{
    cr_assert_eq(allowed(v6("2001:db8::1"), 3, NOW), 3);
    cr_assert_eq(allowed(v6("2001:db8::ffff:1"), 100, NOW), 2);
    cr_assert_eq(allowed(v4("10.0.0.1"), 3, NOW), 3);
    cr_assert_eq(allowed(v6("::ffff:10.0.0.1"), 100, NOW), 2);
    cr_assert_eq(allowed(v6("::ffff:10.0.0.2"), 100, NOW), 5);
    const struct sockaddr_storage a = v4("10.0.0.1"), b = v6("::ffff:10.0.0.1"), c = v4("10.0.0.2");
    cr_assert(address_is_same(&a, &b) && !address_is_same(&a, &c));
}

Test(rate, gives_nobody_more_for_a_full_table_than_an_idle_address_has)
{
    for (unsigned i = 0; i < 20000; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.%u.%u.1", i / 256, i % 256);
        cr_assert_leq(allowed(v4(text), 10, NOW), 5);
    }
    cr_assert_leq(allowed(v4("10.0.0.1"), 10, NOW), 5);
}

Test(rate, keeps_a_busy_address_while_others_come_once)
{
    const struct sockaddr_storage busy = v4("192.0.2.1");
    cr_assert_eq(allowed(busy, 100, NOW), 5);
    for (unsigned i = 0; i < 1000; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.%u.%u.1", i / 256, i % 256);
        allowed(v4(text), 1, NOW);
    }
    cr_assert_eq(allowed(busy, 100, NOW), 0);
}
