#include "shard/stage.h"

const char *const stage_names[STAGE_COUNT] = {
    [STAGE_RECEIVE] = "receive", [STAGE_DECODE] = "decode", [STAGE_VERIFY] = "verify",       [STAGE_POOL] = "pool",
    [STAGE_LINK] = "link",       [STAGE_ORDER] = "order",   [STAGE_EXECUTE] = "execute",     [STAGE_TRIE] = "trie",
    [STAGE_STORE] = "store",     [STAGE_REPLY] = "reply",   [STAGE_PREEMPTED] = "preempted", [STAGE_IDLE] = "idle",
};
