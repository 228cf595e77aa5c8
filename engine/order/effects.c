#include "engine/order/effects.h"

#include <assert.h>
#include <stdlib.h>

struct shared_bytes *shared_bytes_new(size_t len)
{
    struct shared_bytes *b = malloc(sizeof *b + len);
    if (!b)
        abort();
    b->refs = 1;
    b->len = len;
    return b;
}

void shared_bytes_unref(struct shared_bytes *b)
{
    if (b && --b->refs == 0)
        free(b);
}

void effects_init(struct effects *fx)
{
    *fx = (struct effects){0};
}

void effects_clear(struct effects *fx)
{
    for (; fx->count > 0; fx->count--) {
        effect_free(&fx->items[fx->head]);
        fx->head = (fx->head + 1) % fx->cap;
    }
    free(fx->items);
    free(fx->records);
    effects_init(fx);
}

struct effect *effects_add(struct effects *fx, enum effect_kind kind)
{
    if (fx->count == fx->cap) {
        const size_t cap = fx->cap == 0 ? 32 : 2 * fx->cap;
        struct effect *grown = malloc(cap * sizeof *grown);
        if (!grown)
            abort();
        for (size_t i = 0; i < fx->count; i++)
            grown[i] = fx->items[(fx->head + i) % fx->cap];
        free(fx->items);
        fx->items = grown;
        fx->cap = cap;
        fx->head = 0;
    }
    struct effect *e = &fx->items[(fx->head + fx->count) % fx->cap];
    *e = (struct effect){.kind = kind};
    fx->count++;
    fx->turn++;
    return e;
}

static struct shared_bytes *encode(const struct wire_message *m)
{
    const size_t size = wire_size(m);
    assert(size > 0);
    struct shared_bytes *b = shared_bytes_new(size);
    wire_encode(b->bytes, m);
    return b;
}

void effects_send(struct effects *fx, struct vmask to, const struct wire_message *m)
{
    vmask_drop(&to, fx->me);
    if (vmask_empty(to))
        return;
    struct effect *e = effects_add(fx, EFFECT_SEND);
    e->to = to;
    e->bytes = encode(m);
}

void effects_send_one(struct effects *fx, unsigned peer, const struct wire_message *m)
{
    struct vmask to = {{0, 0}};
    vmask_add(&to, peer);
    effects_send(fx, to, m);
}

void effects_broadcast(struct effects *fx, const struct wire_message *m)
{
    effects_send(fx, vset_all(fx->set), m);
}

void effects_ban(struct effects *fx, unsigned peer, const char *detail)
{
    struct effect *e = effects_add(fx, EFFECT_BAN);
    fx->counts.bans++;
    e->peer = (uint16_t)peer;
    e->detail = detail;
}

// Room for a record of len bytes; returns where they go.
static uint8_t *record_room(struct effects *fx, enum record_kind kind, size_t len, bool urgent)
{
    const size_t need = fx->record_bytes + 5 + len;
    if (need > fx->record_cap) {
        fx->record_cap = need > 2 * fx->record_cap ? need : 2 * fx->record_cap;
        fx->records = realloc(fx->records, fx->record_cap);
        if (!fx->records)
            abort();
    }
    uint8_t *p = fx->records + fx->record_bytes;
    p[0] = (uint8_t)kind;
    store_le32(p + 1, (uint32_t)len);
    fx->record_bytes = need;
    fx->urgent |= urgent;
    return p + 5;
}

void effects_record(struct effects *fx, enum record_kind kind, struct bytes bytes, bool urgent)
{
    memcpy(record_room(fx, kind, bytes.len, urgent), bytes.ptr, bytes.len);
}

void effects_record_message(struct effects *fx, enum record_kind kind, const struct wire_message *m, bool urgent)
{
    const size_t size = wire_size(m);
    assert(size > 0);
    wire_encode(record_room(fx, kind, size, urgent), m);
}

bool effects_take(struct effects *fx, uint64_t durable, struct effect *out)
{
    assert(fx->turn == 0);
    if (fx->count == 0 || fx->items[fx->head].hold > durable)
        return false;
    *out = fx->items[fx->head];
    fx->head = (fx->head + 1) % fx->cap;
    fx->count--;
    return true;
}

void effect_free(struct effect *e)
{
    shared_bytes_unref(e->bytes);
    kept_block_unref(e->block);
    kept_cert_unref(e->cert);
    free(e->car);
    *e = (struct effect){0};
}
