#include "engine/rpc/json.h"

#include <jansson.h>
#include <stdio.h>

// struct jv is the library's json_t under a name of ours.
static const json_t *native(const struct jv *v)
{
    return (const json_t *)v;
}

static const struct jv *ours(const json_t *v)
{
    return (const struct jv *)v;
}

// A string's end: the position after its closing quote, or len.
static size_t skip_string(struct bytes text, size_t i)
{
    for (i++; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '"')
            return i + 1;
    }
    return text.len;
}

// Bounds depth and values of a text that need not be well-formed: every value but the first in its container follows
// a comma or a colon, so that brackets + commas + colons are an upper bound of the values.
static bool within_limits(struct bytes text, const struct jv_limits *limits, char error[JV_ERROR_MAX])
{
    uint32_t depth = 0, values = 1;
    for (size_t i = 0; i < text.len;) {
        uint8_t c = text.ptr[i];
        if (c == '"') {
            i = skip_string(text, i);
            continue;
        }
        i++;
        if (c == '[' || c == '{')
            depth++;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
        else if (c != ',' && c != ':')
            continue;
        if (depth > limits->depth_max) {
            snprintf(error, JV_ERROR_MAX, "nested deeper than %u at byte %zu", limits->depth_max, i);
            return false;
        }
        if (c != ']' && c != '}' && ++values > limits->value_max) {
            snprintf(error, JV_ERROR_MAX, "more than %u values at byte %zu", limits->value_max, i);
            return false;
        }
    }
    return true;
}

// The library quotes the text near the place; what is not ASCII there, the reader of the answer need not get.
static void explain(json_error_t *why, char error[JV_ERROR_MAX])
{
    bool nul = json_error_code(why) == json_error_null_character;
    for (char *p = why->text; *p; p++) {
        if (*p < ' ' || *p > '~')
            *p = '?';
    }
    snprintf(error, JV_ERROR_MAX, "%.100s at byte %d", nul ? "NUL in a string" : why->text, why->position);
}

struct jv *jv_parse(struct bytes text, const struct jv_limits *limits, char error[JV_ERROR_MAX])
{
    if (text.len == 0) {
        snprintf(error, JV_ERROR_MAX, "nothing there");
        return NULL;
    }
    if (!within_limits(text, limits, error))
        return NULL;
    json_error_t why;
    json_t *root = json_loadb((const char *)text.ptr, text.len, JSON_DECODE_ANY, &why);
    if (!root)
        explain(&why, error);
    return (struct jv *)root;
}

void jv_free(struct jv *root)
{
    json_decref((json_t *)root);
}

enum jv_kind jv_kind(const struct jv *v)
{
    if (!v)
        return JV_NULL;
    switch (json_typeof(native(v))) {
    case JSON_OBJECT:
        return JV_OBJECT;
    case JSON_ARRAY:
        return JV_ARRAY;
    case JSON_STRING:
        return JV_STRING;
    case JSON_INTEGER:
    case JSON_REAL:
        return JV_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return JV_BOOL;
    case JSON_NULL:
        break;
    }
    return JV_NULL;
}

size_t jv_count(const struct jv *v)
{
    return json_array_size(native(v));
}

const struct jv *jv_at(const struct jv *array, size_t i)
{
    return ours(json_array_get(native(array), i));
}

const struct jv *jv_get(const struct jv *object, const char *name)
{
    return ours(json_object_get(native(object), name));
}

bool jv_visit(const struct jv *object, bool (*visit)(void *ctx, const char *name, const struct jv *value), void *ctx)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        if (!visit(ctx, name, ours(value)))
            return false;
    }
    return true;
}

struct bytes jv_text(const struct jv *v)
{
    return bytes_of(json_string_value(native(v)), json_string_length(native(v)));
}

bool jv_text_is(const struct jv *v, const char *text)
{
    return jv_kind(v) == JV_STRING && bytes_equal(jv_text(v), bytes_of(text, strlen(text)));
}

double jv_number(const struct jv *v)
{
    return json_number_value(native(v));
}

bool jv_integer(const struct jv *v, int64_t *out)
{
    if (!v || json_typeof(native(v)) != JSON_INTEGER)
        return false;
    *out = json_integer_value(native(v));
    return true;
}

bool jv_true(const struct jv *v)
{
    return v && json_typeof(native(v)) == JSON_TRUE;
}
