// callTracer: the tree of calls with their logs, kept until the transaction's end because a call that fails takes the
// logs of those inside it along. What is kept is bounded by what the answer may hold.
#include "engine/calls/grown.h"
#include "engine/calls/revert.h"
#include "engine/calls/trace_private.h"
#include "shard/evm/opcodes.h"

#include <stdlib.h>

#define NONE UINT32_MAX

struct blob {
    uint8_t *ptr;
    size_t len;
};

struct kept_log {
    struct evm_log log;
    struct blob data;
    uint64_t index;
    uint32_t position; // calls of the same contract before it
    uint32_t next;     // of the same call
};

struct node {
    uint8_t opcode;
    address from, to;
    u256 value;
    struct blob input, output;
    uint64_t gas, gas_used;
    char *error;
    bool has_reason;
    char reason[256];
    bool logs_gone;
    uint32_t parent, first_child, last_child, next, child_count;
    uint32_t first_log, last_log;
};

struct calls {
    struct trace base;
    struct node *nodes;
    size_t node_count, node_capacity;
    struct kept_log *logs;
    size_t log_count, log_capacity;
    uint32_t open;    // the call that runs
    unsigned skipped; // calls inside it that are not kept
    size_t bytes;
    uint64_t log_index;
};

static bool keep(struct calls *c, struct blob *out, struct bytes data)
{
    c->bytes += data.len + 64;
    if (2 * c->bytes > c->base.w->limit) {
        c->base.w->overflow = true;
        return false;
    }
    *out = (struct blob){malloc(data.len + 1), data.len};
    if (!out->ptr)
        abort();
    if (data.len > 0)
        memcpy(out->ptr, data.ptr, data.len);
    return true;
}

static void link_child(struct calls *c, uint32_t child)
{
    struct node *parent = &c->nodes[c->open];
    if (parent->first_child == NONE)
        parent->first_child = child;
    else
        c->nodes[parent->last_child].next = child;
    parent->last_child = child;
    parent->child_count++;
}

static void on_begin(void *t, const struct evm_enter *enter)
{
    struct calls *c = t;
    struct blob input;
    if (c->skipped > 0 || (c->base.options.only_top && enter->depth > 1) || c->base.w->overflow ||
        !keep(c, &input, enter->input)) {
        c->skipped++;
        return;
    }
    c->nodes = grown(c->nodes, c->node_count, &c->node_capacity, sizeof *c->nodes);
    const uint32_t number = (uint32_t)c->node_count++;
    c->nodes[number] = (struct node){
        .opcode = enter->opcode,
        .from = enter->from,
        .to = enter->to,
        .value = enter->value,
        .input = input,
        .gas = enter->depth == 1 ? c->base.tx->gas_limit : enter->gas,
        .parent = c->open,
        .first_child = NONE,
        .last_child = NONE,
        .next = NONE,
        .first_log = NONE,
        .last_log = NONE,
    };
    if (c->open != NONE)
        link_child(c, number);
    c->open = number;
}

static void on_end(void *t, const struct evm_exit *exit)
{
    struct calls *c = t;
    if (c->skipped > 0) {
        c->skipped--;
        return;
    }
    struct node *n = &c->nodes[c->open];
    n->gas_used = n->gas - exit->gas_left;
    if (exit->error)
        n->error = strdup(exit->error);
    n->logs_gone = exit->error != NULL;
    if (!exit->error || exit->reverted)
        keep(c, &n->output, exit->output);
    n->has_reason = exit->reverted && revert_reason(n->reason, sizeof n->reason, exit->output);
    c->open = n->parent;
}

static void on_log(void *t, const struct evm_log *log)
{
    struct calls *c = t;
    struct blob data;
    const uint64_t index = c->log_index++;
    if (!c->base.options.with_logs || c->skipped > 0 || c->base.w->overflow || !keep(c, &data, log->data))
        return;
    struct node *n = &c->nodes[c->open];
    c->logs = grown(c->logs, c->log_count, &c->log_capacity, sizeof *c->logs);
    const uint32_t number = (uint32_t)c->log_count++;
    c->logs[number] =
        (struct kept_log){.log = *log, .data = data, .index = index, .position = n->child_count, .next = NONE};
    if (n->first_log == NONE)
        n->first_log = number;
    else
        c->logs[n->last_log].next = number;
    n->last_log = number;
}

static const char *kind_name(uint8_t opcode)
{
    switch (opcode) {
    case EVM_OP_CALLCODE:
        return "CALLCODE";
    case EVM_OP_DELEGATECALL:
        return "DELEGATECALL";
    case EVM_OP_STATICCALL:
        return "STATICCALL";
    case EVM_OP_CREATE:
        return "CREATE";
    case EVM_OP_CREATE2:
        return "CREATE2";
    case EVM_OP_SELFDESTRUCT:
        return "SELFDESTRUCT";
    default:
        return "CALL";
    }
}

