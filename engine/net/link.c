#include "engine/net/link.h"

#include <stdlib.h>

// Room for two of the longest sealed messages, or many short ones.
#define OUT_BYTES (2 * (NOISE_MESSAGE_MAX + NOISE_OVERHEAD))

enum state { SHAKING, GREETING, OPEN, FAILED };

struct queued {
    struct queued *next;
    struct payload *message;
    uint32_t offset; // what is sealed of it
    uint8_t slot;
};

struct link {
    const struct link_ops *ops;
    void *ctx;
    struct noise *noise;
    enum state state;
    bool initiator, held;
    enum link_status status;
    enum noise_status noise_status;
    enum frame_status frame_status;
    struct wire_hello hello, kind;
    uint64_t open_by_ns;

    // Received: what is there of the next act, sealed length or sealed message.
    uint8_t *in;
    size_t in_len, in_cap;
    bool length_known;
    uint16_t length;
    struct frame_reader frames;
    uint8_t *kept; // came while held back
    size_t kept_len;

    // To be sent.
    uint8_t act[NOISE_ACT_MAX];
    size_t act_len;
    struct queued *first, *last;
    struct queued *slots[LINK_SLOTS];
    uint8_t *out; // sealed: out_at of out_len bytes are sent
    size_t out_at, out_len;
    struct link_counters counters;
};

const char *link_status_text(enum link_status status)
{
    static const char *const texts[LINK_STATUS_COUNT] = {
        [LINK_OK] = "well",
        [LINK_BAD_HANDSHAKE] = "the handshake failed",
        [LINK_NOT_ALLOWED] = "the peer's key is not on the list",
        [LINK_TOO_LATE] = "the handshake took too long",
        [LINK_BAD_HELLO] = "the greeting is refused",
        [LINK_BAD_SEAL] = "a sealed message is refused",
        [LINK_BAD_FRAME] = "a message is refused",
        [LINK_OVERFLOW] = "the peer takes messages too slowly",
        [LINK_ENDED] = "the peer closed the connection",
        [LINK_BROKEN] = "the connection broke",
        [LINK_UNREACHABLE] = "the peer can't be reached",
        [LINK_REPLACED] = "the peer connected anew",
        [LINK_MISBEHAVED] = "the peer broke the rules",
        [LINK_DISMISSED] = "closed by this node",
    };
    return (unsigned)status < LINK_STATUS_COUNT ? texts[status] : "unknown";
}

static void *allocate(size_t len)
{
    void *p = malloc(len);
    if (!p)
        abort();
    return p;
}

struct payload *payload_new(size_t len)
{
    struct payload *p = allocate(sizeof *p + len);
    p->refs = 1;
    p->len = (uint32_t)len;
    return p;
}

struct payload *payload_of(struct bytes message)
{
    struct payload *p = payload_new(message.len);
    memcpy(p->data, message.ptr, message.len);
    return p;
}

void payload_release(struct payload *p)
{
    if (--p->refs == 0)
        free(p);
}

void link_prologue(uint8_t out[LINK_PROLOGUE_BYTES], const bytes32 *genesis_hash)
{
    memcpy(out, "gantry", 6);
    memcpy(out + 6, genesis_hash->b, 32);
}

// ---- life

static void write_act(struct link *l)
{
    l->act_len = noise_write_act(l->noise, l->act);
}

struct link *link_create(const struct link_options *o)
{
    struct noise *noise = o->remote ? noise_initiator(o->prologue, &o->secret, o->remote, &o->ephemeral)
                                    : noise_responder(o->prologue, &o->secret, &o->ephemeral);
    if (!noise)
        return NULL;
    struct link *l = allocate(sizeof *l);
    *l = (struct link){.ops = o->ops,
                       .ctx = o->ctx,
                       .noise = noise,
                       .initiator = o->remote != NULL,
                       .hello = o->hello,
                       .open_by_ns = o->now_ns + LINK_OPEN_NS};
    write_act(l);
    return l;
}

static void drop_first(struct link *l)
{
    struct queued *q = l->first;
    l->first = q->next;
    if (!l->first)
        l->last = NULL;
    if (l->slots[q->slot] == q)
        l->slots[q->slot] = NULL;
    l->counters.queued_bytes -= q->message->len;
    payload_release(q->message);
    free(q);
}

void link_free(struct link *l)
{
    if (!l)
        return;
    while (l->first)
        drop_first(l);
    frame_reader_free(&l->frames);
    noise_free(l->noise);
    free(l->in);
    free(l->kept);
    free(l->out);
    free(l);
}

void link_fail(struct link *l, enum link_status why)
{
    if (l->state == FAILED)
        return;
    l->state = FAILED;
    l->status = why;
}

static enum link_status fail(struct link *l, enum link_status why)
{
    link_fail(l, why);
    return l->status;
}

void link_give(struct link *l, const struct link_ops *ops, void *ctx)
{
    l->ops = ops;
    l->ctx = ctx;
}

