// eth_createAccessList: runs the call with a list of what the run before has touched, until the list stays the same.
#include "engine/calls/job_private.h"

#include "base/rlp.h"
#include "shard/evm/access_list.h"
#include "shard/evm/precompiles/precompiles.h"

#include <stdio.h>
#include <stdlib.h>

// Entries of a list that is still made: it is written in time that grows with their square.
enum { ENTRIES_MAX = 4096 };

static void on_step(void *ctx, const struct evm_step *step)
{
    struct call_job *j = ctx;
    if (j->touched.account_count + j->touched.slot_count <= ENTRIES_MAX)
        touched_step(&j->touched, step);
}

static size_t slots_of(const struct touched *t, size_t account)
{
    size_t count = 0;
    for (size_t i = 0; i < t->slot_count; i++)
        count += t->slots[i].account == account;
    return count;
}

// The sender, the target and precompiles are warm anyway: they are listed for their slots only.
static bool is_listed(const struct call_job *j, size_t account)
{
    const address *who = &j->touched.accounts[account];
    const bool warm = address_equal(who, &j->tx.sender) || (!j->tx.is_create && address_equal(who, &j->tx.to)) ||
                      (precompile_at(who) != 0 && precompile_at(who) <= j->rules->precompile_count);
    return !warm || slots_of(&j->touched, account) > 0;
}

static void encode(struct call_job *j)
{
    const struct touched *t = &j->touched;
    size_t payload = 0;
    for (size_t i = 0; i < t->account_count; i++)
        payload += is_listed(j, i) ? rlp_size_list(21 + rlp_size_list(33 * slots_of(t, i))) : 0;
    free(j->access_list);
    j->access_list = malloc(rlp_size_list(payload));
    if (!j->access_list)
        abort();
    uint8_t *p = rlp_put_list(j->access_list, payload);
    for (size_t i = 0; i < t->account_count; i++) {
        if (!is_listed(j, i))
            continue;
        const size_t keys = 33 * slots_of(t, i);
        p = rlp_put_list(p, 21 + rlp_size_list(keys));
        p = rlp_put_list(rlp_put_string(p, bytes_of(t->accounts[i].b, 20)), keys);
        for (size_t s = 0; s < t->slot_count; s++) {
            uint8_t key[32];
            if (t->slots[s].account != i)
                continue;
            u256_to_be(key, &t->slots[s].key);
            p = rlp_put_string(p, bytes_of(key, sizeof key));
        }
    }
    j->access_list_len = (size_t)(p - j->access_list);
    j->tx.access_list = bytes_of(j->access_list, j->access_list_len);
    if (j->tx.type == TX_LEGACY)
        j->tx.type = TX_ACCESS_LIST;
}

static void write(struct call_job *j)
{
    const struct touched *t = &j->touched;
    struct json_writer *w = &j->request->json;
    const char *separator = "[";
    for (size_t i = 0; i < t->account_count; i++) {
        if (!is_listed(j, i))
            continue;
        jw_printf(w, "%s{\"address\":", separator);
        jw_address(w, &t->accounts[i]);
        jw_raw(w, ",\"storageKeys\":[");
        bool first = true;
        for (size_t s = 0; s < t->slot_count; s++) {
            uint8_t key[32];
            if (t->slots[s].account != i)
                continue;
            u256_to_be(key, &t->slots[s].key);
            jw_raw(w, first ? "" : ",");
            jw_data(w, key, sizeof key);
            first = false;
        }
        jw_raw(w, "]}");
        separator = ",";
    }
    jw_raw(w, *separator == '[' ? "[]" : "]");
}

static void on_end(void *ctx, const struct evm_exit *exit)
{
    struct call_job *j = ctx;
    if (exit->depth == 1)
        snprintf(j->why, sizeof j->why, "%s", exit->error ? exit->error : "");
}

static void take_given(void *ctx, const address *who, const u256 *key)
{
    struct call_job *j = ctx;
    if (j->touched.account_count + j->touched.slot_count > ENTRIES_MAX)
        return;
    if (key)
        touched_slot(&j->touched, who, key);
    else
        touched_account(&j->touched, who);
}

static enum job_outcome finish(struct call_job *j)
{
    struct call_request *r = j->request;
    r->gas = j->result.gas_used;
    jw_raw(&r->json, "{\"accessList\":");
    write(j);
    if (!j->result.success) {
        jw_raw(&r->json, ",\"error\":");
        jw_cstring(&r->json, j->why);
    }
    jw_raw(&r->json, ",\"gasUsed\":");
    jw_quantity(&r->json, r->gas);
    jw_raw(&r->json, "}");
    return JOB_DONE;
}

enum { FIRST_RUN, NEXT_RUN };

static enum job_outcome begin(struct call_job *j)
{
    struct evm_account_state sender;
    if (call_state_account(j->state, &j->tx.sender, &sender, NULL) == EVM_LATER)
        return JOB_WAITING;
    const char *obstacle = job_obstacle(j, &sender, j->tx.gas_limit);
    if (obstacle) {
        call_fails(j->request, CALL_FAILED, "failed to apply transaction: %s", obstacle);
        return JOB_DONE;
    }
    if (j->tx.access_list.len > 0)
        access_list_walk(j->tx.access_list, take_given, j);
    j->explainer = (struct evm_tracer){.ctx = j, .step = on_step, .exit = on_end};
    j->phase = NEXT_RUN;
    return JOB_PAUSED;
}

enum job_outcome job_access_list(struct call_job *j)
{
    if (j->phase == FIRST_RUN)
        return begin(j);
    if (!j->running)
        j->entries_before = j->touched.account_count + j->touched.slot_count;
    const enum job_outcome out = job_transact(j, &j->tx, &j->explainer);
    if (out != JOB_DONE)
        return out;
    const size_t entries = j->touched.account_count + j->touched.slot_count;
    const bool same = entries == j->entries_before;
    if (j->evm_outcome == EVM_INVALID)
        call_fails(j->request, CALL_FAILED, "failed to apply transaction: %s", job_invalid(j));
    else if (entries > ENTRIES_MAX)
        call_fails(j->request, CALL_LIMIT, "the access list has more than %d entries", ENTRIES_MAX);
    else if (same)
        finish(j);
    else
        encode(j);
    evm_drop(j->evm);
    return same || j->request->error_code ? JOB_DONE : JOB_PAUSED;
}
