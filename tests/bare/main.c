// The AVX-512 kernels beside their emulation in plain C, on a machine of nothing but a processor: tools/emulate-avx512
// starts it in Bochs. Whatever differs is named on the serial port, and so is the number of instructions of each
// kernel.
#include <x86intrin.h>

#include "base/keccak_lanes.h"
#include "sigverify/lanes/points.h"
#include "tests/bare/runtime.h"
#include "tests/sigverify/lanes/probe.h"

extern const struct lanes_probe PROBE_avx512, PROBE_emulated;
extern const struct point_kernels POINT_KERNELS_avx512, POINT_KERNELS_emulated;

static uint64_t random_state = 1;
static size_t compared, different;

// splitmix64
static uint64_t random_word(void)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static u256 random_number(void)
{
    return (u256){{random_word(), random_word(), random_word(), random_word() >> 1}};
}

static void compare(const char *what, const void *got, const void *expected, size_t len)
{
    compared++;
    if (memcmp(got, expected, len) != 0 && different++ < 20) {
        print("DIFFERENT: ");
        print(what);
        print("\n");
    }
}

static void report(const char *what, uint64_t number)
{
    print(what);
    print(" ");
    print_number(number);
    print("\n");
}

// --- Field and points.

static struct probe_element edge_element(void)
{
    const struct lanes_probe *p = &PROBE_emulated;
    struct probe_element out = {0};
    for (int i = 0; i < 5; i++) {
        const uint64_t max = (uint64_t)(i < 4 ? p->carried_max : p->top_max);
        for (size_t lane = 0; lane < 8; lane++) {
            const uint64_t kind = random_word() % 6, near = random_word() % 3;
            out.limb[i][lane] = (int64_t)(kind == 0 ? near : kind == 1 ? max - near : random_word() % (max + 1));
        }
    }
    return out;
}

static void compare_operations(void)
{
    for (int round = 0; round < 100; round++) {
        const struct probe_element in[4] = {edge_element(), edge_element(), edge_element(), edge_element()};
        const uint32_t mask = random_word() & 0xff;
        for (int operation = 0; operation < (round < 4 ? PROBE_OPERATIONS : PROBE_SQRT); operation++) {
            struct probe_element got, expected;
            PROBE_avx512.operate(operation, &got, in, mask);
            PROBE_emulated.operate(operation, &expected, in, mask);
            compare("an operation of the field", &got, &expected, sizeof got);
        }
        u256 got[8], expected[8];
        PROBE_avx512.export(got, &in[0]);
        PROBE_emulated.export(expected, &in[0]);
        compare("export", got, expected, sizeof got);
        struct probe_element back, expected_back;
        PROBE_avx512.import(&back, got);
        PROBE_emulated.import(&expected_back, expected);
        compare("import", &back, &expected_back, sizeof back);
        const uint32_t equal = PROBE_avx512.equal(&in[0], &back);
        const uint32_t all = 0xff;
        compare("equal", &equal, &all, sizeof all);
        uint64_t words[3][8], vectors[2][PROBE_VECTOR_RESULTS][8];
        for (int i = 0; i < 24; i++)
            words[i / 8][i % 8] = random_word() >> (random_word() % 4 ? 0 : 12);
        PROBE_avx512.vector(vectors[0], words[0], words[1], words[2]);
        PROBE_emulated.vector(vectors[1], words[0], words[1], words[2]);
        compare("a wrapper of an instruction", vectors[0], vectors[1], sizeof vectors[0]);
    }
}

