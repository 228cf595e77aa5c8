#include "engine/admin/admin_request.h"

static struct bytes next_word(struct bytes *line)
{
    size_t n = 0;
    while (n < line->len && line->ptr[n] != ' ')
        n++;
    const struct bytes word = bytes_of(line->ptr, n);
    n += n < line->len;
    *line = bytes_of(line->ptr + n, line->len - n);
    return word;
}

static bool is(struct bytes word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.ptr, text, word.len) == 0;
}

// A number from 1 to max.
static bool number(unsigned *out, struct bytes word, unsigned max)
{
    unsigned value = 0;
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] < '0' || word.ptr[i] > '9' || value > max)
            return false;
        value = value * 10 + (word.ptr[i] - '0');
    }
    *out = value;
    return value >= 1 && value <= max;
}

bool admin_request_parse(struct admin_request *out, struct bytes line, const char **why)
{
    // A last space would end a word that isn't there.
    const bool trails = line.len > 0 && line.ptr[line.len - 1] == ' ';
    const struct bytes what = next_word(&line);
    *out = (struct admin_request){.what = is(what, "profile") ? ADMIN_PROFILE : ADMIN_TRACE};
    *why = "unknown request: profile SECONDS HERTZ, or trace SECONDS";
    if (out->what == ADMIN_TRACE && !is(what, "trace"))
        return false;
    *why = "seconds: a number from 1 to 600";
    if (!number(&out->seconds, next_word(&line), ADMIN_SECONDS_MAX))
        return false;
    *why = "hertz: a number from 1 to 10000";
    if (out->what == ADMIN_PROFILE && !number(&out->hertz, next_word(&line), ADMIN_HERTZ_MAX))
        return false;
    *why = "something follows the request";
    return line.len == 0 && !trails;
}
