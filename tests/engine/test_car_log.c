// The car log: what is put is found and read back, over restarts, lists, retention, failing disks and power failures.
#include "engine/cars/car_log.h"
#include "engine/cars/car_record.h"
#include "engine/sim/sim_disk.h"
#include "engine/store/blog_group.h"
#include "tests/engine/cars_fixture.h"
#include "tests/engine_support/failing_disk.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

static const struct car_log_options OPTIONS = {
    .genesis_hash = {{0xca, 0x12}}, .segment_bytes = 65536, .index_bytes = 30000};

// Cars of random bodies: the log reads none of them.
static struct cars_car random_car(uint64_t *random, uint64_t epoch, unsigned lane, uint32_t pos)
{
    struct cars_car c = {.car = {.lane = (uint16_t)lane, .pos = pos}};
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        if (test_random(random) % 4 != 0)
            continue;
        const size_t len = 109 + test_random(random) % (test_random(random) % 10 == 0 ? 9000 : 600);
        uint8_t *body = malloc(len);
        for (size_t i = 0; i < len; i++)
            body[i] = (uint8_t)test_random(random);
        c.bodies[s] = bytes_of(body, len);
        c.car.stripe_bitmap |= (uint16_t)(1u << s);
        c.car.stripes[s] = (struct wire_stripe_ref){wire_stripe_digest(c.bodies[s]), (uint32_t)len, 1, 21000};
    }
    cars_seal(&c, epoch);
    return c;
}

static size_t body_bytes(const struct cars_car *c)
{
    size_t total = 0;
    for (unsigned s = 0; s < WIRE_STRIPES; s++)
        total += c->bodies[s].len;
    return total;
}

static enum car_put put(struct car_log *l, const struct cars_car *c, bool acked)
{
    return car_log_put(l, &c->name, &c->car, c->car.stripe_bitmap, c->bodies, acked, 0);
}

static void settle(struct car_log *l)
{
    do
        car_log_step(l, 0);
    while (car_log_in_flight(l));
}

static struct car_log *open_log(struct disk *disk)
{
    char error[STORE_ERROR_MAX];
    struct car_log *l = car_log_open(disk, &OPTIONS, error);
    cr_assert(l, "%s", error);
    return l;
}

// Whether the log gives back this car.
static void expect_car(struct car_log *l, const struct cars_car *c, bool acked)
{
    struct car_record r;
    char error[STORE_ERROR_MAX];
    const struct car_entry *e = car_log_find(l, &c->name);
    cr_assert(e && e->durable && e->acked == acked && e->stripes == c->car.stripe_bitmap);
    cr_assert(car_log_read(l, &r, &c->name, &CARS_SET, error), "%s", error);
    cr_assert(r.acked == acked && r.stripes == c->car.stripe_bitmap);
    cr_assert(bytes32_equal(&r.car.digest, &c->car.digest));
    for (unsigned s = 0; s < WIRE_STRIPES; s++)
        cr_assert(bytes_equal(r.bodies[s], c->bodies[s]), "stripe %u", s);
    car_record_free(&r);
}

Test(car_log, what_is_put_is_durable_after_its_commit_and_read_back)
{
    uint64_t random = test_seed("car_log");
    struct sim_disk *disk = sim_disk_create(1);
    struct car_log *l = open_log(sim_disk_disk(disk));
    struct cars_car a = random_car(&random, 0, 1, 1), b = random_car(&random, 0, 1, 2);
    struct car_record r;
    struct car_name name;
    char error[STORE_ERROR_MAX];
    cr_assert_null(car_log_find(l, &a.name));
    cr_assert_eq(put(l, &a, true), CAR_PUT);
    cr_assert(!car_log_find(l, &a.name)->durable);
    cr_assert(!car_log_read(l, &r, &a.name, &CARS_SET, error));
    cr_assert(!car_log_take_durable(l, &name));
    cr_assert_eq(put(l, &b, false), CAR_PUT);
    settle(l);
    cr_assert(car_log_take_durable(l, &name) && bytes32_equal(&name.digest, &a.name.digest));
    cr_assert(car_log_take_durable(l, &name) && bytes32_equal(&name.digest, &b.name.digest));
    cr_assert(!car_log_take_durable(l, &name));
    expect_car(l, &a, true);
    expect_car(l, &b, false);
    cr_assert_eq(car_log_numbers(l).commits, 1);
    car_log_close(l);
    cars_car_free(&a);
    cars_car_free(&b);
    sim_disk_free(disk);
}

