// Every official blockchain test of Cancun: blocks accepted and refused for the right reason. What fails is exactly the
// list of tests that need the point evaluation precompile, which this build doesn't compute.
#include "tools/official/block_tests.h"
#include "tools/official/files.h"

#include "tests/support/vectors.h"
#include "tests/tools/expected_failures.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// What a refusal may be, by what the test calls it.
struct meaning {
    const char *exception;
    enum block_fault fault;
    enum tx_status status;
};

static const struct meaning meanings[] = {
    {"BlockException.EXTRA_DATA_TOO_BIG", BLOCK_MALFORMED, TX_OK},
    {"BlockException.GASLIMIT_TOO_BIG", BLOCK_GAS_LIMIT, TX_OK},
    {"BlockException.GAS_USED_OVERFLOW", BLOCK_GAS_ABOVE_LIMIT, TX_OK},
    {"BlockException.IMPORT_IMPOSSIBLE_DIFFICULTY_OVER_PARIS", BLOCK_DIFFICULTY, TX_OK},
    {"BlockException.IMPORT_IMPOSSIBLE_UNCLES_OVER_PARIS", BLOCK_OMMERS, TX_OK},
    {"BlockException.INCORRECT_BLOCK_FORMAT", BLOCK_FIELDS, TX_OK},
    // Some of Cancun's header fields without the others.
    {"BlockException.INCORRECT_BLOCK_FORMAT", BLOCK_MALFORMED, TX_OK},
    {"BlockException.INCORRECT_EXCESS_BLOB_GAS", BLOCK_EXCESS_BLOB_GAS, TX_OK},
    {"BlockException.INVALID_BASEFEE_PER_GAS", BLOCK_BASE_FEE, TX_OK},
    {"BlockException.INVALID_BLOCK_NUMBER", BLOCK_NUMBER, TX_OK},
    {"BlockException.INVALID_BLOCK_TIMESTAMP_OLDER_THAN_PARENT", BLOCK_TIMESTAMP, TX_OK},
    {"BlockException.INVALID_GASLIMIT", BLOCK_GAS_LIMIT, TX_OK},
    {"BlockException.INVALID_GAS_USED", BLOCK_GAS_USED, TX_OK},
    {"BlockException.INVALID_RECEIPTS_ROOT", BLOCK_RECEIPTS_ROOT, TX_OK},
    {"BlockException.INVALID_STATE_ROOT", BLOCK_STATE_ROOT, TX_OK},
    {"BlockException.RLP_STRUCTURES_ENCODING", BLOCK_MALFORMED, TX_OK},
    {"BlockException.UNKNOWN_PARENT_ZERO", BLOCK_UNKNOWN_PARENT, TX_OK},
    {"TransactionException.GAS_ALLOWANCE_EXCEEDED", BLOCK_TRANSACTION, TX_GAS_LIMIT_EXCEEDED},
    {"TransactionException.INITCODE_SIZE_EXCEEDED", BLOCK_TRANSACTION, TX_INIT_CODE_TOO_LARGE},
    {"TransactionException.INSUFFICIENT_ACCOUNT_FUNDS", BLOCK_TRANSACTION, TX_INSUFFICIENT_FUNDS},
    {"TransactionException.INSUFFICIENT_ACCOUNT_FUNDS", BLOCK_TRANSACTION, TX_COST_OVERFLOW},
    {"TransactionException.INSUFFICIENT_MAX_FEE_PER_GAS", BLOCK_TRANSACTION, TX_FEE_CAP_BELOW_BASE_FEE},
    {"TransactionException.INTRINSIC_GAS_TOO_LOW", BLOCK_TRANSACTION, TX_INTRINSIC_GAS},
    {"TransactionException.NONCE_MISMATCH_TOO_HIGH", BLOCK_TRANSACTION, TX_NONCE_TOO_HIGH},
    {"TransactionException.NONCE_MISMATCH_TOO_LOW", BLOCK_TRANSACTION, TX_NONCE_TOO_LOW},
    {"TransactionException.PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS", BLOCK_TRANSACTION, TX_TIP_ABOVE_FEE_CAP},
    {"TransactionException.SENDER_NOT_EOA", BLOCK_TRANSACTION, TX_SENDER_HAS_CODE},
    {"TransactionException.TYPE_3_TX_BLOB_COUNT_EXCEEDED", BLOCK_TRANSACTION, TX_BLOB_COUNT},
    {"TransactionException.TYPE_3_TX_CONTRACT_CREATION", BLOCK_TRANSACTION, TX_BLOB_CREATION},
    {"TransactionException.TYPE_3_TX_INVALID_BLOB_VERSIONED_HASH", BLOCK_TRANSACTION, TX_BLOB_HASH_VERSION},
    {"TransactionException.TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED", BLOCK_BLOB_GAS, TX_OK},
    {"TransactionException.TYPE_3_TX_PRE_FORK", BLOCK_TRANSACTION, TX_BLOB_UNSUPPORTED},
    {"TransactionException.TYPE_3_TX_ZERO_BLOBS", BLOCK_TRANSACTION, TX_BLOB_NONE},
};

