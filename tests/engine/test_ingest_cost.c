// The ingest port and clients whose transactions cost the node much: wrong witnesses, and signatures that leave the
// lanes.
#include "base/clock.h"
#include "base/keccak.h"
#include "chain/tx.h"
#include "shard/ingest/standing.h"
#include "shard/ingest/wire.h"
#include "sigverify/lanes/scalar.h"
#include "sigverify/sigverify.h"
#include "tests/engine_support/rig.h"
#include "tests/engine_support/transfers.h"
#include "tests/support/vectors.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 10000
#define FRAME_MAX (TRANSFER_BYTES_MAX + 128)

static struct rig *r;
static struct transfers transfers;
static unsigned port;

static void open_rig(const char *name, unsigned shards, uint32_t percent)
{
    const struct rig_options options = {.shards = shards,
                                        .gas_limit = 2000000000,
                                        .senders = 20,
                                        .balance = {{0, 1000, 0, 0}},
                                        .seed = test_seed(name),
                                        .free_running = true,
                                        .connections = 64,
                                        .costly_percent = percent};
    r = rig_start(&options);
    port = rig_listen(r);
    transfers_init(&transfers, options.seed, options.senders);
}

static void close_rig(void)
{
    transfers_free(&transfers);
    rig_stop(r);
}

static void write_all(int fd, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, (const uint8_t *)bytes + done, len - done, MSG_NOSIGNAL);
        cr_assert_gt(n, 0, "send: %s", strerror(errno));
        done += (size_t)n;
    }
}

static bool read_all(int fd, void *out, size_t len)
{
    for (size_t done = 0; done < len;) {
        struct pollfd p = {fd, POLLIN, 0};
        ssize_t n = poll(&p, 1, PATIENCE_MS) == 1 ? read(fd, (uint8_t *)out + done, len - done) : -1;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0, "%s", strerror(errno));
    uint8_t hello[INGEST_SERVER_HELLO_BYTES];
    ingest_client_hello(hello);
    write_all(fd, hello, INGEST_CLIENT_HELLO_BYTES);
    cr_assert(read_all(fd, hello, sizeof hello));
    return fd;
}

static uint8_t read_answer(int fd, char text[256])
{
    uint8_t head[2];
    cr_assert(read_all(fd, head, 2), "no answer came");
    cr_assert(read_all(fd, text, head[1]));
    text[head[1]] = 0;
    return head[0];
}

static void expect(int fd, uint8_t status)
{
    char text[256];
    const uint8_t got = read_answer(fd, text);
    cr_assert_eq(got, status, "answered %u (%s) instead of %u", got, text, status);
}

static void expect_end(int fd)
{
    uint8_t byte;
    struct pollfd p = {fd, POLLIN, 0};
    cr_assert(poll(&p, 1, PATIENCE_MS) == 1 && read(fd, &byte, 1) == 0, "the stream goes on");
}

// The next transfer with its sender's key, or somebody else's.
static size_t put_frame(uint8_t *out, bool right)
{
    uint8_t raw[TRANSFER_BYTES_MAX];
    const size_t len = transfers_next(&transfers, raw);
    const bytes32 key = bench_key(transfers.seed, transfers.last_sender + !right);
    struct sv_witness witness = {.has_ry = false};
    cr_assert(sv_public_key(witness.pubkey, &key));
    return ingest_frame_put(out, bytes_of(raw, len), &witness);
}

static void send_frame(int fd, bool right)
{
    uint8_t frame[FRAME_MAX];
    write_all(fd, frame, put_frame(frame, right));
}

static uint64_t sum(size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < rig_shard_count(r); i++)
        total += atomic_load((const _Atomic uint64_t *)((const char *)shard_numbers(rig_shard(r, i)) + offset));
    return total;
}

// Shards publish their numbers once a turn, after the answers of which a test may know already.
static void expect_sum(size_t offset, uint64_t expected, const char *what)
{
    const uint64_t until = clock_ns() + PATIENCE_MS * 1000000ull;
    while (sum(offset) != expected && clock_ns() < until)
        usleep(1000);
    cr_assert_eq(sum(offset), expected, "%s: %llu", what, (unsigned long long)sum(offset));
}

#define EXPECT_SUM(field, expected) expect_sum(offsetof(struct shard_numbers, field), expected, #field)

