// The ingest frame parser: the input is what a connection received, cut into frames as the server does. Each frame that
// parses is put again and must give the same bytes; the parse must not depend on how much came at once.
#include "chain/tx.h"
#include "shard/ingest/wire.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_frame(const struct ingest_frame *frame, const uint8_t *wire, size_t wire_len)
{
    uint8_t *again = malloc(wire_len);
    const size_t len = ingest_frame_put(again, frame->raw, frame->has_witness ? &frame->witness : NULL);
    assert(len == wire_len && memcmp(again, wire, len) == 0);
    free(again);
    struct tx tx;
    if (tx_decode(&tx, frame->raw, 0) == TX_OK)
        assert(tx.raw.len == frame->raw.len);
}

// A prefix of what parsed is never something else than incomplete.
static void check_prefix(const uint8_t *wire, size_t wire_len, size_t cut)
{
    struct ingest_frame frame;
    size_t consumed;
    const char *error;
    const enum ingest_parse result = ingest_parse(bytes_of(wire, cut % wire_len), &frame, &consumed, &error);
    assert(result == INGEST_NEED_MORE && (consumed == 0 || consumed == wire_len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t status;
    struct bytes text;
    if (ingest_answer_parse(bytes_of(data, size), &status, &text) > 0)
        assert(text.ptr + text.len <= data + size);
    for (size_t at = 0; at < size;) {
        struct ingest_frame frame;
        size_t consumed;
        const char *error = NULL;
        const enum ingest_parse result = ingest_parse(bytes_of(data + at, size - at), &frame, &consumed, &error);
        if (result != INGEST_FRAME) {
            assert(result == INGEST_NEED_MORE ? consumed == 0 || consumed > size - at : error != NULL);
            break;
        }
        check_frame(&frame, data + at, consumed);
        check_prefix(data + at, consumed, data[at]);
        at += consumed;
    }
    return 0;
}
