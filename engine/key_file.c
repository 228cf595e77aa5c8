#include "engine/key_file.h"

#include "base/hex.h"
#include "engine/net/noise.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const purposes[] = {[KEY_CONSENSUS] = "consensus", [KEY_CHANNEL] = "channel"};

static void randomize(void *out, size_t len)
{
    if (getrandom(out, len, 0) != (ssize_t)len)
        abort();
}

// ---- keys

bool key_of_secret(struct key_pair *out, enum key_purpose purpose, const bytes32 *secret)
{
    uint8_t compressed[NOISE_KEY_BYTES];
    *out = (struct key_pair){.purpose = purpose, .secret = *secret};
    if (!noise_public_key(compressed, secret))
        return false;
    const size_t skip = purpose == KEY_CONSENSUS ? 1 : 0; // BIP-340 has x alone
    out->public_len = sizeof compressed - skip;
    memcpy(out->public_key, compressed + skip, out->public_len);
    return true;
}

void key_generate(struct key_pair *out, enum key_purpose purpose)
{
    bytes32 secret;
    do
        randomize(&secret, sizeof secret);
    while (!key_of_secret(out, purpose, &secret));
    explicit_bzero(&secret, sizeof secret);
}

void key_wipe(struct key_pair *k)
{
    explicit_bzero(k, sizeof *k);
}

// ---- the seal

// A key from a passphrase: RFC 7914.
static bool stretch(uint8_t out[32], const char *passphrase, const uint8_t salt[16], unsigned log2n)
{
    const uint64_t n = 1ull << log2n, memory = 128 * 8 * n + (1u << 20);
    return EVP_PBE_scrypt(passphrase, strlen(passphrase), salt, 16, n, 8, 1, memory, out, 32) == 1;
}

// Seals or opens 32 bytes with ChaCha20-Poly1305; box is the ciphertext and its tag.
static bool cipher(bool seal, uint8_t secret[32], uint8_t box[48], const uint8_t key[32], const uint8_t nonce[12],
                   struct bytes covered)
{
    int len, rest;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    const bool good = c && EVP_CipherInit_ex(c, EVP_chacha20_poly1305(), NULL, key, nonce, seal) &&
                      (seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, box + 32)) &&
                      EVP_CipherUpdate(c, NULL, &len, covered.ptr, (int)covered.len) &&
                      EVP_CipherUpdate(c, seal ? box : secret, &len, seal ? secret : box, 32) &&
                      EVP_CipherFinal_ex(c, (seal ? box : secret) + len, &rest) &&
                      (!seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, box + 32));
    EVP_CIPHER_CTX_free(c);
    return good;
}

// ---- the text

static char *put_hex(char *at, const char *before, const void *bytes, size_t len)
{
    at = stpcpy(at, before);
    hex_encode(at, bytes, len);
    return at + 2 * len;
}

// The file's text; its last line holds the secret. Returns its length. No buffer of a library gets to see it.
static size_t write_text(char text[KEY_FILE_BYTES_MAX], const struct key_pair *k, const char *passphrase,
                         unsigned log2n)
{
    char *at = text + sprintf(text, "gantry key 1\npurpose %s\n", purposes[k->purpose]);
    at = stpcpy(put_hex(at, "public 0x", k->public_key, k->public_len), "\n");
    if (!passphrase) {
        at = put_hex(at, "secret 0x", k->secret.b, 32);
    } else {
        uint8_t salt[16], nonce[12], key[32], box[48];
        bytes32 secret = k->secret;
        randomize(salt, sizeof salt);
        randomize(nonce, sizeof nonce);
        if (!stretch(key, passphrase, salt, log2n) ||
            !cipher(true, secret.b, box, key, nonce, bytes_of(text, (size_t)(at - text))))
            abort();
        explicit_bzero(key, sizeof key);
        explicit_bzero(&secret, sizeof secret);
        at += sprintf(at, "sealed %u", log2n);
        at = put_hex(at, " 0x", salt, sizeof salt);
        at = put_hex(at, " 0x", nonce, sizeof nonce);
        at = put_hex(at, " 0x", box, sizeof box);
    }
    return (size_t)(stpcpy(at, "\n") - text);
}

