// The binary ingest protocol (docs/ingest.md): frames of raw transactions in, answers in order out. Pure functions
// shared by the server and by clients; any thread. Integers are little-endian.
//
//   client hello   "gantry" 'i' version u8
//   server hello   "gantry" 'i' version u8 | chain id u64 | frame_max u32 | window u32 (answers that may be
//   outstanding) frame          length u32 (of what follows) | flags u8 | [public key 64] [R.y 32] | raw transaction
//   answer         status u8 (enum tx_status) | text length u8 | text
//
// flags: bit 0 a public key is given, bit 1 R.y is given too (only with bit 0); other bits must be zero. The answer to
// the n-th frame is the n-th answer. A malformed frame header (length 0, above frame_max, unknown flags, shorter than
// its witness), recognised as soon as the bytes that show it are there, is answered with INGEST_BAD_FRAME and its text,
// and the connection is closed after that answer.
#ifndef GANTRY_SHARD_INGEST_WIRE_H
#define GANTRY_SHARD_INGEST_WIRE_H

#include "chain/tx.h"
#include "sigverify/sigverify.h"

#define INGEST_VERSION 1
#define INGEST_CLIENT_HELLO_BYTES 8
#define INGEST_SERVER_HELLO_BYTES 24
#define INGEST_FRAME_MAX (TX_RAW_MAX + 1 + 64 + 32)
#define INGEST_WINDOW 4096 // frames of one connection that may wait for their answer; then the server stops reading

#define INGEST_FLAG_PUBKEY 1
#define INGEST_FLAG_RY 2

// Answer statuses beyond enum tx_status.
#define INGEST_BAD_FRAME 250
#define INGEST_BAD_HELLO 251
#define INGEST_TOO_MANY 252
#define INGEST_TOO_MANY_TEXT "too many connections"
// These two are sent instead of the server hello, and the connection is closed after it.
#define INGEST_BAD_HELLO_TEXT "bad hello: expected \"gantryi\" and version 1"
// The connection's last answer; later frames are not looked at.
#define INGEST_TOO_COSTLY 253
#define INGEST_TOO_COSTLY_TEXT "too costly: too many transactions with wrong witnesses, or made to be slow to verify"

struct ingest_frame {
    struct bytes raw;
    bool has_witness;
    struct sv_witness witness;
};

enum ingest_parse { INGEST_NEED_MORE, INGEST_FRAME, INGEST_INVALID };

void ingest_client_hello(uint8_t out[INGEST_CLIENT_HELLO_BYTES]);
MUST_CHECK bool ingest_check_client_hello(const uint8_t in[INGEST_CLIENT_HELLO_BYTES]);
void ingest_server_hello(uint8_t out[INGEST_SERVER_HELLO_BYTES], uint64_t chain_id);
struct ingest_server_hello {
    uint64_t chain_id;
    uint32_t frame_max, window;
};
MUST_CHECK bool ingest_parse_server_hello(struct ingest_server_hello *out, const uint8_t in[INGEST_SERVER_HELLO_BYTES]);

// Looks at the front of the buffered input. INGEST_FRAME: *out points into it and *consumed is the frame's whole size.
// INGEST_NEED_MORE: *consumed is the size of the whole frame when the length is known (so the caller can make room),
// else 0. INGEST_INVALID: *error is a static text.
MUST_CHECK enum ingest_parse ingest_parse(struct bytes in, struct ingest_frame *out, size_t *consumed,
                                          const char **error);

// Writes one frame (header and witness; raw is copied); returns its size. out has room for 4 + 1 + 96 + raw.len.
size_t ingest_frame_put(uint8_t *out, struct bytes raw, const struct sv_witness *witness);

// The longest answer.
#define INGEST_ANSWER_MAX (2 + 255)
size_t ingest_answer_put(uint8_t out[INGEST_ANSWER_MAX], uint8_t status, const char *text);
// Parses one answer off the front: its size, or 0 when more is needed. text is not NUL-terminated.
size_t ingest_answer_parse(struct bytes in, uint8_t *status, struct bytes *text);

#endif
