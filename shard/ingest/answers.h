// The answers of one ingest connection, put back in order: frames get sequence numbers as they come, their statuses
// arrive in any order from verification and from other shards' pools, and leave in order as bytes. Bounded by
// INGEST_WINDOW. One owner thread.
#ifndef GANTRY_SHARD_INGEST_ANSWERS_H
#define GANTRY_SHARD_INGEST_ANSWERS_H

#include "base/arena.h"
#include "shard/ingest/wire.h"

struct answers;

struct answers *answers_create(struct arena *arena);
void answers_free(struct answers *a);

// True while another frame may be taken: fewer than INGEST_WINDOW are outstanding, and there is no last answer.
bool answers_may_open(const struct answers *a);
// The next frame's sequence number.
uint64_t answers_open(struct answers *a);
// The status of a frame. Text is tx_status_text, or for INGEST_BAD_FRAME the static text given.
void answers_set(struct answers *a, uint64_t sequence, uint8_t status, const char *text);
// The connection's last answer, after those to all frames opened so far; text is static. It needs no place in the
// window. Once.
void answers_end(struct answers *a, uint8_t status, const char *text);
// Encodes the answers that are next in order, as many as fit into out; returns bytes written.
size_t answers_drain(struct answers *a, uint8_t *out, size_t cap);
// Answers not yet drained: of the frames opened, and the last one.
size_t answers_outstanding(const struct answers *a);

#endif
