#include "tools/observe/call_tree.h"

#include <stdlib.h>

void call_tree_init(struct call_tree *t)
{
    *t = (struct call_tree){.count = 1, .cap = 1024};
    t->nodes = calloc(t->cap, sizeof *t->nodes);
    if (!t->nodes)
        abort();
}

void call_tree_free(struct call_tree *t)
{
    free(t->nodes);
}

uint32_t call_tree_child(struct call_tree *t, uint32_t parent, uint64_t key)
{
    for (uint32_t c = t->nodes[parent].first_child; c; c = t->nodes[c].next) {
        if (t->nodes[c].key == key)
            return c;
    }
    if (t->count == CALL_NODES_MAX)
        return 0;
    if (t->count == t->cap) {
        t->cap *= 2;
        t->nodes = realloc(t->nodes, t->cap * sizeof *t->nodes);
        if (!t->nodes)
            abort();
    }
    const uint32_t made = (uint32_t)t->count++;
    t->nodes[made] = (struct call_node){.key = key, .parent = parent, .next = t->nodes[parent].first_child};
    t->nodes[parent].first_child = made;
    return made;
}

void call_tree_add_up(struct call_tree *t)
{
    for (size_t i = 0; i < t->count; i++)
        t->nodes[i].total_ns = t->nodes[i].self_ns;
    for (size_t i = t->count; i-- > 1;)
        t->nodes[t->nodes[i].parent].total_ns += t->nodes[i].total_ns;
}
