// The official TrieTests: the secure ones (keys are hashed, so of one length) against the trie and the oracle, the
// others (keys of any length, so with values in branches and embedded nodes) against the oracle that the random tests
// rest on.
#include "tests/shard/naive_trie.h"
#include "tests/shard/trie_fixture.h"
#include "tests/support/vectors.h"

#include "base/hex.h"
#include "base/keccak.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>

#define TEXT_MAX 128

struct text {
    uint8_t b[TEXT_MAX];
    size_t len;
};

// Text stands for itself, or for bytes when it begins with 0x.
static struct text text_of(const char *s)
{
    struct text t = {.len = strlen(s)};
    if (strncmp(s, "0x", 2) == 0) {
        ptrdiff_t len = hex_decode(t.b, sizeof t.b, s, strlen(s));
        cr_assert_geq(len, 0, "%s", s);
        t.len = (size_t)len;
    } else {
        cr_assert_leq(t.len, sizeof t.b);
        memcpy(t.b, s, t.len);
    }
    return t;
}

static json_t *load_file(const char *name)
{
    char file[128];
    snprintf(file, sizeof file, "ethereum-tests/TrieTests/%s", name);
    char *path = vectors_path("misc-public", file);
    if (!path)
        cr_skip_test("no vectors");
    size_t len;
    char *text = vectors_read(path, &len);
    json_error_t error;
    json_t *json = json_loadb(text, len, 0, &error);
    cr_assert_not_null(json, "%s: %s", path, error.text);
    free(text);
    free(path);
    return json;
}

struct step {
    struct text key, value;
    bool removes;
};

// "in" is a list of [key, value or null] in order, or an object whose order does not matter.
static size_t steps_of(const json_t *in, struct step *steps, size_t max)
{
    size_t count = 0;
    if (json_is_array(in)) {
        for (size_t i = 0; i < json_array_size(in) && count < max; i++) {
            const json_t *pair = json_array_get(in, i), *value = json_array_get(pair, 1);
            steps[count] = (struct step){.key = text_of(json_string_value(json_array_get(pair, 0))),
                                         .removes = json_is_null(value)};
            if (!json_is_null(value))
                steps[count].value = text_of(json_string_value(value));
            count++;
        }
    } else {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)in, key, value)
        {
            if (count < max)
                steps[count++] = (struct step){.key = text_of(key), .value = text_of(json_string_value(value))};
        }
    }
    return count;
}

static bytes32 expected_root(const json_t *test)
{
    struct text root = text_of(json_string_value(json_object_get(test, "root")));
    cr_assert_eq(root.len, 32);
    bytes32 out;
    memcpy(out.b, root.b, 32);
    return out;
}

// Takes the steps in rising order, or from the last to the first.
static void run_secure(const char *name, const json_t *test, bool backwards)
{
    struct step steps[128];
    size_t count = steps_of(json_object_get(test, "in"), steps, 128);
    bytes32 expected = expected_root(test);
    for (int hash_each = 0; hash_each < 2; hash_each++) {
        struct trie_fixture *f = trie_fixture_new(0);
        for (size_t i = 0; i < count; i++) {
            const struct step *s = &steps[backwards ? count - 1 - i : i];
            bytes32 key = keccak256(s->key.b, s->key.len);
            uint32_t leaf = trie_fixture_leaf(f, &key);
            if (s->removes)
                trie_fixture_remove(f, leaf);
            else
                trie_fixture_put(f, leaf, bytes_of(s->value.b, s->value.len));
            if (hash_each)
                trie_fixture_root(f);
        }
        bytes32 root = trie_fixture_root(f), naive = trie_fixture_naive_root(f);
        cr_expect(bytes32_equal(&root, &expected), "%s: root of the trie", name);
        cr_expect(bytes32_equal(&naive, &expected), "%s: root of the oracle", name);
        trie_fixture_free(f);
    }
}

static void run_secure_file(const char *file, bool any_order, size_t at_least)
{
    json_t *json = load_file(file);
    const char *name;
    json_t *test;
    size_t count = 0;
    json_object_foreach(json, name, test)
    {
        run_secure(name, test, false);
        if (any_order)
            run_secure(name, test, true);
        count++;
    }
    cr_expect_geq(count, at_least, "%s holds only %zu tests", file, count);
    json_decref(json);
}

Test(trie_official, secure_tries_in_any_order_have_the_given_roots)
{
    run_secure_file("trieanyorder_secureTrie.json", true, 7);
    run_secure_file("hex_encoded_securetrie_test.json", true, 3);
}

Test(trie_official, secure_trie_with_deletions_has_the_given_roots)
{
    run_secure_file("trietest_secureTrie.json", false, 3);
}

static void run_plain(const char *name, const json_t *test)
{
    struct step steps[128], kept[128];
    size_t count = steps_of(json_object_get(test, "in"), steps, 128), kept_count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < kept_count &&
               !bytes_equal(bytes_of(kept[at].key.b, kept[at].key.len), bytes_of(steps[i].key.b, steps[i].key.len)))
            at++;
        if (!steps[i].removes)
            kept[at] = steps[i];
        else if (at < kept_count)
            kept[at] = kept[--kept_count];
        if (at == kept_count && !steps[i].removes)
            kept_count++;
    }
    struct naive_item items[128];
    for (size_t i = 0; i < kept_count; i++)
        items[i] =
            (struct naive_item){bytes_of(kept[i].key.b, kept[i].key.len), bytes_of(kept[i].value.b, kept[i].value.len)};
    bytes32 expected = expected_root(test), root = naive_trie_root(items, kept_count);
    cr_expect(bytes32_equal(&root, &expected), "%s", name);
}

Test(trie_official, the_oracle_of_the_random_tests_has_the_given_roots)
{
    const char *files[] = {"trieanyorder.json", "trietest.json"};
    for (size_t i = 0; i < 2; i++) {
        json_t *json = load_file(files[i]);
        const char *name;
        json_t *test;
        json_object_foreach(json, name, test) run_plain(name, test);
        json_decref(json);
    }
}
