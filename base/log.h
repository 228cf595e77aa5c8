// Logger: one line an event, `time level component message key=value ...`, to standard error. Any thread; a line is
// written by one write(2), so lines never mix. Values that need it are quoted by the caller's format (%s is escaped
// when the text holds spaces, quotes or control characters: use log_text()).
#ifndef GANTRY_BASE_LOG_H
#define GANTRY_BASE_LOG_H

#include "base/bytes.h"

enum log_level { LOG_ERROR = 0, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
// Parses "error", "warn", "info", "debug".
MUST_CHECK bool log_parse_level(enum log_level *out, const char *text);
bool log_enabled(enum log_level level);

// fields is a printf format of `key=value` pairs, or "" for none.
__attribute__((format(printf, 4, 5))) void log_event(enum log_level level, const char *component, const char *message,
                                                     const char *fields, ...);

// Quotes and escapes text for a field when it needs it; the result lives in buf.
const char *log_text(char *buf, size_t cap, const char *text);

#define log_error(...) log_event(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_event(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_event(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_event(LOG_DEBUG, __VA_ARGS__)

#endif
