// Proofs of finality: good ones of both kinds, every way of being bad, and JSON there and back.
#include "engine/certificate.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

#include "tests/engine/certificate_fixture.h"

static struct certificate_fixture f;
static struct header executed[3];
static bytes32 executed_hash[3];
static struct wire_block_header ordering[4]; // heights 1 to 4; 1 gave executed[0], 2 gave [1] and [2]
static bytes32 digest[4];

// Ordering 1 and 2 give the executed blocks; 3 states the result of 2; 4 is certified.
static void setup(void)
{
    const bytes32 genesis = {{5}};
    certificate_fixture_open(&f);
    bytes32 parent = genesis, root = genesis;
    for (unsigned i = 0; i < 4; i++) {
        ordering[i] = certificate_fixture_block(&f, i + 1, &parent, i < 2 ? 0 : 2, &root);
        parent = digest[i] = wire_block_digest(&f.set.wire, &ordering[i]);
        for (unsigned k = i; k < 3 && (i == 0 || i == 1) && (i == 1 || k == 0); k++) {
            executed[k] = certificate_fixture_header(k + 1, k == 0 ? &genesis : &executed_hash[k - 1], &digest[i]);
            executed_hash[k] = header_hash(&executed[k]);
            if (i == 1)
                root = executed_hash[k];
        }
    }
}

static void teardown(void)
{
    certificate_fixture_close(&f);
}

TestSuite(certificate, .init = setup, .fini = teardown);

static void add_header(struct certificate *c, unsigned i)
{
    uint8_t rlp[HEADER_ENCODED_MAX];
    cr_assert(certificate_add_executed(c, bytes_of(rlp, header_encode(rlp, &executed[i]))));
}

// Of executed block `of`, from its result being stated at height 3 to the certificate at height 4.
static struct certificate *proof(unsigned of, unsigned who)
{
    struct certificate *c = certificate_new();
    for (unsigned i = of; i < 3; i++)
        add_header(c, i);
    c->ordering[0] = ordering[2];
    c->ordering[1] = ordering[3];
    c->ordering_count = 2;
    struct kept_cert *cert = certificate_fixture_cert(&f, &ordering[3], WIRE_FINALIZE, who);
    certificate_fixture_sign(c, cert, 2);
    kept_cert_unref(cert);
    return c;
}

static enum certificate_status check(const struct certificate *c)
{
    uint64_t number;
    bytes32 hash;
    return certificate_check(c, &f.set, f.checker, &number, &hash);
}

static void expect(struct certificate *c, enum certificate_status wanted)
{
    const enum certificate_status got = check(c);
    cr_expect_eq(got, wanted, "\"%s\", not \"%s\"", certificate_status_text(got), certificate_status_text(wanted));
    certificate_free(c);
}

Test(certificate, proves_blocks_and_their_results)
{
    for (unsigned of = 0; of < 3; of++) {
        uint64_t number = 0;
        bytes32 hash = {{0}};
        struct certificate *c = proof(of, 0xb);
        cr_expect_eq(certificate_check(c, &f.set, f.checker, &number, &hash), CERTIFICATE_EXECUTED);
        cr_expect_eq(number, of + 1);
        cr_expect(bytes32_equal(&hash, &executed_hash[of]));
        certificate_free(c);
    }
    expect(proof(0, 0xf), CERTIFICATE_EXECUTED);
}

static struct certificate *order_proof(void)
{
    struct certificate *c = certificate_new();
    add_header(c, 0);
    c->ordering[0] = ordering[0];
    c->ordering[1] = ordering[1];
    c->ordering_count = 2;
    struct kept_cert *cert = certificate_fixture_cert(&f, &ordering[1], WIRE_FINALIZE, 7);
    certificate_fixture_sign(c, cert, 2);
    kept_cert_unref(cert);
    return c;
}

