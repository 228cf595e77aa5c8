#include "engine/store/tx_index.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/store/blog_group.h"

enum {
    PAGE_BYTES = 4096,
    ITEM_BYTES = 16,
    PAGE_PAYLOAD = PAGE_BYTES - CHECKSUM_BYTES,
    PAGE_ITEMS = PAGE_PAYLOAD / ITEM_BYTES,
    PAGE_BLOOMS = PAGE_PAYLOAD / sizeof(bloom),
    FILE_MODE = 0640
};

static const struct file_kind INDEX_KIND = {"GANTRIDX", 2, "look-up index"};
enum { WORD_FIRST_HEIGHT, WORD_BLOCKS, WORD_ENTRIES, WORD_BLOOMS };

struct tx_index {
    const uint8_t *map;
    size_t bytes;
    uint64_t first_height, block_count, entry_count, bloom_count;
    const uint8_t *places, *blooms, *entries;       // their pages
    const uint8_t *checked_places, *checked_blooms; // the pages that were checked last
};

static void index_path(char out[PATH_MAX], const char *dir, uint32_t segment, const char *suffix)
{
    snprintf(out, PATH_MAX, "%s/segment-%08u.idx%s", dir, segment, suffix);
}

static uint64_t pages_of(uint64_t items)
{
    return (items + PAGE_ITEMS - 1) / PAGE_ITEMS;
}

static uint64_t bloom_pages_of(uint64_t blooms)
{
    return (blooms + PAGE_BLOOMS - 1) / PAGE_BLOOMS;
}

static bool before(const struct tx_index_entry *a, const struct tx_index_entry *b)
{
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix;
    return a->block != b->block ? a->block < b->block : a->index < b->index;
}

enum { DIGIT_BITS = 12, DIGITS = 1 << DIGIT_BITS };

static size_t digit_of(const struct tx_index_entry *e, unsigned shift)
{
    return e->prefix >> shift & (DIGITS - 1);
}

// Puts the entries in the order of one digit of their prefixes, and leaves those that agree in it as they stand.
static void distribute(struct tx_index_entry *out, const struct tx_index_entry *in, size_t count, unsigned shift)
{
    size_t place[DIGITS + 1] = {0};
    for (size_t i = 0; i < count; i++)
        place[digit_of(&in[i], shift) + 1]++;
    for (size_t digit = 1; digit <= DIGITS; digit++)
        place[digit] += place[digit - 1];
    for (size_t i = 0; i < count; i++)
        out[place[digit_of(&in[i], shift)]++] = in[i];
}

// By digits from the last one on, 48 bits in all: more than who makes hashes can make agree. What is left to be done is
// nothing but putting equal prefixes in order.
static bool sort(struct tx_index_entry *entries, size_t count)
{
    struct tx_index_entry *other = malloc((count + 1) * sizeof *other);
    if (other == NULL)
        return false;
    for (unsigned shift = 64 - 4 * DIGIT_BITS; shift < 64; shift += 2 * DIGIT_BITS) {
        distribute(other, entries, count, shift);
        distribute(entries, other, count, shift + DIGIT_BITS);
    }
    free(other);
    for (size_t i = 1; i < count; i++) {
        const struct tx_index_entry entry = entries[i];
        size_t at = i;
        for (; at > 0 && before(&entry, &entries[at - 1]); at--)
            entries[at] = entries[at - 1];
        entries[at] = entry;
    }
    return true;
}

// Fills pages one after the other and writes them.
struct page_writer {
    FILE *file;
    uint8_t page[PAGE_BYTES];
    size_t used; // bytes
};

static void end_page(struct page_writer *w)
{
    if (w->used == 0)
        return;
    checksum_put(w->page + PAGE_PAYLOAD, w->page, PAGE_PAYLOAD, 0);
    fwrite(w->page, sizeof w->page, 1, w->file);
    memset(w->page, 0, sizeof w->page);
    w->used = 0;
}

// Where the next item of this size goes.
static uint8_t *page_room(struct page_writer *w, size_t size)
{
    if (w->used + size > PAGE_PAYLOAD)
        end_page(w);
    uint8_t *p = w->page + w->used;
    w->used += size;
    return p;
}