struct scanner {
    const char *p;
    size_t left;
};

static bool take(struct scanner *s, const char *word)
{
    const size_t len = strlen(word);
    if (s->left < len || memcmp(s->p, word, len) != 0)
        return false;
    s->p += len;
    s->left -= len;
    return true;
}

// 0x and exactly so many bytes, in lower case: a key has one text.
static bool take_hex(struct scanner *s, uint8_t *out, size_t len)
{
    if (!take(s, "0x") || s->left < 2 * len || hex_decode(out, len, s->p, 2 * len) != (ptrdiff_t)len)
        return false;
    for (size_t i = 0; i < 2 * len; i++) {
        if (s->p[i] >= 'A' && s->p[i] <= 'F')
            return false;
    }
    s->p += 2 * len;
    s->left -= 2 * len;
    return true;
}

static bool take_number(struct scanner *s, unsigned *out)
{
    unsigned value = 0, digits = 0;
    for (; digits < 2 && s->left > 0 && *s->p >= '0' && *s->p <= '9'; digits++, s->p++, s->left--)
        value = 10 * value + (unsigned)(*s->p - '0');
    *out = value;
    return digits > 0;
}

bool key_text_parse(struct key_text *out, struct bytes text, char error[STORE_ERROR_MAX])
{
    struct scanner s = {(const char *)text.ptr, text.len};
    *out = (struct key_text){0};
    if (!take(&s, "gantry key "))
        return store_fail(error, "not a key file (it begins with \"gantry key 1\")");
    if (!take(&s, "1\n"))
        return store_fail(error, "a key file of another version");
    bool good = take(&s, "purpose ");
    if (good && take(&s, "consensus\n"))
        out->purpose = KEY_CONSENSUS;
    else if (good && take(&s, "channel\n"))
        out->purpose = KEY_CHANNEL;
    else
        return store_fail(error, "line 2 is not \"purpose consensus\" or \"purpose channel\"");
    out->public_len = out->purpose == KEY_CONSENSUS ? 32 : 33;
    if (!take(&s, "public ") || !take_hex(&s, out->public_key, out->public_len) || !take(&s, "\n"))
        return store_fail(error, "line 3 is not \"public 0x\" and %zu bytes", out->public_len);
    out->covered = text.len - s.left;
    out->sealed = !take(&s, "secret ");
    if (!out->sealed)
        good = take_hex(&s, out->secret.b, 32);
    else
        good = take(&s, "sealed ") && take_number(&s, &out->log2n) && take(&s, " ") &&
               take_hex(&s, out->salt, sizeof out->salt) && take(&s, " ") &&
               take_hex(&s, out->nonce, sizeof out->nonce) && take(&s, " ") && take_hex(&s, out->box, sizeof out->box);
    if (!good || !take(&s, "\n"))
        return store_fail(error, "line 4 is not \"secret 0x...\" or \"sealed LOG2N 0xSALT 0xNONCE 0xBOX\"");
    if (out->sealed && (out->log2n < KEY_LOG2N_MIN || out->log2n > KEY_LOG2N_MAX))
        return store_fail(error, "sealed with a cost of 2^%u, not 2^%d to 2^%d", out->log2n, KEY_LOG2N_MIN,
                          KEY_LOG2N_MAX);
    return s.left == 0 || store_fail(error, "there is more after line 4");
}

// ---- files

bool key_file_create(const char *path, const struct key_pair *k, const char *passphrase, unsigned log2n,
                     char error[STORE_ERROR_MAX])
{
    char text[KEY_FILE_BYTES_MAX];
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return store_fail(error, "cannot create the key file %s: %s", path, strerror(errno));
    const size_t len = write_text(text, k, passphrase, log2n);
    const bool written = fchmod(fd, 0600) == 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    const int err = errno;
    explicit_bzero(text, sizeof text);
    close(fd);
    if (written)
        return true;
    unlink(path);
    return store_fail(error, "cannot write the key file %s: %s", path, strerror(err));
}

