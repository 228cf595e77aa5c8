// Pass 3: what the rounds left over, one after the other, as a serial client would.
#include "shard/exec/part.h"

#include "shard/evm/precompiles/precompiles.h"

#include <stdlib.h>

static int by_index(const void *a, const void *b)
{
    uint32_t left = (*(const struct exec_tx *const *)a)->index;
    uint32_t right = (*(const struct exec_tx *const *)b)->index;
    return (left > right) - (left < right);
}

// One shard's list is sorted already.
static void sort(const struct exec_tx **txs, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (txs[i - 1]->index > txs[i]->index) {
            qsort(txs, count, sizeof *txs, by_index);
            return;
        }
    }
}

// A target without code, by the same rules as the EVM's, without setting it up.
static struct execution transfer(struct exec_machine *m, struct state **states, const struct exec_env *env,
                                 const struct exec_tx *t, struct sender *sender)
{
    const struct execution done = machine_plain(m, t->tx);
    struct charge charge = rules_charge(t->tx, env, done.gas_used);
    if (done.success)
        u256_add(&charge.debit, &charge.debit, &t->tx->value);
    sender_pay(sender, t->sender_key, &charge.debit);
    if (done.success)
        credit_account(states[partition_of_key(t->target_key)], t->target_key, &t->tx->value);
    credit_account(states[partition_of_key(&env->coinbase_key)], &env->coinbase_key, &charge.tip);
    return done;
}

static void run(struct exec_machine *m, struct state **states, const struct exec_env *env, const struct exec_tx *t,
                struct exec_result *result)
{
    struct sender sender = sender_find(states[partition_of_key(t->sender_key)], t->sender_key);
    const enum tx_status status = rules_check(t->tx, env, &sender);
    *result = (struct exec_result){
        .round = EXEC_ROUNDS_MAX, .pass = EXEC_GLOBAL, .global_reason = result->global_reason, .drop = (uint8_t)status};
    if (status != TX_OK) {
        result->again = rules_reason_can_pass(status);
        return;
    }
    const bool needs_evm = t->tx->is_create || target_has_code(machine_codes(m), t);
    const struct execution done = needs_evm ? machine_transact(m, t) : transfer(m, states, env, t, &sender);
    result->success = done.success;
    result->gas_used = done.gas_used;
    result->logs = done.logs;
}

void exec_pay_coinbase(struct state **states, const struct exec_env *env, const u256 *fees)
{
    credit_account(states[partition_of_key(&env->coinbase_key)], &env->coinbase_key, fees);
}

// As in the passes before: what the batch at `from` needs is brought before it is run.
static void prefetch(struct exec_machine *m, struct state **states, const struct exec_tx **txs, size_t from,
                     size_t count)
{
    struct exec_call calls[PREFETCH_BATCH];
    const size_t to = min_size(from + PREFETCH_BATCH, count);
    for (size_t i = to; i < min_size(to + PREFETCH_BATCH, count); i++)
        prefetch_tx(txs[i]);
    for (size_t i = from; i < to; i++) {
        calls[i - from] = (struct exec_call){.tx = txs[i]};
        state_prefetch(states[partition_of_key(txs[i]->sender_key)], txs[i]->sender_key);
    }
    machine_foresee(m, calls, to - from, false);
}

static void run_all(struct exec_machine *m, struct state **states, const struct exec_env *env,
                    const struct exec_tx **txs, size_t count, struct exec_result *results)
{
    sort(txs, count);
    for (size_t i = 0; i < count; i++) {
        if (i % PREFETCH_BATCH == 0)
            prefetch(m, states, txs, i, count);
        run(m, states, env, txs[i], &results[txs[i]->index]);
    }
}

void exec_global(struct exec_machine *m, struct state **states, const struct exec_env *env, const u256 *fees,
                 const struct exec_tx **txs, size_t count, struct exec_result *results)
{
    exec_pay_coinbase(states, env, fees);
    machine_open(m, states, env);
    run_all(m, states, env, txs, count, results);
}

void exec_serial(struct exec_machine *m, struct state **states, const struct exec_env *env, const struct exec_tx **txs,
                 size_t count, struct exec_result *results)
{
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_begin_block(states[p], env->number);
    machine_open(m, states, env);
    machine_system_call(m);
    run_all(m, states, env, txs, count, results);
    exec_finish_logs(m);
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_end_block(states[p]);
}

const char *exec_global_reason_text(enum exec_global_reason reason)
{
    static const char *const texts[EXEC_GLOBAL_ESCAPED] = {
        [EXEC_NOT_GLOBAL] = "not in the global pass",
        [EXEC_GLOBAL_CREATION] = "creates a contract",
        [EXEC_GLOBAL_DATA] = "sends data to an address without code",
        [EXEC_GLOBAL_AFTER_ESCAPE] = "follows a call that escaped",
        [EXEC_GLOBAL_WAITED] = "waited until the rounds ended",
    };
    return reason < EXEC_GLOBAL_ESCAPED ? texts[reason] : evm_escape_text(reason - EXEC_GLOBAL_ESCAPED);
}