Test(certificate, proves_the_order_alone_while_no_final_block_states_the_result)
{
    expect(order_proof(), CERTIFICATE_ORDERED);
    // An executed header that says the same of its ordering block and something else of the state: order is all that
    // this proves.
    struct certificate *c = order_proof();
    struct header forged = executed[0];
    uint8_t rlp[HEADER_ENCODED_MAX];
    forged.state_root.b[0] ^= 1;
    free(c->executed[0]);
    c->executed_count = 0;
    cr_assert(certificate_add_executed(c, bytes_of(rlp, header_encode(rlp, &forged))));
    expect(c, CERTIFICATE_ORDERED);
}

Test(certificate, an_empty_one_proves_nothing)
{
    struct certificate *c = proof(0, 0xf);
    c->ordering_count = 0;
    expect(c, CERTIFICATE_EMPTY);
    c = proof(0, 0xf);
    while (c->executed_count > 0)
        free(c->executed[--c->executed_count]);
    expect(c, CERTIFICATE_EMPTY);
}

Test(certificate, bad_executed_headers_are_refused)
{
    struct certificate *c = proof(0, 0xf);
    c->executed[1][0] ^= 1;
    expect(c, CERTIFICATE_BAD_EXECUTED_HEADER);
    c = proof(0, 0xf);
    c->executed_len[0]--;
    expect(c, CERTIFICATE_BAD_EXECUTED_HEADER);
    c = proof(0, 0xf); // one left out
    free(c->executed[1]);
    c->executed[1] = c->executed[2];
    c->executed_len[1] = c->executed_len[2];
    c->executed_count = 2;
    expect(c, CERTIFICATE_BROKEN_EXECUTED_CHAIN);
    c = proof(0, 0xf); // the last left out
    free(c->executed[--c->executed_count]);
    expect(c, CERTIFICATE_UNRELATED);
    // A header with another state does not hash to what the ordering block states.
    c = proof(2, 0xf);
    struct header forged = executed[2];
    uint8_t rlp[HEADER_ENCODED_MAX];
    forged.state_root.b[0] ^= 1;
    free(c->executed[--c->executed_count]);
    cr_assert(certificate_add_executed(c, bytes_of(rlp, header_encode(rlp, &forged))));
    expect(c, CERTIFICATE_UNRELATED);
}

Test(certificate, a_header_from_before_cancun_names_no_ordering_block)
{
    struct certificate *c = certificate_new();
    struct header old = executed[0];
    uint8_t rlp[HEADER_ENCODED_MAX];
    old.optional_count = 0;
    cr_assert(certificate_add_executed(c, bytes_of(rlp, header_encode(rlp, &old))));
    c->ordering[c->ordering_count++] = ordering[0];
    expect(c, CERTIFICATE_BAD_EXECUTED_HEADER);
}

Test(certificate, bad_ordering_headers_are_refused)
{
    struct certificate *c = proof(0, 0xf);
    c->ordering[0].set_hash.b[0] ^= 1;
    expect(c, CERTIFICATE_OTHER_SET);
    c = proof(0, 0xf);
    c->ordering[0].time_ms++;
    expect(c, CERTIFICATE_BROKEN_ORDERING_CHAIN);
    c = proof(0, 0xf);
    c->ordering[0].exec_root.b[0] ^= 1;
    expect(c, CERTIFICATE_BROKEN_ORDERING_CHAIN);
    c = proof(0, 0xf); // one more than signed
    c->ordering[1] = ordering[2];
    expect(c, CERTIFICATE_BROKEN_ORDERING_CHAIN);
    c = proof(0, 0xf); // the stated result moved to the signed block is no longer what was signed
    c->ordering[0] = ordering[3];
    c->ordering[0].exec_root = executed_hash[2];
    c->ordering[0].time_ms++;
    c->ordering_count = 1;
    expect(c, CERTIFICATE_OTHER_BLOCK);
}

