// Writing JSON: a growing buffer and the few forms that Ethereum's answers are made of. No tree is built; commas and
// quotes of structure are the caller's (jw_raw), so a caller writes what the reader will see.
//
//   jw_raw(w, "{\"number\":");  jw_quantity(w, 7);  jw_raw(w, ",\"hash\":");  jw_hash(w, &hash);  jw_raw(w,
//   "}");
//
// A writer has a limit: what would go past it is dropped and `overflow` set; the owner answers with an error instead.
// The buffer keeps JSON_HEADROOM bytes free in front, for a frame's header. One owner thread.
#ifndef GANTRY_ENGINE_RPC_JSON_WRITER_H
#define GANTRY_ENGINE_RPC_JSON_WRITER_H

#include "base/u256.h"

#define JSON_HEADROOM 32

struct json_writer {
    char *mem;  // malloc'ed; text starts at mem + JSON_HEADROOM
    size_t len; // of the text
    size_t cap; // of the text
    size_t limit;
    bool overflow;
};

// Nothing is allocated before the first write.
void jw_init(struct json_writer *w, size_t limit);
void jw_release(struct json_writer *w);
// Back to a length that the writer had; forgives an overflow.
void jw_rewind(struct json_writer *w, size_t len);
static inline char *jw_text(const struct json_writer *w)
{
    return w->mem ? w->mem + JSON_HEADROOM : NULL;
}

// Room for n more bytes (NULL when past the limit); the caller writes them and adds to len.
char *jw_room(struct json_writer *w, size_t n);

void jw_bytes(struct json_writer *w, const void *text, size_t len);
static inline void jw_raw(struct json_writer *w, const char *text)
{
    jw_bytes(w, text, strlen(text));
}
__attribute__((format(printf, 2, 3))) void jw_printf(struct json_writer *w, const char *format, ...);

// A quoted string, escaped. text is UTF-8.
void jw_string(struct json_writer *w, struct bytes text);
static inline void jw_cstring(struct json_writer *w, const char *text)
{
    jw_string(w, bytes_of(text, strlen(text)));
}
// "0x..." of all bytes; "0x" for none.
void jw_data(struct json_writer *w, const void *bytes, size_t len);
// "0x..." without leading zero digits; "0x0" for zero.
void jw_quantity(struct json_writer *w, uint64_t v);
void jw_quantity256(struct json_writer *w, const u256 *v);
// The shortest decimal text that reads back as v; v is finite.
void jw_double(struct json_writer *w, double v);

static inline void jw_hash(struct json_writer *w, const bytes32 *hash)
{
    jw_data(w, hash->b, sizeof hash->b);
}
static inline void jw_address(struct json_writer *w, const address *a)
{
    jw_data(w, a->b, sizeof a->b);
}
static inline void jw_bool(struct json_writer *w, bool v)
{
    jw_raw(w, v ? "true" : "false");
}

#endif
