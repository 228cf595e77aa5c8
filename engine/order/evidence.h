// Misbehaviour that signatures prove: checked, deduplicated, bounded for each offender and epoch, logged, told to peers
// and operators. One thread.
#ifndef GANTRY_ENGINE_ORDER_EVIDENCE_H
#define GANTRY_ENGINE_ORDER_EVIDENCE_H

#include "engine/order/effects.h"
#include "engine/order/signing.h"

#define EVIDENCE_PER_OFFENDER 4

// Says whether the body that evidence of WIRE_BAD_BODY shows is invalid in itself. NULL: peers' evidence of that kind
// is not judged, and kept by nobody.
struct evidence_body_check {
    bool (*invalid)(void *ctx, const struct wire_evidence *e);
    void *ctx;
};

struct evidence {
    const struct vset *set;
    const struct signing *signing;
    struct evidence_body_check body_check;
    uint64_t epoch;
    uint8_t count[WIRE_VALIDATORS_MAX];
    uint8_t kinds[WIRE_VALIDATORS_MAX]; // bit (offence - 1): this offence of this validator is known
};

void evidence_start_epoch(struct evidence *e, const struct vset *set, uint64_t epoch);

// Ours: the two objects conflict; their signatures are checked here. Nothing happens when one is wrong or the bound is
// reached.
void evidence_votes(struct evidence *e, struct effects *fx, const struct wire_vote *a, const struct wire_vote *b);
void evidence_proposals(struct evidence *e, struct effects *fx, const struct wire_signed_header *a,
                        const struct wire_signed_header *b);
void evidence_cars(struct evidence *e, struct effects *fx, const struct wire_car *a, const struct wire_car *b);
void evidence_bad_body(struct evidence *e, struct effects *fx, const struct wire_car *car, uint16_t stripe,
                       struct bytes body);

// A peer's, or (log false) one read from the log, whose body was judged before. False when it proves nothing.
MUST_CHECK bool evidence_take(struct evidence *e, struct effects *fx, const struct wire_message *m, bool log);

// Whom it accuses.
unsigned evidence_offender(const struct evidence *e, const struct wire_evidence *w);

#endif