Test(certificate, bad_votes_are_refused)
{
    expect(proof(0, 0x3), CERTIFICATE_NO_QUORUM);
    for (unsigned kind = WIRE_NOTARIZE; kind <= WIRE_NULLIFY; kind++) {
        struct certificate *c = proof(0, 0xf);
        struct kept_cert *cert = certificate_fixture_cert(&f, &ordering[3], (uint8_t)kind, 0xf);
        certificate_fixture_sign(c, cert, 2);
        kept_cert_unref(cert);
        expect(c, CERTIFICATE_NOT_FINALIZE);
        // Votes of another kind under this one's name.
        c = proof(0, 0xf);
        cert = certificate_fixture_cert(&f, &ordering[3], (uint8_t)kind, 0xf);
        certificate_fixture_sign(c, cert, 2);
        kept_cert_unref(cert);
        c->kind = WIRE_FINALIZE;
        expect(c, CERTIFICATE_BAD_SIGNATURE);
    }
    struct certificate *c = proof(0, 0xf);
    c->epoch++;
    expect(c, CERTIFICATE_OTHER_BLOCK);
    c = proof(0, 0xf);
    c->view++;
    expect(c, CERTIFICATE_OTHER_BLOCK);
    c = proof(0, 0xf);
    c->digest.b[31] ^= 1;
    expect(c, CERTIFICATE_OTHER_BLOCK);
    c = proof(0, 0xf);
    c->signers[3] = 4;
    expect(c, CERTIFICATE_OTHER_SET);
    c = proof(0, 0xf); // one voter's signature under another's number
    const wire_signature swapped = c->signatures[0];
    c->signatures[0] = c->signatures[1];
    c->signatures[1] = swapped;
    expect(c, CERTIFICATE_BAD_SIGNATURE);
    c = proof(0, 0x7);
    c->signers[2] = 3;
    expect(c, CERTIFICATE_BAD_SIGNATURE);
    for (unsigned bit = 0; bit < 512; bit += 73) {
        c = proof(0, 0xe);
        c->signatures[1].b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect(c, CERTIFICATE_BAD_SIGNATURE);
    }
}

Test(certificate, of_one_signer_named_twice_is_counted_once)
{
    struct certificate *c = proof(0, 0x3);
    c->signers[2] = c->signers[1];
    c->signatures[2] = c->signatures[1];
    c->signer_count = 3;
    expect(c, CERTIFICATE_NO_QUORUM);
}

// ---- JSON

Test(certificate, as_json_it_comes_back_the_same)
{
    char error[CERTIFICATE_ERROR_MAX] = "";
    struct certificate *c = proof(0, 0xd);
    char *text = certificate_write(c);
    struct certificate *back = certificate_parse(text, strlen(text), error);
    cr_assert(back, "%s", error);
    char *again = certificate_write(back);
    cr_expect_str_eq(again, text);
    cr_expect_eq(check(back), CERTIFICATE_EXECUTED);
    certificate_free(back);
    for (size_t len = 0; len < strlen(text); len += 7) {
        back = certificate_parse(text, len, error);
        cr_expect_null(back, "taken, cut at %zu", len);
    }
    free(again);
    free(text);
    certificate_free(c);
}

// The proof's JSON with the value at a path replaced (NULL: removed).
static void expect_json_refused(const char *object, const char *key, json_t *value, const char *words)
{
    char error[CERTIFICATE_ERROR_MAX] = "";
    struct certificate *c = proof(1, 0x7);
    char *text = certificate_write(c);
    json_t *root = json_loads(text, 0, NULL), *in = object ? json_object_get(root, object) : root;
    if (value)
        json_object_set_new(in, key, value);
    else
        json_object_del(in, key);
    free(text);
    text = json_dumps(root, JSON_COMPACT);
    cr_expect_null(certificate_parse(text, strlen(text), error), "taken: %s", words);
    cr_expect(strstr(error, words), "'%s' does not say '%s'", error, words);
    json_decref(root);
    free(text);
    certificate_free(c);
}