Test(car_log, commits_wait_for_time_or_bytes_and_not_behind_a_sync)
{
    uint64_t random = test_seed("car_log commits");
    struct sim_disk *disk = sim_disk_create(2);
    struct car_log_options options = OPTIONS;
    char error[STORE_ERROR_MAX];
    options.commit_ns = 1000;
    options.commit_bytes = 20000;
    struct car_log *l = car_log_open(sim_disk_disk(disk), &options, error);
    struct cars_car c = random_car(&random, 0, 0, 1);
    while (body_bytes(&c) > options.commit_bytes / 2) { // too large to wait for time
        cars_car_free(&c);
        c = random_car(&random, 0, 0, 1);
    }
    cr_assert_eq(car_log_put(l, &c.name, &c.car, c.car.stripe_bitmap, c.bodies, true, 500), CAR_PUT);
    cr_assert_eq(car_log_step(l, 600), 1500);
    cr_assert(!car_log_in_flight(l));
    cr_assert_eq(car_log_step(l, 1500), UINT64_MAX);
    cr_assert(car_log_in_flight(l));
    cars_car_free(&c);
    // What comes meanwhile goes as soon as the sync has ended.
    c = random_car(&random, 0, 0, 2);
    cr_assert_eq(car_log_put(l, &c.name, &c.car, c.car.stripe_bitmap, c.bodies, true, 1501), CAR_PUT);
    while (car_log_numbers(l).commits == 1)
        car_log_step(l, 1502);
    cars_car_free(&c);
    while (car_log_in_flight(l))
        car_log_step(l, 1503);
    // Bytes.
    for (uint32_t pos = 3; car_log_numbers(l).commits == 2; pos++) {
        c = random_car(&random, 0, 0, pos);
        cr_assert_eq(car_log_put(l, &c.name, &c.car, c.car.stripe_bitmap, c.bodies, true, 2000), CAR_PUT);
        cars_car_free(&c);
        car_log_step(l, 2001);
        cr_assert_lt(pos, 1000);
    }
    car_log_close(l);
    sim_disk_free(disk);
}

Test(car_log, the_same_car_is_put_once_unless_more_comes)
{
    uint64_t random = test_seed("car_log twice");
    struct sim_disk *disk = sim_disk_create(3);
    struct car_log *l = open_log(sim_disk_disk(disk));
    struct cars_car c = random_car(&random, 4, 2, 9);
    while ((c.car.stripe_bitmap & (c.car.stripe_bitmap - 1)) == 0) { // a single stripe: nothing to leave out
        cars_car_free(&c);
        c = random_car(&random, 4, 2, 9);
    }
    const uint16_t some = c.car.stripe_bitmap & (uint16_t)(c.car.stripe_bitmap - 1);
    cr_assert_eq(car_log_put(l, &c.name, &c.car, some, c.bodies, false, 0), CAR_PUT);
    cr_assert_eq(car_log_put(l, &c.name, &c.car, some, c.bodies, false, 0), CAR_PUT_THERE);
    cr_assert_eq(put(l, &c, false), CAR_PUT);
    cr_assert_eq(put(l, &c, true), CAR_PUT);
    cr_assert_eq(put(l, &c, false), CAR_PUT_THERE);
    settle(l);
    expect_car(l, &c, true);
    struct car_name name;
    cr_assert(car_log_take_durable(l, &name) && !car_log_take_durable(l, &name), "one car, one word");
    car_log_close(l);
    l = open_log(sim_disk_disk(disk));
    expect_car(l, &c, true);
    car_log_close(l);
    cars_car_free(&c);
    sim_disk_free(disk);
}

enum { MANY = 300 };

static void put_many(struct car_log *l, struct cars_car *cars, size_t n, uint64_t *random)
{
    for (size_t i = 0; i < n; i++) {
        cars[i] = random_car(random, i / 100, (unsigned)(i % 4), (uint32_t)(i / 4 + 1));
        cr_assert_eq(put(l, &cars[i], i % 3 == 0), CAR_PUT);
        if (test_random(random) % 4 == 0)
            settle(l);
    }
    settle(l);
}

