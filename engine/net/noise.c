#include "engine/net/noise.h"

#include "sigverify/sigverify.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <stdlib.h>

#define ACT_1_2_BYTES (1u + NOISE_KEY_BYTES + NOISE_TAG_BYTES)
#define ACT_3_BYTES (1u + NOISE_KEY_BYTES + 2 * NOISE_TAG_BYTES)
#define ROTATE_AFTER 1000u

_Static_assert(ACT_3_BYTES == NOISE_ACT_MAX, "act 3 is the longest");

// The cipher of one direction.
struct cipher {
    EVP_CIPHER_CTX *ctx; // holds the key
    bytes32 chaining_key, key;
    uint64_t nonce;
};

enum step { WRITE_ACT1, READ_ACT1, WRITE_ACT2, READ_ACT2, WRITE_ACT3, READ_ACT3, READY, FAILED };

struct noise {
    enum step step;
    enum noise_status status;
    bytes32 secret, ephemeral;
    uint8_t ephemeral_key[NOISE_KEY_BYTES]; // ours
    uint8_t remote[NOISE_KEY_BYTES];        // static
    uint8_t remote_ephemeral[NOISE_KEY_BYTES];
    bytes32 hash, chaining_key, temp_key;
    struct cipher send, receive;
};

const char *noise_status_text(enum noise_status status)
{
    static const char *const texts[NOISE_STATUS_COUNT] = {
        [NOISE_OK] = "well",
        [NOISE_ACT1_SHORT] = "act 1 is cut off",
        [NOISE_ACT1_BAD_VERSION] = "act 1 has an unknown version",
        [NOISE_ACT1_BAD_KEY] = "act 1 brings no public key",
        [NOISE_ACT1_BAD_TAG] = "act 1 is not meant for this node or was altered",
        [NOISE_ACT2_SHORT] = "act 2 is cut off",
        [NOISE_ACT2_BAD_VERSION] = "act 2 has an unknown version",
        [NOISE_ACT2_BAD_KEY] = "act 2 brings no public key",
        [NOISE_ACT2_BAD_TAG] = "act 2 comes from another node than expected or was altered",
        [NOISE_ACT3_SHORT] = "act 3 is cut off",
        [NOISE_ACT3_BAD_VERSION] = "act 3 has an unknown version",
        [NOISE_ACT3_BAD_CIPHERTEXT] = "act 3's key was altered",
        [NOISE_ACT3_BAD_KEY] = "act 3 brings no public key",
        [NOISE_ACT3_BAD_TAG] = "act 3's sender does not own its key",
        [NOISE_BAD_LENGTH_TAG] = "a message's length was altered",
        [NOISE_BAD_MESSAGE_TAG] = "a message was altered",
    };
    return (unsigned)status < NOISE_STATUS_COUNT ? texts[status] : "unknown";
}

static enum noise_status fail(struct noise *n, enum noise_status why)
{
    n->step = FAILED;
    n->status = why;
    return why;
}

// ---- keys and hashes

bool noise_public_key(uint8_t out[NOISE_KEY_BYTES], const bytes32 *secret)
{
    uint8_t point[64];
    if (!sv_public_key(point, secret))
        return false;
    out[0] = 2 | (point[63] & 1);
    memcpy(out + 1, point, 32);
    return true;
}

static bool is_key(const uint8_t key[NOISE_KEY_BYTES])
{
    secp256k1_pubkey parsed;
    return secp256k1_ec_pubkey_parse(secp256k1_context_static, &parsed, key, NOISE_KEY_BYTES);
}

// SHA-256 of the shared point in compressed form: what libsecp256k1's own hash function gives. key is_key.
static bytes32 ecdh(const bytes32 *secret, const uint8_t key[NOISE_KEY_BYTES])
{
    secp256k1_pubkey parsed;
    bytes32 shared;
    if (!secp256k1_ec_pubkey_parse(secp256k1_context_static, &parsed, key, NOISE_KEY_BYTES) ||
        !secp256k1_ecdh(secp256k1_context_static, shared.b, &parsed, secret->b, secp256k1_ecdh_hash_function_sha256,
                        NULL))
        abort();
    return shared;
}

static void hmac(bytes32 *out, const bytes32 *key, const void *p, size_t len)
{
    if (!HMAC(EVP_sha256(), key->b, sizeof key->b, p, len, out->b, NULL))
        abort();
}

