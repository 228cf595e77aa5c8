#include "sigverify/lanes/challenge.h"

// FIPS 180-4, 4.2.2.
static const uint32_t ROUND_CONSTANTS[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// The state behind the first block, which holds the tag's hash twice (BIP-340, "Tagged Hashes").
static const uint32_t TAGGED[8] = {0x9cecba11, 0x23925381, 0x11679112, 0xd1627e0f,
                                   0x97c87550, 0x003cc765, 0x90f61164, 0x33e9b66a};

enum { MESSAGE_BYTES = 96, HASHED_BITS = 8 * (64 + MESSAGE_BYTES) };

static uint32_t rotated(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void compress(uint32_t state[8], const uint8_t block[64])
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++)
        w[i] = __builtin_bswap32(load_le32(block + 4 * i));
    for (int i = 16; i < 64; i++) {
        const uint32_t s0 = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ w[i - 15] >> 3;
        const uint32_t s1 = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        const uint32_t sum1 = rotated(s[4], 6) ^ rotated(s[4], 11) ^ rotated(s[4], 25);
        const uint32_t t1 = s[7] + sum1 + ((s[4] & s[5]) ^ (~s[4] & s[6])) + ROUND_CONSTANTS[i] + w[i];
        const uint32_t sum0 = rotated(s[0], 2) ^ rotated(s[0], 13) ^ rotated(s[0], 22);
        const uint32_t t2 = sum0 + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

bytes32 schnorr_challenge(const bytes32 *r, const bytes32 *key, const bytes32 *message)
{
    uint32_t state[8];
    uint8_t blocks[2][64] = {{0}, {[32] = 0x80, [62] = HASHED_BITS >> 8, [63] = HASHED_BITS & 0xff}};
    memcpy(state, TAGGED, sizeof state);
    memcpy(blocks[0], r->b, 32);
    memcpy(blocks[0] + 32, key->b, 32);
    memcpy(blocks[1], message->b, 32);
    compress(state, blocks[0]);
    compress(state, blocks[1]);
    bytes32 out = {{0}};
    for (int i = 0; i < 8; i++)
        store_le32(out.b + 4 * i, __builtin_bswap32(state[i]));
    return out;
}
