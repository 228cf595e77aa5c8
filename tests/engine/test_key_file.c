// Key files: what is written is read back, sealed or not, and everything else is refused in words.
#include "engine/key_file.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "engine/order/signing.h"
#include "tests/engine/store_fixture.h"

static char *dir;

static void setup(void)
{
    dir = fixture_folder();
}

static void teardown(void)
{
    fixture_remove(dir);
}

TestSuite(key_file, .init = setup, .fini = teardown);

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void write_text(const char *path, const char *text, mode_t mode)
{
    FILE *out = fopen(path, "w");
    fputs(text, out);
    fclose(out);
    cr_assert_eq(chmod(path, mode), 0);
}

static void expect_refused(enum key_purpose purpose, const char *path, const char *passphrase, const char *words)
{
    struct key_pair k;
    char error[STORE_ERROR_MAX] = "";
    cr_expect(!key_file_read(&k, purpose, path, passphrase, error), "taken, not: %s", words);
    cr_expect(strstr(error, words), "'%s' does not say '%s'", error, words);
    const struct key_pair zero = {0};
    cr_expect_eq(memcmp(&k.secret, &zero.secret, 32), 0, "a secret is left after a refusal");
}

Test(key_file, a_plain_key_is_read_back_and_only_its_owner_may_read_it)
{
    struct key_pair k, back;
    struct stat st;
    char error[STORE_ERROR_MAX] = "";
    for (enum key_purpose purpose = KEY_CONSENSUS; purpose <= KEY_CHANNEL; purpose++) {
        const char *path = path_of(purpose == KEY_CONSENSUS ? "a" : "b");
        umask(0);
        key_generate(&k, purpose);
        cr_assert(key_file_create(path, &k, NULL, KEY_LOG2N, error), "%s", error);
        cr_assert_eq(stat(path, &st), 0);
        cr_expect_eq(st.st_mode & 07777, 0600);
        cr_assert(key_file_read(&back, purpose, path, NULL, error), "%s", error);
        cr_expect(bytes32_equal(&back.secret, &k.secret));
        cr_expect_eq(back.public_len, purpose == KEY_CONSENSUS ? 32 : 33);
        cr_expect_eq(memcmp(back.public_key, k.public_key, k.public_len), 0);
        cr_expect(key_file_read(&back, purpose, path, "of no use", error), "%s", error);
    }
    expect_refused(KEY_CHANNEL, path_of("a"), NULL, "holds a consensus key, not a channel key");
}

Test(key_file, public_keys_are_those_that_votes_are_checked_with)
{
    struct key_pair k;
    bytes32 x;
    key_generate(&k, KEY_CONSENSUS);
    struct signing *s = signing_secp(&k.secret, &x);
    cr_expect_eq(memcmp(x.b, k.public_key, 32), 0);
    s->ops->free(s);
}

Test(key_file, a_sealed_key_opens_with_its_passphrase_alone)
{
    struct key_pair k, back;
    char error[STORE_ERROR_MAX] = "";
    const char *path = path_of("sealed");
    key_generate(&k, KEY_CHANNEL);
    cr_assert(key_file_create(path, &k, "correct horse", KEY_LOG2N_MIN, error), "%s", error);
    cr_assert(key_file_read(&back, KEY_CHANNEL, path, "correct horse", error), "%s", error);
    cr_expect(bytes32_equal(&back.secret, &k.secret));
    expect_refused(KEY_CHANNEL, path, NULL, "is sealed");
    expect_refused(KEY_CHANNEL, path, "correct hors", "passphrase is wrong");
    expect_refused(KEY_CHANNEL, path, "", "passphrase is wrong");
    char text[KEY_FILE_BYTES_MAX + 1] = "", hex[65] = {0};
    FILE *in = fopen(path, "r");
    cr_assert_gt(fread(text, 1, sizeof text - 1, in), 0);
    fclose(in);
    hex_encode(hex, k.secret.b, 32);
    cr_expect_null(strstr(text, hex), "the secret stands in the file");
}

// RFC 7914's and RFC 8439's parts together, made by another implementation (Python's hashlib.scrypt, and
// cryptography's ChaCha20Poly1305).
Test(key_file, a_file_that_another_program_sealed_opens)
{
    struct key_pair k;
    char error[STORE_ERROR_MAX] = "";
    static const char text[] =
        "gantry key 1\n"
        "purpose consensus\n"
        "public 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798\n"
        "sealed 10 0x000102030405060708090a0b0c0d0e0f 0x6465666768696a6b6c6d6e6f "
        "0xd64fbfa66f7cddf7369da09349de8140800c2900443c6c3bbe1f89f61d96c71c68bff3cea16ada92eec414fe58f30a7a\n";
    write_text(path_of("foreign"), text, 0600);
    cr_assert(key_file_read(&k, KEY_CONSENSUS, path_of("foreign"), "a passphrase", error), "%s", error);
    cr_expect_eq(k.secret.b[31], 1);
}

Test(key_file, nothing_is_overwritten)
{
    struct key_pair k, other, back;
    char error[STORE_ERROR_MAX] = "";
    const char *path = path_of("one");
    key_generate(&k, KEY_CHANNEL);
    key_generate(&other, KEY_CHANNEL);
    cr_assert(key_file_create(path, &k, NULL, KEY_LOG2N, error), "%s", error);
    cr_expect(!key_file_create(path, &other, NULL, KEY_LOG2N, error));
    cr_expect(strstr(error, "File exists"), "%s", error);
    cr_assert(key_file_read(&back, KEY_CHANNEL, path, NULL, error));
    cr_expect(bytes32_equal(&back.secret, &k.secret));
}

