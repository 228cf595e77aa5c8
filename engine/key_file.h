// Files with a secret key, readable by their owner only (mode 0600 or stricter is demanded), optionally sealed with a
// passphrase (scrypt, RFC 7914, and ChaCha20-Poly1305, RFC 8439). Text, one field a line:
//
//   gantry key 1
//   purpose consensus | channel
//   public 0x...            32 bytes (x only) for consensus, 33 (compressed) for channel
//   secret 0x...            32 bytes                                             or
//   sealed LOG2N 0xSALT 0xNONCE 0xBOX    16, 12 and 48 bytes; scrypt's r is 8, p is 1
//
// The seal also covers the lines before it. Any thread.
#ifndef GANTRY_ENGINE_KEY_FILE_H
#define GANTRY_ENGINE_KEY_FILE_H

#include "base/bytes.h"
#include "engine/store/store_error.h"

#define KEY_FILE_BYTES_MAX 1024
#define KEY_PUBLIC_MAX 33
#define KEY_PASSPHRASE_MAX 1024
#define KEY_LOG2N_MIN 10
#define KEY_LOG2N_MAX 20
#define KEY_LOG2N 17 // about half a second and 128 MiB

enum key_purpose { KEY_CONSENSUS, KEY_CHANNEL };

struct key_pair {
    enum key_purpose purpose;
    bytes32 secret;
    uint8_t public_key[KEY_PUBLIC_MAX];
    size_t public_len;
};

// A new key from the system's randomness.
void key_generate(struct key_pair *out, enum key_purpose purpose);
// The pair of a secret. false when it is none.
MUST_CHECK bool key_of_secret(struct key_pair *out, enum key_purpose purpose, const bytes32 *secret);
void key_wipe(struct key_pair *k);

// Writes a new file, durably; never over one that exists. passphrase NULL: unsealed. false with a message.
MUST_CHECK bool key_file_create(const char *path, const struct key_pair *k, const char *passphrase, unsigned log2n,
                                char error[STORE_ERROR_MAX]);
// false with a message: it can't be read, others may read it, it is malformed or for another purpose, it is sealed and
// passphrase is NULL or another, its public key is not the secret's.
MUST_CHECK bool key_file_read(struct key_pair *out, enum key_purpose purpose, const char *path, const char *passphrase,
                              char error[STORE_ERROR_MAX]);

// A passphrase from a file with the same mode: its first line, malloc'ed. NULL with a message. Free with
// key_free_passphrase.
char *key_read_passphrase(const char *path, char error[STORE_ERROR_MAX]);
void key_free_passphrase(char *passphrase); // NULL is fine

// ---- the text (for fuzzing, and for tools that only look)

struct key_text {
    enum key_purpose purpose;
    uint8_t public_key[KEY_PUBLIC_MAX];
    size_t public_len;
    bool sealed;
    bytes32 secret; // unless sealed
    unsigned log2n;
    uint8_t salt[16], nonce[12], box[48];
    size_t covered; // bytes before the last line
};
MUST_CHECK bool key_text_parse(struct key_text *out, struct bytes text, char error[STORE_ERROR_MAX]);

#endif
