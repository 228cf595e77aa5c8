// The simulator, and that it notices what it is there for: with each rule taken away, some seed breaks an invariant,
// and with the rule back the same seed does not.
#include <criterion/criterion.h>

#include "engine/order/ord.h"
#include "engine/sim/sim.h"
#include "engine/sim/sim_private.h"

static struct sim_result run(unsigned validators, uint64_t seed, uint64_t seconds, unsigned mutations,
                             unsigned behaviours)
{
    const struct sim_options options = {.seed = seed,
                                        .validators = validators,
                                        .duration_ms = seconds * 1000,
                                        .tx_rate = 200,
                                        .mutations = mutations,
                                        .behaviours = behaviours};
    struct sim_result result;
    sim_run(&options, &result);
    return result;
}

Test(sim, the_same_seed_has_the_same_effects_and_another_one_others)
{
    const struct sim_result a = run(4, 3, 12, 0, 0), b = run(4, 3, 12, 0, 0), c = run(4, 4, 12, 0, 0);
    cr_assert(a.good && b.good && c.good);
    cr_assert(bytes32_equal(&a.audit, &b.audit));
    cr_assert_eq(a.messages, b.messages);
    cr_assert(!bytes32_equal(&a.audit, &c.audit));
}

Test(sim, a_violation_replays_exactly)
{
    const struct sim_result a = run(4, 1, 12, MUTATE_SEND_BEFORE_SYNC, 0);
    const struct sim_result b = run(4, 1, 12, MUTATE_SEND_BEFORE_SYNC, 0);
    cr_assert(!a.good);
    cr_assert_str_eq(a.violation, b.violation);
    cr_assert_eq(a.at_ms, b.at_ms);
    cr_assert(bytes32_equal(&a.audit, &b.audit));
}

Test(sim, clusters_of_all_small_sizes_go_on_after_faults)
{
    for (unsigned n = 1; n <= 10; n++) {
        const struct sim_result r = run(n, 100 + n, 12, 0, 0);
        cr_expect(r.good, "%u validators: %s", n, r.violation);
        cr_expect(r.height > 0 && r.cars > 0);
    }
}

// Each was broken once, by a rule of the validators or by the simulator's own.
Test(sim, seeds_that_are_hard_are_good)
{
    static const struct {
        const char *what;
        unsigned validators;
        uint64_t seed, seconds;
    } runs[] = {
        {"a power failure while the log is shortened", 1, 101055, 12},
        {"a log that was shortened up to the floor", 1, 113931, 12},
        {"an own position is lost, a later one is not", 1, 101112, 12},
        {"the same, and no car is made afterwards", 4, 100374, 8},
        {"the same", 7, 101220, 8},
        {"slow links, and one without its disk", 4, 104293, 8},
        {"slow links, and cars to be fetched", 4, 111634, 8},
    };
    for (unsigned i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        const struct sim_result r = run(runs[i].validators, runs[i].seed, runs[i].seconds, 0, 0);
        cr_expect(r.good, "%s: %s", runs[i].what, r.violation);
    }
}

Test(sim, equivocation_is_proved_and_only_the_guilty_are_accused)
{
    const struct sim_result r = run(4, 5, 12, 0, BYZ_EQUIVOCATE_PROPOSAL | BYZ_DOUBLE_VOTES | BYZ_TWO_CARS);
    cr_assert(r.good, "%s", r.violation);
    cr_assert_gt(r.evidence, 0);
}

static void expect_caught(const char *rule, unsigned mutation, unsigned behaviours, uint64_t seeds)
{
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        const struct sim_result without = run(4, seed, 15, mutation, behaviours);
        if (without.good)
            continue;
        const struct sim_result with = run(4, seed, 15, 0, behaviours);
        cr_assert(with.good, "seed %llu with all rules: %s", (unsigned long long)seed, with.violation);
        cr_log_info("without %s, seed %llu: %s", rule, (unsigned long long)seed, without.violation);
        return;
    }
    cr_assert_fail("no seed noticed that a rule was gone: %s", rule);
}

Test(sim_mutation, finalizing_what_was_nullified_is_caught)
{
    expect_caught("the look at mine.nullified", MUTATE_FINALIZE_AFTER_NULLIFY, 0, 20);
}

Test(sim_mutation, sending_before_the_sync_is_caught)
{
    expect_caught("the sync before a vote", MUTATE_SEND_BEFORE_SYNC, 0, 1);
}

Test(sim_mutation, voting_without_gap_proof_is_caught)
{
    expect_caught("the gap proof", MUTATE_NO_GAP_PROOF, BYZ_NO_GAP, 40);
}

Test(sim_mutation, voting_for_unavailable_cars_is_caught)
{
    expect_caught("availability", MUTATE_NO_AVAILABILITY, BYZ_PHANTOM_CARS, 40);
}

Test(sim_mutation, forgetting_own_votes_at_a_restart_is_caught)
{
    expect_caught("own votes in the own tally", MUTATE_NO_OWN_VOTES, BYZ_SILENT, 80);
}

Test(sim_mutation, cuts_with_gaps_are_caught)
{
    expect_caught("contiguous cuts", MUTATE_ANY_CUT, BYZ_GAP_CUT, 40);
}

Test(sim_mutation, votes_that_do_not_name_their_epoch_are_caught)
{
    expect_caught("the epoch in a vote", MUTATE_NO_EPOCH_IN_VOTE, BYZ_REPLAY_EPOCHS, 40);
}

Test(sim_mutation, timeouts_that_shrink_without_finality_are_caught)
{
    expect_caught("backing off until finality", MUTATE_NO_BACKOFF, 0, 60);
}