static void put_item(struct page_writer *w, uint64_t a, uint32_t b, uint32_t c)
{
    uint8_t *p = page_room(w, ITEM_BYTES);
    store_le64(p, a);
    store_le32(p + 8, b);
    store_le32(p + 12, c);
}

static void write_pages(FILE *file, const struct tx_index_input *in, const bytes32 *genesis_hash)
{
    struct page_writer w = {.file = file};
    const struct file_header header = {
        .number = in->segment,
        .genesis_hash = *genesis_hash,
        .words =
            {
                [WORD_FIRST_HEIGHT] = in->first_height,
                [WORD_BLOCKS] = in->block_count,
                [WORD_ENTRIES] = in->entry_count,
                [WORD_BLOOMS] = in->bloom_count,
            },
    };
    file_header_put(w.page, &INDEX_KIND, &header);
    fwrite(w.page, sizeof w.page, 1, file);
    memset(w.page, 0, sizeof w.page);
    for (size_t i = 0; i < in->block_count; i++)
        put_item(&w, in->places[i].offset, in->places[i].length, in->places[i].bloom);
    end_page(&w);
    for (size_t i = 0; i < in->bloom_count; i++)
        memcpy(page_room(&w, sizeof(bloom)), in->blooms[i].b, sizeof(bloom));
    end_page(&w);
    for (size_t i = 0; i < in->entry_count; i++)
        put_item(&w, in->entries[i].prefix, in->entries[i].block, in->entries[i].index);
    end_page(&w);
}

int tx_index_write(const char *dir, const bytes32 *genesis_hash, struct tx_index_input *in)
{
    char path[PATH_MAX], part[PATH_MAX];
    index_path(path, dir, in->segment, "");
    index_path(part, dir, in->segment, ".part");
    if (!sort(in->entries, in->entry_count))
        return -ENOMEM;
    const int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file == NULL) {
        const int err = -errno;
        if (fd >= 0)
            close(fd);
        return err;
    }
    write_pages(file, in, genesis_hash);
    bool ok = fflush(file) == 0 && !ferror(file) && fdatasync(fd) == 0;
    int err = ok ? 0 : -errno;
    if (fclose(file) != 0 && ok)
        err = -errno;
    if (err == 0 && rename(part, path) != 0)
        err = -errno;
    // A rename that a crash undoes costs a rebuild, no more.
    if (err < 0)
        unlink(part);
    return err;
}

static bool check_layout(struct tx_index *x, const struct file_header *h, uint32_t segment)
{
    x->first_height = h->words[WORD_FIRST_HEIGHT];
    x->block_count = h->words[WORD_BLOCKS];
    x->entry_count = h->words[WORD_ENTRIES];
    x->bloom_count = h->words[WORD_BLOOMS];
    const uint64_t items_max = x->bytes / ITEM_BYTES;
    if (h->number != segment || x->block_count == 0 || x->block_count > items_max || x->entry_count > items_max ||
        x->bloom_count > x->block_count)
        return false;
    x->places = x->map + PAGE_BYTES;
    x->blooms = x->places + pages_of(x->block_count) * PAGE_BYTES;
    x->entries = x->blooms + bloom_pages_of(x->bloom_count) * PAGE_BYTES;
    const uint64_t pages = pages_of(x->block_count) + bloom_pages_of(x->bloom_count) + pages_of(x->entry_count);
    return (1 + pages) * PAGE_BYTES == x->bytes;
}

struct tx_index *tx_index_open(const char *dir, const bytes32 *genesis_hash, uint32_t segment)
{
    char path[PATH_MAX], error[STORE_ERROR_MAX];
    struct stat st;
    struct file_header h;
    index_path(path, dir, segment, "");
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct tx_index *x = calloc(1, sizeof *x);
    void *map = MAP_FAILED;
    if (x != NULL && fstat(fd, &st) == 0 && st.st_size >= PAGE_BYTES)
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) {
        free(x);
        return NULL;
    }
    x->map = map;
    x->bytes = (size_t)st.st_size;
    if (!file_header_get(&h, bytes_of(x->map, PAGE_BYTES), &INDEX_KIND, genesis_hash, path, error) ||
        !check_layout(x, &h, segment)) {
        tx_index_close(x);
        return NULL;
    }
    // Look-ups jump; reading ahead would only fill memory.
    madvise(map, x->bytes, MADV_RANDOM);
    return x;
}

