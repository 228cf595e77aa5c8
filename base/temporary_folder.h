// A folder for what nobody keeps, in the folder that TMPDIR names, or in /tmp.
#ifndef GANTRY_BASE_TEMPORARY_FOLDER_H
#define GANTRY_BASE_TEMPORARY_FOLDER_H

#include "base/bytes.h"

// Makes one whose name begins with this. Its path, malloc'ed; remove_tree removes it. NULL: none can be made (errno).
MUST_CHECK char *temporary_folder(const char *name);

#endif