static void write_log(struct json_writer *w, const struct kept_log *k)
{
    jw_raw(w, "{\"address\":");
    jw_address(w, &k->log.who);
    jw_raw(w, ",\"topics\":[");
    for (unsigned i = 0; i < k->log.topic_count; i++) {
        jw_raw(w, i > 0 ? "," : "");
        jw_hash(w, &k->log.topics[i]);
    }
    jw_raw(w, "],\"data\":");
    jw_data(w, k->data.ptr, k->data.len);
    jw_raw(w, ",\"index\":");
    jw_quantity(w, k->index);
    jw_raw(w, ",\"position\":");
    jw_quantity(w, k->position);
    jw_raw(w, "}");
}

static void write_head(struct json_writer *w, const struct node *n)
{
    const bool created = n->opcode == EVM_OP_CREATE || n->opcode == EVM_OP_CREATE2;
    jw_raw(w, "{\"from\":");
    jw_address(w, &n->from);
    jw_raw(w, ",\"gas\":");
    jw_quantity(w, n->gas);
    jw_raw(w, ",\"gasUsed\":");
    jw_quantity(w, n->gas_used);
    if (!created || !n->error) {
        jw_raw(w, ",\"to\":");
        jw_address(w, &n->to);
    }
    jw_raw(w, ",\"input\":");
    jw_data(w, n->input.ptr, n->input.len);
    if (n->output.len > 0) {
        jw_raw(w, ",\"output\":");
        jw_data(w, n->output.ptr, n->output.len);
    }
    if (n->error) {
        jw_raw(w, ",\"error\":");
        jw_cstring(w, n->error);
    }
    if (n->has_reason) {
        jw_raw(w, ",\"revertReason\":");
        jw_cstring(w, n->reason);
    }
}

static void write_logs(struct json_writer *w, const struct calls *c, const struct node *n)
{
    const char *separator = ",\"logs\":[";
    for (uint32_t i = n->first_log; i != NONE && !n->logs_gone; i = c->logs[i].next, separator = ",") {
        jw_raw(w, separator);
        write_log(w, &c->logs[i]);
    }
    jw_raw(w, *separator == ',' && separator[1] == 0 ? "]" : "");
}

static void write_tail(struct json_writer *w, const struct calls *c, const struct node *n)
{
    write_logs(w, c, n);
    if (n->opcode != EVM_OP_STATICCALL) {
        jw_raw(w, ",\"value\":");
        jw_quantity256(w, &n->value);
    }
    jw_printf(w, ",\"type\":\"%s\"}", kind_name(n->opcode));
}

// Down to the first child, on to the next, and up where there is none: calls are nested too deep for C's stack.
static void write_tree(struct calls *c)
{
    struct json_writer *w = c->base.w;
    for (uint32_t i = 0; i != NONE && !w->overflow;) {
        struct node *n = &c->nodes[i];
        write_head(w, n);
        if (n->first_child != NONE) {
            jw_raw(w, ",\"calls\":[");
            i = n->first_child;
            continue;
        }
        write_tail(w, c, n);
        while (n->next == NONE && n->parent != NONE) {
            n = &c->nodes[n->parent];
            jw_raw(w, "]");
            write_tail(w, c, n);
        }
        jw_raw(w, n->next != NONE ? "," : "");
        i = n->next;
    }
}

static void clear(struct calls *c)
{
    for (size_t i = 0; i < c->node_count; i++) {
        free(c->nodes[i].input.ptr);
        free(c->nodes[i].output.ptr);
        free(c->nodes[i].error);
    }
    for (size_t i = 0; i < c->log_count; i++)
        free(c->logs[i].data.ptr);
    c->node_count = c->log_count = c->bytes = 0;
    c->log_index = 0;
    c->skipped = 0;
    c->open = NONE;
}

static void begin(struct trace *t)
{
    clear((struct calls *)t);
}

// Parents come before their children.
static void forget_failed_logs(struct calls *c)
{
    for (size_t i = 1; i < c->node_count; i++)
        c->nodes[i].logs_gone |= c->nodes[c->nodes[i].parent].logs_gone;
}

static enum evm_answer done(struct trace *t, const struct evm_result *result)
{
    struct calls *c = (struct calls *)t;
    if (c->node_count == 0)
        return EVM_NOW;
    c->nodes[0].gas_used = result->gas_used;
    forget_failed_logs(c);
    write_tree(c);
    return EVM_NOW;
}

static void release(struct trace *t)
{
    struct calls *c = (struct calls *)t;
    clear(c);
    free(c->nodes);
    free(c->logs);
}

const struct trace_kind_ops TRACE_CALLS_OPS = {.size = sizeof(struct calls),
                                               .begin = begin,
                                               .enter = on_begin,
                                               .exit = on_end,
                                               .log = on_log,
                                               .done = done,
                                               .release = release};
