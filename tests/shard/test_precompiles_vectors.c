// geth's vectors: output and gas of every precompile.
#include "tests/shard/precompiles_fixture.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(precompile_vectors, .init = pc_setup, .fini = pc_teardown);

static json_t *load_file(const char *name)
{
    char file[128];
    snprintf(file, sizeof file, "geth/core/vm/testdata/precompiles/%s.json", name);
    char *path = vectors_path("misc-public", file);
    if (!path)
        cr_skip_test();
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    cr_assert(root, "%s: %s", path, error.text);
    free(path);
    cr_assert_gt(json_array_size(root), 0);
    return root;
}

static const char *text_of(const json_t *test, const char *key)
{
    const char *text = json_string_value(json_object_get(test, key));
    cr_assert(text, "%s", key);
    return text;
}

static void run_file(const char *name, unsigned number, bool with_gas)
{
    json_t *root = load_file(name);
    size_t i;
    json_t *test;
    json_array_foreach(root, i, test)
    {
        const struct bytes input = pc_bytes(text_of(test, "Input"));
        pc_expect(number, input, text_of(test, "Expected"));
        if (with_gas)
            cr_assert_eq(precompile_gas(number, input), (uint64_t)json_integer_value(json_object_get(test, "Gas")),
                         "%s", text_of(test, "Name"));
        free((void *)input.ptr);
    }
    json_decref(root);
}

Test(precompile_vectors, ecrecover)
{
    run_file("ecRecover", PRECOMPILE_ECRECOVER, true);
}

Test(precompile_vectors, modexp_with_the_gas_of_eip_2565)
{
    run_file("modexp_eip2565", PRECOMPILE_MODEXP, true);
}

// Their gas is that of other forks.
Test(precompile_vectors, modexp_of_other_forks)
{
    run_file("modexp", PRECOMPILE_MODEXP, false);
    run_file("modexp_eip7883", PRECOMPILE_MODEXP, false);
}

Test(precompile_vectors, bn_add)
{
    run_file("bn256Add", PRECOMPILE_BN_ADD, true);
}

Test(precompile_vectors, bn_mul)
{
    run_file("bn256ScalarMul", PRECOMPILE_BN_MUL, true);
}

Test(precompile_vectors, bn_pairing)
{
    run_file("bn256Pairing", PRECOMPILE_BN_PAIRING, true);
}

Test(precompile_vectors, blake2f)
{
    run_file("blake2F", PRECOMPILE_BLAKE2F, true);
}

Test(precompile_vectors, blake2f_refuses)
{
    json_t *root = load_file("fail-blake2f");
    size_t i;
    json_t *test;
    json_array_foreach(root, i, test)
    {
        const struct bytes input = pc_bytes(text_of(test, "Input"));
        pc_expect_failure(PRECOMPILE_BLAKE2F, input);
        free((void *)input.ptr);
    }
    json_decref(root);
}

Test(precompile_vectors, point_evaluation_is_told_apart_from_failure)
{
    json_t *root = load_file("pointEvaluation");
    const struct bytes input = pc_bytes(text_of(json_array_get(root, 0), "Input"));
    struct bytes output = bytes_of("?", 1);
    cr_assert_eq(precompile_gas(PRECOMPILE_POINT_EVALUATION, input), 50000);
    cr_assert_eq(precompile_run(pc_context, &output, PRECOMPILE_POINT_EVALUATION, input), PRECOMPILE_NOT_AVAILABLE);
    cr_assert_eq(output.len, 0);
    free((void *)input.ptr);
    json_decref(root);
}
