// What the rpc thread is told of the node: status, health, metrics.
#include "engine/node_private.h"

#include "base/clock.h"
#include "base/version.h"

#include <stdio.h>

bool node_ask(void *ctx, struct rpc_query *q)
{
    return queries_ask(((struct node *)ctx)->queries, q);
}
