// BOLT-8's published vectors, read from the specification's own page, and what they leave open.
#include "base/hex.h"
#include "engine/net/noise.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

// ---- the page: "name: x" starts a case, its other lines are "key: value" or "key=value"

struct vector {
    const char *at, *end;
};

static char *page(void)
{
    char *path = vectors_path("misc-public", "bolts/bolt8-appendix-a.txt");
    if (!path)
        cr_skip_test("the BOLT-8 vectors are not here");
    size_t len;
    char *text = (char *)vectors_read(path, &len);
    free(path);
    return text;
}

static struct vector find_vector(const char *text, const char *name)
{
    char line[128];
    snprintf(line, sizeof line, "name: %s\n", name);
    const char *at = strstr(text, line);
    cr_assert(at, "%s", name);
    at += strlen(line);
    const char *end = strstr(at, "name: ");
    return (struct vector){at, end ? end : at + strlen(at)};
}

// The value of the next line with this key, as bytes; 0 when there is none.
static size_t next_value(struct vector *v, const char *key, uint8_t *out, size_t cap)
{
    const char *found = strstr(v->at, key);
    if (!found || found >= v->end)
        return 0;
    const char *hex = found + strlen(key);
    hex += strspn(hex, ":= ");
    if (strncmp(hex, "0x", 2) == 0)
        hex += 2;
    const size_t digits = strspn(hex, "0123456789abcdef");
    cr_assert(digits / 2 <= cap);
    for (size_t i = 0; i < digits / 2; i++) {
        unsigned byte;
        cr_assert(sscanf(hex + 2 * i, "%2x", &byte) == 1);
        out[i] = (uint8_t)byte;
    }
    v->at = hex + digits;
    return digits / 2;
}

static bytes32 secret_of(struct vector v, const char *key)
{
    bytes32 out;
    cr_assert_eq(next_value(&v, key, out.b, 32), 32);
    return out;
}

static struct bytes lightning(void)
{
    return bytes_of("lightning", 9);
}

static struct noise *initiator(struct vector v)
{
    uint8_t remote[33];
    bytes32 secret = secret_of(v, "ls.priv"), ephemeral = secret_of(v, "e.priv");
    cr_assert_eq(next_value(&v, "rs.pub", remote, 33), 33);
    struct noise *n = noise_initiator(lightning(), &secret, remote, &ephemeral);
    cr_assert(n);
    return n;
}

static struct noise *responder(struct vector v)
{
    bytes32 secret = secret_of(v, "ls.priv"), ephemeral = secret_of(v, "e.priv");
    struct noise *n = noise_responder(lightning(), &secret, &ephemeral);
    cr_assert(n);
    return n;
}

static void check_output(struct noise *n, struct vector *v)
{
    uint8_t expected[NOISE_ACT_MAX], act[NOISE_ACT_MAX];
    const size_t len = next_value(v, "output:", expected, sizeof expected);
    cr_assert_eq(noise_write_act(n, act), len);
    cr_assert(len > 0 && memcmp(act, expected, len) == 0);
}

static enum noise_status input(struct noise *n, struct vector *v)
{
    uint8_t act[NOISE_ACT_MAX];
    const size_t len = next_value(v, "input:", act, sizeof act);
    cr_assert(noise_wants(n) > 0 && len > 0);
    return noise_read_act(n, bytes_of(act, len));
}

// ---- handshakes

Test(noise, initiator_shakes_hands_as_published)
{
    char *text = page();
    struct vector v = find_vector(text, "transport-initiator successful handshake");
    struct noise *n = initiator(v);
    check_output(n, &v);
    cr_assert_eq(input(n, &v), NOISE_OK);
    check_output(n, &v);
    cr_assert(noise_ready(n));
    noise_free(n);
    free(text);
}

Test(noise, responder_shakes_hands_as_published)
{
    char *text = page();
    struct vector v = find_vector(text, "transport-responder successful handshake");
    struct noise *n = responder(v);
    uint8_t key[33];
    cr_assert_eq(input(n, &v), NOISE_OK);
    check_output(n, &v);
    cr_assert_eq(input(n, &v), NOISE_OK);
    cr_assert(noise_ready(n));
    struct vector i = find_vector(text, "transport-initiator successful handshake");
    cr_assert_eq(next_value(&i, "ls.pub", key, 33), 33);
    cr_assert(memcmp(noise_remote_key(n), key, 33) == 0);
    noise_free(n);
    free(text);
}

