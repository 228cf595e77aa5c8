#include "tests/engine/rpc_schema.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

static bool fail(char error[SCHEMA_ERROR_MAX], const char *what, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    snprintf(error, SCHEMA_ERROR_MAX, "%.100s: %.300s", what, text ? text : "");
    free(text);
    return false;
}

static bool type_matches(const char *type, const json_t *value)
{
    if (strcmp(type, "integer") == 0)
        return json_is_integer(value);
    if (strcmp(type, "number") == 0)
        return json_is_number(value);
    if (strcmp(type, "string") == 0)
        return json_is_string(value);
    if (strcmp(type, "boolean") == 0)
        return json_is_boolean(value);
    if (strcmp(type, "null") == 0)
        return json_is_null(value);
    if (strcmp(type, "array") == 0)
        return json_is_array(value);
    return strcmp(type, "object") == 0 && json_is_object(value);
}

static bool pattern_matches(const char *pattern, const char *text)
{
    regex_t compiled;
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool matches = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return matches;
}

static bool check_object(const json_t *schema, const json_t *value, char error[SCHEMA_ERROR_MAX])
{
    const json_t *properties = json_object_get(schema, "properties"),
                 *extra = json_object_get(schema, "additionalProperties");
    const json_t *name, *member;
    size_t i;
    const char *key;
    json_array_foreach(json_object_get(schema, "required"), i, name)
    {
        if (!json_object_get(value, json_string_value(name)))
            return fail(error, json_string_value(name), value);
    }
    json_object_foreach((json_t *)value, key, member)
    {
        const json_t *known = json_object_get(properties, key);
        if (!known && json_is_false(extra))
            return fail(error, key, value);
        if (!known && json_is_object(extra))
            known = extra;
        if (known && !schema_accepts(known, member, error))
            return false;
    }
    return true;
}

// How many alternatives accept the value.
static size_t count_accepting(const json_t *alternatives, const json_t *value, char error[SCHEMA_ERROR_MAX])
{
    size_t count = 0, i;
    const json_t *schema;
    json_array_foreach(alternatives, i, schema) count += schema_accepts(schema, value, error);
    return count;
}

static bool check_combinations(const json_t *schema, const json_t *value, char error[SCHEMA_ERROR_MAX])
{
    const json_t *one = json_object_get(schema, "oneOf"), *any = json_object_get(schema, "anyOf");
    const json_t *all = json_object_get(schema, "allOf");
    if (one && count_accepting(one, value, error) != 1)
        return false;
    if (any && count_accepting(any, value, error) == 0)
        return false;
    return !all || count_accepting(all, value, error) == json_array_size(all);
}

bool schema_accepts(const json_t *schema, const json_t *value, char error[SCHEMA_ERROR_MAX])
{
    const json_t *type = json_object_get(schema, "type"), *pattern = json_object_get(schema, "pattern");
    const json_t *names = json_object_get(schema, "enum"), *item;
    const json_t *low = json_object_get(schema, "minimum"), *high = json_object_get(schema, "maximum");
    size_t i;
    if (type && !type_matches(json_string_value(type), value))
        return fail(error, json_string_value(type), value);
    if (pattern && json_is_string(value) && !pattern_matches(json_string_value(pattern), json_string_value(value)))
        return fail(error, json_string_value(pattern), value);
    if (names) {
        bool found = false;
        json_array_foreach(names, i, item) found = found || json_equal(item, value);
        if (!found)
            return fail(error, "enum", value);
    }
    if (json_is_number(value) && ((low && json_number_value(value) < json_number_value(low)) ||
                                  (high && json_number_value(value) > json_number_value(high))))
        return fail(error, "range", value);
    if (json_is_object(value) && !check_object(schema, value, error))
        return false;
    if (json_is_array(value) && json_object_get(schema, "items")) {
        json_array_foreach(value, i, item)
        {
            if (!schema_accepts(json_object_get(schema, "items"), item, error))
                return false;
        }
    }
    return check_combinations(schema, value, error);
}

const json_t *schema_of_method(const json_t *openrpc, const char *method)
{
    size_t i;
    const json_t *m;
    json_array_foreach(json_object_get(openrpc, "methods"), i, m)
    {
        if (strcmp(json_string_value(json_object_get(m, "name")), method) == 0)
            return json_object_get(json_object_get(m, "result"), "schema");
    }
    return NULL;
}
