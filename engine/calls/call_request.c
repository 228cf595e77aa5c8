#include "engine/calls/call_request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct call_request *call_request_new(enum call_kind kind, size_t answer_bytes_max)
{
    struct call_request *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->kind = kind;
    jw_init(&r->json, answer_bytes_max);
    return r;
}

void call_request_free(struct call_request *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->tx_count; i++)
        free(r->txs[i].memory);
    free(r->txs);
    for (size_t i = 0; i < r->override_count; i++) {
        free((void *)r->overrides[i].code.ptr);
        free(r->overrides[i].slots);
    }
    free(r->overrides);
    free(r->output);
    jw_release(&r->json);
    free(r);
}

void call_fails(struct call_request *r, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->error, sizeof r->error, format, args);
    va_end(args);
    r->error_code = code;
}
