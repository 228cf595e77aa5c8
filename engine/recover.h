// From what the disk holds to running shards: load the checkpoint, replay the log's tail, rebuild the tries, check the
// root. Called once, by the starting thread, after the shards' threads run and before anything else talks to them.
#ifndef GANTRY_ENGINE_RECOVER_H
#define GANTRY_ENGINE_RECOVER_H

#include "chain/genesis.h"
#include "engine/store/checkpoint.h"
#include "shard/shard.h"

struct recovered {
    struct header head;
    bytes32 head_hash;
    struct exec_ancestors ancestors;
    struct subroot *subroots; // [256], of the head; malloc'ed
    uint64_t replayed_blocks, replayed_transactions;
    uint64_t load_ns, replay_ns, rebuild_ns;
};

// false with a message: damage, a log that does not reach the checkpoint, a state root that does not match.
MUST_CHECK bool recover_shards(struct recovered *out, struct shard **shards, unsigned shard_count,
                               const struct genesis *genesis, struct codes *codes, struct checkpoint *checkpoint,
                               struct blog *blog, char error[STORE_ERROR_MAX]);

#endif
