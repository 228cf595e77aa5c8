// Reading JSON (RFC 8259): a request's text to a tree of values. The only header behind which the JSON library stands.
//
// Before the library sees the text, a scan of our own bounds it: nesting depth and number of values, so that neither
// recursion nor memory is in the sender's hands. Strings are valid UTF-8 and hold no NUL. Not thread-safe for one tree.
#ifndef GANTRY_ENGINE_RPC_JSON_H
#define GANTRY_ENGINE_RPC_JSON_H

#include "base/bytes.h"

struct jv; // a value; owned by the tree it is part of

enum jv_kind { JV_NULL, JV_BOOL, JV_NUMBER, JV_STRING, JV_ARRAY, JV_OBJECT };

struct jv_limits {
    uint32_t depth_max; // lists and objects inside each other: 1 allows [1] and refuses [[1]]
    uint32_t value_max; // values of any kind in the whole text
};

#define JV_ERROR_MAX 160

// Parses a whole text: one value, only white space around it. NULL with one clause in error ("... at byte 12").
// jv_free releases the tree.
struct jv *jv_parse(struct bytes text, const struct jv_limits *limits, char error[JV_ERROR_MAX]);
void jv_free(struct jv *root); // NULL is fine

// The functions below take NULL as an absent value: jv_kind tells JV_NULL, the others nothing found.
enum jv_kind jv_kind(const struct jv *v);
// Elements of an array; 0 for other kinds.
size_t jv_count(const struct jv *v);
const struct jv *jv_at(const struct jv *array, size_t i);
// Members of an object; NULL when there is none of this name.
const struct jv *jv_get(const struct jv *object, const char *name);
// Visits an object's members in the order of their text, until visit returns false; the name with a NUL behind it.
bool jv_visit(const struct jv *object, bool (*visit)(void *ctx, const char *name, const struct jv *value), void *ctx);
// Text of a string (empty view for other kinds); a NUL follows it.
struct bytes jv_text(const struct jv *v);
bool jv_text_is(const struct jv *v, const char *text);
// Value of a number; 0 for other kinds. jv_integer is true for numbers written without point and exponent.
double jv_number(const struct jv *v);
MUST_CHECK bool jv_integer(const struct jv *v, int64_t *out);
bool jv_true(const struct jv *v);

#endif
