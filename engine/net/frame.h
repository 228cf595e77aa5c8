// Messages on an encrypted connection. What fits one sealed message (65,535 bytes) is one; what doesn't goes as a run
// of frames, each a sealed message of its own:
//
//   mark u16 = 0xffff, type u8, zero u8, stream length u32, offset u32, zero u32, then up to 65,519 bytes of the stream
//
// The mark is no protocol version, so a frame is never taken for a message. Type and length are checked against the
// type's limit before anything is allocated. A run is not interrupted; all frames but the last are full.
#ifndef GANTRY_ENGINE_NET_FRAME_H
#define GANTRY_ENGINE_NET_FRAME_H

#include "engine/net/wire/codec.h"

#define FRAME_PLAIN_MAX 65535u // NOISE_MESSAGE_MAX
#define FRAME_HEADER_BYTES 16u
#define FRAME_CHUNK_MAX (FRAME_PLAIN_MAX - FRAME_HEADER_BYTES)

// ---- sending: the sealed message that starts at offset of a message of so many bytes

struct frame_part {
    uint8_t header[FRAME_HEADER_BYTES];
    size_t header_len; // 0 where the message fits as it is
    struct bytes body;
};
// Offsets run from 0 in steps of the bodies' lengths.
void frame_cut(struct frame_part *out, struct bytes message, size_t offset);

// ---- receiving

enum frame_status {
    FRAME_MESSAGE = 0, // a whole message is there
    FRAME_MORE,
    FRAME_BAD_MESSAGE, // its prefix is refused: see wire_status
    FRAME_BAD_CHANNEL, // its type belongs on the other kind of connection
    FRAME_BAD_HEADER,  // fields that no sender writes
    FRAME_BAD_LENGTH,  // over the type's limit, or so short that it needed no frames
    FRAME_BAD_ORDER,   // a frame missing, repeated, or a message inside a run
    FRAME_STATUS_COUNT,
};
const char *frame_status_text(enum frame_status status);

struct frame_reader {
    enum wire_channel channel;
    uint8_t type;
    uint8_t *stream; // malloc'ed while a run is under way or its message not yet given away
    uint32_t length, have;
    enum wire_status wire_status; // after FRAME_BAD_MESSAGE
};

void frame_reader_init(struct frame_reader *r, enum wire_channel channel);
void frame_reader_free(struct frame_reader *r);

// Takes one opened message. *message is valid until the next call and points into plain, or to the run's own memory.
MUST_CHECK enum frame_status frame_read(struct frame_reader *r, struct bytes plain, struct bytes *message);
// The memory of the message just read, where it came as a run: the caller's from now on (free). Else NULL.
MUST_CHECK uint8_t *frame_keep(struct frame_reader *r);

#endif
