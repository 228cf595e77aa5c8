// The one line that a client of the admin socket sends.
#ifndef GANTRY_ENGINE_ADMIN_ADMIN_REQUEST_H
#define GANTRY_ENGINE_ADMIN_ADMIN_REQUEST_H

#include "engine/admin/frames.h"

enum admin_what { ADMIN_PROFILE, ADMIN_TRACE };

struct admin_request {
    enum admin_what what;
    unsigned seconds, hertz;
};

// The line without its line feed. False with a sentence (a constant) when it is none.
MUST_CHECK bool admin_request_parse(struct admin_request *out, struct bytes line, const char **why);

#endif
