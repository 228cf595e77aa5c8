// Running a node in the foreground until it is told to stop, for the subcommands that do.
#ifndef GANTRY_TOOLS_RUN_NODE_H
#define GANTRY_TOOLS_RUN_NODE_H

#include "engine/node_config.h"

// Keeps SIGINT and SIGTERM waiting until run_node can stop the node in order, for who has something to clean up then.
void run_node_block_signals(void);

// Starts a node, says where it listens, waits for SIGINT or SIGTERM (or its own failure), stops it. name is the
// subcommand's. genesis_json may be NULL (engine/node.h). Returns an exit code.
int run_node(const char *name, const struct node_config *config, const char *genesis_json);

#endif
