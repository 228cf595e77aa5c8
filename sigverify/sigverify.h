// Batched secp256k1 for transactions: recover public keys, or check claimed ones (a witness); BIP-340 for votes.
//
// Operations over whole batches; an implementation is a set of kernels chosen once at run time (sv_kernel_name).
// Every implementation gives the same answer for every input, valid or not. Data here is public: nothing is
// constant-time.
//
// A verifier belongs to one thread (scratch memory, randomness); create one a thread.
// Source: SEC 1 v2, 4.1.6 (recovery); EIP-2 (low s); BIP-340 (Schnorr).
#ifndef GANTRY_SIGVERIFY_SIGVERIFY_H
#define GANTRY_SIGVERIFY_SIGVERIFY_H

#include "base/bytes.h"
#include "base/cpu.h"

struct sv_verifier;

// Batches of this size fill every lane and amortise what is shared; larger ones are cut inside.
#define SV_BATCH_MAX 1024

enum sv_status {
    SV_OK = 0,
    SV_BAD_RANGE,     // r or s is zero or not below the group order, or v is above 3
    SV_HIGH_S,        // s above n/2 and the item demands low s
    SV_NO_POINT,      // no curve point has this x, or the result is infinity
    SV_WRONG_WITNESS, // the claimed key (or R.y) is not the signature's
};

struct sv_item {
    bytes32 hash, r, s;
    uint8_t v;          // recovery id 0..3: bit 0 is R's y parity, bit 1 says R.x = r + n
    bool require_low_s; // transactions: true; the ecrecover precompile: false
};

struct sv_witness {
    uint8_t pubkey[64]; // x || y, big-endian
    bool has_ry;
    uint8_t ry[32]; // R's y, big-endian
};

struct sv_result {
    enum sv_status status;
    address signer;     // keccak256(pubkey)[12..]; zero unless SV_OK
    uint8_t pubkey[64]; // x || y; zero unless SV_OK
    // R's y, where the way to the result came by it: in recovery by lanes, and with a witness that gives it. Elsewhere
    // sv_find_ry tells it.
    bool has_ry;
    uint8_t ry[32]; // big-endian; zero unless has_ry
    // The item's own contents (an exceptional point, a hash of zero, v above 1, ...) kept it from the lanes, and it
    // cost many times what others do. Whoever submits such items on purpose can be told by it. Never set because of the
    // batch's size or of other items, for a wrong witness (its status says it), or by the portable implementation.
    bool slow;
};

// NULL only when memory is short.
struct sv_verifier *sv_create(void);
void sv_free(struct sv_verifier *v);

// out[i] for each in[i]; n may be any number, 0 included.
void sv_recover(struct sv_verifier *v, struct sv_result *out, const struct sv_item *in, size_t n);

// As sv_recover, with each item's claimed key: SV_OK exactly when sv_recover would give that key (and R.y, when given,
// is R's y). A wrong witness is SV_WRONG_WITNESS and never falls back to recovery. An item that sv_recover
// refuses keeps that status.
void sv_verify_witness(struct sv_verifier *v, struct sv_result *out, const struct sv_item *in,
                       const struct sv_witness *witness, size_t n);

// The y of the point R that r and v name, a square root by libsecp256k1. false when there is no such point, or v is
// above 3.
MUST_CHECK bool sv_find_ry(uint8_t ry[32], const bytes32 *r, uint8_t v);

// A BIP-340 signature: key and r are x coordinates of points with even y.
struct sv_schnorr {
    bytes32 key, message, r, s;
};

// ok[i] says whether in[i] holds, by BIP-340's verification.
void sv_verify_schnorr(struct sv_verifier *v, bool *ok, const struct sv_schnorr *in, size_t n);

// How full the lanes of this verifier's batches were so far: its kernels take the items of a batch sv_lane_count() at a
// time, and the last ones may be fewer.
struct sv_lanes {
    uint64_t used, offered;
};
struct sv_lanes sv_lane_use(const struct sv_verifier *v);

// Chooses the implementation, once for the process: the fastest that this machine runs and the environment variable
// GANTRY_LANES allows (base/cpu.h). false with a message when the variable's value is refused. A program calls it first
// thing; otherwise the first use chooses, and a refusal there ends the process.
#define SV_ERROR_MAX CPU_ERROR_MAX
MUST_CHECK bool sv_choose_kernels(char error[SV_ERROR_MAX]);

// Name of the implementation in use ("portable"), for --version and reports.
const char *sv_kernel_name(void);
// How many items one instruction of it works on. Batches of a multiple of this leave no lane empty.
unsigned sv_lane_count(void);

// Signing, for generators and tests: deterministic (RFC 6979), low s. false when the key is invalid.
struct sv_signature {
    bytes32 r, s;
    uint8_t v;
};
MUST_CHECK bool sv_sign(struct sv_signature *out, const bytes32 *hash, const bytes32 *secret_key);
MUST_CHECK bool sv_public_key(uint8_t pubkey[64], const bytes32 *secret_key);
address sv_address(const uint8_t pubkey[64]);

#endif
