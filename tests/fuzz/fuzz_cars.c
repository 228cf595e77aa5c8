// Stripe bodies as peers send them, and the car log's records as a disk gives them back.
#include "engine/cars/car_record.h"
#include "engine/cars/stripe.h"

#include <stdlib.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct wire_set SET = {31337, {{1}}, 4, 7500000};
static const struct stripe_rules RULES = {31337, 30000000};

static bool inside(struct bytes part, struct bytes whole)
{
    return part.ptr >= whole.ptr && part.len <= whole.len && (size_t)(part.ptr - whole.ptr) <= whole.len - part.len;
}

// What decodes as new decodes as stored too; its views lie in the body; its gas is what the header says.
static void fuzz_stripe(struct bytes body, unsigned index)
{
    struct stripe_verdict verdict;
    struct wire_stripe wire;
    char text[STRIPE_TEXT_MAX];
    if (body.len > WIRE_STRIPE_BYTES_MAX)
        return;
    struct wire_stripe_ref ref = {wire_stripe_digest(body), (uint32_t)body.len, 0, 0};
    if (wire_stripe_open(&wire, body) == WIRE_OK)
        ref.txs = wire.tx_count;
    struct stripe *stored = stripe_of_stored(body, index, &RULES);
    ref.gas = stored ? stored->gas : 0;
    struct stripe *s = stripe_decode(&verdict, body, index, &ref, &RULES);
    CHECK(*stripe_verdict_text(text, &verdict) != '\0');
    CHECK((s != NULL) == (verdict.fault == STRIPE_OK) && (!s || stored));
    for (uint32_t i = 0; s && i < s->count; i++) {
        CHECK(inside(s->txs[i].tx.raw, body) && s->execs[i].tx == &s->txs[i].tx);
        CHECK(memcmp(s->txs[i].pubkey, stored->txs[i].pubkey, 64) == 0);
    }
    CHECK(!s || (s->gas == ref.gas && s->count == ref.txs));
    stripe_free(s);
    stripe_free(stored);
}

static void fuzz_record(struct bytes in)
{
    struct car_record r;
    struct index_head head;
    const struct index_entry *entries;
    uint64_t sum = 0;
    if (car_record_decode(&r, in, &SET)) {
        size_t len;
        for (unsigned s = 0; s < WIRE_STRIPES; s++)
            CHECK(!(r.stripes >> s & 1) || inside(r.bodies[s], in));
        uint8_t *again = car_record_make(&len, &r.name, &r.car, r.stripes, r.bodies, r.acked);
        CHECK(bytes_equal(bytes_of(again, len), in));
        free(again);
    }
    if (index_get(&head, &entries, in)) {
        for (uint32_t i = 0; i < head.count; i++)
            sum += entries[i].place.offset + entries[i].stripes;
        // Reading is the test; the sum keeps it.
        __asm__ volatile("" : : "r"(sum));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    // An allocation of its own, so that every read past the end is seen.
    uint8_t *copy = malloc(size);
    memcpy(copy, data + 1, size - 1);
    if (data[0] & 16)
        fuzz_record(bytes_of(copy, size - 1));
    else
        fuzz_stripe(bytes_of(copy, size - 1), data[0] & 15);
    free(copy);
    return 0;
}