// RFC 5869 with no info and two blocks out. first may be the salt.
static void hkdf(bytes32 *first, bytes32 *second, const bytes32 *salt, const void *ikm, size_t len)
{
    bytes32 prk;
    uint8_t block[33];
    hmac(&prk, salt, ikm, len);
    block[0] = 1;
    hmac(first, &prk, block, 1);
    memcpy(block, first->b, 32);
    block[32] = 2;
    hmac(second, &prk, block, 33);
    OPENSSL_cleanse(&prk, sizeof prk);
    OPENSSL_cleanse(block, sizeof block);
}

static void mix_hash(struct noise *n, const void *p, size_t len)
{
    uint8_t both[32 + NOISE_ACT_MAX];
    memcpy(both, n->hash.b, 32);
    memcpy(both + 32, p, len);
    SHA256(both, 32 + len, n->hash.b);
}

static void mix_ecdh(struct noise *n, const bytes32 *secret, const uint8_t key[NOISE_KEY_BYTES])
{
    bytes32 shared = ecdh(secret, key);
    hkdf(&n->chaining_key, &n->temp_key, &n->chaining_key, shared.b, sizeof shared.b);
    OPENSSL_cleanse(&shared, sizeof shared);
}

// ---- sealing

static void require(int ok)
{
    if (ok != 1)
        abort(); // libcrypto refuses only when memory is short
}

static void nonce_bytes(uint8_t out[12], uint64_t nonce)
{
    memset(out, 0, 4);
    store_le64(out + 4, nonce);
}

static void encrypt(EVP_CIPHER_CTX *ctx, uint64_t nonce, struct bytes ad, struct bytes head, struct bytes body,
                    uint8_t *out)
{
    uint8_t iv[12];
    int len;
    nonce_bytes(iv, nonce);
    require(EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, iv));
    if (ad.len > 0)
        require(EVP_EncryptUpdate(ctx, NULL, &len, ad.ptr, (int)ad.len));
    if (head.len > 0)
        require(EVP_EncryptUpdate(ctx, out, &len, head.ptr, (int)head.len));
    if (body.len > 0)
        require(EVP_EncryptUpdate(ctx, out + head.len, &len, body.ptr, (int)body.len));
    uint8_t *tag = out + head.len + body.len;
    require(EVP_EncryptFinal_ex(ctx, tag, &len));
    require(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, NOISE_TAG_BYTES, tag));
}

// in: len bytes and their tag; out may be in.
static bool decrypt(EVP_CIPHER_CTX *ctx, uint64_t nonce, struct bytes ad, const uint8_t *in, size_t len, uint8_t *out)
{
    uint8_t iv[12], tag[NOISE_TAG_BYTES];
    int n;
    nonce_bytes(iv, nonce);
    memcpy(tag, in + len, sizeof tag);
    require(EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, iv));
    require(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, NOISE_TAG_BYTES, tag));
    if (ad.len > 0)
        require(EVP_DecryptUpdate(ctx, NULL, &n, ad.ptr, (int)ad.len));
    if (len > 0)
        require(EVP_DecryptUpdate(ctx, out, &n, in, (int)len));
    return EVP_DecryptFinal_ex(ctx, tag, &n) == 1;
}

static EVP_CIPHER_CTX *cipher_context(const bytes32 *key)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (!ctx)
        abort();
    require(EVP_CipherInit_ex(ctx, EVP_chacha20_poly1305(), NULL, key->b, NULL, 1));
    return ctx;
}

// The handshake's seals, under the temporary key and over the hash so far, are hashed in turn.
static void seal_in_act(struct noise *n, uint64_t nonce, struct bytes plain, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = cipher_context(&n->temp_key);
    encrypt(ctx, nonce, bytes_of(n->hash.b, 32), plain, (struct bytes){0}, out);
    EVP_CIPHER_CTX_free(ctx);
    mix_hash(n, out, plain.len + NOISE_TAG_BYTES);
}

static bool open_in_act(struct noise *n, uint64_t nonce, const uint8_t *in, size_t len, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = cipher_context(&n->temp_key);
    const bool ok = decrypt(ctx, nonce, bytes_of(n->hash.b, 32), in, len, out);
    EVP_CIPHER_CTX_free(ctx);
    mix_hash(n, in, len + NOISE_TAG_BYTES);
    return ok;
}

// ---- handshake

