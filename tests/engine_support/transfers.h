// Signed random transfers for rigs: the senders of rig_options, nonces counted per sender.
#ifndef GANTRY_TESTS_TRANSFERS_H
#define GANTRY_TESTS_TRANSFERS_H

#include "chain/genesis.h"

struct transfers {
    uint64_t seed, random, chain_id;
    size_t senders;
    uint64_t *nonces;
    size_t last_sender; // of the transfer made last
};

void transfers_init(struct transfers *t, uint64_t seed, size_t senders);
void transfers_free(struct transfers *t);
// A transfer of up to 1,000 gwei to one of the senders or to a new address; every type in turn by chance. Writes the
// wire form, returns its length.
#define TRANSFER_BYTES_MAX 256
size_t transfers_next(struct transfers *t, uint8_t out[TRANSFER_BYTES_MAX]);

#endif
