// prestateTracer: the accounts and slots that a transaction names, as it finds them; in diff mode those that it
// changes, before and after.
#include "base/keccak.h"
#include "engine/calls/trace_private.h"

#include <stdlib.h>

struct seen_account {
    struct evm_account_state before;
    const struct evm_code *code_before, *code_after;
    struct evm_account_state after;
};

struct seen_slot {
    u256 before, after;
};

struct prestate {
    struct trace base;
    struct touched touched;
    struct seen_account *accounts;
    struct seen_slot *slots;
    size_t next_account, next_slot; // to be read
};

static void on_step(void *t, const struct evm_step *step)
{
    struct prestate *p = t;
    touched_step(&p->touched, step);
}

static void on_begin(void *t, const struct evm_enter *enter)
{
    struct prestate *p = t;
    touched_account(&p->touched, &enter->to);
}

static void begin(struct trace *t)
{
    struct prestate *p = (struct prestate *)t;
    touched_clear(&p->touched);
    p->next_account = p->next_slot = 0;
    touched_account(&p->touched, &t->tx->sender);
    if (!t->tx->is_create)
        touched_account(&p->touched, &t->tx->to);
    touched_account(&p->touched, &t->block->coinbase);
}

static enum evm_answer read_all(struct prestate *p, bool after)
{
    const struct touched *names = &p->touched;
    for (; p->next_account < names->account_count; p->next_account++) {
        struct seen_account *a = &p->accounts[p->next_account];
        if (call_state_account(p->base.state, &names->accounts[p->next_account], after ? &a->after : &a->before,
                               after ? &a->code_after : &a->code_before) == EVM_LATER)
            return EVM_LATER;
    }
    for (; p->next_slot < names->slot_count; p->next_slot++) {
        const struct touched_slot *s = &names->slots[p->next_slot];
        struct seen_slot *seen = &p->slots[p->next_slot];
        if (call_state_slot(p->base.state, &names->accounts[s->account], &s->key,
                            after ? &seen->after : &seen->before) == EVM_LATER)
            return EVM_LATER;
    }
    p->next_account = p->next_slot = 0;
    return EVM_NOW;
}

static struct bytes bytes_of_code(const struct evm_code *code)
{
    return code ? bytes_of(code->bytes, code->len) : (struct bytes){0};
}

static bool is_empty(const struct evm_account_state *a)
{
    return !a->exists || (a->nonce == 0 && u256_is_zero(&a->balance) && bytes32_equal(&a->code_hash, &KECCAK256_EMPTY));
}

// One account's members, those that `wanted` names; *separator as for the next member.
struct members {
    bool balance, nonce, code;
    const struct evm_account_state *state;
    const struct evm_code *code_text;
    bool slots_after, only_changed;
};

static void write_slots(struct prestate *p, size_t account, const struct members *m, const char *separator)
{
    struct json_writer *w = p->base.w;
    bool any = false;
    for (size_t i = 0; i < p->touched.slot_count; i++) {
        const struct seen_slot *s = &p->slots[i];
        const u256 *value = m->slots_after ? &s->after : &s->before;
        const bool shown = !m->only_changed || (!u256_equal(&s->before, &s->after) && !u256_is_zero(value));
        if (p->touched.slots[i].account != account || !shown)
            continue;
        uint8_t bytes[32];
        jw_printf(w, "%s", any ? "," : separator);
        jw_raw(w, any ? "" : "\"storage\":{");
        u256_to_be(bytes, &p->touched.slots[i].key);
        jw_data(w, bytes, sizeof bytes);
        jw_raw(w, ":");
        u256_to_be(bytes, value);
        jw_data(w, bytes, sizeof bytes);
        any = true;
    }
    jw_raw(w, any ? "}" : "");
}

static void write_account(struct prestate *p, size_t number, const struct members *m)
{
    struct json_writer *w = p->base.w;
    const char *separator = "";
    jw_address(w, &p->touched.accounts[number]);
    jw_raw(w, ":{");
    if (m->balance) {
        jw_raw(w, "\"balance\":");
        jw_quantity256(w, &m->state->balance);
        separator = ",";
    }
    if (m->nonce) {
        jw_printf(w, "%s\"nonce\":%llu", separator, (unsigned long long)m->state->nonce);
        separator = ",";
    }
    const struct bytes code = bytes_of_code(m->code_text);
    if (m->code && code.len > 0) {
        jw_printf(w, "%s\"codeHash\":", separator);
        jw_hash(w, &m->state->code_hash);
        separator = ",";
        if (!p->base.options.no_code) {
            jw_raw(w, ",\"code\":");
            jw_data(w, code.ptr, code.len);
        }
    }
    if (!p->base.options.no_storage)
        write_slots(p, number, m, separator);
    jw_raw(w, "}");
}