Test(ingest_cost, a_connection_of_wrong_witnesses_is_told_why_and_ended)
{
    enum { FRAMES = 300 };
    open_rig("ingest_cost/ended", 2, 1);
    static uint8_t frames[FRAMES * FRAME_MAX];
    size_t len = 0;
    for (unsigned i = 0; i < FRAMES; i++)
        len += put_frame(frames + len, false);
    int fd = dial(), other = dial();
    write_all(fd, frames, len);
    char text[256];
    unsigned answered = 0;
    uint8_t status;
    while ((status = read_answer(fd, text)) == TX_WRONG_WITNESS)
        answered++;
    cr_assert_eq(status, INGEST_TOO_COSTLY, "status %u", status);
    cr_assert_str_eq(text, INGEST_TOO_COSTLY_TEXT);
    cr_assert(answered > STANDING_FORGIVEN && answered < FRAMES, "%u answered", answered);
    expect_end(fd);
    EXPECT_SUM(too_costly, 1);
    EXPECT_SUM(wrong_witnesses, answered);
    send_frame(other, true); // another connection goes on
    expect(other, TX_OK);
    close(fd);
    close(other);
    EXPECT_SUM(connections, 0);
    close_rig();
}

Test(ingest_cost, a_few_wrong_witnesses_are_forgiven)
{
    open_rig("ingest_cost/forgiven", 1, 1);
    int fd = dial();
    for (unsigned i = 0; i < STANDING_FORGIVEN; i++) {
        send_frame(fd, false);
        expect(fd, TX_WRONG_WITNESS);
    }
    for (unsigned i = 0; i < 50; i++) {
        send_frame(fd, true);
        expect(fd, TX_OK);
    }
    EXPECT_SUM(too_costly, 0);
    close(fd);
    close_rig();
}

// One in forty, twenty-five in all.
static void send_one_wrong_in_forty(int fd, unsigned *wrong_answered, uint8_t *last)
{
    char text[256];
    for (unsigned i = 0; i < 1000; i++)
        send_frame(fd, i % 40 != 39);
    *wrong_answered = 0;
    for (unsigned i = 0; i < 1000; i++) {
        *last = read_answer(fd, text);
        *wrong_answered += *last == TX_WRONG_WITNESS;
        if (*last == INGEST_TOO_COSTLY)
            break;
    }
}

Test(ingest_cost, below_the_allowed_share_a_connection_goes_on)
{
    open_rig("ingest_cost/below", 1, 3);
    int fd = dial();
    unsigned wrong;
    uint8_t last;
    send_one_wrong_in_forty(fd, &wrong, &last);
    cr_assert_eq(wrong, 25);
    cr_assert_eq(last, TX_WRONG_WITNESS);
    send_frame(fd, true);
    expect(fd, TX_OK);
    close(fd);
    close_rig();
}

Test(ingest_cost, above_the_allowed_share_it_does_not)
{
    open_rig("ingest_cost/above", 1, 2);
    int fd = dial();
    unsigned wrong;
    uint8_t last;
    send_one_wrong_in_forty(fd, &wrong, &last);
    cr_assert_eq(last, INGEST_TOO_COSTLY);
    cr_assert(wrong > STANDING_FORGIVEN && wrong <= 25, "%u", wrong);
    expect_end(fd);
    close(fd);
    close_rig();
}

static void sleep_a_while(struct shard *s, struct shard_call *call)
{
    (void)s;
    (void)call;
    usleep(50000);
}

// All of it is there before the shard looks, so that the window is full when the verdict falls.
Test(ingest_cost, the_last_answer_comes_though_the_window_was_full)
{
    enum { WRONG = STANDING_FORGIVEN + 4, EMPTY = 3 * INGEST_WINDOW };
    open_rig("ingest_cost/window", 1, 1);
    static uint8_t frames[WRONG * FRAME_MAX + EMPTY * 5];
    size_t len = 0;
    for (unsigned i = 0; i < WRONG; i++)
        len += put_frame(frames + len, false);
    for (unsigned i = 0; i < EMPTY; i++, len += 5)
        memcpy(frames + len, "\x01\x00\x00\x00\x00", 5);
    int fd = dial();
    struct shard_call nap = {.run = sleep_a_while};
    cr_assert(shard_run(rig_shard(r, 0), &nap));
    write_all(fd, frames, len);
    char text[256];
    unsigned answered = 0;
    uint8_t status;
    while ((status = read_answer(fd, text)) != INGEST_TOO_COSTLY) {
        cr_assert_eq(status, answered < WRONG ? TX_WRONG_WITNESS : TX_MALFORMED, "answer %u: %u", answered, status);
        answered++;
    }
    cr_assert(answered >= WRONG && answered < WRONG + EMPTY, "%u answered", answered);
    expect_end(fd);
    close(fd);
    EXPECT_SUM(connections, 0);
    close_rig();
}

Test(ingest_cost, a_client_that_has_ended_its_side_is_told_too)
{
    open_rig("ingest_cost/half_close", 1, 1);
    int fd = dial();
    for (unsigned i = 0; i < 2 * STANDING_FORGIVEN; i++)
        send_frame(fd, false);
    shutdown(fd, SHUT_WR);
    char text[256];
    uint8_t status;
    while ((status = read_answer(fd, text)) == TX_WRONG_WITNESS)
        ;
    cr_assert_eq(status, INGEST_TOO_COSTLY);
    expect_end(fd);
    close(fd);
    EXPECT_SUM(connections, 0);
    close_rig();
}

