#include "shard/evm/keccak_memo.h"

#include "base/keccak.h"

// Every entry is right from the start: the hash of zeros.
void keccak_memo_init(struct keccak_memo *m)
{
    memset(m, 0, sizeof *m);
    const bytes32 of_zeros = keccak256(m->entries[0][0].input, KECCAK_MEMO_INPUT);
    for (size_t i = 0; i < KECCAK_MEMO_SETS; i++) {
        for (size_t way = 0; way < KECCAK_MEMO_WAYS; way++)
            m->entries[i][way].hash = of_zeros;
    }
}

// By the low bytes of both words, where addresses, numbers and hashes differ.
static size_t set_of(const uint8_t *input)
{
    const uint64_t mixed = (load_le64(input + 24) ^ load_le64(input + 56)) * 0x9e3779b97f4a7c15;
    return mixed >> 55;
}
_Static_assert(KECCAK_MEMO_SETS == 1 << 9, "sets have 9 bits");

const bytes32 *keccak_memo_find(const struct keccak_memo *m, const uint8_t *input)
{
    const struct keccak_memo_entry *set = m->entries[set_of(input)];
    for (size_t way = 0; way < KECCAK_MEMO_WAYS; way++) {
        if (memcmp(set[way].input, input, KECCAK_MEMO_INPUT) == 0)
            return &set[way].hash;
    }
    return NULL;
}

void keccak_memo_put(struct keccak_memo *m, const uint8_t *input, const bytes32 *hash)
{
    struct keccak_memo_entry *set = m->entries[set_of(input)];
    memmove(set + 1, set, (KECCAK_MEMO_WAYS - 1) * sizeof *set);
    memcpy(set->input, input, KECCAK_MEMO_INPUT);
    set->hash = *hash;
}