static void expect_many(struct car_log *l, const struct cars_car *cars, size_t from, size_t n)
{
    for (size_t i = from; i < n; i++)
        expect_car(l, &cars[i], i % 3 == 0);
}

static void free_many(struct cars_car *cars, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cars_car_free(&cars[i]);
}

static void count(void *ctx, const struct car_entry *e)
{
    cr_assert(e->durable);
    ++*(size_t *)ctx;
}

static size_t visited(const struct car_log *l)
{
    size_t n = 0;
    car_log_visit(l, count, &n);
    return n;
}

Test(car_log, a_restart_finds_all_of_many_segments_and_goes_on)
{
    static struct cars_car cars[2 * MANY];
    uint64_t random = test_seed("car_log restart");
    struct sim_disk *disk = sim_disk_create(4);
    struct car_log *l = open_log(sim_disk_disk(disk));
    put_many(l, cars, MANY, &random);
    for (int restart = 0; restart < 3; restart++) {
        car_log_close(l);
        l = open_log(sim_disk_disk(disk));
        cr_assert_eq(visited(l), MANY);
        expect_many(l, cars, 0, MANY);
    }
    for (size_t i = MANY; i < 2 * MANY; i++) {
        cars[i] = random_car(&random, 9, 1, (uint32_t)i);
        cr_assert_eq(put(l, &cars[i], i % 3 == 0), CAR_PUT);
        settle(l);
        if (i % 50 == 0) {
            car_log_close(l);
            l = open_log(sim_disk_disk(disk));
        }
    }
    car_log_close(l);
    l = open_log(sim_disk_disk(disk));
    cr_assert_eq(visited(l), 2 * MANY);
    expect_many(l, cars, 0, 2 * MANY);
    car_log_close(l);
    free_many(cars, 2 * MANY);
    sim_disk_free(disk);
}

// A disk that counts the reads of records' heads.
static int64_t (*read_behind)(struct disk *d, int file, uint64_t offset, void *buf, size_t len);
static unsigned heads_read;
static int64_t counting_read(struct disk *d, int file, uint64_t offset, void *buf, size_t len)
{
    heads_read += len == sizeof(struct car_head);
    return read_behind(d, file, offset, buf, len);
}

Test(car_log, opening_looks_at_the_newest_records_and_reads_lists_for_the_others)
{
    static struct cars_car cars[1500];
    uint64_t random = test_seed("car_log reads");
    struct sim_disk *disk = sim_disk_create(5);
    struct disk *d = sim_disk_disk(disk);
    struct car_log *l = open_log(d);
    put_many(l, cars, 1500, &random);
    car_log_close(l);
    struct disk_ops ops = *d->ops;
    const struct disk_ops *before = d->ops;
    read_behind = ops.read;
    ops.read = counting_read;
    d->ops = &ops;
    l = open_log(d);
    d->ops = before;
    cr_assert_eq(visited(l), 1500);
    cr_expect(heads_read > 0 && heads_read < 100, "%u", heads_read);
    expect_many(l, cars, 0, 1500);
    car_log_close(l);
    free_many(cars, 1500);
    sim_disk_free(disk);
}

// Damages each record that is a list; what they listed is found all the same.
Test(car_log, a_damaged_list_is_made_good_from_the_records)
{
    static struct cars_car cars[MANY];
    uint64_t random = test_seed("car_log damaged lists");
    struct sim_disk *disk = sim_disk_create(6);
    struct car_log *l = open_log(sim_disk_disk(disk));
    put_many(l, cars, MANY, &random);
    car_log_close(l);
    unsigned damaged = 0;
    for (unsigned segment = 1;; segment++) {
        char name[64], next[64];
        size_t len;
        blog_segment_name(name, segment);
        blog_segment_name(next, segment + 2);
        uint8_t *file = sim_disk_file(disk, name, &len);
        if (!file || !sim_disk_file(disk, next, &len))
            break; // the newest two are checked in full: damage there is told at once
        file = sim_disk_file(disk, name, &len);
        for (size_t at = BLOG_PAGE; at + sizeof(struct index_head) + 4 <= len; at++) {
            struct index_head head;
            memcpy(&head, file + at, sizeof head);
            if (file[at] == CAR_RECORD_INDEX && head.from > 0 && head.from <= head.to && head.to < 1000 &&
                head.count <= MANY && head.count > 0 &&
                load_le32(file + at - 16) == sizeof head + head.count * sizeof(struct index_entry)) {
                file[at + sizeof head + 3] ^= 0x40;
                damaged++;
            }
        }
    }
    cr_assert_gt(damaged, 2);
    l = open_log(sim_disk_disk(disk));
    cr_assert_eq(visited(l), MANY);
    expect_many(l, cars, 0, MANY);
    car_log_close(l);
    free_many(cars, MANY);
    sim_disk_free(disk);
}

