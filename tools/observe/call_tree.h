// A tree of calls with the time spent at each place, siblings told apart by a key. Grows; bounded. One thread.
#ifndef GANTRY_TOOLS_OBSERVE_CALL_TREE_H
#define GANTRY_TOOLS_OBSERVE_CALL_TREE_H

#include "base/bytes.h"

#define CALL_NODES_MAX 2000000u

// By index; 0 is the root. Children have greater indices than their parents.
struct call_node {
    uint64_t key;
    uint32_t parent, first_child, next; // 0: none
    uint64_t self_ns, total_ns;         // total: call_tree_add_up
};

struct call_tree {
    struct call_node *nodes;
    size_t count, cap;
};

void call_tree_init(struct call_tree *t);
void call_tree_free(struct call_tree *t);
// The child with this key, made when missing; 0 when the tree is full.
uint32_t call_tree_child(struct call_tree *t, uint32_t parent, uint64_t key);
void call_tree_add_up(struct call_tree *t);

#endif
