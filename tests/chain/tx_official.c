// Official vectors: github.com/ethereum/tests, TransactionTests.
#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>

#include "tests/chain/json_hex.h"
#include "tests/chain/signed_tx.h"
#include "tests/support/vectors.h"

// What a vector's exception may be called here. Exceptions are matched by prefix.
static const struct {
    const char *exception;
    enum tx_status allowed[5];
} EXCEPTIONS[] = {
    {"ADDRESS_TOO_", {TX_MALFORMED}},
    {"INTRINSIC_GAS_TOO_LOW", {TX_INTRINSIC_GAS}},
    {"GASLIMIT_PRICE_PRODUCT_OVERFLOW", {TX_COST_OVERFLOW}},
    {"GASPRICE_OVERFLOW", {TX_FIELD_OVERFLOW}},
    {"GASLIMIT_OVERFLOW", {TX_FIELD_OVERFLOW}},
    {"VALUE_OVERFLOW", {TX_FIELD_OVERFLOW}},
    {"NONCE_TOO_BIG", {TX_NONCE_MAX, TX_FIELD_OVERFLOW}},
    {"PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS", {TX_TIP_ABOVE_FEE_CAP}},
    {"RLP_LEADING_ZEROS", {TX_NON_CANONICAL}},
    {"RLP_INVALID_", {TX_MALFORMED}},
    {"RLP_TOO_MANY_ELEMENTS", {TX_MALFORMED}},
    {"RLP_ERROR_SIZE_LEADING_ZEROS", {TX_NON_CANONICAL}},
    {"RLP_ERROR_", {TX_MALFORMED, TX_TRAILING_BYTES, TX_NON_CANONICAL, TX_FIELD_OVERFLOW}},
    {"EC_RECOVERY_FAIL", {TX_BAD_SIGNATURE, TX_BAD_R, TX_BAD_S, TX_HIGH_S}},
    {"INVALID_CHAINID", {TX_WRONG_CHAIN_ID, TX_BAD_V}},
    {"INVALID_SIGNATURE_VRS", {TX_BAD_R, TX_BAD_S, TX_HIGH_S, TX_BAD_V, TX_FIELD_OVERFLOW}},
    {"TYPE_NOT_SUPPORTED", {TX_TYPE_UNSUPPORTED, TX_SET_CODE_UNSUPPORTED}},
};

static bool is_allowed(const char *exception, enum tx_status status)
{
    const char *name = strchr(exception, '.') ? strchr(exception, '.') + 1 : exception;
    for (size_t i = 0; i < sizeof EXCEPTIONS / sizeof EXCEPTIONS[0]; i++) {
        if (strncmp(name, EXCEPTIONS[i].exception, strlen(EXCEPTIONS[i].exception)) != 0)
            continue;
        for (size_t j = 0; j < 5; j++) {
            if (EXCEPTIONS[i].allowed[j] == status && status != TX_OK)
                return true;
        }
        return false;
    }
    cr_log_warn("no statuses are listed for %s", exception);
    return false;
}

static enum tx_status judge(struct tx *tx, address *sender, struct bytes raw)
{
    enum tx_status status = tx_decode(tx, raw, 1);
    if (status == TX_OK && sender_of(sender, tx) != SV_OK)
        status = TX_BAD_SIGNATURE;
    return status == TX_OK ? tx_check_static(tx, UINT64_MAX) : status;
}

static void check_valid(const char *name, const json_t *result, const struct tx *tx, const address *sender)
{
    const struct bytes hash = json_hex(result, "hash"), expected_sender = json_hex(result, "sender");
    const u256 gas = json_u256(result, "intrinsicGas");
    const bytes32 got = tx_hash(tx);
    cr_expect(bytes_equal(hash, bytes_of(got.b, 32)), "%s: hash", name);
    cr_expect(bytes_equal(expected_sender, bytes_of(sender->b, 20)), "%s: sender", name);
    cr_expect(gas.w[0] == tx_intrinsic_gas(tx), "%s: intrinsic gas", name);
    free((void *)hash.ptr);
    free((void *)expected_sender.ptr);
}

struct tally {
    size_t valid, unpayable, refused, refused_before_cancun, unsupported_type;
};

static void run_case(struct tally *tally, const char *name, const json_t *test)
{
    static const char *const forks[] = {"Cancun", "Shanghai", "Paris", "London"};
    const json_t *results = json_object_get(test, "result"), *result = NULL;
    size_t fork = 0;
    // Some files end with an earlier fork; what they refuse there is malformed at Cancun as well.
    for (; fork < 4 && !result; fork++)
        result = json_object_get(results, forks[fork]);
    cr_assert(result, "%s: no result for a fork known here", name);
    const struct bytes raw = json_hex(test, "txbytes");
    struct tx tx;
    address sender;
    const enum tx_status status = judge(&tx, &sender, raw);
    const char *exception = json_string_value(json_object_get(result, "exception"));
    if (exception) {
        cr_expect(is_allowed(exception, status), "%s: %s, but: %s", name, exception, tx_status_text(status));
        tally->refused++;
        tally->refused_before_cancun += fork > 1;
    } else if (status == TX_BLOB_UNSUPPORTED || status == TX_SET_CODE_UNSUPPORTED) {
        tally->unsupported_type++;
    } else {
        // The vectors know no balances, so one of them asks for more than any account can hold.
        const bool is_unpayable = status == TX_COST_OVERFLOW && u256_equal(&tx.value, &U256_MAX);
        cr_expect(status == TX_OK || is_unpayable, "%s: %s", name, tx_status_text(status));
        cr_expect(fork == 1, "%s: valid, but not at Cancun", name);
        if (status == TX_OK || is_unpayable)
            check_valid(name, result, &tx, &sender);
        tally->valid++;
        tally->unpayable += is_unpayable;
    }
    free((void *)raw.ptr);
}

Test(tx_official, transaction_tests_agree_at_cancun)
{
    char *path = vectors_path("misc-public", "ethereum-tests/TransactionTests/*/*.json");
    if (!path)
        cr_skip_test("no vectors");
    glob_t files;
    struct tally tally = {0};
    cr_assert(glob(path, 0, NULL, &files) == 0, "no files at %s", path);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        json_t *root = json_of_file(files.gl_pathv[i]), *test;
        const char *name;
        json_object_foreach(root, name, test) run_case(&tally, name, test);
        json_decref(root);
    }
    fprintf(stderr,
            "TransactionTests: %zu valid (%zu of them beyond any balance), %zu refused (%zu of them judged by the last "
            "fork before Cancun in their file), %zu of types outside this build\n",
            tally.valid, tally.unpayable, tally.refused, tally.refused_before_cancun, tally.unsupported_type);
    cr_expect(tally.valid >= 30 && tally.unpayable <= 1 && tally.refused >= 90);
    globfree(&files);
    free(path);
}