static const struct {
    const char *name;
    enum noise_status status;
} FAILURES[] = {
    {"transport-initiator act2 short read test", NOISE_ACT2_SHORT},
    {"transport-initiator act2 bad version test", NOISE_ACT2_BAD_VERSION},
    {"transport-initiator act2 bad key serialization test", NOISE_ACT2_BAD_KEY},
    {"transport-initiator act2 bad MAC test", NOISE_ACT2_BAD_TAG},
    {"transport-responder act1 short read test", NOISE_ACT1_SHORT},
    {"transport-responder act1 bad version test", NOISE_ACT1_BAD_VERSION},
    {"transport-responder act1 bad key serialization test", NOISE_ACT1_BAD_KEY},
    {"transport-responder act1 bad MAC test", NOISE_ACT1_BAD_TAG},
    {"transport-responder act3 bad version test", NOISE_ACT3_BAD_VERSION},
    {"transport-responder act3 short read test", NOISE_ACT3_SHORT},
    {"transport-responder act3 bad MAC for ciphertext test", NOISE_ACT3_BAD_CIPHERTEXT},
    {"transport-responder act3 bad rs test", NOISE_ACT3_BAD_KEY},
    {"transport-responder act3 bad MAC test", NOISE_ACT3_BAD_TAG},
};

Test(noise, every_published_failure_has_its_name_and_is_final)
{
    char *text = page();
    for (size_t i = 0; i < sizeof FAILURES / sizeof *FAILURES; i++) {
        struct vector v = find_vector(text, FAILURES[i].name);
        const bool first = strstr(FAILURES[i].name, "initiator") != NULL;
        struct noise *n = first ? initiator(v) : responder(v);
        uint8_t act[NOISE_ACT_MAX];
        if (first)
            check_output(n, &v);
        if (strstr(FAILURES[i].name, "act3")) {
            cr_assert_eq(input(n, &v), NOISE_OK);
            check_output(n, &v);
        }
        enum noise_status status = input(n, &v);
        cr_assert_eq(status, FAILURES[i].status, "%s: %s", FAILURES[i].name, noise_status_text(status));
        cr_assert(!noise_ready(n) && noise_wants(n) == 0 && noise_write_act(n, act) == 0);
        cr_assert_eq(noise_read_act(n, bytes_of(act, 50)), FAILURES[i].status);
        noise_free(n);
    }
    free(text);
}

// ---- messages

static struct noise *pair[2];

static void shake_hands(void)
{
    const bytes32 keys[4] = {{{1}}, {{2}}, {{3}}, {{4}}};
    uint8_t key[33], act[NOISE_ACT_MAX];
    cr_assert(noise_public_key(key, &keys[1]));
    pair[0] = noise_initiator(lightning(), &keys[0], key, &keys[2]);
    pair[1] = noise_responder(lightning(), &keys[1], &keys[3]);
    for (unsigned from = 0; !noise_ready(pair[0]) || !noise_ready(pair[1]); from ^= 1) {
        const size_t len = noise_write_act(pair[from], act);
        cr_assert_eq(noise_read_act(pair[from ^ 1], bytes_of(act, len)), NOISE_OK);
    }
}

static void part(void)
{
    noise_free(pair[0]);
    noise_free(pair[1]);
}

Test(noise, messages_are_sealed_as_published_across_two_changes_of_key)
{
    char *text = page();
    struct vector v = find_vector(text, "transport-initiator successful handshake");
    struct noise *n = initiator(v);
    check_output(n, &v);
    cr_assert_eq(input(n, &v), NOISE_OK);
    check_output(n, &v);
    v = find_vector(text, "transport-message test");
    unsigned checked = 0;
    for (unsigned i = 0; i <= 1001; i++) {
        uint8_t out[5 + NOISE_OVERHEAD], expected[sizeof out];
        char key[32];
        noise_seal(n, out, bytes_of("he", i % 3), bytes_of(&"hello"[i % 3], 5 - i % 3));
        snprintf(key, sizeof key, "output %u:", i);
        struct vector copy = v;
        if (next_value(&copy, key, expected, sizeof expected) == 0)
            continue;
        cr_assert(memcmp(out, expected, sizeof out) == 0, "message %u", i);
        checked++;
    }
    cr_assert_eq(checked, 6);
    noise_free(n);
    free(text);
}

