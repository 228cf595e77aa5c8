// Struct logs: every instruction with what it found, as geth's default tracer writes them. An instruction's cost is
// known when the next thing happens, so the newest entry waits.
#include "engine/calls/trace_private.h"
#include "shard/evm/opcodes.h"

#include <stdlib.h>

struct seen_slot {
    address who;
    u256 key, value;
};

struct steps {
    struct trace base;
    bool waits; // an entry is not written yet
    uint64_t pc, gas, refund;
    unsigned depth;
    uint8_t opcode;
    struct json_writer rest; // what follows its cost, but for the storage
    // SLOAD and SSTORE show what the transaction has seen of the contract's storage.
    address self;
    u256 key, value;
    struct seen_slot *seen;
    size_t seen_count, seen_capacity;
    uint64_t count;
    uint8_t *returned; // by the last call that ended
    size_t returned_len;
};

static const char *const opcode_names[256] = {
#define NAME(number, name, fork) [number] = #name,
    EVM_OPCODES(NAME)
#undef NAME
};

static void write_name(struct json_writer *w, uint8_t opcode)
{
    if (opcode_names[opcode])
        jw_printf(w, "\"%s\"", opcode_names[opcode]);
    else
        jw_printf(w, "\"opcode 0x%x not defined\"", opcode);
}

static void write_word(struct json_writer *w, const u256 *word)
{
    uint8_t bytes[32];
    u256_to_be(bytes, word);
    jw_data(w, bytes, sizeof bytes);
}

static void see(struct steps *s)
{
    for (size_t i = 0; i < s->seen_count; i++) {
        if (address_equal(&s->seen[i].who, &s->self) && u256_equal(&s->seen[i].key, &s->key)) {
            s->seen[i].value = s->value;
            return;
        }
    }
    if (s->seen_count == s->seen_capacity) {
        s->seen_capacity = s->seen_capacity ? 2 * s->seen_capacity : 16;
        s->seen = realloc(s->seen, s->seen_capacity * sizeof *s->seen);
        if (!s->seen)
            abort();
    }
    s->seen[s->seen_count++] = (struct seen_slot){s->self, s->key, s->value};
}

static void write_storage(struct steps *s)
{
    const char *separator = ",\"storage\":{";
    see(s);
    for (size_t i = 0; i < s->seen_count; i++) {
        if (!address_equal(&s->seen[i].who, &s->self))
            continue;
        jw_raw(s->base.w, separator);
        write_word(s->base.w, &s->seen[i].key);
        jw_raw(s->base.w, ":");
        write_word(s->base.w, &s->seen[i].value);
        separator = ",";
    }
    jw_raw(s->base.w, "}");
}

static bool shows_storage(const struct steps *s)
{
    return !s->base.options.no_storage && (s->opcode == EVM_OP_SLOAD || s->opcode == EVM_OP_SSTORE);
}

// The waiting entry is complete: what it cost, and why it failed.
static void finish(struct steps *s, int64_t gas_after, const char *error)
{
    struct json_writer *w = s->base.w;
    if (!s->waits)
        return;
    s->waits = false;
    jw_printf(w, "%s{\"pc\":%llu,\"op\":", s->count > 1 ? "," : "", (unsigned long long)s->pc);
    write_name(w, s->opcode);
    const uint64_t cost = (uint64_t)((int64_t)s->gas - gas_after);
    jw_printf(w, ",\"gas\":%llu,\"gasCost\":%llu,\"depth\":%u", (unsigned long long)s->gas, (unsigned long long)cost,
              s->depth);
    if (s->refund)
        jw_printf(w, ",\"refund\":%llu", (unsigned long long)s->refund);
    if (error) {
        jw_raw(w, ",\"error\":");
        jw_cstring(w, error);
    }
    jw_bytes(w, jw_text(&s->rest), s->rest.len);
    if (shows_storage(s) && !error)
        write_storage(s);
    jw_raw(w, "}");
}

