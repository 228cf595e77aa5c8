#include "base/keccak_f.h"

const uint64_t KECCAK_ROUND_CONSTANTS[KECCAK_ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

static inline __attribute__((always_inline)) uint64_t rotl(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

// One round, from a into e. Six lanes (1, 2, 8, 12, 17, 20) are kept complemented, which leaves one NOT a plane
// instead of five (Keccak implementation overview 3.2, section 2.2: lane complementing).
static inline __attribute__((always_inline)) void keccak_round(uint64_t e[25], const uint64_t a[25], uint64_t constant)
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
    uint64_t b0, b1, b2, b3, b4;

    b0 = a[0] ^ d0;
    b1 = rotl(a[6] ^ d1, 44);
    b2 = rotl(a[12] ^ d2, 43);
    b3 = rotl(a[18] ^ d3, 21);
    b4 = rotl(a[24] ^ d4, 14);
    e[0] = b0 ^ (b1 | b2) ^ constant;
    e[1] = b1 ^ (~b2 | b3);
    e[2] = b2 ^ (b3 & b4);
    e[3] = b3 ^ (b4 | b0);
    e[4] = b4 ^ (b0 & b1);

    b0 = rotl(a[3] ^ d3, 28);
    b1 = rotl(a[9] ^ d4, 20);
    b2 = rotl(a[10] ^ d0, 3);
    b3 = rotl(a[16] ^ d1, 45);
    b4 = rotl(a[22] ^ d2, 61);
    e[5] = b0 ^ (b1 | b2);
    e[6] = b1 ^ (b2 & b3);
    e[7] = b2 ^ (b3 | ~b4);
    e[8] = b3 ^ (b4 | b0);
    e[9] = b4 ^ (b0 & b1);

    b0 = rotl(a[1] ^ d1, 1);
    b1 = rotl(a[7] ^ d2, 6);
    b2 = rotl(a[13] ^ d3, 25);
    b3 = ~rotl(a[19] ^ d4, 8);
    b4 = rotl(a[20] ^ d0, 18);
    e[10] = b0 ^ (b1 | b2);
    e[11] = b1 ^ (b2 & ~b3);
    e[12] = b2 ^ (b3 & b4);
    e[13] = b3 ^ (b4 | b0);
    e[14] = b4 ^ (b0 & b1);

    b0 = rotl(a[4] ^ d4, 27);
    b1 = rotl(a[5] ^ d0, 36);
    b2 = rotl(a[11] ^ d1, 10);
    b3 = ~rotl(a[17] ^ d2, 15);
    b4 = rotl(a[23] ^ d3, 56);
    e[15] = b0 ^ (b1 & b2);
    e[16] = b1 ^ (b2 | ~b3);
    e[17] = b2 ^ (b3 | b4);
    e[18] = b3 ^ (b4 & b0);
    e[19] = b4 ^ (b0 | b1);

    b0 = rotl(a[2] ^ d2, 62);
    b1 = ~rotl(a[8] ^ d3, 55);
    b2 = rotl(a[14] ^ d4, 39);
    b3 = rotl(a[15] ^ d0, 41);
    b4 = rotl(a[21] ^ d1, 2);
    e[20] = b0 ^ (b1 & b2);
    e[21] = b1 ^ (b2 | b3);
    e[22] = b2 ^ (b3 & b4);
    e[23] = b3 ^ (b4 | b0);
    e[24] = b4 ^ (b0 & ~b1);
}

void keccak_f1600(uint64_t state[25])
{
    uint64_t a[25], e[25];
    for (int i = 0; i < 25; i++)
        a[i] = state[i];
    a[1] = ~a[1], a[2] = ~a[2], a[8] = ~a[8], a[12] = ~a[12], a[17] = ~a[17], a[20] = ~a[20];
    for (int round = 0; round < KECCAK_ROUNDS; round += 2) {
        keccak_round(e, a, KECCAK_ROUND_CONSTANTS[round]);
        keccak_round(a, e, KECCAK_ROUND_CONSTANTS[round + 1]);
    }
    a[1] = ~a[1], a[2] = ~a[2], a[8] = ~a[8], a[12] = ~a[12], a[17] = ~a[17], a[20] = ~a[20];
    for (int i = 0; i < 25; i++)
        state[i] = a[i];
}
