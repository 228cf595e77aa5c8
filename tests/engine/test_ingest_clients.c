// The ingest port over real sockets: clients that behave, and clients that don't, beside one another.
#include "base/clock.h"
#include "shard/ingest/wire.h"
#include "tests/engine_support/rig.h"
#include "tests/engine_support/transfers.h"
#include "tests/support/vectors.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 10000

// A frame with an empty transaction.
#define EMPTY_BYTES 5
static const char empty[] = "\x01\x00\x00\x00\x00";

static struct rig_options options_for(const char *name)
{
    return (struct rig_options){.shards = 2,
                                .gas_limit = 2000000000,
                                .senders = 20,
                                .balance = {{0, 1000, 0, 0}},
                                .seed = test_seed(name),
                                .free_running = true,
                                .connections = 64};
}

static int dial_only(unsigned port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0, "%s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void write_all(int fd, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, (const uint8_t *)bytes + done, len - done, MSG_NOSIGNAL);
        cr_assert_gt(n, 0, "send: %s", strerror(errno));
        done += (size_t)n;
    }
}

// Reads until len bytes are there, the stream ends, or patience does; returns how many.
static size_t read_some(int fd, uint8_t *out, size_t len)
{
    size_t done = 0;
    while (done < len) {
        struct pollfd p = {fd, POLLIN, 0};
        if (poll(&p, 1, PATIENCE_MS) <= 0)
            break;
        ssize_t n = read(fd, out + done, len - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

static bool stream_ends(int fd)
{
    uint8_t byte;
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, PATIENCE_MS) == 1 && read(fd, &byte, 1) == 0;
}

static int dial(unsigned port)
{
    uint8_t hello[INGEST_SERVER_HELLO_BYTES];
    struct ingest_server_hello server;
    int fd = dial_only(port);
    ingest_client_hello(hello);
    write_all(fd, hello, INGEST_CLIENT_HELLO_BYTES);
    cr_assert_eq(read_some(fd, hello, sizeof hello), sizeof hello);
    cr_assert(ingest_parse_server_hello(&server, hello));
    cr_assert_eq(server.chain_id, 31337);
    return fd;
}

static uint8_t read_answer(int fd, char text[256])
{
    uint8_t head[2];
    cr_assert_eq(read_some(fd, head, 2), 2, "no answer came");
    cr_assert_eq(read_some(fd, (uint8_t *)text, head[1]), head[1]);
    text[head[1]] = 0;
    return head[0];
}

static void expect(int fd, uint8_t status)
{
    char text[256];
    uint8_t got = read_answer(fd, text);
    cr_assert_eq(got, status, "answered %u (%s) instead of %u", got, text, status);
}

static size_t next_frame(struct transfers *t, uint8_t out[TRANSFER_BYTES_MAX + 8])
{
    uint8_t raw[TRANSFER_BYTES_MAX];
    return ingest_frame_put(out, bytes_of(raw, transfers_next(t, raw)), NULL);
}

static void send_transfer(int fd, struct transfers *t)
{
    uint8_t frame[TRANSFER_BYTES_MAX + 8];
    write_all(fd, frame, next_frame(t, frame));
}

static uint64_t open_connections(struct rig *r)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < rig_shard_count(r); i++)
        sum += atomic_load(&shard_numbers(rig_shard(r, i))->connections);
    return sum;
}

static void expect_connections(struct rig *r, uint64_t count)
{
    uint64_t until = clock_ns() + PATIENCE_MS * 1000000ull;
    while (open_connections(r) != count && clock_ns() < until)
        usleep(1000);
    cr_assert_eq(open_connections(r), count);
}

// Nothing turns round in circles: with clients there or not, threads with nothing to do sleep, once what was under way
// is done.
static void expect_rest(struct rig *r)
{
    const uint64_t until = clock_ns() + PATIENCE_MS * 1000000ull;
    uint64_t used_ms;
    do {
        const uint64_t before = rig_cpu_ns(r);
        usleep(300000);
        used_ms = (rig_cpu_ns(r) - before) / 1000000;
    } while (used_ms > 15 && clock_ns() < until);
    cr_assert_leq(used_ms, 15, "%llu ms of CPU in 300 ms of nothing to do", (unsigned long long)used_ms);
}