static void write_stack(struct json_writer *w, const struct evm_step *step)
{
    jw_raw(w, ",\"stack\":[");
    for (size_t i = 0; i < step->stack_count; i++) {
        jw_raw(w, i > 0 ? "," : "");
        jw_quantity256(w, &step->stack[i]);
    }
    jw_raw(w, "]");
}

static void write_memory(struct json_writer *w, struct bytes memory)
{
    jw_raw(w, ",\"memory\":[");
    for (size_t at = 0; at + 32 <= memory.len && !w->overflow; at += 32) {
        jw_raw(w, at > 0 ? "," : "");
        jw_data(w, memory.ptr + at, 32);
    }
    jw_raw(w, "]");
}

static void on_step(void *t, const struct evm_step *step)
{
    struct steps *s = t;
    const struct trace_options *o = &s->base.options;
    if (s->waits && s->opcode == EVM_OP_SLOAD && step->stack_count > 0)
        s->value = step->stack[step->stack_count - 1];
    finish(s, step->gas, NULL);
    if (o->limit && s->count >= o->limit)
        return;
    s->waits = true;
    s->count++;
    s->pc = step->pc;
    s->gas = (uint64_t)step->gas;
    s->refund = step->refund;
    s->depth = step->depth;
    s->opcode = step->opcode;
    s->self = step->self;
    if (step->stack_count > 0)
        s->key = step->stack[step->stack_count - 1];
    if (step->opcode == EVM_OP_SSTORE && step->stack_count > 1)
        s->value = step->stack[step->stack_count - 2];
    jw_rewind(&s->rest, 0);
    if (!o->no_stack)
        write_stack(&s->rest, step);
    if (o->memory)
        write_memory(&s->rest, step->memory);
    if (o->return_data && s->returned_len > 0) {
        jw_raw(&s->rest, ",\"returnData\":");
        jw_data(&s->rest, s->returned, s->returned_len);
    }
    s->base.w->overflow |= s->rest.overflow;
}

static void on_begin(void *t, const struct evm_enter *enter)
{
    struct steps *s = t;
    if (enter->depth > 1 && enter->opcode != EVM_OP_SELFDESTRUCT)
        finish(s, enter->caller_gas, NULL);
    s->returned_len = 0;
}

static void on_end(void *t, const struct evm_exit *exit)
{
    struct steps *s = t;
    if (s->waits && s->depth == exit->depth) {
        // What a creation's code costs comes after its last instruction.
        const bool by_instruction = exit->error && !exit->reverted;
        finish(s, exit->gas, by_instruction ? exit->error : NULL);
    }
    if (!s->base.options.return_data)
        return;
    s->returned_len = 0;
    if (exit->output.len == 0)
        return;
    free(s->returned);
    s->returned = malloc(exit->output.len);
    if (!s->returned)
        abort();
    memcpy(s->returned, exit->output.ptr, exit->output.len);
    s->returned_len = exit->output.len;
}

static void begin(struct trace *t)
{
    struct steps *s = (struct steps *)t;
    if (!s->rest.mem)
        jw_init(&s->rest, t->w->limit);
    s->waits = false;
    s->count = s->seen_count = s->returned_len = 0;
    // The gas used is not known yet, but comes last here: JSON objects have no order.
    jw_raw(t->w, "{\"structLogs\":[");
}

static enum evm_answer done(struct trace *t, const struct evm_result *result)
{
    jw_printf(t->w, "],\"gas\":%llu,\"failed\":%s,\"returnValue\":", (unsigned long long)result->gas_used,
              result->success ? "false" : "true");
    const bool silent = !result->success && !result->reverted;
    jw_data(t->w, result->output.ptr, silent ? 0 : result->output.len);
    jw_raw(t->w, "}");
    return EVM_NOW;
}

static void release(struct trace *t)
{
    struct steps *s = (struct steps *)t;
    jw_release(&s->rest);
    free(s->seen);
    free(s->returned);
}

const struct trace_kind_ops TRACE_STEPS_OPS = {.size = sizeof(struct steps),
                                               .begin = begin,
                                               .step = on_step,
                                               .enter = on_begin,
                                               .exit = on_end,
                                               .done = done,
                                               .release = release};
