// One end of an encrypted, authenticated connection: Noise_XK_secp256k1_ChaChaPoly_SHA256 as BOLT-8 has it. Bytes in,
// bytes out: no socket, clock or randomness inside.
//
//   initiator   write act 1 (50)   read act 2 (50)   write act 3 (66)   messages
//   responder   read act 1         write act 2       read act 3         messages
//
// The initiator knows the responder's key beforehand; the responder learns the initiator's in act 3, and it is for the
// caller to decide whether that key may go on. Each direction changes its key after 1,000 sealed parts: a message is
// two, its length and its body.
//
// Every failure is final: the same status is returned from then on, and nothing is written any more. One thread at a
// time; may move between threads. Source: BOLT-8 (github.com/lightning/bolts, 08-transport.md).
#ifndef GANTRY_ENGINE_NET_NOISE_H
#define GANTRY_ENGINE_NET_NOISE_H

#include "base/bytes.h"

#define NOISE_KEY_BYTES 33u // a compressed public key
#define NOISE_ACT_MAX 66u
#define NOISE_MESSAGE_MAX 65535u
#define NOISE_TAG_BYTES 16u
#define NOISE_LENGTH_BYTES (2u + NOISE_TAG_BYTES) // the sealed length in front of each message
#define NOISE_OVERHEAD (NOISE_LENGTH_BYTES + NOISE_TAG_BYTES)

enum noise_status {
    NOISE_OK = 0,
    NOISE_ACT1_SHORT,
    NOISE_ACT1_BAD_VERSION,
    NOISE_ACT1_BAD_KEY, // no point of the curve
    NOISE_ACT1_BAD_TAG,
    NOISE_ACT2_SHORT,
    NOISE_ACT2_BAD_VERSION,
    NOISE_ACT2_BAD_KEY,
    NOISE_ACT2_BAD_TAG,
    NOISE_ACT3_SHORT,
    NOISE_ACT3_BAD_VERSION,
    NOISE_ACT3_BAD_CIPHERTEXT,
    NOISE_ACT3_BAD_KEY,
    NOISE_ACT3_BAD_TAG,
    NOISE_BAD_LENGTH_TAG,
    NOISE_BAD_MESSAGE_TAG,
    NOISE_STATUS_COUNT,
};
const char *noise_status_text(enum noise_status status);

struct noise;

// false when the secret is not a key (zero, or not below the group's order).
MUST_CHECK bool noise_public_key(uint8_t out[NOISE_KEY_BYTES], const bytes32 *secret);

// ephemeral: 32 fresh random bytes for this connection alone. prologue: what both ends must agree on beforehand, at
// most NOISE_ACT_MAX bytes. NULL when a key is none.
MUST_CHECK struct noise *noise_initiator(struct bytes prologue, const bytes32 *secret,
                                         const uint8_t remote[NOISE_KEY_BYTES], const bytes32 *ephemeral);
MUST_CHECK struct noise *noise_responder(struct bytes prologue, const bytes32 *secret, const bytes32 *ephemeral);
void noise_free(struct noise *n); // NULL is fine

// The handshake. wants: how many bytes of an act to read next, 0 when none (an act is to be written, or it is over).
size_t noise_wants(const struct noise *n);
// act: exactly those bytes; fewer (the connection ended) fail by name.
MUST_CHECK enum noise_status noise_read_act(struct noise *n, struct bytes act);
// The act to send now, 0 bytes when none is due.
MUST_CHECK size_t noise_write_act(struct noise *n, uint8_t out[NOISE_ACT_MAX]);
// The handshake is over, without failure.
bool noise_ready(const struct noise *n);
// The other end's key: the initiator's as given, the responder's once ready.
const uint8_t *noise_remote_key(const struct noise *n);

// Messages, once ready. Seals head and body as one message, head_len + body_len <= NOISE_MESSAGE_MAX, into
// NOISE_OVERHEAD more bytes.
void noise_seal(struct noise *n, uint8_t *out, struct bytes head, struct bytes body);
// Opens the length in front of a message, then the message itself, in place: len + NOISE_TAG_BYTES bytes become len.
MUST_CHECK enum noise_status noise_open_length(struct noise *n, const uint8_t in[NOISE_LENGTH_BYTES], uint16_t *len);
MUST_CHECK enum noise_status noise_open_message(struct noise *n, uint8_t *in_out, uint16_t len);

#endif
