#include "shard/ingest/answers.h"

#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct fixture {
    struct arena *arena;
    struct answers *answers;
};

static struct fixture setup(void)
{
    struct arena *arena = arena_create();
    return (struct fixture){arena, answers_create(arena)};
}

static void teardown(struct fixture *f)
{
    answers_free(f->answers);
    arena_destroy(f->arena);
}

// Drains and appends the statuses seen to out; checks each text against its status.
static size_t drain(struct answers *a, size_t cap, uint8_t *out, size_t count)
{
    uint8_t *buf = malloc(cap);
    const size_t len = answers_drain(a, buf, cap);
    cr_assert_leq(len, cap);
    for (size_t at = 0; at < len; count++) {
        struct bytes text;
        const size_t size = ingest_answer_parse(bytes_of(buf + at, len - at), &out[count], &text);
        cr_assert_neq(size, 0, "an answer is cut in the middle");
        const char *wanted = tx_status_text((enum tx_status)out[count]);
        cr_assert(bytes_equal(text, bytes_of(wanted, strlen(wanted))));
        at += size;
    }
    free(buf);
    return count;
}

Test(ingest_answers, wait_for_the_oldest)
{
    struct fixture f = setup();
    uint8_t seen[4], buf[64];
    for (uint64_t i = 0; i < 3; i++)
        cr_assert_eq(answers_open(f.answers), i);
    answers_set(f.answers, 2, TX_POOL_FULL, NULL);
    answers_set(f.answers, 1, TX_NONCE_TOO_LOW, NULL);
    cr_assert_eq(answers_drain(f.answers, buf, sizeof buf), 0);
    cr_assert_eq(answers_outstanding(f.answers), 3);
    answers_set(f.answers, 0, TX_OK, NULL);
    cr_assert_eq(drain(f.answers, 4096, seen, 0), 3);
    cr_assert_arr_eq(seen, ((uint8_t[]){TX_OK, TX_NONCE_TOO_LOW, TX_POOL_FULL}), 3);
    cr_assert_eq(answers_outstanding(f.answers), 0);
    teardown(&f);
}

Test(ingest_answers, keep_order_under_random_completion)
{
    uint64_t seed = test_seed("ingest_answers/keep_order_under_random_completion");
    struct fixture f = setup();
    const size_t total = 200000;
    uint8_t *sent = malloc(total), *seen = malloc(total + INGEST_WINDOW);
    uint64_t *waiting = malloc(INGEST_WINDOW * sizeof *waiting);
    size_t opened = 0, waiting_count = 0, seen_count = 0;
    while (seen_count < total) {
        for (size_t n = test_random(&seed) % 3000; n > 0 && opened < total && answers_may_open(f.answers); n--) {
            sent[opened] = (uint8_t)(test_random(&seed) % TX_STATUS_COUNT);
            waiting[waiting_count++] = answers_open(f.answers);
            cr_assert_eq(waiting[waiting_count - 1], opened++);
        }
        for (size_t n = test_random(&seed) % 3000; n > 0 && waiting_count > 0; n--) {
            const size_t pick = test_random(&seed) % waiting_count;
            answers_set(f.answers, waiting[pick], sent[waiting[pick]], NULL);
            waiting[pick] = waiting[--waiting_count];
        }
        seen_count = drain(f.answers, 1 + test_random(&seed) % 20000, seen, seen_count);
        cr_assert_eq(answers_outstanding(f.answers), opened - seen_count);
    }
    cr_assert_eq(seen_count, total);
    cr_assert_arr_eq(seen, sent, total);
    free(sent);
    free(seen);
    free(waiting);
    teardown(&f);
}

Test(ingest_answers, close_the_window_when_it_is_full_and_open_it_by_draining)
{
    struct fixture f = setup();
    uint8_t seen[INGEST_WINDOW];
    for (size_t i = 0; i < INGEST_WINDOW; i++) {
        cr_assert(answers_may_open(f.answers));
        const uint64_t sequence = answers_open(f.answers);
        answers_set(f.answers, sequence, TX_OK, NULL);
    }
    cr_assert_not(answers_may_open(f.answers));
    cr_assert_eq(drain(f.answers, 4, seen, 0), 1);
    cr_assert(answers_may_open(f.answers));
    (void)answers_open(f.answers);
    cr_assert_not(answers_may_open(f.answers));
    cr_assert_eq(drain(f.answers, 65536, seen, 0), INGEST_WINDOW - 1);
    cr_assert_eq(answers_outstanding(f.answers), 1);
    teardown(&f);
}

Test(ingest_answers, never_cut_an_answer_that_does_not_fit)
{
    struct fixture f = setup();
    uint8_t buf[64];
    answers_set(f.answers, answers_open(f.answers), TX_NONCE_TOO_LOW, NULL);
    for (size_t cap = 0; cap < 15; cap++)
        cr_assert_eq(answers_drain(f.answers, buf, cap), 0);
    cr_assert_eq(answers_drain(f.answers, buf, 15), 15);
    cr_assert_eq(answers_drain(f.answers, buf, sizeof buf), 0);
    teardown(&f);
}

Test(ingest_answers, carry_the_text_of_a_bad_frame)
{
    struct fixture f = setup();
    uint8_t buf[64];
    answers_set(f.answers, answers_open(f.answers), INGEST_BAD_FRAME, "bad frame: length is 0");
    cr_assert_eq(answers_drain(f.answers, buf, sizeof buf), 24);
    cr_assert_eq(buf[0], INGEST_BAD_FRAME);
    cr_assert_eq(buf[1], 22);
    cr_assert_arr_eq(buf + 2, "bad frame: length is 0", 22);
    teardown(&f);
}

// Whatever the window holds.
Test(ingest_answers, end_with_the_last_one_after_all_others)
{
    struct fixture f = setup();
    uint8_t seen[INGEST_WINDOW], buf[256];
    struct bytes text;
    for (size_t i = 0; i < INGEST_WINDOW; i++)
        cr_assert_eq(answers_open(f.answers), i);
    answers_end(f.answers, INGEST_TOO_COSTLY, INGEST_TOO_COSTLY_TEXT);
    cr_assert_eq(answers_outstanding(f.answers), INGEST_WINDOW + 1);
    cr_assert_eq(answers_drain(f.answers, buf, sizeof buf), 0);
    for (size_t i = INGEST_WINDOW; i-- > 1;)
        answers_set(f.answers, i, TX_OK, NULL);
    cr_assert_eq(answers_drain(f.answers, buf, sizeof buf), 0);
    answers_set(f.answers, 0, TX_OK, NULL);
    cr_assert_eq(drain(f.answers, 4 * INGEST_WINDOW, seen, 0), INGEST_WINDOW);
    cr_assert_not(answers_may_open(f.answers), "there is room in the window, but no frame after the last answer");
    cr_assert_eq(answers_outstanding(f.answers), 1);
    cr_assert_eq(answers_drain(f.answers, buf, 3), 0, "it does not fit");
    const size_t len = answers_drain(f.answers, buf, sizeof buf);
    cr_assert_eq(ingest_answer_parse(bytes_of(buf, len), &seen[0], &text), len);
    cr_assert_eq(seen[0], INGEST_TOO_COSTLY);
    cr_assert(bytes_equal(text, bytes_of(INGEST_TOO_COSTLY_TEXT, strlen(INGEST_TOO_COSTLY_TEXT))));
    cr_assert_eq(answers_outstanding(f.answers), 0);
    cr_assert_eq(answers_drain(f.answers, buf, sizeof buf), 0);
    teardown(&f);
}