Test(key_file, a_file_that_others_may_read_is_refused)
{
    struct key_pair k;
    char error[STORE_ERROR_MAX] = "";
    const char *path = path_of("open");
    key_generate(&k, KEY_CHANNEL);
    cr_assert(key_file_create(path, &k, NULL, KEY_LOG2N, error), "%s", error);
    static const mode_t bad[] = {0640, 0604, 0660, 0610, 0601, 0644};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(chmod(path, bad[i]), 0);
        expect_refused(KEY_CHANNEL, path, NULL, "may be read or changed by others");
    }
    cr_assert_eq(chmod(path, 0400), 0);
    cr_expect(key_file_read(&k, KEY_CHANNEL, path, NULL, error), "%s", error);
    expect_refused(KEY_CHANNEL, path_of("missing"), NULL, "No such file");
    expect_refused(KEY_CHANNEL, dir, NULL, "is no file");
}

Test(key_file, every_changed_byte_and_every_truncation_of_a_sealed_file_is_refused)
{
    struct key_pair k, back;
    char error[STORE_ERROR_MAX] = "", text[KEY_FILE_BYTES_MAX];
    const char *path = path_of("whole");
    key_generate(&k, KEY_CONSENSUS);
    cr_assert(key_file_create(path, &k, "p", KEY_LOG2N_MIN, error), "%s", error);
    FILE *in = fopen(path, "r");
    const size_t len = fread(text, 1, sizeof text, in);
    fclose(in);
    for (size_t i = 0; i <= len; i++) {
        char changed[KEY_FILE_BYTES_MAX];
        memcpy(changed, text, len);
        changed[i] ^= 1; // of i == len: one byte more than the file has
        changed[len] = i == len ? 'x' : changed[len];
        FILE *out = fopen(path_of("changed"), "w");
        fchmod(fileno(out), 0600);
        fwrite(changed, 1, i == len ? len + 1 : len, out);
        fclose(out);
        cr_expect(!key_file_read(&back, KEY_CONSENSUS, path_of("changed"), "p", error), "byte %zu", i);
        struct key_text parsed;
        cr_expect(i == len || !key_text_parse(&parsed, bytes_of(text, i), error), "cut at %zu", i);
    }
}

Test(key_file, malformed_files_are_refused_by_line)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "not a key file"},
        {"gantry key 2\n", "of another version"},
        {"gantry key 1\npurpose votes\n", "line 2"},
        {"gantry key 1\npurpose channel\npublic 0x00\n", "line 3 is not \"public 0x\" and 33 bytes"},
        {"gantry key 1\npurpose consensus\npublic 0x0000000000000000000000000000000000000000000000000000000000000001\n",
         "line 4"},
        {"gantry key 1\npurpose consensus\npublic 0x0000000000000000000000000000000000000000000000000000000000000001\n"
         "sealed 9 0x00000000000000000000000000000000 0x000000000000000000000000 0x00000000000000000000000000000000"
         "0000000000000000000000000000000000000000000000000000000000000000\n",
         "a cost of 2^9"},
        {"gantry key 1\npurpose consensus\npublic 0x0000000000000000000000000000000000000000000000000000000000000001\n"
         "sealed 21 0x00000000000000000000000000000000 0x000000000000000000000000 0x00000000000000000000000000000000"
         "0000000000000000000000000000000000000000000000000000000000000000\n",
         "a cost of 2^21"},
        {"gantry key 1\npurpose consensus\npublic 0x0000000000000000000000000000000000000000000000000000000000000001\n"
         "secret 0x0000000000000000000000000000000000000000000000000000000000000001\n",
         "its public key is not that of its secret"},
        {"gantry key 1\npurpose consensus\npublic 0x0000000000000000000000000000000000000000000000000000000000000001\n"
         "secret 0x0000000000000000000000000000000000000000000000000000000000000000\n",
         "its public key is not that of its secret"},
        {"gantry key 1\npurpose consensus\npublic 0x0000000000000000000000000000000000000000000000000000000000000001\n"
         "secret 0x000000000000000000000000000000000000000000000000000000000000000A\n",
         "line 4"},
        {"gantry key 1\npurpose consensus\npublic 0x0000000000000000000000000000000000000000000000000000000000000001\n"
         "secret 0x0000000000000000000000000000000000000000000000000000000000000001\n\n",
         "more after line 4"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_text(path_of("bad"), cases[i].text, 0600);
        expect_refused(KEY_CONSENSUS, path_of("bad"), NULL, cases[i].words);
    }
}

Test(key_file, a_passphrase_is_the_first_line_of_a_file_of_its_owner)
{
    char error[STORE_ERROR_MAX] = "";
    write_text(path_of("p"), "two words\nmore\n", 0600);
    char *passphrase = key_read_passphrase(path_of("p"), error);
    cr_assert(passphrase, "%s", error);
    cr_expect_str_eq(passphrase, "two words");
    key_free_passphrase(passphrase);
    write_text(path_of("p"), "x", 0644);
    cr_expect_null(key_read_passphrase(path_of("p"), error));
    cr_expect(strstr(error, "may be read or changed by others"), "%s", error);
    write_text(path_of("p"), "\nx\n", 0600);
    cr_expect_null(key_read_passphrase(path_of("p"), error));
    cr_expect(strstr(error, "is empty"), "%s", error);
}
