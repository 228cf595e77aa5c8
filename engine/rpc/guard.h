// Who may talk to the server: Host and Origin checks, as geth makes them. Pure functions; any thread.
//
// A page from anywhere can make its visitor's browser send requests to a server on the visitor's own machine. Two
// things stop it from being understood: the Origin header (which pages may read answers: CORS) and the Host header (a
// name that was rebound to 127.0.0.1 by its DNS still stands there).
#ifndef GANTRY_ENGINE_RPC_GUARD_H
#define GANTRY_ENGINE_RPC_GUARD_H

#include "base/bytes.h"

// host is the Host header's text, "" when there was none. True for no host, localhost, any numeric address, and the
// names in allowed (comma-separated, without ports; "*": all).
bool guard_host(const char *host, const char *allowed);
// origin is the Origin header's text. cors: comma-separated origins, "*" all, "" or NULL none.
bool guard_origin(const char *origin, const char *cors);
// Was the page that this origin names served under the same host and port? host as above, not "".
bool guard_same_origin(const char *origin, const char *host);
// Is the Content-Type one of application/json, application/json-rpc, application/jsonrequest (parameters ignored)?
// Others are what a page may send elsewhere without being asked, so they are refused.
bool guard_content_type(const char *type);

#endif
