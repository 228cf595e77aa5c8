#include "bench/check_signatures.h"

#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_recovery.h>
#include <secp256k1_schnorrsig.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/u256.h"
#include "sigverify/kernels.h"

// Signatures are made once and then varied: making them takes the most time.
enum { MADE = 4096, LARGEST_BATCH = SV_BATCH_MAX + 88 };

struct check {
    uint64_t random;
    secp256k1_context *library;
    struct sv_verifier *verifier;
    struct sv_item made[MADE], items[LARGEST_BATCH];
    struct sv_witness made_witnesses[MADE], witnesses[LARGEST_BATCH];
    struct sv_schnorr made_schnorr[MADE], schnorr[LARGEST_BATCH];
    struct sv_result got[LARGEST_BATCH], expected[LARGEST_BATCH];
    bool ok[LARGEST_BATCH];
    uint64_t accepted, refused;
};

// splitmix64
static uint64_t next(struct check *c)
{
    uint64_t z = c->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static bytes32 random_bytes32(struct check *c)
{
    bytes32 out = {{0}};
    for (size_t i = 0; i < sizeof out.b; i += 8)
        store_le64(out.b + i, next(c));
    return out;
}

// Numbers where ranges, carries and reductions change: 0, 1, n, p, 2^128 and 2^256, and what lies around them.
static bytes32 edge_value(struct check *c)
{
    static const u256 BASES[] = {{{0, 0, 0, 0}},
                                 {{0xbfd25e8cd0364141, 0xbaaedce6af48a03b, 0xfffffffffffffffe, UINT64_MAX}},
                                 {{0xfffffffefffffc2f, UINT64_MAX, UINT64_MAX, UINT64_MAX}},
                                 {{0xdfe92f46681b20a0, 0x5d576e7357a4501d, UINT64_MAX, 0x7fffffffffffffff}},
                                 {{0x402da1722fc9baee, 0x4551231950b75fc4, 1, 0}}, // p - n
                                 {{0, 0, 1, 0}}};
    const u256 offset = u256_from_u64(next(c) % 4);
    u256 value = BASES[next(c) % (sizeof BASES / sizeof BASES[0])];
    if (next(c) % 2)
        u256_add(&value, &value, &offset);
    else
        u256_sub(&value, &value, &offset);
    bytes32 out = {{0}};
    u256_to_be(out.b, &value);
    return out;
}

static bool make_one(struct check *c, size_t i)
{
    const bytes32 secret = random_bytes32(c);
    struct sv_item *item = &c->made[i];
    struct sv_witness *witness = &c->made_witnesses[i];
    struct sv_schnorr *schnorr = &c->made_schnorr[i];
    struct sv_signature signature;
    secp256k1_keypair pair;
    secp256k1_xonly_pubkey key;
    uint8_t bytes[64];
    item->hash = schnorr->message = random_bytes32(c);
    if (!sv_sign(&signature, &item->hash, &secret) || !sv_public_key(witness->pubkey, &secret) ||
        !secp256k1_keypair_create(c->library, &pair, secret.b) ||
        !secp256k1_keypair_xonly_pub(c->library, &key, NULL, &pair) ||
        !secp256k1_schnorrsig_sign32(c->library, bytes, schnorr->message.b, &pair, NULL))
        return false;
    item->r = signature.r;
    item->s = signature.s;
    item->v = signature.v;
    item->require_low_s = true;
    secp256k1_xonly_pubkey_serialize(c->library, schnorr->key.b, &key);
    memcpy(schnorr->r.b, bytes, 32);
    memcpy(schnorr->s.b, bytes + 32, 32);
    return sv_lift_x(witness->ry, item->r.b, item->v & 1);
}

static void spoil(struct check *c, uint8_t *bytes, size_t len)
{
    bytes[next(c) % len] ^= (uint8_t)(1u << next(c) % 8);
}

static void vary(struct check *c, struct sv_item *item, struct sv_witness *witness)
{
    bytes32 *const numbers[] = {&item->hash, &item->r, &item->s};
    switch (next(c) % 8) {
    case 0:
        *numbers[next(c) % 3] = edge_value(c);
        break;
    case 1:
        item->v = (uint8_t)(next(c) % 5);
        break;
    case 2:
        spoil(c, witness->pubkey, sizeof witness->pubkey);
        break;
    case 3:
        spoil(c, witness->ry, sizeof witness->ry);
        break;
    case 4:
        memcpy(witness->pubkey, c->made_witnesses[next(c) % MADE].pubkey, sizeof witness->pubkey);
        break;
    case 5:
        item->r = c->made[next(c) % MADE].r; // R of another signature: recovery gives some key
        break;
    default:
        spoil(c, numbers[next(c) % 3]->b, 32);
        break;
    }
}

static void make_batch(struct check *c, size_t n)
{
    const size_t different = next(c) % 4 ? MADE : 1 + next(c) % 40;
    for (size_t i = 0; i < n; i++) {
        const size_t from = next(c) % different;
        c->items[i] = c->made[from];
        c->witnesses[i] = c->made_witnesses[from];
        c->items[i].require_low_s = next(c) % 4 != 0;
        c->witnesses[i].has_ry = next(c) % 2 != 0;
        c->schnorr[i] = c->made_schnorr[from];
    }
}

// A fifth of them, or a single one, or none.
static void vary_batch(struct check *c, size_t n)
{
    const uint64_t kind = next(c) % 3;
    for (size_t i = 0; i < n; i++) {
        if (kind == 0 ? next(c) % 5 == 0 : kind == 1 && i == n / 2)
            vary(c, &c->items[i], &c->witnesses[i]);
    }
}

static int compare(struct check *c, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        if (c->got[i].status != c->expected[i].status || memcmp(c->got[i].pubkey, c->expected[i].pubkey, 64) != 0) {
            fprintf(stderr, "bench sigverify: %s of item %zu of %zu: status %d, the library's is %d\n", what, i, n,
                    c->got[i].status, c->expected[i].status);
            return -1;
        }
        if (c->got[i].status == SV_OK)
            c->accepted++;
        else
            c->refused++;
    }
    return 0;
}

