#include "engine/store/blog_group.h"

const struct file_kind BLOG_SEGMENT_KIND = {"GANTRLOG", 1, "block log segment"};

// magic 8 | number u64 | durable offset u64 | first height u64 | payload bytes u64 | record count u32 | 0 u32 |
// XXH3-128 of all before
static const char GROUP_MAGIC[9] = "GANTRGRP";
enum { G_NUMBER = 8, G_DURABLE = 16, G_FIRST = 24, G_PAYLOAD = 32, G_COUNT = 40, G_ZERO = 44, G_CHECKSUM = 48 };
enum { F_LENGTH = 16, F_ZERO = 20, F_HEIGHT = 24 };

void group_header_put(uint8_t out[GROUP_HEADER_BYTES], const struct group_header *h, uint64_t salt)
{
    memcpy(out, GROUP_MAGIC, 8);
    store_le64(out + G_NUMBER, h->number);
    store_le64(out + G_DURABLE, h->durable_offset);
    store_le64(out + G_FIRST, h->first_height);
    store_le64(out + G_PAYLOAD, h->payload_bytes);
    store_le32(out + G_COUNT, h->record_count);
    store_le32(out + G_ZERO, 0);
    checksum_put(out + G_CHECKSUM, out, G_CHECKSUM, salt);
}

bool group_header_get(struct group_header *out, struct bytes in, uint64_t salt)
{
    if (in.len < GROUP_HEADER_BYTES || memcmp(in.ptr, GROUP_MAGIC, 8) != 0 ||
        !checksum_matches(in.ptr + G_CHECKSUM, in.ptr, G_CHECKSUM, salt))
        return false;
    out->number = load_le64(in.ptr + G_NUMBER);
    out->durable_offset = load_le64(in.ptr + G_DURABLE);
    out->first_height = load_le64(in.ptr + G_FIRST);
    out->payload_bytes = load_le64(in.ptr + G_PAYLOAD);
    out->record_count = load_le32(in.ptr + G_COUNT);
    return load_le32(in.ptr + G_ZERO) == 0 && out->number > 0 && out->first_height > 0 && out->record_count > 0 &&
           out->payload_bytes >= (uint64_t)out->record_count * FRAME_BYTES && out->payload_bytes < UINT64_MAX / 2;
}

void frame_put(uint8_t *out, uint64_t height, struct bytes record, uint64_t salt)
{
    store_le32(out + F_LENGTH, (uint32_t)record.len);
    store_le32(out + F_ZERO, 0);
    store_le64(out + F_HEIGHT, height);
    if (record.len > 0)
        memcpy(out + FRAME_BYTES, record.ptr, record.len);
    checksum_put(out, out + CHECKSUM_BYTES, FRAME_BYTES - CHECKSUM_BYTES + record.len, salt);
}

bool frame_peek(struct frame *out, struct bytes in)
{
    if (in.len < FRAME_BYTES || load_le32(in.ptr + F_ZERO) != 0)
        return false;
    out->length = load_le32(in.ptr + F_LENGTH);
    out->height = load_le64(in.ptr + F_HEIGHT);
    return out->length <= BLOG_RECORD_MAX;
}

bool frame_check(struct bytes in, uint64_t salt)
{
    struct frame f;
    return frame_peek(&f, in) && in.len - FRAME_BYTES == f.length &&
           checksum_matches(in.ptr, in.ptr + CHECKSUM_BYTES, in.len - CHECKSUM_BYTES, salt);
}