Test(noise, both_ways_stay_readable_for_thousands_of_messages, .init = shake_hands, .fini = part)
{
    static uint8_t plain[NOISE_MESSAGE_MAX], sealed[NOISE_MESSAGE_MAX + NOISE_OVERHEAD];
    uint64_t seed = test_seed("both_ways_stay_readable_for_thousands_of_messages");
    for (unsigned i = 0; i < 4000; i++) {
        const unsigned from = test_random(&seed) % 4 == 0;
        const size_t len = i == 0 ? NOISE_MESSAGE_MAX : i == 1 ? 0 : test_random(&seed) % 500;
        for (size_t j = 0; j < len; j++)
            plain[j] = (uint8_t)test_random(&seed);
        const size_t head = len ? test_random(&seed) % len : 0;
        noise_seal(pair[from], sealed, bytes_of(plain, head), bytes_of(plain + head, len - head));
        uint16_t got;
        cr_assert_eq(noise_open_length(pair[from ^ 1], sealed, &got), NOISE_OK);
        cr_assert_eq(got, len);
        cr_assert_eq(noise_open_message(pair[from ^ 1], sealed + NOISE_LENGTH_BYTES, got), NOISE_OK);
        cr_assert(memcmp(sealed + NOISE_LENGTH_BYTES, plain, len) == 0);
    }
}

Test(noise, an_altered_repeated_or_reordered_message_ends_it, .fini = part)
{
    uint8_t sealed[2][5 + NOISE_OVERHEAD], copy[5 + NOISE_OVERHEAD];
    uint16_t len;
    for (unsigned bit = 0; bit < sizeof copy * 8; bit++) {
        shake_hands();
        noise_seal(pair[0], sealed[0], bytes_of("hello", 5), bytes_of(NULL, 0));
        memcpy(copy, sealed[0], sizeof copy);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum noise_status status = noise_open_length(pair[1], copy, &len);
        cr_assert_eq(status, bit / 8 < NOISE_LENGTH_BYTES ? NOISE_BAD_LENGTH_TAG : NOISE_OK);
        if (status == NOISE_OK)
            status = noise_open_message(pair[1], copy + NOISE_LENGTH_BYTES, len);
        cr_assert_neq(status, NOISE_OK);
        cr_assert_eq(noise_open_length(pair[1], sealed[0], &len), status, "the failure is final");
        cr_assert(!noise_ready(pair[1]));
        part();
    }
    shake_hands();
    noise_seal(pair[0], sealed[0], bytes_of("hello", 5), bytes_of(NULL, 0));
    noise_seal(pair[0], sealed[1], bytes_of("world", 5), bytes_of(NULL, 0));
    cr_assert_eq(noise_open_length(pair[1], sealed[1], &len), NOISE_BAD_LENGTH_TAG);
    part();
    shake_hands();
    noise_seal(pair[0], sealed[0], bytes_of("hello", 5), bytes_of(NULL, 0));
    memcpy(sealed[1], sealed[0], sizeof copy);
    cr_assert_eq(noise_open_length(pair[1], sealed[0], &len), NOISE_OK);
    cr_assert_eq(noise_open_message(pair[1], sealed[0] + NOISE_LENGTH_BYTES, len), NOISE_OK);
    cr_assert_eq(noise_open_length(pair[1], sealed[1], &len), NOISE_BAD_LENGTH_TAG);
}

Test(noise, another_prologue_or_responder_key_does_not_get_past_act_1)
{
    const bytes32 keys[4] = {{{1}}, {{2}}, {{3}}, {{4}}};
    uint8_t key[33], act[NOISE_ACT_MAX];
    for (unsigned wrong = 0; wrong < 2; wrong++) {
        cr_assert(noise_public_key(key, &keys[wrong == 0 ? 1 : 0]));
        struct noise *a = noise_initiator(bytes_of("lightning", wrong == 0 ? 8 : 9), &keys[0], key, &keys[2]);
        struct noise *b = noise_responder(lightning(), &keys[1], &keys[3]);
        const size_t len = noise_write_act(a, act);
        cr_assert_eq(noise_read_act(b, bytes_of(act, len)), NOISE_ACT1_BAD_TAG);
        noise_free(a);
        noise_free(b);
    }
}

Test(noise, keys_that_are_none_are_refused)
{
    const bytes32 zero = {0}, one = {{1}};
    uint8_t key[33] = {4};
    cr_assert(!noise_public_key(key, &zero));
    cr_assert_null(noise_initiator(lightning(), &one, key, &one));
    cr_assert_null(noise_responder(lightning(), &zero, &one));
    cr_assert_null(noise_responder(lightning(), &one, &zero));
}
