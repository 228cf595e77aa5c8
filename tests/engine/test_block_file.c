// A file of blocks is taken apart at the blocks' own lengths, whatever they say.
#include "engine/block_file.h"

#include "base/rlp.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct block_file open_bytes(const void *bytes, size_t len)
{
    return (struct block_file){.file = fmemopen((void *)bytes, len, "rb")};
}

static void close_file(struct block_file *f)
{
    fclose(f->file);
    free(f->mem);
}

// Lists of these many bytes of payload, one behind the other.
static size_t put_lists(uint8_t *p, const size_t *payloads, size_t count)
{
    uint8_t *start = p;
    for (size_t i = 0; i < count; i++) {
        p = rlp_put_list(p, payloads[i]);
        memset(p, (int)i + 1, payloads[i]);
        p += payloads[i];
    }
    return (size_t)(p - start);
}

Test(block_file, gives_one_block_after_the_other)
{
    static const size_t payloads[] = {0, 1, 55, 56, 255, 256, 70000, 3};
    enum { COUNT = sizeof payloads / sizeof payloads[0] };
    static uint8_t buf[80000];
    struct bytes block;
    const size_t len = put_lists(buf, payloads, COUNT);
    struct block_file f = open_bytes(buf, len);
    const uint8_t *at = buf;
    for (size_t i = 0; i < COUNT; i++) {
        cr_assert_eq(block_file_next(&f, &block), BLOCK_FILE_BLOCK);
        cr_expect_eq(block.len, rlp_size_list(payloads[i]));
        cr_expect(memcmp(block.ptr, at, block.len) == 0);
        at += block.len;
    }
    cr_expect_eq(block_file_next(&f, &block), BLOCK_FILE_END);
    close_file(&f);
}

Test(block_file, says_where_it_is_torn)
{
    static const size_t payloads[] = {2, 300};
    uint8_t buf[400];
    struct bytes block;
    const size_t len = put_lists(buf, payloads, 2);
    for (size_t cut = 4; cut < len; cut++) {
        struct block_file f = open_bytes(buf, cut);
        cr_assert_eq(block_file_next(&f, &block), BLOCK_FILE_BLOCK);
        cr_expect_eq(block_file_next(&f, &block), BLOCK_FILE_TORN, "%zu", cut);
        close_file(&f);
    }
}

Test(block_file, refuses_what_is_no_list_and_promises_that_are_too_large)
{
    static const struct {
        uint8_t bytes[9];
        enum block_file_answer answer;
    } cases[] = {
        {{0x00}, BLOCK_FILE_BAD},
        {{0xbf}, BLOCK_FILE_BAD},
        {{0xfb, 0x40, 0, 0, 1}, BLOCK_FILE_BAD},  // 2^30 + 1
        {{0xfb, 0x40, 0, 0, 0}, BLOCK_FILE_TORN}, // 2^30, which isn't there
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, BLOCK_FILE_BAD},
    };
    struct bytes block;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct block_file f = open_bytes(cases[i].bytes, sizeof cases[i].bytes);
        cr_expect_eq(block_file_next(&f, &block), cases[i].answer, "case %zu", i);
        cr_expect_leq(f.capacity, 1 << 17, "memory for what is there only");
        close_file(&f);
    }
}