// The older tests put an invalid transaction into a block whose header doesn't count it: its root is wrong, too.
static bool is_right(const struct block_refusal *r)
{
    bool found = r->got.fault == BLOCK_TRANSACTIONS_ROOT && strncmp(r->expected, "TransactionException.", 21) == 0;
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0] && !found; i++) {
        const struct meaning *m = &meanings[i];
        found = strstr(r->expected, m->exception) && r->got.fault == m->fault && r->got.tx_status == m->status;
    }
    return found;
}

struct seen {
    struct expected_failures failures;
    size_t refusals, transitions;
};

static void collect(void *ctx, const struct block_test_result *result)
{
    struct seen *seen = ctx;
    if (!result->pass)
        expected_failures_add(&seen->failures, result->name);
    seen->transitions += strstr(result->network, "To") != NULL;
    seen->refusals += result->refusal_count;
    for (size_t i = 0; i < result->refusal_count; i++) {
        const struct block_refusal *r = &result->refusals[i];
        cr_expect(is_right(r), "%s: expected %s, got %s", result->name, r->expected, r->got.text);
    }
}

Test(block_tests, all_of_cancun_pass_but_those_that_need_point_evaluation)
{
    const char *missing;
    size_t count;
    char *folder = vectors_path("bct-public", "");
    if (!folder)
        cr_skip_test("no vectors");
    char **files = official_files_find(&folder, 1, &count, &missing);
    cr_assert_not_null(files, "%s", folder);
    struct seen seen = {0};
    struct block_tests tests = {
        .fork = "Cancun", .jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN), .report = collect, .ctx = &seen};
    block_tests_run(&tests, files, count);
    expected_failures_check(&seen.failures, "point-evaluation-block-cases.txt", true);
    fprintf(stderr, "block tests: %zu passed, %zu need point evaluation, %zu blocks refused\n", (size_t)tests.passed,
            seen.failures.count, seen.refusals);
    cr_expect_geq(tests.passed, 865);
    cr_expect_geq(seen.transitions, 15);
    cr_expect_geq(seen.refusals, 205);
    official_files_free(files, count);
    free(folder);
}

static void keep_error(void *ctx, const struct block_test_result *result)
{
    snprintf(ctx, 512, "%s", result->error ? result->error : "passed");
}

// Runs the tests of one JSON text; the last one's error.
static const char *run_text(const char *text, char error[512], const char *fork, size_t *count)
{
    char path[] = "/tmp/gantry-block-test-XXXXXX.json";
    const int fd = mkstemps(path, 5);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    struct block_tests tests = {.fork = fork, .jobs = 1, .report = keep_error, .ctx = error};
    char *const files[] = {path};
    error[0] = 0;
    block_tests_run(&tests, files, 1);
    *count = tests.passed + tests.failed;
    unlink(path);
    return error;
}

Test(block_tests, fail_where_a_file_is_no_test)
{
    char error[512];
    size_t count;
    cr_expect(strstr(run_text("{\"a\": 1", error, "Cancun", &count), "no JSON object"));
    cr_expect_eq(count, 1);
    cr_expect_str_empty(run_text("{\"a\": {\"network\": \"Prague\"}}", error, "Cancun", &count));
    cr_expect_eq(count, 0, "of another fork");
    cr_expect(strstr(run_text("{\"a\": {\"network\": \"Cancun\"}}", error, "Cancun", &count), "not that of"));
    cr_expect_eq(count, 1);
    cr_expect(strstr(run_text("{\"a\": {\"network\": \"Cancun\", \"genesisRLP\": \"0xzz\"}}", error, "Cancun", &count),
                     "hexadecimal"));
}

Test(block_tests, networks_are_read_by_name)
{
    struct chain_rules rules;
    cr_assert(block_tests_network(&rules, "ShanghaiToCancunAtTime15k"));
    cr_expect_eq(chain_rules_at(&rules, 1000000, 14999)->fork, EVM_SHANGHAI);
    cr_expect_eq(chain_rules_at(&rules, 0, 15000)->fork, EVM_CANCUN);
    cr_assert(block_tests_network(&rules, "Paris"));
    cr_expect_eq(chain_rules_at(&rules, 5, UINT64_MAX)->fork, EVM_PARIS);
    cr_expect(!block_tests_network(&rules, "CancunToPragueAtTime15k"));
    cr_expect(!block_tests_network(&rules, "London"), "proof of work");
    cr_expect(!block_tests_network(&rules, "ShanghaiToCancun"));
    cr_expect(!block_tests_network(&rules, ""));
}