void tx_index_close(struct tx_index *x)
{
    munmap((void *)x->map, x->bytes);
    free(x);
}

int tx_index_remove(const char *dir, uint32_t segment)
{
    char path[PATH_MAX];
    index_path(path, dir, segment, "");
    return unlink(path) == 0 ? 0 : -errno;
}

uint64_t tx_index_first(const struct tx_index *x)
{
    return x->first_height;
}

uint64_t tx_index_last(const struct tx_index *x)
{
    return x->first_height + x->block_count - 1;
}

uint64_t tx_index_bytes(const struct tx_index *x)
{
    return x->bytes;
}

static bool page_is_whole(const uint8_t *page)
{
    return checksum_matches(page + PAGE_PAYLOAD, page, PAGE_PAYLOAD, 0);
}

// Item i of a run of pages; NULL when its page is damaged.
static const uint8_t *item_at(const uint8_t *pages, uint64_t i)
{
    const uint8_t *page = pages + i / PAGE_ITEMS * PAGE_BYTES;
    return page_is_whole(page) ? page + i % PAGE_ITEMS * ITEM_BYTES : NULL;
}

// First entry whose prefix is not below `prefix`, by interpolation first (hashes are evenly spread), then by halves.
// UINT64_MAX: a damaged page.
static uint64_t lower_bound(const struct tx_index *x, uint64_t prefix)
{
    uint64_t low = 0, high = x->entry_count;
    uint64_t guess = (uint64_t)((unsigned __int128)prefix * high >> 64), step = PAGE_ITEMS;
    while (low < high) {
        if (guess < low || guess >= high)
            guess = low + (high - low) / 2;
        const uint8_t *e = item_at(x->entries, guess);
        if (e == NULL)
            return UINT64_MAX;
        if (load_le64(e) < prefix) {
            low = guess + 1;
            guess = high - guess > step ? guess + step : high;
        } else {
            high = guess;
            guess = guess - low >= step ? guess - step : high;
        }
        step *= 2;
    }
    return low;
}

int tx_index_find(const struct tx_index *x, uint64_t prefix, uint64_t *cursor, struct tx_index_entry *out)
{
    // The cursor is one above the last entry given, so that 0 can mean none yet.
    const uint64_t at = *cursor != 0 ? *cursor : lower_bound(x, prefix);
    if (at >= x->entry_count)
        return at == UINT64_MAX ? -1 : 0;
    const uint8_t *e = item_at(x->entries, at);
    if (e == NULL)
        return -1;
    *out = (struct tx_index_entry){load_le64(e), load_le32(e + 8), load_le32(e + 12)};
    if (out->prefix != prefix)
        return 0;
    if (out->block >= x->block_count)
        return -1;
    *cursor = at + 1;
    return 1;
}

bool tx_index_place_of(const struct tx_index *x, uint64_t height, struct tx_index_place *out)
{
    if (height < x->first_height || height - x->first_height >= x->block_count)
        return false;
    const uint8_t *p = item_at(x->places, height - x->first_height);
    if (p == NULL)
        return false;
    *out = (struct tx_index_place){load_le64(p), load_le32(p + 8), load_le32(p + 12)};
    return true;
}

static bool check_once(const uint8_t **checked, const uint8_t *page)
{
    if (*checked != page && !page_is_whole(page))
        return false;
    *checked = page;
    return true;
}

bool tx_index_bloom_of(struct tx_index *x, uint64_t height, const bloom **out)
{
    static const bloom none;
    if (height < x->first_height || height - x->first_height >= x->block_count)
        return false;
    const uint64_t block = height - x->first_height;
    const uint8_t *page = x->places + block / PAGE_ITEMS * PAGE_BYTES;
    if (!check_once(&x->checked_places, page))
        return false;
    const uint32_t number = load_le32(page + block % PAGE_ITEMS * ITEM_BYTES + 12);
    *out = &none;
    if (number == 0)
        return true;
    page = x->blooms + (number - 1) / PAGE_BLOOMS * PAGE_BYTES;
    if (number > x->bloom_count || !check_once(&x->checked_blooms, page))
        return false;
    *out = (const bloom *)(page + (number - 1) % PAGE_BLOOMS * sizeof(bloom));
    return true;
}
