// Power failures at random points of random histories, over a disk that keeps, drops or tears what is not synced.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/sim/sim_disk.h"
#include "engine/store/blog.h"
#include "tests/support/vectors.h"

enum { SEEDS = GANTRY_SANITIZE ? 300 : 1500, SEEDS_WITHOUT_SYNC = 200, GENERATIONS = 4, HEIGHTS_MAX = 2000 };

// What the log was told and what it said.
struct history {
    uint64_t seed;
    struct sim_disk *disk;
    struct bytes records[HEIGHTS_MAX + 1]; // by height, malloc'ed
    uint64_t appended, durable, first;
    uint64_t segment_bytes;
    char violation[768]; // the first, empty while there is none
};

static const bytes32 GENESIS = {{0x6e, 0x65}};

static void violate(struct history *h, const char *what, uint64_t a, uint64_t b)
{
    if (h->violation[0] == '\0')
        snprintf(h->violation, sizeof h->violation, "%s (%llu, %llu)", what, (unsigned long long)a,
                 (unsigned long long)b);
}

static struct bytes random_record(uint64_t *seed)
{
    const uint64_t kind = test_random(seed) % 20;
    const size_t len = (size_t)(test_random(seed) % (kind == 0 ? 60000 : kind < 4 ? 8000 : 600));
    uint8_t *p = malloc(len + 8);
    for (size_t i = 0; i < len; i += 8) {
        const uint64_t v = kind % 3 == 0 ? 0 : test_random(seed);
        memcpy(p + i, &v, 8);
    }
    return bytes_of(p, len);
}

// What blog_open found must be everything that was durable, and nothing that was not appended.
static void check_log(struct history *h, struct blog *b)
{
    const uint64_t last = blog_last(b);
    if (last < h->durable)
        violate(h, "durable blocks are gone: last, durable", last, h->durable);
    if (last > h->appended)
        violate(h, "blocks that were never appended: last, appended", last, h->appended);
    if (blog_durable(b) != last)
        violate(h, "an opened log is durable to its end", blog_durable(b), last);
    if (blog_first(b) > h->first)
        violate(h, "retained blocks are gone: first, retained from", blog_first(b), h->first);
    for (uint64_t height = blog_first(b); height <= last && h->violation[0] == '\0'; height++) {
        char error[STORE_ERROR_MAX];
        size_t len;
        uint8_t *record = blog_read(b, height, &len, error);
        if (record == NULL || !bytes_equal(bytes_of(record, len), h->records[height]))
            violate(h, record == NULL ? "a block is unreadable" : "a block is another one", height, last);
        free(record);
    }
    // What was not durable and did not survive may be appended anew, with other contents.
    for (uint64_t height = last + 1; height <= h->appended; height++)
        free((void *)h->records[height].ptr);
    h->appended = h->durable = last;
    h->first = blog_first(b);
}

static void append(struct history *h, struct blog *b)
{
    if (h->appended == HEIGHTS_MAX)
        return;
    const struct bytes record = random_record(&h->seed);
    if (blog_append(b, h->appended + 1, record) == 0)
        h->records[++h->appended] = record;
    else
        free((void *)record.ptr);
}

static void retain(struct history *h, struct blog *b)
{
    if (h->durable == 0)
        return;
    const uint64_t keep_from = 1 + test_random(&h->seed) % h->durable;
    blog_retain(b, keep_from);
    if (keep_from > h->first)
        h->first = keep_from;
}

// Random use until the power fails (or the log gives up, which only a failing disk may cause).
static void use(struct history *h, struct blog *b)
{
    while (!sim_disk_is_off(h->disk) && blog_failed(b) == NULL) {
        const uint64_t dice = test_random(&h->seed) % 16;
        if (dice < 6)
            append(h, b);
        else if (dice < 10)
            blog_flush(b);
        else if (dice < 15)
            blog_step(b, dice == 14);
        else if (test_random(&h->seed) % 8 == 0)
            retain(h, b);
        if (blog_durable(b) < h->durable)
            violate(h, "blog_durable fell", blog_durable(b), h->durable);
        h->durable = blog_durable(b);
    }
    if (!sim_disk_is_off(h->disk))
        violate(h, "the log failed on a sound disk", h->appended, h->durable);
}

// One generation: open (recovery itself may lose power too), check, use, lose power.
static void live(struct history *h)
{
    char error[STORE_ERROR_MAX];
    const struct blog_options options = {
        .genesis_hash = GENESIS,
        .segment_bytes = h->segment_bytes,
        .verify_from = h->durable == 0 ? 0 : test_random(&h->seed) % (h->durable + 1),
    };
    for (int attempt = 0; attempt < 3; attempt++) {
        sim_disk_power_off_after(h->disk, 1 + test_random(&h->seed) % 40);
        struct blog *b = blog_open(sim_disk_disk(h->disk), &options, error);
        if (b != NULL)
            blog_close(b);
        else if (!sim_disk_is_off(h->disk))
            return violate(h, error, 0, h->durable);
        sim_disk_restart(h->disk);
    }
    struct blog *b = blog_open(sim_disk_disk(h->disk), &options, error);
    if (b == NULL)
        return violate(h, error, 1, h->durable);
    check_log(h, b);
    sim_disk_power_off_after(h->disk, 1 + test_random(&h->seed) % 400);
    if (h->violation[0] == '\0')
        use(h, b);
    blog_close(b);
    sim_disk_restart(h->disk);
}

// Runs one seed; true when every promise was kept, else `violation` says which was not.
static bool run(uint64_t seed, bool void_syncs, char violation[768])
{
    struct history *h = calloc(1, sizeof *h);
    h->seed = seed;
    h->first = 1;
    h->disk = sim_disk_create(test_random(&h->seed));
    h->segment_bytes = 16384 << test_random(&h->seed) % 5;
    if (void_syncs)
        sim_disk_void_syncs(h->disk);
    for (int i = 0; i < GENERATIONS && h->violation[0] == '\0'; i++)
        live(h);
    snprintf(violation, 768, "%s", h->violation);
    for (uint64_t i = 1; i <= h->appended; i++)
        free((void *)h->records[i].ptr);
    sim_disk_free(h->disk);
    free(h);
    return violation[0] == '\0';
}

Test(blog_crash, everything_durable_survives_any_power_failure)
{
    const uint64_t base = test_seed("blog_crash");
    for (uint64_t i = 0; i < SEEDS; i++) {
        char violation[768];
        cr_assert(run(base + i, false, violation), "seed %llu: %s", (unsigned long long)(base + i), violation);
    }
}

Test(blog_crash, without_fdatasync_the_same_test_finds_lost_blocks)
{
    const uint64_t base = test_seed("blog_crash_void_sync");
    unsigned found = 0;
    for (uint64_t i = 0; i < SEEDS_WITHOUT_SYNC; i++) {
        char violation[768];
        found += !run(base + i, true, violation);
    }
    // Nearly every history has something durable that is not there.
    cr_assert_gt(found, SEEDS_WITHOUT_SYNC / 2, "only %u of %d histories showed a loss", found, SEEDS_WITHOUT_SYNC);
}
