// Removing a temporary folder with all that is in it; links are removed, not followed.
#ifndef GANTRY_BASE_REMOVE_TREE_H
#define GANTRY_BASE_REMOVE_TREE_H

void remove_tree(const char *path);

#endif
