#include "base/version.h"

// Defined by the build for this file alone, so that a new commit recompiles nothing else.
#ifndef GANTRY_COMMIT
#define GANTRY_COMMIT "unknown"
#endif

const char *gantry_version(void)
{
    return "gantry/" GANTRY_COMMIT;
}