// A new client's transfers are all answered, each within a bounded time.
static void expect_service(unsigned port, struct transfers *t, unsigned count)
{
    int fd = dial(port);
    for (unsigned i = 0; i < count; i++) {
        send_transfer(fd, t);
        expect(fd, TX_OK);
    }
    close(fd);
}

// Sends frames with an empty transaction until the connection takes no more for a while.
static size_t stuff(int fd)
{
    static uint8_t frames[EMPTY_BYTES * 4096];
    for (size_t i = 0; i < sizeof frames; i++)
        frames[i] = (uint8_t)empty[i % EMPTY_BYTES];
    fcntl(fd, F_SETFL, O_NONBLOCK);
    size_t sent = 0;
    for (;;) {
        ssize_t n = send(fd, frames + sent % EMPTY_BYTES, sizeof frames - sent % EMPTY_BYTES, MSG_NOSIGNAL);
        struct pollfd p = {fd, POLLOUT, 0};
        if (n > 0)
            sent += (size_t)n;
        else if (poll(&p, 1, 150) <= 0)
            break;
    }
    return sent;
}

Test(ingest_clients, those_that_never_read_their_answers_cost_the_others_nothing)
{
    struct rig_options options = options_for("ingest_clients/never_read");
    struct rig *r = rig_start(&options);
    unsigned port = rig_listen(r);
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    int deaf[10];
    for (unsigned i = 0; i < 10; i++) {
        deaf[i] = dial_only(port);
        int small = 4096;
        setsockopt(deaf[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        uint8_t hello[INGEST_CLIENT_HELLO_BYTES];
        ingest_client_hello(hello);
        write_all(deaf[i], hello, sizeof hello);
        cr_assert_gt(stuff(deaf[i]), INGEST_WINDOW * EMPTY_BYTES);
    }
    expect_service(port, &t, 200);
    expect_service(port, &t, 200);
    expect_rest(r);
    // Whoever begins to read gets all of them, in order.
    fcntl(deaf[0], F_SETFL, 0);
    uint8_t hello[INGEST_SERVER_HELLO_BYTES];
    cr_assert_eq(read_some(deaf[0], hello, sizeof hello), sizeof hello);
    for (unsigned i = 0; i < 2 * INGEST_WINDOW; i++)
        expect(deaf[0], TX_MALFORMED);
    for (unsigned i = 0; i < 10; i++)
        close(deaf[i]);
    expect_connections(r, 0);
    expect_rest(r);
    transfers_free(&t);
    rig_stop(r);
}

Test(ingest_clients, one_byte_at_a_time_is_as_good_as_any)
{
    struct rig_options options = options_for("ingest_clients/one_byte");
    struct rig *r = rig_start(&options);
    unsigned port = rig_listen(r);
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    uint8_t bytes[INGEST_CLIENT_HELLO_BYTES + 3 * (TRANSFER_BYTES_MAX + 8)], hello[INGEST_SERVER_HELLO_BYTES];
    ingest_client_hello(bytes);
    size_t len = INGEST_CLIENT_HELLO_BYTES;
    for (unsigned i = 0; i < 3; i++)
        len += next_frame(&t, bytes + len);
    int fd = dial_only(port);
    for (size_t i = 0; i < len; i++) {
        write_all(fd, bytes + i, 1);
        usleep(200);
    }
    cr_assert_eq(read_some(fd, hello, sizeof hello), sizeof hello);
    for (unsigned i = 0; i < 3; i++)
        expect(fd, TX_OK);
    close(fd);
    expect_connections(r, 0);
    transfers_free(&t);
    rig_stop(r);
}

Test(ingest_clients, a_bad_hello_is_answered_instead_of_greeted)
{
    struct rig_options options = options_for("ingest_clients/hello");
    struct rig *r = rig_start(&options);
    unsigned port = rig_listen(r);
    char text[256];
    int fd = dial_only(port);
    write_all(fd, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 37 - 2);
    cr_assert_eq(read_answer(fd, text), INGEST_BAD_HELLO);
    cr_assert_str_eq(text, INGEST_BAD_HELLO_TEXT);
    cr_assert(stream_ends(fd));
    close(fd);
    expect_connections(r, 0);
    expect_rest(r);
    rig_stop(r);
}

// The client goes on sending: what it sends must not take the answer away from it.
Test(ingest_clients, a_bad_frame_is_answered_last_though_more_is_on_its_way)
{
    struct rig_options options = options_for("ingest_clients/bad_frame");
    struct rig *r = rig_start(&options);
    unsigned port = rig_listen(r);
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    char text[256];
    int fd = dial(port);
    for (unsigned i = 0; i < 50; i++)
        send_transfer(fd, &t);
    // Length first, then the flags that give it away, then nothing more of that frame.
    write_all(fd, "\x20\x00\x00\x00", 4);
    usleep(20000);
    write_all(fd, "\x80", 1);
    for (unsigned i = 0; i < 50; i++)
        expect(fd, TX_OK);
    cr_assert_eq(read_answer(fd, text), INGEST_BAD_FRAME);
    cr_assert_str_eq(text, "bad frame: unknown flags");
    cr_assert(stream_ends(fd));
    // Open on our side: the server waits for a while, then no longer.
    uint8_t rest[1000] = {0};
    for (unsigned i = 0; i < 100; i++)
        write_all(fd, rest, sizeof rest);
    cr_assert_eq(open_connections(r), 1);
    expect_connections(r, 0);
    close(fd);
    expect_rest(r);
    transfers_free(&t);
    rig_stop(r);
}

Test(ingest_clients, a_client_that_ends_its_side_gets_every_answer_and_then_the_end)
{
    struct rig_options options = options_for("ingest_clients/half_close");
    struct rig *r = rig_start(&options);
    unsigned port = rig_listen(r);
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    for (unsigned round = 0; round < 5; round++) {
        int fd = dial(port);
        for (unsigned i = 0; i < 300; i++)
            send_transfer(fd, &t);
        if (round % 2)
            write_all(fd, "\x40\x00", 2); // half a frame, which is lost
        cr_assert_eq(shutdown(fd, SHUT_WR), 0);
        for (unsigned i = 0; i < 300; i++)
            expect(fd, TX_OK);
        cr_assert(stream_ends(fd));
        close(fd);
    }
    expect_connections(r, 0);
    expect_rest(r);
    transfers_free(&t);
    rig_stop(r);
}

static void reset(int fd)
{
    struct linger now = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

Test(ingest_clients, resets_in_every_state_leave_nothing_behind)
{
    struct rig_options options = options_for("ingest_clients/resets");
    struct rig *r = rig_start(&options);
    unsigned port = rig_listen(r);
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    uint64_t random = options.seed;
    for (unsigned i = 0; i < 300; i++) {
        unsigned state = (unsigned)(test_random(&random) % 6);
        int fd = state < 2 ? dial_only(port) : dial(port);
        if (state == 1)
            write_all(fd, "gant", 4);
        if (state >= 3)
            write_all(fd, "\xff\x00\x00\x00\x00part of a frame", 20);
        if (state == 4)
            usleep(1000);
        if (state == 5) {
            int other = dial(port);
            cr_assert_gt(stuff(other), 0);
            reset(other);
            i += 5; // each takes a while
        }
        reset(fd);
    }
    expect_connections(r, 0);
    expect_service(port, &t, 100);
    expect_connections(r, 0);
    expect_rest(r);
    transfers_free(&t);
    rig_stop(r);
}

static void sleep_a_while(struct shard *s, struct shard_call *call)
{
    (void)s;
    (void)call;
    usleep(20000);
}

// Its transactions belong to the other shard, which is held up until the place has a new owner.
Test(ingest_clients, answers_to_a_client_that_has_gone_reach_nobody_else)
{
    struct rig_options options = options_for("ingest_clients/gone");
    options.connections = 1; // of each of two shards, so that the place is taken again at once
    struct rig *r = rig_start(&options);
    unsigned port = rig_listen(r);
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    for (unsigned round = 0; round < 10; round++) {
        struct shard_call nap = {.run = sleep_a_while};
        int gone = dial(port), other = dial(port);
        cr_assert(shard_run(rig_shard(r, 1), &nap));
        for (unsigned i = 0; i < 30; i++)
            send_transfer(gone, &t);
        usleep(3000);
        reset(gone);
        expect_connections(r, 1);
        int fd = dial(port);
        for (unsigned i = 0; i < 30; i++)
            write_all(fd, empty, EMPTY_BYTES);
        for (unsigned i = 0; i < 30; i++) {
            expect(fd, TX_MALFORMED); // an answer of the other one would be TX_OK
            usleep(1000);
        }
        close(other);
        expect_connections(r, 1);
        other = dial(port); // so that the next round begins with the same shard
        close(fd);
        close(other);
        expect_connections(r, 0);
    }
    transfers_free(&t);
    rig_stop(r);
}

Test(ingest_clients, one_too_many_is_told_so_and_its_place_is_free_again_later)
{
    struct rig_options options = options_for("ingest_clients/too_many");
    options.connections = 3; // of each of two shards
    struct rig *r = rig_start(&options);
    unsigned port = rig_listen(r);
    for (unsigned round = 0; round < 3; round++) {
        int fds[6];
        char text[256];
        for (unsigned i = 0; i < 6; i++)
            fds[i] = dial(port);
        for (unsigned i = 0; i < 4; i++) {
            int more = dial_only(port);
            cr_assert_eq(read_answer(more, text), INGEST_TOO_MANY);
            cr_assert_str_eq(text, "too many connections");
            cr_assert(stream_ends(more));
            close(more);
        }
        for (unsigned i = 0; i < 6; i++)
            close(fds[i]);
        expect_connections(r, 0);
    }
    expect_rest(r);
    rig_stop(r);
}

// Connections that the process has no descriptors for wait, and nobody runs in circles over them.
Test(ingest_clients, those_beyond_the_process_limit_are_served_when_it_allows)
{
    struct rig_options options = options_for("ingest_clients/descriptors");
    struct rig *r = rig_start(&options);
    unsigned port = rig_listen(r);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fds[8];
    for (unsigned i = 0; i < 8; i++)
        cr_assert_geq(fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 0);
    struct rlimit before, none = {3, 0};
    getrlimit(RLIMIT_NOFILE, &before);
    none.rlim_max = before.rlim_max;
    uint64_t cpu = rig_cpu_ns(r);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (unsigned i = 0; i < 8; i++)
        cr_assert_eq(connect(fds[i], (struct sockaddr *)&a, sizeof a), 0);
    usleep(500000);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    cpu = (rig_cpu_ns(r) - cpu) / 1000000;
    cr_assert_leq(cpu, 100, "%llu ms of CPU", (unsigned long long)cpu);
    for (unsigned i = 0; i < 8; i++) {
        uint8_t hello[INGEST_SERVER_HELLO_BYTES];
        ingest_client_hello(hello);
        write_all(fds[i], hello, INGEST_CLIENT_HELLO_BYTES);
        cr_assert_eq(read_some(fds[i], hello, sizeof hello), sizeof hello);
        close(fds[i]);
    }
    expect_connections(r, 0);
    expect_rest(r);
    rig_stop(r);
}

Test(ingest_clients, ten_thousand_that_come_and_go_leave_a_node_that_serves)
{
    struct rig_options options = options_for("ingest_clients/quick");
    struct rig *r = rig_start(&options);
    unsigned port = rig_listen(r);
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    for (unsigned i = 0; i < 10000; i++) {
        int fd = dial_only(port);
        if (i % 3)
            reset(fd);
        else
            close(fd);
    }
    expect_connections(r, 0);
    expect_service(port, &t, 100);
    expect_connections(r, 0);
    expect_rest(r);
    transfers_free(&t);
    rig_stop(r);
}

// More connections than there are receive buffers, all with more to send than is taken: each gets its turn.
Test(ingest_clients, flooding_ones_are_served_alike)
{
    enum { CLIENTS = 96, ENOUGH = 2000 };
    struct rig_options options = options_for("ingest_clients/alike");
    options.shards = 1;
    options.connections = CLIENTS;
    struct rig *r = rig_start(&options);
    unsigned port = rig_listen(r);
    // A well-formed transaction with a signature that no key made: it takes a verification each.
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    uint8_t raw[TRANSFER_BYTES_MAX], frame[TRANSFER_BYTES_MAX + 8];
    size_t len = transfers_next(&t, raw);
    memset(raw + len - 66, 0x11, 32); // r
    size_t frame_len = ingest_frame_put(frame, bytes_of(raw, len), NULL);
    static uint8_t burst[200 * (TRANSFER_BYTES_MAX + 8)];
    for (unsigned i = 0; i < 200; i++)
        memcpy(burst + i * frame_len, frame, frame_len);
    int fds[CLIENTS];
    size_t sent[CLIENTS] = {0}, answered[CLIENTS] = {0}, total = 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = dial(port);
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    while (total < CLIENTS * ENOUGH) {
        for (unsigned i = 0; i < CLIENTS; i++) {
            size_t at = sent[i] % frame_len;
            ssize_t n = send(fds[i], burst + at, 200 * frame_len - at, MSG_NOSIGNAL);
            sent[i] += n > 0 ? (size_t)n : 0;
            uint8_t answers[65536];
            n = read(fds[i], answers, sizeof answers);
            answered[i] += n > 0 ? (size_t)n : 0;
            total += n > 0 ? (size_t)n / 60 : 0;
        }
    }
    size_t least = SIZE_MAX, most = 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        least = answered[i] < least ? answered[i] : least;
        most = answered[i] > most ? answered[i] : most;
        close(fds[i]);
    }
    cr_assert_gt(least * 8, most, "one got %zu bytes of answers, another %zu", least, most);
    expect_connections(r, 0);
    transfers_free(&t);
    rig_stop(r);
}

// Reading ahead is bounded by a few transactions here: everything still goes through.
Test(ingest_clients, little_memory_for_what_is_under_way_slows_down_and_loses_nothing)
{
    struct rig_options options = options_for("ingest_clients/little_memory");
    options.receive_bytes_max = 3000;
    struct rig *r = rig_start(&options);
    unsigned port = rig_listen(r);
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    int fd = dial(port), other = dial(port);
    for (unsigned i = 0; i < 1000; i++) {
        send_transfer(fd, &t);
        // A signature that recovers to nobody with money, or to nobody.
        uint8_t raw[TRANSFER_BYTES_MAX], frame[TRANSFER_BYTES_MAX + 8];
        struct transfers same = t;
        same.nonces = memcpy(malloc(t.senders * sizeof *t.nonces), t.nonces, t.senders * sizeof *t.nonces);
        size_t len = transfers_next(&same, raw);
        raw[len - 40] ^= 1;
        free(same.nonces);
        write_all(other, frame, ingest_frame_put(frame, bytes_of(raw, len), NULL));
    }
    char text[256];
    for (unsigned i = 0; i < 1000; i++) {
        expect(fd, TX_OK);
        cr_assert_neq(read_answer(other, text), TX_OK);
    }
    cr_assert(rig_wait_included(r, 1000));
    close(fd);
    close(other);
    expect_connections(r, 0);
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(atomic_load(&shard_numbers(rig_shard(r, i))->unanswered_bytes), 0);
    expect_rest(r);
    transfers_free(&t);
    rig_stop(r);
}

Test(ingest_clients, a_shard_that_drains_refuses_by_name_and_finishes_what_it_has)
{
    struct rig_options options = options_for("ingest_clients/drain");
    struct rig *r = rig_start(&options);
    unsigned port = rig_listen(r);
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    int fd = dial(port);
    for (unsigned i = 0; i < 200; i++)
        send_transfer(fd, &t);
    expect(fd, TX_OK);
    for (unsigned i = 0; i < 2; i++)
        shard_drain(rig_shard(r, i));
    usleep(50000);
    for (unsigned i = 0; i < 10; i++)
        send_transfer(fd, &t);
    char text[256];
    unsigned accepted = 1, stopping = 0;
    for (unsigned i = 1; i < 210; i++) {
        uint8_t status = read_answer(fd, text);
        cr_assert(status == TX_OK || status == TX_STOPPING, "%u %s", status, text);
        accepted += status == TX_OK;
        stopping += status == TX_STOPPING;
    }
    cr_assert_geq(stopping, 10);
    cr_assert(rig_wait_included(r, accepted));
    close(fd);
    transfers_free(&t);
    rig_stop(r);
}
