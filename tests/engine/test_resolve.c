#include "engine/net/listen.h"

#include <criterion/criterion.h>
#include <netinet/in.h>

Test(resolve, gives_the_address_of_a_number_or_a_name)
{
    struct sockaddr_storage a;
    char error[200];
    cr_assert(net_resolve(&a, "127.0.0.1", 30000, error, sizeof error), "%s", error);
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a;
    cr_assert(a.ss_family == AF_INET && v4->sin_port == htons(30000));
    cr_assert_eq(ntohl(v4->sin_addr.s_addr), INADDR_LOOPBACK);
    cr_assert(net_resolve(&a, "::1", 7, error, sizeof error), "%s", error);
    cr_assert(a.ss_family == AF_INET6 && ((const struct sockaddr_in6 *)&a)->sin6_port == htons(7));
}

Test(resolve, says_which_host_it_did_not_find)
{
    struct sockaddr_storage a;
    char error[200];
    cr_assert(!net_resolve(&a, "no host", 1, error, sizeof error));
    cr_assert_not_null(strstr(error, "no host"));
}
