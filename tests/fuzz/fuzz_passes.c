// Any bytes as the codes of contracts in two partitions, called by senders of both: every number of shards must come to
// the serial block (contract_chain.h), and what escapes, reverts or runs out of gas too.
#include "tests/exec_support/contract_chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTITIONS = 2, CONTRACTS = 3, SENDERS = 3, CALLS = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned partitions[PARTITIONS] = {10, 130};
    if (size < CALLS || size > 2048)
        return 0;
    struct contract_chain *c = contract_chain_new("fuzz");
    const struct bytes codes = bytes_of(data + CALLS, size - CALLS);
    unsigned contracts[CONTRACTS], senders[SENDERS];
    for (unsigned i = 0; i < SENDERS; i++)
        senders[i] = chain_add(c, partitions[i % PARTITIONS], 50000000, 0, (struct bytes){0});
    for (unsigned i = 0; i < CONTRACTS; i++) {
        const size_t from = codes.len * i / CONTRACTS, to = codes.len * (i + 1) / CONTRACTS;
        contracts[i] = chain_add(c, partitions[i / 2 % PARTITIONS], 1000, 1, bytes_of(codes.ptr + from, to - from));
    }
    for (unsigned i = 0; i < CALLS; i++) {
        const unsigned to = data[i] % 5 == 4 ? senders[data[i] % SENDERS] : contracts[data[i] % CONTRACTS];
        struct tx *t = chain_send(c, senders[data[i] / 8 % SENDERS], to, data[i] / 64);
        if (data[i] % 2)
            chain_set_data(c, t, bytes_of(chain_address(c, contracts[data[i] / 4 % CONTRACTS])->b, 20));
    }
    chain_run(c, data[0]);
    contract_chain_free(c);
    return 0;
}
