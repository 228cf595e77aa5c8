// docs/ingest.md is what others write clients from: its tables and its session must be what the code does.
#include "base/hex.h"
#include "base/keccak.h"
#include "shard/ingest/answers.h"

#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static char *read_page(void)
{
    char *path = project_path("docs/ingest.md"), *page = vectors_read(path, NULL);
    free(path);
    return page;
}

static void expect_row(const char *page, unsigned status, const char *text)
{
    char row[320];
    snprintf(row, sizeof row, "\n| %u | %s |\n", status, text);
    cr_assert_not_null(strstr(page, row), "docs/ingest.md lacks the row %s", row);
}

Test(ingest_docs, list_every_status_with_its_text)
{
    char *page = read_page();
    for (unsigned s = 0; s < TX_STATUS_COUNT; s++)
        expect_row(page, s, tx_status_text((enum tx_status)s));
    expect_row(page, INGEST_BAD_HELLO, INGEST_BAD_HELLO_TEXT);
    expect_row(page, INGEST_TOO_MANY, INGEST_TOO_MANY_TEXT);
    expect_row(page, INGEST_TOO_COSTLY, INGEST_TOO_COSTLY_TEXT);
    char beyond[32];
    snprintf(beyond, sizeof beyond, "\n| %u |", TX_STATUS_COUNT);
    cr_assert_null(strstr(page, beyond), "docs/ingest.md lists a status that does not exist");
    free(page);
}

Test(ingest_docs, list_every_text_of_a_malformed_frame)
{
    static const uint8_t frames[][5] = {
        {0, 0, 0, 0, 0}, {255, 255, 255, 255, 0}, {9, 0, 0, 0, 4}, {9, 0, 0, 0, 2}, {9, 0, 0, 0, 1}};
    char *page = read_page();
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        struct ingest_frame frame;
        size_t consumed;
        const char *error;
        cr_assert_eq(ingest_parse(bytes_of(frames[i], 5), &frame, &consumed, &error), INGEST_INVALID);
        cr_assert_not_null(strstr(page, error), "docs/ingest.md lacks \"%s\"", error);
    }
    free(page);
}

Test(ingest_docs, name_the_limits)
{
    char *page = read_page(), text[64];
    snprintf(text, sizeof text, "largest `length` of a frame: %u |", INGEST_FRAME_MAX);
    cr_assert_not_null(strstr(page, text));
    snprintf(text, sizeof text, "wait for their answer: %d |", INGEST_WINDOW);
    cr_assert_not_null(strstr(page, text));
    free(page);
}

struct stream {
    uint8_t bytes[2048];
    size_t len;
};

// Gathers the hex digits of the session's lines by direction.
static void read_session(struct stream *client, struct stream *server)
{
    char *page = read_page();
    const char *p = strstr(page, "```\n");
    cr_assert_not_null(p);
    struct stream *to = NULL;
    for (p += 4; strncmp(p, "```", 3) != 0; p++) {
        if (*p == '>')
            to = client;
        else if (*p == '<')
            to = server;
        else if (isxdigit((unsigned char)*p)) {
            cr_assert_eq(hex_decode(to->bytes + to->len++, 1, p, 2), 1);
            p++;
        } else
            cr_assert(isspace((unsigned char)*p));
    }
    free(page);
}

// What a node of chain 31337 answers to a frame, as far as state does not matter.
static enum tx_status check_transaction(const struct ingest_frame *frame, uint64_t expected_nonce)
{
    static const char sender_hex[] = "f39fd6e51aad88f6f4ce6ab8827279cfffb92266";
    struct tx tx;
    const enum tx_status status = tx_decode(&tx, frame->raw, 31337);
    if (status != TX_OK)
        return status;
    const struct sv_item item = {tx_signing_hash(&tx), tx.r, tx.s, tx.y_parity, true};
    struct sv_verifier *verifier = sv_create();
    struct sv_result result;
    if (frame->has_witness)
        sv_verify_witness(verifier, &result, &item, &frame->witness, 1);
    else
        sv_recover(verifier, &result, &item, 1);
    sv_free(verifier);
    address sender;
    cr_assert_eq(hex_decode(sender.b, sizeof sender.b, sender_hex, 40), 20);
    cr_assert_eq(result.status, SV_OK);
    cr_assert(address_equal(&result.signer, &sender));
    cr_assert_eq(tx.nonce, expected_nonce);
    return TX_OK;
}

Test(ingest_docs, show_a_session_that_a_node_answers_so)
{
    struct stream client = {.len = 0}, server = {.len = 0}, wanted = {.len = INGEST_SERVER_HELLO_BYTES};
    read_session(&client, &server);
    cr_assert_gt(client.len, INGEST_CLIENT_HELLO_BYTES);
    cr_assert(ingest_check_client_hello(client.bytes));
    ingest_server_hello(wanted.bytes, 31337);

    struct arena *arena = arena_create();
    struct answers *answers = answers_create(arena);
    size_t frames = 0, at = INGEST_CLIENT_HELLO_BYTES;
    enum ingest_parse result = INGEST_FRAME;
    bool saw_witness = false;
    for (; at < client.len && result == INGEST_FRAME; frames++) {
        struct ingest_frame frame;
        size_t consumed;
        const char *error;
        result = ingest_parse(bytes_of(client.bytes + at, client.len - at), &frame, &consumed, &error);
        const uint64_t sequence = answers_open(answers);
        if (result == INGEST_INVALID) {
            answers_set(answers, sequence, INGEST_BAD_FRAME, error);
            at = client.len;
        } else {
            cr_assert_eq(result, INGEST_FRAME);
            saw_witness |= frame.has_witness;
            answers_set(answers, sequence, (uint8_t)check_transaction(&frame, frames), NULL);
            at += consumed;
        }
    }
    cr_assert_eq(frames, 4);
    cr_assert(saw_witness);
    cr_assert_eq(result, INGEST_INVALID);
    wanted.len += answers_drain(answers, wanted.bytes + wanted.len, sizeof wanted.bytes - wanted.len);
    cr_assert_eq(server.len, wanted.len);
    cr_assert_arr_eq(server.bytes, wanted.bytes, wanted.len);
    answers_free(answers);
    arena_destroy(arena);
}