static int check_batch(struct check *c, size_t n)
{
    make_batch(c, n);
    vary_batch(c, n);
    sv_recover(c->verifier, c->got, c->items, n);
    memset(c->expected, 0, n * sizeof *c->expected);
    SV_PORTABLE.recover(c->library, c->expected, c->items, n);
    if (compare(c, n, "recovery") != 0)
        return -1;
    sv_verify_witness(c->verifier, c->got, c->items, c->witnesses, n);
    memset(c->expected, 0, n * sizeof *c->expected);
    SV_PORTABLE.verify_witness(c->library, c->expected, c->items, c->witnesses, n);
    return compare(c, n, "witness");
}

static int check_schnorr_batch(struct check *c, size_t n)
{
    make_batch(c, n);
    for (size_t i = 0; i < n; i++) {
        bytes32 *const fields[] = {&c->schnorr[i].key, &c->schnorr[i].message, &c->schnorr[i].r, &c->schnorr[i].s};
        if (next(c) % 20 == 0)
            spoil(c, fields[next(c) % 4]->b, 32);
        if (next(c) % 40 == 0)
            *fields[next(c) % 4] = edge_value(c);
    }
    sv_verify_schnorr(c->verifier, c->ok, c->schnorr, n);
    for (size_t i = 0; i < n; i++) {
        if (c->ok[i] != sv_check_schnorr(&c->schnorr[i])) {
            fprintf(stderr, "bench sigverify: BIP-340, item %zu of %zu: %s\n", i, n, c->ok[i] ? "accepted" : "refused");
            return -1;
        }
    }
    return 0;
}

static int check_all(struct check *c, uint64_t count)
{
    for (size_t i = 0; i < MADE; i++) {
        if (!make_one(c, i))
            return -1;
    }
    uint64_t done = 0;
    for (uint64_t batch = 0; done < count; batch++) {
        static const size_t AROUND[] = {512, SV_BATCH_MAX};
        const size_t n = batch % 16 == 15 ? AROUND[next(c) % 2] - 2 + next(c) % 5 : 1 + next(c) % 200;
        if (check_batch(c, n) != 0 || (batch % 8 == 7 && check_schnorr_batch(c, n) != 0))
            return -1;
        done += n;
    }
    printf("%" PRIu64 " signatures recovered and checked with witnesses by %s as by libsecp256k1: %" PRIu64
           " answers with a key, %" PRIu64 " refusals\n",
           done, sv_kernel_name(), c->accepted, c->refused);
    return 0;
}

int bench_check_signatures(uint64_t seed, uint64_t count)
{
    struct check *c = calloc(1, sizeof *c);
    if (!c)
        return -1;
    c->random = seed;
    c->library = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    c->verifier = sv_create();
    printf("bench sigverify --check %" PRIu64 " --seed %" PRIu64 "\n", count, seed);
    const int status = c->library && c->verifier ? check_all(c, count) : -1;
    sv_free(c->verifier);
    secp256k1_context_destroy(c->library);
    free(c);
    return status;
}
