#include "engine/calls/trace_private.h"

#include <stdlib.h>

struct trace *trace_create(const struct trace_options *options, struct json_writer *w, struct call_state *state)
{
    static const struct trace_kind_ops *const kinds[] = {
        [TRACE_STEPS] = &TRACE_STEPS_OPS, [TRACE_CALLS] = &TRACE_CALLS_OPS, [TRACE_PRESTATE] = &TRACE_PRESTATE_OPS};
    const struct trace_kind_ops *ops = kinds[options->kind];
    struct trace *t = calloc(1, ops->size);
    if (!t)
        abort();
    t->ops = ops;
    t->options = *options;
    t->w = w;
    t->state = state;
    return t;
}

void trace_free(struct trace *t)
{
    if (!t)
        return;
    if (t->ops->release)
        t->ops->release(t);
    free(t);
}

static void step(void *ctx, const struct evm_step *s)
{
    struct trace *t = ctx;
    if (!t->again && !t->w->overflow)
        t->ops->step(t, s);
    t->again = false;
    t->stepped = true;
}

const struct evm_tracer *trace_begin(struct trace *t, const struct evm_tx *tx, const struct evm_block *block)
{
    t->tx = tx;
    t->block = block;
    t->again = t->stepped = false;
    t->tracer = (struct evm_tracer){t, t->ops->step ? step : NULL, t->ops->enter, t->ops->exit, t->ops->log};
    if (t->ops->begin)
        t->ops->begin(t);
    return &t->tracer;
}

void trace_again(struct trace *t)
{
    t->again = t->stepped;
}

enum evm_answer trace_done(struct trace *t, const struct evm_result *result)
{
    return t->ops->done ? t->ops->done(t, result) : EVM_NOW;
}

enum evm_answer trace_committed(struct trace *t)
{
    return t->ops->committed ? t->ops->committed(t) : EVM_NOW;
}
