// Messages to bytes and back. Decoders take (pointer, length), trust no length inside, copy nothing that they can point
// to, and refuse whatever the encoder would not have written. They allocate nothing. Any thread.
#ifndef GANTRY_ENGINE_NET_WIRE_CODEC_H
#define GANTRY_ENGINE_NET_WIRE_CODEC_H

#include "engine/net/wire/digest.h"
#include "engine/net/wire/limits.h"

enum wire_status {
    WIRE_OK = 0,
    WIRE_SHORT,         // ends inside a field
    WIRE_TRAILING,      // bytes after the last field
    WIRE_BAD_VERSION,   // another protocol version
    WIRE_BAD_TYPE,      // no such type, or one that this version does not speak
    WIRE_TOO_LONG,      // longer than its type's limit
    WIRE_BAD_VALUE,     // a field outside its range
    WIRE_BAD_COUNT,     // a list longer than its limit
    WIRE_NOT_CANONICAL, // unsorted, duplicated, or something set that must be zero
    WIRE_BAD_DIGEST,    // a digest inside does not fit what it names
    WIRE_NO_CONFLICT,   // evidence of nothing
    WIRE_STATUS_COUNT,
};
const char *wire_status_text(enum wire_status status);

// The common prefix alone, to find the epoch's set: version, type and epoch of a message whose length fits its type.
MUST_CHECK enum wire_status wire_peek(struct wire_prefix *out, struct bytes in);

// The whole message; set is that of its epoch; without one (NULL) only HELLO decodes. On failure out holds nothing of
// use.
MUST_CHECK enum wire_status wire_decode(struct wire_message *out, struct bytes in, const struct wire_set *set);

// Size of the encoded message, 0 for one longer than its limit; and the encoding itself into that many bytes. The
// version is this program's. Whoever makes a message sees to it that it would decode.
MUST_CHECK size_t wire_size(const struct wire_message *m);
void wire_encode(uint8_t *out, const struct wire_message *m);

// Walk what CERTS and RANGE brought, in order: items remain in *rest. False at the end.
MUST_CHECK bool wire_certs_next(struct bytes *rest, struct wire_cert *out);
MUST_CHECK bool wire_blocks_next(struct bytes *rest, struct wire_block *out, const struct wire_set *set);

// Signers of a certificate.
unsigned wire_cert_count(const struct wire_cert *cert);
bool wire_cert_has(const struct wire_cert *cert, unsigned voter);

// ---- state sync

// How many bytes of a kind's keys are used, and whether its chunks are entries of a table.
size_t wire_snap_key_bytes(uint8_t kind);
bool wire_snap_is_table(uint8_t kind);
// Walks the entries of a chunk. False at the end.
MUST_CHECK bool wire_snap_next(struct bytes *rest, uint8_t kind, struct wire_snap_entry *out);

// ---- stripe bodies

struct wire_stripe_tx {
    uint16_t key;      // index into the keys
    const uint8_t *ry; // 32 bytes, big-endian: y of the signature's R
    struct bytes raw;  // the transaction
};

// Keys come in the order of their first use, and all are used. A key listed twice is legal and a waste of its sender's
// bytes.
struct wire_stripe {
    uint16_t key_count;
    const uint8_t (*keys)[64]; // x || y, big-endian
    uint32_t tx_count;
    struct bytes txs; // walked by wire_stripe_next
};

MUST_CHECK enum wire_status wire_stripe_open(struct wire_stripe *out, struct bytes body);
MUST_CHECK bool wire_stripe_next(struct bytes *rest, struct wire_stripe_tx *out);

size_t wire_stripe_size(size_t key_count, const struct wire_stripe_tx *txs, size_t tx_count);
void wire_stripe_put(uint8_t *out, const uint8_t (*keys)[64], uint16_t key_count, const struct wire_stripe_tx *txs,
                     uint32_t tx_count);

#endif
