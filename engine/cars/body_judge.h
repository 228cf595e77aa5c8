// Judges a peer's evidence of an invalid body (E6): the whole stateless check of the stripe that it shows. One thread
// at a time.
#ifndef GANTRY_ENGINE_CARS_BODY_JUDGE_H
#define GANTRY_ENGINE_CARS_BODY_JUDGE_H

#include "engine/cars/stripe.h"
#include "engine/order/evidence.h"

struct body_judge;

struct body_judge *body_judge_create(const struct stripe_rules *rules);
void body_judge_free(struct body_judge *j); // NULL is fine
// For struct evidence.
struct evidence_body_check body_judge_check(struct body_judge *j);

#endif
