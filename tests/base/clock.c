#include "base/clock.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

Test(clock, the_monotonic_clock_counts_nanoseconds)
{
    uint64_t start = clock_ns();
    sleep_ms(20);
    uint64_t passed = clock_ns() - start;
    cr_assert(passed >= 20000000 && passed < 5000000000, "%llu", (unsigned long long)passed);
}

Test(clock, the_wall_clock_agrees_with_the_system)
{
    int64_t wall_s = (int64_t)(clock_wall_ms() / 1000);
    cr_assert_leq(llabs(wall_s - (int64_t)time(NULL)), 1);
}

Test(clock, sleeping_costs_no_cpu_time_and_working_does)
{
    uint64_t start = clock_thread_cpu_ns();
    sleep_ms(50);
    cr_assert_lt(clock_thread_cpu_ns() - start, 25000000u);
    start = clock_thread_cpu_ns();
    uint64_t until = clock_ns() + 20000000;
    while (clock_ns() < until)
        continue;
    cr_assert_gt(clock_thread_cpu_ns() - start, 0u);
}

Test(clock, cycles_convert_to_nanoseconds)
{
    double rate = clock_cycles_per_ns();
    cr_assert(rate > 0.1 && rate < 20, "%f", rate);
    cr_assert_eq(clock_cycles_per_ns(), rate, "measured once");
    uint64_t cycles = clock_cycles(), ns = clock_ns();
    sleep_ms(100);
    double measured = (double)(clock_cycles() - cycles) / (double)(clock_ns() - ns);
    cr_assert_lt(fabs(measured / rate - 1), 0.05);
}