enum link_status link_check_time(struct link *l, uint64_t now_ns)
{
    if (l->state < OPEN && now_ns >= l->open_by_ns)
        link_fail(l, LINK_TOO_LATE);
    return l->status;
}

// ---- sending

static uint32_t queue_bytes_max(const struct link *l)
{
    return l->kind.channel == WIRE_BULK ? LINK_BULK_QUEUE_BYTES : LINK_CONTROL_QUEUE_BYTES;
}

static enum link_sent append(struct link *l, struct payload *message, unsigned slot)
{
    if (l->counters.queued_bytes + message->len > queue_bytes_max(l)) {
        l->counters.dropped++;
        if (l->kind.channel == WIRE_BULK)
            return LINK_DROPPED;
        link_fail(l, LINK_OVERFLOW);
        return LINK_CLOSED;
    }
    struct queued *q = allocate(sizeof *q);
    *q = (struct queued){.message = message, .slot = (uint8_t)slot};
    message->refs++;
    *(l->last ? &l->last->next : &l->first) = q;
    l->last = q;
    l->counters.queued_bytes += message->len;
    return LINK_QUEUED;
}

enum link_sent link_send(struct link *l, struct payload *message, unsigned slot)
{
    if (l->state != OPEN || slot >= LINK_SLOTS)
        return LINK_CLOSED;
    struct queued *older = slot > 0 ? l->slots[slot] : NULL;
    // The newer one may be longer, but not so that it matters: one message a slot.
    if (!older || older->offset > 0) {
        const enum link_sent sent = append(l, message, slot);
        if (sent == LINK_QUEUED && slot > 0)
            l->slots[slot] = l->last;
        return sent;
    }
    l->counters.queued_bytes += message->len;
    l->counters.queued_bytes -= older->message->len;
    l->counters.replaced++;
    payload_release(older->message);
    older->message = message;
    message->refs++;
    return LINK_REPLACED_OLDER;
}

static void say_hello(struct link *l)
{
    const struct wire_message m = {.type = WIRE_HELLO, .hello = l->hello};
    struct payload *p = payload_new(wire_size(&m));
    wire_encode(p->data, &m);
    (void)append(l, p, 0);
    payload_release(p);
}

// Seals the next part of the first message; false when there is no room for it.
static bool seal_part(struct link *l)
{
    struct queued *q = l->first;
    struct frame_part part;
    frame_cut(&part, bytes_of(q->message->data, q->message->len), q->offset);
    const size_t sealed = part.header_len + part.body.len + NOISE_OVERHEAD;
    if (sealed > OUT_BYTES - l->out_len)
        return false;
    noise_seal(l->noise, l->out + l->out_len, bytes_of(part.header, part.header_len), part.body);
    l->out_len += sealed;
    q->offset += (uint32_t)part.body.len;
    l->counters.bytes_out += sealed;
    if (q->offset == q->message->len) {
        l->counters.messages_out++;
        drop_first(l);
    }
    return true;
}

static void fill_output(struct link *l)
{
    l->out_at = l->out_len = 0;
    if (l->act_len == 0 && !l->first) {
        free(l->out);
        l->out = NULL;
        return;
    }
    if (!l->out)
        l->out = allocate(OUT_BYTES);
    memcpy(l->out, l->act, l->act_len);
    l->out_len = l->act_len;
    l->act_len = 0;
    while (l->first && seal_part(l))
        ;
}

struct bytes link_output(struct link *l)
{
    if (l->state == FAILED)
        return (struct bytes){0};
    if (l->out_at == l->out_len)
        fill_output(l);
    if (!l->out)
        return (struct bytes){0};
    return bytes_of(l->out + l->out_at, l->out_len - l->out_at);
}

void link_sent(struct link *l, size_t len)
{
    l->out_at += len;
}

// ---- receiving

static enum link_status read_act(struct link *l, struct bytes act)
{
    l->noise_status = noise_read_act(l->noise, act);
    if (l->noise_status != NOISE_OK)
        return fail(l, LINK_BAD_HANDSHAKE);
    write_act(l);
    if (!noise_ready(l->noise))
        return LINK_OK;
    if (!l->initiator && l->ops->admit && !l->ops->admit(l->ctx, l, noise_remote_key(l->noise)))
        return fail(l, LINK_NOT_ALLOWED);
    l->state = GREETING;
    if (l->initiator)
        say_hello(l);
    return LINK_OK;
}

static enum link_status greet(struct link *l, struct bytes message)
{
    struct wire_message m;
    if (wire_decode(&m, message, NULL) != WIRE_OK || m.type != WIRE_HELLO)
        return fail(l, LINK_BAD_HELLO);
    if (!l->initiator) {
        l->hello.channel = m.hello.channel;
        l->hello.group = m.hello.group;
    }
    if (m.hello.channel != l->hello.channel || m.hello.group != l->hello.group ||
        !l->ops->greeted(l->ctx, l, &m.hello, &l->hello))
        return fail(l, LINK_BAD_HELLO);
    if (!l->initiator)
        say_hello(l);
    l->kind = m.hello;
    frame_reader_init(&l->frames, l->kind.channel);
    l->state = OPEN;
    l->held = true;
    return LINK_OK;
}

