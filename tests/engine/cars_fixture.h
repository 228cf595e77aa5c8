// Making signed transactions, stripes and cars for the tests of engine/cars/.
#ifndef GANTRY_TESTS_ENGINE_CARS_FIXTURE_H
#define GANTRY_TESTS_ENGINE_CARS_FIXTURE_H

#include "engine/cars/stripe.h"
#include "engine/order/effects.h"

#define CARS_CHAIN 31337
#define CARS_GAS 21000

// Four validators.
extern const struct wire_set CARS_SET;
extern const struct stripe_rules CARS_RULES;

// A number of an account whose transactions belong into this stripe; the i-th such.
unsigned cars_sender(unsigned stripe, unsigned i);
// A verified transfer of this account; malloc'ed.
struct pooled_tx *cars_tx(unsigned sender, uint64_t nonce);
struct pooled_tx *cars_tx_of(unsigned sender, const struct tx_fields *fields);
// A transfer's fields, to be changed before cars_tx_of.
struct tx_fields cars_fields(uint64_t nonce);

// n transactions of a stripe, by `senders` accounts in turn.
struct cars_txs {
    struct exec_tx *execs;
    size_t count;
};
struct cars_txs cars_txs(unsigned stripe, size_t n, unsigned senders);
void cars_txs_free(struct cars_txs *txs);

// Their body, malloc'ed.
uint8_t *cars_body(struct wire_stripe_ref *ref, unsigned stripe, size_t n, unsigned senders);

// A car with bodies of n transactions in each stripe of the bitmap (0: none); bodies are malloc'ed. Any two calls give
// different bodies.
struct cars_car {
    struct car_name name;
    struct wire_car car;
    struct bytes bodies[WIRE_STRIPES];
};
struct cars_car cars_car(uint64_t epoch, unsigned lane, uint32_t pos, uint16_t bitmap, size_t n);
// Sets digest and name from the header.
void cars_seal(struct cars_car *c, uint64_t epoch);
void cars_car_free(struct cars_car *c);

#endif
