#include "base/keccak_f.h"

#include "base/cpu.h"

const uint64_t KECCAK_ROUND_CONSTANTS[KECCAK_ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

#define INLINE static inline __attribute__((always_inline))

INLINE uint64_t rotl(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

// The step chi on one plane. The barrier keeps the compiler from working on two planes at once: the lanes of one fit
// the registers, those of two spill.
INLINE void chi(uint64_t e[5], uint64_t b0, uint64_t b1, uint64_t b2, uint64_t b3, uint64_t b4)
{
    e[0] = b0 ^ (~b1 & b2);
    e[1] = b1 ^ (~b2 & b3);
    e[2] = b2 ^ (~b3 & b4);
    e[3] = b3 ^ (~b4 & b0);
    e[4] = b4 ^ (~b0 & b1);
    __asm__("" ::: "memory");
}

// One round, from a into e, plane by plane.
INLINE void keccak_round(uint64_t *restrict e, const uint64_t *restrict a, uint64_t constant)
{
    uint64_t c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20];
    uint64_t c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21];
    uint64_t c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22];
    uint64_t c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23];
    uint64_t c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24];
    uint64_t d0 = c4 ^ rotl(c1, 1);
    uint64_t d1 = c0 ^ rotl(c2, 1);
    uint64_t d2 = c1 ^ rotl(c3, 1);
    uint64_t d3 = c2 ^ rotl(c4, 1);
    uint64_t d4 = c3 ^ rotl(c0, 1);

    chi(e, a[0] ^ d0, rotl(a[6] ^ d1, 44), rotl(a[12] ^ d2, 43), rotl(a[18] ^ d3, 21), rotl(a[24] ^ d4, 14));
    e[0] ^= constant;
    chi(e + 5, rotl(a[3] ^ d3, 28), rotl(a[9] ^ d4, 20), rotl(a[10] ^ d0, 3), rotl(a[16] ^ d1, 45),
        rotl(a[22] ^ d2, 61));
    chi(e + 10, rotl(a[1] ^ d1, 1), rotl(a[7] ^ d2, 6), rotl(a[13] ^ d3, 25), rotl(a[19] ^ d4, 8),
        rotl(a[20] ^ d0, 18));
    chi(e + 15, rotl(a[4] ^ d4, 27), rotl(a[5] ^ d0, 36), rotl(a[11] ^ d1, 10), rotl(a[17] ^ d2, 15),
        rotl(a[23] ^ d3, 56));
    chi(e + 20, rotl(a[2] ^ d2, 62), rotl(a[8] ^ d3, 55), rotl(a[14] ^ d4, 39), rotl(a[15] ^ d0, 41),
        rotl(a[21] ^ d1, 2));
}

INLINE void permute(uint64_t state[25])
{
    uint64_t other[25];
    uint64_t *e = other;
    __asm__("" : "+r"(e)); // the second state stays an array too, see chi
    for (int round = 0; round < KECCAK_ROUNDS; round += 2) {
        keccak_round(e, state, KECCAK_ROUND_CONSTANTS[round]);
        keccak_round(state, e, KECCAK_ROUND_CONSTANTS[round + 1]);
    }
}

static void permute_baseline(uint64_t state[25])
{
    permute(state);
}

// The same with ANDN and with rotations that keep their source, which saves a third of the instructions.
__attribute__((target("bmi,bmi2"))) static void permute_bmi2(uint64_t state[25])
{
    permute(state);
}

void keccak_f1600(uint64_t state[25])
{
    if (cpu_has_bmi2())
        permute_bmi2(state);
    else
        permute_baseline(state);
}