// Reads a file that only its owner may see; -1 with a message.
static ssize_t read_secret(const char *path, const char *noun, char *out, size_t cap, char error[STORE_ERROR_MAX])
{
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        store_fail(error, "cannot read the %s %s: %s", noun, path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    ssize_t len = -1;
    if (!S_ISREG(st.st_mode))
        store_fail(error, "the %s %s is no file", noun, path);
    else if (st.st_mode & (S_IRWXG | S_IRWXO))
        store_fail(error, "the %s %s may be read or changed by others (mode %04o): chmod 600 it", noun, path,
                   st.st_mode & 07777);
    else if ((size_t)st.st_size > cap)
        store_fail(error, "the %s %s is longer than %zu bytes", noun, path, cap);
    else if ((len = read(fd, out, cap)) < 0)
        store_fail(error, "cannot read the %s %s: %s", noun, path, strerror(errno));
    close(fd);
    return len;
}

// The secret of a parsed file. false with a message.
static bool open_seal(bytes32 *secret, struct key_text *t, const char *text, const char *passphrase, const char *path,
                      char error[STORE_ERROR_MAX])
{
    uint8_t key[32];
    if (!t->sealed) {
        *secret = t->secret;
        return true;
    }
    if (!passphrase)
        return store_fail(error, "%s is sealed: name the file of its passphrase with key-passphrase", path);
    if (!stretch(key, passphrase, t->salt, t->log2n))
        return store_fail(error, "%s: there is not enough memory to stretch its passphrase", path);
    const bool good = cipher(false, secret->b, t->box, key, t->nonce, bytes_of(text, t->covered));
    explicit_bzero(key, sizeof key);
    return good || store_fail(error, "%s: the passphrase is wrong, or the file was changed", path);
}

bool key_file_read(struct key_pair *out, enum key_purpose purpose, const char *path, const char *passphrase,
                   char error[STORE_ERROR_MAX])
{
    char text[KEY_FILE_BYTES_MAX], reason[STORE_ERROR_MAX];
    struct key_text t = {0};
    bytes32 secret = {{0}};
    const ssize_t len = read_secret(path, "key file", text, sizeof text, error);
    bool good = len >= 0;
    if (good && !key_text_parse(&t, bytes_of(text, (size_t)len), reason))
        good = store_fail(error, "%.200s: %.200s", path, reason);
    if (good && t.purpose != purpose)
        good = store_fail(error, "%s holds a %s key, not a %s key", path, purposes[t.purpose], purposes[purpose]);
    good = good && open_seal(&secret, &t, text, passphrase, path, error);
    if (good && (!key_of_secret(out, purpose, &secret) ||
                 !bytes_equal(bytes_of(out->public_key, out->public_len), bytes_of(t.public_key, t.public_len))))
        good = store_fail(error, "%s is damaged: its public key is not that of its secret", path);
    explicit_bzero(text, sizeof text);
    explicit_bzero(&t, sizeof t);
    explicit_bzero(&secret, sizeof secret);
    if (!good)
        key_wipe(out);
    return good;
}

char *key_read_passphrase(const char *path, char error[STORE_ERROR_MAX])
{
    char text[KEY_PASSPHRASE_MAX + 1];
    const ssize_t len = read_secret(path, "passphrase file", text, KEY_PASSPHRASE_MAX, error);
    char *passphrase = NULL;
    if (len >= 0) {
        text[len] = '\0';
        text[strcspn(text, "\n")] = '\0';
        if (text[0] == '\0')
            store_fail(error, "the first line of the passphrase file %s is empty", path);
        else if (!(passphrase = strdup(text)))
            abort();
    }
    explicit_bzero(text, sizeof text);
    return passphrase;
}

void key_free_passphrase(char *passphrase)
{
    if (passphrase)
        explicit_bzero(passphrase, strlen(passphrase));
    free(passphrase);
}
