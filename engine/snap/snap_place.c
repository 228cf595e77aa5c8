// From DATA/snapshot to where the node looks.
#include "engine/snap/snap_fetch.h"

#include "base/remove_tree.h"
#include "engine/vote_folder.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool move(const char *data, const char *name, char error[STORE_ERROR_MAX])
{
    char from[PATH_MAX], to[PATH_MAX];
    if (snprintf(from, sizeof from, "%s/snapshot/%s", data, name) >= PATH_MAX ||
        snprintf(to, sizeof to, "%s/%s", data, name) >= PATH_MAX)
        return store_fail(error, "the path of the data folder is too long");
    if (access(from, F_OK) != 0)
        return true; // moved before
    remove_tree(to);
    return rename(from, to) == 0 || store_fail(error, "cannot rename %.200s: %s", from, strerror(errno));
}

bool snap_place(const char *data, const bytes32 *genesis_hash, char error[STORE_ERROR_MAX])
{
    char dir[PATH_MAX];
    struct anchor anchor;
    if (snprintf(dir, sizeof dir, "%s/snapshot", data) >= PATH_MAX)
        return store_fail(error, "the path of the data folder is too long");
    const enum anchor_found found = anchor_read(&anchor, dir, ANCHOR_NAME, genesis_hash, error);
    if (found != ANCHOR_FOUND)
        return found == ANCHOR_NONE;
    if (!move(data, "state", error) || !move(data, "log", error) ||
        (!anchor.keep_log && !vote_folder_set_log_aside(data, error)) ||
        !anchor_write(&anchor, data, ANCHOR_NAME, genesis_hash, error) ||
        !anchor_remove(data, ANCHOR_FETCH_NAME, error) || !anchor_remove(dir, ANCHOR_NAME, error))
        return false;
    remove_tree(dir);
    return true;
}
