// The relay between nodes: bytes pass both ways, a cut holds them up, and healed nothing is missing.
#include "bench/faults/relay.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define NODES 3
#define QUIET_MS 150 // as long as the relay needs to notice a cut, and more

static struct relay *relay;
static int listeners[NODES];

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void setup(void)
{
    uint16_t ports[NODES];
    for (unsigned i = 0; i < NODES; i++) {
        struct sockaddr_in at = loopback(0);
        socklen_t len = sizeof at;
        listeners[i] = socket(AF_INET, SOCK_STREAM, 0);
        cr_assert_eq(bind(listeners[i], (const struct sockaddr *)&at, sizeof at), 0);
        cr_assert_eq(listen(listeners[i], 4), 0);
        cr_assert_eq(getsockname(listeners[i], (struct sockaddr *)&at, &len), 0);
        ports[i] = ntohs(at.sin_port);
    }
    relay = relay_start(NODES, ports);
    cr_assert(relay);
}

static void teardown(void)
{
    relay_stop(relay);
    for (unsigned i = 0; i < NODES; i++)
        close(listeners[i]);
}

TestSuite(relay, .init = setup, .fini = teardown);

struct pair {
    int from, to;
};

static struct pair joined(unsigned from, unsigned to)
{
    const struct sockaddr_in at = loopback(relay_port(relay, from, to));
    struct pair p = {.from = socket(AF_INET, SOCK_STREAM, 0)};
    cr_assert_eq(connect(p.from, (const struct sockaddr *)&at, sizeof at), 0);
    p.to = accept(listeners[to], NULL, NULL);
    cr_assert_geq(p.to, 0);
    return p;
}

static void say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void expect(int fd, const char *text)
{
    char got[64] = "";
    cr_assert_eq(recv(fd, got, strlen(text), MSG_WAITALL), (ssize_t)strlen(text));
    cr_assert_str_eq(got, text);
}

static bool is_quiet(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, QUIET_MS) == 0;
}

Test(relay, bytes_pass_both_ways)
{
    const struct pair p = joined(0, 1);
    say(p.from, "there");
    expect(p.to, "there");
    say(p.to, "and back");
    expect(p.from, "and back");
}

Test(relay, an_end_reaches_the_other_side)
{
    const struct pair p = joined(2, 0);
    char byte;
    close(p.from);
    cr_assert_eq(recv(p.to, &byte, 1, 0), 0);
}

Test(relay, a_cut_holds_up_what_crosses_it_and_nothing_else)
{
    const struct pair crossing = joined(0, 2), beside = joined(0, 1);
    relay_cut(relay, 1u << 2);
    cr_assert(is_quiet(crossing.to)); // by now the cut is seen
    say(crossing.from, "held up");
    say(crossing.to, "so is this");
    say(beside.from, "goes on");
    expect(beside.to, "goes on");
    cr_assert(is_quiet(crossing.to));
    cr_assert(is_quiet(crossing.from));
    relay_cut(relay, 0);
    expect(crossing.to, "held up");
    expect(crossing.from, "so is this");
}

Test(relay, much_passes_whole)
{
    enum { BYTES = 4 << 20, CHUNK = 8192 };
    const struct pair p = joined(1, 2);
    static uint8_t sent[CHUNK], got[CHUNK];
    size_t out = 0, in = 0;
    while (out < BYTES || in < out) {
        for (size_t i = 0; i < CHUNK; i++)
            sent[i] = (uint8_t)((out + i) * 31 >> 3);
        const ssize_t n = out < BYTES ? send(p.from, sent, CHUNK, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
        out += n > 0 ? (size_t)n : 0;
        const ssize_t m = recv(p.to, got, CHUNK, out < BYTES ? MSG_DONTWAIT : 0);
        for (ssize_t i = 0; i < m; i++, in++)
            cr_assert_eq(got[i], (uint8_t)(in * 31 >> 3));
    }
}