static void compare_points(void)
{
    static const size_t PERMUTATION[8] = {3, 1, 4, 0, 5, 2, 7, 6};
    for (int round = 0; round < 50; round++) {
        struct probe_point a = {0}, b = {0}, got = {0}, expected = {0};
        for (int lane = 0; lane < 8; lane++) {
            a.x[lane] = random_number();
            a.y[lane] = random_number();
            a.z[lane] = random_number();
            b.x[lane] = random_word() % 16 ? random_number() : a.x[lane];
            b.y[lane] = random_number();
        }
        PROBE_avx512.jacobian_double(&got, &a);
        PROBE_emulated.jacobian_double(&expected, &a);
        compare("double", &got, &expected, sizeof got);
        PROBE_avx512.jacobian_add(&got, &a, &b);
        PROBE_emulated.jacobian_add(&expected, &a, &b);
        compare("add", &got, &expected, sizeof got);
        const uint32_t same = PROBE_avx512.sum(&got, &a, &b), same_expected = PROBE_emulated.sum(&expected, &a, &b);
        compare("sum", &got, &expected, sizeof got);
        compare("equal x", &same, &same_expected, sizeof same);
        PROBE_avx512.through_memory(&got, &a, PERMUTATION);
        PROBE_emulated.through_memory(&expected, &a, PERMUTATION);
        compare("through memory", &got, &expected, sizeof got);
    }
}

// --- Scalars and recovery.

enum { TASKS = 200, GROUP = 128 };

static u256 z[TASKS], r[TASKS], s[TASKS], got_numbers[TASKS], expected_numbers[TASKS];
static struct comb_digits u1[TASKS], expected_u1[TASKS];
static struct half_digits u2[TASKS], expected_u2[TASKS];
static struct scalar_half halves[TASKS][2], expected_halves[TASKS][2];
static struct recover_task tasks[TASKS], expected_tasks[TASKS];

static void compare_scalars(void)
{
    const struct scalar_kernels *got = PROBE_avx512.recover->scalars, *expected = &SCALARS_ONE_BY_ONE;
    for (size_t n = 0; n <= TASKS; n += n < 20 ? 1 : 45) {
        for (size_t i = 0; i < n; i++) {
            z[i] = random_number();
            r[i] = random_number();
            s[i] = random_number();
        }
        got->invert(got_numbers, r, n);
        expected->invert(expected_numbers, r, n);
        compare("inverses modulo n", got_numbers, expected_numbers, n * sizeof *r);
        got->multiply(got_numbers, s, z, n);
        expected->multiply(expected_numbers, s, z, n);
        compare("products modulo n", got_numbers, expected_numbers, n * sizeof *r);
        memset(halves, 0, sizeof halves);
        memset(expected_halves, 0, sizeof halves);
        got->split(halves, z, n);
        expected->split(expected_halves, z, n);
        for (size_t i = 0; i < n; i++)
            for (int j = 0; j < 2; j++)
                compare("a half", &halves[i][j], &expected_halves[i][j], 17);
        got->half_digits(u2, s, n);
        expected->half_digits(expected_u2, s, n);
        compare("digits of halves", u2, expected_u2, n * sizeof *u2);
        got->comb_digits_of_negatives(u1, z, n);
        expected->comb_digits_of_negatives(expected_u1, z, n);
        compare("digits of the comb", u1, expected_u1, n * sizeof *u1);
    }
}

static void compare_recovery(void)
{
    void *state = PROBE_avx512.recover->create(), *expected_state = PROBE_emulated.recover->create();
    for (size_t n = 1; n <= TASKS; n += n < 18 ? 1 : 91) {
        size_t keys = 0;
        for (size_t i = 0; i < n; i++)
            tasks[i] =
                (struct recover_task){.x = random_number(), .odd = random_word() % 2, .u1 = &u1[i], .u2 = &u2[i]};
        memcpy(expected_tasks, tasks, sizeof tasks);
        PROBE_avx512.recover->run(state, tasks, n);
        PROBE_emulated.recover->run(expected_state, expected_tasks, n);
        for (size_t i = 0; i < n; i++) {
            compare("an outcome", &tasks[i].outcome, &expected_tasks[i].outcome, sizeof tasks[i].outcome);
            keys += tasks[i].outcome == RECOVER_KEY;
            if (tasks[i].outcome == RECOVER_KEY)
                compare("a key", &tasks[i].key_x, &expected_tasks[i].key_x, 2 * sizeof(u256));
        }
        if (n > GROUP)
            report("keys recovered of the last batch:", keys);
    }
}

// --- Points of combinations.

enum { SOURCES = 100 };

