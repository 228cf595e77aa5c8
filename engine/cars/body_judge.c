#include "engine/cars/body_judge.h"

#include <stdlib.h>

struct body_judge {
    struct stripe_rules rules;
    struct arena *arena;
    struct stripe_check *check;
};

struct body_judge *body_judge_create(const struct stripe_rules *rules)
{
    struct body_judge *j = calloc(1, sizeof *j);
    if (!j)
        abort();
    j->rules = *rules;
    j->arena = arena_create();
    j->check = stripe_check_create(j->arena);
    if (!j->check)
        abort();
    return j;
}

void body_judge_free(struct body_judge *j)
{
    if (!j)
        return;
    stripe_check_free(j->check);
    arena_destroy(j->arena);
    free(j);
}

static bool is_invalid(void *ctx, const struct wire_evidence *e)
{
    struct body_judge *j = ctx;
    struct stripe_verdict verdict;
    const unsigned index = e->bad_body.stripe;
    struct stripe *s = stripe_decode(&verdict, e->bad_body.body, index, &e->bad_body.car.stripes[index], &j->rules);
    if (s) {
        stripe_check_run(j->check, &s, 1, true);
        verdict = s->verdict;
    }
    stripe_free(s);
    return verdict.fault != STRIPE_OK;
}

struct evidence_body_check body_judge_check(struct body_judge *j)
{
    return (struct evidence_body_check){is_invalid, j};
}