Test(certificate, is_found_in_the_answer_of_a_node)
{
    char error[CERTIFICATE_ERROR_MAX] = "";
    struct certificate *c = proof(0, 0xd);
    char *text = certificate_write(c), *answer = NULL;
    cr_assert(asprintf(&answer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}", text) > 0);
    struct certificate *back = certificate_parse(answer, strlen(answer), error);
    cr_assert(back, "%s", error);
    certificate_free(back);
    free(answer);
    answer = strdup("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}");
    cr_expect_null(certificate_parse(answer, strlen(answer), error));
    free(answer);
    free(text);
    certificate_free(c);
}

Test(certificate, malformed_json_is_refused_with_its_place)
{
    char error[CERTIFICATE_ERROR_MAX] = "";
    cr_expect_null(certificate_parse("", 0, error));
    static const char no_proof[] =
        "{\"jsonrpc\": \"2.0\", \"id\": 1, \"error\": {\"code\": -32000, \"message\": \"not final yet\"}}";
    cr_expect_null(certificate_parse(no_proof, sizeof no_proof - 1, error));
    cr_expect(strstr(error, "the node gave no proof: not final yet"), "%s", error);
    cr_expect_null(certificate_parse("[]", 2, error));
    cr_expect(strstr(error, "not an object"), "%s", error);
    expect_json_refused(NULL, "executed", NULL, "\"executed\" is missing");
    expect_json_refused(NULL, "more", json_true(), "unknown member \"more\"");
    expect_json_refused(NULL, "executed", json_string("0x"), "executed: not a list");
    expect_json_refused(NULL, "executed", json_pack("[i]", 5), "executed[0]: not 0x and at most");
    expect_json_refused(NULL, "executed", json_pack("[s]", "0x123"), "executed[0]: not 0x");
    expect_json_refused(NULL, "executed", json_pack("[s]", "1234"), "executed[0]: not 0x");
    expect_json_refused(NULL, "ordering", json_pack("[s]", "0x1234"), "ordering[0]: not");
    expect_json_refused(NULL, "certificate", json_array(), "certificate: not an object");
    expect_json_refused("certificate", "kind", json_string("final"), "certificate.kind");
    expect_json_refused("certificate", "kind", json_integer(3), "certificate.kind");
    expect_json_refused("certificate", "epoch", json_integer(2), "certificate.epoch: not a quantity");
    expect_json_refused("certificate", "epoch", json_string("0x"), "certificate.epoch: not a quantity");
    expect_json_refused("certificate", "view", json_string("0x01"), "certificate.view: not a quantity");
    expect_json_refused("certificate", "view", json_string("0x1234567890abcdef0"), "certificate.view: not a quantity");
    expect_json_refused("certificate", "digest", json_string("0x12"), "digest: not 32 bytes");
    expect_json_refused("certificate", "signers", json_pack("[i,i]", 0, 1), "2 signers and 3 signatures");
    expect_json_refused("certificate", "signers", json_pack("[i,i,i]", 0, 2, 1), "signers[2]: not a number");
    expect_json_refused("certificate", "signers", json_pack("[i,i,i]", 0, 1, 1), "signers[2]: not a number");
    expect_json_refused("certificate", "signers", json_pack("[i,i,i]", 0, 1, 128), "signers[2]: not a number");
    expect_json_refused("certificate", "signers", json_pack("[i,i,i]", -1, 1, 2), "signers[0]: not a number");
    expect_json_refused("certificate", "signatures", json_pack("[s,s,s]", "0x", "0x", "0x"), "signatures[0]: not 64");
    json_t *many = json_array();
    for (unsigned i = 0; i <= CERTIFICATE_HEADERS_MAX; i++)
        json_array_append_new(many, json_string("0x"));
    expect_json_refused(NULL, "executed", many, "executed: not a list of at most");
}