static struct point_source sources[SOURCES];
static struct point_pair pairs[SOURCES];
static bool ok[2][SOURCES];
static uint32_t doubled[SOURCES], equal[2][SOURCES];
static struct affine_point points[2][3 * SOURCES];

static size_t run_points(const struct point_kernels *k, bool *good, uint32_t *equals, struct affine_point *out)
{
    void *state = k->create();
    point_pool *pool = aligned_alloc(64, 3 * SOURCES * k->point_bytes);
    point_ref refs[3 * SOURCES];
    k->load(state, pool, 0, sources, SOURCES, good);
    k->endomorphism(state, pool, SOURCES, doubled, SOURCES);
    const size_t count = k->add_pairs(state, pool, 2 * SOURCES, pairs, SOURCES, equals);
    for (uint32_t i = 0; i < 3 * SOURCES; i++)
        refs[i] = i << 1;
    k->get(out, pool, refs, 3 * SOURCES);
    return count;
}

static void compare_pairs(void)
{
    for (uint32_t i = 0; i < SOURCES; i++) {
        const u256 x = random_number();
        sources[i].form = random_word() % 2 ? POINT_EVEN : POINT_ODD;
        u256_to_be(sources[i].x, &x);
        pairs[i] =
            (struct point_pair){(uint32_t)(random_word() % (4 * SOURCES)), (uint32_t)(random_word() % (4 * SOURCES))};
        doubled[i] = i;
    }
    const size_t count = run_points(&POINT_KERNELS_avx512, ok[0], equal[0], points[0]);
    const size_t expected = run_points(&POINT_KERNELS_emulated, ok[1], equal[1], points[1]);
    compare("points on the curve", ok[0], ok[1], sizeof ok[0]);
    compare("pairs with equal x", &count, &expected, sizeof count);
    compare("these pairs", equal[0], equal[1], count * sizeof **equal);
    for (size_t i = 0; i < SOURCES; i++) {
        if (!ok[0][i])
            continue;
        compare("a point", &points[0][i], &points[1][i], sizeof **points);
        compare("lambda times it", &points[0][SOURCES + i], &points[1][SOURCES + i], sizeof **points);
    }
}

// --- Keccak.

enum { MESSAGES = 301 };

static void compare_keccak(void)
{
    static uint8_t text[MESSAGES];
    static struct bytes messages[MESSAGES];
    static bytes32 hashes[MESSAGES];
    for (size_t i = 0; i < MESSAGES; i++) {
        text[i] = (uint8_t)random_word();
        messages[i] = bytes_of(text, i * 97 % MESSAGES);
    }
    keccak256_batch_avx512(hashes, messages, MESSAGES);
    for (size_t i = 0; i < MESSAGES; i++) {
        const bytes32 expected = keccak256(messages[i].ptr, messages[i].len);
        compare("a hash", &hashes[i], &expected, sizeof expected);
    }
}

// --- Instructions: the processor of the emulator takes one tick each.

static void count_instructions(void)
{
    const struct recover_kernels *k = PROBE_avx512.recover;
    void *state = k->create();
    uint64_t start = __rdtsc();
    k->run(state, tasks, GROUP);
    report("instructions of a recovery's points, 8 signatures:", (__rdtsc() - start) / (GROUP / 8));
    start = __rdtsc();
    k->scalars->invert(got_numbers, r, GROUP);
    k->scalars->multiply(z, z, got_numbers, GROUP);
    k->scalars->multiply(s, s, got_numbers, GROUP);
    k->scalars->comb_digits_of_negatives(u1, z, GROUP);
    k->scalars->half_digits(u2, s, GROUP);
    report("instructions of a recovery's scalars, 8 signatures:", (__rdtsc() - start) / (GROUP / 8));
}

int main(void)
{
    print("started\n");
    compare_operations();
    print("operations\n");
    compare_points();
    compare_scalars();
    print("scalars\n");
    compare_recovery();
    print("recovery\n");
    compare_pairs();
    compare_keccak();
    count_instructions();
    report("compared:", compared);
    report("different:", different);
    finish();
}
