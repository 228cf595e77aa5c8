// One encrypted connection to a peer, without its socket: bytes received go in, messages come out through the owner's
// functions; messages go in, bytes to send come out.
//
//   handshake (noise.h) -> the dialer's HELLO, the other's HELLO -> open, held back until link_resume -> messages
//
// A HELLO says which kind of connection it is. The link opens held back so that it can change hands between threads
// with nothing lost; until then whatever else came is kept. One thread at a time.
//
// What is queued is sealed only when there is room to send it, so until then a newer message of the same slot takes an
// older one's place. Bounds: LINK_CONTROL_QUEUE_BYTES, where exceeding ends the link (its peer is too slow to be told
// everything; the state is sent anew on the next connection), and LINK_BULK_QUEUE_BYTES, where the new message is
// dropped.
//
// Every failure is final and has a name.
#ifndef GANTRY_ENGINE_NET_LINK_H
#define GANTRY_ENGINE_NET_LINK_H

#include "engine/net/frame.h"
#include "engine/net/noise.h"

#define LINK_OPEN_NS 5000000000ull // from connecting until open
#define LINK_CONTROL_QUEUE_BYTES (4u << 20)
#define LINK_BULK_QUEUE_BYTES (32u << 20)
#define LINK_SLOTS 32u

enum link_status {
    LINK_OK = 0,
    LINK_BAD_HANDSHAKE, // noise_status says how
    LINK_NOT_ALLOWED,   // a key that the owner does not admit
    LINK_TOO_LATE,      // not open in time
    LINK_BAD_HELLO,
    LINK_BAD_SEAL,    // noise_status says how
    LINK_BAD_FRAME,   // frame_status says how
    LINK_OVERFLOW,    // the peer takes control messages too slowly
    LINK_ENDED,       // the peer closed it
    LINK_BROKEN,      // the socket failed
    LINK_UNREACHABLE, // nobody listens there
    LINK_REPLACED,    // the same peer connected anew
    LINK_MISBEHAVED,  // the owner found the peer breaking the rules
    LINK_DISMISSED,   // the owner ended it
    LINK_STATUS_COUNT,
};
const char *link_status_text(enum link_status status);

// A message to send, shared by the queues of any number of links. They and its maker are one thread's.
struct payload {
    uint32_t refs, len;
    uint8_t data[];
};
__attribute__((returns_nonnull)) struct payload *payload_new(size_t len); // one reference, the caller's
__attribute__((returns_nonnull)) struct payload *payload_of(struct bytes message);
void payload_release(struct payload *p);

struct link;

struct link_ops {
    // Responder: may the owner of this key go on? NULL: everybody may.
    bool (*admit)(void *ctx, struct link *l, const uint8_t key[NOISE_KEY_BYTES]);
    // What the peer's HELLO says; *ours is what this end says (the initiator has said it, the responder's is sent after
    // this and may be filled in; channel and group are echoed). false refuses it.
    bool (*greeted)(void *ctx, struct link *l, const struct wire_hello *theirs, struct wire_hello *ours);
    // A message of a type for this kind of connection, within its limit; valid during the call (link_keep).
    void (*message)(void *ctx, struct link *l, struct bytes message);
};

struct link_options {
    const struct link_ops *ops;
    void *ctx;
    struct bytes prologue; // link_prologue
    bytes32 secret, ephemeral;
    const uint8_t *remote; // NOISE_KEY_BYTES: the initiator's idea of the peer; NULL: responder
    struct wire_hello hello;
    uint64_t now_ns;
};

// "gantry" and the genesis hash.
#define LINK_PROLOGUE_BYTES (6u + 32u)
void link_prologue(uint8_t out[LINK_PROLOGUE_BYTES], const bytes32 *genesis_hash);

// NULL when a key is none.
MUST_CHECK struct link *link_create(const struct link_options *options);
void link_free(struct link *l);

// Hands it to another owner. Only while it is held back.
void link_give(struct link *l, const struct link_ops *ops, void *ctx);
// Lets messages through, first those that came meanwhile.
enum link_status link_resume(struct link *l);

// Bytes from the peer, overwritten; all are taken. Not while it is held back.
enum link_status link_receive(struct link *l, uint8_t *bytes, size_t len);
// The peer sends no more.
enum link_status link_end(struct link *l);
// Time passes: fails a link that should be open by now.
enum link_status link_check_time(struct link *l, uint64_t now_ns);
// The owner's or the socket's reason to give it up; the first reason stays.
void link_fail(struct link *l, enum link_status why);

enum link_sent { LINK_QUEUED, LINK_REPLACED_OLDER, LINK_DROPPED, LINK_CLOSED };
// slot: 0, or what the message is about, below LINK_SLOTS: a later one of the same slot supersedes it. Takes a
// reference of its own.
enum link_sent link_send(struct link *l, struct payload *message, unsigned slot);

// What is to be sent now; empty when nothing is. Stays where it is until link_sent has told that all of it went out.
struct bytes link_output(struct link *l);
void link_sent(struct link *l, size_t len);

// During `message`: the message's memory where it is an allocation of its own, the caller's from now on; else NULL.
MUST_CHECK uint8_t *link_keep(struct link *l);

bool link_is_open(const struct link *l);
bool link_is_held(const struct link *l);
enum link_status link_status(const struct link *l);
// A sentence part with the details of a failure.
const char *link_failure(const struct link *l);
const uint8_t *link_remote_key(const struct link *l);
const struct wire_hello *link_hello(const struct link *l); // the connection's kind; shards are the peer's

struct link_counters {
    uint64_t messages_in, bytes_in, messages_out, bytes_out; // bytes as sealed
    uint64_t dropped, replaced;
    uint64_t queued_bytes; // now
};
const struct link_counters *link_counters(const struct link *l);

#endif
