#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

// A longer line is cut and ends in "...".
#define LINE_MAX_BYTES 4096

static _Atomic int max_level = LOG_INFO;
static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

bool log_parse_level(enum log_level *out, const char *text)
{
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&max_level, memory_order_relaxed);
}

// Appends to line at *len, never past the buffer; *len counts what a large enough buffer would hold.
__attribute__((format(printf, 3, 0))) static void append_v(char *line, size_t *len, const char *format, va_list args)
{
    size_t room = *len < LINE_MAX_BYTES ? LINE_MAX_BYTES - *len : 0;
    int wrote = vsnprintf(room ? line + *len : NULL, room, format, args);
    if (wrote > 0)
        *len += (size_t)wrote;
}

__attribute__((format(printf, 3, 4))) static void append(char *line, size_t *len, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    append_v(line, len, format, args);
    va_end(args);
}

static void append_time(char *line, size_t *len)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    append(line, len, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
           utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(now.tv_nsec / 1000000));
}

void log_event(enum log_level level, const char *component, const char *message, const char *fields, ...)
{
    if (!log_enabled(level))
        return;
    int saved_errno = errno;
    char line[LINE_MAX_BYTES];
    size_t len = 0;
    append_time(line, &len);
    append(line, &len, " %s %s %s", level_names[level], component, message);
    if (fields[0] != 0) {
        append(line, &len, " ");
        va_list args;
        va_start(args, fields);
        append_v(line, &len, fields, args);
        va_end(args);
    }
    if (len > LINE_MAX_BYTES - 1) {
        len = LINE_MAX_BYTES - 1;
        memcpy(line + len - 3, "...", 3);
    }
    // An event is one line, whatever the fields held.
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)line[i] < ' ')
            line[i] = ' ';
    }
    line[len++] = '\n';
    while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
        continue;
    errno = saved_errno;
}

static bool is_plain(const char *text)
{
    if (*text == 0)
        return false;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7f)
            return false;
    }
    return true;
}

// Writes c, escaped, into out (at least 5 bytes, NUL included); returns its length.
static size_t escape_char(char *out, char c)
{
    if (c == '"' || c == '\\')
        return (size_t)sprintf(out, "\\%c", c);
    if (c == '\n')
        return (size_t)sprintf(out, "\\n");
    if ((unsigned char)c < ' ' || c == 0x7f)
        return (size_t)sprintf(out, "\\x%02x", (unsigned char)c);
    out[0] = c;
    return 1;
}

const char *log_text(char *buf, size_t cap, const char *text)
{
    if (cap < 3) {
        if (cap > 0)
            buf[0] = 0;
        return cap > 0 ? buf : "";
    }
    if (is_plain(text)) {
        snprintf(buf, cap, "%s", text);
        return buf;
    }
    size_t len = 0;
    buf[len++] = '"';
    for (; *text; text++) {
        char escaped[8];
        size_t n = escape_char(escaped, *text);
        if (len + n + 2 > cap) // keep room for the closing quote and the NUL
            break;
        memcpy(buf + len, escaped, n);
        len += n;
    }
    buf[len++] = '"';
    buf[len] = 0;
    return buf;
}