static struct noise *create(enum step first, struct bytes prologue, const bytes32 *secret, const bytes32 *ephemeral,
                            const uint8_t responder[NOISE_KEY_BYTES])
{
    static const char protocol[] = "Noise_XK_secp256k1_ChaChaPoly_SHA256";
    struct noise *n = calloc(1, sizeof *n);
    if (!n)
        abort();
    n->step = first;
    n->secret = *secret;
    n->ephemeral = *ephemeral;
    if (!is_key(responder) || !noise_public_key(n->ephemeral_key, ephemeral)) {
        noise_free(n);
        return NULL;
    }
    SHA256((const uint8_t *)protocol, sizeof protocol - 1, n->hash.b);
    n->chaining_key = n->hash;
    if (prologue.len > NOISE_ACT_MAX)
        abort();
    mix_hash(n, prologue.ptr, prologue.len);
    mix_hash(n, responder, NOISE_KEY_BYTES);
    return n;
}

struct noise *noise_initiator(struct bytes prologue, const bytes32 *secret, const uint8_t remote[NOISE_KEY_BYTES],
                              const bytes32 *ephemeral)
{
    uint8_t own[NOISE_KEY_BYTES];
    if (!noise_public_key(own, secret))
        return NULL;
    struct noise *n = create(WRITE_ACT1, prologue, secret, ephemeral, remote);
    if (n)
        memcpy(n->remote, remote, NOISE_KEY_BYTES);
    return n;
}

struct noise *noise_responder(struct bytes prologue, const bytes32 *secret, const bytes32 *ephemeral)
{
    uint8_t own[NOISE_KEY_BYTES];
    if (!noise_public_key(own, secret))
        return NULL;
    return create(READ_ACT1, prologue, secret, ephemeral, own);
}

void noise_free(struct noise *n)
{
    if (!n)
        return;
    EVP_CIPHER_CTX_free(n->send.ctx);
    EVP_CIPHER_CTX_free(n->receive.ctx);
    OPENSSL_cleanse(n, sizeof *n);
    free(n);
}

static void cipher_start(struct cipher *c, const bytes32 *chaining_key, const bytes32 *key)
{
    c->ctx = cipher_context(key);
    c->chaining_key = *chaining_key;
    c->key = *key;
}

static void split(struct noise *n, struct cipher *first, struct cipher *second)
{
    bytes32 a, b;
    hkdf(&a, &b, &n->chaining_key, "", 0);
    cipher_start(first, &n->chaining_key, &a);
    cipher_start(second, &n->chaining_key, &b);
    OPENSSL_cleanse(&a, sizeof a);
    OPENSSL_cleanse(&b, sizeof b);
    OPENSSL_cleanse(&n->secret, sizeof n->secret);
    OPENSSL_cleanse(&n->ephemeral, sizeof n->ephemeral);
    OPENSSL_cleanse(&n->temp_key, sizeof n->temp_key);
    n->step = READY;
}

size_t noise_wants(const struct noise *n)
{
    if (n->step == READ_ACT1 || n->step == READ_ACT2)
        return ACT_1_2_BYTES;
    return n->step == READ_ACT3 ? ACT_3_BYTES : 0;
}

// Acts 1 and 2 are alike but for the key that our ephemeral one meets: the responder's own, then the initiator's
// ephemeral one.
static size_t write_key_act(struct noise *n, uint8_t *out, const uint8_t with[NOISE_KEY_BYTES])
{
    out[0] = 0;
    memcpy(out + 1, n->ephemeral_key, NOISE_KEY_BYTES);
    mix_hash(n, n->ephemeral_key, NOISE_KEY_BYTES);
    mix_ecdh(n, &n->ephemeral, with);
    seal_in_act(n, 0, (struct bytes){0}, out + 1 + NOISE_KEY_BYTES);
    return ACT_1_2_BYTES;
}

static enum noise_status read_key_act(struct noise *n, const uint8_t *act, const bytes32 *secret,
                                      enum noise_status first_failure)
{
    enum { SHORT, BAD_VERSION, BAD_KEY, BAD_TAG };
    if (act[0] != 0)
        return fail(n, first_failure + BAD_VERSION);
    memcpy(n->remote_ephemeral, act + 1, NOISE_KEY_BYTES);
    if (!is_key(n->remote_ephemeral))
        return fail(n, first_failure + BAD_KEY);
    mix_hash(n, n->remote_ephemeral, NOISE_KEY_BYTES);
    mix_ecdh(n, secret, n->remote_ephemeral);
    if (!open_in_act(n, 0, act + 1 + NOISE_KEY_BYTES, 0, NULL))
        return fail(n, first_failure + BAD_TAG);
    return NOISE_OK;
}

static size_t write_act3(struct noise *n, uint8_t *out)
{
    uint8_t own[NOISE_KEY_BYTES];
    if (!noise_public_key(own, &n->secret))
        abort();
    out[0] = 0;
    seal_in_act(n, 1, bytes_of(own, sizeof own), out + 1);
    mix_ecdh(n, &n->secret, n->remote_ephemeral);
    seal_in_act(n, 0, (struct bytes){0}, out + 1 + NOISE_KEY_BYTES + NOISE_TAG_BYTES);
    split(n, &n->send, &n->receive);
    return ACT_3_BYTES;
}

