#include "engine/cars/car_record.h"

#include <stdlib.h>

bool car_head_get(struct car_head *out, struct bytes in)
{
    if (in.len < sizeof *out)
        return false;
    memcpy(out, in.ptr, sizeof *out);
    return out->kind == CAR_RECORD_CAR && out->acked <= 1;
}

uint8_t *car_record_make(size_t *len, const struct car_name *name, const struct wire_car *car, uint16_t stripes,
                         const struct bytes bodies[WIRE_STRIPES], bool acked)
{
    struct wire_message m;
    m.type = WIRE_CAR_HDR;
    m.epoch = name->epoch;
    m.car = *car;
    const size_t header = wire_size(&m);
    *len = sizeof(struct car_head) + header;
    for (unsigned s = 0; s < WIRE_STRIPES; s++)
        *len += stripes >> s & 1 ? bodies[s].len : 0;
    uint8_t *record = malloc(*len), *p = record;
    if (!record)
        abort();
    const struct car_head head = {CAR_RECORD_CAR, acked,        name->epoch, name->lane,
                                  name->pos,      name->digest, stripes,     (uint16_t)header};
    memcpy(p, &head, sizeof head);
    wire_encode(p + sizeof head, &m);
    p += sizeof head + header;
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        if (stripes >> s & 1) {
            memcpy(p, bodies[s].ptr, bodies[s].len);
            p += bodies[s].len;
        }
    }
    return record;
}

// The bodies behind the header, whose lengths it tells.
static bool split_bodies(struct car_record *out, struct bytes rest)
{
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        const uint32_t length = out->car.stripes[s].bytes;
        if (!(out->stripes >> s & 1))
            continue;
        if (!(out->car.stripe_bitmap >> s & 1) || length > rest.len)
            return false;
        out->bodies[s] = bytes_of(rest.ptr, length);
        rest = bytes_of(rest.ptr + length, rest.len - length);
    }
    return rest.len == 0;
}

bool car_record_decode(struct car_record *out, struct bytes in, const struct wire_set *set)
{
    struct car_head head;
    struct wire_message m;
    *out = (struct car_record){0};
    if (!car_head_get(&head, in) || head.header_bytes > in.len - sizeof head)
        return false;
    const struct bytes header = bytes_of(in.ptr + sizeof head, head.header_bytes);
    if (wire_decode(&m, header, set) != WIRE_OK || m.type != WIRE_CAR_HDR)
        return false;
    if (m.epoch != head.epoch || m.car.lane != head.lane || m.car.pos != head.pos ||
        !bytes32_equal(&m.car.digest, &head.digest))
        return false;
    out->name = (struct car_name){head.epoch, head.lane, head.pos, head.digest};
    out->car = m.car;
    out->stripes = head.stripes;
    out->acked = head.acked;
    const size_t before = sizeof head + head.header_bytes;
    return split_bodies(out, bytes_of(in.ptr + before, in.len - before));
}

void car_record_free(struct car_record *r)
{
    free(r->bytes);
    r->bytes = NULL;
}

bool index_get(struct index_head *head, const struct index_entry **entries, struct bytes in)
{
    if (in.len < sizeof *head)
        return false;
    memcpy(head, in.ptr, sizeof *head);
    *entries = (const struct index_entry *)(in.ptr + sizeof *head);
    return head->kind == CAR_RECORD_INDEX && head->from <= head->to &&
           in.len - sizeof *head == (uint64_t)head->count * sizeof **entries;
}
