// A peer that serves a small state over real connections, honestly or not: what a node that fetches one may meet. One
// thread of its own.
#ifndef GANTRY_TESTS_ENGINE_SNAP_PEER_H
#define GANTRY_TESTS_ENGINE_SNAP_PEER_H

#include "engine/snap/snap_take.h"
#include "tests/engine/certificate_fixture.h"

#include <pthread.h>

enum snap_lie {
    HONEST,
    WRONG_BALANCE,
    MISSING_ACCOUNT,
    WRONG_SLOT,
    WRONG_STORAGE_ROOT,
    SLOT_OF_NOBODY,
    USELESS_ACCOUNT, // one that does not exist (EIP-161)
    WRONG_CODE,
    OTHER_BLOCK, // the last one but one is another chain's
    UNSIGNED,    // too few votes under the proof
    NOT_A_PROOF,
    MALFORMED, // keys that fall
    SNAP_LIES,
};

#define SNAP_PEER_BLOCKS 4u
#define SNAP_PEER_HEIGHT 2u // of the state
#define SNAP_PEER_ORDERED 7u
#define SNAP_PEER_ENTRIES 16u

struct snap_peer {
    struct certificate_fixture validators;
    enum snap_lie lie;
    unsigned hang_up_after; // so many answers it goes; 0: it stays
    unsigned answers;
    bytes32 secret, genesis;
    uint8_t key[NOISE_KEY_BYTES];
    struct sockaddr_storage at;
    bytes32 blocks[SNAP_PEER_BLOCKS + 1]; // hashes, by number
    uint8_t *records[SNAP_PEER_BLOCKS + 1];
    size_t record_len[SNAP_PEER_BLOCKS + 1];
    char *proof;
    // entries of the three tables, by kind
    struct {
        uint8_t key[64], value[200];
        size_t value_len;
    } entries[WIRE_SNAP_KINDS][SNAP_PEER_ENTRIES];
    size_t entry_count[WIRE_SNAP_KINDS];
    int listen_fd;
    pthread_t thread;
    _Atomic bool stop;
};

// Starts it. The state and its blocks are the same each time.
void snap_peer_start(struct snap_peer *p, enum snap_lie lie);
void snap_peer_stop(struct snap_peer *p);

#endif
