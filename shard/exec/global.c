// Pass 3: what the rounds left over, one after the other, as a serial client would.
#include "shard/exec/rules.h"

#include <stdlib.h>

static int by_index(const void *a, const void *b)
{
    uint32_t left = (*(const struct exec_tx *const *)a)->index;
    uint32_t right = (*(const struct exec_tx *const *)b)->index;
    return (left > right) - (left < right);
}

static struct exec_result run(struct state **states, const struct exec_env *env, const struct exec_tx *t)
{
    struct exec_result result = {.round = EXEC_ROUNDS_MAX, .pass = EXEC_GLOBAL};
    struct sender sender = sender_find(states[partition_of_key(t->sender_key)], t->sender_key);
    enum tx_status status = rules_check(t->tx, env, &sender.account);
    if (status != TX_OK) {
        result.drop = (uint8_t)status;
        result.again = rules_reason_can_pass(status);
        return result;
    }
    struct charge charge = rules_charge(t->tx, env);
    sender_pay(&sender, t->sender_key, &charge);
    credit_account(states[partition_of_key(t->target_key)], t->target_key, &t->tx->value);
    credit_account(states[partition_of_key(&env->coinbase_key)], &env->coinbase_key, &charge.tip);
    result.success = true;
    result.gas_used = charge.gas_used;
    return result;
}

void exec_global(struct state **states, const struct exec_env *env, const u256 *fees, const struct exec_tx **waiting,
                 size_t count, struct exec_result *results)
{
    credit_account(states[partition_of_key(&env->coinbase_key)], &env->coinbase_key, fees);
    if (count > 1)
        qsort(waiting, count, sizeof *waiting, by_index);
    for (size_t i = 0; i < count; i++)
        results[waiting[i]->index] = run(states, env, waiting[i]);
}
