#include "shard/ingest/answers.h"

#include <assert.h>

_Static_assert((INGEST_WINDOW & (INGEST_WINDOW - 1)) == 0, "sequence numbers are reduced by a mask");

// A frame's place, by sequence number modulo the window. No text: the status has not come yet.
struct answer {
    const char *text;
    uint8_t status;
};

struct answers {
    struct arena *arena;
    uint64_t opened, drained; // frames ever
    bool ended;
    struct answer last; // no text: none, or drained
    struct answer window[INGEST_WINDOW];
};

struct answers *answers_create(struct arena *arena)
{
    struct answers *a = arena_alloc_zero(arena, sizeof *a);
    a->arena = arena;
    return a;
}

void answers_free(struct answers *a)
{
    if (a)
        arena_free(a->arena, a);
}

static struct answer *place_of(struct answers *a, uint64_t sequence)
{
    return &a->window[sequence & (INGEST_WINDOW - 1)];
}

bool answers_may_open(const struct answers *a)
{
    return !a->ended && answers_outstanding(a) < INGEST_WINDOW;
}

uint64_t answers_open(struct answers *a)
{
    assert(answers_may_open(a));
    return a->opened++;
}

void answers_set(struct answers *a, uint64_t sequence, uint8_t status, const char *text)
{
    assert(sequence >= a->drained && sequence < a->opened);
    struct answer *place = place_of(a, sequence);
    assert(!place->text);
    place->status = status;
    place->text = status < TX_STATUS_COUNT ? tx_status_text((enum tx_status)status) : text;
    assert(place->text);
}

void answers_end(struct answers *a, uint8_t status, const char *text)
{
    assert(!a->ended && text);
    a->ended = true;
    a->last = (struct answer){text, status};
}

// Moves an answer into out. False when it does not fit.
static bool put(struct answer *answer, uint8_t *out, size_t cap, size_t *len)
{
    uint8_t encoded[INGEST_ANSWER_MAX];
    const size_t encoded_len = ingest_answer_put(encoded, answer->status, answer->text);
    if (encoded_len > cap - *len)
        return false;
    memcpy(out + *len, encoded, encoded_len);
    *len += encoded_len;
    answer->text = NULL;
    return true;
}

size_t answers_drain(struct answers *a, uint8_t *out, size_t cap)
{
    size_t len = 0;
    for (; a->drained < a->opened; a->drained++) {
        struct answer *place = place_of(a, a->drained);
        if (!place->text || !put(place, out, cap, &len))
            return len;
    }
    if (a->last.text)
        put(&a->last, out, cap, &len);
    return len;
}

size_t answers_outstanding(const struct answers *a)
{
    return (size_t)(a->opened - a->drained) + (a->last.text != NULL);
}