Test(ingest_cost, witnesses_are_kept_apart_after_a_wrong_one)
{
    open_rig("ingest_cost/doubt", 1, 1);
    int doubted = dial(), trusted = dial();
    send_frame(doubted, true);
    expect(doubted, TX_OK);
    send_frame(doubted, false);
    expect(doubted, TX_WRONG_WITNESS);
    for (unsigned i = 0; i < 20; i++) {
        send_frame(doubted, true);
        expect(doubted, TX_OK);
        send_frame(trusted, true);
        expect(trusted, TX_OK);
    }
    EXPECT_SUM(verified[VERIFY_DOUBTFUL], 20);
    EXPECT_SUM(verified[VERIFY_WITNESS], 22);
    EXPECT_SUM(verified[VERIFY_RECOVER], 0);
    close(doubted);
    close(trusted);
    close_rig();
}

// With R = k G and s = -z / k, (s / r) R is (-z / r) G: the lanes' sum of the two would be of equal points.
static struct sv_signature leaving_the_lanes(const bytes32 *hash, uint64_t k)
{
    const u256 nonce = u256_from_u64(k), z = scalar_from_be(hash->b), minus_z = scalar_negate(&z);
    u256 inverse;
    bytes32 key;
    uint8_t point[64];
    struct sv_signature out;
    u256_to_be(key.b, &nonce);
    cr_assert(sv_public_key(point, &key));
    memcpy(out.r.b, point, 32);
    scalar_invert_batch(&inverse, &nonce, 1);
    u256 s = scalar_multiply(&minus_z, &inverse);
    out.v = point[63] & 1;
    if (s.w[3] >> 63) { // above n / 2: -R and -s are the same
        s = scalar_negate(&s);
        out.v ^= 1;
    }
    u256_to_be(out.s.b, &s);
    return out;
}

static size_t put_slow_frame(uint8_t *out, uint64_t number)
{
    static const uint8_t empty_list = 0xc0;
    const struct tx_fields fields = {.type = TX_DYNAMIC_FEE,
                                     .chain_id = transfers.chain_id,
                                     .nonce = number,
                                     .gas_limit = 21000,
                                     .max_fee = u256_from_u64(20000000000),
                                     .to = bench_receiver(transfers.seed, number),
                                     .access_list = bytes_of(&empty_list, 1)};
    uint8_t message[TRANSFER_BYTES_MAX], raw[TRANSFER_BYTES_MAX];
    const bytes32 hash = keccak256(message, tx_encode_unsigned(message, sizeof message, &fields));
    const struct sv_signature signature = leaving_the_lanes(&hash, number + 2);
    const size_t len = tx_encode_signed(raw, sizeof raw, &fields, signature.v, &signature.r, &signature.s);
    return ingest_frame_put(out, bytes_of(raw, len), NULL);
}

// They are there before the shard looks, so that they are a batch: the lanes take no fewer than a few.
Test(ingest_cost, a_connection_of_signatures_that_leave_the_lanes_is_ended)
{
    enum { FRAMES = 60 };
    if (sv_lane_count() == 1)
        cr_skip_test("without lanes no signature is slower than another");
    open_rig("ingest_cost/slow", 1, 1);
    static uint8_t frames[FRAMES * FRAME_MAX];
    size_t len = 0;
    for (unsigned i = 0; i < FRAMES; i++)
        len += put_slow_frame(frames + len, i);
    int fd = dial(), other = dial();
    struct shard_call nap = {.run = sleep_a_while};
    cr_assert(shard_run(rig_shard(r, 0), &nap));
    write_all(fd, frames, len);
    char text[256];
    unsigned answered = 0;
    uint8_t status;
    // Their signers exist, and own nothing.
    while ((status = read_answer(fd, text)) == TX_INSUFFICIENT_FUNDS)
        answered++;
    cr_assert_eq(status, INGEST_TOO_COSTLY, "status %u (%s) after %u", status, text, answered);
    cr_assert_str_eq(text, INGEST_TOO_COSTLY_TEXT);
    cr_assert(answered > STANDING_FORGIVEN && answered <= FRAMES, "%u answered", answered);
    expect_end(fd);
    EXPECT_SUM(too_costly, 1);
    EXPECT_SUM(wrong_witnesses, 0);
    cr_assert(sum(offsetof(struct shard_numbers, slow_items)) > STANDING_FORGIVEN);
    send_frame(other, true); // another connection goes on
    expect(other, TX_OK);
    close(fd);
    close(other);
    EXPECT_SUM(connections, 0);
    close_rig();
}