Test(car_log, a_damaged_body_is_told_when_it_is_read)
{
    static struct cars_car cars[MANY];
    uint64_t random = test_seed("car_log damaged body");
    struct sim_disk *disk = sim_disk_create(7);
    struct car_log *l = open_log(sim_disk_disk(disk));
    struct car_record r;
    char error[STORE_ERROR_MAX], name[64];
    size_t len;
    put_many(l, cars, MANY, &random);
    const struct car_entry *e = car_log_find(l, &cars[10].name);
    blog_segment_name(name, e->place.segment);
    sim_disk_file(disk, name, &len)[e->place.offset + e->place.length - 1] ^= 1;
    car_log_close(l);
    l = open_log(sim_disk_disk(disk));
    cr_assert(!car_log_read(l, &r, &cars[10].name, &CARS_SET, error));
    cr_assert(strstr(error, name) && strstr(error, "damaged"), "%s", error);
    expect_many(l, cars, 11, MANY);
    car_log_close(l);
    free_many(cars, MANY);
    sim_disk_free(disk);
}

Test(car_log, earlier_epochs_go_with_their_segments)
{
    static struct cars_car cars[MANY];
    uint64_t random = test_seed("car_log retention");
    struct sim_disk *disk = sim_disk_create(8);
    struct car_log *l = open_log(sim_disk_disk(disk));
    put_many(l, cars, MANY, &random); // epochs 0 to 2
    const uint64_t before = car_log_numbers(l).bytes;
    car_log_retain(l, 2);
    cr_assert_eq(visited(l), 100);
    cr_assert_lt(car_log_numbers(l).bytes, before * 3 / 4);
    cr_assert_null(car_log_find(l, &cars[0].name));
    expect_many(l, cars, 200, MANY);
    car_log_close(l);
    // What shares a segment with something kept may be there again.
    l = open_log(sim_disk_disk(disk));
    expect_many(l, cars, 200, MANY);
    cr_assert_null(car_log_find(l, &cars[0].name));
    car_log_drop(l, &cars[250].name);
    cr_assert_null(car_log_find(l, &cars[250].name));
    car_log_close(l);
    free_many(cars, MANY);
    sim_disk_free(disk);
}

Test(car_log, what_would_pass_the_bound_is_refused)
{
    uint64_t random = test_seed("car_log bound");
    struct sim_disk *disk = sim_disk_create(9);
    struct car_log_options options = OPTIONS;
    char error[STORE_ERROR_MAX];
    options.bytes_max = 400000;
    struct car_log *l = car_log_open(sim_disk_disk(disk), &options, error);
    enum car_put status = CAR_PUT;
    for (uint32_t pos = 1; status == CAR_PUT; pos++) {
        struct cars_car c = random_car(&random, 1, 0, pos);
        status = put(l, &c, true);
        cr_assert(status == CAR_PUT || car_log_find(l, &c.name) == NULL);
        settle(l);
        cars_car_free(&c);
        cr_assert_leq(car_log_numbers(l).bytes, options.bytes_max + 2 * OPTIONS.segment_bytes);
        cr_assert_lt(pos, 1000);
    }
    cr_assert_eq(status, CAR_PUT_FULL);
    cr_assert_null(car_log_failed(l));
    car_log_retain(l, 2);
    struct cars_car c = random_car(&random, 2, 0, 1);
    cr_assert_eq(put(l, &c, true), CAR_PUT, "there is room again");
    settle(l);
    expect_car(l, &c, true);
    cars_car_free(&c);
    car_log_close(l);
    sim_disk_free(disk);
}

