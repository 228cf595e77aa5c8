// The store of final headers and certificates: what it keeps, what it lets go, and that what it gives proves.
#include "engine/finality.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/engine/certificate_fixture.h"

static struct certificate_fixture f;
static struct finality *finality;
static bytes32 *digests; // by height
static bytes32 parent;

static void setup(void)
{
    certificate_fixture_open(&f);
    finality = finality_create(&f.set.wire);
    digests = calloc(2 * FINALITY_HEADERS + 2, sizeof *digests);
    parent = (bytes32){{3}};
}

static void teardown(void)
{
    finality_free(finality);
    certificate_fixture_close(&f);
    free(digests);
}

TestSuite(finality, .init = setup, .fini = teardown);

static bytes32 root_of(uint64_t height)
{
    bytes32 root = {{0xee}};
    store_le64(root.b + 8, height);
    return root;
}

// Adds a block that states the result of exec_height. Certificates are not signed where `real` is false.
static void add(uint64_t height, uint64_t exec_height, bool certified, bool real)
{
    const bytes32 root = root_of(exec_height);
    const struct wire_block_header h = certificate_fixture_block(&f, height, &parent, exec_height, &root);
    parent = digests[height] = wire_block_digest(&f.set.wire, &h);
    struct kept_cert *cert = NULL;
    static const wire_signature none[3];
    if (certified && real)
        cert = certificate_fixture_cert(&f, &h, WIRE_FINALIZE, 0x7);
    else if (certified)
        cert = kept_cert_new(&(struct wire_cert){WIRE_FINALIZE, h.view, parent, {7, 0}, none});
    finality_add(finality, &h, &parent, cert ? &cert->cert : NULL);
    kept_cert_unref(cert);
}

// The proof for a height; *first and *last are the heights of its ordering headers.
static enum finality_answer prove(uint64_t height, bool executed, uint64_t *first, uint64_t *last)
{
    struct certificate *c = certificate_new();
    const enum finality_answer answer = finality_prove(finality, &digests[height], executed, c);
    if (answer == FINALITY_PROVED) {
        *first = c->ordering[0].height;
        *last = c->ordering[c->ordering_count - 1].height;
        cr_expect_eq(c->ordering_count, *last - *first + 1);
        cr_expect(c->kind == WIRE_FINALIZE && c->epoch == 2 && c->view == 10 + *last && c->signer_count == 3);
    }
    certificate_free(c);
    return answer;
}

static void expect_proof(uint64_t height, bool executed, uint64_t first, uint64_t last)
{
    uint64_t got_first = 0, got_last = 0;
    cr_expect_eq(prove(height, executed, &got_first, &got_last), FINALITY_PROVED, "height %lu", height);
    cr_expect(got_first == first && got_last == last, "height %lu: %lu to %lu", height, got_first, got_last);
}

static void expect_no_proof(uint64_t height, bool executed, enum finality_answer wanted)
{
    uint64_t first, last;
    cr_expect_eq(prove(height, executed, &first, &last), wanted, "height %lu", height);
}

Test(finality, gives_the_shortest_proof_of_either_kind)
{
    add(7, 5, true, true);
    add(8, 5, false, true);
    add(9, 7, false, true);
    add(10, 7, true, true);
    expect_proof(7, false, 7, 7);
    expect_proof(8, false, 8, 10);
    expect_proof(7, true, 9, 10);
    expect_no_proof(8, true, FINALITY_NOT_YET);
    add(11, 9, false, true);
    expect_no_proof(11, false, FINALITY_NOT_YET);
    expect_no_proof(8, true, FINALITY_NOT_YET); // stated, not certified
    add(12, 9, true, true);
    expect_proof(8, true, 11, 12);
    const bytes32 unknown = {{1}};
    struct certificate *c = certificate_new();
    cr_expect_eq(finality_prove(finality, &unknown, false, c), FINALITY_NOT_KEPT);
    certificate_free(c);
}

Test(finality, what_it_gives_is_a_proof_to_others)
{
    add(1, 0, false, true);
    add(2, 1, false, true);
    add(3, 1, true, true);
    const bytes32 genesis = {{5}};
    struct header executed = certificate_fixture_header(1, &genesis, &digests[1]);
    uint8_t rlp[HEADER_ENCODED_MAX];
    uint64_t number = 0;
    bytes32 hash;
    struct certificate *c = certificate_new();
    cr_assert(certificate_add_executed(c, bytes_of(rlp, header_encode(rlp, &executed))));
    cr_assert_eq(finality_prove(finality, &digests[1], false, c), FINALITY_PROVED);
    cr_expect_eq(certificate_check(c, &f.set, f.checker, &number, &hash), CERTIFICATE_ORDERED);
    certificate_free(c);
}

Test(finality, keeps_headers_and_thins_out_certificates)
{
    const uint64_t last = FINALITY_HEADERS + 5000;
    for (uint64_t h = 1; h <= last; h++)
        add(h, h > 3 ? h - 3 : 0, true, false);
    const uint64_t first = last - FINALITY_HEADERS + 1;
    expect_no_proof(first - 1, false, FINALITY_NOT_KEPT);
    for (uint64_t h = first; h <= last; h += h + 400 < last ? 97 : 1) {
        uint64_t from, to;
        cr_assert_eq(prove(h, false, &from, &to), FINALITY_PROVED, "height %lu", h);
        cr_expect(from == h && to < h + FINALITY_SPACING, "height %lu: to %lu", h, to);
        if (h + FINALITY_CERTIFICATES > last)
            cr_expect_eq(to, h, "a new one has its own");
    }
}

Test(finality, few_certificates_are_all_kept)
{
    for (uint64_t h = 1; h <= 6000; h++)
        add(h, 0, h % 1000 == 0, false);
    for (uint64_t h = 1; h <= 6000; h += 111)
        expect_proof(h, false, h, (h + 999) / 1000 * 1000);
}

Test(finality, a_gap_that_no_proof_spans_is_said_to_be_one)
{
    for (uint64_t h = 1; h <= CERTIFICATE_HEADERS_MAX + 2; h++)
        add(h, 0, h == CERTIFICATE_HEADERS_MAX + 2, false);
    expect_no_proof(1, false, FINALITY_NOT_KEPT);
    expect_proof(3, false, 3, CERTIFICATE_HEADERS_MAX + 2);
}
