// The sign guard: a small file of its own that remembers what this key has signed, and refuses a conflicting vote no
// matter what the log and the state machines believe. Sans-IO: the owner writes the image it hands out.
//
// It keeps the epoch, the highest view voted in, and the votes of the last GUARD_VIEWS views. Refused are: an older
// epoch; a notarize or nullify vote below the highest view; a second notarize or finalize digest in one view; nullify
// and finalize in one view; a finalize vote for a view too old to be remembered.
#ifndef GANTRY_ENGINE_ORDER_GUARD_H
#define GANTRY_ENGINE_ORDER_GUARD_H

#include "engine/net/wire/message.h"
#include "engine/store/store_error.h"

#define GUARD_VIEWS 32
#define GUARD_IMAGE_BYTES 4096
#define GUARD_FILE_BYTES (2 * GUARD_IMAGE_BYTES) // two slots, written in turn
#define GUARD_FILE_NAME "sign-guard"

struct guard_view {
    uint64_t view;
    bool notarized, nullified, finalized;
    bytes32 notarize, finalize; // digests
};

struct guard {
    bytes32 genesis_hash;
    uint64_t sequence; // counts changes
    uint64_t epoch, highest;
    struct guard_view views[GUARD_VIEWS];
};

void guard_init(struct guard *g, const bytes32 *genesis_hash);

// Whether the vote may be signed; if so it is remembered, and the image must be durable before the signature leaves.
MUST_CHECK bool guard_allow(struct guard *g, uint64_t epoch, uint8_t kind, uint64_t view, const bytes32 *digest);

// Whether the view is too old for a finalize vote to be allowed.
bool guard_has_forgotten(const struct guard *g, uint64_t epoch, uint64_t view);

// A vote that the log has: remembered whatever the highest view. False when it contradicts one that is remembered.
MUST_CHECK bool guard_recall(struct guard *g, uint64_t epoch, uint8_t kind, uint64_t view, const bytes32 *digest);

// The image for slot `sequence % 2`, at offset slot * GUARD_IMAGE_BYTES.
void guard_image(uint8_t out[GUARD_IMAGE_BYTES], const struct guard *g);
// The newer of the file's two slots. False with a message: neither is whole, or it is another chain's.
MUST_CHECK bool guard_load(struct guard *g, const uint8_t file[GUARD_FILE_BYTES], const bytes32 *genesis_hash,
                           char error[STORE_ERROR_MAX]);

#endif