Test(car_log, a_failing_disk_makes_nothing_durable_and_says_why)
{
    uint64_t random = test_seed("car_log failing");
    for (unsigned after = 2; after < 12; after++) {
        static struct cars_car cars[40];
        struct car_name name;
        size_t durable = 0;
        struct sim_disk *sim = sim_disk_create(after);
        struct failing_disk *f = failing_disk_create(sim_disk_disk(sim), after, 0, -EIO, 0);
        struct car_log *l = open_log(failing_disk(f));
        for (size_t i = 0; i < 40; i++) {
            cars[i] = random_car(&random, 0, 0, (uint32_t)i + 1);
            const enum car_put status = put(l, &cars[i], true);
            cr_assert(status == CAR_PUT || (status == CAR_PUT_FAILED && car_log_failed(l)));
            settle(l);
            while (car_log_take_durable(l, &name))
                cr_assert(bytes32_equal(&name.digest, &cars[durable++].name.digest));
        }
        cr_assert(strstr(car_log_failed(l), strerror(EIO)), "%s", car_log_failed(l));
        cr_assert_lt(durable, 40);
        car_log_close(l);
        free(f);
        l = open_log(sim_disk_disk(sim));
        for (size_t i = 0; i < durable; i++)
            expect_car(l, &cars[i], true);
        car_log_close(l);
        free_many(cars, 40);
        sim_disk_free(sim);
    }
}

// The power fails after the n-th operation of a history. False when it ended before.
static bool power_fails_at(uint64_t seed, uint64_t n)
{
    static struct cars_car cars[60];
    uint64_t random = seed;
    struct sim_disk *disk = sim_disk_create(seed);
    struct car_name name;
    char error[STORE_ERROR_MAX];
    size_t made = 0, durable = 0;
    sim_disk_power_off_after(disk, n);
    struct car_log *l = car_log_open(sim_disk_disk(disk), &OPTIONS, error);
    while (l && made < 60 && !car_log_failed(l) && !sim_disk_is_off(disk)) {
        cars[made] = random_car(&random, made / 20, 1, (uint32_t)made + 1);
        if (put(l, &cars[made++], true) != CAR_PUT)
            break;
        for (uint64_t steps = test_random(&random) % 4; steps > 0; steps--)
            car_log_step(l, 0);
        while (car_log_take_durable(l, &name))
            cr_assert(bytes32_equal(&name.digest, &cars[durable++].name.digest));
    }
    const bool reached = sim_disk_is_off(disk);
    car_log_close(l);
    sim_disk_restart(disk);
    l = open_log(sim_disk_disk(disk));
    for (size_t i = 0; i < made; i++) {
        if (i < durable || car_log_find(l, &cars[i].name))
            expect_car(l, &cars[i], true);
    }
    struct cars_car c = random_car(&random, 3, 1, 100);
    cr_assert_eq(put(l, &c, false), CAR_PUT);
    settle(l);
    expect_car(l, &c, false);
    car_log_close(l);
    cars_car_free(&c);
    free_many(cars, made);
    sim_disk_free(disk);
    return reached;
}

Test(car_log, no_power_failure_loses_what_was_durable)
{
    const uint64_t seed = test_seed("car_log power");
    uint64_t n = 1;
    while (power_fails_at(seed + n, n))
        n++;
    cr_expect_gt(n, 60);
}

Test(car_log, records_are_refused_at_every_truncation_and_with_every_flipped_bit)
{
    uint64_t random = test_seed("car_log records");
    struct cars_car c = random_car(&random, 1, 2, 3);
    struct car_record r;
    size_t len;
    uint8_t *record = car_record_make(&len, &c.name, &c.car, c.car.stripe_bitmap, c.bodies, true);
    cr_assert(car_record_decode(&r, bytes_of(record, len), &CARS_SET));
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1);
        memcpy(copy, record, cut);
        cr_assert(!car_record_decode(&r, bytes_of(copy, cut), &CARS_SET), "cut at %zu", cut);
        free(copy);
    }
    // Head and header; bodies are the checksum's to guard, and the digests'. The first byte pairs with the second: a
    // flag.
    const size_t header = sizeof(struct car_head) + ((const struct car_head *)record)->header_bytes - 64;
    for (size_t bit = 0; bit < 8 * header; bit++) {
        if (bit == 8)
            continue; // acked or not
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_expect(!car_record_decode(&r, bytes_of(record, len), &CARS_SET) || r.stripes != c.car.stripe_bitmap,
                  "bit %zu", bit);
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(record);
    cars_car_free(&c);
}