static enum noise_status read_act3(struct noise *n, const uint8_t *act)
{
    if (act[0] != 0)
        return fail(n, NOISE_ACT3_BAD_VERSION);
    if (!open_in_act(n, 1, act + 1, NOISE_KEY_BYTES, n->remote))
        return fail(n, NOISE_ACT3_BAD_CIPHERTEXT);
    if (!is_key(n->remote))
        return fail(n, NOISE_ACT3_BAD_KEY);
    mix_ecdh(n, &n->ephemeral, n->remote);
    if (!open_in_act(n, 0, act + 1 + NOISE_KEY_BYTES + NOISE_TAG_BYTES, 0, NULL))
        return fail(n, NOISE_ACT3_BAD_TAG);
    split(n, &n->receive, &n->send);
    return NOISE_OK;
}

enum noise_status noise_read_act(struct noise *n, struct bytes act)
{
    static const enum noise_status cut_off[] = {
        [READ_ACT1] = NOISE_ACT1_SHORT, [READ_ACT2] = NOISE_ACT2_SHORT, [READ_ACT3] = NOISE_ACT3_SHORT};
    const size_t wanted = noise_wants(n);
    if (wanted == 0)
        return n->status;
    if (act.len != wanted)
        return fail(n, cut_off[n->step]);
    if (n->step == READ_ACT3)
        return read_act3(n, act.ptr);
    const bool act1 = n->step == READ_ACT1;
    const enum noise_status status = read_key_act(n, act.ptr, act1 ? &n->secret : &n->ephemeral, cut_off[n->step]);
    if (status == NOISE_OK)
        n->step = act1 ? WRITE_ACT2 : WRITE_ACT3;
    return status;
}

size_t noise_write_act(struct noise *n, uint8_t out[NOISE_ACT_MAX])
{
    switch (n->step) {
    case WRITE_ACT1:
        n->step = READ_ACT2;
        return write_key_act(n, out, n->remote);
    case WRITE_ACT2:
        n->step = READ_ACT3;
        return write_key_act(n, out, n->remote_ephemeral);
    case WRITE_ACT3:
        return write_act3(n, out);
    default:
        return 0;
    }
}

bool noise_ready(const struct noise *n)
{
    return n->step == READY;
}

const uint8_t *noise_remote_key(const struct noise *n)
{
    return n->remote;
}

// ---- messages

// Counts a use of the key and changes it when it is due.
static void used(struct cipher *c)
{
    if (++c->nonce < ROTATE_AFTER)
        return;
    hkdf(&c->chaining_key, &c->key, &c->chaining_key, c->key.b, sizeof c->key.b);
    c->nonce = 0;
    require(EVP_CipherInit_ex(c->ctx, NULL, NULL, c->key.b, NULL, -1));
}

void noise_seal(struct noise *n, uint8_t *out, struct bytes head, struct bytes body)
{
    const size_t len = head.len + body.len;
    const uint8_t length[2] = {(uint8_t)(len >> 8), (uint8_t)len};
    const struct bytes none = {0};
    if (n->step != READY || len > NOISE_MESSAGE_MAX)
        abort();
    encrypt(n->send.ctx, n->send.nonce, none, bytes_of(length, 2), none, out);
    used(&n->send);
    encrypt(n->send.ctx, n->send.nonce, none, head, body, out + NOISE_LENGTH_BYTES);
    used(&n->send);
}

enum noise_status noise_open_length(struct noise *n, const uint8_t in[NOISE_LENGTH_BYTES], uint16_t *len)
{
    uint8_t length[2];
    *len = 0;
    if (n->step != READY)
        return n->status;
    if (!decrypt(n->receive.ctx, n->receive.nonce, (struct bytes){0}, in, 2, length))
        return fail(n, NOISE_BAD_LENGTH_TAG);
    used(&n->receive);
    *len = (uint16_t)(length[0] << 8 | length[1]);
    return NOISE_OK;
}

enum noise_status noise_open_message(struct noise *n, uint8_t *in_out, uint16_t len)
{
    if (n->step != READY)
        return n->status;
    if (!decrypt(n->receive.ctx, n->receive.nonce, (struct bytes){0}, in_out, len, in_out))
        return fail(n, NOISE_BAD_MESSAGE_TAG);
    used(&n->receive);
    return NOISE_OK;
}
