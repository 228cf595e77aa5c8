// The genesis of a new cluster, from a template or from scratch.
#ifndef GANTRY_TOOLS_CLUSTER_INIT_GENESIS_H
#define GANTRY_TOOLS_CLUSTER_INIT_GENESIS_H

#include "chain/genesis.h"
#include "tools/cluster/init.h"

struct json_t;

struct init_genesis {
    struct json_t *root;
    char *text; // once finished
    unsigned validator_count;
    struct genesis_validator validators[CLUSTER_VALIDATORS_MAX]; // the caller's to fill in, between begin and finish
    bool has_funded;
    address first_funded; // in the order of addresses
};

// Everything but the validators. False with a message.
MUST_CHECK bool init_genesis_begin(struct init_genesis *g, const struct init_settings *s, char error[INIT_ERROR_MAX]);
// Adds the validators and binds them by extraData. What comes out is accepted by genesis_parse.
MUST_CHECK bool init_genesis_finish(struct init_genesis *g, char error[INIT_ERROR_MAX]);
void init_genesis_free(struct init_genesis *g);

#endif
