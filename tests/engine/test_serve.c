// Serving stored cars: order, shares, bounds.
#include "engine/cars/serve.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>

#define SECOND 1000000000ull
#define RATE 10000000u // bytes a second: a tenth of it is a burst

static struct serve_request request(unsigned peer, uint32_t pos)
{
    return (struct serve_request){(uint16_t)peer, 1, {.pos = pos}};
}

static void add(struct serve *s, unsigned peer, uint32_t pos)
{
    const struct serve_request r = request(peer, pos);
    cr_assert(serve_add(s, &r));
}

Test(serve, peers_come_in_turn_and_each_ones_requests_in_order)
{
    struct serve *s = serve_create(3, RATE);
    struct serve_request r;
    add(s, 0, 1);
    add(s, 0, 2);
    add(s, 0, 3);
    add(s, 2, 7);
    add(s, 2, 8);
    static const struct {
        unsigned peer;
        uint32_t pos;
    } expected[] = {{0, 1}, {2, 7}, {0, 2}, {2, 8}, {0, 3}};
    for (size_t i = 0; i < 5; i++) {
        cr_assert(serve_next(s, 0, &r));
        cr_expect(r.peer == expected[i].peer && r.name.pos == expected[i].pos, "at %zu", i);
    }
    cr_assert(!serve_next(s, 0, &r));
    cr_assert_eq(serve_due(s, 0), UINT64_MAX);
    serve_free(s);
}

Test(serve, a_car_asked_for_twice_is_answered_once_with_all_its_stripes)
{
    struct serve *s = serve_create(1, RATE);
    struct serve_request r = request(0, 1), got;
    cr_assert(serve_add(s, &r));
    r.stripes = 6;
    cr_assert(serve_add(s, &r));
    cr_assert(serve_next(s, 0, &got) && got.stripes == 7);
    cr_assert(!serve_next(s, 0, &got));
    serve_free(s);
}

Test(serve, more_than_a_peer_may_have_waiting_is_dropped_and_who_is_gone_is_forgotten)
{
    struct serve *s = serve_create(2, RATE);
    struct serve_request r;
    for (uint32_t i = 0; i < SERVE_QUEUE_MAX; i++)
        add(s, 0, i);
    r = request(0, SERVE_QUEUE_MAX);
    cr_assert(!serve_add(s, &r));
    r = request(2, 1);
    cr_assert(!serve_add(s, &r), "no such peer");
    add(s, 1, 5);
    serve_forget(s, 0);
    cr_assert(serve_next(s, 0, &r) && r.peer == 1);
    cr_assert(!serve_next(s, 0, &r));
    add(s, 0, 9);
    cr_assert(serve_next(s, 0, &r) && r.name.pos == 9);
    serve_free(s);
}

Test(serve, nothing_is_served_while_the_last_is_being_paid_for)
{
    struct serve *s = serve_create(1, RATE);
    struct serve_request r;
    for (uint32_t i = 0; i < 3; i++)
        add(s, 0, i);
    cr_assert(serve_next(s, SECOND, &r));
    serve_spent(s, 1500000); // a burst is 1,000,000
    cr_assert(!serve_next(s, SECOND, &r));
    const uint64_t due = serve_due(s, SECOND);
    cr_assert(due > SECOND + 49900000 && due < SECOND + 50100000, "500,000 bytes take 50 ms");
    cr_assert(!serve_next(s, due - 1000, &r));
    cr_assert(serve_next(s, due, &r));
    serve_free(s);
}

// Whatever the steps of time, over a second no more than a second's share and a burst go out, and nearly that much.
Test(serve, the_share_is_kept_over_time)
{
    uint64_t random = test_seed("serve");
    struct serve *s = serve_create(4, RATE);
    struct serve_request r;
    uint64_t now = 0, bytes = 0;
    for (uint32_t pos = 0; now < SECOND; pos++) {
        for (unsigned peer = 0; peer < 4; peer++) {
            r = request(peer, pos);
            serve_add(s, &r);
        }
        while (serve_next(s, now, &r)) {
            const uint64_t size = test_random(&random) % 262144;
            serve_spent(s, size);
            bytes += size;
        }
        const uint64_t due = serve_due(s, now);
        now = due != UINT64_MAX && test_random(&random) % 2 ? due : now + test_random(&random) % 1000;
    }
    cr_expect(bytes > RATE * 0.9 && bytes < RATE * 1.1 + 262144 + 524288, "%llu", (unsigned long long)bytes);
    serve_free(s);
}
