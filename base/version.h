// What this build is. Any thread.
#ifndef GANTRY_BASE_VERSION_H
#define GANTRY_BASE_VERSION_H

// "gantry/" and what git describes the commit as, e.g. "gantry/1f2e3d4c5b6a".
const char *gantry_version(void);

#endif
