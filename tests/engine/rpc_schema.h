// Checking JSON against a JSON schema, as far as the OpenRPC document of the Ethereum execution API uses it: type,
// required, properties, additionalProperties, pattern, enum, items, oneOf, anyOf, allOf, minimum, maximum.
#ifndef GANTRY_TESTS_ENGINE_RPC_SCHEMA_H
#define GANTRY_TESTS_ENGINE_RPC_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

#define SCHEMA_ERROR_MAX 512

// false with the place and the reason.
bool schema_accepts(const json_t *schema, const json_t *value, char error[SCHEMA_ERROR_MAX]);
// The result schema of a method in an OpenRPC document; NULL when it has none.
const json_t *schema_of_method(const json_t *openrpc, const char *method);

#endif
