#include "shard/ingest/wire.h"

#define LENGTH_BYTES 4
#define PUBKEY_BYTES 64
#define RY_BYTES 32

// The hello's first seven bytes; the version is the eighth.
static const uint8_t MAGIC[7] = {'g', 'a', 'n', 't', 'r', 'y', 'i'};

void ingest_client_hello(uint8_t out[INGEST_CLIENT_HELLO_BYTES])
{
    memcpy(out, MAGIC, sizeof MAGIC);
    out[sizeof MAGIC] = INGEST_VERSION;
}

bool ingest_check_client_hello(const uint8_t in[INGEST_CLIENT_HELLO_BYTES])
{
    return memcmp(in, MAGIC, sizeof MAGIC) == 0 && in[sizeof MAGIC] == INGEST_VERSION;
}

void ingest_server_hello(uint8_t out[INGEST_SERVER_HELLO_BYTES], uint64_t chain_id)
{
    ingest_client_hello(out);
    store_le64(out + 8, chain_id);
    store_le32(out + 16, INGEST_FRAME_MAX);
    store_le32(out + 20, INGEST_WINDOW);
}

bool ingest_parse_server_hello(struct ingest_server_hello *out, const uint8_t in[INGEST_SERVER_HELLO_BYTES])
{
    if (!ingest_check_client_hello(in))
        return false;
    *out = (struct ingest_server_hello){load_le64(in + 8), load_le32(in + 16), load_le32(in + 20)};
    return true;
}

static size_t witness_bytes(uint8_t flags)
{
    return (flags & INGEST_FLAG_PUBKEY ? PUBKEY_BYTES : 0) + (flags & INGEST_FLAG_RY ? RY_BYTES : 0);
}

static enum ingest_parse invalid(const char **error, const char *text)
{
    *error = text;
    return INGEST_INVALID;
}

enum ingest_parse ingest_parse(struct bytes in, struct ingest_frame *out, size_t *consumed, const char **error)
{
    *consumed = 0;
    if (in.len < LENGTH_BYTES)
        return INGEST_NEED_MORE;
    const uint32_t length = load_le32(in.ptr);
    if (length == 0)
        return invalid(error, "bad frame: length is 0");
    if (length > INGEST_FRAME_MAX)
        return invalid(error, "bad frame: length is above the limit");
    *consumed = LENGTH_BYTES + (size_t)length;
    if (in.len == LENGTH_BYTES)
        return INGEST_NEED_MORE;

    const uint8_t flags = in.ptr[LENGTH_BYTES];
    if (flags & ~(INGEST_FLAG_PUBKEY | INGEST_FLAG_RY))
        return invalid(error, "bad frame: unknown flags");
    if (flags == INGEST_FLAG_RY)
        return invalid(error, "bad frame: R.y is given without a public key");
    const size_t head = 1 + witness_bytes(flags);
    if (length < head)
        return invalid(error, "bad frame: shorter than its witness");
    if (in.len < *consumed)
        return INGEST_NEED_MORE;

    const uint8_t *p = in.ptr + LENGTH_BYTES + 1;
    out->has_witness = (flags & INGEST_FLAG_PUBKEY) != 0;
    out->witness.has_ry = (flags & INGEST_FLAG_RY) != 0;
    if (out->has_witness) {
        memcpy(out->witness.pubkey, p, PUBKEY_BYTES);
        p += PUBKEY_BYTES;
    }
    if (out->witness.has_ry) {
        memcpy(out->witness.ry, p, RY_BYTES);
        p += RY_BYTES;
    }
    out->raw = bytes_of(p, length - head);
    return INGEST_FRAME;
}

size_t ingest_frame_put(uint8_t *out, struct bytes raw, const struct sv_witness *witness)
{
    uint8_t *p = out + LENGTH_BYTES, flags = 0;
    if (witness)
        flags = (uint8_t)(INGEST_FLAG_PUBKEY | (witness->has_ry ? INGEST_FLAG_RY : 0));
    *p++ = flags;
    if (witness) {
        memcpy(p, witness->pubkey, PUBKEY_BYTES);
        p += PUBKEY_BYTES;
        if (witness->has_ry) {
            memcpy(p, witness->ry, RY_BYTES);
            p += RY_BYTES;
        }
    }
    if (raw.len > 0)
        memcpy(p, raw.ptr, raw.len);
    p += raw.len;
    store_le32(out, (uint32_t)(p - out - LENGTH_BYTES));
    return (size_t)(p - out);
}

size_t ingest_answer_put(uint8_t out[INGEST_ANSWER_MAX], uint8_t status, const char *text)
{
    size_t len = strlen(text);
    if (len > UINT8_MAX)
        len = UINT8_MAX;
    out[0] = status;
    out[1] = (uint8_t)len;
    memcpy(out + 2, text, len);
    return 2 + len;
}

size_t ingest_answer_parse(struct bytes in, uint8_t *status, struct bytes *text)
{
    if (in.len < 2 || in.len < 2 + (size_t)in.ptr[1])
        return 0;
    *status = in.ptr[0];
    *text = bytes_of(in.ptr + 2, in.ptr[1]);
    return 2 + text->len;
}