static enum link_status read_message(struct link *l, uint8_t *sealed)
{
    struct bytes message;
    l->length_known = false;
    l->noise_status = noise_open_message(l->noise, sealed, l->length);
    if (l->noise_status != NOISE_OK)
        return fail(l, LINK_BAD_SEAL);
    // The greeting is short: it is never framed.
    if (l->state == GREETING)
        return greet(l, bytes_of(sealed, l->length));
    l->frame_status = frame_read(&l->frames, bytes_of(sealed, l->length), &message);
    if (l->frame_status == FRAME_MORE)
        return LINK_OK;
    if (l->frame_status != FRAME_MESSAGE)
        return fail(l, LINK_BAD_FRAME);
    if (message.ptr[2] == WIRE_HELLO)
        return fail(l, LINK_BAD_HELLO);
    l->counters.messages_in++;
    l->ops->message(l->ctx, l, message);
    return l->status;
}

static enum link_status read_length(struct link *l, const uint8_t *sealed)
{
    l->noise_status = noise_open_length(l->noise, sealed, &l->length);
    if (l->noise_status != NOISE_OK)
        return fail(l, LINK_BAD_SEAL);
    l->length_known = true;
    return LINK_OK;
}

// How many bytes the next step takes.
static size_t wanted(const struct link *l)
{
    if (l->state == SHAKING)
        return noise_wants(l->noise);
    return l->length_known ? (size_t)l->length + NOISE_TAG_BYTES : NOISE_LENGTH_BYTES;
}

static enum link_status step(struct link *l, uint8_t *bytes, size_t len)
{
    if (l->state == SHAKING)
        return read_act(l, bytes_of(bytes, len));
    return l->length_known ? read_message(l, bytes) : read_length(l, bytes);
}

// Adds to the bytes of the next step; true when they are complete, in l->in.
static bool gather(struct link *l, size_t want, uint8_t **bytes, size_t *len)
{
    const size_t missing = want - l->in_len, taken = missing < *len ? missing : *len;
    if (want > l->in_cap) {
        l->in = realloc(l->in, want);
        if (!l->in)
            abort();
        l->in_cap = want;
    }
    memcpy(l->in + l->in_len, *bytes, taken);
    l->in_len += taken;
    *bytes += taken;
    *len -= taken;
    return l->in_len == want;
}

static void keep_rest(struct link *l, const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return;
    l->kept = allocate(len);
    l->kept_len = len;
    memcpy(l->kept, bytes, len);
}

static enum link_status take(struct link *l, uint8_t *bytes, size_t len)
{
    while (len > 0 && l->state != FAILED && !l->held) {
        const size_t want = wanted(l);
        if (l->in_len == 0 && len >= want) {
            (void)step(l, bytes, want);
            bytes += want;
            len -= want;
        } else if (gather(l, want, &bytes, &len)) {
            l->in_len = 0;
            (void)step(l, l->in, want);
        }
    }
    if (l->held)
        keep_rest(l, bytes, len);
    return l->status;
}

enum link_status link_receive(struct link *l, uint8_t *bytes, size_t len)
{
    l->counters.bytes_in += len;
    return take(l, bytes, len);
}

enum link_status link_resume(struct link *l)
{
    uint8_t *bytes = l->kept;
    const size_t len = l->kept_len;
    l->held = false;
    l->kept = NULL;
    l->kept_len = 0;
    const enum link_status status = take(l, bytes, len);
    free(bytes);
    return status;
}

enum link_status link_end(struct link *l)
{
    if (l->state != SHAKING)
        return fail(l, LINK_ENDED);
    l->noise_status = noise_read_act(l->noise, bytes_of(l->in, l->in_len));
    return fail(l, LINK_BAD_HANDSHAKE);
}

uint8_t *link_keep(struct link *l)
{
    return frame_keep(&l->frames);
}

// ---- facts

bool link_is_open(const struct link *l)
{
    return l->state == OPEN;
}

bool link_is_held(const struct link *l)
{
    return l->held;
}

enum link_status link_status(const struct link *l)
{
    return l->status;
}

const char *link_failure(const struct link *l)
{
    if (l->status == LINK_BAD_HANDSHAKE || l->status == LINK_BAD_SEAL)
        return noise_status_text(l->noise_status);
    if (l->status == LINK_BAD_FRAME)
        return l->frame_status == FRAME_BAD_MESSAGE ? wire_status_text(l->frames.wire_status)
                                                    : frame_status_text(l->frame_status);
    return link_status_text(l->status);
}

const uint8_t *link_remote_key(const struct link *l)
{
    return noise_remote_key(l->noise);
}

const struct wire_hello *link_hello(const struct link *l)
{
    return &l->kind;
}

const struct link_counters *link_counters(const struct link *l)
{
    return &l->counters;
}