static void write_before(struct prestate *p)
{
    struct json_writer *w = p->base.w;
    const char *separator = "{";
    for (size_t i = 0; i < p->touched.account_count; i++) {
        const struct seen_account *a = &p->accounts[i];
        if (is_empty(&a->before) && !p->base.options.with_empty)
            continue;
        const struct members m = {.balance = true,
                                  .nonce = a->before.nonce > 0,
                                  .code = true,
                                  .state = &a->before,
                                  .code_text = a->code_before};
        jw_raw(w, separator);
        write_account(p, i, &m);
        separator = ",";
    }
    jw_raw(w, *separator == '{' ? "{}" : "}");
}

static bool slots_differ(const struct prestate *p, size_t account)
{
    for (size_t i = 0; i < p->touched.slot_count && !p->base.options.no_storage; i++) {
        if (p->touched.slots[i].account == account && !u256_equal(&p->slots[i].before, &p->slots[i].after))
            return true;
    }
    return false;
}

struct change {
    bool balance, nonce, code, any;
};

static struct change change_of(const struct prestate *p, size_t number)
{
    const struct seen_account *a = &p->accounts[number];
    struct change c = {.balance = !u256_equal(&a->before.balance, &a->after.balance),
                       .nonce = a->before.nonce != a->after.nonce,
                       .code = a->code_before != a->code_after &&
                               !bytes_equal(bytes_of_code(a->code_before), bytes_of_code(a->code_after))};
    c.any = c.balance || c.nonce || c.code || slots_differ(p, number) || a->before.exists != a->after.exists;
    return c;
}

static void write_side(struct prestate *p, bool after)
{
    struct json_writer *w = p->base.w;
    const char *separator = "{";
    for (size_t i = 0; i < p->touched.account_count; i++) {
        const struct seen_account *a = &p->accounts[i];
        const struct change c = change_of(p, i);
        const struct evm_account_state *state = after ? &a->after : &a->before;
        if (!c.any || is_empty(state))
            continue;
        const struct members m = {.balance = after ? c.balance : true,
                                  .nonce = after ? c.nonce : a->before.nonce > 0,
                                  .code = after ? c.code : true,
                                  .state = state,
                                  .code_text = after ? a->code_after : a->code_before,
                                  .slots_after = after,
                                  .only_changed = true};
        jw_raw(w, separator);
        write_account(p, i, &m);
        separator = ",";
    }
    jw_raw(w, *separator == '{' ? "{}" : "}");
}

static enum evm_answer done(struct trace *t, const struct evm_result *result)
{
    struct prestate *p = (struct prestate *)t;
    (void)result;
    if (p->next_account == 0 && p->next_slot == 0) {
        free(p->accounts);
        free(p->slots);
        p->accounts = calloc(p->touched.account_count + 1, sizeof *p->accounts);
        p->slots = calloc(p->touched.slot_count + 1, sizeof *p->slots);
        if (!p->accounts || !p->slots)
            abort();
    }
    if (read_all(p, false) == EVM_LATER)
        return EVM_LATER;
    if (!t->options.diff)
        write_before(p);
    return EVM_NOW;
}

static enum evm_answer committed(struct trace *t)
{
    struct prestate *p = (struct prestate *)t;
    if (!t->options.diff)
        return EVM_NOW;
    if (read_all(p, true) == EVM_LATER)
        return EVM_LATER;
    jw_raw(t->w, "{\"post\":");
    write_side(p, true);
    jw_raw(t->w, ",\"pre\":");
    write_side(p, false);
    jw_raw(t->w, "}");
    return EVM_NOW;
}

static void release(struct trace *t)
{
    struct prestate *p = (struct prestate *)t;
    touched_free(&p->touched);
    free(p->accounts);
    free(p->slots);
}

const struct trace_kind_ops TRACE_PRESTATE_OPS = {.size = sizeof(struct prestate),
                                                  .begin = begin,
                                                  .step = on_step,
                                                  .enter = on_begin,
                                                  .done = done,
                                                  .committed = committed,
                                                  .release = release};
