// A peer that may send anything. By the first byte: plain noise to a listener in pieces of the input's choosing, or a
// proper handshake and then sealed messages of the input's choosing, so that greeting and frames are reached.
#include "engine/net/link.h"

#include <stdlib.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const bytes32 LISTENER = {{1}}, DIALER = {{2}}, EPHEMERAL = {{3}};

static bool greeted(void *ctx, struct link *l, const struct wire_hello *theirs, struct wire_hello *ours)
{
    (void)ctx;
    (void)l;
    ours->shards = 16;
    return theirs->shards > 0;
}

static void message(void *ctx, struct link *l, struct bytes m)
{
    unsigned *messages = ctx;
    struct wire_prefix prefix;
    CHECK(link_is_open(l) && !link_is_held(l));
    CHECK(wire_peek(&prefix, m) == WIRE_OK && prefix.type != WIRE_HELLO);
    CHECK(wire_limit_of(prefix.type)->channel == link_hello(l)->channel);
    uint8_t *kept = link_keep(l);
    CHECK(!kept || kept == m.ptr);
    free(kept);
    ++*messages;
}

static const struct link_ops OPS = {NULL, greeted, message};

static struct link *listener(unsigned *messages)
{
    const struct link_options o = {
        .ops = &OPS, .ctx = messages, .prologue = bytes_of("fuzz", 4), .secret = LISTENER, .ephemeral = EPHEMERAL};
    struct link *l = link_create(&o);
    CHECK(l);
    return l;
}

static void give(struct link *l, const uint8_t *p, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, p, len);
    link_receive(l, copy, len);
    free(copy);
    if (link_is_held(l))
        link_resume(l);
    const struct bytes out = link_output(l);
    CHECK(out.len == 0 || link_status(l) == LINK_OK);
    link_sent(l, out.len);
}

static void fuzz_plain(struct link *l, struct bytes in)
{
    while (in.len > 0 && link_status(l) == LINK_OK) {
        size_t piece = in.ptr[0] % 60u + 1;
        if (piece > in.len)
            piece = in.len;
        give(l, in.ptr, piece);
        in = bytes_of(in.ptr + piece, in.len - piece);
    }
    CHECK(!link_is_open(l));
}

static struct noise *shake_hands(struct link *l)
{
    uint8_t key[NOISE_KEY_BYTES], act[NOISE_ACT_MAX];
    CHECK(noise_public_key(key, &LISTENER));
    struct noise *n = noise_initiator(bytes_of("fuzz", 4), &DIALER, key, &EPHEMERAL);
    size_t len = noise_write_act(n, act);
    link_receive(l, act, len);
    const struct bytes act2 = link_output(l);
    CHECK(noise_read_act(n, act2) == NOISE_OK);
    link_sent(l, act2.len);
    len = noise_write_act(n, act);
    give(l, act, len);
    CHECK(link_status(l) == LINK_OK);
    return n;
}

// Messages of the input: two bytes of length, with the high bit asking for a full chunk, and as many of content.
static void fuzz_sealed(struct link *l, struct bytes in)
{
    static uint8_t plain[NOISE_MESSAGE_MAX], sealed[NOISE_MESSAGE_MAX + NOISE_OVERHEAD];
    struct noise *n = shake_hands(l);
    while (in.len >= 2 && link_status(l) == LINK_OK) {
        size_t len = in.ptr[0] | (size_t)(in.ptr[1] & 0x7f) << 8;
        const bool full = in.ptr[1] & 0x80;
        in = bytes_of(in.ptr + 2, in.len - 2);
        if (len > in.len)
            len = in.len;
        memcpy(plain, in.ptr, len);
        in = bytes_of(in.ptr + len, in.len - len);
        if (full) {
            memset(plain + len, 0, sizeof plain - len);
            len = sizeof plain;
        }
        noise_seal(n, sealed, bytes_of(plain, len), (struct bytes){0});
        give(l, sealed, len + NOISE_OVERHEAD);
    }
    noise_free(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned messages = 0;
    if (size == 0)
        return 0;
    struct link *l = listener(&messages);
    if (data[0] % 4 == 0)
        fuzz_plain(l, bytes_of(data + 1, size - 1));
    else
        fuzz_sealed(l, bytes_of(data + 1, size - 1));
    link_end(l);
    CHECK(link_status(l) != LINK_OK && *link_failure(l));
    link_free(l);
    return 0;
}
