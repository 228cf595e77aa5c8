// The records of a checkpoint: what is taken is written again as the same bytes, so each account and slot has one form.
#include "engine/store/account_codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct account account;
    struct account_contract contract;
    u256 value;
    uint8_t out[ACCOUNT_ENCODED_MAX];
    if (account_get(&account, &contract, in))
        check(bytes_equal(bytes_of(out, account_put(out, &account, &contract)), in));
    if (slot_get(&value, in))
        check(bytes_equal(bytes_of(out, slot_put(out, &value)), in));
    return 0;
}
